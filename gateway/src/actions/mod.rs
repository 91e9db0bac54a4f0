//! What plugins ask for, and the plan it comes to.
//!
//! Pure: actions in, plan out. Plugins ask; the flow that holds the plan does it, in one
//! transaction. Nothing here sends, stores or knows what a component is.

mod planner;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::message::ConversationStatus;

pub use planner::{Planner, Taken, cut_reason};

/// What a plugin asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    Reply {
        text: String,
        media: Vec<String>,
    },
    /// To anybody; passes the outbound plugins like any other.
    Send(Outgoing),
    Tag {
        tag: String,
    },
    Untag {
        tag: String,
    },
    /// To nobody without a name.
    Assign {
        to: Option<String>,
    },
    SetStatus {
        status: ConversationStatus,
    },
    /// Of the contact; without a value it goes.
    SetAttribute {
        name: String,
        value: Option<String>,
    },
    Forward {
        endpoint: String,
        payload: Option<String>,
    },
    StartTimer {
        name: String,
        after_ms: f64,
        payload: String,
    },
    CancelTimer {
        name: String,
    },
    Discard {
        reason: String,
    },
    /// Recorded in the trace and nothing more.
    Custom {
        name: String,
        json: String,
    },
}

/// A message that a plugin wants sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outgoing {
    /// None is the conversation's.
    pub channel: Option<String>,
    /// None is the channel's own.
    pub sender: Option<String>,
    /// As the plugin wrote it.
    pub recipient: String,
    pub text: String,
    pub media: Vec<String>,
    pub send_at: Option<Timestamp>,
}

/// Whether the next plugin of the chain is asked, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Flow {
    #[default]
    Proceed,
    Stop,
}

/// All that one plugin said to one message that came in, one report or one timer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision {
    pub actions: Vec<Action>,
    pub flow: Flow,
}

/// What one plugin said to one message that is about to be sent.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    Accept(Changes),
    Reject { reason: String },
}

/// What is to be different about a message that is about to be sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Changes {
    pub text: Option<String>,
    pub media: Option<Vec<String>>,
    pub channel: Option<String>,
    pub sender: Option<String>,
    pub send_at: Option<Timestamp>,
    pub tags: Vec<String>,
    pub flow: Flow,
}

/// A reply that will be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedReply {
    pub plugin: String,
    pub text: String,
    pub media: Vec<String>,
}

/// A message to anybody that will pass the outbound plugins and then be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedSend {
    pub plugin: String,
    pub outgoing: Outgoing,
}

/// What an application is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedForward {
    pub plugin: String,
    pub endpoint: String,
    /// A JSON document.
    pub payload: Option<serde_json::Value>,
}

/// A timer that a plugin starts or takes back. One plugin has one of a name in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedTimer {
    pub plugin: String,
    pub name: String,
    pub change: TimerChange,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange {
    Start { after: SignedDuration, payload: String },
    Cancel,
}

/// What the actions come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The conversation's new status, when it changes.
    pub status: Option<ConversationStatus>,
    /// The conversation's tags, when they change.
    pub tags: Option<Vec<String>>,
    /// Who looks after the conversation, when that changes.
    pub assignee: Option<Option<String>>,
    /// The contact's attributes that change.
    pub attributes: BTreeMap<String, Option<String>>,
    pub replies: Vec<PlannedReply>,
    pub sends: Vec<PlannedSend>,
    pub forwards: Vec<PlannedForward>,
    pub timers: Vec<PlannedTimer>,
    /// Why the message is of no interest, if a plugin said so. There are no replies then.
    pub discarded: Option<String>,
}
