//! What waits to be sent, by sender and priority: found by a few looks at an index for each, however much
//! waits behind the first of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryResult, Statement, Value};
use uuid::Uuid;

use super::bulks::HELD;
use super::entities::pauses;
use super::operations::filled;
use super::reads::time;
use super::{Error, Store};
use crate::message::{Address, ConversationId, Line, PartId, Priority};

/// That something waits to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub line: Line,
    pub priority: Priority,
    /// Since when the first of it is due.
    pub since: Timestamp,
}

/// Which parts to claim.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub now: Timestamp,
    /// When their leases end.
    pub until: Timestamp,
    /// As many parts at the most.
    pub attempt_ids: Vec<Uuid>,
    /// One after the other.
    pub orders: Vec<Order>,
    /// Parts that are left out.
    pub but: Vec<PartId>,
    /// For how long the links of ours last that they take along.
    pub links_last: Duration,
}

/// So many parts of one line and priority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub line: Line,
    pub priority: Priority,
    pub parts: usize,
    /// How many segments all orders of this line may take; the last part may be longer than what is left.
    /// None: as many as there are.
    pub room: Option<u32>,
}

/// Why a channel was paused by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByHand {
    pub since: Timestamp,
    pub reason: Option<String>,
}

/// The expression of the index, word for word.
pub(super) fn sender_of(table: &str) -> String {
    format!("COALESCE({table}.sender, {table}.service, '')")
}

/// That a part which waits is not overtaken within its conversation at a moment. What is for a later time holds nobody up,
/// and the time of what is held never comes. One that was tried holds up what follows until it is tried again, unless it
/// waits for the morning alone; and what was to leave at once does, whatever the clock was set to since.
pub(super) fn keeps_its_place(it: &str, now: &str) -> String {
    format!(
        "(({it}.attempts > 0 AND NOT {it}.put_off AND {it}.due_at < {HELD}) OR {it}.due_at <= {now} \
         OR {it}.due_at <= {it}.created_at)"
    )
}

/// From each channel to the next, then from each sender to the next, and of each the first part of every
/// priority: one look at the index each. A list of all that waits would take the longer the more there is.
/// Channels are left out by a condition. The first look is ordered by the sender, too: SQLite would take another
/// index that begins with the channel, and go through all that was ever sent.
pub(super) fn lines_sql(condition: &str) -> String {
    let sender = sender_of("parts");
    format!(
        "WITH RECURSIVE \
         channels(channel) AS ( \
           SELECT (SELECT parts.channel FROM parts WHERE parts.state = 'queued' ORDER BY parts.channel, {sender} LIMIT 1) \
           UNION ALL \
           SELECT (SELECT parts.channel FROM parts WHERE parts.state = 'queued' \
             AND parts.channel > channels.channel ORDER BY parts.channel, {sender} LIMIT 1) \
           FROM channels WHERE channels.channel IS NOT NULL), \
         lines(channel, sender) AS ( \
           SELECT channels.channel, (SELECT {sender} FROM parts WHERE parts.state = 'queued' \
             AND parts.channel = channels.channel ORDER BY {sender} LIMIT 1) \
           FROM channels WHERE channels.channel IS NOT NULL {condition} \
           UNION ALL \
           SELECT lines.channel, (SELECT {sender} FROM parts WHERE parts.state = 'queued' \
             AND parts.channel = lines.channel AND {sender} > lines.sender ORDER BY {sender} LIMIT 1) \
           FROM lines WHERE lines.sender IS NOT NULL), \
         priorities(priority) AS (VALUES (0), (1), (2)), \
         firsts AS MATERIALIZED (SELECT lines.channel AS channel, lines.sender AS sender, priorities.priority AS priority, \
           (SELECT parts.due_at FROM parts WHERE parts.state = 'queued' AND parts.channel = lines.channel \
             AND {sender} = lines.sender AND parts.priority = priorities.priority \
             ORDER BY parts.due_at LIMIT 1) AS due_at \
           FROM lines, priorities WHERE lines.sender IS NOT NULL)"
    )
}

