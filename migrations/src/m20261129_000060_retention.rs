//! How far what is old was given up, and finding it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{text, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("retention")
                    // texts, media, traces, …
                    .col(text("aged").primary_key())
                    // The last id that was looked at; ids are in the order in which they were made.
                    .col(uuid("reached"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                // Messages that were old, but not done, when their turn came.
                Table::create().table("retention_held").col(uuid("message_id").primary_key()).to_owned(),
            )
            .await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["callbacks_done", "events_done", "media_links_digest", "uploads_digest", "media_digest"] {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        for table in ["retention_held", "retention"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: [&str; 5] = [
    // Whether anything else is the same file.
    "CREATE INDEX media_digest ON media (digest) WHERE digest IS NOT NULL",
    "CREATE INDEX uploads_digest ON uploads (digest)",
    "CREATE INDEX media_links_digest ON media_links (digest)",
    "CREATE INDEX events_done ON events (id) WHERE state IN ('delivered', 'given-up')",
    "CREATE INDEX callbacks_done ON callbacks (message_id, position) WHERE state IN ('done', 'given-up')",
];
