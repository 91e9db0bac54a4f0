//! The newest messages of a channel, and the timers of a message, found without looking at those of others: however
//! many there are of either.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        connection.execute_unprepared("CREATE INDEX messages_channel ON messages (channel, id)").await?;
        connection.execute_unprepared("CREATE INDEX timers_message ON timers (message_id)").await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        connection.execute_unprepared("DROP INDEX timers_message").await?;
        connection.execute_unprepared("DROP INDEX messages_channel").await?;
        Ok(())
    }
}
