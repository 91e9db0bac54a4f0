//! Rows of one table, inserted with few statements: without the columns that are null in all of them. Each value that
//! is bound costs something on its way to the database, null or not, and of most tables most columns are null.

use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DatabaseTransaction, DbBackend, EntityName, EntityTrait,
    IdenStatic, Iterable, Statement, Value,
};

use super::rows::{or_fail, places};
use super::sizes::pieces;
use crate::store::Error;

/// Inserts all of them, or fails.
pub(super) async fn insert<A: ActiveModelTrait>(transaction: &DatabaseTransaction, rows: Vec<A>) -> Result<(), Error> {
    insert_or(transaction, rows, "").await.map(|_| ())
}

/// Likewise; what is to become of a row that is there already comes behind the rows, as `ON CONFLICT DO NOTHING`. Says
/// how many were inserted or changed.
pub(super) async fn insert_or<A: ActiveModelTrait>(
    transaction: &DatabaseTransaction,
    mut rows: Vec<A>,
    on_conflict: &str,
) -> Result<u64, Error> {
    let mut inserted = 0;
    for size in pieces(rows.len()) {
        let some: Vec<A> = rows.drain(..size).collect();
        let statement = statement(transaction.get_database_backend(), some, on_conflict);
        inserted += transaction.execute_raw(statement).await?.rows_affected();
    }
    Ok(inserted)
}

fn statement<A: ActiveModelTrait>(backend: DbBackend, mut rows: Vec<A>, on_conflict: &str) -> Statement {
    let mut names = Vec::new();
    let mut columns = Vec::new();
    for column in <A::Entity as EntityTrait>::Column::iter() {
        // Of those that say nothing of it, the database says what it is: that of a nullable column is null.
        let values: Vec<Option<Value>> = rows.iter_mut().map(|row| value(row.take(column))).collect();
        let Some(nothing) = values.iter().flatten().next().map(Value::as_null) else { continue };
        if values.iter().flatten().any(|value| *value != nothing) {
            names.push(format!("\"{}\"", column.as_str()));
            columns.push(values.into_iter().map(move |value| value.unwrap_or_else(|| nothing.clone())));
        }
    }
    let width = columns.len();
    let mut values = Vec::with_capacity(rows.len() * width);
    for _ in &rows {
        values.extend(columns.iter_mut().filter_map(Iterator::next));
    }
    let row = |number| format!("({})", places(backend, number * width + 1, width).join(", "));
    let rows: Vec<String> = (0..rows.len()).map(row).collect();
    let sql = format!(
        "INSERT{} INTO \"{}\" ({}) VALUES {} {on_conflict}",
        or_fail(backend),
        A::Entity::default().table_name(),
        names.join(", "),
        rows.join(", ")
    );
    Statement::from_sql_and_values(backend, sql, values)
}

fn value(value: ActiveValue<Value>) -> Option<Value> {
    match value {
        ActiveValue::Set(value) | ActiveValue::Unchanged(value) => Some(value),
        ActiveValue::NotSet => None,
    }
}
