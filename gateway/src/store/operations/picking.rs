//! What of a queue is handed out next: what is due, and whose conversation has nothing older that goes before it.
//!
//! Along the queue, by time, the next are found at once, unless what waits is for few people: then nearly all
//! that a walk meets waits behind something older, and the longer the queue, the longer the walk. So the
//! walk ends after some, and goes from conversation to conversation from there: of each, what goes before all else
//! is one look at an index. Where there are many conversations as well (somebody who has hundreds of
//! parts in front of a bulk send), it goes on along the queue: so what has waited longest is always first.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, FromQueryResult, ModelTrait, Statement, Value};

use super::columns;
use super::planning::{by_any_way, by_index};
use crate::store::Error;
use crate::store::pool::Pool;

/// The fewest that are looked at along the queue, and the most, unless more are wanted: four for each wanted one.
const FEWEST: usize = 64;
const MOST: usize = 256;

/// As many conversations are gone through.
const CONVERSATIONS: usize = 1000;

/// More than there are. A limit all the same: it keeps Postgres from drawing conditions into what has it, and from
/// sorting a long queue then.
const NO_END: i64 = i64::MAX;

/// A queue in a table, by id within each conversation. In SQL, about what a statement calls by the given name;
/// `$1` is the time everywhere.
pub(in crate::store) struct Queue {
    pub(super) table: &'static str,
    /// What conditions ask for, and what is wanted of those that are picked.
    pub(super) columns: &'static [&'static str],
    /// That it is due: word for word as an index has it.
    pub(super) due: fn(&str) -> String,
    /// The columns by which that index is in order.
    pub(super) order: &'static [&'static str],
    /// That it may be handed out, by itself.
    pub(super) free: fn(&str) -> String,
    /// That it has not come to an end: word for word as the index by conversation and id has it.
    pub(super) waits: fn(&str) -> String,
    /// That nothing which follows in its conversation is handed out.
    pub(super) goes_before: fn(&str) -> String,
}

/// Where to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Among {
    /// The first so many of the queue.
    First(usize),
    /// What comes first in each conversation.
    Conversations,
    /// The queue, to its end.
    All,
}

impl Among {
    /// Where to begin.
    pub(super) fn first(wanted: usize) -> Self {
        Self::First(wanted.saturating_mul(4).clamp(FEWEST, MOST).max(wanted))
    }
}

impl Queue {
    /// The first that may be handed out, with `columns`; `more` are further conditions, about `due`. On Postgres, which
    /// several gateways may share, they are locked: none waits for, or takes, what another holds. What is looked
    /// among is looked for first and has a limit, and one is locked when all else is known of it: so no
    /// more are locked than are picked.
    pub(super) fn picked(&self, backend: DbBackend, among: Among, more: &str, limit: usize) -> String {
        let (with, from, condition) = match among {
            Among::First(count) => self.along(count),
            Among::All => self.along(NO_END),
            Among::Conversations => self.by_conversation(),
        };
        let lock = if backend == DbBackend::Postgres {
            // All of it again, about the row as it is by now: another gateway may have changed it meanwhile. Not as plain
            // conditions, or Postgres, which may think that the queue is short, would look for each along all of it.
            let (table, due, free) = (self.table, (self.due)("own"), (self.free)("own"));
            format!(
                ", LATERAL (SELECT 1 FROM {table} AS own WHERE own.id = due.id \
                 AND CASE WHEN {due} AND {free} THEN TRUE ELSE FALSE END FOR UPDATE SKIP LOCKED) AS locked"
            )
        } else {
            String::new()
        };
        let columns = self.columns_of("due");
        format!("{with}SELECT {columns} FROM ({from}) AS due{lock} WHERE {condition}{more} LIMIT {limit}")
    }

