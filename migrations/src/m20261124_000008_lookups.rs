//! What providers told about numbers.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, json, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("lookups")
                    .col(text("channel"))
                    // E.164
                    .col(text("number"))
                    .col(json("answer"))
                    .col(big_integer("looked_up_at"))
                    .primary_key(Index::create().col("channel").col("number"))
                    .to_owned(),
            )
            .await?;
        // Old answers are thrown away by their age.
        let index = Index::create().name("lookups_looked_up_at").table("lookups").col("looked_up_at").to_owned();
        manager.create_index(index).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("lookups").to_owned()).await
    }
}
