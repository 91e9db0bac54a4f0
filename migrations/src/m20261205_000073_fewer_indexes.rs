//! Two indexes of what waits go: each part was put into both and taken out again. What is due is found by its line, and
//! what waits for somebody by their conversations.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["parts_recipient", "parts_due"] {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX IF EXISTS {index}")).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }
}

const INDEXES: [&str; 2] = [
    "CREATE INDEX parts_recipient ON parts (channel, recipient) WHERE state = 'queued'",
    "CREATE INDEX parts_due ON parts (due_at, id) WHERE state = 'queued'",
];
