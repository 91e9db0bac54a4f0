//! Taking back what providers keep for later, though somebody took it back when nobody knew that they had it, or its
//! recipient has opted out since: a provider goes by its own words at the most, and knows nothing of what was put down
//! by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::Outbound;
use crate::clock::ends;
use crate::message::PartId;
use crate::store::{self, KeptThere, Recall};

/// How often it is looked. What a provider keeps is due in minutes at the earliest.
const LOOK: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// What providers did not give back: how often they were asked, and when they are again.
type Refused = BTreeMap<PartId, (u32, Timestamp)>;

impl Outbound {
    /// Looks until told to stop. Nothing is remembered: what is to be taken back follows from what is on record, so
    /// that a crash loses none of it, and two gateways that take the same back do no harm.
    pub async fn recall(self, mut stop: watch::Receiver<bool>) {
        let mut refused = Refused::new();
        while !*stop.borrow() {
            match self.recall_all(&refused).await {
                Ok(still) => refused = still,
                Err(error) => tracing::warn!(%error, "what providers keep can't be looked through for now"),
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    async fn recall_all(&self, refused: &Refused) -> Result<Refused, store::Error> {
        let mut still = Refused::new();
        for KeptThere { part_id, message_id, channel, provider_id, why } in self.0.store.kept_in_vain().await? {
            let why = told(why);
            let now = self.0.clock.now();
            let before = refused.get(&part_id).map(|before| set_right(*before, now));
            if let Some(before) = before.filter(|(_, again_at)| now < *again_at) {
                still.insert(part_id, before);
                continue;
            }
            match self.cancel_at_provider(&channel, part_id, &provider_id, Some(why)).await {
                Ok(()) => {
                    tracing::info!(message_id = %message_id, why, "the provider gave back what it kept");
                    let _ = self.0.settled.send(message_id);
                }
                Err(error) => {
                    tracing::warn!(
                        message_id = %message_id, why, %error,
                        "the provider still keeps a message that is not to go"
                    );
                    let tries = before.map_or(0, |(tries, _)| tries) + 1;
                    still.insert(part_id, (tries, again_at(now, tries)));
                }
            }
        }
        Ok(still)
    }
}

/// What is told of a message that is taken back.
fn told(why: Recall) -> &'static str {
    match why {
        Recall::TakenBack => "it was taken back",
        Recall::OptedOut => "the recipient has opted out",
    }
}

fn again_at(now: Timestamp, tries: u32) -> Timestamp {
    now.checked_add(pause(tries)).unwrap_or(Timestamp::MAX)
}

fn pause(tries: u32) -> Duration {
    LOOK.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE)
}

/// Not later because the clock was set back: what the provider keeps may leave in minutes.
fn set_right((tries, again_at): (u32, Timestamp), now: Timestamp) -> (u32, Timestamp) {
    (tries, ends(again_at, pause(tries), now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_gives_nothing_back_is_asked_ever_more_seldom() {
        let pauses = [1, 2, 3, 6, 7, 4_000_000_000].map(|tries| {
            let at = again_at(Timestamp::UNIX_EPOCH, tries);
            at.as_second()
        });
        assert_eq!(pauses, [10, 20, 40, 320, 600, 600]);
    }

    #[test]
    fn a_clock_that_is_set_back_puts_no_asking_off() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let refused = (2, again_at(at(7_200), 2));
        let still = set_right(refused, at(100));
        assert_eq!((still, set_right(still, at(110))), ((2, at(120)), (2, at(120))));
    }
}
