//! The flow of what plugins are told later: what became of messages, and timers that ran out. Claim,
//! ask, commit.
//!
//! Each is a row from the commit that brought it to the commit of what followed from it, so that it
//! has its effects once, also after a crash. In between it takes its turn in its conversation's lane.

mod settings;
#[cfg(test)]
mod tests;
mod work;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};

use crate::clock::Clock;
use crate::processing::Processing;
use crate::store::{self, Store};
pub use settings::Settings;
use work::Followup;

/// What it is made of.
pub struct Parts {
    pub store: Store,
    pub processing: Processing,
    pub clock: Arc<dyn Clock>,
    pub settings: Settings,
}

/// The longest that it sleeps: a lease of another process may have ended.
const LOOK: Duration = Duration::from_secs(15);
/// The pause when the database does not answer.
const AWAY: Duration = Duration::from_secs(1);
/// How soon it looks again after what another process seems to take.
const TAKEN: Duration = Duration::from_millis(100);
/// How long one is left to whoever claimed it; longer than asking and committing take.
const LEASE: SignedDuration = SignedDuration::from_mins(1);
/// How often what plugins remembered before is tidied up, and in what steps.
const TIDY: Duration = Duration::from_hours(1);
const STEP: u32 = 500;

/// Follows up until told to stop; what is under way then is in the lanes.
pub async fn run(parts: Parts, stop: watch::Receiver<bool>) {
    if let Err(error) = parts.store.release_followups().await {
        tracing::warn!(%error, "what an earlier run left is followed up a little later");
    }
    let free = Arc::new(Semaphore::new(parts.settings.parallel));
    let shared = Arc::new(Shared { parts, free, done: Notify::new() });
    tokio::join!(shared.follow(stop.clone()), shared.tidy(stop));
}

struct Shared {
    parts: Parts,
    free: Arc<Semaphore>,
    /// Told when one was followed up: the next of its conversation may be claimed.
    done: Notify,
}

/// One of those that are followed up at a time. It says so when the next may be claimed.
struct Hand {
    permit: Option<OwnedSemaphorePermit>,
    shared: Arc<Shared>,
}

impl Hand {
    /// Others are followed up meanwhile.
    fn make_room(&mut self) {
        if self.permit.take().is_some() {
            self.shared.done.notify_one();
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.permit = None;
        self.shared.done.notify_one();
    }
}

impl Shared {
    async fn follow(self: &Arc<Self>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let pause = match self.claim().await {
                Ok(0) => self.pause().await,
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%error, "nothing can be followed up for now");
                    AWAY
                }
            };
            tokio::select! {
                () = self.parts.store.news() => {}
                () = self.done.notified() => {}
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Those whose timers are ours to follow up.
    fn plugins(&self) -> Vec<String> {
        self.parts.processing.deciding().chain().names().map(str::to_owned).collect()
    }

    /// Puts what is due into the lanes, and says how many there were.
    async fn claim(self: &Arc<Self>) -> Result<usize, store::Error> {
        let free = self.free.available_permits();
        if free == 0 {
            return Ok(0);
        }
        let store = &self.parts.store;
        let now = self.parts.clock.now();
        let until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
        let reports = store.claim_reports(now, until, free).await?;
        let timers = match free - reports.len() {
            0 => Vec::new(),
            left => store.claim_timers(self.plugins(), now, until, left).await?,
        };
        let found = reports.into_iter().map(Followup::Report).chain(timers.into_iter().map(Followup::Timer));
        let mut count = 0;
        for followup in found {
            let Ok(permit) = Arc::clone(&self.free).acquire_owned().await else { break };
            let mut hand = Hand { permit: Some(permit), shared: Arc::clone(self) };
            self.parts.processing.lanes().enqueue(followup.conversation_id(), async move {
                let shared = Arc::clone(&hand.shared);
                work::follow_up(&shared.parts, &followup, LEASE, until, || hand.make_room()).await;
            });
            count += 1;
        }
        Ok(count)
    }

    /// Until the next timer runs out. With all hands full, whoever is done says so.
    async fn pause(&self) -> Duration {
        if self.free.available_permits() == 0 {
            return LOOK;
        }
        let Ok(Some(due_at)) = self.parts.store.next_timer(&self.plugins()).await else { return LOOK };
        match Duration::try_from(due_at.duration_since(self.parts.clock.now())) {
            // A timer runs out after its time, not a moment before.
            Ok(left) => (left + Duration::from_millis(1)).min(LOOK),
            // It was due, and another process is just taking it.
            Err(_) => TAKEN,
        }
    }

    async fn tidy(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let age = SignedDuration::from_hours(24 * i64::from(self.parts.settings.state_history_days));
            let before = self.parts.clock.now().checked_sub(age).unwrap_or(Timestamp::MIN);
            let mut removed = 0;
            loop {
                match self.parts.store.prune_state(before, STEP).await {
                    Ok(0) => break,
                    Ok(count) => removed += count,
                    Err(error) => {
                        tracing::warn!(%error, "what plugins remembered before is tidied up later");
                        break;
                    }
                }
            }
            if removed > 0 {
                tracing::info!(removed, "tidied up what plugins remembered before");
            }
            tokio::select! {
                () = tokio::time::sleep(TIDY) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }
}
