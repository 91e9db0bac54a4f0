//! Since when a gateway is not at work any more. Its row stays for a while: it may be there all the same, and want to know
//! what became of its last transaction.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = big_integer_null("gone_at");
        manager.alter_table(Table::alter().table("gateways").add_column(column).to_owned()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("gateways").drop_column("gone_at").to_owned()).await
    }
}
