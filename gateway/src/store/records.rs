//! What goes into the store and comes out of it.

use jiff::Timestamp;
use uuid::Uuid;

use super::bulks::BulkPlace;
use super::decisions::{StateChange, Trace};
use super::fresh::Fresh;
use super::rejection::Rejection;
use super::shown::{KnownConsent, Message};
use super::templates::UsedTemplate;
use crate::gate::Refusal;
use crate::message::consent::{Choice, Heard, Source};
use crate::message::{
    Address, Consent, ContactId, ConversationId, Line, Media, MessageId, Options, PartId, Priority, ProviderError,
    Status,
};

/// An inbound message to be recorded, with the ids its rows get if they are new.
#[derive(Clone, Debug)]
pub struct NewInbound {
    pub id: MessageId,
    pub conversation_id: ConversationId,
    pub contact_id: ContactId,
    pub channel: String,
    pub provider_id: String,
    pub sender: Address,
    pub recipient: Address,
    pub text: String,
    pub media: Vec<Media>,
    pub segments: Option<u32>,
    pub extra: Vec<(String, String)>,
    pub consent: Option<Consent>,
    /// What the gate read in it, and whether that is to be confirmed, should it change anything.
    pub heard: Option<Heard>,
    /// The subject of the conversation, should it be new.
    pub subject: String,
    pub received_at: Timestamp,
    /// When it was said, of what is not heard just now: by the provider's list, or by the journal where it waited.
    pub said_at: Option<Timestamp>,
}

/// What became of an inbound message that was to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Receipt {
    Recorded,
    /// It was here before, under this id.
    Repeat {
        of: MessageId,
        answered: Answered,
    },
}

/// What a webhook was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Not processed yet.
    NotYet,
    /// With nothing to say.
    Empty,
    With(String),
}

/// An inbound message as the plugins will see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    pub id: MessageId,
    pub conversation_id: ConversationId,
    pub channel: String,
    pub sender: Address,
    pub recipient: Address,
    pub text: String,
    pub media: Vec<Media>,
    pub extra: Vec<(String, String)>,
    pub received_at: Timestamp,
    /// Its number among the inbound messages of its conversation, from 1.
    pub ordinal: u32,
    pub previous_inbound_at: Option<Timestamp>,
    /// An earlier one of its conversation is with another gateway, and must be processed before.
    pub behind: bool,
    /// What the gate read in it, and whether that is still to be confirmed.
    pub heard: Option<Heard>,
    /// Its conversation as it was committed with it, where that is known.
    pub fresh: Option<Box<Fresh>>,
}

/// Where an outbound message's parts start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Through the outbox, by a worker.
    Outbox,
    /// In a webhook's answer: whether it arrived is unknown until a report says so.
    /// The provider is asked first at the given time.
    Answer { ask_at: Timestamp },
}

/// Whom an outbound message is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Whatever is the channel's own when it leaves, which is this now; none where the provider
    /// picks one.
    Own(Option<Address>),
    Named(Address),
}

impl Sender {
    pub fn address(&self) -> Option<&Address> {
        match self {
            Self::Own(address) => address.as_ref(),
            Self::Named(address) => Some(address),
        }
    }
}

/// An outbound message to be stored.
#[derive(Clone, Debug)]
pub struct NewOutbound {
    pub id: MessageId,
    pub channel: String,
    pub sender: Sender,
    /// The provider's service that it goes by, if it goes by one.
    pub service: Option<String>,
    pub recipient: Address,
    pub text: String,
    pub media: Vec<String>,
    pub segments: u32,
    pub parts: Vec<NewPart>,
    pub route: Route,
    pub in_reply_to: Option<MessageId>,
    pub plugin: Option<String>,
    pub options: Options,
    pub schedule: Schedule,
    pub priority: Priority,
    pub callback: Option<Callback>,
    /// Where the randomness of the outbound plugins' verdict began.
    pub seed: Option<u64>,
    /// It is only kept, with the reason why it is not sent.
    pub rejected: Option<Rejection>,
    /// The message whose processing led to it, where it is no reply.
    pub caused_by: Option<MessageId>,
    /// How many reports in a row led to it.
    pub hops: u32,
    /// It confirms the person's own opting out, and so goes to them all the same.
    pub confirms: bool,
    /// What it was made of.
    pub template: Option<UsedTemplate>,
    /// The recipient of a bulk send whom it is for.
    pub bulk: Option<BulkPlace>,
    pub at: Timestamp,
}

/// Where an application wants to be told what becomes of its message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    pub url: String,
    /// Whose token signs what it is told.
    pub api_key_id: Uuid,
    /// The account that the application calls itself.
    pub account: String,
}

/// When a message leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    Now,
    /// It stays in the outbox until then.
    At(Timestamp),
    /// It is handed over now, and the provider keeps it until then.
    AtProvider(Timestamp),
}

#[derive(Clone, Debug)]
pub struct NewPart {
    pub id: PartId,
    pub text: String,
    pub media: Vec<String>,
    /// As far as we can tell; the provider's own count replaces it once it is known.
    pub segments: u32,
}

/// A caller's own name for a call, so that the same call again does nothing again.
#[derive(Clone, Debug)]
pub struct Idempotency {
    pub api_key_id: Uuid,
    pub key: String,
    /// SHA-256 of the request body, in hex.
    pub fingerprint: String,
}

