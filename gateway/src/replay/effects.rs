//! What decisions come to, in a form that can be compared: without who decided it.

use std::fmt::{self, Display, Formatter};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::actions::{Action, Outgoing, Plan, PlannedTimer, Planner, TimerChange};
use crate::message::ConversationStatus;
use crate::plugins::{Asked, Ran, TRIPPED};
use crate::store::{Thread, Trace};

/// One thing that follows from a message.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    Reply {
        text: String,
        media: Vec<String>,
    },
    Send {
        to: String,
        channel: Option<String>,
        sender: Option<String>,
        text: String,
        media: Vec<String>,
        send_at: Option<Timestamp>,
    },
    Tag {
        tag: String,
    },
    Untag {
        tag: String,
    },
    Assign {
        to: Option<String>,
    },
    Status {
        status: ConversationStatus,
    },
    Attribute {
        name: String,
        value: Option<String>,
    },
    Forward {
        endpoint: String,
        payload: Option<Value>,
    },
    StartTimer {
        name: String,
        after_ms: i64,
        payload: String,
    },
    CancelTimer {
        name: String,
    },
    /// What a plugin remembers from then on, as its trace has it.
    Remember {
        scope: String,
        key: String,
        change: Value,
    },
    Discard {
        reason: String,
    },
    /// A plugin failed.
    NoDecision {
        plugin: String,
    },
}

impl Display for Effect {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reply { text, media } if media.is_empty() => write!(f, "reply {text:?}"),
            Self::Reply { text, media } => write!(f, "reply {text:?} with {}", media.join(", ")),
            Self::Send { to, channel, text, media, .. } => {
                let channel = channel.as_ref().map(|channel| format!(" by {channel}")).unwrap_or_default();
                let with = if media.is_empty() { String::new() } else { format!(" with {}", media.join(", ")) };
                write!(f, "send {text:?} to {to}{channel}{with}")
            }
            Self::Tag { tag } => write!(f, "tag {tag}"),
            Self::Untag { tag } => write!(f, "untag {tag}"),
            Self::Assign { to: Some(to) } => write!(f, "assign to {to}"),
            Self::Assign { to: None } => write!(f, "assign to nobody"),
            Self::Status { status } => write!(f, "status {}", status.as_str()),
            Self::Attribute { name, value: Some(value) } => write!(f, "attribute {name} = {value:?}"),
            Self::Attribute { name, value: None } => write!(f, "attribute {name} goes"),
            Self::Forward { endpoint, .. } => write!(f, "forward to {endpoint}"),
            Self::StartTimer { name, after_ms, .. } => write!(f, "timer {name} in {after_ms} ms"),
            Self::CancelTimer { name } => write!(f, "cancel timer {name}"),
            Self::Remember { scope, key, change } => match (&change["set"]["value"], &change["add"]) {
                (Value::String(value), _) => write!(f, "remember {scope} {key} = {value:?}"),
                (_, Value::Number(number)) => write!(f, "add {number} to {scope} {key}"),
                _ => write!(f, "forget {scope} {key}"),
            },
            Self::Discard { reason } => write!(f, "discard: {reason}"),
            Self::NoDecision { plugin } => write!(f, "{plugin} gives no decision"),
        }
    }
}

impl Effect {
    /// What one action of a trace comes to by itself; nothing for one that is only put on record.
    pub fn of(action: &Value) -> Option<Self> {
        Some(match serde_json::from_value(action.clone()).ok()? {
            Action::Reply { text, media } => Self::Reply { text, media },
            Action::Send(Outgoing { channel, sender, recipient, text, media, send_at }) => {
                Self::Send { to: recipient, channel, sender, text, media, send_at }
            }
            Action::Tag { tag } => Self::Tag { tag },
            Action::Untag { tag } => Self::Untag { tag },
            Action::Assign { to } => Self::Assign { to },
            Action::SetStatus { status } => Self::Status { status },
            Action::SetAttribute { name, value } => Self::Attribute { name, value },
            Action::Forward { endpoint, payload } => {
                Self::Forward { endpoint, payload: payload.and_then(|payload| serde_json::from_str(&payload).ok()) }
            }
            Action::StartTimer { name, after_ms, payload } => {
                #[expect(clippy::cast_possible_truncation, reason = "a plan has none that is not a number of days")]
                let after_ms = after_ms as i64;
                Self::StartTimer { name, after_ms, payload }
            }
            Action::CancelTimer { name } => Self::CancelTimer { name },
            Action::Discard { reason } => Self::Discard { reason },
            Action::Custom { .. } => return None,
        })
    }
}

