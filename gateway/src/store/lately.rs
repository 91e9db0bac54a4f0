//! What one plugin decided lately, the newest first. There is no index by plugin, which every message would have to
//! pay for: what was decided is gone through from its newest on, so far and no further.

use std::collections::BTreeMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::decisions::Trace;
use super::entities::{messages, traces};
use super::reads::Page;
use super::traces::{Asking, to_traces};
use super::{Error, Store};
use crate::message::Address;

/// How many messages, and how many rows of decisions, are looked through at once.
const WINDOW: u64 = 500;
/// And how many windows for one page: some 20 ms.
const WINDOWS: usize = 10;

/// Which decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DecisionFilter {
    pub plugin: String,
    /// Only those where it failed.
    pub failed: bool,
}

/// What it decided about a message, and a little about that.
#[derive(Clone, Debug)]
pub struct DecidedOn {
    pub trace: Trace,
    /// The person's address.
    pub theirs: Address,
    /// Nothing where it was removed.
    pub text: String,
}

/// By when it came up: the id of the message that came in, or that of the asking.
type Placed = (Uuid, Trace);

impl Store {
    /// Up to `limit` decisions that came up before `before`, the newest first. A page may be shorter, or empty, though
    /// there are more behind it: then so much was looked through that the rest is for another.
    pub async fn decisions_of(
        &self,
        filter: &DecisionFilter,
        before: Option<Uuid>,
        limit: u64,
    ) -> Result<Page<DecidedOn>, Error> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let snapshot = self.snapshot().await?;
        let named = serde_json::to_string(&filter.plugin).unwrap_or_default();
        let mut found: Vec<Placed> = Vec::new();
        let mut next = before;
        for _ in 0..WINDOWS {
            let (some, rest) = window(&snapshot, &named, next).await?;
            let is_meant =
                |(_, trace): &Placed| trace.plugin == filter.plugin && (!filter.failed || trace.error.is_some());
            found.extend(some.into_iter().filter(is_meant));
            next = rest;
            if next.is_none() || found.len() > limit {
                break;
            }
        }
        // A plugin is asked once for one cause, so that no two have the same place.
        if found.len() > limit {
            found.truncate(limit);
            next = found.last().map(|(place, _)| *place);
        }
        Ok(Page { items: about(&snapshot, found).await?, next })
    }
}

/// What was decided next before `before`, and before what there is more. What does not have this in it is none of the
/// plugin's, and is not read.
async fn window(
    database: &impl ConnectionTrait,
    named: &str,
    before: Option<Uuid>,
) -> Result<(Vec<Placed>, Option<Uuid>), Error> {
    let mut came_in = messages::Entity::find()
        .select_only()
        .columns([messages::Column::Id, messages::Column::Seed, messages::Column::Decided])
        .order_by_desc(messages::Column::Id)
        .limit(WINDOW);
    let mut apart = traces::Entity::find().order_by_desc(traces::Column::Id).limit(WINDOW);
    if let Some(before) = before {
        came_in = came_in.filter(messages::Column::Id.lt(before));
        apart = apart.filter(traces::Column::Id.lt(before));
    }
    let came_in: Vec<(Uuid, Option<i64>, Option<String>)> = came_in.into_tuple().all(database).await?;
    let apart = apart.all(database).await?;
    // Below the end of a full window, there may be others that belong before what the other one has.
    let is_full = |rows: usize| u64::try_from(rows).is_ok_and(|rows| rows >= WINDOW);
    let ends = [
        came_in.last().map(|(id, ..)| *id).filter(|_| is_full(came_in.len())),
        apart.last().map(|row| row.id).filter(|_| is_full(apart.len())),
    ];
    let end = ends.into_iter().flatten().max();
    let came_in = came_in.into_iter().flat_map(|(id, seed, decided)| {
        let decided = decided.filter(|decided| decided.contains(named));
        let asking: Option<Asking<'static>> = decided.and_then(|decided| serde_json::from_str(&decided).ok());
        let traces = asking.map(|asking| asking.traces(id, seed)).unwrap_or_default();
        traces.into_iter().map(move |trace| (id, trace))
    });
    let apart = apart.into_iter().flat_map(|row| {
        let id = row.id;
        to_traces(row).into_iter().map(move |trace| (id, trace))
    });
    let mut all: Vec<Placed> = came_in.chain(apart).filter(|(place, _)| end.is_none_or(|end| *place >= end)).collect();
    all.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    Ok((all, end))
}

async fn about(database: &impl ConnectionTrait, found: Vec<Placed>) -> Result<Vec<DecidedOn>, Error> {
    let rows: Vec<(Uuid, String, Option<String>, String, String)> = messages::Entity::find()
        .select_only()
        .columns([messages::Column::Id, messages::Column::Direction, messages::Column::Sender])
        .columns([messages::Column::Recipient, messages::Column::Text])
        .filter(messages::Column::Id.is_in(found.iter().map(|(_, trace)| trace.message_id.0)))
        .into_tuple()
        .all(database)
        .await?;
    let theirs = |(id, direction, sender, recipient, text): (Uuid, String, Option<String>, String, String)| {
        let theirs = if direction == "inbound" { sender.unwrap_or_default() } else { recipient };
        (id, (Address::received(&theirs), text))
    };
    let about: BTreeMap<Uuid, (Address, String)> = rows.into_iter().map(theirs).collect();
    let nobody = || (Address::received(""), String::new());
    let decided = |(_, trace): Placed| {
        let (theirs, text) = about.get(&trace.message_id.0).cloned().unwrap_or_else(nobody);
        DecidedOn { trace, theirs, text }
    };
    Ok(found.into_iter().map(decided).collect())
}
