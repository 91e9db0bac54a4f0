//! The conversation as plugins saw it when a message came in, so that a replay shows them the same.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A JSON document; of inbound messages.
        manager.alter_table(Table::alter().table("messages").add_column(text_null("seen")).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("messages").drop_column("seen").to_owned()).await
    }
}
