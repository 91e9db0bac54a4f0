//! Rows of values in a statement, which says what many rows of a table become.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, Value};
use uuid::Uuid;

use crate::store::Error;

/// Where the values from the `first` on are in a statement, from 1. On SQLite they have no names, so the statement must
/// have them in this order: it goes through all names for each one, which costs more than all else with some hundred.
pub(super) fn places(backend: DbBackend, first: usize, count: usize) -> Vec<String> {
    let place = |number: usize| match backend {
        DbBackend::Sqlite => "?".to_owned(),
        _ => format!("${number}"),
    };
    (first..first + count).map(place).collect()
}

/// Rows that a statement knows as `new`, with the columns `column1`, `column2` and so on: both databases call them so.
pub(super) struct Rows {
    backend: DbBackend,
    /// Of each column. Postgres takes what may be null for text otherwise; an empty one is left as it is.
    types: &'static [&'static str],
    values: Vec<Value>,
    places: Vec<String>,
}

impl Rows {
    pub(super) fn new(transaction: &DatabaseTransaction, types: &'static [&'static str]) -> Self {
        Self { backend: transaction.get_database_backend(), types, values: Vec::new(), places: Vec::new() }
    }

    /// One value for each type.
    pub(super) fn push(&mut self, row: impl IntoIterator<Item = Value>) {
        let first = self.values.len() + 1;
        self.values.extend(row);
        let place = |(place, kind): (String, &&str)| match *kind {
            "" => place,
            kind => format!("CAST({place} AS {kind})"),
        };
        let places = places(self.backend, first, self.types.len()).into_iter().zip(self.types);
        let places: Vec<String> = places.map(place).collect();
        self.places.push(format!("({})", places.join(", ")));
    }

    /// Where a value of the condition is, that is no row's; after all rows.
    pub(super) fn place(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        match self.backend {
            DbBackend::Sqlite => format!("?{}", self.values.len()),
            _ => format!("${}", self.values.len()),
        }
    }

    /// Puts the rows between what comes before them, as `UPDATE parts SET state = new.column2`, and the condition.
    pub(super) async fn update(
        self,
        transaction: &DatabaseTransaction,
        update: &str,
        condition: &str,
    ) -> Result<(), Error> {
        if !self.places.is_empty() {
            transaction.execute_raw(self.statement(update, condition)).await?;
        }
        Ok(())
    }

    /// Likewise, and says which rows of the table that was: what comes behind the condition returns their `id`.
    pub(super) async fn update_and_tell(
        self,
        transaction: &DatabaseTransaction,
        update: &str,
        condition: &str,
    ) -> Result<BTreeSet<Uuid>, Error> {
        if self.places.is_empty() {
            return Ok(BTreeSet::new());
        }
        ids(transaction, self.statement(update, condition)).await
    }

    fn statement(self, update: &str, condition: &str) -> Statement {
        let sql = format!("{update} FROM (VALUES {}) AS new {condition}", self.places.join(", "));
        Statement::from_sql_and_values(self.backend, sql, self.values)
    }
}

/// The column `id` of what a statement returns.
pub(super) async fn ids(transaction: &DatabaseTransaction, statement: Statement) -> Result<BTreeSet<Uuid>, Error> {
    let rows = transaction.query_all_raw(statement).await?;
    Ok(rows.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?)
}
