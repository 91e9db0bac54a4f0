//! What a person allowed, with its proof.
//!
//! The words alone: who reads them from a webhook and who keeps them is decided elsewhere.

use serde::{Deserialize, Serialize};

/// A change of what somebody allows us to send to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    pub choice: Choice,
    pub source: Source,
    /// What the provider calls a message to somebody who opted out; those that still wait are
    /// given it.
    pub code: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    OptedOut,
    /// Only ever takes an opting out back.
    OptedIn,
}

/// How we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The provider says so.
    Provider,
    /// The person's own word, in a message.
    Message,
}

impl Choice {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::OptedIn => "opted_in",
        }
    }
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Message => "message",
        }
    }
}
