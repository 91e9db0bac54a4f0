//! Which parts go by whatever is their channel's own sender.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = ColumnDef::new("own_sender");
        // Of older parts nobody knows whether somebody named the sender: they keep it.
        column.boolean().not_null().default(false);
        manager.alter_table(Table::alter().table("parts").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("parts").drop_column("own_sender").to_owned()).await
    }
}
