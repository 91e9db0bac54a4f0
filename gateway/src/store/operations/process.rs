//! Committing what processing inbound messages came to: each message as one, many at once.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set, Statement, Value};
use uuid::Uuid;

use super::submit::insert_outbound;
use super::{count, millis, storable, storable_json};
use crate::message::ConversationStatus;
use crate::store::Error;
use crate::store::entities::{conversations, traces};
use crate::store::records::{NewOutbound, Processed, Trace};

/// For each, in order, whether it was done: false when the message had been processed before;
/// then nothing was changed.
pub(in crate::store) async fn apply(transaction: &DatabaseTransaction, all: &[&Processed]) -> Result<Vec<bool>, Error> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let mut seen = BTreeSet::new();
    // Of the same message twice in one batch, the first counts.
    let first: Vec<bool> = all.iter().map(|processed| seen.insert(processed.message_id)).collect();
    let once: Vec<&Processed> =
        all.iter().zip(&first).filter(|(_, first)| **first).map(|(processed, _)| *processed).collect();
    let marked = mark(transaction, &once).await?;
    let done: Vec<&Processed> = once.into_iter().filter(|processed| marked.contains(&processed.message_id.0)).collect();
    for processed in &done {
        change_conversation(transaction, processed).await?;
    }
    touch_conversations(transaction, &done).await?;
    let replies: Vec<(&NewOutbound, Uuid)> = done
        .iter()
        .flat_map(|processed| processed.replies.iter().map(|reply| (reply, processed.conversation_id.0)))
        .collect();
    insert_outbound(transaction, &replies).await?;
    let rows: Vec<_> = done
        .iter()
        .flat_map(|processed| {
            (0u32..).zip(&processed.traces).map(|(position, trace)| trace_row(processed, position, trace))
        })
        .collect();
    if !rows.is_empty() {
        traces::Entity::insert_many(rows).exec_without_returning(transaction).await?;
    }
    Ok(all.iter().zip(first).map(|(processed, first)| first && marked.contains(&processed.message_id.0)).collect())
}

/// Marks the messages that were not processed before, and says which they were.
async fn mark(transaction: &DatabaseTransaction, all: &[&Processed]) -> Result<BTreeSet<Uuid>, Error> {
    let mut values: Vec<Value> = Vec::with_capacity(all.len() * 3);
    let mut rows = Vec::with_capacity(all.len());
    for processed in all {
        let next = values.len();
        rows.push(format!("(${}, CAST(${} AS BIGINT), CAST(${} AS TEXT))", next + 1, next + 2, next + 3));
        values.extend([
            Value::from(processed.message_id.0),
            Value::from(millis(processed.at)),
            Value::from(processed.answer.as_deref().map(storable)),
        ]);
    }
    let sql = format!(
        "UPDATE messages SET processed_at = new.column2, updated_at = new.column2, answer = new.column3 \
         FROM (VALUES {}) AS new WHERE messages.id = new.column1 AND messages.processed_at IS NULL \
         RETURNING messages.id AS id",
        rows.join(", ")
    );
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
    let rows = transaction.query_all_raw(statement).await?;
    Ok(rows.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?)
}

/// Status and tags, for the few messages that change them.
async fn change_conversation(transaction: &DatabaseTransaction, processed: &Processed) -> Result<(), Error> {
    let conversation = conversations::Column::Id.eq(processed.conversation_id.0);
    if let Some(status) = processed.status {
        // A closed conversation stays closed: a new one may have begun with the same address.
        conversations::Entity::update_many()
            .col_expr(conversations::Column::Status, Expr::value(status.as_str()))
            .filter(conversation.clone())
            .filter(conversations::Column::Status.ne(ConversationStatus::Closed.as_str()))
            .exec(transaction)
            .await?;
    }
    if let Some(tags) = &processed.tags {
        conversations::Entity::update_many()
            .col_expr(conversations::Column::Tags, Expr::value(storable_json(serde_json::json!(tags))))
            .filter(conversation)
            .exec(transaction)
            .await?;
    }
    Ok(())
}

async fn touch_conversations(transaction: &DatabaseTransaction, done: &[&Processed]) -> Result<(), Error> {
    let mut last = BTreeMap::new();
    for processed in done.iter().filter(|processed| !processed.replies.is_empty()) {
        let at = last.entry(processed.conversation_id.0).or_insert(i64::MIN);
        *at = millis(processed.at).max(*at);
    }
    if last.is_empty() {
        return Ok(());
    }
    let mut values: Vec<Value> = Vec::with_capacity(last.len() * 2);
    let mut rows = Vec::with_capacity(last.len());
    for (id, at) in last {
        rows.push(format!("(${}, CAST(${} AS BIGINT))", values.len() + 1, values.len() + 2));
        values.extend([Value::from(id), Value::from(at)]);
    }
    let sql = format!(
        "UPDATE conversations SET last_message_at = new.column2, updated_at = new.column2 \
         FROM (VALUES {}) AS new WHERE conversations.id = new.column1",
        rows.join(", ")
    );
    let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
    transaction.execute_raw(statement).await?;
    Ok(())
}

fn trace_row(processed: &Processed, position: u32, trace: &Trace) -> traces::ActiveModel {
    traces::ActiveModel {
        id: Set(trace.id),
        message_id: Set(processed.message_id.0),
        position: Set(count(position)),
        plugin: Set(trace.plugin.clone()),
        version: Set(storable(&trace.version)),
        digest: Set(trace.digest.clone()),
        decision: Set(storable_json(trace.decision.clone())),
        error: Set(trace.error.as_deref().map(storable)),
        duration_micros: Set(i64::try_from(trace.duration_micros).unwrap_or(i64::MAX)),
        created_at: Set(millis(processed.at)),
    }
}