/// A submission: an outbound message, the ids its conversation gets if that is new, and what the
/// outbound plugins made of it.
#[derive(Clone, Debug)]
pub struct Submission {
    pub message: NewOutbound,
    pub conversation_id: ConversationId,
    pub contact_id: ContactId,
    pub subject: String,
    pub idempotency: Option<Idempotency>,
    /// Labels for the conversation.
    pub tags: Vec<String>,
    pub state: Vec<StateChange>,
    pub traces: Vec<Trace>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Submitted {
    /// As it was stored.
    Stored(Box<Message>),
    /// The same call was made before and came to this message.
    Before(MessageId),
    /// The key was used before for a call with another body.
    KeyReused,
    /// The gate says no. It is kept under this id with the reason, and not sent; but of a bulk send nothing is
    /// stored, whose recipient has the reason.
    Refused { refusal: Refusal, kept: Option<MessageId> },
    /// It is for a recipient of a bulk send who does not wait for it any more. Nothing was stored.
    NotAwaited,
    /// As of a commit: the outbound plugins are to be asked again. Nothing was stored.
    Stale,
}

/// What others say about somebody's consent.
#[derive(Clone, Debug)]
pub struct NewConsent {
    pub id: Uuid,
    pub channel: String,
    pub address: Address,
    pub choice: Choice,
    pub source: Source,
    /// What there is to show for it.
    pub proof: Option<String>,
    pub note: Option<String>,
    /// Who says so.
    pub actor: Option<String>,
    /// When the person said so, and when it comes to be known here.
    pub at: Timestamp,
    pub now: Timestamp,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Changed,
    /// It was known, or something newer is.
    Known(KnownConsent),
    /// The person opted out by their own word: to opt in for them takes something to show for it.
    NeedsProof(KnownConsent),
}

/// A part that a worker may send now, and must settle before the lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    pub id: PartId,
    pub attempt_id: Uuid,
    pub message_id: MessageId,
    pub channel: String,
    pub sender: Option<Address>,
    pub service: Option<String>,
    /// Whether that is the channel's own, and nobody named it.
    pub own_sender: bool,
    pub recipient: Address,
    pub text: String,
    pub media: Vec<String>,
    pub options: Options,
    /// When the provider shall send it, where it keeps it until then.
    pub send_at: Option<Timestamp>,
    pub priority: Priority,
    pub segments: u32,
    /// Since when it could have been sent.
    pub due_at: Timestamp,
    /// How many tries were made, this one included.
    pub attempts: u32,
    /// Until then nobody else takes it for given up.
    pub until: Timestamp,
}

impl Claimed {
    /// Where it waited.
    pub fn line(&self) -> Line {
        Line::of(&self.channel, self.sender.as_ref(), self.service.as_deref())
    }
}

/// What taking a message back came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancellation {
    pub channel: String,
    /// How many parts were still here, and will not be sent.
    pub canceled: usize,
    /// How many were taken back before.
    pub before: usize,
    /// Parts that the provider has and may not have sent, with its ids: it is to be asked.
    pub at_provider: Vec<(PartId, String)>,
    /// How many parts are just being handed over: what becomes of them shows in a moment.
    pub sending: usize,
    /// How many may have been handed over, those included: what the provider does not have of them is not sent.
    pub unsure: usize,
}

/// What became of a wish to try a message again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retried {
    NotFound,
    /// So many of its parts wait again; none, where all that is left of it waits already.
    Waiting {
        parts: usize,
    },
    Refused(NotRetried),
}

/// Why a message is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRetried {
    #[error("it may have been sent: what became of it is still being found out")]
    Unknown,
    #[error("it was handed over to the provider")]
    HandedOver,
    #[error("it was refused, and would be again: send another message")]
    Final,
    #[error("it was taken back")]
    Canceled,
    #[error("the recipient has opted out")]
    OptedOut,
    #[error("its text was removed")]
    Removed,
    #[error("the time is over for which it was valid")]
    Expired,
}

/// What a try to send a part came to, for the record.
#[derive(Clone, Debug, PartialEq)]
pub struct Settlement {
    pub part_id: PartId,
    pub attempt_id: Uuid,
    pub at: Timestamp,
    pub result: Settled,
    /// What went over the wire, with nothing personal or secret in it.
    pub exchange: Option<serde_json::Value>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    Accepted {
        provider_id: String,
        status: Status,
        segments: Option<u32>,
        sender: Option<Address>,
    },
    Retry {
        due_at: Timestamp,
        error: ProviderError,
    },
    /// Back to the queue as if it had not been tried, and not before a moment.
    Held {
        until: Option<Timestamp>,
        error: ProviderError,
    },
    Failed {
        error: ProviderError,
    },
    /// It was certainly not handed over, and is tried no more unless somebody says so.
    GivenUp {
        error: ProviderError,
    },
    OptedOut {
        error: ProviderError,
    },
    Unknown {
        error: ProviderError,
    },
}

/// A status report to be kept.
#[derive(Clone, Debug)]
pub struct NewObservation {
    pub id: Uuid,
    pub channel: String,
    pub provider_id: String,
    pub part_id: Option<PartId>,
    /// What the message went from, if the report says so.
    pub sender: Option<Address>,
    pub status: Status,
    pub error: Option<ProviderError>,
    pub consent: Option<Consent>,
    pub raw: Vec<(String, String)>,
    pub received_at: Timestamp,
}

/// What a status report changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observed {
    /// The report is kept, but is of no message of ours.
    Unrelated,
    Message {
        id: MessageId,
        status: Status,
        conflict: bool,
    },
}
