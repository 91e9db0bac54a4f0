//! What plugins are told, in the contract's types. These lend what the gateway has: only lists, whose
//! items have another shape, and ids are made anew.

use jiff::Timestamp;

use super::bindings::recado::plugin::types;
use crate::message::{Address, ConversationStatus, Status};
use crate::plugins::wasm::versions;
use crate::plugins::{ConversationSeen, InboundCall, Origin, OutboundCall, StatusCall, TimerCall};

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit 53 bits for 280,000 years")]
pub(super) fn millis(time: Timestamp) -> f64 {
    time.as_millisecond() as f64
}

pub(super) fn context<'a>(context: &versions::Context<'a>) -> types::Context<'a> {
    types::Context {
        plugin: context.plugin,
        locale: context.locale,
        time_zone: context.time_zone,
        deadline: context.deadline,
        extra: &[],
    }
}

/// What is lent of an inbound message besides the message itself.
pub(super) struct InboundLists<'a> {
    id: String,
    media: Vec<types::Media<'a>>,
    extra: Vec<(&'a str, &'a str)>,
}

impl<'a> InboundLists<'a> {
    pub(super) fn of(call: &'a InboundCall) -> Self {
        let media = call.media.iter().map(|media| types::Media {
            url: &media.url,
            content_type: media.content_type.as_deref().unwrap_or_default(),
        });
        Self { id: call.id.to_string(), media: media.collect(), extra: pairs(&call.extra) }
    }

    pub(super) fn lend(&'a self, call: &'a InboundCall) -> types::InboundMessage<'a> {
        types::InboundMessage {
            id: &self.id,
            channel: &call.channel,
            sender: call.sender.as_str(),
            recipient: call.recipient.as_str(),
            text: &call.text,
            media: &self.media,
            received_at: millis(call.received_at),
            extra: &self.extra,
        }
    }
}

/// What is lent of an outbound message besides the message itself.
pub(super) struct OutboundLists<'a> {
    id: String,
    media: Vec<&'a str>,
}

impl<'a> OutboundLists<'a> {
    pub(super) fn of(call: &'a OutboundCall) -> Self {
        Self { id: call.id.to_string(), media: call.media.iter().map(String::as_str).collect() }
    }

    pub(super) fn lend(&'a self, call: &'a OutboundCall) -> types::OutboundMessage<'a> {
        types::OutboundMessage {
            id: &self.id,
            channel: &call.channel,
            sender: call.sender.as_ref().map(Address::as_str),
            recipient: call.recipient.as_str(),
            text: &call.text,
            media: &self.media,
            origin: match call.origin {
                Origin::Api => types::Origin::Api,
                Origin::Console => types::Origin::Console,
                Origin::Plugin => types::Origin::Plugin,
                Origin::Bulk => types::Origin::Bulk,
            },
            send_at: call.send_at.map(millis),
            created_at: millis(call.created_at),
            extra: &[],
        }
    }
}

pub(super) fn report<'a>(call: &'a StatusCall, id: &'a str) -> types::StatusReport<'a> {
    types::StatusReport {
        message_id: id,
        channel: &call.channel,
        recipient: call.recipient.as_str(),
        status: message_status(call.status),
        error_code: call.error.as_ref().and_then(|error| error.code),
        error_message: call.error.as_ref().and_then(|error| error.message.as_deref()),
        plugin: call.plugin.as_deref(),
        at: millis(call.at),
        extra: &[],
    }
}

fn message_status(status: Status) -> types::MessageStatus {
    match status {
        Status::Pending => types::MessageStatus::Pending,
        Status::Unknown => types::MessageStatus::Unknown,
        Status::Scheduled => types::MessageStatus::Scheduled,
        Status::Accepted => types::MessageStatus::Accepted,
        Status::Queued => types::MessageStatus::Queued,
        // The last two are of messages that come in, which have no reports.
        Status::Sending | Status::Receiving | Status::Received => types::MessageStatus::Sending,
        Status::Sent => types::MessageStatus::Sent,
        Status::Delivered => types::MessageStatus::Delivered,
        Status::Undelivered => types::MessageStatus::Undelivered,
        Status::Failed => types::MessageStatus::Failed,
        Status::Canceled => types::MessageStatus::Canceled,
        Status::Read => types::MessageStatus::Read,
    }
}

pub(super) fn timer(call: &TimerCall) -> types::Timer<'_> {
    types::Timer {
        name: &call.name,
        payload: &call.payload,
        started_at: millis(call.started_at),
        due_at: millis(call.due_at),
    }
}

/// A conversation, with what is lent of it.
pub(super) struct Seen<'a> {
    conversation: &'a ConversationSeen,
    id: String,
    contact: String,
    tags: Vec<&'a str>,
    attributes: Vec<(&'a str, &'a str)>,
}

impl<'a> Seen<'a> {
    pub(super) fn of(conversation: &'a ConversationSeen) -> Self {
        Self {
            conversation,
            id: conversation.id.to_string(),
            contact: conversation.contact.id.to_string(),
            tags: conversation.tags.iter().map(String::as_str).collect(),
            attributes: pairs(&conversation.contact.attributes),
        }
    }

    pub(super) fn lend(&self) -> types::Conversation<'_> {
        let seen = self.conversation;
        types::Conversation {
            id: &self.id,
            channel: &seen.channel,
            address: seen.address.as_str(),
            status: match seen.status {
                ConversationStatus::Pending => types::ConversationStatus::Pending,
                ConversationStatus::Active => types::ConversationStatus::Active,
                ConversationStatus::Closed => types::ConversationStatus::Closed,
            },
            subject: &seen.subject,
            tags: &self.tags,
            assignee: seen.assignee.as_deref(),
            contact: types::Contact {
                id: &self.contact,
                name: seen.contact.name.as_deref(),
                attributes: &self.attributes,
            },
            inbound_count: seen.inbound_count,
            previous_inbound_at: seen.previous_inbound_at.map(millis),
            extra: &[],
        }
    }
}

fn pairs(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
