//! What others get to see: messages, conversations, consents, API keys, callbacks.
//!
//! Read only; what goes into the store is in `records`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::media::MessageMedia;
use super::records::Callback;
use super::templates::UsedTemplate;
use crate::message::{
    Address, ContactId, ConversationId, ConversationStatus, Direction, MessageId, Options, PartId, Priority, Scope,
    Status,
};

/// A message as others see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = StoredMessage)]
pub struct Message {
    pub id: MessageId,
    pub conversation_id: ConversationId,
    pub channel: String,
    pub direction: Direction,
    /// The provider's id; of an outbound message, that of its first part.
    pub provider_id: Option<String>,
    /// Null until the provider's service has picked one.
    pub from: Option<Address>,
    /// The provider's service that it goes by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    pub to: Address,
    pub text: String,
    pub media: Vec<MessageMedia>,
    pub status: Status,
    pub segments: Option<u32>,
    pub error_code: Option<i32>,
    pub error_message: Option<String>,
    /// Two final reports contradict each other; `status` is the first.
    pub conflict: bool,
    pub in_reply_to: Option<MessageId>,
    /// The plugin that asked for it.
    pub plugin: Option<String>,
    /// Why a plugin said that it is of no interest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discarded: Option<String>,
    /// The plugin that refused it; `error_message` says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_by: Option<String>,
    /// What the gate refused it for: `opted-out`, `quiet-hours` or `frequency-cap`; `error_message` says more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_for: Option<String>,
    /// The message whose processing led to it, where it is no reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caused_by: Option<MessageId>,
    /// What it was made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<UsedTemplate>,
    /// The bulk send that it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk_id: Option<Uuid>,
    /// When it is to leave, if not at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at: Option<Timestamp>,
    /// How soon it leaves, compared with others: of an outbound message that has parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// When the gateway stopped trying to hand something of it over, which it certainly did not. `retry`
    /// begins anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up_at: Option<Timestamp>,
    /// When somebody took it back, here: what the provider does not have of it is not sent, and what it turns out to
    /// keep for later is taken back there. Of an `unknown` one that is not known yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Options::is_default")]
    pub options: Options,
    /// What else the provider told of one that came in, by its own names; of the same name twice, the first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub processed_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    pub failed_at: Option<Timestamp>,
    pub read_at: Option<Timestamp>,
    /// Of an outbound message; one for each provider request.
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Part {
    pub id: PartId,
    pub provider_id: Option<String>,
    pub status: Status,
    pub segments: Option<u32>,
    pub attempts: u32,
    pub error_code: Option<i32>,
    pub error_message: Option<String>,
}

/// What somebody allows on a channel, as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Consent)]
pub struct KnownConsent {
    pub channel: String,
    pub address: Address,
    /// `opted_out` or `opted_in`.
    pub state: String,
    /// `provider`, `message`, `import`, `api` or `console`.
    pub source: String,
    pub error_code: Option<i32>,
    /// The message that said so, or that could not be sent.
    pub message_id: Option<MessageId>,
    pub at: Timestamp,
}

/// A change of a message's status that a worker may tell an application now, and must settle
/// before the lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedCallback {
    pub message_id: MessageId,
    pub position: u32,
    pub status: Status,
    pub error_code: Option<i32>,
    pub from: Option<Address>,
    pub service: Option<String>,
    /// When the carrier was done with it, as the provider's report has it.
    pub carrier_date: Option<String>,
    pub to: Address,
    pub has_media: bool,
    pub callback: Callback,
    /// Of the key of that id: its SHA-256, in hex.
    pub key_hash: String,
    /// How many tries were made, this one included.
    pub tries: u32,
}

/// What a try to tell an application came to, for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackSettlement {
    pub message_id: MessageId,
    pub position: u32,
    /// As the claim had them: whoever claimed it later has more.
    pub tries: u32,
    pub at: Timestamp,
    pub result: CallbackResult,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallbackResult {
    Done,
    Retry { due_at: Timestamp, problem: String },
    GivenUp { problem: String },
}

/// What became of a wish to remove a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redaction {
    Done,
    /// It is still on its way, and would leave without its text.
    UnderWay,
    NotFound,
}

/// A conversation as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Conversation {
    pub id: ConversationId,
    pub contact_id: ContactId,
    pub channel: String,
    pub address: Address,
    pub status: ConversationStatus,
    pub subject: String,
    pub tags: Vec<String>,
    /// Who looks after it.
    pub assignee: Option<String>,
    pub unread: u32,
    pub inbound_count: u32,
    pub last_message_at: Timestamp,
    pub last_inbound_at: Option<Timestamp>,
    pub created_at: Timestamp,
}

/// The person behind a conversation, as plugins see them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    pub id: ContactId,
    pub name: Option<String>,
    pub attributes: BTreeMap<String, String>,
}

/// A conversation with its contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    pub conversation: Conversation,
    pub contact: Contact,
    /// Nothing is known of the contact any more.
    pub is_erased: bool,
}

/// An API key, without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ApiKey {
    pub id: Uuid,
    pub name: String,
    /// What it may be used for; null is everything.
    pub scopes: Option<Vec<Scope>>,
    /// Requests a second; null is no limit.
    pub per_second: Option<u32>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    /// To the minute.
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}
