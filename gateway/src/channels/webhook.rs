//! What comes in: a provider's request, what it proves, what it means, and the answer to it.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::message::{Address, Consent, Media, PartId, ProviderError, Status};

/// A provider's HTTP request to us, not yet trusted.
#[derive(Clone, Debug)]
pub struct Webhook {
    pub method: http::Method,
    /// The public URL the provider called: the configured base and the raw request target.
    pub url: String,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

/// A webhook whose signature was checked. Only a channel's `verify` makes one.
#[derive(Clone, Debug)]
pub struct Verified {
    pub(super) parameters: Vec<(String, String)>,
    /// The decoded query of the URL, which may carry what we put there ourselves.
    pub(super) query: Vec<(String, String)>,
    /// What it means, where verifying and reading are one.
    pub(super) events: Vec<Event>,
    /// What the provider wants to be answered, where that is not the channel's usual answer.
    pub(super) answer: Option<Answer>,
}

impl Verified {
    /// For channels that verify and read a webhook in one go.
    pub(crate) fn already_read(events: Vec<Event>, answer: Option<Answer>) -> Self {
        Self { parameters: Vec::new(), query: Vec::new(), events, answer }
    }

    /// What it means, where that is known already.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// What the provider wants to be answered, where that is not the channel's usual answer.
    pub fn answer(&self) -> Option<&Answer> {
        self.answer.as_ref()
    }

    /// The decoded parameters, in the order they came.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// The first parameter of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Why a webhook was not let in. The reason is for the operator's log, never for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the signature is missing")]
    Unsigned,
    #[error("the signature does not match: the token or the public URL differs from what the provider used")]
    Forged,
    #[error("it is signed, but of another account than the channel's: give that account a channel of its own")]
    Foreign,
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The channel itself failed: the provider shall send the webhook again.
    #[error("the channel can't look at it: {0}")]
    Broken(String),
}

/// A webhook that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

/// What a webhook meant. It is kept in files as it is here (`journal/entry.rs`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Inbound(Inbound),
    Status(Observation),
}

/// A message that came in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inbound {
    /// The provider's id; the same one again is the same message again.
    pub provider_id: String,
    pub sender: Address,
    pub recipient: Address,
    pub text: String,
    pub media: Vec<Media>,
    pub segments: Option<u32>,
    /// What else the provider told, by its own names.
    pub extra: Vec<(String, String)>,
    /// What the sender allows from now on, if this says so.
    pub consent: Option<Consent>,
    /// Whether the provider has read it as one of its own words, and answered the person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub handled: bool,
}

/// One status report, as received.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    pub provider_id: String,
    /// Our own part id, when it rode the callback's URL.
    pub part: Option<PartId>,
    /// What the message went from, if the report says so.
    pub sender: Option<Address>,
    pub status: Status,
    pub error: Option<ProviderError>,
    /// What the recipient allows, if the report says so.
    pub consent: Option<Consent>,
    /// All parameters, for the record.
    pub raw: Vec<(String, String)>,
}

/// A reply that rides the webhook's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub text: String,
    pub media: Vec<String>,
    /// Where the provider shall report what becomes of it.
    pub status_callback: String,
}

/// The HTTP answer to a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub content_type: Cow<'static, str>,
    pub body: String,
}
