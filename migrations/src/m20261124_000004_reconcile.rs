//! When to ask the provider what became of a part, and how far its list of what came in was read.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One by one: SQLite adds one column at a time. Parts that were unknown before this step are
        // never asked about, since sending a text again after weeks would help nobody.
        for column in [
            // Null: never.
            big_integer_null("check_at"),
            // When the newest try ended that came to nothing known.
            big_integer_null("unknown_at"),
        ] {
            manager.alter_table(Table::alter().table("parts").add_column(column).to_owned()).await?;
        }
        let mut checks = ColumnDef::new("checks");
        checks.integer().not_null().default(0);
        manager.alter_table(Table::alter().table("parts").add_column(checks).to_owned()).await?;
        manager
            .create_table(
                Table::create()
                    .table("pulls")
                    .col(text("channel").primary_key())
                    // What came in before was never ours to take up.
                    .col(big_integer("began_at"))
                    .col(big_integer("reached_at"))
                    .to_owned(),
            )
            .await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["parts_check", "parts_uncertain"] {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        manager.drop_table(Table::drop().table("pulls").to_owned()).await?;
        for column in ["checks", "unknown_at", "check_at"] {
            manager.alter_table(Table::alter().table("parts").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: [&str; 2] = [
    "CREATE INDEX parts_check ON parts (check_at) WHERE check_at IS NOT NULL",
    // Who else may be the sender of a message that the provider lists.
    "CREATE INDEX parts_uncertain ON parts (recipient) WHERE state IN ('sending', 'unknown')",
];
