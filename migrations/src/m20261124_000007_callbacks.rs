//! Where an application is told what becomes of its message, and what it is still to be told.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, integer, integer_null, text, text_null, uuid, uuid_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            text_null("callback_url"),
            // Whose token signs the callbacks, and the account they name.
            uuid_null("callback_key_id"),
            text_null("callback_account"),
            // When an application deleted it; the row stays, so that a repeat is known as one.
            big_integer_null("deleted_at"),
        ] {
            manager.alter_table(Table::alter().table("messages").add_column(column).to_owned()).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("callbacks")
                    .col(uuid("message_id"))
                    // Callbacks of one message are made one after the other.
                    .col(integer("position"))
                    .col(text("status"))
                    .col(integer_null("error_code"))
                    // due, sending (leased to a worker), done, given-up.
                    .col(text("state"))
                    .col(big_integer("due_at"))
                    .col(integer("tries"))
                    .col(big_integer_null("lease_until"))
                    // What the last try came to, if it came to nothing good.
                    .col(text_null("problem"))
                    .col(big_integer("created_at"))
                    .col(big_integer_null("finished_at"))
                    .primary_key(Index::create().col("message_id").col("position"))
                    .foreign_key(ForeignKey::create().from("callbacks", "message_id").to("messages", "id"))
                    .to_owned(),
            )
            .await?;
        let open = "CREATE INDEX callbacks_open ON callbacks (due_at) WHERE state IN ('due', 'sending')";
        manager.get_connection().execute_unprepared(open).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("callbacks").to_owned()).await?;
        for column in ["deleted_at", "callback_account", "callback_key_id", "callback_url"] {
            manager.alter_table(Table::alter().table("messages").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
