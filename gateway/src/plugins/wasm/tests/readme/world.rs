//! A small gateway around a chain: conversations, a clock, and what plugins remember.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::message::{Address, ContactId, ConversationId, ConversationStatus};
use crate::plugins::chain::tests::{call, conversation, outbound_call, surroundings};
use crate::plugins::{
    Chain, Change, ConversationSeen, InboundCall, OutboundCall, Passed, Remembered, Scope, StateChange, StateKey,
    StateSource, Surroundings, Usage,
};

const TIME_ZONE: &str = "America/Cancun";

/// How a message left, in words; or why it did not.
pub(super) type Sent = Result<String, String>;

pub(super) struct World {
    chain: Chain,
    memory: Arc<Memory>,
    conversations: BTreeMap<String, ConversationSeen>,
    now: Timestamp,
    ids: u128,
}

impl World {
    pub(super) fn new(chain: Chain) -> Self {
        let memory = Arc::new(Memory::default());
        Self { chain, memory, conversations: BTreeMap::new(), now: Timestamp::UNIX_EPOCH, ids: 0 }
    }

    pub(super) fn set_time(&mut self, date: &str, time: &str) {
        let local: DateTime = format!("{date} {time}").parse().unwrap();
        self.now = local.to_zoned(TimeZone::get(TIME_ZONE).unwrap()).unwrap().timestamp();
    }

    /// The conversation that goes on with a number, or a new one with the same contact.
    pub(super) fn conversation(&mut self, number: &str) -> &mut ConversationSeen {
        self.ids += 1;
        let id = Uuid::from_u128(self.ids);
        let known = self.conversations.entry(number.to_owned()).or_insert_with(|| {
            let mut new = ConversationSeen {
                id: ConversationId(id),
                address: Address::received(number),
                inbound_count: 0,
                ..conversation()
            };
            new.contact.id = ContactId(id);
            new
        });
        if known.status == ConversationStatus::Closed {
            let contact = known.contact.clone();
            let address = known.address.clone();
            *known = ConversationSeen { id: ConversationId(id), address, contact, inbound_count: 0, ..conversation() };
        }
        known
    }

    pub(super) fn close(&mut self, number: &str) {
        self.conversation(number).status = ConversationStatus::Closed;
    }

    /// A text from a number; gives the replies.
    pub(super) async fn receive(&mut self, number: &str, text: &str) -> Vec<String> {
        let conversation = self.conversation(number);
        conversation.inbound_count += 1;
        let conversation = conversation.clone();
        let (sender, received_at) = (Address::received(number), self.now);
        let call = InboundCall { sender, received_at, conversation, ..call(text) };
        let asked = self.chain.on_inbound(call, &self.surroundings()).await;
        for ran in &asked.ran {
            assert_eq!(ran.error, None, "{text}: {}", ran.decision);
            assert_eq!(ran.decision["left_out"], serde_json::json!([]), "{text}");
        }
        self.memory.commit(&asked.changes);
        let plan = asked.outcome;
        let conversation = self.conversation(number);
        conversation.tags = plan.tags.unwrap_or_else(|| conversation.tags.clone());
        conversation.assignee = plan.assignee.unwrap_or_else(|| conversation.assignee.clone());
        conversation.status = plan.status.unwrap_or(conversation.status);
        for (name, value) in plan.attributes {
            conversation.contact.attributes.retain(|(known, _)| *known != name);
            conversation.contact.attributes.extend(value.map(|value| (name, value)));
        }
        plan.replies.into_iter().map(|reply| reply.text).collect()
    }

    /// A message that an application sends to a number.
    pub(super) async fn send(&mut self, number: &str, text: &str) -> Sent {
        let recipient = Address::received(number);
        let conversation = self.conversations.get(number).cloned();
        let call = OutboundCall { recipient, created_at: self.now, conversation, ..outbound_call(text) };
        let asked = self.chain.on_outbound(call, &self.surroundings()).await;
        for ran in &asked.ran {
            assert_eq!(ran.error, None, "{text}: {}", ran.decision);
        }
        self.memory.commit(&asked.changes);
        match asked.outcome {
            Passed::Rejected { reason, .. } | Passed::Failed { reason, .. } => Err(reason),
            Passed::Accepted { call, tags } => {
                self.conversation(number).tags = tags;
                let from = call.sender.map(|sender| format!(", from {}", sender.as_str())).unwrap_or_default();
                let zone = TimeZone::get(TIME_ZONE).unwrap();
                let at = call.send_at.map(|at| at.to_zoned(zone).strftime(", at %Y-%m-%d %H:%M").to_string());
                Ok(format!("by {}{from}{}", call.channel, at.unwrap_or_default()))
            }
        }
    }

    fn surroundings(&self) -> Surroundings {
        *self.memory.now.lock().unwrap() = self.now;
        let state: Arc<dyn StateSource> = Arc::clone(&self.memory) as _;
        Surroundings { now: self.now, time_zone: TIME_ZONE.to_owned(), state, ..surroundings() }
    }
}

/// What plugins remember, with when it is forgotten.
#[derive(Default)]
struct Memory {
    values: Mutex<BTreeMap<StateKey, (String, Option<Timestamp>)>>,
    now: Mutex<Timestamp>,
}

impl Memory {
    fn commit(&self, changes: &[StateChange]) {
        let now = *self.now.lock().unwrap();
        let mut values = self.values.lock().unwrap();
        for StateChange { key, change, .. } in changes {
            match change {
                Change::Set { value, expires_at } => {
                    values.insert(key.clone(), (value.clone(), *expires_at));
                }
                Change::Delete => {
                    values.remove(key);
                }
                Change::Add(amount) => {
                    let before = values.get(key).filter(|(_, expires_at)| expires_at.is_none_or(|at| now < at));
                    let before: f64 = before.map_or(0.0, |(value, _)| value.parse().unwrap());
                    values.insert(key.clone(), ((before + amount).to_string(), None));
                }
            }
        }
    }
}

#[async_trait]
impl StateSource for Memory {
    async fn recall(&self, key: &StateKey) -> Result<Option<Remembered>, String> {
        let now = *self.now.lock().unwrap();
        let values = self.values.lock().unwrap();
        let value = values.get(key).filter(|(_, expires_at)| expires_at.is_none_or(|at| now < at));
        Ok(value.map(|(value, _)| Remembered { value: value.clone(), version: Uuid::nil() }))
    }

    async fn usage(&self, _: &str, _: Scope, _: Uuid) -> Result<Usage, String> {
        Ok(Usage::default())
    }
}
