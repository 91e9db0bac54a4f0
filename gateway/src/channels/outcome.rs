//! What a try to send a part came to.

use std::time::Duration;

use crate::message::{Address, ProviderError, Status};

/// What a try to send a part came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Accepted {
        provider_id: String,
        status: Status,
        segments: Option<u32>,
        /// What it goes from, once that is known.
        sender: Option<Address>,
    },
    /// Known not to have been sent; worth another try, not before the given time if one is named.
    Retry { after: Option<Duration>, error: ProviderError },
    /// Known not to have been sent, since the provider takes nothing more for now: not before the
    /// given time if one is named.
    Busy { scope: Scope, after: Option<Duration>, error: ProviderError },
    /// Known not to have been sent, and never will be.
    Rejected { error: ProviderError },
    /// The recipient does not want messages.
    OptedOut { error: ProviderError },
    /// Known not to have been sent, and nothing else will be, until the account or the settings
    /// are put right.
    Fault { scope: Scope, error: ProviderError },
    /// It may or may not have been sent. Never resent blindly.
    Unknown { error: ProviderError },
}

impl Outcome {
    /// What the provider, or the way to it, said went wrong.
    pub fn error(&self) -> Option<&ProviderError> {
        match self {
            Self::Accepted { .. } => None,
            Self::Retry { error, .. }
            | Self::Busy { error, .. }
            | Self::Rejected { error }
            | Self::OptedOut { error }
            | Self::Fault { error, .. }
            | Self::Unknown { error } => Some(error),
        }
    }
}

/// How much of a channel a refusal stands in the way of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All of it, whatever the sender.
    Channel,
    /// What goes by the channel's own sender or service.
    Sender,
}
