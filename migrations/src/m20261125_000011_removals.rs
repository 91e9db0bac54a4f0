//! What providers are to forget because an application removed it here.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, text, text_null, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // When its text was removed: what the provider turns out to have of it later is to go, too.
        let redacted_at = Table::alter().table("messages").add_column(big_integer_null("redacted_at")).to_owned();
        manager.alter_table(redacted_at).await?;
        manager
            .create_table(
                Table::create()
                    .table("removals")
                    .col(text("channel"))
                    .col(text("provider_id"))
                    .col(uuid("message_id"))
                    // text, message.
                    .col(text("removal"))
                    .col(big_integer("asked_at"))
                    // While a worker asks the provider, when the next one may. Null: there is nothing left to do.
                    .col(big_integer_null("due_at"))
                    .col(integer("tries"))
                    // What the last try came to, if it came to nothing good.
                    .col(text_null("problem"))
                    // When the provider had forgotten it.
                    .col(big_integer_null("removed_at"))
                    .primary_key(Index::create().col("channel").col("provider_id"))
                    .foreign_key(ForeignKey::create().from("removals", "message_id").to("messages", "id"))
                    .to_owned(),
            )
            .await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("removals").to_owned()).await?;
        manager.alter_table(Table::alter().table("messages").drop_column("redacted_at").to_owned()).await
    }
}

const INDEXES: [&str; 2] = [
    "CREATE INDEX removals_due ON removals (due_at) WHERE due_at IS NOT NULL",
    "CREATE INDEX removals_message ON removals (message_id)",
];
