//! How often the webhook of a message came again, and when last.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Value};
use uuid::Uuid;

use super::millis;
use super::rows::Rows;
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
    let mut rows = Rows::new(transaction, &["", "INTEGER", "BIGINT"]);
    for (message_id, (count, last)) in &counted {
        rows.push([Value::from(*message_id), (*count).into(), (*last).into()]);
    }
    let mut condition = "WHERE messages.id = new.column1".to_owned();
    if transaction.get_database_backend() == DbBackend::Postgres {
        let places: Vec<String> = counted.into_keys().map(|message_id| rows.place(message_id)).collect();
        let free = "AND messages.id IN (SELECT id FROM messages WHERE id IN";
        condition = format!("{condition} {free} ({}) FOR UPDATE SKIP LOCKED)", places.join(", "));
    }
    let update = "UPDATE messages SET repeats = COALESCE(messages.repeats, 0) + new.column2, repeated_at = new.column3";
    rows.update(transaction, update, &condition).await
}
