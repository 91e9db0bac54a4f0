//! Who may call the API, and which calls were made before.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, text, uuid};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("api_keys")
                    .col(uuid("id").primary_key())
                    .col(text("name"))
                    // SHA-256 of the key, in hex; the key itself is nowhere.
                    .col(text("hash").unique_key())
                    .col(big_integer("created_at"))
                    .col(big_integer_null("revoked_at"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("idempotency_keys")
                    .col(uuid("api_key_id"))
                    .col(text("key"))
                    // SHA-256 of the request body, in hex.
                    .col(text("fingerprint"))
                    .col(uuid("message_id"))
                    .col(big_integer("created_at"))
                    .primary_key(Index::create().col("api_key_id").col("key"))
                    .foreign_key(ForeignKey::create().from("idempotency_keys", "api_key_id").to("api_keys", "id"))
                    .foreign_key(ForeignKey::create().from("idempotency_keys", "message_id").to("messages", "id"))
                    .to_owned(),
            )
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["idempotency_keys", "api_keys"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}
