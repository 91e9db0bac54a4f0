//! How many transactions a gateway began, as of the last one that was committed: whoever lost Postgres' answer to a
//! COMMIT finds out whether it was done.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = big_integer_null("commits");
        manager.alter_table(Table::alter().table("gateways").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("gateways").drop_column("commits").to_owned()).await
    }
}
