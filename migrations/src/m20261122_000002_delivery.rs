//! What goes out: parts, the tries to send them, and what the provider reported.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, integer, integer_null, json, text, text_null, uuid, uuid_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(parts()).await?;
        manager
            .create_table(
                Table::create()
                    .table("attempts")
                    .col(uuid("id").primary_key())
                    .col(uuid("part_id"))
                    .col(integer("number"))
                    .col(big_integer("started_at"))
                    .col(big_integer_null("finished_at"))
                    .col(text_null("outcome"))
                    .col(integer_null("error_code"))
                    .col(text_null("error_message"))
                    .foreign_key(ForeignKey::create().from("attempts", "part_id").to("parts", "id"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("observations")
                    .col(uuid("id").primary_key())
                    .col(text("channel"))
                    .col(text("provider_id"))
                    // Null when the report is of a message we did not send.
                    .col(uuid_null("part_id"))
                    .col(text("status"))
                    .col(integer_null("error_code"))
                    .col(text_null("error_message"))
                    // True when two reports that are both final disagree.
                    .col(ColumnDef::new("conflict").boolean().not_null())
                    .col(json("raw"))
                    .col(big_integer("received_at"))
                    .to_owned(),
            )
            .await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["observations", "attempts", "parts"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: [&str; 6] = [
    "CREATE UNIQUE INDEX parts_message ON parts (message_id, position)",
    "CREATE INDEX parts_provider ON parts (channel, provider_id)",
    "CREATE INDEX parts_due ON parts (due_at, id) WHERE state = 'queued'",
    "CREATE INDEX parts_order ON parts (conversation_id, id) WHERE state IN ('queued', 'sending')",
    "CREATE INDEX attempts_part ON attempts (part_id, number)",
    "CREATE INDEX observations_part ON observations (part_id)",
];

fn parts() -> TableCreateStatement {
    Table::create()
        .table("parts")
        .col(uuid("id").primary_key())
        .col(uuid("message_id"))
        .col(uuid("conversation_id"))
        .col(text("channel"))
        .col(integer("position"))
        .col(text_null("sender"))
        .col(text("recipient"))
        .col(text("text"))
        .col(json("media"))
        // queued, sending (leased to a worker), unknown, settled.
        .col(text("state"))
        .col(text("status"))
        .col(text_null("provider_id"))
        .col(integer_null("segments"))
        .col(integer_null("error_code"))
        .col(text_null("error_message"))
        .col(integer("attempts"))
        .col(big_integer("due_at"))
        .col(big_integer_null("lease_until"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .foreign_key(ForeignKey::create().from("parts", "message_id").to("messages", "id"))
        .to_owned()
}
