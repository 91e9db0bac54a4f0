//! Which parts leave first, which were given up, and which channels were paused by hand.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, text, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut priority = ColumnDef::new("priority");
        // 0 high, 1 normal, 2 bulk. What is older, or stored by an older gateway, is like most.
        priority.integer().not_null().default(1);
        for column in [priority, big_integer_null("given_up_at")] {
            manager.alter_table(Table::alter().table("parts").add_column(column).to_owned()).await?;
        }
        manager
            .create_table(
                Table::create()
                    .table("pauses")
                    .col(text("channel").primary_key())
                    .col(big_integer("since"))
                    .col(text_null("reason"))
                    .to_owned(),
            )
            .await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for index in ["parts_lines", "parts_leases", "parts_given_up"] {
            manager.get_connection().execute_unprepared(&format!("DROP INDEX {index}")).await?;
        }
        manager.drop_table(Table::drop().table("pauses").to_owned()).await?;
        for column in ["given_up_at", "priority"] {
            manager.alter_table(Table::alter().table("parts").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: [&str; 3] = [
    // What waits, by sender and priority; so that the next of each is found without looking at the others.
    "CREATE INDEX parts_lines ON parts (channel, (COALESCE(sender, service, '')), priority, due_at, id) \
     WHERE state = 'queued'",
    // Leases that end unheard.
    "CREATE INDEX parts_leases ON parts (lease_until) WHERE state = 'sending'",
    "CREATE INDEX parts_given_up ON parts (message_id) WHERE given_up_at IS NOT NULL",
];
