//! What an application says a message led to, and what a provider makes of it.

use http::StatusCode;
use jiff::Timestamp;

use crate::message::ProviderError;

/// Whether the recipient did what the message was for, such as typing the code that was in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feedback {
    Confirmed,
    Unconfirmed,
}

impl Feedback {
    /// Its word, in which providers and applications agree.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Unconfirmed => "unconfirmed",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Confirmed, Self::Unconfirmed].into_iter().find(|feedback| feedback.as_str() == word)
    }
}

/// When a provider first and last took feedback about a message, where it says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FedBack {
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// The provider did not take it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the provider did not take the feedback (HTTP {status})")]
pub struct Declined {
    pub status: StatusCode,
    pub error: ProviderError,
}
