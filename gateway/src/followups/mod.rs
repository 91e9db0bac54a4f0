//! The flow of what plugins are told later: what became of messages, and timers that ran out. Claim,
//! ask, commit.
//!
//! Each is a row from the commit that brought it to the commit of what followed from it, so that it
//! has its effects once, also after a crash. In between it takes its turn in its conversation's lane.

mod hands;
mod settings;
#[cfg(test)]
mod tests;
mod work;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::processing::Processing;
use crate::store::{self, Store};
use hands::Hands;
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
/// How many may wait for their turn or for what fails, besides those that are followed up at a time.
const PLACES: usize = 256;
/// How often what plugins remembered before is tidied up, and in what steps.
const TIDY: Duration = Duration::from_hours(1);
const STEP: u32 = 500;

/// Follows up until told to stop; what is under way then is in the lanes.
pub async fn run(parts: Parts, stop: watch::Receiver<bool>) {
    if let Err(error) = parts.store.release_followups().await {
        tracing::warn!(%error, "what an earlier run left is followed up a little later");
    }
    let shared = Arc::new(Shared::new(parts));
    tokio::join!(shared.follow(stop.clone()), shared.tidy(stop));
}

struct Shared {
    parts: Parts,
    hands: Arc<Hands>,
}

/// What is claimed.
#[derive(Clone, Copy)]
enum Kind {
    Reports,
    Timers,
}

impl Shared {
    fn new(parts: Parts) -> Self {
        let hands = Arc::new(Hands::new(parts.settings.parallel, PLACES));
        Self { parts, hands }
    }

    async fn follow(self: &Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut kinds = [Kind::Timers, Kind::Reports];
        while !*stop.borrow() {
            let claimed = self.claim(kinds).await;
            // With one hand, whoever is first has it.
            kinds.reverse();
            let pause = match claimed {
                Ok(0) => self.pause().await,
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%error, "nothing can be followed up for now");
                    AWAY
                }
            };
            tokio::select! {
                () = self.parts.store.news() => {}
                () = self.hands.changed() => {}
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// Those whose timers are ours to follow up.
    fn plugins(&self) -> Vec<String> {
        self.parts.processing.deciding().chain().names().map(str::to_owned).collect()
    }

    /// Puts what is due into the lanes, and says how many there were. Of what there is a lot of, no more than half are
    /// taken before the other was looked at.
    async fn claim(self: &Arc<Self>, [first, second]: [Kind; 2]) -> Result<usize, store::Error> {
        let free = self.hands.free();
        let half = free.div_ceil(2);
        let some = self.take(first, half).await?;
        let others = self.take(second, free - some).await?;
        let rest = if some < half { 0 } else { self.take(first, free - some - others).await? };
        Ok(some + others + rest)
    }

    /// What is claimed is in its lane before more is asked for: that may fail.
    async fn take(self: &Arc<Self>, kind: Kind, limit: usize) -> Result<usize, store::Error> {
        if limit == 0 {
            return Ok(0);
        }
        let store = &self.parts.store;
        let now = self.parts.clock.now();
        let until = now.checked_add(LEASE).unwrap_or(Timestamp::MAX);
        let found: Vec<Followup> = match kind {
            Kind::Reports => store.claim_reports(now, until, limit).await?.into_iter().map(Followup::Report).collect(),
            Kind::Timers => {
                let timers = store.claim_timers(self.plugins(), self.hands.with_timers(), now, until, limit).await?;
                timers.into_iter().map(Followup::Timer).collect()
            }
        };
        let count = found.len();
        for followup in found {
            self.hand_over(followup, until);
        }
        Ok(count)
    }

    fn hand_over(self: &Arc<Self>, followup: Followup, until: Timestamp) {
        let (shared, conversation) = (Arc::clone(self), followup.conversation_id());
        let Some(mut hand) = self.hands.take(followup.cause(), conversation, until) else { return };
        let lanes = self.parts.processing.lanes();
        if lanes.is_open(conversation) {
            hand.waits();
        }
        lanes.enqueue(conversation, async move {
            let leased = hand.leased();
            work::follow_up(&shared.parts, &followup, LEASE, &leased, || hand.waits()).await;
        });
    }

    /// Until the next timer runs out. With all hands full, whoever is done says so; so it is of what has its turn after
    /// another timer.
    async fn pause(&self) -> Duration {
        if self.hands.free() == 0 {
            return LOOK;
        }
        let next = self.parts.store.next_timer(&self.plugins(), self.hands.with_timers()).await;
        let Ok(Some(due_at)) = next else { return LOOK };
        match Duration::try_from(due_at.duration_since(self.parts.clock.now())) {
            // A timer runs out after its time, not a moment before.
            Ok(left) => (left + Duration::from_millis(1)).min(LOOK),
            // It was due, and another process is just taking it.
            Err(_) => TAKEN,
        }
    }

    async fn tidy(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let age = self.parts.settings.state_history();
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
