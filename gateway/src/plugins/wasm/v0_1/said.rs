//! What plugins say, in the gateway's types. It is cleaned here.

use jiff::Timestamp;

use super::bindings::recado::plugin::types;
use crate::actions::{Action, Changes, Decision, Flow, Outgoing, Verdict};
use crate::message::ConversationStatus;
use crate::plugins::Failure;
use crate::plugins::wasm::failures::shorten;
use crate::plugins::wasm::versions::Said;

/// The moment that a plugin means, if there is such a one.
#[expect(clippy::cast_possible_truncation, reason = "what is too large is no moment")]
pub(super) fn moment(millis: f64) -> Option<Timestamp> {
    millis.is_finite().then(|| Timestamp::from_millisecond(millis as i64).ok()).flatten()
}

/// NUL is in no text that a person could read, and Postgres takes none.
pub(super) fn clean(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

/// Of a length that fits a log and every trace.
pub(super) fn manifest(said: types::Manifest) -> Said {
    Said {
        name: shorten(&said.name),
        version: shorten(&said.version),
        description: shorten(&said.description),
        hooks: said.hooks.into(),
        config_schema: said.config_schema,
    }
}

pub(super) fn failure(failure: types::Failure) -> Failure {
    match failure {
        types::Failure::BadConfig(text) => Failure::BadConfig(shorten(&text)),
        types::Failure::Failed(text) => Failure::Failed(shorten(&text)),
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
