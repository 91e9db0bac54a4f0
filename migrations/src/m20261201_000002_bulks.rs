//! Bulk sends, whom each is to reach, and the parts that are of one.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, integer, json, json_null, text, text_null, uuid, uuid_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(bulks()).await?;
        manager.create_table(bulk_recipients()).await?;
        let column = uuid_null("bulk_id");
        manager.alter_table(Table::alter().table("parts").add_column(column).to_owned()).await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX parts_bulk").await?;
        manager.alter_table(Table::alter().table("parts").drop_column("bulk_id").to_owned()).await?;
        for table in ["bulk_recipients", "bulks"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: [&str; 4] = [
    "CREATE INDEX bulks_due ON bulks (due_at) WHERE due_at IS NOT NULL",
    "CREATE UNIQUE INDEX bulks_call ON bulks (api_key_id, call_key) WHERE call_key IS NOT NULL",
    "CREATE INDEX bulk_recipients_waiting ON bulk_recipients (bulk_id, position) WHERE state = 'waiting'",
    // Nothing of it is to be written for what is of no bulk send.
    "CREATE INDEX parts_bulk ON parts (bulk_id, state, due_at) \
     WHERE bulk_id IS NOT NULL AND state IN ('queued', 'sending')",
];

fn bulks() -> TableCreateStatement {
    Table::create()
        .table("bulks")
        .col(uuid("id").primary_key().take())
        .col(text_null("name"))
        // running, paused, canceled, done.
        .col(text("state"))
        // What all of its messages share.
        .col(json("content"))
        .col(integer("total"))
        .col(big_integer_null("send_at"))
        // When somebody is to look after it; null once nothing is left to do. Whoever does moves it ahead.
        .col(big_integer_null("due_at"))
        // Who made it by which call, so that the same call again makes no other.
        .col(uuid_null("api_key_id"))
        .col(text_null("call_key"))
        .col(text_null("fingerprint"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .col(big_integer_null("finished_at"))
        .take()
}

fn bulk_recipients() -> TableCreateStatement {
    Table::create()
        .table("bulk_recipients")
        .col(uuid("bulk_id"))
        // From 0, as in the call.
        .col(integer("position"))
        .col(text("recipient"))
        .col(text_null("locale"))
        // Until the message is made.
        .col(json_null("variables"))
        // waiting, submitted, refused, duplicate, canceled.
        .col(text("state"))
        .col(uuid_null("message_id"))
        .col(text_null("code"))
        .col(text_null("problem"))
        .primary_key(Index::create().col("bulk_id").col("position"))
        .foreign_key(ForeignKey::create().from("bulk_recipients", "bulk_id").to("bulks", "id"))
        .take()
}
