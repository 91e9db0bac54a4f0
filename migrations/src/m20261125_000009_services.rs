//! By which of the provider's services a message goes: its sender alone no longer tells, since that
//! is filled in once the service has chosen it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            // Null: by its sender alone; of a part that names neither, as the channel is set up.
            manager.alter_table(Table::alter().table(table).add_column(text_null("service")).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            manager.alter_table(Table::alter().table(table).drop_column("service").to_owned()).await?;
        }
        Ok(())
    }
}

const TABLES: [&str; 2] = ["messages", "parts"];
