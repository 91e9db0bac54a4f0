//! What plugins remember, the timers they set, the reports they are still to hear of, and what is kept
//! of their decisions.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{
    big_integer, big_integer_null, integer, integer_null, json_null, text, text_null, uuid, uuid_null,
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One column a statement: SQLite takes no more.
        for (table, column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        manager.create_table(plugin_state()).await?;
        manager.create_table(timers()).await?;
        manager.create_table(reports()).await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX messages_caused_by").await?;
        for table in ["reports", "timers", "plugin_state"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for (table, column) in columns().into_iter().rev() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table(table).drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: [&str; 8] = [
    // One value for each key at a time, also when two processes set it at once.
    "CREATE UNIQUE INDEX plugin_state_current ON plugin_state (plugin, scope, subject, key) WHERE replaced_at IS NULL",
    "CREATE INDEX plugin_state_history ON plugin_state (plugin, scope, subject, key, version)",
    "CREATE INDEX plugin_state_replaced ON plugin_state (replaced_at) WHERE replaced_at IS NOT NULL",
    "CREATE INDEX plugin_state_expiry ON plugin_state (expires_at) WHERE expires_at IS NOT NULL",
    "CREATE UNIQUE INDEX timers_name ON timers (conversation_id, plugin, name)",
    "CREATE INDEX timers_due ON timers (due_at)",
    "CREATE INDEX reports_conversation ON reports (conversation_id, id)",
    // What a message led to is counted before it leads to more.
    "CREATE INDEX messages_caused_by ON messages (caused_by) WHERE caused_by IS NOT NULL",
];

fn columns() -> [(&'static str, ColumnDef); 9] {
    [
        // What is noted about a person, by name.
        ("contacts", json_null("attributes")),
        ("conversations", text_null("assignee")),
        // Where the randomness of the plugins' decision about it began: 64 bits, as they are.
        ("messages", big_integer_null("seed")),
        // Why a plugin said that an inbound message is of no interest.
        ("messages", text_null("discarded")),
        // The plugin that refused an outbound message.
        ("messages", text_null("rejected_by")),
        // The message whose processing led to this one.
        ("messages", uuid_null("caused_by")),
        // How many reports in a row led to it, each of the message before.
        ("messages", integer_null("hops")),
        // inbound, outbound, status, timer.
        ("traces", text("hook").default("inbound").take()),
        ("traces", big_integer_null("seed")),
    ]
}

/// Each row is one version of a value: from when it was written until another took its place.
fn plugin_state() -> TableCreateStatement {
    Table::create()
        .table("plugin_state")
        .col(uuid("version").primary_key())
        .col(text("plugin"))
        // conversation, contact, global.
        .col(text("scope"))
        // The conversation or the contact; nil for global.
        .col(uuid("subject"))
        .col(text("key"))
        .col(integer("bytes"))
        .col(big_integer_null("expires_at"))
        .col(big_integer("written_at"))
        // The message that it was decided about.
        .col(uuid("message_id"))
        .col(big_integer_null("replaced_at"))
        // The version that took its place; also an id of its own where it was only deleted.
        .col(uuid_null("replaced_by"))
        .col(text("value"))
        .to_owned()
}

fn timers() -> TableCreateStatement {
    Table::create()
        .table("timers")
        .col(uuid("id").primary_key())
        .col(uuid("conversation_id"))
        .col(text("plugin"))
        .col(text("name"))
        .col(text("payload"))
        .col(big_integer("started_at"))
        .col(big_integer("due_at"))
        // The message that it was started for.
        .col(uuid("message_id"))
        .col(big_integer_null("lease_until"))
        // How many reports and short timers in a row led to it.
        .col(integer("hops"))
        .foreign_key(ForeignKey::create().from("timers", "conversation_id").to("conversations", "id"))
        .foreign_key(ForeignKey::create().from("timers", "message_id").to("messages", "id"))
        .to_owned()
}

fn reports() -> TableCreateStatement {
    Table::create()
        .table("reports")
        .col(uuid("id").primary_key())
        .col(uuid("conversation_id"))
        .col(uuid("message_id"))
        .col(text("status"))
        .col(integer_null("error_code"))
        .col(text_null("error_message"))
        .col(big_integer("created_at"))
        .col(big_integer_null("lease_until"))
        .foreign_key(ForeignKey::create().from("reports", "message_id").to("messages", "id"))
        .to_owned()
}
