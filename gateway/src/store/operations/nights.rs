//! What waited until the night (for its sender's rate, for its channel, for another try) waits for the morning then.

use jiff::Timestamp;
use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::millis;
use crate::store::Error;
use crate::store::bulks::HELD;
use crate::store::entities::{messages, parts};
use crate::store::reporting::Reporting;

/// As many are looked at in one claim; those that are left are not handed out either.
const SOME: u64 = 500;

/// Puts off what must have left by now. It costs one look at an index, and nothing where there are no nights.
pub(super) async fn hold(
    transaction: &DatabaseTransaction,
    now: Timestamp,
    reporting: &Reporting,
) -> Result<(), Error> {
    let rules = reporting.rules();
    if !rules.has_nights() {
        return Ok(());
    }
    let mut late = parts::Entity::find()
        // Word for word the condition of the partial index, so that SQLite uses it.
        .filter(Expr::cust("state = 'queued' AND quiet_at IS NOT NULL"))
        .filter(parts::Column::QuietAt.lte(millis(now)))
        // What a bulk send holds is put off once that lets go of it, or it would be due at night.
        .filter(parts::Column::DueAt.lt(HELD))
        .order_by_asc(parts::Column::QuietAt)
        .limit(SOME)
        // What others have just now is handed out by nobody: the claim asks for the night as well.
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .all(transaction)
        .await?;
    // In the order in which all take them.
    late.sort_by_key(|part| part.id);
    for part in late {
        let time_zone = part.time_zone.clone().unwrap_or_default();
        let (until, next) = rules.nights(now, &time_zone);
        let (message_id, due_at, due_before) = (part.message_id, part.due_at, part.due_before);
        let mut row = part.into_active_model();
        row.quiet_at = Set(next.map(millis));
        row.updated_at = Set(millis(now));
        if let Some(until) = until {
            let morning = millis(until);
            row.due_at = Set(due_at.max(morning));
            if due_at < morning {
                row.due_before = Set(Some(due_before.unwrap_or(due_at)));
            }
            // One whose next try comes later still goes before what follows it.
            row.put_off = Set(due_at <= morning);
            tell(transaction, message_id, until, &time_zone, now).await?;
        }
        row.update(transaction).await?;
    }
    Ok(())
}

/// With the message, as if it had been held from the start.
async fn tell(
    transaction: &DatabaseTransaction,
    message_id: Uuid,
    until: Timestamp,
    time_zone: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(message) = messages::Entity::find_by_id(message_id).one(transaction).await? else { return Ok(()) };
    let told = message.gate.as_deref().and_then(|told| serde_json::from_str::<Value>(told).ok());
    let mut told = told.unwrap_or_else(|| json!({}));
    if let Some(fields) = told.as_object_mut() {
        let held = [("verdict", json!("held")), ("code", json!("quiet-hours")), ("at", json!(now))];
        fields.extend(held.map(|(name, value)| (name.to_owned(), value)));
        fields.insert("until".to_owned(), json!(until));
        fields.insert("time_zone".to_owned(), json!(time_zone));
    }
    messages::Entity::update_many()
        .col_expr(messages::Column::Gate, Expr::value(told.to_string()))
        .filter(messages::Column::Id.eq(message_id))
        .exec(transaction)
        .await?;
    Ok(())
}
