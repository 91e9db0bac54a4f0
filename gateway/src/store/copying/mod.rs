//! Copying all that one database holds into another, of the same kind or the other one, while no gateway runs.
//!
//! Rows go over in pages in the order of their keys, each page in a transaction, so that the target itself says
//! how far a copy has come. A mark in it keeps gateways away until every table was read again on both sides and
//! came to the same.

mod ends;
mod rows;
pub(super) mod tables;

use std::fmt;
use std::path::PathBuf;

use futures::TryStreamExt;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, TransactionTrait};
use serde::Serialize;

pub(super) use ends::origin;
use rows::{Row, Sum};
use tables::Table;

/// One of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Source,
    Target,
}

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// Why a copy was not made, or is not one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("`--from` and `--to` are the same database")]
    Same,
    #[error("there is no database {}", .0.display())]
    NoSource(PathBuf),
    #[error("the source lacks steps of the schema ({pending}): run `recado migrate up` on it first")]
    Behind { pending: String },
    #[error("the source is itself a copy that was not finished: copy from where that one was made from")]
    UnfinishedSource,
    #[error("the {end} is in use: stop every gateway on it, and whatever else has it open")]
    InUse { end: End },
    #[error("the target has other data (in {tables}): name a new, empty database")]
    NotEmpty { tables: String },
    #[error("a copy from {before} into the target was not finished: finish that one, or name a new, empty database")]
    OtherSource { before: String },
    #[error("a key in the table {table} has a NUL in it, which Postgres can't hold")]
    NulInKey { table: String },
    #[error(
        "{tables} differ: the source was changed during the copy. Stop whatever writes to it, and copy again into a \
         new, empty database; no gateway opens this one"
    )]
    Differs { tables: String },
    #[error(
        "somebody writes to the source just now, so that nothing can be proved: stop every gateway on it, and whatever \
         else works with it, and say the same again; the copy goes on where it is"
    )]
    Written,
    #[error(transparent)]
    Store(#[from] super::Error),
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        Self::Store(error.into())
    }
}

/// How far a copy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    pub table: &'a str,
    pub doing: Doing,
    /// Of all tables together.
    pub rows: u64,
    pub of: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    Copying,
    Verifying,
}

/// What was copied, and proved to be the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Copied {
    /// Without users and passwords.
    pub from: String,
    pub to: String,
    /// Whether it went on with a copy that was cut off.
    pub resumed: bool,
    pub tables: Vec<CopiedTable>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CopiedTable {
    pub table: String,
    /// As counted on both sides.
    pub rows: u64,
    /// SHA-256 over all rows in the order of their keys, in hex; the same on both sides.
    pub checksum: String,
    /// Rows in which something took the place of NUL, in this run.
    pub replaced: u64,
}

struct Copying<'a> {
    source: DatabaseConnection,
    target: DatabaseConnection,
    /// Whether the target takes no NUL.
    strict: bool,
    rows: u64,
    of: u64,
    tell: &'a mut (dyn FnMut(Progress<'_>) + Send),
}

/// Copies everything, or goes on with it, and compares both sides.
pub async fn copy(from: &str, to: &str, tell: &mut (dyn FnMut(Progress<'_>) + Send)) -> Result<Copied, Error> {
    let (shown_from, shown_to) = (ends::shown(from), ends::shown(to));
    if shown_from == shown_to {
        return Err(Error::Same);
    }
    let tables = tables::all();
    let source = ends::open_source(from).await?;
    let (target, resumed) = ends::open_target(to, &shown_from, &tables).await?;
    let mut of = 0;
    for table in &tables {
        of += table.count(&source).await?;
    }
    let strict = target.get_database_backend() == DbBackend::Postgres;
    let mut copying = Copying { source, target, strict, rows: 0, of, tell };
    let mut replaced = Vec::new();
    for table in &tables {
        replaced.push(copying.copy(table).await?);
    }
    copying.rows = 0;
    let held = ends::hold(&copying.source, &tables).await?;
    let mut copied = Vec::new();
    let mut differing = Vec::new();
    for (table, replaced) in tables.iter().zip(replaced) {
        match copying.compare(table, &held).await? {
            Some((rows, checksum)) => {
                copied.push(CopiedTable { table: table.name.clone(), rows, checksum, replaced });
            }
            None => differing.push(table.name.as_str()),
        }
    }
    if !differing.is_empty() {
        return Err(Error::Differs { tables: differing.join(", ") });
    }
    // Before a gateway may work with the copy, nobody may have gone on with what it is of.
    ends::still_alone(&held).await?;
    ends::unmark(&copying.target).await?;
    held.commit().await?;
    copying.close().await?;
    Ok(Copied { from: shown_from, to: shown_to, resumed, tables: copied })
}

impl Copying<'_> {
    /// Takes over what the target lacks; in how many rows something was replaced.
    async fn copy(&mut self, table: &Table) -> Result<u64, Error> {
        self.rows += table.count(&self.target).await?;
        self.tell(table, Doing::Copying);
        let after = table.last_key(&self.target).await?;
        let source = self.source.clone();
        let mut rows = std::pin::pin!(table.read(&source, after).await?);
        let (mut page, mut replaced) = (Vec::with_capacity(table.page()), 0);
        loop {
            let row = rows.try_next().await?;
            let is_last = row.is_none();
            if let Some(row) = row {
                let (row, changed) = self.storable(table, row)?;
                replaced += u64::from(changed);
                page.push(row);
            }
            if page.len() == table.page() || (is_last && !page.is_empty()) {
                self.rows += page.len() as u64;
                let transaction = self.target.begin().await?;
                table.insert(&transaction, std::mem::take(&mut page)).await?;
                transaction.commit().await?;
                self.tell(table, Doing::Copying);
            }
            if is_last {
                return Ok(replaced);
            }
        }
    }

    /// Reads both sides whole, again; how many rows they have and what these come to, if that is the same.
    async fn compare(&mut self, table: &Table, held: &DatabaseTransaction) -> Result<Option<(u64, String)>, Error> {
        let target = self.target.clone();
        let mut there = std::pin::pin!(table.read(held, None).await?);
        let mut here = std::pin::pin!(table.read(&target, None).await?);
        let (mut of_source, mut of_target) = (Sum::default(), Sum::default());
        loop {
            let (theirs, ours) = futures::try_join!(there.try_next(), here.try_next())?;
            if theirs.is_none() && ours.is_none() {
                break;
            }
            if let Some(row) = theirs {
                of_source.add(&self.storable(table, row)?.0);
                self.rows += 1;
                if self.rows.is_multiple_of(1000) {
                    self.tell(table, Doing::Verifying);
                }
            }
            if let Some(row) = ours {
                of_target.add(&row);
            }
        }
        self.tell(table, Doing::Verifying);
        let counted = of_source.rows == of_target.rows;
        let rows = of_target.rows;
        let [theirs, ours] = [of_source, of_target].map(Sum::checksum);
        Ok((counted && theirs == ours).then_some((rows, ours)))
    }

    fn storable(&self, table: &Table, mut row: Row) -> Result<(Row, bool), Error> {
        let changed = self.strict && table.make_storable(&mut row)?;
        Ok((row, changed))
    }

    fn tell(&mut self, table: &Table, doing: Doing) {
        (self.tell)(Progress { table: &table.name, doing, rows: self.rows, of: self.of.max(self.rows) });
    }

    /// An SQLite file is whole by itself once its last connection is closed.
    async fn close(self) -> Result<(), Error> {
        self.source.close().await?;
        Ok(self.target.close().await?)
    }
}
