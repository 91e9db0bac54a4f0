//! What a person allowed, with its proof.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, integer_null, text, uuid_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("consents")
                    .col(text("channel"))
                    .col(text("address"))
                    // opted_out, opted_in (after having opted out).
                    .col(text("state"))
                    // provider (it says so), message (the person's own word).
                    .col(text("source"))
                    .col(integer_null("error_code"))
                    // The message that said so, or that could not be sent.
                    .col(uuid_null("message_id"))
                    .col(big_integer("at"))
                    .primary_key(Index::create().col("channel").col("address"))
                    .to_owned(),
            )
            .await?;
        // What waits for somebody who opts out is found without a look at all that waits.
        let index = "CREATE INDEX parts_recipient ON parts (channel, recipient) WHERE state = 'queued'";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX parts_recipient").await?;
        manager.drop_table(Table::drop().table("consents").to_owned()).await
    }
}
