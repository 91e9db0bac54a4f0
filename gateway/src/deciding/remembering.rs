//! What plugins remember, behind the trait that they read it by: as it is committed now, as it was when
//! a message was decided about, and with what is still to be committed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use crate::plugins::{self, Remembered, STATE_BUDGET, Scope, StateSource, Usage};
use crate::store::{self, Change, Kept, StateChange, StateKey, Store, StoredValue};

/// As it is committed at the moment of reading; what had run out by `now` is not there.
pub struct Now {
    pub store: Store,
    pub now: Timestamp,
}

/// As it was when the plugins were asked about a message: for replaying it.
///
/// Exact within a conversation, whose messages are decided one after the other. Of what another
/// conversation committed within the same milliseconds it may show what the plugins did not see yet.
pub struct Then {
    pub store: Store,
    pub asked: store::Asked,
}

/// With what is committed together with what is being decided.
pub struct Pending {
    pub committed: Arc<dyn StateSource>,
    /// In the order they were made.
    pub changes: Vec<StateChange>,
}

/// Who waited for this part of its time for one answer has not used it up by asking much: a quarter.
const SLOW_PART: u32 = 4;
/// Nor who waited for this part of it for each: 25 ms, where a database that is well takes one or two.
const EACH_PART: u32 = 40;

/// Knows whether all that was asked for could be read, as far as that is not for asking too much.
pub(super) struct Watched {
    source: Arc<dyn StateSource>,
    refused: AtomicBool,
    unanswered: AtomicBool,
    slow: AtomicBool,
    looks: AtomicU32,
    /// For all of them together.
    waited_micros: AtomicU64,
}

/// One look, until it is answered or nobody waits for it any more.
struct Look<'a> {
    watched: &'a Watched,
    began: Instant,
    is_answered: bool,
}

impl Watched {
    pub(super) fn new(source: Arc<dyn StateSource>) -> Self {
        Self {
            source,
            refused: AtomicBool::default(),
            unanswered: AtomicBool::default(),
            slow: AtomicBool::default(),
            looks: AtomicU32::default(),
            waited_micros: AtomicU64::default(),
        }
    }

    fn is_each_slow(&self) -> bool {
        let waited = Duration::from_micros(self.waited_micros.load(Ordering::Relaxed));
        waited.saturating_mul(EACH_PART) >= STATE_BUDGET.saturating_mul(self.looks.load(Ordering::Relaxed))
    }

    async fn watch<T>(&self, answer: impl Future<Output = Result<T, String>>) -> Result<T, String> {
        let mut look = Look { watched: self, began: Instant::now(), is_answered: false };
        let answer = answer.await;
        look.is_answered = true;
        if answer.is_err() {
            self.refused.store(true, Ordering::Relaxed);
        }
        answer
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.watched.unanswered.store(true, Ordering::Relaxed);
        }
        let waited = self.began.elapsed();
        if waited.saturating_mul(SLOW_PART) >= STATE_BUDGET {
            self.watched.slow.store(true, Ordering::Relaxed);
        }
        self.watched.looks.fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.watched.waited_micros.fetch_add(micros, Ordering::Relaxed);
    }
}

#[async_trait]
impl StateSource for Watched {
    async fn recall(&self, key: &plugins::StateKey) -> Result<Option<Remembered>, String> {
        self.watch(self.source.recall(key)).await
    }

    async fn usage(&self, plugin: &str, scope: Scope, subject: Uuid) -> Result<Usage, String> {
        self.watch(self.source.usage(plugin, scope, subject)).await
    }

    /// A look that begins when the time is all but over is cut off soon: then it counts whether another was slow, or all
    /// were.
    fn failed(&self) -> bool {
        let [refused, unanswered, slow] =
            [&self.refused, &self.unanswered, &self.slow].map(|it| it.load(Ordering::Relaxed));
        refused || (unanswered && (slow || self.is_each_slow()))
    }
}

#[async_trait]
impl StateSource for Now {
    async fn recall(&self, key: &plugins::StateKey) -> Result<Option<Remembered>, String> {
        self.store.recall(&named(key), self.now).await.map(remembered).map_err(|error| told(&error))
    }

    async fn usage(&self, plugin: &str, scope: Scope, subject: Uuid) -> Result<Usage, String> {
        self.store.kept(plugin, scope.as_str(), subject, self.now).await.map(usage).map_err(|error| told(&error))
    }
}

#[async_trait]
impl StateSource for Then {
    async fn recall(&self, key: &plugins::StateKey) -> Result<Option<Remembered>, String> {
        self.store.recall_then(&named(key), &self.asked).await.map(remembered).map_err(|error| told(&error))
    }

    async fn usage(&self, plugin: &str, scope: Scope, subject: Uuid) -> Result<Usage, String> {
        self.store
            .kept_then(plugin, scope.as_str(), subject, &self.asked)
            .await
            .map(usage)
            .map_err(|error| told(&error))
    }
}

#[async_trait]
impl StateSource for Pending {
    async fn recall(&self, key: &plugins::StateKey) -> Result<Option<Remembered>, String> {
        let mut here = self.committed.recall(key).await?;
        let name = named(key);
        for change in self.changes.iter().filter(|change| change.key == name) {
            let before = here.as_ref().map(|here| (here.value.as_str(), None));
            let after = change.change.applied(before);
            here = after.map(|(value, _)| Remembered { value, version: change.version });
        }
        Ok(here)
    }

