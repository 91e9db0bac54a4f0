//! When a conversation was closed, so that it may be opened again, and what is quiet be closed.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Null while it is open, and of those that were closed before this column was there.
        let column = big_integer_null("closed_at");
        manager.alter_table(Table::alter().table("conversations").add_column(column).to_owned()).await?;
        for statement in STATEMENTS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["conversations_quiet", "conversations_closed"] {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        manager.alter_table(Table::alter().table("conversations").drop_column("closed_at").to_owned()).await
    }
}

const STATEMENTS: [&str; 2] = [
    "CREATE INDEX conversations_closed ON conversations (channel, address, closed_at) WHERE closed_at IS NOT NULL",
    "CREATE INDEX conversations_quiet ON conversations (last_message_at) WHERE status <> 'closed'",
];
