//! What a plugin is told, hook by hook.

use jiff::Timestamp;

use crate::message::{Address, ContactId, ConversationId, ConversationStatus, Media, MessageId, ProviderError, Status};

/// All that a plugin is told about an inbound message.
#[derive(Clone, Debug)]
pub struct InboundCall {
    pub id: MessageId,
    pub channel: String,
    pub sender: Address,
    pub recipient: Address,
    pub text: String,
    pub media: Vec<Media>,
    pub received_at: Timestamp,
    pub extra: Vec<(String, String)>,
    pub conversation: ConversationSeen,
}

/// All that a plugin is told about a message that is about to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboundCall {
    pub id: MessageId,
    pub channel: String,
    /// None while the provider chooses.
    pub sender: Option<Address>,
    pub recipient: Address,
    pub text: String,
    pub media: Vec<String>,
    pub origin: Origin,
    pub send_at: Option<Timestamp>,
    pub created_at: Timestamp,
    /// None for a message that begins one.
    pub conversation: Option<ConversationSeen>,
}

/// All that a plugin is told about what became of a message.
#[derive(Clone, Debug)]
pub struct StatusCall {
    pub message_id: MessageId,
    pub channel: String,
    pub recipient: Address,
    pub status: Status,
    pub error: Option<ProviderError>,
    /// The plugin that had asked for the message.
    pub plugin: Option<String>,
    pub at: Timestamp,
    pub conversation: ConversationSeen,
}

/// All that a plugin is told about a timer of its own that ran out.
#[derive(Clone, Debug)]
pub struct TimerCall {
    pub name: String,
    pub payload: String,
    pub started_at: Timestamp,
    pub due_at: Timestamp,
    pub conversation: ConversationSeen,
}

/// Who wants a message sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Api,
    Console,
    Plugin,
    Bulk,
}

/// The conversation as it stands when a plugin is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct ConversationSeen {
    pub id: ConversationId,
    pub channel: String,
    /// The person's.
    pub address: Address,
    pub status: ConversationStatus,
    pub subject: String,
    pub tags: Vec<String>,
    pub assignee: Option<String>,
    pub contact: ContactSeen,
    pub inbound_count: u32,
    pub previous_inbound_at: Option<Timestamp>,
}

/// The person behind the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactSeen {
    pub id: ContactId,
    pub name: Option<String>,
    pub attributes: Vec<(String, String)>,
}
