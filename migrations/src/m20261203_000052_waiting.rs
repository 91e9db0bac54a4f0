//! For how long parts wait though they are due, which is no trying, and until when they are worth sending at all.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut waited = big_integer("waited_ms");
        waited.default(0);
        for column in [waited.clone(), big_integer_null("due_before"), big_integer_null("expires_at")] {
            manager.alter_table(Table::alter().table("parts").add_column(column).to_owned()).await?;
        }
        manager.alter_table(Table::alter().table("attempts").add_column(waited).to_owned()).await?;
        let index =
            "CREATE INDEX parts_expiring ON parts (expires_at) WHERE state = 'queued' AND expires_at IS NOT NULL";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX parts_expiring").await?;
        manager.alter_table(Table::alter().table("attempts").drop_column("waited_ms").to_owned()).await?;
        for column in ["waited_ms", "due_before", "expires_at"] {
            manager.alter_table(Table::alter().table("parts").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
