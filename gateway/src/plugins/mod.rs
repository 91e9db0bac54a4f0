//! Plugins, and the chain that asks them.
//!
//! Everything else sees the trait [`Plugin`]; that most plugins are WebAssembly components is
//! known to `wasm` alone. A plugin decides; what its actions come to is the business of
//! [`crate::actions`], and doing it that of the flows.

pub mod authoring;
mod builtin;
mod chain;
mod load;
pub mod wasm;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

pub use chain::{Chain, Link, Ran};
pub use load::{ChainError, load};

use crate::actions::Decision;
use crate::message::{Address, ConversationId, ConversationStatus, Media, MessageId};

/// Something that decides what to do with a message.
#[async_trait]
pub trait Plugin: Send + Sync {
    fn manifest(&self) -> &Manifest;

    async fn on_inbound(&self, call: &InboundCall) -> Result<Decision, Failure>;
}

/// What a plugin says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub name: String,
    pub version: String,
    pub description: String,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    pub wants_inbound: bool,
}

/// All that a plugin is told about an inbound message.
#[derive(Clone, Debug)]
pub struct InboundCall {
    pub id: MessageId,
    pub channel: String,
    pub sender: Address,
    pub recipient: Address,
    pub text: String,
    pub media: Vec<Media>,
    pub received_at: Timestamp,
    pub extra: Vec<(String, String)>,
    pub conversation: ConversationSeen,
    pub locale: String,
    pub time_zone: String,
}

/// The conversation as it stands when a plugin is asked.
#[derive(Clone, Debug)]
pub struct ConversationSeen {
    pub id: ConversationId,
    pub status: ConversationStatus,
    pub subject: String,
    pub tags: Vec<String>,
    pub inbound_count: u32,
    pub previous_inbound_at: Option<Timestamp>,
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
}

/// What an operator writes under `[[plugins]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub name: String,
    /// `builtin:NAME`, or the path of a component.
    pub component: String,
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

impl Settings {
    /// A component in a file, with everything else as usual, named after the file.
    pub fn from_file(path: &std::path::Path) -> Self {
        let stem = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        Self {
            name: stem,
            component: path.display().to_string(),
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The next plugin is asked as if this one were not there.
    #[default]
    Skip,
    /// The chain ends here.
    Stop,
}
