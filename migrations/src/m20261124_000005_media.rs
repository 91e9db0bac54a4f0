//! Media that are kept: what came of fetching them, what was uploaded, and the links that show an
//! upload to a provider.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, text, text_null, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One column a statement: SQLite takes no more.
        for column in columns() {
            manager.alter_table(Table::alter().table("media").add_column(column).to_owned()).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("uploads")
                    .col(uuid("id").primary_key())
                    .col(text("digest"))
                    .col(text("content_type"))
                    .col(big_integer("bytes"))
                    .col(big_integer("created_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("media_links")
                    // SHA-256 of the link's token, in hex.
                    .col(text("hash").primary_key())
                    .col(text("name"))
                    .col(text("digest"))
                    .col(text("content_type"))
                    .col(big_integer("bytes"))
                    .col(big_integer("expires_at"))
                    .to_owned(),
            )
            .await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["media_links", "uploads"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        manager.get_connection().execute_unprepared("DROP INDEX media_due").await?;
        for name in COLUMNS {
            manager.alter_table(Table::alter().table("media").drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}

const COLUMNS: [&str; 7] = ["state", "digest", "bytes", "sniffed_type", "tries", "due_at", "error"];

const INDEXES: [&str; 2] = [
    "CREATE INDEX media_due ON media (due_at) WHERE state = 'wanted'",
    "CREATE INDEX media_links_expiry ON media_links (expires_at)",
];

fn columns() -> [ColumnDef; 7] {
    [
        // linked (only its URL is known), wanted (to be fetched), stored, failed.
        text("state").default("linked").take(),
        // SHA-256 of the contents, in hex: the name of the file.
        text_null("digest").take(),
        big_integer_null("bytes").take(),
        // What the contents are by themselves; `content_type` is what was told.
        text_null("sniffed_type").take(),
        integer("tries").default(0).take(),
        big_integer_null("due_at").take(),
        text_null("error").take(),
    ]
}
