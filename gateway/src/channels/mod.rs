//! Providers, behind one trait.
//!
//! Protocol code without I/O: bytes and settings in, values out. A channel verifies and reads a
//! provider's webhooks, writes the answer to them, and turns a message into provider requests.
//! It knows nothing of the database, the web server or plugins, and never reads the time.

mod checkup;
pub mod component;
mod configured;
pub mod conformance;
pub mod exchange;
mod feedback;
pub mod listing;
mod lookup;
mod media;
mod outcome;
mod rates;
mod removal;
#[cfg(test)]
pub(crate) mod tests;
pub mod twilio;
mod webhook;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use listing::{Listed, Listing, Records, Search, Unreadable};

use crate::message::split::utf16_units;
use crate::message::{Address, Locale, Options, PartId, Removal};

pub use checkup::{Checkup, Finding, Fix, State, Target};
pub use configured::{BadSettings, Channels, Load, Settings, no_components};
pub use exchange::{Exchange, Harmless, Kept};
pub use feedback::{Declined, FedBack, Feedback};
pub use lookup::{LookedUp, Untold};
pub use media::{Hop, MediaRequest, NotFound};
pub use outcome::{Outcome, Scope};
pub use rates::Rates;
pub use removal::NotRemoved;
pub use webhook::{Answer, Event, Inbound, Malformed, Observation, Refused, Reply, Verified, Webhook};

/// How the error of an unknown outcome begins whose response a channel failed to read.
pub const BROKEN: &str = "the channel failed";

/// A configured connection to a provider.
pub trait Channel: Send + Sync {
    /// Checks that the provider itself sent this webhook.
    fn verify(&self, webhook: Webhook) -> Result<Verified, Refused>;

    /// Reads what a verified webhook means.
    fn parse(&self, verified: &Verified) -> Result<Vec<Event>, Malformed>;

    /// The answer to a webhook; with no replies, the provider's way of saying nothing.
    fn answer(&self, replies: &[Reply]) -> Answer;

    /// Cuts a message into as many provider requests as it needs, by the channel's limits.
    fn split(&self, outbound: &Outbound) -> Result<Vec<Content>, Unsendable>;

    /// How many segments a text takes, as far as can be told beforehand.
    fn segments(&self, text: &str, options: &Options) -> u32;

    /// The one request that sends this part.
    fn encode(&self, part: &Part) -> Result<http::Request<Bytes>, Unencodable>;

    /// What the provider's response to that request came to.
    fn decode(&self, response: &http::Response<Bytes>) -> Outcome;

    /// What of that request and its response may be kept on record in clear.
    fn harmless(&self) -> Harmless {
        Harmless::default()
    }

    /// The request that takes back a message which the provider has not sent yet; `decode` reads
    /// the response. None where the provider has no such thing.
    fn cancel(&self, provider_id: &str) -> Option<http::Request<Bytes>>;

    /// The one request that tells the provider what a message led to; none where it does not ask.
    fn feedback(&self, _provider_id: &str, _feedback: Feedback) -> Option<http::Request<Bytes>> {
        None
    }

    /// What the provider's response to that request says.
    fn fed_back(&self, _response: &http::Response<Bytes>) -> Result<FedBack, Declined> {
        Ok(FedBack::default())
    }

    /// The request for a medium of a message that came in, or for where the answer to it led.
    fn media_request(&self, url: &str, hop: Hop) -> Result<MediaRequest, NotFound>;

    /// The request for the medium itself, of the response to one that was a lookup.
    fn media_found(&self, _response: &http::Response<Bytes>) -> Result<MediaRequest, NotFound> {
        Err(NotFound::Final("the channel looks no media up".to_owned()))
    }

    /// The address that messages are sent from when the caller names none, if it is known
    /// beforehand.
    fn sender(&self) -> Option<&Address>;

    /// How many segments a second the provider sends by this sender or service, where it says so. What
    /// comes faster waits there, where nothing can go before it.
    fn segments_per_s(&self, _sender: &Address) -> Option<f64> {
        None
    }

    /// Whether this is an address that the channel writes to: a phone number, unless it says otherwise.
    fn takes(&self, recipient: &Address) -> bool {
        recipient.scheme().is_none()
    }

    /// What the provider knows this channel by.
    fn known_as(&self) -> KnownAs<'_>;

    fn capabilities(&self) -> Capabilities;

    /// What an operator writes as `kind`.
    fn kind(&self) -> &'static str;

    /// Where its requests go, if that is one place: scheme and host.
    fn provider_url(&self) -> Option<&str> {
        None
    }

    /// Whether a webhook that named only the kind of channel seems to be this one's, and by what.
    /// Nothing of it is trusted yet: `verify` decides.
    fn claims(&self, webhook: &Webhook) -> Option<Claim>;

    /// The one request that asks the provider about a number; none where it has no such service.
    fn look_up(&self, _number: &Address) -> Option<http::Request<Bytes>> {
        None
    }

    /// What the provider's response to that request tells.
    fn looked_up(&self, _response: &http::Response<Bytes>) -> Result<LookedUp, Untold> {
        Ok(LookedUp::default())
    }

    /// The one request that makes the provider forget a message or its text; none where it can't.
    fn remove(&self, _provider_id: &str, _removal: Removal) -> Option<http::Request<Bytes>> {
        None
    }

