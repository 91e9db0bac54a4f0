//! People who turned out to be others.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::uuid_null;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Whom this one's id stands for.
        let column = uuid_null("merged_into");
        manager.alter_table(Table::alter().table("contacts").add_column(column).to_owned()).await?;
        for statement in STATEMENTS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["plugin_state_contact", "contacts_merged"] {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        manager.alter_table(Table::alter().table("contacts").drop_column("merged_into").to_owned()).await
    }
}

const STATEMENTS: [&str; 2] = [
    "CREATE INDEX contacts_merged ON contacts (merged_into) WHERE merged_into IS NOT NULL",
    // What plugins remember of a person, whichever plugin it is.
    "CREATE INDEX plugin_state_contact ON plugin_state (subject) WHERE scope = 'contact'",
];
