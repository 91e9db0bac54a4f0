//! The vocabulary: what a message is, who it goes to, where it stands.
//!
//! Pure: no clock, no I/O, nothing of a provider, a database or a web server.

pub mod address;
pub mod consent;
pub mod conversation;
pub mod id;
pub mod line;
pub mod locale;
pub mod options;
pub mod phone;
pub mod place;
pub mod priority;
pub mod removal;
pub mod scope;
pub mod segments;
pub mod shortened;
pub mod split;
pub mod status;

use serde::{Deserialize, Serialize};

pub use address::Address;
pub use consent::Consent;
pub use conversation::ConversationStatus;
pub use id::{ContactId, ConversationId, MessageId, PartId};
pub use line::Line;
pub use locale::Locale;
pub use options::{ContentTemplate, Options};
pub use place::Place;
pub use priority::Priority;
pub use removal::Removal;
pub use scope::Scope;
pub use shortened::shorten_numbers;
pub use status::Status;

/// The most media that one message may carry, by Twilio's rule (error 21623 above it).
pub const MAX_MEDIA: usize = 10;

/// A picture, sound or document that goes with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    pub url: String,
    /// A MIME type, where the provider or the caller told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

/// Which way a message goes, seen from the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    Inbound,
    Outbound,
}

/// What a provider said went wrong, kept as it said it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderError {
    /// The provider's own number for it, as in Twilio's 21610.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}
