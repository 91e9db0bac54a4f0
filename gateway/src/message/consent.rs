//! What a person allowed, with its proof.
//!
//! The words alone: who reads them from a webhook and who keeps them is decided elsewhere.

use serde::{Deserialize, Serialize};

use super::Locale;

/// A change of what somebody allows us to send to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    pub choice: Choice,
    pub source: Source,
    /// What the provider calls a message to somebody who opted out; those that still wait are
    /// given it.
    pub code: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ConsentState)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    OptedOut,
    /// Only ever takes an opting out back.
    OptedIn,
}

/// How we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = ConsentSource)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The provider says so.
    Provider,
    /// The person's own word, in a message.
    Message,
    /// A list that the operator brought along.
    Import,
    /// An application.
    Api,
    /// Somebody at the console, or at the command line.
    Console,
}

/// What a word asks for that stands alone in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keyword {
    OptOut,
    OptIn,
    Help,
}

/// A word that was read in a text, and whether the person is still to be told what comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    pub keyword: Keyword,
    /// The language of the word.
    pub locale: Locale,
    /// Whether it is on us to confirm it: the provider has not.
    pub confirm: bool,
}

impl Choice {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OptedOut => "opted_out",
            Self::OptedIn => "opted_in",
        }
    }

    pub fn from_word(word: &str) -> Option<Self> {
        [Self::OptedOut, Self::OptedIn].into_iter().find(|choice| choice.as_str() == word)
    }
}

impl Keyword {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OptOut => "opt_out",
            Self::OptIn => "opt_in",
            Self::Help => "help",
        }
    }

    /// What somebody who says it allows from then on; a question for help changes nothing.
    pub fn choice(self) -> Option<Choice> {
        match self {
            Self::OptOut => Some(Choice::OptedOut),
            Self::OptIn => Some(Choice::OptedIn),
            Self::Help => None,
        }
    }
}

impl Source {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Message => "message",
            Self::Import => "import",
            Self::Api => "api",
            Self::Console => "console",
        }
    }

    /// Whether the person said so, and nobody for them.
    pub fn is_own(self) -> bool {
        matches!(self, Self::Provider | Self::Message)
    }

    pub fn from_word(word: &str) -> Option<Self> {
        let all = [Self::Provider, Self::Message, Self::Import, Self::Api, Self::Console];
        all.into_iter().find(|source| source.as_str() == word)
    }
}
