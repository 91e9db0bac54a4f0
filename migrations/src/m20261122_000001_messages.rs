//! Contacts, conversations, messages and what explains them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, integer, integer_null, json, text, text_null, uuid, uuid_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("contacts")
                    .col(uuid("id").primary_key())
                    .col(text_null("name"))
                    .col(big_integer("created_at"))
                    .col(big_integer("updated_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("addresses")
                    .col(text("address").primary_key())
                    .col(uuid("contact_id"))
                    .col(big_integer("created_at"))
                    .foreign_key(ForeignKey::create().from("addresses", "contact_id").to("contacts", "id"))
                    .to_owned(),
            )
            .await?;
        manager.create_table(conversations()).await?;
        manager.create_table(messages()).await?;
        manager
            .create_table(
                Table::create()
                    .table("media")
                    .col(uuid("message_id"))
                    .col(integer("position"))
                    .col(text("url"))
                    .col(text_null("content_type"))
                    .primary_key(Index::create().col("message_id").col("position"))
                    .foreign_key(ForeignKey::create().from("media", "message_id").to("messages", "id"))
                    .to_owned(),
            )
            .await?;
        manager.create_table(traces()).await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["traces", "media", "messages", "conversations", "addresses", "contacts"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

/// Written as SQL, since most are partial indexes; both databases take this form.
const INDEXES: [&str; 6] = [
    // One open conversation per channel and address, also when two messages arrive at once.
    "CREATE UNIQUE INDEX conversations_open ON conversations (channel, address) WHERE status <> 'closed'",
    "CREATE INDEX conversations_recent ON conversations (last_message_at)",
    // The same provider id again is the same message again.
    "CREATE UNIQUE INDEX messages_provider ON messages (channel, provider_id)",
    "CREATE INDEX messages_conversation ON messages (conversation_id, id)",
    "CREATE INDEX messages_unprocessed ON messages (id) WHERE processed_at IS NULL AND direction = 'inbound'",
    "CREATE INDEX traces_message ON traces (message_id, position)",
];

fn conversations() -> TableCreateStatement {
    Table::create()
        .table("conversations")
        .col(uuid("id").primary_key())
        .col(text("channel"))
        .col(text("address"))
        .col(uuid("contact_id"))
        .col(text("status"))
        .col(text("subject"))
        .col(json("tags"))
        .col(integer("unread"))
        .col(integer("inbound_count"))
        .col(big_integer("last_message_at"))
        .col(big_integer_null("last_inbound_at"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .foreign_key(ForeignKey::create().from("conversations", "contact_id").to("contacts", "id"))
        .to_owned()
}

fn messages() -> TableCreateStatement {
    Table::create()
        .table("messages")
        .col(uuid("id").primary_key())
        .col(uuid("conversation_id"))
        .col(text("channel"))
        .col(text("direction"))
        .col(text_null("provider_id"))
        .col(text_null("sender"))
        .col(text("recipient"))
        .col(text("text"))
        .col(text("status"))
        .col(integer_null("segments"))
        .col(integer_null("error_code"))
        .col(text_null("error_message"))
        // Of an inbound message: its number in its conversation, and when the one before came.
        .col(integer_null("ordinal"))
        .col(big_integer_null("previous_inbound_at"))
        // Of a reply: which message it answers, and which plugin asked for it.
        .col(uuid_null("in_reply_to"))
        .col(text_null("plugin"))
        .col(json("extra"))
        // What the webhook was answered, for the provider that asks again.
        .col(text_null("answer"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .col(big_integer_null("processed_at"))
        .col(big_integer_null("sent_at"))
        .col(big_integer_null("delivered_at"))
        .col(big_integer_null("failed_at"))
        .col(big_integer_null("read_at"))
        .foreign_key(ForeignKey::create().from("messages", "conversation_id").to("conversations", "id"))
        .to_owned()
}

fn traces() -> TableCreateStatement {
    Table::create()
        .table("traces")
        .col(uuid("id").primary_key())
        .col(uuid("message_id"))
        .col(integer("position"))
        .col(text("plugin"))
        .col(text("version"))
        .col(text("digest"))
        .col(json("decision"))
        .col(text_null("error"))
        .col(big_integer("duration_micros"))
        .col(big_integer("created_at"))
        .foreign_key(ForeignKey::create().from("traces", "message_id").to("messages", "id"))
        .to_owned()
}
