//! What somebody wants forgotten of a message, here and wherever else it is kept.

use serde::Serialize;

/// How much is removed for good. The greater comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Removal {
    /// Its text; that there was a message stays known.
    Text,
    /// All of it.
    Message,
}

impl Removal {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Message => "message",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Text, Self::Message].into_iter().find(|removal| removal.as_str() == word)
    }
}
