//! What plugins' decisions come to, as records to be committed, and what plugins are still to hear of.
//!
//! The store knows no plugin: to it, a plugin is a name.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::Snapshot;
use super::events::NewEvent;
use super::records::{NewOutbound, Submission};
use crate::gate::Refusal;
use crate::message::{Address, ContactId, ConversationId, ConversationStatus, MessageId, ProviderError, Status};

/// What was processed, and must not be a second time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// An inbound message.
    Message,
    /// What became of an outbound message.
    Report(Uuid),
    /// A timer that ran out.
    Timer(Uuid),
}

/// What processing came to. Committed as one.
#[derive(Clone, Debug)]
pub struct Processed {
    pub cause: Cause,
    /// The message that was processed, or that the report is of, or that the timer was started for.
    pub message_id: MessageId,
    pub conversation_id: ConversationId,
    pub contact_id: ContactId,
    pub at: Timestamp,
    /// Where the randomness of the decision began; kept of an inbound message.
    pub seed: Option<u64>,
    /// The conversation as the plugins saw it; kept of an inbound message.
    pub seen: Option<Snapshot>,
    /// What the webhook is answered, when it has something to say.
    pub answer: Option<String>,
    /// Why the message is of no interest. It is not unread then.
    pub discarded: Option<String>,
    pub status: Option<ConversationStatus>,
    /// All that the conversation is to have. Only what differs from `tags_seen` is changed: somebody else
    /// may have changed others meanwhile.
    pub tags: Option<Vec<String>>,
    /// Those that the plugins saw.
    pub tags_seen: Vec<String>,
    pub assignee: Option<Option<String>>,
    /// Of the contact; those without a value go.
    pub attributes: BTreeMap<String, Option<String>>,
    /// To the person of the conversation.
    pub replies: Vec<NewOutbound>,
    /// To anybody. They have no idempotency, state or traces of their own: those are here.
    pub sends: Vec<Submission>,
    pub timers: Vec<TimerChange>,
    /// What endpoints are told, in order.
    pub events: Vec<NewEvent>,
    /// In the order they were made.
    pub state: Vec<StateChange>,
    pub traces: Vec<Trace>,
}

impl Processed {
    /// When nobody has anything to say.
    pub fn new(
        cause: Cause,
        message_id: MessageId,
        conversation_id: ConversationId,
        contact_id: ContactId,
        at: Timestamp,
    ) -> Self {
        Self {
            cause,
            message_id,
            conversation_id,
            contact_id,
            at,
            seed: None,
            seen: None,
            answer: None,
            discarded: None,
            status: None,
            tags: None,
            tags_seen: Vec::new(),
            assignee: None,
            attributes: BTreeMap::new(),
            replies: Vec::new(),
            sends: Vec::new(),
            timers: Vec::new(),
            events: Vec::new(),
            state: Vec::new(),
            traces: Vec::new(),
        }
    }

    /// Says of something that a plugin asked for why it does not happen. Where several could have, the
    /// last that was asked.
    pub fn leave_out(&mut self, plugin: Option<&str>, reason: String) {
        let own = self.traces.iter_mut().filter(|trace| trace.message_id == self.message_id);
        if let Some(trace) = own.rev().find(|trace| plugin.is_none_or(|plugin| trace.plugin == plugin)) {
            trace.leave_out(reason);
        }
    }

    /// Leaves out what the gate refuses, and keeps with the plugin's decision why.
    pub fn silence(&mut self, what: &str, message: &NewOutbound, refusal: &Refusal) {
        let plugin = message.plugin.as_deref();
        let mut told = refusal.explained();
        if let Some(fields) = told.as_object_mut() {
            fields.insert("message".to_owned(), what.into());
            fields.insert("channel".to_owned(), message.channel.as_str().into());
            fields.insert("to".to_owned(), message.recipient.redacted().into());
            fields.insert("at".to_owned(), serde_json::json!(message.at));
        }
        self.refuse(plugin, told);
        self.leave_out(plugin, format!("{what} was left out: {refusal}"));
    }

    fn refuse(&mut self, plugin: Option<&str>, refusal: Value) {
        let own = self.traces.iter_mut().filter(|trace| trace.message_id == self.message_id);
        if let Some(trace) = own.rev().find(|trace| plugin.is_none_or(|plugin| trace.plugin == plugin)) {
            trace.add("gate", refusal);
        }
    }

    /// What tells it from all others.
    pub(super) fn key(&self) -> Uuid {
        match self.cause {
            Cause::Message => self.message_id.0,
            Cause::Report(id) | Cause::Timer(id) => id,
        }
    }
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    Done,
    /// Without the answer, since the gate refused replies or holds them, or others wait in front of them.
    Unanswered,
    /// It was processed before, perhaps by another process; nothing was changed.
    Before,
    /// A plugin decided by what it remembered, and something else was committed meanwhile. Nothing
    /// was changed: the plugins are to be asked again.
    Stale,
    /// An earlier message of the conversation is not processed yet, by another gateway. Nothing was changed.
    Early,
}

