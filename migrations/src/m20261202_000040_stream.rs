//! What happened, kept for a while for whoever listens to it.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, text, uuid};
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // On Postgres several gateways write at once, and what was begun later may be there earlier: the number of
        // the transaction tells up to where there is nothing more to come.
        let mut xid = big_integer("xid");
        match manager.get_database_backend() {
            DbBackend::Postgres => xid.default(Expr::cust("pg_current_xact_id()::text::bigint")),
            _ => xid.default(0),
        };
        manager
            .create_table(
                Table::create()
                    .table("stream")
                    .col(uuid("id").primary_key())
                    .col(xid)
                    // message.received, …
                    .col(text("kind"))
                    // All zeros where it is about none.
                    .col(uuid("conversation_id"))
                    .col(uuid("message_id"))
                    // JSON, as it is told.
                    .col(text("body"))
                    .to_owned(),
            )
            .await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("stream").to_owned()).await
    }
}

const INDEXES: [&str; 2] =
    ["CREATE INDEX stream_order ON stream (xid, id)", "CREATE INDEX stream_message ON stream (message_id)"];