fn waiting_sql() -> String {
    format!(
        "{} SELECT channel, sender, priority, due_at FROM firsts WHERE due_at <= $1 ORDER BY channel, sender, priority",
        lines_sql("AND channels.channel NOT IN (SELECT pauses.channel FROM pauses)")
    )
}

/// In which of these conversations something is in front of whatever follows at that moment, in milliseconds, unless that goes
/// another way: since it is being sent, was tried, or is due. What was tried is not if it waits for the morning alone, or is
/// held.
pub(super) async fn ahead(
    database: &impl ConnectionTrait,
    asked: impl IntoIterator<Item = (ConversationId, i64)>,
) -> Result<BTreeSet<ConversationId>, Error> {
    let asked = filled(asked);
    if asked.is_empty() {
        return Ok(BTreeSet::new());
    }
    let backend = database.get_database_backend();
    let place = |number: usize| match backend {
        DbBackend::Sqlite => "(?, ?)".to_owned(),
        _ => format!("(CAST(${} AS UUID), CAST(${} AS BIGINT))", 2 * number + 1, 2 * number + 2),
    };
    let places: Vec<String> = (0..asked.len()).map(place).collect();
    let values: Vec<Value> = asked.iter().flat_map(|(id, now)| [Value::from(id.0), Value::from(*now)]).collect();
    // The state first word for word as the partial index has it, so that SQLite uses it. With a limit and not as
    // `EXISTS`, of which Postgres may make a join with all that waits.
    let sql = format!(
        "SELECT asked.column1 AS id FROM (VALUES {}) AS asked \
         WHERE (SELECT 1 FROM parts WHERE parts.state IN ('queued', 'sending') \
         AND parts.conversation_id = asked.column1 AND (parts.state = 'sending' OR {}) LIMIT 1) IS NOT NULL",
        places.join(", "),
        keeps_its_place("parts", "asked.column2")
    );
    let rows = database.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    Ok(rows.iter().map(|row| row.try_get("", "id").map(ConversationId)).collect::<Result<_, DbErr>>()?)
}

impl Store {
    /// Of which lines something is due, and in which priorities; but for channels that are paused by hand.
    pub async fn waiting(&self, now: Timestamp) -> Result<Vec<Waiting>, Error> {
        let backend = self.reads.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, waiting_sql(), [now.as_millisecond().into()]);
        let rows = self.reads.query_all_raw(statement).await?;
        let read = |row: &QueryResult| -> Result<Waiting, DbErr> {
            let sender: String = row.try_get("", "sender")?;
            let line = Line { channel: row.try_get("", "channel")?, sender: Address::received(&sender) };
            let priority = Priority::from_number(row.try_get("", "priority")?);
            Ok(Waiting { line, priority, since: time(row.try_get("", "due_at")?) })
        };
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
    }

    #[cfg(test)]
    pub async fn has_older(&self, id: ConversationId, now: Timestamp) -> Result<bool, Error> {
        Ok(!ahead(&self.reads, [(id, now.as_millisecond())]).await?.is_empty())
    }

    /// The newest part that waits to be sent, by its id: new ones are to come behind it, also where the clock was set back
    /// meanwhile.
    pub async fn newest_waiting(&self) -> Result<Option<Uuid>, Error> {
        // By themselves first: from the end of all parts, a database may look for one for long.
        let sql = "WITH waiting AS MATERIALIZED (SELECT id FROM parts WHERE state IN ('queued', 'sending')) \
             SELECT id FROM waiting ORDER BY id DESC LIMIT 1";
        let statement = Statement::from_string(self.reads.get_database_backend(), sql.to_owned());
        let row = self.reads.query_one_raw(statement).await?;
        Ok(row.map(|row| row.try_get("", "id")).transpose()?)
    }

    /// The channels that were paused by hand, and why.
    pub async fn paused(&self) -> Result<BTreeMap<String, ByHand>, Error> {
        let rows = pauses::Entity::find().all(&self.reads).await?;
        let known = |row: pauses::Model| (row.channel, ByHand { since: time(row.since), reason: row.reason });
        Ok(rows.into_iter().map(known).collect())
    }
}
