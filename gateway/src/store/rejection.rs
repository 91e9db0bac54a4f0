//! Why a message is only kept, and not sent.

use crate::gate::Refusal;

/// Who keeps a message from being sent, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    Plugin { plugin: String, problem: String },
    Gate(Refusal),
}

impl Rejection {
    pub fn plugin(&self) -> Option<&str> {
        match self {
            Self::Plugin { plugin, .. } => Some(plugin),
            Self::Gate(_) => None,
        }
    }

    /// What the gate refused it for.
    pub fn refused_for(&self) -> Option<&'static str> {
        match self {
            Self::Plugin { .. } => None,
            Self::Gate(refusal) => Some(refusal.code()),
        }
    }

    pub fn problem(&self) -> String {
        match self {
            Self::Plugin { problem, .. } => problem.clone(),
            Self::Gate(refusal) => refusal.to_string(),
        }
    }
}
