//! What plugins remember, with the gateway's limits.

use std::collections::BTreeMap;

use crate::state::{Failure, Scope};

/// In bytes.
const MAX_KEY: u32 = 256;
const MAX_VALUE: u32 = 64 * 1024;
/// The most changes of one call.
const MAX_CHANGES: usize = 64;

/// A value's whole name: its scope, the conversation's or contact's id, its key.
pub(super) type Place = (Scope, String, String);

/// What is committed, and what the call that runs wants to change.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    committed: BTreeMap<Place, Value>,
    changes: Vec<(Place, Option<Value>)>,
}

#[derive(Clone, Debug)]
struct Value {
    text: String,
    until: Option<f64>,
}

impl Memory {
    /// A value as the call that runs sees it.
    pub(super) fn get(&self, place: &Place, now: f64) -> Result<Option<String>, Failure> {
        check_length(&place.2, MAX_KEY)?;
        let own = self.changes.iter().rev().find(|(changed, _)| changed == place).map(|(_, value)| value.as_ref());
        let value = own.unwrap_or_else(|| self.committed.get(place).filter(|value| value.lasts(now)));
        Ok(value.map(|value| value.text.clone()))
    }

    pub(super) fn set(&mut self, place: Place, text: &str, ttl: Option<f64>, now: f64) -> Result<(), Failure> {
        check_length(&place.2, MAX_KEY)?;
        check_length(text, MAX_VALUE)?;
        self.check_room(&place, text.len(), now)?;
        let until = ttl.map(|ttl| now + ttl.max(0.0));
        self.change(place, Some(Value { text: text.to_owned(), until }))
    }

    pub(super) fn delete(&mut self, place: Place) -> Result<(), Failure> {
        check_length(&place.2, MAX_KEY)?;
        self.change(place, None)
    }

    /// A value that is only for a time keeps that time.
    pub(super) fn add(&mut self, place: Place, amount: f64, now: f64) -> Result<f64, Failure> {
        if !amount.is_finite() {
            return Err(Failure::Quota("only finite numbers can be added".to_owned()));
        }
        let before = self.get(&place, now)?;
        let before = before.and_then(|text| text.trim().parse().ok()).filter(|number: &f64| number.is_finite());
        let sum = before.unwrap_or(0.0) + amount;
        let until = self.committed.get(&place).filter(|value| value.lasts(now)).and_then(|value| value.until);
        self.check_room(&place, 24, now)?;
        self.change(place, Some(Value { text: sum.to_string(), until }))?;
        Ok(sum)
    }

    /// Keeps what the call wrote.
    pub(super) fn commit(&mut self) {
        for (place, value) in self.changes.drain(..) {
            match value {
                Some(value) => self.committed.insert(place, value),
                None => self.committed.remove(&place),
            };
        }
    }

    /// Forgets what the call wrote.
    pub(super) fn discard(&mut self) {
        self.changes.clear();
    }

    fn change(&mut self, place: Place, value: Option<Value>) -> Result<(), Failure> {
        if self.changes.len() == MAX_CHANGES {
            return Err(Failure::Quota(format!("{MAX_CHANGES} changes in one call are the most")));
        }
        self.changes.push((place, value));
        Ok(())
    }

    /// Whether a value of this length fits beside all else of the same scope and subject.
    fn check_room(&self, place: &Place, length: usize, now: f64) -> Result<(), Failure> {
        let mut there: BTreeMap<&str, usize> = BTreeMap::new();
        let beside = |other: &Place| (other.0, &other.1) == (place.0, &place.1);
        for (other, value) in self.committed.iter().filter(|(other, value)| beside(other) && value.lasts(now)) {
            there.insert(&other.2, value.text.len());
        }
        for (other, value) in self.changes.iter().filter(|(other, _)| beside(other)) {
            match value {
                Some(value) => there.insert(&other.2, value.text.len()),
                None => there.remove(other.2.as_str()),
            };
        }
        there.insert(&place.2, length);
        let (most_keys, most_bytes) = match place.0 {
            Scope::Global => (10_000, 16 * 1024 * 1024),
            Scope::Conversation | Scope::Contact => (256, 256 * 1024),
        };
        if there.len() > most_keys {
            return Err(Failure::Quota(format!("{most_keys} keys are the most")));
        }
        if there.values().sum::<usize>() > most_bytes {
            return Err(Failure::Quota(format!("{most_bytes} bytes are the most")));
        }
        Ok(())
    }
}

impl Value {
    fn lasts(&self, now: f64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

fn check_length(text: &str, most: u32) -> Result<(), Failure> {
    if text.len() > most as usize { Err(Failure::TooLarge(most)) } else { Ok(()) }
}
