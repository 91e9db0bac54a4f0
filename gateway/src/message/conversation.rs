//! Where a conversation stands.

use serde::{Deserialize, Serialize};

/// A closed conversation takes no more messages; the next one begins a new conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConversationStatus {
    /// Nobody has taken it up yet.
    Pending,
    /// Somebody is on it.
    Active,
    Closed,
}

impl ConversationStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Closed => "closed",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Active, Self::Closed].into_iter().find(|status| status.as_str() == word)
    }
}
