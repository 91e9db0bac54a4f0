//! The conversation as plugins saw it when a message came in, so that a replay shows them the same; and what
//! answers a message is found.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A JSON document; of inbound messages.
        manager.alter_table(Table::alter().table("messages").add_column(text_null("seen")).to_owned()).await?;
        let index = "CREATE INDEX messages_in_reply_to ON messages (in_reply_to) WHERE in_reply_to IS NOT NULL";
        manager.get_connection().execute_unprepared(index).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX messages_in_reply_to").await?;
        manager.alter_table(Table::alter().table("messages").drop_column("seen").to_owned()).await
    }
}
