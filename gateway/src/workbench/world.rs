//! All that lasts from one call to the next.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::memory::Memory;
use super::{Conversation, People};
use crate::message::ConversationId;
use crate::plugins::Scope;

/// All that lasts from one call to the next.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct World {
    pub now: Timestamp,
    pub people: People,
    pub(super) memory: Memory,
    pub(super) timers: Vec<Running>,
}

/// A timer that runs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Running {
    pub conversation: ConversationId,
    pub name: String,
    pub payload: String,
    pub started_at: Timestamp,
    pub due_at: Timestamp,
}

impl World {
    /// Nobody has written yet.
    pub fn new(now: Timestamp) -> Self {
        Self { now, people: People::default(), memory: Memory::default(), timers: Vec::new() }
    }

    /// The timers of a conversation, the first to run out first.
    pub fn timers(&self, id: ConversationId) -> Vec<&Running> {
        let mut timers: Vec<_> = self.timers.iter().filter(|timer| timer.conversation == id).collect();
        timers.sort_by_key(|timer| timer.due_at);
        timers
    }

    /// What is remembered of a conversation, of its contact, or of the plugin itself, by key.
    pub fn remembered(&self, scope: Scope, conversation: Option<&Conversation>) -> BTreeMap<String, String> {
        subject(scope, conversation).map(|subject| self.memory.of(scope, subject, self.now)).unwrap_or_default()
    }

    /// Lets the plugin remember something. Nothing happens where there is no conversation.
    pub fn remember(&mut self, scope: Scope, conversation: Option<ConversationId>, key: &str, value: String) {
        let conversation = conversation.and_then(|id| self.people.conversation(id));
        if let Some(subject) = subject(scope, conversation) {
            self.memory.set(scope, subject, key, value);
        }
    }
}

fn subject(scope: Scope, conversation: Option<&Conversation>) -> Option<Uuid> {
    match scope {
        Scope::Conversation => conversation.map(|conversation| conversation.id.0),
        Scope::Contact => conversation.map(|conversation| conversation.contact.0),
        Scope::Global => Some(Uuid::nil()),
    }
}
