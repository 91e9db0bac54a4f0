//! For explaining a message: what the check before it was stored said, each look at the provider's list for a
//! part that may be there, and how often and when the same webhook came again.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, integer_null, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            // JSON documents.
            ("messages", text_null("gate")),
            ("parts", text_null("looks")),
            // Of inbound messages.
            ("messages", integer_null("repeats")),
            ("messages", big_integer_null("repeated_at")),
            ("observations", big_integer_null("repeated_at")),
        ];
        for (table, column) in columns {
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            ("observations", "repeated_at"),
            ("messages", "repeated_at"),
            ("messages", "repeats"),
            ("parts", "looks"),
            ("messages", "gate"),
        ];
        for (table, column) in columns {
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