    /// As if all that is pending were new: a little too much at the most.
    async fn usage(&self, plugin: &str, scope: Scope, subject: Uuid) -> Result<Usage, String> {
        let mut usage = self.committed.usage(plugin, scope, subject).await?;
        for StateChange { key, change, .. } in &self.changes {
            if let Change::Set { value, .. } = change
                && (key.plugin.as_str(), key.scope, key.subject) == (plugin, scope.as_str(), subject)
            {
                usage.keys += 1;
                usage.bytes += value.len();
            }
        }
        Ok(usage)
    }
}

fn named(key: &plugins::StateKey) -> StateKey {
    StateKey { plugin: key.plugin.clone(), scope: key.scope.as_str(), subject: key.subject, key: key.key.clone() }
}

fn remembered(found: Option<StoredValue>) -> Option<Remembered> {
    found.map(|found| Remembered { value: found.value, version: found.version })
}

fn usage(kept: Kept) -> Usage {
    Usage { keys: kept.keys, bytes: kept.bytes }
}

/// A plugin is told in general; the log says more.
fn told(error: &store::Error) -> String {
    tracing::warn!(%error, "what a plugin remembers can't be read");
    "the database does not answer".to_owned()
}

/// One change for each value, of all that one asking of the chain made: what counts is what it comes
/// to, and the version that was seen before the first look.
pub(super) fn summed(changes: Vec<plugins::StateChange>, mut id: impl FnMut() -> Uuid) -> Vec<StateChange> {
    let mut order = Vec::new();
    let mut sums: BTreeMap<StateKey, (Change, Option<Option<Uuid>>)> = BTreeMap::new();
    for made in changes {
        let key = named(&made.key);
        let next = match made.change {
            plugins::Change::Set { value, expires_at } => Change::Set { value, expires_at },
            plugins::Change::Delete => Change::Delete,
            plugins::Change::Add(amount) => Change::Add(amount),
        };
        if let Some((before, seen)) = sums.get_mut(&key) {
            *before = after(before, next);
            *seen = seen.or(made.seen);
        } else {
            order.push(key.clone());
            sums.insert(key, (next, made.seen));
        }
    }
    let change = |key: StateKey| {
        let (change, seen) = sums.remove(&key)?;
        Some(StateChange { key, change, seen, version: id() })
    };
    order.into_iter().filter_map(change).collect()
}

/// What two changes of the same value come to.
fn after(before: &Change, next: Change) -> Change {
    match (before, next) {
        (Change::Add(one), Change::Add(other)) => Change::Add(one + other),
        (Change::Set { value, expires_at }, next @ Change::Add(_)) => {
            let sum = next.applied(Some((value, *expires_at)));
            sum.map_or(Change::Delete, |(value, expires_at)| Change::Set { value, expires_at })
        }
        (Change::Delete, next @ Change::Add(_)) => {
            next.applied(None).map_or(Change::Delete, |(value, expires_at)| Change::Set { value, expires_at })
        }
        (_, next) => next,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers so often, each time after so long, and then never, or that it can't.
    struct Answers {
        left: AtomicU32,
        after: Duration,
        then: Option<&'static str>,
    }

    #[async_trait]
    impl StateSource for Answers {
        async fn recall(&self, _: &plugins::StateKey) -> Result<Option<Remembered>, String> {
            if self.left.load(Ordering::Relaxed) > 0 {
                self.left.fetch_sub(1, Ordering::Relaxed);
                tokio::time::sleep(self.after).await;
                return Ok(None);
            }
            match self.then {
                Some(reason) => Err(reason.to_owned()),
                None => std::future::pending().await,
            }
        }

        async fn usage(&self, _: &str, _: Scope, _: Uuid) -> Result<Usage, String> {
            Err("it is not asked".to_owned())
        }
    }

    /// Whether a plugin is excused that looks at so many keys one after the other, as long as it may wait for them.
    async fn excused(answers: Answers, looks: usize) -> bool {
        let key = plugins::StateKey {
            plugin: "a".to_owned(),
            scope: Scope::Global,
            subject: Uuid::nil(),
            key: "b".to_owned(),
        };
        let watched = Watched::new(Arc::new(answers));
        let looking = async {
            for _ in 0..looks {
                watched.recall(&key).await?;
                assert!(!watched.failed());
            }
            Ok::<_, String>(())
        };
        let looked = tokio::time::timeout(STATE_BUDGET, looking).await;
        assert!(!matches!(looked, Ok(Ok(()))), "it does not come to its end");
        watched.failed()
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_not_answered_is_not_to_blame_unless_it_asked_too_much() {
        let away = Some("the database does not answer");
        for (answers, millis, then, expected) in [
            (0, 0, away, true),
            (3, 1, away, true),
            (2, 1, None, true),
            // It would have had all in time, had it asked for less.
            (250, 6, None, false),
            (250, 50, None, true),
            (100, 2, None, true),
            // The third is cut off soon, since the two before took so long.
            (3, 400, None, true),
        ] {
            let after = Duration::from_millis(millis);
            let excused = excused(Answers { left: AtomicU32::new(answers), after, then }, 251).await;
            assert_eq!(excused, expected, "{answers} {millis} {then:?}");
        }
    }
}
