//! What plugins decided about a message as it came in stands in its own row: it is written with the mark that
//! the message was processed, and costs no row and no statement more.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::text_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // As JSON. What was decided before this column was there stays in `traces`, as do all other askings.
        let decided = text_null("decided");
        manager.alter_table(Table::alter().table("messages").add_column(decided).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("messages").drop_column("decided").to_owned()).await
    }
}
