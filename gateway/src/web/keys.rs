//! The keys that were looked up a moment ago, so that a caller with many requests does not cost a read for each.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::clock::Clock as _;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use jiff::{SignedDuration, Timestamp};

use crate::store::{ApiKey, Error, Store};

/// For how long what was read of a key is believed: a key that is revoked lets in for so long at the most.
const BELIEVED: SignedDuration = SignedDuration::from_secs(1);
/// How exactly it is known when a key was last used.
const USED_TO: SignedDuration = SignedDuration::from_mins(1);

/// Which keys let in, how often, and when they last did.
#[derive(Clone)]
pub struct Keys {
    store: Store,
    known: Arc<Mutex<HashMap<String, Known>>>,
}

#[derive(Clone)]
struct Known {
    key: Arc<ApiKey>,
    read_at: Timestamp,
    limiter: Option<Arc<DefaultDirectRateLimiter>>,
}

/// Why a key does not let in.
#[derive(Debug)]
pub(super) enum NoEntry {
    /// There is none like it, or it was revoked.
    Unknown,
    Expired {
        at: Timestamp,
    },
    TooMany {
        per_second: u32,
        after: Duration,
    },
    Store(Error),
}

impl Keys {
    pub fn new(store: Store) -> Self {
        Self { store, known: Arc::default() }
    }

    /// The key of this SHA-256 (hex), which lets in one more request now.
    pub(super) async fn enter(&self, hash: &str, now: Timestamp) -> Result<Arc<ApiKey>, NoEntry> {
        let known = self.known(hash, now).await?;
        if let Some(at) = known.key.expires_at.filter(|at| *at <= now) {
            return Err(NoEntry::Expired { at });
        }
        if let (Some(limiter), Some(per_second)) = (&known.limiter, known.key.per_second)
            && let Err(until) = limiter.check()
        {
            let after = until.wait_time_from(governor::clock::DefaultClock::default().now());
            return Err(NoEntry::TooMany { per_second, after });
        }
        Ok(known.key)
    }

    /// Whether the key of this SHA-256 (hex) lets in, without one more request. What can't be read is believed.
    pub(super) async fn lets_in(&self, hash: &str, now: Timestamp) -> bool {
        match self.known(hash, now).await {
            Ok(known) => known.key.expires_at.is_none_or(|at| now < at),
            Err(why) => matches!(why, NoEntry::Store(_)),
        }
    }

    async fn known(&self, hash: &str, now: Timestamp) -> Result<Known, NoEntry> {
        let before = self.lock().get(hash).cloned();
        if let Some(known) = &before
            && now.duration_since(known.read_at).abs() < BELIEVED
        {
            return Ok(known.clone());
        }
        let Some(key) = self.store.key_by_hash(hash).await.map_err(NoEntry::Store)? else {
            self.lock().remove(hash);
            return Err(NoEntry::Unknown);
        };
        self.note_use(&key, now);
        let mut all = self.lock();
        // Of several who came at once, all count for one limit.
        let same = all.get(hash).filter(|there| there.key.per_second == key.per_second);
        let limiter = same.map_or_else(|| limiter(&key), |there| there.limiter.clone());
        let known = Known { key: Arc::new(key), read_at: now, limiter };
        // There are no more of them than keys: whoever has none is not kept.
        all.insert(hash.to_owned(), known.clone());
        Ok(known)
    }

    /// Nobody waits for it, and it is no harm if it is not done.
    fn note_use(&self, key: &ApiKey, now: Timestamp) {
        if key.last_used_at.is_some_and(|at| now.duration_since(at) < USED_TO) {
            return;
        }
        let (store, id) = (self.store.clone(), key.id);
        tokio::spawn(async move {
            if let Err(error) = store.used_key(id, now).await {
                tracing::debug!(key = %id, %error, "that a key was used is not on record");
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn limiter(key: &ApiKey) -> Option<Arc<DefaultDirectRateLimiter>> {
    let per_second = NonZeroU32::new(key.per_second?)?;
    Some(Arc::new(RateLimiter::direct(Quota::per_second(per_second))))
}
