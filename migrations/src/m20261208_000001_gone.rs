//! Since when a gateway is not at work any more, and how far it had counted then. Its row stays for a while: it may be there
//! all the same, and count on, and want to know what became of its last transaction.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer_null;

const COLUMNS: [&str; 2] = ["gone_at", "gone_beats"];

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            let column = big_integer_null(column);
            manager.alter_table(Table::alter().table("gateways").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            manager.alter_table(Table::alter().table("gateways").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
