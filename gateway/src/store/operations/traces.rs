//! What plugins decided, for the record. About a message that came in it is written with the mark that the
//! message was processed; those that were asked together about anything else have one row together: rows and
//! statements are what a trace costs.

use std::collections::BTreeSet;

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter,
    QuerySelect, Set, Statement, Value,
};
use serde::Serialize;
use uuid::Uuid;

use super::rows::{or_fail, places};
use super::sizes::pieces;
use super::{millis, storable, storable_json};
use crate::store::Error;
use crate::store::decisions::{Cause, Hook, Processed, Trace};
use crate::store::entities::{messages, traces};
use crate::store::traces::{Asking, Further, asking as stored, further, removed};

const COLUMNS: [&str; 13] = [
    "id",
    "message_id",
    "position",
    "plugin",
    "version",
    "digest",
    "decision",
    "error",
    "duration_micros",
    "created_at",
    "hook",
    "seed",
    "further",
];

/// Keeps them; those of one asking are next to each other.
pub(super) async fn explain(transaction: &DatabaseTransaction, all: Vec<&Trace>) -> Result<(), Error> {
    if all.is_empty() {
        return Ok(());
    }
    let redacted = redacted(transaction, &all).await?;
    let mut askings: Vec<&[&Trace]> = all.chunk_by(|one, next| asking(one) == asking(next)).collect();
    let backend = transaction.get_database_backend();
    for size in pieces(askings.len()) {
        let some: Vec<&[&Trace]> = askings.drain(..size).collect();
        let mut values: Vec<Value> = Vec::with_capacity(some.len() * COLUMNS.len());
        let mut rows = Vec::with_capacity(some.len());
        for asking in some {
            let [first, further @ ..] = asking else { continue };
            rows.push(row_places(backend, values.len()));
            values.extend(row(first, further, redacted.contains(&first.message_id.0)));
        }
        let (insert, columns) = (or_fail(backend), COLUMNS.join(", "));
        let sql = format!("INSERT{insert} INTO traces ({columns}) VALUES {}", rows.join(", "));
        transaction.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    }
    Ok(())
}

/// What is put down with a message that came in; nothing where no plugin was asked.
pub(super) fn decided(processed: &Processed) -> Option<String> {
    let own = |trace: &&Trace| is_with_message(processed, trace);
    let mut own = processed.traces.iter().filter(own).peekable();
    let first = *own.peek()?;
    let ran = own.map(|trace| Further::of(trace, false)).collect();
    Some(json_text(&Asking { id: first.id, at: millis(first.at), ran }))
}

/// Those that have rows of their own.
pub(super) fn apart(processed: &Processed) -> impl Iterator<Item = &Trace> {
    processed.traces.iter().filter(|trace| !is_with_message(processed, trace))
}

fn is_with_message(processed: &Processed, trace: &Trace) -> bool {
    processed.cause == Cause::Message && trace.hook == Hook::Inbound && trace.message_id == processed.message_id
}

fn asking(trace: &Trace) -> (Uuid, Hook, i64, Option<u64>) {
    (trace.message_id.0, trace.hook, millis(trace.at), trace.seed)
}

fn row_places(backend: DbBackend, before: usize) -> String {
    let places = places(backend, before + 1, COLUMNS.len()).into_iter().zip(COLUMNS);
    let place = |(place, column): (String, &str)| match (backend, column) {
        (DbBackend::Postgres, "decision") => format!("CAST({place} AS JSON)"),
        _ => place,
    };
    let places: Vec<String> = places.map(place).collect();
    format!("({})", places.join(", "))
}

fn row(first: &Trace, further: &[&Trace], redacted: bool) -> [Value; COLUMNS.len()] {
    let rest: Vec<Further<'_>> = further.iter().map(|trace| Further::of(trace, redacted)).collect();
    let Further { plugin, version, digest, decision, error, duration_micros } = Further::of(first, redacted);
    [
        first.id.into(),
        first.message_id.0.into(),
        0.into(),
        plugin.as_ref().into(),
        storable(&version).into(),
        digest.as_ref().into(),
        json_text(&decision).into(),
        error.as_deref().map(storable).into(),
        i64::try_from(duration_micros).unwrap_or(i64::MAX).into(),
        millis(first.at).into(),
        first.hook.as_str().into(),
        first.seed.map(u64::cast_signed).into(),
        (!rest.is_empty()).then(|| json_text(&rest)).into(),
    ]
}

/// A JSON document that the databases take.
fn json_text<T: Serialize>(value: &T) -> String {
    let text = serde_json::to_string(value).unwrap_or_default();
    if !text.contains("\\u0000") {
        return text;
    }
    serde_json::from_str(&text).map(|json| storable_json(json).to_string()).unwrap_or_default()
}

/// Messages whose texts were removed, and about which plugins decided something all the same: a timer that
/// was set for one runs out, or a report of it comes.
async fn redacted(transaction: &DatabaseTransaction, all: &[&Trace]) -> Result<BTreeSet<Uuid>, Error> {
    let later = all.iter().filter(|trace| matches!(trace.hook, Hook::Status | Hook::Timer));
    let ids: BTreeSet<Uuid> = later.map(|trace| trace.message_id.0).collect();
    if ids.is_empty() {
        return Ok(ids);
    }
    let found = messages::Entity::find()
        .select_only()
        .column(messages::Column::Id)
        .filter(messages::Column::Id.is_in(ids))
        .filter(messages::Column::RedactedAt.is_not_null());
    Ok(found.into_tuple::<Uuid>().all(transaction).await?.into_iter().collect())
}

/// Leaves of what plugins decided about messages that they did, and when.
pub(super) async fn redact(transaction: &DatabaseTransaction, messages: [Uuid; 2]) -> Result<(), Error> {
    let came_in = messages::Entity::find()
        .filter(messages::Column::Id.is_in(messages))
        .filter(messages::Column::Decided.is_not_null())
        .all(transaction)
        .await?;
    for row in came_in {
        let left = stored(&row).map(|Asking { id, at, ran }| {
            json_text(&Asking { id, at, ran: ran.into_iter().map(Further::redacted).collect() })
        });
        messages::Entity::update_many()
            .col_expr(messages::Column::Decided, Expr::value(left))
            .filter(messages::Column::Id.eq(row.id))
            .exec(transaction)
            .await?;
    }
    traces::Entity::update_many()
        .col_expr(traces::Column::Decision, Expr::value(removed()))
        .col_expr(traces::Column::Error, Expr::value(None::<String>))
        .filter(traces::Column::MessageId.is_in(messages))
        .exec(transaction)
        .await?;
    let several = traces::Entity::find()
        .filter(traces::Column::MessageId.is_in(messages))
        .filter(traces::Column::Further.is_not_null())
        .all(transaction)
        .await?;
    for row in several {
        let further: Vec<Further<'_>> = further(row.further.as_deref());
        let left: Vec<Further<'_>> = further.into_iter().map(Further::redacted).collect();
        traces::ActiveModel { id: Set(row.id), further: Set(Some(json_text(&left))), ..Default::default() }
            .update(transaction)
            .await?;
    }
    Ok(())
}
