//! Files that somebody let go of, until it is known whether anybody else has them; and when an upload was last used.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, integer_null, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("dropped_files")
                    // SHA-256 of the contents, in hex: the name of the file.
                    .col(text("digest").primary_key())
                    // Whoever kept the file since then wants it.
                    .col(big_integer("unused_since"))
                    // How often somebody let go of it.
                    .col(integer("times"))
                    .to_owned(),
            )
            .await?;
        // Both null where a gateway of before made the upload: how often it was used is not known then.
        for column in [big_integer_null("used_at").take(), integer_null("times_used").take()] {
            manager.alter_table(Table::alter().table("uploads").add_column(column).to_owned()).await?;
        }
        manager.get_connection().execute_unprepared(INDEX).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX uploads_unused").await?;
        for column in ["times_used", "used_at"] {
            manager.alter_table(Table::alter().table("uploads").drop_column(column).to_owned()).await?;
        }
        manager.drop_table(Table::drop().table("dropped_files").to_owned()).await
    }
}

const INDEX: &str = "CREATE INDEX uploads_unused ON uploads (COALESCE(used_at, created_at))";