impl Committed {
    pub fn is_done(self) -> bool {
        matches!(self, Self::Done | Self::Unanswered)
    }
}

/// A timer that is started, or taken back. A plugin has one of a name in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimerChange {
    Start {
        id: Uuid,
        plugin: String,
        name: String,
        payload: String,
        started_at: Timestamp,
        due_at: Timestamp,
        /// How many reports and short timers in a row led to it.
        hops: u32,
    },
    Cancel {
        plugin: String,
        name: String,
    },
}

/// For what a plugin was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Hook {
    Inbound,
    Outbound,
    Status,
    Timer,
}

impl Hook {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
            Self::Status => "status",
            Self::Timer => "timer",
        }
    }

    pub(super) fn from_word(word: &str) -> Self {
        match word {
            "outbound" => Self::Outbound,
            "status" => Self::Status,
            "timer" => Self::Timer,
            _ => Self::Inbound,
        }
    }
}

/// What one plugin decided, and about which message.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Decision)]
pub struct Trace {
    /// Ids sort by when they were made, and so do traces.
    #[serde(skip)]
    pub id: Uuid,
    #[serde(skip)]
    pub message_id: MessageId,
    pub hook: Hook,
    pub plugin: String,
    pub version: String,
    /// SHA-256 of the plugin's component, in hex; empty for one that is not a component.
    pub digest: String,
    pub decision: Value,
    pub error: Option<String>,
    pub duration_micros: u64,
    /// When it was asked, for it and for all that it read.
    pub at: Timestamp,
    #[serde(skip)]
    pub seed: Option<u64>,
}

impl Trace {
    /// Says of something that was asked for why it did not happen.
    pub fn leave_out(&mut self, reason: String) {
        self.add("left_out", reason.into());
    }

    fn add(&mut self, list: &str, item: Value) {
        let Some(fields) = self.decision.as_object_mut() else { return };
        let list = fields.entry(list).or_insert_with(|| Value::Array(Vec::new()));
        if let Some(list) = list.as_array_mut() {
            list.push(item);
        }
    }
}

/// The whole name of a value that a plugin remembers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StateKey {
    pub plugin: String,
    /// `conversation`, `contact` or `global`.
    pub scope: &'static str,
    /// The conversation's or contact's id; nil for the global scope.
    pub subject: Uuid,
    pub key: String,
}

/// A change of what a plugin remembers.
#[derive(Clone, Debug, PartialEq)]
pub struct StateChange {
    pub key: StateKey,
    pub change: Change,
    /// The version that the plugin saw; `Some(None)` when there was nothing. None when it did not look.
    pub seen: Option<Option<Uuid>>,
    /// The version that this makes.
    pub version: Uuid,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Set {
        value: String,
        expires_at: Option<Timestamp>,
    },
    Delete,
    /// To a number; 0 where there is none.
    Add(f64),
}

/// A value as it is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredValue {
    pub value: String,
    pub version: Uuid,
    pub expires_at: Option<Timestamp>,
}

impl Change {
    /// What this makes of a value: the new one, and when it is forgotten.
    pub fn applied(&self, before: Option<(&str, Option<Timestamp>)>) -> Option<(String, Option<Timestamp>)> {
        match self {
            Self::Set { value, expires_at } => Some((value.clone(), *expires_at)),
            Self::Delete => None,
            Self::Add(amount) => {
                let number = before.and_then(|(value, _)| value.trim().parse::<f64>().ok());
                let sum = number.filter(|number| number.is_finite()).unwrap_or(0.0) + amount;
                Some((sum.to_string(), before.and_then(|(_, expires_at)| expires_at)))
            }
        }
    }
}

/// How much there is already below one subject of one scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub keys: usize,
    pub bytes: usize,
}

/// When plugins were asked about a message, for replaying it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub at: Timestamp,
    pub seed: Option<u64>,
    /// What was remembered under an id before this one had been remembered by then.
    pub moment: Uuid,
}

/// A change of a message's status that plugins may hear of now; gone once what follows is committed.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedReport {
    pub id: Uuid,
    pub conversation_id: ConversationId,
    pub status: Status,
    pub error: Option<ProviderError>,
    pub at: Timestamp,
    pub message: Explaining,
}

/// A timer that ran out; gone once what follows is committed.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedTimer {
    pub id: Uuid,
    pub conversation_id: ConversationId,
    pub plugin: String,
    pub name: String,
    pub payload: String,
    pub started_at: Timestamp,
    pub due_at: Timestamp,
    pub hops: u32,
    pub message: Explaining,
}

/// The message that a report or a timer belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct Explaining {
    pub id: MessageId,
    pub channel: String,
    /// The operator's address in it; none while the provider has not said which.
    pub ours: Option<Address>,
    /// The person's.
    pub theirs: Address,
    /// The plugin that had asked for it.
    pub plugin: Option<String>,
    pub hops: u32,
}
