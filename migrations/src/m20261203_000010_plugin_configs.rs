//! Configurations of plugins that people changed while the gateway runs.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, integer, json_null, text, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("plugin_configs")
                    .col(text("plugin").primary_key())
                    // One more at each change. The row stays, so that no number is ever used twice.
                    .col(integer("version"))
                    // Null: that of the settings is meant again.
                    .col(json_null("config"))
                    .col(big_integer("changed_at"))
                    // Who changed it, as the audit has it.
                    .col(text("actor"))
                    .col(text_null("actor_id"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("plugin_configs").to_owned()).await
    }
}
