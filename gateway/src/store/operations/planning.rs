//! How Postgres plans what it is asked for in a transaction. What it knows of its tables is another matter
//! (`store/statistics.rs`).

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};

use crate::store::Error;

/// What Postgres does not do along a queue.
const OTHER_WAYS: [&str; 5] =
    ["enable_sort", "enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin"];

/// Whether a statement is planned for the values that it is given.
const FOR_VALUES: &str = "plan_cache_mode";

/// From here on, each statement is planned once, whatever it is about: with a hundred ids in it, planning it anew costs as
/// much as doing it. For what is found by ids alone: where a limit is one of the values, Postgres must know it.
pub(in crate::store) async fn once(transaction: &DatabaseTransaction) -> Result<(), Error> {
    set(transaction, &[(FOR_VALUES, "force_generic_plan")]).await
}

/// From here on, as Postgres thinks best.
pub(in crate::store) async fn freely(transaction: &DatabaseTransaction) -> Result<(), Error> {
    set(transaction, &[(FOR_VALUES, "auto")]).await
}

/// From here on, a transaction on Postgres goes along indexes. What Postgres knows of a queue is from when there was
/// none, and for a few rows all ways seem the same to it: it takes an index of another order and sorts, or
/// reads the table, and would do so with the thousands that wait now.
pub(super) async fn by_index(transaction: &impl ConnectionTrait) -> Result<(), Error> {
    let ways = OTHER_WAYS.map(|way| (way, "off"));
    set(transaction, &[&ways[..], &[(FOR_VALUES, "force_generic_plan")]].concat()).await
}

/// From here on, it goes as seems best to it: what was not to be sorted would be looked for through a whole index.
pub(super) async fn by_any_way(transaction: &DatabaseTransaction) -> Result<(), Error> {
    let ways = OTHER_WAYS.map(|way| (way, "on"));
    set(transaction, &[&ways[..], &[(FOR_VALUES, "auto")]].concat()).await
}

/// Until the transaction ends.
async fn set(transaction: &impl ConnectionTrait, settings: &[(&str, &str)]) -> Result<(), Error> {
    let backend = transaction.get_database_backend();
    if backend == DbBackend::Postgres {
        let settings = settings.iter().map(|(name, value)| format!("set_config('{name}', '{value}', true)"));
        let sql = format!("SELECT {}", settings.collect::<Vec<_>>().join(", "));
        transaction.query_one_raw(Statement::from_string(backend, sql)).await?;
    }
    Ok(())
}
