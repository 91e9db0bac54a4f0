//! From the gateway's types to the contract's, and back. What a plugin writes is cleaned here.

use jiff::Timestamp;

use super::host::Subjects;
use super::host::bindings::recado::plugin::types;
use crate::actions::{Action, Changes, Decision, Flow, Outgoing, Verdict};
use crate::message::{ConversationStatus, Status};
use crate::plugins::{ConversationSeen, InboundCall, Origin, OutboundCall, StatusCall, TimerCall};

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit 53 bits for 280,000 years")]
pub(super) fn millis(time: Timestamp) -> f64 {
    time.as_millisecond() as f64
}

/// The moment that a plugin means, if there is such a one.
#[expect(clippy::cast_possible_truncation, reason = "what is too large is no moment")]
pub(super) fn moment(millis: f64) -> Option<Timestamp> {
    millis.is_finite().then(|| Timestamp::from_millisecond(millis as i64).ok()).flatten()
}

/// NUL is in no text that a person could read, and Postgres takes none.
pub(super) fn clean(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

pub(super) fn subjects(conversation: &ConversationSeen) -> Subjects {
    Subjects { conversation: Some(conversation.id.0), contact: Some(conversation.contact.id.0) }
}

pub(super) fn inbound(call: &InboundCall) -> types::InboundMessage {
    types::InboundMessage {
        id: call.id.to_string(),
        channel: call.channel.clone(),
        sender: call.sender.as_str().to_owned(),
        recipient: call.recipient.as_str().to_owned(),
        text: call.text.clone(),
        media: call
            .media
            .iter()
            .map(|media| types::Media {
                url: media.url.clone(),
                content_type: media.content_type.clone().unwrap_or_default(),
            })
            .collect(),
        received_at: millis(call.received_at),
        extra: call.extra.clone(),
    }
}

pub(super) fn outbound(call: &OutboundCall) -> types::OutboundMessage {
    types::OutboundMessage {
        id: call.id.to_string(),
        channel: call.channel.clone(),
        sender: call.sender.as_ref().map(|sender| sender.as_str().to_owned()),
        recipient: call.recipient.as_str().to_owned(),
        text: call.text.clone(),
        media: call.media.clone(),
        origin: match call.origin {
            Origin::Api => types::Origin::Api,
            Origin::Console => types::Origin::Console,
            Origin::Plugin => types::Origin::Plugin,
            Origin::Bulk => types::Origin::Bulk,
        },
        send_at: call.send_at.map(millis),
        created_at: millis(call.created_at),
        extra: Vec::new(),
    }
}

pub(super) fn report(call: &StatusCall) -> types::StatusReport {
    types::StatusReport {
        message_id: call.message_id.to_string(),
        channel: call.channel.clone(),
        recipient: call.recipient.as_str().to_owned(),
        status: message_status(call.status),
        error_code: call.error.as_ref().and_then(|error| error.code),
        error_message: call.error.as_ref().and_then(|error| error.message.clone()),
        plugin: call.plugin.clone(),
        at: millis(call.at),
        extra: Vec::new(),
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

pub(super) fn timer(call: &TimerCall) -> types::Timer {
    types::Timer {
        name: call.name.clone(),
        payload: call.payload.clone(),
        started_at: millis(call.started_at),
        due_at: millis(call.due_at),
    }
}

pub(super) fn conversation(seen: &ConversationSeen) -> types::Conversation {
    types::Conversation {
        id: seen.id.to_string(),
        channel: seen.channel.clone(),
        address: seen.address.as_str().to_owned(),
        status: match seen.status {
            ConversationStatus::Pending => types::ConversationStatus::Pending,
            ConversationStatus::Active => types::ConversationStatus::Active,
            ConversationStatus::Closed => types::ConversationStatus::Closed,
        },
        subject: seen.subject.clone(),
        tags: seen.tags.clone(),
        assignee: seen.assignee.clone(),
        contact: types::Contact {
            id: seen.contact.id.to_string(),
            name: seen.contact.name.clone(),
            attributes: seen.contact.attributes.clone(),
        },
        inbound_count: seen.inbound_count,
        previous_inbound_at: seen.previous_inbound_at.map(millis),
        extra: Vec::new(),
    }
}

pub(super) fn decision(decision: types::Decision) -> Decision {
    Decision { actions: decision.actions.into_iter().map(action).collect(), flow: flow(decision.flow) }
}

pub(super) fn verdict(verdict: types::Verdict) -> Verdict {
    match verdict {
        types::Verdict::Accept(changes) => Verdict::Accept(Changes {
            text: changes.text.map(clean),
            media: changes.media.map(|media| media.into_iter().map(clean).collect()),
            channel: changes.channel.map(clean),
            sender: changes.sender.map(clean),
            send_at: changes.send_at.and_then(moment),
            tags: changes.tags.into_iter().map(clean).collect(),
            flow: flow(changes.flow),
        }),
        types::Verdict::Reject(reason) => Verdict::Reject { reason: clean(reason) },
    }
}

fn flow(flow: types::Flow) -> Flow {
    match flow {
        types::Flow::Proceed => Flow::Proceed,
        types::Flow::Stop => Flow::Stop,
    }
}

fn action(action: types::Action) -> Action {
    match action {
        types::Action::Reply(reply) => {
            Action::Reply { text: clean(reply.text), media: reply.media.into_iter().map(clean).collect() }
        }
        types::Action::Send(outgoing) => Action::Send(Outgoing {
            channel: outgoing.channel.map(clean),
            sender: outgoing.sender.map(clean),
            recipient: clean(outgoing.recipient),
            text: clean(outgoing.text),
            media: outgoing.media.into_iter().map(clean).collect(),
            send_at: outgoing.send_at.and_then(moment),
        }),
        types::Action::Tag(tag) => Action::Tag { tag: clean(tag) },
        types::Action::Untag(tag) => Action::Untag { tag: clean(tag) },
        types::Action::Assign(to) => Action::Assign { to: to.map(clean) },
        types::Action::SetStatus(status) => Action::SetStatus {
            status: match status {
                types::ConversationStatus::Pending => ConversationStatus::Pending,
                types::ConversationStatus::Active => ConversationStatus::Active,
                types::ConversationStatus::Closed => ConversationStatus::Closed,
            },
        },
        types::Action::SetAttribute((name, value)) => {
            Action::SetAttribute { name: clean(name), value: value.map(clean) }
        }
        types::Action::Forward(forward) => {
            Action::Forward { endpoint: clean(forward.endpoint), payload: forward.payload.map(clean) }
        }
        types::Action::StartTimer(timer) => {
            Action::StartTimer { name: clean(timer.name), after_ms: timer.after, payload: clean(timer.payload) }
        }
        types::Action::CancelTimer(name) => Action::CancelTimer { name: clean(name) },
        types::Action::Discard(reason) => Action::Discard { reason: clean(reason) },
        types::Action::Custom((name, json)) => Action::Custom { name: clean(name), json: clean(json) },
    }
}
