//! What applications are to be told at their endpoints, and what is known of these.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer, integer_null, text, text_null, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(endpoints()).await?;
        manager.create_table(events()).await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["events", "endpoints"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: [&str; 4] = [
    "CREATE INDEX events_open ON events (endpoint, conversation_id, id) WHERE state IN ('waiting', 'sending')",
    "CREATE INDEX events_due ON events (endpoint, due_at) WHERE state IN ('waiting', 'sending')",
    "CREATE INDEX events_endpoint ON events (endpoint, id)",
    "CREATE INDEX events_message ON events (message_id)",
];

/// The settings say which there are; here is what happened to them.
fn endpoints() -> TableCreateStatement {
    Table::create()
        .table("endpoints")
        .col(text("name").primary_key())
        // SHA-256 of its URL, in hex: what is known below is known of this one.
        .col(text("url_digest"))
        // When it said that it is gone for good.
        .col(big_integer_null("gone_at"))
        .col(big_integer_null("last_success_at"))
        .col(big_integer_null("last_failure_at"))
        .col(text_null("last_failure"))
        .to_owned()
}

fn events() -> TableCreateStatement {
    Table::create()
        .table("events")
        .col(uuid("id").primary_key())
        .col(text("endpoint"))
        // message.forwarded, …
        .col(text("kind"))
        .col(uuid("conversation_id"))
        .col(uuid("message_id"))
        // Who asked for it.
        .col(text_null("plugin"))
        // JSON, to the byte as it is signed.
        .col(text("body"))
        // waiting, sending, delivered, given-up.
        .col(text("state"))
        .col(big_integer("created_at"))
        .col(big_integer("due_at"))
        .col(integer("tries"))
        .col(big_integer_null("lease_until"))
        // What the last try was answered: an HTTP status.
        .col(integer_null("answer"))
        // What the last try came to, if it came to nothing good.
        .col(text_null("problem"))
        .col(big_integer_null("finished_at"))
        .foreign_key(ForeignKey::create().from("events", "message_id").to("messages", "id"))
        .to_owned()
}
