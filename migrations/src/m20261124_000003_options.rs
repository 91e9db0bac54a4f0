//! When a message is to leave, and how its sender wants it sent.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, json_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let add = |table: &'static str, column: ColumnDef| Table::alter().table(table).add_column(column).to_owned();
        manager.alter_table(add("messages", big_integer_null("send_at"))).await?;
        // The time that the provider is told, where it keeps the part until then.
        manager.alter_table(add("parts", big_integer_null("send_at"))).await?;
        manager.alter_table(add("parts", json_null("options"))).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in [("parts", "options"), ("parts", "send_at"), ("messages", "send_at")] {
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
