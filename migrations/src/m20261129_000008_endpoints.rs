//! Events that are about no message, and endpoints that failed for too long.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::big_integer_null;
use sea_orm_migration::sea_orm::DbBackend;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Since when no try succeeded, and when it was therefore told no more.
        for column in ["failing_since", "disabled_at"] {
            let column = big_integer_null(column);
            manager.alter_table(Table::alter().table("endpoints").add_column(column).to_owned()).await?;
        }
        // The id of no message is all zeros: an older gateway tells such an event like any other.
        let backend = manager.get_database_backend();
        let statements: Vec<String> = match backend {
            DbBackend::Sqlite => rebuild(""),
            _ => vec!["ALTER TABLE events DROP CONSTRAINT IF EXISTS events_message_id_fkey".to_owned()],
        };
        run(manager, &statements).await?;
        run(manager, &[ENDED.to_owned()]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        let mut statements = vec![
            "DROP INDEX events_ended".to_owned(),
            "DELETE FROM events WHERE message_id NOT IN (SELECT id FROM messages)".to_owned(),
        ];
        match backend {
            DbBackend::Sqlite => statements.extend(rebuild(" REFERENCES messages (id)")),
            _ => statements.push(
                "ALTER TABLE events ADD CONSTRAINT events_message_id_fkey FOREIGN KEY (message_id) REFERENCES messages (id)"
                    .to_owned(),
            ),
        }
        run(manager, &statements).await?;
        for column in ["disabled_at", "failing_since"] {
            manager.alter_table(Table::alter().table("endpoints").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

/// What was given up of an endpoint, newest first.
const ENDED: &str = "CREATE INDEX events_ended ON events (endpoint, id) WHERE state = 'given-up'";

async fn run(manager: &SchemaManager<'_>, statements: &[String]) -> Result<(), DbErr> {
    for statement in statements {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}

/// SQLite takes away a reference only with the table.
fn rebuild(reference: &str) -> Vec<String> {
    let columns = "id, endpoint, kind, conversation_id, message_id, plugin, body, state, created_at, due_at, tries, \
                   lease_until, answer, problem, finished_at";
    vec![
        format!(
            "CREATE TABLE events_new (id uuid_text NOT NULL PRIMARY KEY, endpoint text NOT NULL, kind text NOT NULL, \
             conversation_id uuid_text NOT NULL, message_id uuid_text NOT NULL{reference}, plugin text NULL, \
             body text NOT NULL, state text NOT NULL, created_at integer NOT NULL, due_at integer NOT NULL, \
             tries integer NOT NULL, lease_until integer NULL, answer integer NULL, problem text NULL, \
             finished_at integer NULL)"
        ),
        format!("INSERT INTO events_new ({columns}) SELECT {columns} FROM events"),
        "DROP TABLE events".to_owned(),
        "ALTER TABLE events_new RENAME TO events".to_owned(),
        "CREATE INDEX events_open ON events (endpoint, conversation_id, id) WHERE state IN ('waiting', 'sending')"
            .to_owned(),
        "CREATE INDEX events_due ON events (endpoint, due_at) WHERE state IN ('waiting', 'sending')".to_owned(),
        "CREATE INDEX events_endpoint ON events (endpoint, id)".to_owned(),
        "CREATE INDEX events_message ON events (message_id)".to_owned(),
    ]
}
