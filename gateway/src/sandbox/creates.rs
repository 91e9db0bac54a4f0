//! How many creates were accepted for one text to one person, however they were answered: what was sent
//! twice by a client that lost an answer shows here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::account::lock;
use super::message::{Direction, Message};

/// Accepted creates by `To` and `Body`.
#[derive(Debug, Default)]
pub(super) struct Creates(Mutex<BTreeMap<(String, String), Vec<String>>>);

impl Creates {
    pub(super) fn of(messages: &[Arc<Message>]) -> Self {
        let creates = Self::default();
        for message in messages.iter().filter(|message| message.direction == Direction::OutboundApi) {
            creates.count(message);
        }
        creates
    }

    pub(super) fn count(&self, message: &Message) {
        let text = message.asked.as_ref().unwrap_or(&message.body);
        let key = (message.to.clone(), text.clone());
        lock(&self.0).entry(key).or_default().push(message.sid.clone());
    }

    pub(super) fn report(&self) -> Value {
        let creates = lock(&self.0);
        let accepted: usize = creates.values().map(Vec::len).sum();
        let doubles: usize = creates.values().map(|sids| sids.len() - 1).sum();
        let entry = |((to, body), sids): (&(String, String), &Vec<String>)| json!({ "to": to, "body": body, "count": sids.len(), "sids": sids });
        let keys: Vec<_> = creates.iter().map(entry).collect();
        json!({ "accepted": accepted, "doubles": doubles, "creates": keys })
    }
}
