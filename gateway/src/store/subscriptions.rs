//! Which endpoints want to be told of what, and waking whoever tells them.
//!
//! What nobody wants to be told of is not written, and nothing is read for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::Store;
use super::events::EventKind;

/// What a channel's error code means, in words and for a program.
type Explain = dyn Fn(&str, i32) -> Option<Value> + Send + Sync;

/// What endpoints are told besides what plugins forward to them, and what that takes.
pub struct Subscriptions {
    /// By endpoint.
    pub wanted: BTreeMap<String, BTreeSet<EventKind>>,
    /// Whether what happens is also kept for whoever listens to it.
    pub stream: bool,
    /// A new event's id: they sort by when they were made.
    pub id: Box<dyn Fn(Timestamp) -> Uuid + Send + Sync>,
    pub explain: Box<Explain>,
    /// There is something to tell this endpoint.
    pub wake: Box<dyn Fn(&str) + Send + Sync>,
}

/// Those of a store, once somebody has said which there are.
#[derive(Default)]
pub(super) struct Subscribed {
    all: OnceLock<Subscriptions>,
    /// To be woken after the commit.
    told: Mutex<BTreeSet<String>>,
}

impl Subscribed {
    /// Who wants to be told of it.
    pub(super) fn to(&self, kind: EventKind) -> impl Iterator<Item = &str> {
        let wanted = self.all.get().into_iter().flat_map(|all| &all.wanted);
        wanted.filter(move |(_, kinds)| kinds.contains(&kind)).map(|(name, _)| name.as_str())
    }

    /// Whether anybody does.
    pub(super) fn wants(&self, kind: EventKind) -> bool {
        self.streams(kind) || self.to(kind).next().is_some()
    }

    /// Whether it is kept for whoever listens. What plugins forward is for the endpoint that they name.
    pub(super) fn streams(&self, kind: EventKind) -> bool {
        kind != EventKind::MessageForwarded && self.all.get().is_some_and(|all| all.stream)
    }

    pub(super) fn id(&self, now: Timestamp) -> Option<Uuid> {
        self.all.get().map(|all| (all.id)(now))
    }

    pub(super) fn explain(&self, channel: &str, code: Option<i32>) -> Option<Value> {
        (self.all.get()?.explain)(channel, code?)
    }

    /// There is something to tell it once this transaction is committed.
    pub(super) fn note(&self, endpoint: &str) {
        let mut told = self.told();
        if !told.contains(endpoint) {
            told.insert(endpoint.to_owned());
        }
    }

    pub(super) fn committed(&self) {
        let told = std::mem::take(&mut *self.told());
        if let Some(all) = self.all.get() {
            for endpoint in &told {
                (all.wake)(endpoint);
            }
        }
    }

    fn told(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Subscribed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscribed")
    }
}

impl Store {
    /// From now on, what happens is written down for the endpoints that want to be told of it, with what
    /// happened. Only the first call counts.
    pub fn subscribe(&self, subscriptions: Subscriptions) {
        let _ = self.reporting.subscribed().all.set(subscriptions);
    }
}
