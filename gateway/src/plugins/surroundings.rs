//! What a plugin's call is surrounded by: the time, randomness, what it remembers, whom it may ask;
//! and what it did with them.
//!
//! Behind traits, since a live call and a replayed one differ in nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What every plugin that is asked about one message, report or timer shares.
#[derive(Clone)]
pub struct Surroundings {
    /// Stands still during a call.
    pub now: Timestamp,
    /// Where randomness begins; drawn anew for each message and kept with it.
    pub seed: u64,
    /// A BCP 47 tag.
    pub locale: String,
    /// An IANA name.
    pub time_zone: String,
    pub state: Arc<dyn StateSource>,
    pub fetcher: Arc<dyn Fetcher>,
}

/// Where a value belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    Conversation,
    Contact,
    Global,
}

impl Scope {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Conversation => "conversation",
            Self::Contact => "contact",
            Self::Global => "global",
        }
    }
}

/// A value's whole name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StateKey {
    /// The plugin, as the operator named it.
    pub plugin: String,
    pub scope: Scope,
    /// The conversation's or contact's id; nil for the global scope.
    pub subject: Uuid,
    pub key: String,
}

/// A value as it is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub value: String,
    /// Changes whenever the value does.
    pub version: Uuid,
}

/// How much there is already below one subject of one scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub keys: usize,
    pub bytes: usize,
}

/// The most that one call may wait for what it remembers, in all.
pub const STATE_BUDGET: Duration = Duration::from_secs(1);

/// What plugins remembered, as it is committed; what ran out is not there.
#[async_trait]
pub trait StateSource: Send + Sync {
    /// The error is for the plugin: it says why nothing can be read now.
    async fn recall(&self, key: &StateKey) -> Result<Option<Remembered>, String>;

    async fn usage(&self, plugin: &str, scope: Scope, subject: Uuid) -> Result<Usage, String>;

    /// Whether something could not be read so far: whoever fails then may not be to blame.
    fn failed(&self) -> bool {
        false
    }
}

/// A change of what a plugin remembers, to be committed with all else.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateChange {
    #[serde(flatten)]
    pub key: StateKey,
    pub change: Change,
    /// The version that the plugin saw before it decided on the change; `Some(None)` when there was
    /// nothing. None when it did not look. If another was committed meanwhile, the call is made again.
    #[serde(skip)]
    pub seen: Option<Option<Uuid>>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Set {
        value: String,
        expires_at: Option<Timestamp>,
    },
    Delete,
    /// To a number; whatever it is at the commit.
    Add(f64),
}

/// A request that a plugin makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    pub timeout: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchResponse {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchFailure {
    #[error("not allowed: {0}")]
    NotAllowed(String),
    #[error("no answer in time")]
    Timeout,
    #[error("the answer is longer than {0} bytes")]
    TooLarge(usize),
    #[error("{0}")]
    Budget(String),
    #[error("{0}")]
    Failed(String),
}

/// Carries out what a plugin asks of other hosts, or answers in their place.
#[async_trait]
pub trait Fetcher: Send + Sync {
    async fn fetch(&self, plugin: &str, request: FetchRequest) -> Result<FetchResponse, FetchFailure>;
}

/// A call's result, and what the plugin did on the way to it.
#[derive(Clone, Debug)]
pub struct Called<T> {
    pub result: Result<T, super::Failure>,
    pub effects: Effects,
}

/// What a plugin did besides deciding. Nothing of it has happened yet, but for the fetches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effects {
    /// What was read, and which version of it there was.
    pub looked: BTreeMap<StateKey, Option<Uuid>>,
    pub changes: Vec<StateChange>,
    pub log: Vec<LogLine>,
    pub fetches: Vec<Fetched>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LogLine {
    pub level: &'static str,
    pub text: String,
}

/// A fetch, for the trace: without headers, since they may hold secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fetched {
    pub method: String,
    /// Without its query.
    pub url: String,
    pub status: Option<u16>,
    pub error: Option<String>,
    pub millis: u64,
}

/// A plugin that remembers nothing and may ask nobody: for the trial call at load.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

#[async_trait]
impl StateSource for Nothing {
    async fn recall(&self, _: &StateKey) -> Result<Option<Remembered>, String> {
        Ok(None)
    }

    async fn usage(&self, _: &str, _: Scope, _: Uuid) -> Result<Usage, String> {
        Ok(Usage::default())
    }
}

#[async_trait]
impl Fetcher for Nothing {
    async fn fetch(&self, _: &str, _: FetchRequest) -> Result<FetchResponse, FetchFailure> {
        Err(FetchFailure::NotAllowed("there are no hosts here".to_owned()))
    }
}
