//! Several gateways on one database: which there are, and which of them processes a text.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, uuid, uuid_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("gateways")
                    .col(uuid("id").primary_key())
                    .col(big_integer("started_at"))
                    // Goes up for as long as the gateway is there. No time: clocks of several machines differ.
                    .col(big_integer("beats"))
                    .to_owned(),
            )
            .await?;
        // Of an inbound message: who processes it.
        let gateway = uuid_null("gateway");
        manager.alter_table(Table::alter().table("messages").add_column(gateway).to_owned()).await?;
        let connection = manager.get_connection();
        connection.execute_unprepared("DROP INDEX messages_unprocessed").await?;
        connection.execute_unprepared(WAITING).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        connection.execute_unprepared("DROP INDEX messages_waiting").await?;
        connection.execute_unprepared(UNPROCESSED).await?;
        manager.alter_table(Table::alter().table("messages").drop_column("gateway").to_owned()).await?;
        manager.drop_table(Table::drop().table("gateways").to_owned()).await
    }
}

/// In the order in which a conversation's messages are processed.
const WAITING: &str = "CREATE INDEX messages_waiting ON messages (conversation_id, ordinal) \
    WHERE processed_at IS NULL AND direction = 'inbound'";
const UNPROCESSED: &str =
    "CREATE INDEX messages_unprocessed ON messages (id) WHERE processed_at IS NULL AND direction = 'inbound'";
