//! Committing what processing inbound messages came to: each message as one, many at once.

use std::collections::{BTreeMap, BTreeSet};

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Set, Statement, Value,
};
use uuid::Uuid;

use super::consent;
use super::submit::insert_outbound;
use super::{count, millis, storable, storable_json};
use crate::message::{ConversationStatus, MessageId};
use crate::store::Error;
use crate::store::entities::{conversations, traces};
use crate::store::records::{Committed, NewOutbound, Processed, Trace};

/// For each, in order, what became of it.
pub(in crate::store) async fn apply(
    transaction: &DatabaseTransaction,
    all: &[&Processed],
) -> Result<Vec<Committed>, Error> {
    if all.is_empty() {
        return Ok(Vec::new());
    }
    let mut seen = BTreeSet::new();
    // Of the same message twice in one batch, the first counts.
    let first: Vec<bool> = all.iter().map(|processed| seen.insert(processed.message_id)).collect();
    let once: Vec<&Processed> =
        all.iter().zip(&first).filter(|(_, first)| **first).map(|(processed, _)| *processed).collect();
    let unanswered = unanswered(transaction, &once).await?;
    let once: Vec<&Processed> =
        once.into_iter().map(|processed| unanswered.get(&processed.message_id).unwrap_or(processed)).collect();
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
    let committed = |(processed, first): (&&Processed, bool)| {
        if !first || !marked.contains(&processed.message_id.0) {
            Committed::Before
        } else if unanswered.contains_key(&processed.message_id) {
            Committed::Unanswered
        } else {
            Committed::Done
        }
    };
    Ok(all.iter().zip(first).map(committed).collect())
}

/// Those that reply to somebody who has opted out, as they are to be instead.
async fn unanswered(
    transaction: &DatabaseTransaction,
    all: &[&Processed],
) -> Result<BTreeMap<MessageId, Processed>, Error> {
    let keys: BTreeSet<(&str, &str)> = all.iter().flat_map(|processed| recipients(processed)).collect();
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    if transaction.get_database_backend() == DbBackend::Postgres {
        // Whoever keeps an opting out holds this lock; SQLite has one writer.
        let ids = all.iter().filter(|processed| !processed.replies.is_empty()).map(|p| p.conversation_id.0);
        conversations::Entity::find()
            .select_only()
            .column(conversations::Column::Id)
            .filter(conversations::Column::Id.is_in(ids))
            .order_by_asc(conversations::Column::Id)
            .lock_exclusive()
            .into_tuple::<Uuid>()
            .all(transaction)
            .await?;
    }
    let keys: Vec<(&str, &str)> = keys.into_iter().collect();
    let opted_out = consent::opted_out(transaction, &keys).await?;
    let has_opted_out = |processed: &&&Processed| {
        recipients(processed)
            .any(|(channel, address)| opted_out.contains_key(&(channel.to_owned(), address.to_owned())))
    };
    Ok(all.iter().filter(has_opted_out).map(|processed| (processed.message_id, without_replies(processed))).collect())
}

fn recipients(processed: &Processed) -> impl Iterator<Item = (&str, &str)> {
    processed.replies.iter().map(|reply| (reply.channel.as_str(), reply.recipient.as_str()))
}

/// That the replies were left out is part of the explanation.
fn without_replies(processed: &Processed) -> Processed {
    let mut processed = Processed { answer: None, ..processed.clone() };
    for reply in std::mem::take(&mut processed.replies) {
        let trace = processed.traces.iter_mut().find(|trace| Some(&trace.plugin) == reply.plugin.as_ref());
        let left_out = trace.and_then(|trace| trace.decision.get_mut("left_out")?.as_array_mut());
        if let Some(left_out) = left_out {
            left_out.push(format!("a reply was left out: {}", consent::REASON).into());
        }
    }
    processed
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
