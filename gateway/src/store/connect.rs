//! Connections and their settings.

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use futures::FutureExt;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, RuntimeErr};
use serde::Deserialize;
use sqlx::Connection;

use super::failing::is_away;
use super::migrating::{Way, migrate};
use super::{Error, copying};

/// `[database]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `sqlite://FILE` or `postgres://USER:PASSWORD@HOST/NAME`.
    pub url: String,
    /// Connections for reading.
    pub readers: u32,
    /// How many writes may wait for the writer before new ones are turned away.
    pub queue: usize,
    /// After so many seconds without a word, a connection to Postgres is given up and another one made.
    pub timeout_s: u64,
}

/// In less, Postgres may be starting anew; after more, whoever waits has gone.
const TIMEOUT_S: RangeInclusive<u64> = 5..=600;

impl Settings {
    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if !TIMEOUT_S.contains(&self.timeout_s) {
            let (least, most) = (TIMEOUT_S.start(), TIMEOUT_S.end());
            return Err(("timeout_s", format!("is {}, but must be {least} to {most}", self.timeout_s)));
        }
        Ok(())
    }

    /// Whether the database is a server, which others stop and start.
    pub fn can_be_away(&self) -> bool {
        self.url.starts_with("postgres")
    }

    /// The file that it is, if it is one.
    pub fn file(&self) -> Option<&Path> {
        file_of(&self.url)
    }
}

/// Statements of one text are kept prepared; a batch of each size has a text of its own.
const PREPARED_STATEMENTS: usize = 512;

/// An SQLite connection has a thread of its own, which stops for whoever reads its rows when so many are waiting.
const BUFFERED_ROWS: usize = 512;

/// A file that others are making is asked for again this often, with a pause between: five seconds in all.
const BUSY_TRIES: u32 = 100;
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Reading,
    Writing,
    /// Nobody else may have an SQLite file open meanwhile; who would have to wait for that is told at once.
    Alone,
}

/// What Postgres shows of a gateway's connections, unless their URL names something else.
pub(super) const APPLICATION_NAME: &str = "recado";

fn options(url: &str, connections: u32, purpose: Use) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(5))
        .sqlx_logging(false)
        .test_before_acquire(false)
        .map_sqlx_sqlite_opts(move |options| {
            use sqlx::sqlite::{SqliteJournalMode, SqliteLockingMode, SqliteSynchronous};
            let options = options
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(Duration::from_secs(5))
                .foreign_keys(true)
                .statement_cache_capacity(PREPARED_STATEMENTS)
                .row_buffer_size(BUFFERED_ROWS)
                .pragma("cache_size", "-16000")
                .pragma("temp_store", "MEMORY")
                // A page that is written often is copied to its place seldom then; the log grows to 64 MB for that.
                .pragma("wal_autocheckpoint", "16000");
            match purpose {
                Use::Reading => options.pragma("query_only", "1"),
                Use::Writing => options,
                Use::Alone => options.locking_mode(SqliteLockingMode::Exclusive).busy_timeout(Duration::from_secs(1)),
            }
        })
        // SQLite may have undone a transaction by itself, as when the disk is full, and sqlx then counts one that is not
        // there: what comes next would be a part of it, be said to be committed, and never be.
        .map_sqlx_sqlite_before_acquire(|connection, _| {
            async move {
                if connection.is_in_transaction() {
                    // What was given up is undone by now.
                    connection.ping().await?;
                }
                Ok(!connection.is_in_transaction())
            }
            .boxed()
        })
        // Compiling a statement takes Postgres longer than any of these runs.
        .map_sqlx_postgres_opts(|options| {
            let options = options.statement_cache_capacity(PREPARED_STATEMENTS).options([("jit", "off")]);
            match options.get_application_name() {
                Some(_) => options,
                None => options.application_name(APPLICATION_NAME),
            }
        });
    last(&mut options);
    options
}

/// Keeps connections for as long as they are good. With a limit to their age or idleness, sqlx looks after them in a
/// loop over as many as it counts to be idle, and that count can be read just when it is one below zero: the loop
/// then takes a processor for ever, and the process can't end. With neither limit, nothing looks.
pub(super) fn last(options: &mut ConnectOptions) {
    options.idle_timeout(None::<Duration>).max_lifetime(None::<Duration>);
}

/// One connection that writes, and a pool that only reads.
pub(super) async fn open(settings: &Settings) -> Result<(DatabaseConnection, DatabaseConnection), Error> {
    make_folder(&settings.url)?;
    let write = connect(&settings.url, 1, Use::Writing).await?;
    forget_statistics(&write).await?;
    migrate(&write, settings, Way::Up).await?;
    if let Some(source) = copying::origin(&write).await? {
        let text = format!("the copy of {source} into it was not finished; `recado store copy` goes on with it");
        return Err(Error::Refused(text));
    }
    let reads = connect(&settings.url, settings.readers.max(1), Use::Reading).await?;
    Ok((reads, write))
}

/// What `ANALYZE` left in an SQLite file: with that, SQLite goes through all parts for the first of a queue that was long
/// when somebody looked. Each statement was written, and is tested, to be done well without.
async fn forget_statistics(write: &DatabaseConnection) -> Result<(), Error> {
    if write.get_database_backend() != DbBackend::Sqlite {
        return Ok(());
    }
    for table in ["sqlite_stat1", "sqlite_stat4"] {
        write.execute_unprepared(&format!("DROP TABLE IF EXISTS {table}")).await?;
    }
    Ok(())
}

/// When several start together on a new file, one of them makes it a write-ahead log, and SQLite tells the
/// others at once that the file is locked, whatever they would have waited (`busy_timeout` does not count
/// there). So waiting is done here.
pub(super) async fn connect(url: &str, connections: u32, purpose: Use) -> Result<DatabaseConnection, Error> {
    let mut tries = BUSY_TRIES;
    loop {
        match connect_once(url, connections, purpose).await {
            Err(error) if tries > 0 && is_locked(&error) => tries -= 1,
            Err(error) if url.starts_with("postgres") && !is_away(&error) => {
                return Err(Error::Refused(error.to_string()));
            }
            connected => return connected.map_err(|error| Error::Unavailable(error.to_string())),
        }
        tokio::time::sleep(BUSY_PAUSE).await;
    }
}

pub(super) async fn connect_once(url: &str, connections: u32, purpose: Use) -> Result<DatabaseConnection, DbErr> {
    Database::connect(options(url, connections, purpose)).await
}

/// Whether SQLite says that another has the file just now: `SQLITE_BUSY` is 5, and what it is about is in
/// the higher bits (<https://www.sqlite.org/rescode.html>).
pub(super) fn is_locked(error: &DbErr) -> bool {
    let (DbErr::Conn(RuntimeErr::SqlxError(error))
    | DbErr::Exec(RuntimeErr::SqlxError(error))
    | DbErr::Query(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == 5)
}

/// Where an SQLite database is kept.
pub(super) fn file_of(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite://")?;
    Some(Path::new(path.split_once('?').map_or(path, |(path, _)| path)))
}

/// SQLite makes the file, but not the folder it is in.
pub(super) fn make_folder(url: &str) -> Result<(), Error> {
    let Some(folder) = file_of(url).and_then(Path::parent) else { return Ok(()) };
    std::fs::create_dir_all(folder)
        .map_err(|error| Error::Unavailable(format!("the folder {} can't be made: {error}", folder.display())))
}
