//! When a person was erased: what is left of them is a row that others refer to. And how what goes then is found.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = big_integer_null("erased_at");
        manager.alter_table(Table::alter().table("contacts").add_column(column).to_owned()).await?;
        for statement in INDEXES {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["bulk_recipients_by_recipient", "lookups_number", "plugin_state_subject"] {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        manager.alter_table(Table::alter().table("contacts").drop_column("erased_at").to_owned()).await
    }
}

const INDEXES: [&str; 3] = [
    "CREATE INDEX plugin_state_subject ON plugin_state (subject) WHERE scope IN ('contact', 'conversation')",
    "CREATE INDEX lookups_number ON lookups (number)",
    "CREATE INDEX bulk_recipients_by_recipient ON bulk_recipients (recipient) WHERE state = 'waiting'",
];
