//! How much waits, for whoever watches: found by looks at partial indexes that stop at a limit, so that a look
//! costs the same however much waits and however much is stored.

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, QueryResult, Statement, Value};

use super::lines::{lines_sql, sender_of};
use super::reads::time;
use super::{Error, Store};
use crate::message::Priority;

/// No more of one kind are counted.
pub const COUNTED: u32 = 10_000;

/// What waits in the database, of all gateways that share it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    pub outbound: Vec<DueParts>,
    /// Parts that are being sent.
    pub sending: u64,
    /// Texts that are recorded and not processed.
    pub unprocessed: u64,
    /// When the oldest of those that are counted came in.
    pub oldest_unprocessed: Option<Timestamp>,
    pub endpoints: Vec<EndpointBacklog>,
}

/// Parts of a sender and a priority that are due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueParts {
    pub channel: String,
    pub priority: Priority,
    pub parts: u64,
    /// Since when the first of them is due.
    pub since: Timestamp,
}

/// What an endpoint is still to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointBacklog {
    pub name: String,
    pub waiting: u64,
    /// It is told nothing, since it failed for too long or is gone.
    pub disabled: bool,
}

/// Of each line and priority the first part, as a claim looks for it, and from there on as many as count; also of
/// channels that are paused by hand.
pub(super) fn due_sql() -> String {
    let sender = sender_of("parts");
    format!(
        "{} SELECT channel, priority, due_at AS since, (SELECT COUNT(*) FROM (SELECT 1 FROM parts \
         WHERE parts.state = 'queued' AND parts.channel = firsts.channel AND {sender} = firsts.sender \
         AND parts.priority = firsts.priority AND parts.due_at <= $1 LIMIT {COUNTED}) AS counted) AS number \
         FROM firsts WHERE due_at <= $1",
        lines_sql("")
    )
}

pub(super) fn sending_sql() -> String {
    format!(
        "SELECT COUNT(*) AS number FROM (SELECT 1 FROM parts WHERE parts.state = 'sending' LIMIT {COUNTED}) AS counted"
    )
}

/// In the order of the partial index, so that nothing else can seem faster to a planner: Postgres takes every fourth
/// message for one of these, since half come in and half are not processed, and the first by id for soon found.
pub(super) fn unprocessed_sql() -> String {
    format!(
        "SELECT COUNT(*) AS number, MIN(created_at) AS since FROM (SELECT created_at FROM messages \
         WHERE processed_at IS NULL AND direction = 'inbound' ORDER BY conversation_id, ordinal LIMIT {COUNTED}) \
         AS counted"
    )
}

pub(super) fn endpoints_sql() -> String {
    format!(
        "SELECT endpoints.name AS name, endpoints.gone_at IS NOT NULL OR endpoints.disabled_at IS NOT NULL AS disabled, \
         (SELECT COUNT(*) FROM (SELECT 1 FROM events WHERE events.endpoint = endpoints.name \
         AND events.state IN ('waiting', 'sending') LIMIT {COUNTED}) AS counted) AS number FROM endpoints"
    )
}

fn number(row: &QueryResult) -> Result<u64, DbErr> {
    Ok(u64::try_from(row.try_get::<i64>("", "number")?).unwrap_or(0))
}

impl FromQueryResult for DueParts {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        let priority = Priority::from_number(row.try_get("", "priority")?);
        let since = time(row.try_get("", "since")?);
        Ok(Self { channel: row.try_get("", "channel")?, priority, parts: number(row)?, since })
    }
}

impl FromQueryResult for EndpointBacklog {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Ok(Self { name: row.try_get("", "name")?, waiting: number(row)?, disabled: row.try_get("", "disabled")? })
    }
}

impl Store {
    /// How much waits. Not for every message: it is some looks at indexes.
    pub async fn backlog(&self, now: Timestamp) -> Result<Backlog, Error> {
        let mut backlog = Backlog::default();
        for row in self.rows(due_sql(), vec![now.as_millisecond().into()]).await? {
            backlog.outbound.push(DueParts::from_query_result(&row, "")?);
        }
        for row in self.rows(sending_sql(), Vec::new()).await? {
            backlog.sending = number(&row)?;
        }
        for row in self.rows(unprocessed_sql(), Vec::new()).await? {
            backlog.unprocessed = number(&row)?;
            backlog.oldest_unprocessed = row.try_get::<Option<i64>>("", "since")?.map(time);
        }
        for row in self.rows(endpoints_sql(), Vec::new()).await? {
            backlog.endpoints.push(EndpointBacklog::from_query_result(&row, "")?);
        }
        Ok(backlog)
    }

    /// How many writes wait for the writer.
    pub fn writes_waiting(&self) -> usize {
        self.writes.max_capacity() - self.writes.capacity()
    }

    async fn rows(&self, sql: String, values: Vec<Value>) -> Result<Vec<QueryResult>, Error> {
        let statement = Statement::from_sql_and_values(self.reads.get_database_backend(), sql, values);
        Ok(self.reads.query_all_raw(statement).await?)
    }
}
