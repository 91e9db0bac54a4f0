//! What a provider's own record of messages is asked, and what it says.
//!
//! Values and one trait: which message becomes of which part is decided elsewhere.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;

use crate::message::{Address, Consent, Direction, Media, ProviderError, Status};

/// A provider that tells which messages it has. Pure, as the channel itself.
pub trait Records: Send + Sync {
    /// The request for the first page of a list, newest first.
    fn list(&self, search: &Search) -> Request<Bytes>;

    /// The request for a further page, by what the page before said.
    fn list_on(&self, next: &str) -> Result<Request<Bytes>, Unreadable>;

    fn read_list(&self, response: &Response<Bytes>) -> Result<Listing, Unreadable>;

    /// The request for one message by the provider's id.
    fn fetch(&self, provider_id: &str) -> Result<Request<Bytes>, Unreadable>;

    fn read_message(&self, response: &Response<Bytes>) -> Result<Listed, Unreadable>;

    /// The request for what came with a message.
    fn list_media(&self, provider_id: &str) -> Result<Request<Bytes>, Unreadable>;

    fn read_media(&self, response: &Response<Bytes>) -> Result<Vec<Media>, Unreadable>;

    /// Whether a message that came in came to this channel.
    fn is_ours(&self, inbound: &Listed) -> bool;
}

/// Which messages are asked for. A provider may list more than these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    pub direction: Direction,
    pub sender: Option<Address>,
    pub recipient: Option<Address>,
    pub since: Timestamp,
    pub until: Timestamp,
}

/// A page of messages.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    pub messages: Vec<Listed>,
    /// Where the list goes on, in the provider's words.
    pub next: Option<String>,
}

/// A message as the provider has it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed {
    pub provider_id: String,
    pub direction: Direction,
    /// Whether it was the answer to a webhook.
    pub reply: bool,
    pub sender: Option<Address>,
    pub recipient: Option<Address>,
    /// Without what the provider itself put before it.
    pub text: String,
    pub media: u32,
    pub status: Status,
    pub error: Option<ProviderError>,
    pub segments: Option<u32>,
    pub created_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    /// The provider's name for a group of senders, if it went by one.
    pub service: Option<String>,
    /// What it says about whether the person wants messages.
    pub consent: Option<Consent>,
    /// Whether the provider has read it as one of its own words, and answered the person.
    pub handled: bool,
    /// What else is kept of one that came in, by the provider's own names.
    pub extra: Vec<(String, String)>,
}

/// Why there is nothing to go by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the provider has no such message")]
    Missing,
    #[error("the provider answered HTTP {status}")]
    Refused { status: u16, after: Option<Duration> },
    #[error("the provider's answer can't be read: {0}")]
    Malformed(&'static str),
}
