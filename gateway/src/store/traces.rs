//! What plugins decided, as it is on record: one row for all that were asked together.

use std::borrow::Cow;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::decisions::{Hook, Trace};
use super::entities::traces;
use super::plugins::seed;
use super::reads::time;
use super::{Error, Store};
use crate::message::MessageId;

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

impl Store {
    /// What each plugin decided about a message, in the order they were asked.
    pub async fn traces(&self, id: MessageId) -> Result<Vec<Trace>, Error> {
        let rows = traces::Entity::find()
            .filter(traces::Column::MessageId.eq(id.0))
            .order_by_asc(traces::Column::Id)
            .all(&self.reads)
            .await?;
        Ok(rows.into_iter().flat_map(to_traces).collect())
    }
}
