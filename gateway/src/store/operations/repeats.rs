//! How often the webhook of a message came again, and when last.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, Value};
use uuid::Uuid;

use super::millis;
use crate::store::Error;

/// In the transaction that looks for repeats anyway. A message that another gateway is changing just now is
/// left out: an explanation is not worth waiting for, and still less a deadlock.
pub(super) async fn count(
    transaction: &DatabaseTransaction,
    repeats: impl Iterator<Item = (Uuid, Timestamp)>,
) -> Result<(), Error> {
    let mut counted: BTreeMap<Uuid, (i32, i64)> = BTreeMap::new();
    for (message_id, at) in repeats {
        let (count, last) = counted.entry(message_id).or_insert((0, i64::MIN));
        (*count, *last) = (*count + 1, millis(at).max(*last));
    }
    if counted.is_empty() {
        return Ok(());
    }
    let backend = transaction.get_database_backend();
    let mut values: Vec<Value> = Vec::with_capacity(counted.len() * 3);
    let (mut rows, mut places) = (Vec::with_capacity(counted.len()), Vec::with_capacity(counted.len()));
    for (message_id, (count, last)) in counted {
        let next = values.len();
        rows.push(format!("(${}, CAST(${} AS INTEGER), CAST(${} AS BIGINT))", next + 1, next + 2, next + 3));
        places.push(format!("${}", next + 1));
        values.extend([Value::from(message_id), count.into(), last.into()]);
    }
    let free = match backend {
        DbBackend::Postgres => {
            let places = places.join(", ");
            format!(" AND messages.id IN (SELECT id FROM messages WHERE id IN ({places}) FOR UPDATE SKIP LOCKED)")
        }
        _ => String::new(),
    };
    let sql = format!(
        "UPDATE messages SET repeats = COALESCE(messages.repeats, 0) + new.column2, repeated_at = new.column3 \
         FROM (VALUES {}) AS new WHERE messages.id = new.column1{free}",
        rows.join(", ")
    );
    transaction.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(())
}
