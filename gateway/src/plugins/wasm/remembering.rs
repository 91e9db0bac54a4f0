//! The import `state`: reads go to what is committed, writes wait for the commit.

use jiff::SignedDuration;
use uuid::Uuid;

use super::convert::clean;
use super::host::Host;
use super::host::bindings::recado::plugin::state;
use crate::plugins::{Change, Scope, StateChange, StateKey};

/// In bytes.
const MAX_KEY: usize = 256;
const MAX_VALUE: usize = 64 * 1024;
/// The most changes of one call.
const MAX_CHANGES: usize = 64;
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
            state::Scope::Conversation => (Scope::Conversation, self.subjects.conversation),
            state::Scope::Contact => (Scope::Contact, self.subjects.contact),
            state::Scope::Global => (Scope::Global, Some(Uuid::nil())),
        };
        let subject = subject.ok_or(state::Failure::NoSuchScope)?;
        if key.len() > MAX_KEY {
            return Err(state::Failure::TooLarge(u32::try_from(MAX_KEY).unwrap_or(u32::MAX)));
        }
        Ok(StateKey { plugin: self.plugin.as_ref().to_owned(), scope, subject, key: clean(key) })
    }

    /// A value as the plugin sees it: as committed, with its own changes.
    async fn look(&mut self, key: &StateKey) -> Result<Option<String>, state::Failure> {
        let committed = self.state.recall(key).await.map_err(state::Failure::Unavailable)?;
        let (mut value, version) = committed.map(|found| (found.value, found.version)).unzip();
        self.effects.looked.entry(key.clone()).or_insert(version);
        for change in self.effects.changes.iter().filter(|change| change.key == *key) {
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
            self.now().checked_add(ttl).unwrap_or(jiff::Timestamp::MAX)
        });
        self.change(key, Change::Set { value: clean(value), expires_at })
    }

    async fn sum(&mut self, scope: state::Scope, key: String, amount: f64) -> Result<f64, state::Failure> {
        let key = self.key(scope, key)?;
        if !amount.is_finite() {
            return Err(state::Failure::Quota("only finite numbers can be added".to_owned()));
        }
        let before = number(self.look(&key).await?.as_deref());
        self.check_room(&key, 24).await?;
        self.change(key, Change::Add(amount))?;
        Ok(before + amount)
    }

    /// What this call wrote before counts as well.
    async fn check_room(&self, key: &StateKey, length: usize) -> Result<(), state::Failure> {
        let usage = self.state.usage(&key.plugin, key.scope, key.subject).await.map_err(state::Failure::Unavailable)?;
        let own =
            self.effects.changes.iter().filter(|change| {
                change.key != *key && (change.key.scope, change.key.subject) == (key.scope, key.subject)
            });
        let (mut keys, mut bytes) = (usage.keys, usage.bytes + length);
        for change in own {
            if let Change::Set { value, .. } = &change.change {
                keys += 1;
                bytes += value.len();
            }
        }
        let (most_keys, most_bytes) = match key.scope {
            Scope::Global => (MAX_GLOBAL_KEYS, MAX_GLOBAL_BYTES),
            Scope::Conversation | Scope::Contact => (MAX_KEYS, MAX_BYTES),
        };
        if keys >= most_keys {
            return Err(state::Failure::Quota(format!("{most_keys} keys are the most")));
        }
        if bytes > most_bytes {
            return Err(state::Failure::Quota(format!("{most_bytes} bytes are the most")));
        }
        Ok(())
    }

    fn change(&mut self, key: StateKey, change: Change) -> Result<(), state::Failure> {
        if self.effects.changes.len() >= MAX_CHANGES {
            return Err(state::Failure::Quota(format!("{MAX_CHANGES} changes in one call are the most")));
        }
        let seen = match change {
            // Adding does not depend on what was seen.
            Change::Add(_) => None,
            Change::Set { .. } | Change::Delete => self.effects.looked.get(&key).copied(),
        };
        self.effects.changes.push(StateChange { key, change, seen });
        Ok(())
    }
}

fn number(text: Option<&str>) -> f64 {
    text.and_then(|text| text.trim().parse().ok()).filter(|number: &f64| number.is_finite()).unwrap_or(0.0)
}
