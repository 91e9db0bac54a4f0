//! The plugins that are asked together about a message have one row together.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // A JSON list of what the plugins after the first one decided. Without it, the row is one plugin's.
        let further = text_null("further");
        manager.alter_table(Table::alter().table("traces").add_column(further).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("traces").drop_column("further").to_owned()).await
    }
}
