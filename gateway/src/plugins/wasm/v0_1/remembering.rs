//! The import `state`: reads go to what is committed, writes wait for the commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::SignedDuration;
use tokio::time::Instant;
use uuid::Uuid;

use super::bindings::recado::plugin::state;
use super::said::clean;
use crate::plugins::wasm::host::Host;
use crate::plugins::{Change, STATE_BUDGET, Scope, StateChange, StateKey};

/// In bytes.
const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 64 * 1024;
/// Of a sum as it is written.
const LONGEST_NUMBER: usize = 24;
/// The most keys that one call looks at.
const MAX_LOOKED: usize = 256;
/// The most changes of one call, and the most bytes of all their values.
const MAX_CHANGES: usize = 64;
const MAX_CHANGED_BYTES: usize = 256 * 1024;
/// The most that one plugin keeps of one conversation or contact, and of itself.
const MAX_KEYS: usize = 256;
const MAX_BYTES: usize = 256 * 1024;
const MAX_GLOBAL_KEYS: usize = 10_000;
const MAX_GLOBAL_BYTES: usize = 16 * 1024 * 1024;

impl state::Host for Host {
    async fn get(
        &mut self,
        scope: state::Scope,
        key: String,
    ) -> wasmtime::Result<Result<Option<String>, state::Failure>> {
        let key = match self.key(scope, key) {
            Ok(key) => key,
            Err(failure) => return Ok(Err(failure)),
        };
        Ok(self.look(&key).await)
    }

    async fn set(
        &mut self,
        scope: state::Scope,
        key: String,
        value: String,
        ttl: Option<f64>,
    ) -> wasmtime::Result<Result<(), state::Failure>> {
        Ok(self.put(scope, key, value, ttl).await)
    }

    async fn delete(&mut self, scope: state::Scope, key: String) -> wasmtime::Result<Result<(), state::Failure>> {
        let key = match self.key(scope, key) {
            Ok(key) => key,
            Err(failure) => return Ok(Err(failure)),
        };
        Ok(self.change(key, Change::Delete))
    }

    async fn add(
        &mut self,
        scope: state::Scope,
        key: String,
        amount: f64,
    ) -> wasmtime::Result<Result<f64, state::Failure>> {
        Ok(self.sum(scope, key, amount).await)
    }
}

impl Host {
    fn key(&self, scope: state::Scope, key: String) -> Result<StateKey, state::Failure> {
        let (scope, subject) = match scope {
            state::Scope::Conversation => (Scope::Conversation, self.call.subjects.conversation),
            state::Scope::Contact => (Scope::Contact, self.call.subjects.contact),
            state::Scope::Global => (Scope::Global, Some(Uuid::nil())),
        };
        let subject = subject.ok_or(state::Failure::NoSuchScope)?;
        if key.len() > MAX_KEY {
            return Err(state::Failure::TooLarge(u32::try_from(MAX_KEY).unwrap_or(u32::MAX)));
        }
        Ok(StateKey { plugin: self.about.plugin.clone(), scope, subject, key: clean(key) })
    }

    /// A value as the plugin sees it: as committed, with its own changes.
    async fn look(&mut self, key: &StateKey) -> Result<Option<String>, state::Failure> {
        let looked = &self.call.effects.looked;
        if looked.len() >= MAX_LOOKED && !looked.contains_key(key) {
            return Err(self.quota(format!("{MAX_LOOKED} keys in one call are the most to look at")));
        }
        let source = Arc::clone(&self.call.state);
        let committed = self.within_budget(source.recall(key)).await?;
        let (mut value, version) = committed.map(|found| (found.value, found.version)).unzip();
        self.call.effects.looked.entry(key.clone()).or_insert(version);
        for change in self.call.effects.changes.iter().filter(|change| change.key == *key) {
            value = match &change.change {
                Change::Set { value, .. } => Some(value.clone()),
                Change::Delete => None,
                Change::Add(amount) => Some((number(value.as_deref()) + amount).to_string()),
            };
        }
        Ok(value)
    }

    async fn put(
        &mut self,
        scope: state::Scope,
        key: String,
        value: String,
        ttl: Option<f64>,
    ) -> Result<(), state::Failure> {
        let key = self.key(scope, key)?;
        if value.len() > MAX_VALUE {
            return Err(state::Failure::TooLarge(u32::try_from(MAX_VALUE).unwrap_or(u32::MAX)));
        }
        self.check_room(&key, value.len()).await?;
        #[expect(clippy::cast_possible_truncation, reason = "a float that is too large becomes the largest number")]
        let expires_at = ttl.map(|ttl| {
            let ttl = SignedDuration::from_millis(ttl.max(0.0) as i64);
            self.call.now.checked_add(ttl).unwrap_or(jiff::Timestamp::MAX)
        });
        self.change(key, Change::Set { value: clean(value), expires_at })
    }

