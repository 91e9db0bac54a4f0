//! Recipients of bulk sends for whom nothing can be decided: how often that was tried, since when, and when again.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer_null, integer};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut tries = integer("tries");
        tries.default(0);
        for column in [tries, big_integer_null("failed_since"), big_integer_null("retry_at")] {
            manager.alter_table(Table::alter().table("bulk_recipients").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["tries", "failed_since", "retry_at"] {
            manager.alter_table(Table::alter().table("bulk_recipients").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
