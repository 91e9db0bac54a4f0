//! What the plugin remembers, with the rules that the database has: what ran out is not there, and
//! what is added to a number keeps its time.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::plugins::{Change, Remembered, Scope, StateChange, StateKey, StateSource, Usage};

/// All that is committed.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Memory(Vec<Kept>);

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Kept {
    scope: Scope,
    subject: Uuid,
    key: String,
    value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

impl Kept {
    fn lasts(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires_at| expires_at > now)
    }

    fn is(&self, scope: Scope, subject: Uuid, key: &str) -> bool {
        (self.scope, self.subject, self.key.as_str()) == (scope, subject, key)
    }
}

impl Memory {
    /// All that is remembered below a subject, by key.
    pub(super) fn of(&self, scope: Scope, subject: Uuid, now: Timestamp) -> BTreeMap<String, String> {
        let kept = self.0.iter().filter(|kept| (kept.scope, kept.subject) == (scope, subject) && kept.lasts(now));
        kept.map(|kept| (kept.key.clone(), kept.value.clone())).collect()
    }

    /// Keeps a value without an end.
    pub(super) fn set(&mut self, scope: Scope, subject: Uuid, key: &str, value: String) {
        self.put(scope, subject, key, value, None);
    }

    /// Takes over what a call changed.
    pub(super) fn commit(&mut self, changes: &[StateChange], now: Timestamp) {
        for StateChange { key: StateKey { scope, subject, key, .. }, change, .. } in changes {
            match change {
                Change::Set { value, expires_at } => self.put(*scope, *subject, key, value.clone(), *expires_at),
                Change::Delete => self.0.retain(|kept| !kept.is(*scope, *subject, key)),
                Change::Add(amount) => {
                    let before = self.find(*scope, *subject, key, now);
                    let number = before.and_then(|kept| kept.value.trim().parse::<f64>().ok());
                    let sum = number.filter(|number| number.is_finite()).unwrap_or(0.0) + amount;
                    let expires_at = before.and_then(|kept| kept.expires_at);
                    self.put(*scope, *subject, key, sum.to_string(), expires_at);
                }
            }
        }
    }

    fn find(&self, scope: Scope, subject: Uuid, key: &str, now: Timestamp) -> Option<&Kept> {
        self.0.iter().find(|kept| kept.is(scope, subject, key) && kept.lasts(now))
    }

    fn put(&mut self, scope: Scope, subject: Uuid, key: &str, value: String, expires_at: Option<Timestamp>) {
        self.0.retain(|kept| !kept.is(scope, subject, key));
        self.0.push(Kept { scope, subject, key: key.to_owned(), value, expires_at });
    }
}

/// What a call reads: all that is committed when it begins.
pub(super) struct Recalled {
    pub(super) memory: Memory,
    pub(super) now: Timestamp,
}

#[async_trait]
impl StateSource for Recalled {
    async fn recall(&self, key: &StateKey) -> Result<Option<Remembered>, String> {
        let found = self.memory.find(key.scope, key.subject, &key.key, self.now);
        Ok(found.map(|kept| Remembered { value: kept.value.clone(), version: Uuid::nil() }))
    }

    async fn usage(&self, _: &str, scope: Scope, subject: Uuid) -> Result<Usage, String> {
        let kept = self.memory.of(scope, subject, self.now);
        Ok(Usage { keys: kept.len(), bytes: kept.values().map(String::len).sum() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    fn key(name: &str) -> StateKey {
        StateKey { plugin: "a".to_owned(), scope: Scope::Contact, subject: Uuid::nil(), key: name.to_owned() }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn set(value: &str, expires_at: Option<i64>) -> Change {
        Change::Set { value: value.to_owned(), expires_at: expires_at.map(at) }
    }

    /// The same sequences of changes, here and by the rule of the database.
    #[test]
    fn changes_come_to_the_same_as_in_the_database() {
        let steps = [set("1", None), set("2.5", Some(5)), set("words", Some(9)), Change::Delete, Change::Add(1.5)];
        let sequences = (0..steps.len().pow(4)).map(|number| {
            let digits = (0..4).map(move |place| number / 5_usize.pow(place) % 5);
            digits.collect::<Vec<usize>>()
        });
        for sequence in sequences {
            let (mut memory, mut theirs) = (Memory::default(), None::<(String, Option<Timestamp>)>);
            for (index, seconds) in sequence.iter().zip([0, 3, 6, 12]) {
                let (change, now) = (steps[*index].clone(), at(seconds));
                let there = theirs.filter(|(_, expires_at)| expires_at.is_none_or(|expires_at| expires_at > now));
                theirs = match &change {
                    Change::Set { value, expires_at } => {
                        store::Change::Set { value: value.clone(), expires_at: *expires_at }
                    }
                    Change::Delete => store::Change::Delete,
                    Change::Add(amount) => store::Change::Add(*amount),
                }
                .applied(there.as_ref().map(|(value, expires_at)| (value.as_str(), *expires_at)));
                memory.commit(&[StateChange { key: key("k"), change, seen: None }], now);
                let ours = memory.find(Scope::Contact, Uuid::nil(), "k", now);
                let ours = ours.map(|kept| (kept.value.clone(), kept.expires_at));
                let theirs = theirs.clone().filter(|(_, expires_at)| expires_at.is_none_or(|at| at > now));
                assert_eq!(ours, theirs, "{sequence:?} after {seconds} s");
            }
        }
    }

    #[test]
    fn scopes_and_subjects_do_not_meet_and_what_ran_out_is_gone() {
        let mut memory = Memory::default();
        memory.set(Scope::Global, Uuid::nil(), "a", "1".to_owned());
        memory.commit(&[StateChange { key: key("a"), change: set("2", Some(10)), seen: None }], at(0));
        let contact = |now| memory.of(Scope::Contact, Uuid::nil(), at(now)).into_values().collect::<Vec<_>>();
        assert_eq!((contact(9), contact(10)), (vec!["2".to_owned()], Vec::new()));
        assert_eq!(memory.of(Scope::Global, Uuid::nil(), at(99))["a"], "1");
        assert!(memory.of(Scope::Contact, Uuid::from_u128(1), at(0)).is_empty());
    }
}
