//! Whose turn it is: how many open conversations somebody looks after, and which is the newest of all of theirs.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for statement in STATEMENTS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["conversations_assigned", "conversations_assigned_open"] {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        Ok(())
    }
}

const STATEMENTS: [&str; 2] = [
    "CREATE INDEX conversations_assigned ON conversations (assignee, id) WHERE assignee IS NOT NULL",
    "CREATE INDEX conversations_assigned_open ON conversations (assignee) \
     WHERE assignee IS NOT NULL AND status <> 'closed'",
];
