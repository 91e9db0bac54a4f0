//! Closed conversations have an index of their own by when something happened last, as open ones have: a text moves its
//! conversation in one index then, where it moved it in two.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in [ENDED, "DROP INDEX IF EXISTS conversations_recent"] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in [RECENT, "DROP INDEX conversations_ended"] {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }
}

const ENDED: &str = "CREATE INDEX conversations_ended ON conversations (last_message_at) WHERE status = 'closed'";
const RECENT: &str = "CREATE INDEX conversations_recent ON conversations (last_message_at)";
