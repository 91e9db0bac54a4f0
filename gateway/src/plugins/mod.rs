//! Plugins, and the chain that asks them.
//!
//! Everything else sees the trait [`Plugin`]; that most plugins are WebAssembly components is
//! known to `wasm` alone. A plugin decides; what its actions come to is the business of
//! [`crate::actions`], and doing it that of the flows.

pub mod authoring;
mod builtin;
mod calls;
mod chain;
pub mod folder;
pub mod health;
mod in_force;
mod load;
mod loader;
mod surroundings;
pub mod wasm;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use calls::{ContactSeen, ConversationSeen, InboundCall, Origin, OutboundCall, StatusCall, TimerCall};
pub use chain::{Asked, Chain, Link, Passed, Ran};
pub use health::Health;
pub use in_force::InForce;
pub use load::{ChainError, load};
pub use loader::{Loader, PluginReloaded, ReloadError, Reloaded, Source, Wanted};
pub use surroundings::{
    Called, Change, Effects, FetchFailure, FetchRequest, FetchResponse, Fetched, Fetcher, LogLine, Nothing, Remembered,
    Scope, StateChange, StateKey, StateSource, Surroundings, Usage,
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
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
    #[error("it wanted more memory than its limit of {0} bytes")]
    Memory(usize),
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

/// What an operator writes under `[[plugins]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub name: String,
    /// `builtin:NAME`, or the path of a component.
    pub component: String,
    /// The component's SHA-256, in hex, where no other shall be taken.
    #[serde(default)]
    pub sha256: Option<String>,
    #[serde(default)]
    pub on_error: OnError,
    /// The longest that one call may take, in milliseconds.
    #[serde(default = "default_deadline")]
    pub deadline_ms: u32,
    /// The most memory of one call, in MiB.
    #[serde(default = "default_memory")]
    pub memory_mib: usize,
    #[serde(default)]
    pub config: Value,
}

/// `[plugin_files]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// A folder whose components are plugins, too, after those of the settings.
    pub folder: std::path::PathBuf,
    /// How often files are looked at for changes, in seconds. 0 is never.
    pub watch_s: u32,
}

impl Settings {
    /// A component in a file, with everything else as usual, named after the file.
    pub fn from_file(path: &std::path::Path) -> Self {
        let stem = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Self {
            name: stem,
            component: path.display().to_string(),
            sha256: None,
            on_error: OnError::default(),
            deadline_ms: default_deadline(),
            memory_mib: default_memory(),
            config: Value::Null,
        }
    }
}

fn default_deadline() -> u32 {
    500
}

fn default_memory() -> usize {
    16
}

/// What happens to the chain when a plugin gives no decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The next plugin is asked as if this one were not there.
    #[default]
    Skip,
    /// The chain ends here.
    Stop,
}
