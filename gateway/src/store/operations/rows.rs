//! Rows of values in a statement, which says what many rows of a table become.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, Value};
use uuid::Uuid;

use super::sizes::size_for;
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

/// Behind `INSERT` or `UPDATE`, where it is about many rows. What has failed undoes its whole transaction here, so that
/// it need not undo itself: SQLite would copy every page that it changes, in case it has to, which costs as much as all
/// else. (It does so too for a foreign key that is not deferred.)
pub(super) fn or_fail(backend: DbBackend) -> &'static str {
    if backend == DbBackend::Sqlite { " OR FAIL" } else { "" }
}

/// Rows that a statement knows as `new`, with the columns `column1`, `column2` and so on: both databases call them so.
pub(super) struct Rows {
    backend: DbBackend,
    /// Of each column. Postgres takes what may be null for text otherwise; an empty one is left as it is.
    types: &'static [&'static str],
    count: usize,
    values: Vec<Value>,
}

impl Rows {
    pub(super) fn new(transaction: &DatabaseTransaction, types: &'static [&'static str]) -> Self {
        Self { backend: transaction.get_database_backend(), types, count: 0, values: Vec::new() }
    }

    /// One value for each type.
    pub(super) fn push(&mut self, row: impl IntoIterator<Item = Value>) {
        self.values.extend(row);
        self.count += 1;
    }

    /// Rows without a value, which are nobody's, until they are of a size.
    fn fill(&mut self) {
        let nothing: Vec<Value> = self.values.iter().take(self.types.len()).map(Value::as_null).collect();
        while self.count > 0 && self.count < size_for(self.count) {
            self.push(nothing.iter().cloned());
        }
    }

    /// Where a value of the condition is, that is no row's; after all rows.
    pub(super) fn place(&mut self, value: impl Into<Value>) -> String {
        self.fill();
        self.values.push(value.into());
        match self.backend {
            DbBackend::Sqlite => format!("?{}", self.values.len()),
            _ => format!("${}", self.values.len()),
        }
    }

    fn sql(&self) -> String {
        let width = self.types.len();
        if self.backend == DbBackend::Sqlite {
            // A value has the type that it is bound with.
            let row = format!("({})", vec!["?"; width].join(", "));
            return vec![row; self.count].join(", ");
        }
        let place = |(number, kind): (usize, &&str)| match *kind {
            "" => format!("${number}"),
            kind => format!("CAST(${number} AS {kind})"),
        };
        let row = |row: usize| (row * width + 1..).zip(self.types).map(place).collect::<Vec<_>>().join(", ");
        (0..self.count).map(|number| format!("({})", row(number))).collect::<Vec<_>>().join(", ")
    }

    /// Puts the rows between what comes before them, as `UPDATE parts SET state = new.column2`, and the condition.
    pub(super) async fn update(
        self,
        transaction: &DatabaseTransaction,
        update: &str,
        condition: &str,
    ) -> Result<(), Error> {
        if self.count > 0 {
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
        if self.count == 0 {
            return Ok(BTreeSet::new());
        }
        ids(transaction, self.statement(update, condition)).await
    }

    fn statement(mut self, update: &str, condition: &str) -> Statement {
        self.fill();
        let update = update.replacen("UPDATE", &format!("UPDATE{}", or_fail(self.backend)), 1);
        let sql = format!("{update} FROM (VALUES {}) AS new {condition}", self.sql());
        Statement::from_sql_and_values(self.backend, sql, self.values)
    }
}

/// The column `id` of what a statement returns.
pub(super) async fn ids(transaction: &DatabaseTransaction, statement: Statement) -> Result<BTreeSet<Uuid>, Error> {
    let rows = transaction.query_all_raw(statement).await?;
    Ok(rows.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?)
}