    /// Leases what is handed out next, by this `SET`; its own value is behind `values`.
    pub(super) async fn lease<M: ModelTrait + FromQueryResult>(
        &self,
        transaction: &DatabaseTransaction,
        values: Vec<Value>,
        (set, value): (&str, Value),
        limit: usize,
    ) -> Result<Vec<M>, Error> {
        by_index(transaction).await?;
        let columns = columns::all::<M::Entity>();
        let backend = transaction.get_database_backend();
        let (table, mut rows, mut among) = (self.table, Vec::new(), Some(Among::first(limit)));
        while let Some(looked) = among {
            let picked = self.picked(backend, looked, "", limit - rows.len());
            let sql = format!(
                "WITH picked AS MATERIALIZED ({picked}) \
                 UPDATE {table} SET {set} WHERE id IN (SELECT id FROM picked) RETURNING {columns}"
            );
            let all = values.iter().chain([&value]).cloned();
            let some = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, all)).await?;
            let gone = some.len();
            rows.extend(some);
            if rows.len() >= limit {
                break;
            }
            among = self.next(transaction, values.clone(), looked, gone).await?;
        }
        by_any_way(transaction).await?;
        Ok(rows.iter().map(|row| M::from_query_result(row, "")).collect::<Result<_, _>>()?)
    }

    /// Where to look next, when there were fewer than wanted; `gone` were picked, and may be in the queue no more.
    pub(super) async fn next(
        &self,
        connection: &impl ConnectionTrait,
        values: Vec<Value>,
        looked: Among,
        gone: usize,
    ) -> Result<Option<Among>, Error> {
        let Among::First(count) = looked else { return Ok(None) };
        let is_so = async |sql: String| -> Result<bool, Error> {
            let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values.clone());
            Ok(connection.query_one_raw(statement).await?.is_some())
        };
        if !is_so(self.goes_on(count.saturating_sub(gone))).await? {
            return Ok(None);
        }
        Ok(Some(if is_so(self.has_many()).await? { Among::All } else { Among::Conversations }))
    }

    /// Whether anything may be handed out; for whoever asks before taking.
    pub(in crate::store) async fn has_any(&self, reads: &Pool, values: Vec<Value>) -> Result<bool, Error> {
        if reads.get_database_backend() != DbBackend::Postgres {
            return self.any(reads, values).await;
        }
        let transaction = reads.begin().await?;
        by_index(&transaction).await?;
        let found = self.any(&transaction, values).await?;
        transaction.commit().await?;
        Ok(found)
    }

    async fn any(&self, connection: &impl ConnectionTrait, values: Vec<Value>) -> Result<bool, Error> {
        let mut among = Some(Among::first(1));
        while let Some(looked) = among {
            // Nothing is locked where nothing is taken.
            let sql = self.picked(DbBackend::Sqlite, looked, "", 1);
            let statement = Statement::from_sql_and_values(connection.get_database_backend(), sql, values.clone());
            if connection.query_one_raw(statement).await?.is_some() {
                return Ok(true);
            }
            among = self.next(connection, values.clone(), looked, 0).await?;
        }
        Ok(false)
    }

    fn columns_of(&self, name: &str) -> String {
        let columns: Vec<String> = self.columns.iter().map(|column| format!("{name}.{column}")).collect();
        columns.join(", ")
    }

    fn ordered(&self, name: &str) -> String {
        let columns: Vec<String> = self.order.iter().map(|column| format!("{name}.{column}")).collect();
        columns.join(", ")
    }

    /// Along the queue: what to look among, and what keeps one back.
    fn along(&self, count: impl std::fmt::Display) -> (String, String, String) {
        let (table, columns, due, order) = (self.table, self.columns_of("it"), (self.due)("it"), self.ordered("it"));
        let from = format!("SELECT {columns} FROM {table} AS it WHERE {due} ORDER BY {order} LIMIT {count}");
        // A look for one row, and not the join that it could be: what Postgres knows of a queue that has just grown is
        // old, and it would go through all of it.
        let condition = format!(
            "{} AND (SELECT 1 FROM {table} AS older WHERE older.conversation_id = due.conversation_id \
             AND older.id < due.id AND {} LIMIT 1) IS NULL",
            (self.free)("due"),
            (self.goes_before)("older")
        );
        (String::new(), from, condition)
    }

    /// From each conversation of which something waits to the next: one look at the index each.
    fn walk(&self) -> String {
        let (table, waits) = (self.table, (self.waits)("it"));
        format!(
            "WITH RECURSIVE walk(conversation_id, step) AS (\
               SELECT (SELECT it.conversation_id FROM {table} AS it WHERE {waits} ORDER BY it.conversation_id LIMIT 1), 1 \
               UNION ALL \
               SELECT (SELECT it.conversation_id FROM {table} AS it WHERE {waits} \
                 AND it.conversation_id > walk.conversation_id ORDER BY it.conversation_id LIMIT 1), step + 1 \
               FROM walk WHERE walk.conversation_id IS NOT NULL AND step < {CONVERSATIONS})"
        )
    }

    fn by_conversation(&self) -> (String, String, String) {
        let (table, columns, order) = (self.table, self.columns_of("it"), self.ordered("it"));
        // Not "=", by which Postgres would see that this is the order of ids alone, and look through all by these.
        let with = format!(
            "{}, firsts AS MATERIALIZED (SELECT (SELECT older.id FROM {table} AS older \
             WHERE older.conversation_id >= walk.conversation_id AND older.conversation_id <= walk.conversation_id \
             AND {} ORDER BY older.conversation_id, older.id LIMIT 1) AS id \
             FROM walk WHERE walk.conversation_id IS NOT NULL) ",
            self.walk(),
            (self.goes_before)("older")
        );
        // From the few to the many, which is what a cross join means to SQLite. Ordered outside of that, or Postgres would
        // go through all in that order.
        let from = format!(
            "SELECT {columns} FROM (SELECT {columns} FROM firsts CROSS JOIN {table} AS it WHERE it.id = firsts.id \
             LIMIT {CONVERSATIONS}) AS it ORDER BY {order} LIMIT {CONVERSATIONS}"
        );
        (with, from, format!("{} AND {}", (self.due)("due"), (self.free)("due")))
    }

    /// Whether the queue goes on behind the first so many.
    fn goes_on(&self, behind: usize) -> String {
        let (table, due, order) = (self.table, (self.due)("it"), self.ordered("it"));
        format!("SELECT 1 AS found FROM {table} AS it WHERE {due} ORDER BY {order} LIMIT 1 OFFSET {behind}")
    }

    /// Whether there are more conversations than are gone through, and anything is due.
    fn has_many(&self) -> String {
        let (table, due, order, walk) = (self.table, (self.due)("it"), self.ordered("it"), self.walk());
        format!(
            "{walk} SELECT 1 AS found FROM walk WHERE step = {CONVERSATIONS} AND conversation_id IS NOT NULL \
             AND (SELECT 1 FROM {table} AS it WHERE {due} ORDER BY {order} LIMIT 1) IS NOT NULL"
        )
    }
}
