//! What is old: what there is of it, and which files go with it.
//!
//! Ids are in the order in which their rows were made, so what is older than a moment are the ids below one; and
//! how far they were gone through is on record. So neither a step nor a look depends on how much is stored.

use jiff::Timestamp;
use sea_orm::{ConnectionTrait, EntityTrait, PaginatorTrait, Statement, Value};
use serde::Serialize;
use uuid::Uuid;

use super::entities::{retention, retention_held};
use super::plugins::first_id;
use super::{Error, Store};
use crate::message::MessageId;

/// What is given up when it is old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Aged {
    /// Of messages, wherever they stand.
    Texts,
    /// The files of messages.
    Media,
    /// What was uploaded to be sent, by when it was used last.
    Uploads,
    /// What plugins decided about messages as they came in.
    Decided,
    /// What they decided about all else.
    Traces,
    /// What reports said, word by word; what they meant stays.
    Observations,
    /// What went over the wire in each attempt.
    Attempts,
    /// Events that were told, or given up.
    Events,
    /// Callbacks likewise.
    Callbacks,
}

impl Aged {
    pub const ALL: [Self; 9] = [
        Self::Texts,
        Self::Media,
        Self::Uploads,
        Self::Decided,
        Self::Traces,
        Self::Observations,
        Self::Attempts,
        Self::Events,
        Self::Callbacks,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Texts => "texts",
            Self::Media => "media",
            Self::Uploads => "uploads",
            Self::Decided => "decided",
            Self::Traces => "traces",
            Self::Observations => "observations",
            Self::Attempts => "attempts",
            Self::Events => "events",
            Self::Callbacks => "callbacks",
        }
    }

    /// The next rows of it, by the id that their age is told by: beyond `$1`, where it is not null, and below `$2`. Of
    /// uploads, whose age that does not tell, see [`UNUSED`].
    pub(super) fn next(self, columns: &str) -> String {
        let (table, id, only) = match self {
            Self::Texts | Self::Decided => ("messages", "id", ""),
            Self::Media => ("media", "message_id", ""),
            Self::Uploads => ("uploads", "id", ""),
            Self::Traces => ("traces", "id", ""),
            Self::Observations => ("observations", "id", ""),
            Self::Attempts => ("attempts", "id", ""),
            Self::Events => ("events", "id", " AND state IN ('delivered', 'given-up')"),
            Self::Callbacks => ("callbacks", "message_id", " AND state IN ('done', 'given-up')"),
        };
        format!("SELECT {columns} FROM {table} WHERE {id} > $1 AND {id} < $2{only}")
    }
}

/// Uploads that nobody used since `$1`; word for word what their index is of.
pub(super) const UNUSED: &str = "COALESCE(used_at, created_at) < $1";

/// What a step came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AgedStep {
    /// Whether there may be more at once.
    pub more: bool,
    /// How many rows were given up.
    pub changed: u64,
}

/// A medium whose file its message lets go of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgedMedium {
    pub message_id: MessageId,
    pub position: i32,
}

/// The next media that are old.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgedMedia {
    pub media: Vec<AgedMedium>,
    pub(super) reached: Option<Uuid>,
    pub more: bool,
}

impl Store {
    /// How much is older than `before`, and still there.
    pub async fn aged(&self, aged: Aged, before: Timestamp) -> Result<u64, Error> {
        let (sql, values): (_, Vec<Value>) = if aged == Aged::Uploads {
            (format!("SELECT COUNT(*) AS number FROM uploads WHERE {UNUSED}"), vec![before.as_millisecond().into()])
        } else {
            let reached = self.reached(aged).await?;
            (aged.next("COUNT(*) AS number"), vec![reached.into(), first_id(before).into()])
        };
        let backend = self.reads.get_database_backend();
        let row = self.reads.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        let number: i64 = row.map(|row| row.try_get("", "number")).transpose()?.unwrap_or(0);
        let held = match aged {
            Aged::Texts => retention_held::Entity::find().count(&self.reads).await?,
            _ => 0,
        };
        Ok(u64::try_from(number).unwrap_or(0) + held)
    }

    /// The next media that are older than `before`, up to the first of a message that is still to be processed.
    pub async fn aged_media(&self, before: Timestamp, limit: usize) -> Result<AgedMedia, Error> {
        let reached = self.reached(Aged::Media).await?;
        let sql = format!(
            "SELECT media.message_id, media.position, messages.direction = 'inbound' AND \
             messages.processed_at IS NULL AS waits FROM ({} ORDER BY message_id, position LIMIT {limit}) AS media \
             JOIN messages ON messages.id = media.message_id ORDER BY media.message_id, media.position",
            Aged::Media.next("message_id, position")
        );
        let values = [reached.into(), first_id(before).into()];
        let backend = self.reads.get_database_backend();
        let rows = self.reads.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        let full = rows.len() == limit;
        let mut found: Vec<(Uuid, i32)> = Vec::with_capacity(rows.len());
        let mut more = full;
        for row in rows {
            if row.try_get::<bool>("", "waits")? {
                more = false;
                break;
            }
            found.push((row.try_get("", "message_id")?, row.try_get("", "position")?));
        }
        // The rest of the last message may be on the next page.
        let last = found.last().map(|(id, _)| *id);
        if more && found.first().map(|(id, _)| *id) != last {
            found.retain(|(id, _)| Some(*id) != last);
        }
        let reached = found.last().map(|(id, _)| *id);
        let media = found.into_iter().map(|(id, position)| AgedMedium { message_id: MessageId(id), position });
        Ok(AgedMedia { media: media.collect(), reached, more })
    }

    async fn reached(&self, aged: Aged) -> Result<Uuid, Error> {
        let row = retention::Entity::find_by_id(aged.as_str().to_owned()).one(&self.reads).await?;
        Ok(row.map_or(Uuid::nil(), |row| row.reached))
    }
}
