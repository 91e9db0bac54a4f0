//! How each consent came about; which parts confirm an opting out, and which are not to leave at night.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, integer_null, text, text_null, uuid, uuid_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("consent_events")
                    // Of what brought it: a message, a report, a try, or a call of its own.
                    .col(uuid("id"))
                    .col(text("channel"))
                    .col(text("address"))
                    // opted_out, opted_in.
                    .col(text("choice"))
                    // provider, message, import, api, console.
                    .col(text("source"))
                    // What the person wrote.
                    .col(text_null("words"))
                    // What an application, or somebody at the console, has to show for it.
                    .col(text_null("proof"))
                    .col(text_null("note"))
                    // Who said so for the person.
                    .col(text_null("actor"))
                    .col(uuid_null("message_id"))
                    .col(integer_null("error_code"))
                    // When it was said, and when it came to be known here.
                    .col(big_integer("at"))
                    .col(big_integer("recorded_at"))
                    .primary_key(Index::create().col("id").col("channel").col("address"))
                    .to_owned(),
            )
            .await?;
        let mut column = ColumnDef::new("confirms");
        column.boolean().not_null().default(false);
        manager.alter_table(Table::alter().table("parts").add_column(column).to_owned()).await?;
        // From when on it may not leave, by which clock.
        for column in [big_integer_null("quiet_at"), text_null("time_zone")] {
            manager.alter_table(Table::alter().table("parts").add_column(column).to_owned()).await?;
        }
        for statement in STATEMENTS {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["parts_quiet", "conversations_contact", "addresses_contact", "consents_at", "consents_address"] {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        for column in ["time_zone", "quiet_at", "confirms"] {
            manager.alter_table(Table::alter().table("parts").drop_column(column).to_owned()).await?;
        }
        manager.drop_table(Table::drop().table("consent_events").to_owned()).await
    }
}

const STATEMENTS: [&str; 7] = [
    "CREATE INDEX parts_quiet ON parts (quiet_at) WHERE state = 'queued' AND quiet_at IS NOT NULL",
    "CREATE INDEX consent_events_address ON consent_events (address, recorded_at)",
    "CREATE INDEX consents_address ON consents (address)",
    "CREATE INDEX consents_at ON consents (at, channel, address)",
    // A person's addresses, and their conversations.
    "CREATE INDEX addresses_contact ON addresses (contact_id)",
    "CREATE INDEX conversations_contact ON conversations (contact_id)",
    // What is known of consents that are older than this table: how the last of each came about.
    "INSERT INTO consent_events (id, channel, address, choice, source, message_id, error_code, at, recorded_at) \
     SELECT message_id, channel, address, state, source, message_id, error_code, at, at FROM consents \
     WHERE message_id IS NOT NULL",
];
