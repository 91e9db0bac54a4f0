//! Files that somebody let go of, until it is known whether anybody else has them; and when an upload was last used.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, text};

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
        // Null where a gateway of before made the upload, or nobody used it yet.
        let used_at = big_integer_null("used_at").take();
        manager.alter_table(Table::alter().table("uploads").add_column(used_at).to_owned()).await?;
        manager.get_connection().execute_unprepared(INDEX).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX uploads_unused").await?;
        manager.alter_table(Table::alter().table("uploads").drop_column("used_at").to_owned()).await?;
        manager.drop_table(Table::drop().table("dropped_files").to_owned()).await
    }
}

const INDEX: &str = "CREATE INDEX uploads_unused ON uploads (COALESCE(used_at, created_at))";
