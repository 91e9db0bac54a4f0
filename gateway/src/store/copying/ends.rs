//! The two ends of a copy: each is opened so that nobody else works with it, as far as that can be had.

use std::path::Path;
use std::time::Duration;

use recado_migrations::{MigrationStatus, Migrator, MigratorTrait};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, RuntimeErr, Statement, TransactionTrait,
};

use super::tables::Table;
use super::{End, Error};
use crate::store::connect::{self, Use};
use crate::store::migrating::begin_migrating;

/// Marks a database into which a copy is under way; a gateway does not open it.
const MARK: &str = "unfinished_copy";

/// A server takes a moment to notice that a gateway has gone.
const LOOKS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(100);

/// For how long whoever writes just now is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn open_source(url: &str) -> Result<DatabaseConnection, Error> {
    if let Some(file) = connect::file_of(url).filter(|file| !file.is_file()) {
        return Err(Error::NoSource(file.to_owned()));
    }
    let source = alone(url, End::Source).await?;
    let steps = Migrator::get_migration_with_status_read_only(&source).await?;
    let pending = steps.iter().filter(|step| step.status() == MigrationStatus::Pending);
    let pending: Vec<String> = pending.map(|step| step.name().to_owned()).collect();
    if !pending.is_empty() {
        return Err(Error::Behind { pending: pending.join(", ") });
    }
    if origin(&source).await?.is_some() {
        return Err(Error::UnfinishedSource);
    }
    Ok(source)
}

/// Also whether it goes on with a copy that was cut off.
pub(super) async fn open_target(url: &str, from: &str, tables: &[Table]) -> Result<(DatabaseConnection, bool), Error> {
    connect::make_folder(url)?;
    let target = alone(url, End::Target).await?;
    let transaction = begin_migrating(&target).await?;
    let origin_before = origin(&transaction).await?;
    if let Some(before) = origin_before.as_ref().filter(|before| *before != from) {
        return Err(Error::OtherSource { before: before.clone() });
    }
    let goes_on = origin_before.is_some();
    Migrator::up(&transaction, None).await?;
    if !goes_on {
        let mut filled = Vec::new();
        for table in tables {
            if !table.is_empty(&transaction).await? {
                filled.push(table.name.clone());
            }
        }
        if !filled.is_empty() {
            return Err(Error::NotEmpty { tables: filled.join(", ") });
        }
        mark(&transaction, from).await?;
    }
    transaction.commit().await?;
    Ok((target, goes_on))
}

/// A file is locked for as long as the connection lasts: whoever else has it open, or opens it, is noticed. A
/// server is only asked who else is there.
async fn alone(url: &str, end: End) -> Result<DatabaseConnection, Error> {
    let connection = match connect::connect_once(url, 1, Use::Alone).await {
        Ok(connection) => connection,
        Err(error) if connect::is_locked(&error) => return Err(Error::InUse { end }),
        Err(error) => return Err(crate::store::Error::Unavailable(error.to_string()).into()),
    };
    let backend = connection.get_database_backend();
    if backend == DbBackend::Postgres {
        for _ in 0..LOOKS {
            if !is_shared(&connection).await? {
                return Ok(connection);
            }
            tokio::time::sleep(PAUSE).await;
        }
        return Err(Error::InUse { end });
    }
    // The first look takes the lock.
    match connection.execute_unprepared("SELECT COUNT(*) FROM sqlite_schema").await {
        Ok(_) => Ok(connection),
        Err(error) if connect::is_locked(&error) => Err(Error::InUse { end }),
        Err(error) => Err(error.into()),
    }
}

/// Whether a gateway works with this server's database, too.
async fn is_shared(connection: &impl ConnectionTrait) -> Result<bool, DbErr> {
    let sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() \
               AND application_name = $1 AND pid <> pg_backend_pid() LIMIT 1";
    let backend = connection.get_database_backend();
    let statement = Statement::from_sql_and_values(backend, sql, [connect::APPLICATION_NAME.into()]);
    Ok(connection.query_one_raw(statement).await?.is_some())
}

/// The source as it stays until this ends, to be compared: of a server, nobody can be kept away before, and what is
/// written to a table once that was read would be in no copy.
pub(super) async fn hold(source: &DatabaseConnection, tables: &[Table]) -> Result<DatabaseTransaction, Error> {
    let held = source.begin().await?;
    if source.get_database_backend() == DbBackend::Postgres {
        let names: Vec<String> = tables.iter().map(|table| format!("\"{}\"", table.name)).collect();
        let seconds = PATIENCE.as_secs();
        let sql = format!("SET LOCAL lock_timeout = '{seconds}s'; LOCK TABLE {} IN SHARE MODE", names.join(", "));
        held.execute_unprepared(&sql)
            .await
            .map_err(|error| if is_held_up(&error) { Error::Written } else { error.into() })?;
    }
    Ok(held)
}

/// Nobody wrote to what is held; but a gateway that waits to do so will, once it is let go of.
pub(super) async fn still_alone(held: &DatabaseTransaction) -> Result<(), Error> {
    if held.get_database_backend() == DbBackend::Postgres && is_shared(held).await? {
        return Err(Error::InUse { end: End::Source });
    }
    Ok(())
}

/// Whether somebody who writes has a table: they were waited for, or they wait for another that is held here.
fn is_held_up(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| matches!(&*code, "55P03" | "40P01"))
}

async fn mark(transaction: &DatabaseTransaction, from: &str) -> Result<(), DbErr> {
    transaction.execute_unprepared(&format!("CREATE TABLE {MARK} (source TEXT NOT NULL)")).await?;
    let backend = transaction.get_database_backend();
    let sql = format!("INSERT INTO {MARK} (source) VALUES ($1)");
    transaction.execute_raw(Statement::from_sql_and_values(backend, sql, [from.into()])).await.map(drop)
}

pub(super) async fn unmark(target: &DatabaseConnection) -> Result<(), DbErr> {
    target.execute_unprepared(&format!("DROP TABLE {MARK}")).await.map(drop)
}

/// Where the copy is from that was begun into this database and not finished.
pub(in crate::store) async fn origin(connection: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    let backend = connection.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => format!("SELECT 1 WHERE to_regclass('{MARK}') IS NOT NULL"),
        _ => format!("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '{MARK}'"),
    };
    if connection.query_one_raw(Statement::from_string(backend, sql)).await?.is_none() {
        return Ok(None);
    }
    let sql = format!("SELECT source FROM {MARK}");
    let row = connection.query_one_raw(Statement::from_string(backend, sql)).await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}

/// A database's name without what lets one in: for messages, and for knowing it again.
pub(super) fn shown(url: &str) -> String {
    if let Some(file) = connect::file_of(url) {
        let file = std::path::absolute(file).unwrap_or_else(|_| Path::new(file).to_owned());
        return format!("sqlite://{}", file.display());
    }
    let Ok(mut parsed) = url::Url::parse(url) else { return "a database".to_owned() };
    parsed.set_query(None);
    // A URL without a host has no place for them.
    let _ = parsed.set_password(None);
    let _ = parsed.set_username("");
    parsed.into()
}