    /// What the provider's response to that request says. What it does not have, it has forgotten.
    fn removed(&self, _removal: Removal, _response: &http::Response<Bytes>) -> Result<(), NotRemoved> {
        Ok(())
    }

    /// What finds out whether the provider is set up right; none where that can't be seen.
    fn checkup(&self, _target: Target) -> Option<Box<dyn Checkup>> {
        None
    }

    /// What the provider's error code means and what to do about it, if that is known.
    fn explain(&self, code: i32, locale: Locale) -> Option<Explanation>;

    /// How much can't be sent while the provider has this error; none for one of a message alone.
    fn fault(&self, _code: i32) -> Option<Scope> {
        None
    }

    /// Whether the provider says by this error that a sender was too fast.
    fn is_too_fast(&self, _code: i32) -> bool {
        false
    }

    /// The provider's own record of messages, where it has one that can be asked.
    fn records(&self) -> Option<&dyn Records> {
        None
    }
}

/// By what a webhook seems to be a channel's; the stronger first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// The channel's own address.
    Address,
    /// A service of the provider's that the channel sends with.
    Service,
}

/// An error in words, for an operator, and what it asks for, for a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Explanation {
    pub title: &'static str,
    pub remedy: &'static str,
    /// What is to be done with the message, in a word: `permanent`, `configuration`, `account`,
    /// `retry_later`, `opted_out`, `ambiguous` or `notice`.
    pub advice: &'static str,
    /// How long to wait at least before it is tried again, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
}

/// What a channel can do, for those who must choose or check before sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Capabilities {
    /// The most UTF-16 units one provider request may carry.
    pub max_text_units: usize,
    /// The most media one provider request may carry.
    pub max_media: usize,
    /// Whether the provider reports what became of a message.
    pub receipts: bool,
    /// What may ride the webhook's own answer; none where nothing may.
    pub answer: Option<AnswerLimits>,
    /// How far ahead the provider itself keeps a message until its time; none where it does not.
    pub schedule: Option<Schedule>,
}

/// The provider's names for what a channel works with, where there are any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownAs<'a> {
    /// The account that pays.
    pub account: Option<&'a str>,
    /// The address that is set, also where a service chooses among several.
    pub address: Option<&'a Address>,
    /// What chooses the sender.
    pub service: Option<&'a str>,
}

/// How far ahead of its time the provider takes a message, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ProviderSchedule)]
pub struct Schedule {
    pub least: u32,
    pub most: u32,
}

impl Schedule {
    /// Whether the provider takes a message now that is to leave at `at`.
    pub fn takes(&self, now: Timestamp, at: Timestamp) -> bool {
        let ahead = at.as_second() - now.as_second();
        (i64::from(self.least)..=i64::from(self.most)).contains(&ahead)
    }
}

/// What a webhook's own answer can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AnswerLimits {
    /// The most UTF-16 units of one reply.
    pub text_units: usize,
    /// The most replies.
    pub replies: usize,
    /// The most bytes of all texts together.
    pub bytes: usize,
}

impl AnswerLimits {
    /// Whether these texts fit into one answer.
    pub fn take<'a>(&self, texts: impl Iterator<Item = &'a str>) -> bool {
        let (mut count, mut bytes, mut longest) = (0, 0, 0);
        for text in texts {
            count += 1;
            bytes += text.len();
            longest = longest.max(utf16_units(text));
        }
        longest <= self.text_units && count <= self.replies && bytes <= self.bytes
    }
}

/// A message to be sent, before it is cut into parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outbound {
    pub text: String,
    pub media: Vec<String>,
    pub options: Options,
    /// The provider's service that it goes by, if it goes by one.
    pub service: Option<String>,
}

/// What one part carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub text: String,
    pub media: Vec<String>,
}

/// One provider request of an outbound message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub id: PartId,
    /// What it goes from. With a service, one of its senders, and none leaves the choice to it; with
    /// neither, it goes by what the channel is set up with.
    pub sender: Option<Address>,
    /// The provider's service that it goes by.
    pub service: Option<String>,
    pub recipient: Address,
    pub content: Content,
    pub options: Options,
    /// When the provider shall send it, if it is to keep it until then.
    pub send_at: Option<Timestamp>,
    pub status_callback: String,
}

/// Why the channel can't carry a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    #[error("the message has neither text nor media")]
    Empty,
    #[error("the text has {units} UTF-16 units; this channel takes {limit} and is set to refuse longer ones")]
    TooLong { units: usize, limit: usize },
    #[error("the message has {count} media; this channel takes {limit}")]
    TooManyMedia { count: usize, limit: usize },
    /// A wish that this channel or its provider can't fulfil.
    #[error("`options.{option}` {problem}")]
    Option { option: &'static str, problem: String },
    #[error("the channel can't carry it: {0}")]
    Other(String),
    /// The channel itself failed: another try may help.
    #[error("the channel failed: {0}")]
    Broken(String),
}

/// Why there is no request for a part. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unencodable {
    #[error("the channel can't make a request of it: {0}")]
    Refused(String),
    /// The channel itself failed: another try may help.
    #[error("the channel failed: {0}")]
    Broken(String),
}

/// Where the provider reports what becomes of a part. Our own part id rides along, so that a
/// report tells which part it is even when we never saw the answer to our request.
pub fn status_callback(public_url: &str, channel: &str, part: PartId) -> String {
    format!("{public_url}/webhooks/{channel}/status?part={part}")
}
