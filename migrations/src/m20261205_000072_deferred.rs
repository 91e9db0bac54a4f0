//! On SQLite, what refers to a row that is not there is found when the transaction ends, and not by each statement: one
//! that may fail halfway copies every page that it changes, so that it can be undone by itself. Postgres needs no such
//! copies.
//!
//! SQLite has no statement for that. What it says of such a change, which concerns no row, is to write the schema:
//! <https://www.sqlite.org/lang_altertable.html#otheralter>.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend, Statement};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const DEFERRED: &str = " DEFERRABLE INITIALLY DEFERRED";

/// What is referred to, by its id.
const REFERRED: [&str; 8] =
    ["contacts", "conversations", "messages", "parts", "api_keys", "templates", "bulks", "users"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        write(manager, |reference| (reference.to_owned(), format!("{reference}{DEFERRED}"))).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        write(manager, |reference| (format!("{reference}{DEFERRED}"), reference.to_owned())).await
    }
}

async fn write(manager: &SchemaManager<'_>, change: fn(&str) -> (String, String)) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if connection.get_database_backend() != DbBackend::Sqlite {
        return Ok(());
    }
    connection.execute_unprepared("PRAGMA writable_schema = ON").await?;
    for table in REFERRED {
        let (from, to) = change(&format!("REFERENCES \"{table}\" (\"id\")"));
        let sql = format!("UPDATE sqlite_schema SET sql = replace(sql, '{from}', '{to}') WHERE type = 'table'");
        connection.execute_unprepared(&sql).await?;
    }
    // Reads the schema anew, here; other connections do so since its version is another.
    let version = connection.query_one_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA schema_version")).await?;
    let version: i32 = version.map_or(Ok(0), |row| row.try_get("", "schema_version"))?;
    connection.execute_unprepared(&format!("PRAGMA schema_version = {}", version.wrapping_add(1))).await?;
    connection.execute_unprepared("PRAGMA writable_schema = RESET").await.map(|_| ())
}
