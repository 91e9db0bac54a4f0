//! What plugins decided, as it is on record: about a message that came in with the message itself, all else in
//! one row for all that were asked together.

use std::borrow::Cow;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::decisions::{Hook, Trace};
use super::entities::{messages, traces};
use super::plugins::seed;
use super::reads::time;
use super::{Error, Store};
use crate::message::MessageId;

/// What the plugins decided that were asked about a message as it came in. It stands with the message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Asking<'a> {
    pub(super) id: Uuid,
    /// When they were asked, in milliseconds of Unix time.
    pub(super) at: i64,
    /// In the order they were asked.
    pub(super) ran: Vec<Further<'a>>,
}

/// What one plugin decided: of a row's first in columns, of the others in its list.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Further<'a> {
    pub(super) plugin: Cow<'a, str>,
    pub(super) version: Cow<'a, str>,
    pub(super) digest: Cow<'a, str>,
    pub(super) decision: Cow<'a, Value>,
    pub(super) error: Option<Cow<'a, str>>,
    pub(super) duration_micros: u64,
}

impl<'a> Further<'a> {
    pub(super) fn of(trace: &'a Trace, redacted: bool) -> Self {
        let whole = Self {
            plugin: Cow::Borrowed(&trace.plugin),
            version: Cow::Borrowed(&trace.version),
            digest: Cow::Borrowed(&trace.digest),
            decision: Cow::Borrowed(&trace.decision),
            error: trace.error.as_deref().map(Cow::Borrowed),
            duration_micros: trace.duration_micros,
        };
        if redacted { whole.redacted() } else { whole }
    }

    /// Without what it says of the text.
    pub(super) fn redacted(self) -> Self {
        Self { decision: Cow::Owned(removed()), error: None, ..self }
    }
}

/// What stands for a decision about a text that was removed.
pub(super) fn removed() -> Value {
    json!({ "redacted": true })
}

/// The list in a row; nothing where there is none.
pub(super) fn further(list: Option<&str>) -> Vec<Further<'static>> {
    list.and_then(|list| serde_json::from_str(list).ok()).unwrap_or_default()
}

/// What each plugin of an asking decided, in the order they were asked.
pub(super) fn to_traces(row: traces::Model) -> Vec<Trace> {
    let further = further(row.further.as_deref());
    let first = Trace {
        id: row.id,
        message_id: MessageId(row.message_id),
        hook: Hook::from_word(&row.hook),
        plugin: row.plugin,
        version: row.version,
        digest: row.digest,
        decision: row.decision,
        error: row.error,
        duration_micros: u64::try_from(row.duration_micros).unwrap_or(0),
        at: time(row.created_at),
        seed: seed(row.seed),
    };
    let others = further.into_iter().map(|further| Trace {
        plugin: further.plugin.into_owned(),
        version: further.version.into_owned(),
        digest: further.digest.into_owned(),
        decision: further.decision.into_owned(),
        error: further.error.map(Cow::into_owned),
        duration_micros: further.duration_micros,
        ..first.clone()
    });
    let others: Vec<Trace> = others.collect();
    std::iter::once(first).chain(others).collect()
}

/// What is on record with a message; nothing where no plugin was asked, or where it is in a row of `traces`.
pub(super) fn asking(message: &messages::Model) -> Option<Asking<'static>> {
    serde_json::from_str(message.decided.as_deref()?).ok()
}

/// What each plugin decided about a message as it came in.
pub(super) fn inbound_traces(message: &messages::Model) -> Vec<Trace> {
    asking(message).map(|asking| asking.traces(message.id, message.seed)).unwrap_or_default()
}

impl Asking<'static> {
    /// What each plugin decided about this message, in the order they were asked.
    pub(super) fn traces(self, message: Uuid, began: Option<i64>) -> Vec<Trace> {
        let Asking { id, at, ran } = self;
        let trace = |ran: Further<'static>| Trace {
            id,
            message_id: MessageId(message),
            hook: Hook::Inbound,
            plugin: ran.plugin.into_owned(),
            version: ran.version.into_owned(),
            digest: ran.digest.into_owned(),
            decision: ran.decision.into_owned(),
            error: ran.error.map(Cow::into_owned),
            duration_micros: ran.duration_micros,
            at: time(at),
            seed: seed(began),
        };
        ran.into_iter().map(trace).collect()
    }
}

impl Store {
    /// What each plugin decided about a message, in the order they were asked.
    pub async fn traces(&self, id: MessageId) -> Result<Vec<Trace>, Error> {
        let message = messages::Entity::find_by_id(id.0).one(&self.reads).await?;
        let came_in = message.as_ref().map(inbound_traces).unwrap_or_default();
        let rows = traces::Entity::find()
            .filter(traces::Column::MessageId.eq(id.0))
            .order_by_asc(traces::Column::Id)
            .all(&self.reads)
            .await?;
        Ok(came_in.into_iter().chain(rows.into_iter().flat_map(to_traces)).collect())
    }
}
