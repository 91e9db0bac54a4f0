//! Plugins, and the chain that asks them.
//!
//! Everything else sees the trait [`Plugin`]; that most plugins are WebAssembly components is
//! known to `wasm` alone. A plugin decides; what its actions come to is the business of
//! [`crate::actions`], and doing it that of the flows.

pub mod authoring;
mod builtin;
mod calls;
mod chain;
mod component_file;
mod contract;
mod fetching;
pub mod folder;
pub mod health;
pub mod hidden;
mod in_force;
mod load;
mod loader;
pub mod registry;
mod settings;
mod surroundings;
pub mod wasm;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Serialize;

pub use builtin::builtin;
pub use calls::{ContactSeen, ConversationSeen, InboundCall, Origin, OutboundCall, StatusCall, TimerCall};
pub use chain::{Asked, Chain, LeftAlone, Link, Passed, Ran};
pub use contract::offered;
pub use fetching::{FetchCounts, LiveFetcher};
pub use health::Health;
pub use in_force::InForce;
pub use load::{ChainError, load};
pub use loader::{
    Check, ConfigOrigin, Configured, Failed, Keeping, Kept, Loader, NotConfigured, Objection, PluginReloaded,
    ReloadError, Reloaded, Source, Wanted,
};
pub use settings::{Files, HostSettings, Isolation, OnError, Secret, Settings};
pub use surroundings::{
    Called, Change, Effects, FetchFailure, FetchRequest, FetchResponse, Fetched, Fetcher, LogLine, Nothing, Remembered,
    STATE_BUDGET, Scope, StateChange, StateKey, StateSource, Surroundings, Usage,
};

use crate::actions::{Decision, Verdict};

/// Something that decides what to do with a message. Only the hooks that its manifest names are
/// called.
#[async_trait]
pub trait Plugin: Send + Sync {
    fn manifest(&self) -> &Manifest;

    async fn on_inbound(&self, call: &InboundCall, surroundings: &Surroundings) -> Called<Decision>;

    async fn on_outbound(&self, call: &OutboundCall, surroundings: &Surroundings) -> Called<Verdict>;

    async fn on_status(&self, call: &StatusCall, surroundings: &Surroundings) -> Called<Decision>;

    async fn on_timer(&self, call: &TimerCall, surroundings: &Surroundings) -> Called<Decision>;
}

/// What a plugin says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub name: String,
    pub version: String,
    pub description: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    pub hooks: Hooks,
}

/// Which hooks a plugin wants to be called for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags in the contract, too")]
pub struct Hooks {
    pub inbound: bool,
    pub outbound: bool,
    pub status: bool,
    pub timer: bool,
}

/// Why a plugin gave no decision.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("it took longer than its deadline of {0:?}")]
    Deadline(Duration),
    /// It ran within its deadline, but waited too long: for what it remembers, for another host, or
    /// for a turn.
    #[error("it was not done after {0:?}, with all its waiting")]
    Waiting(Duration),
    #[error("it wanted more memory than its limit of {0} bytes")]
    Memory(usize),
    #[error("it wanted larger tables than the limit of {0} entries")]
    Tables(usize),
    #[error("it trapped: {0}")]
    Trapped(String),
    #[error("it gave more than the host takes: {0}")]
    TooMuch(String),
    #[error("it failed: {0}")]
    Failed(String),
    #[error("its configuration makes no sense: {0}")]
    BadConfig(String),
    /// It was not asked at all.
    #[error("it is not asked until {0}, since it failed again and again")]
    Tripped(Timestamp),
}

impl Failure {
    /// Its kind in a word.
    fn word(&self) -> &'static str {
        match self {
            Self::Deadline(_) => "deadline",
            Self::Waiting(_) => "waiting",
            Self::Memory(_) => "memory",
            Self::Tables(_) => "tables",
            Self::Trapped(_) => "trapped",
            Self::TooMuch(_) => "too-much",
            Self::Failed(_) => "failed",
            Self::BadConfig(_) => "bad-config",
            Self::Tripped(_) => "disabled",
        }
    }
}

/// How the failure of a plugin that was not asked begins, in a trace.
pub const TRIPPED: &str = "it is not asked until ";