    async fn sum(&mut self, scope: state::Scope, key: String, amount: f64) -> Result<f64, state::Failure> {
        let key = self.key(scope, key)?;
        if !amount.is_finite() {
            return Err(state::Failure::Quota("only finite numbers can be added".to_owned()));
        }
        let before = number(self.look(&key).await?.as_deref());
        self.check_room(&key, LONGEST_NUMBER).await?;
        self.change(key, Change::Add(amount))?;
        Ok(before + amount)
    }

    /// What this call wrote before counts as well, and what it replaces does not.
    async fn check_room(&mut self, key: &StateKey, length: usize) -> Result<(), state::Failure> {
        // First: a flood is to ask the database for nothing.
        self.check_count()?;
        let source = Arc::clone(&self.call.state);
        let usage = self.within_budget(source.usage(&key.plugin, key.scope, key.subject)).await?;
        let mut after: BTreeMap<StateKey, Option<usize>> = BTreeMap::new();
        let same = |other: &StateKey| (other.scope, other.subject) == (key.scope, key.subject);
        for change in self.call.effects.changes.iter().filter(|change| same(&change.key)) {
            let length = match &change.change {
                Change::Set { value, .. } => Some(value.len()),
                Change::Delete => None,
                Change::Add(_) => Some(LONGEST_NUMBER),
            };
            after.insert(change.key.clone(), length);
        }
        after.insert(key.clone(), Some(length));
        let (most_keys, most_bytes, of_what) = match key.scope {
            Scope::Global => (MAX_GLOBAL_KEYS, MAX_GLOBAL_BYTES, "the plugin itself"),
            Scope::Conversation => (MAX_KEYS, MAX_BYTES, "one conversation"),
            Scope::Contact => (MAX_KEYS, MAX_BYTES, "one contact"),
        };
        let (mut keys, mut bytes) = (usage.keys, usage.bytes);
        for length in after.values().flatten() {
            keys += 1;
            bytes += length;
        }
        if keys > most_keys || bytes > most_bytes {
            // Near the limit it is worth a look at what goes.
            for key in after.keys() {
                if let Some(found) = self.within_budget(source.recall(key)).await? {
                    keys = keys.saturating_sub(1);
                    bytes = bytes.saturating_sub(found.value.len());
                }
            }
        }
        if keys > most_keys {
            return Err(self.quota(format!("{most_keys} keys are the most that is kept of {of_what}")));
        }
        if bytes > most_bytes {
            return Err(self.quota(format!("{most_bytes} bytes are the most that is kept of {of_what}")));
        }
        Ok(())
    }

    fn check_count(&mut self) -> Result<(), state::Failure> {
        if self.call.effects.changes.len() >= MAX_CHANGES {
            return Err(self.quota(format!("{MAX_CHANGES} changes in one call are the most")));
        }
        Ok(())
    }

    fn change(&mut self, key: StateKey, change: Change) -> Result<(), state::Failure> {
        self.check_count()?;
        if let Change::Set { value, .. } = &change {
            let bytes = self.call.changed_bytes + value.len();
            if bytes > MAX_CHANGED_BYTES {
                return Err(self.quota(format!("{MAX_CHANGED_BYTES} bytes of changes in one call are the most")));
            }
            self.call.changed_bytes = bytes;
        }
        let seen = match change {
            // Adding does not depend on what was seen.
            Change::Add(_) => None,
            Change::Set { .. } | Change::Delete => self.call.effects.looked.get(&key).copied(),
        };
        self.call.effects.changes.push(StateChange { key, change, seen });
        Ok(())
    }

    /// Told to the plugin, and to the operator as well.
    fn quota(&mut self, quota: String) -> state::Failure {
        self.note(&quota);
        state::Failure::Quota(quota)
    }

    /// Waits for what is remembered, as long as this call may yet wait.
    async fn within_budget<T>(&mut self, answer: impl Future<Output = Result<T, String>>) -> Result<T, state::Failure> {
        let started = Instant::now();
        let left = STATE_BUDGET.saturating_sub(self.call.remembering);
        let answer = tokio::time::timeout(left, answer).await;
        self.call.remembering += started.elapsed();
        if let Ok(answer) = answer {
            return answer.map_err(state::Failure::Unavailable);
        }
        let late = format!("what the plugin remembers was not there within {STATE_BUDGET:?}");
        self.note(&late);
        Err(state::Failure::Unavailable(late))
    }
}

fn number(text: Option<&str>) -> f64 {
    text.and_then(|text| text.trim().parse().ok()).filter(|number: &f64| number.is_finite()).unwrap_or(0.0)
}