/// What came of it then; nothing where that can't be told any more.
pub(super) fn recorded(thread: &Thread, traces: &[Trace]) -> Option<Vec<Effect>> {
    let mut planner = Planner::new(thread.conversation.tags.clone());
    let (mut failed, mut remembered) = (Vec::new(), Vec::new());
    for trace in traces {
        // Nobody asked it: it was being left alone.
        if trace.error.as_ref().is_some_and(|error| error.starts_with(TRIPPED)) {
            return None;
        }
        if trace.error.is_some() {
            failed.push(trace.plugin.clone());
            continue;
        }
        let actions: Vec<Action> = serde_json::from_value(trace.decision.get("actions")?.clone()).ok()?;
        planner.add(&trace.plugin, &actions);
        remembered.extend(remembers(&trace.decision));
    }
    let mut effects = effects(&thread.conversation.tags, planner.finish(), failed);
    effects.extend(remembered);
    Some(effects)
}

/// What would come of it.
pub(super) fn decided(thread: &Thread, asked: Asked<Plan>) -> Vec<Effect> {
    let failed = |ran: &Ran| ran.error.is_some().then(|| ran.plugin.clone());
    let failed = asked.ran.iter().filter_map(failed).collect();
    let mut effects = effects(&thread.conversation.tags, asked.outcome, failed);
    effects.extend(asked.ran.iter().flat_map(|ran| remembers(&ran.decision)));
    effects
}

fn remembers(decision: &Value) -> Vec<Effect> {
    let changes = decision["state"].as_array().into_iter().flatten();
    let word = |change: &Value, name: &str| change[name].as_str().unwrap_or_default().to_owned();
    let remember = |change: &Value| Effect::Remember {
        scope: word(change, "scope"),
        key: word(change, "key"),
        change: change["change"].clone(),
    };
    changes.map(remember).collect()
}

fn effects(before: &[String], plan: Plan, failed: Vec<String>) -> Vec<Effect> {
    let mut effects: Vec<Effect> = failed.into_iter().map(|plugin| Effect::NoDecision { plugin }).collect();
    effects.extend(plan.discarded.map(|reason| Effect::Discard { reason }));
    effects.extend(plan.replies.into_iter().map(|reply| Effect::Reply { text: reply.text, media: reply.media }));
    effects.extend(plan.sends.into_iter().map(|send| Effect::Send {
        to: send.outgoing.recipient,
        channel: send.outgoing.channel,
        sender: send.outgoing.sender,
        text: send.outgoing.text,
        media: send.outgoing.media,
        send_at: send.outgoing.send_at,
    }));
    if let Some(tags) = plan.tags {
        let new = tags.iter().filter(|tag| !before.contains(tag));
        effects.extend(new.map(|tag| Effect::Tag { tag: tag.clone() }));
        let gone = before.iter().filter(|tag| !tags.contains(tag));
        effects.extend(gone.map(|tag| Effect::Untag { tag: tag.clone() }));
    }
    effects.extend(plan.assignee.map(|to| Effect::Assign { to }));
    effects.extend(plan.status.map(|status| Effect::Status { status }));
    effects.extend(plan.attributes.into_iter().map(|(name, value)| Effect::Attribute { name, value }));
    let forward = |forward: crate::actions::PlannedForward| Effect::Forward {
        endpoint: forward.endpoint,
        payload: forward.payload,
    };
    effects.extend(plan.forwards.into_iter().map(forward));
    effects.extend(plan.timers.into_iter().map(timer));
    effects
}

fn timer(planned: PlannedTimer) -> Effect {
    let name = planned.name;
    match planned.change {
        TimerChange::Cancel => Effect::CancelTimer { name },
        TimerChange::Start { after, payload } => {
            let after_ms = i64::try_from(after.as_millis()).unwrap_or(i64::MAX);
            Effect::StartTimer { name, after_ms, payload }
        }
    }
}
