//! What a key may be used for and until when, and the record of who changed what by hand.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer_null, json_null, text, text_null, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Null: all there are, as of a key that an older gateway made.
        add(manager, json_null("scopes")).await?;
        add(manager, big_integer_null("expires_at")).await?;
        // To the minute.
        add(manager, big_integer_null("last_used_at")).await?;
        // Requests a second; null: as many as it likes.
        add(manager, integer_null("per_second")).await?;
        manager
            .create_table(
                Table::create()
                    .table("audit")
                    .col(uuid("id").primary_key())
                    .col(big_integer("at"))
                    // `key`, `user` or `command`.
                    .col(text("actor"))
                    // The key's or the user's id; of a command, the account on the machine.
                    .col(text_null("actor_id"))
                    .col(text("action"))
                    .col(text("subject"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("audit").to_owned()).await?;
        for column in ["per_second", "last_used_at", "expires_at", "scopes"] {
            manager.alter_table(Table::alter().table("api_keys").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

async fn add(manager: &SchemaManager<'_>, column: ColumnDef) -> Result<(), DbErr> {
    manager.alter_table(Table::alter().table("api_keys").add_column(column).to_owned()).await
}
