//! Taking back what providers keep for later for somebody who has opted out since. A provider goes by its own words at
//! the most, and knows nothing of what was put down by hand.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use super::Outbound;
use crate::message::PartId;
use crate::store;

/// How often it is looked. What a provider keeps is due in minutes at the earliest.
const LOOK: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_mins(10);
/// What is told of a message that is taken back.
const WHY: &str = "the recipient has opted out";

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
        for store::KeptThere { part_id, message_id, channel, provider_id } in self.0.store.kept_for_opted_out().await? {
            let before = refused.get(&part_id).copied();
            let now = self.0.clock.now();
            if let Some(before) = before.filter(|(_, again_at)| now < *again_at) {
                still.insert(part_id, before);
                continue;
            }
            match self.cancel_at_provider(&channel, part_id, &provider_id, Some(WHY)).await {
                Ok(()) => {
                    tracing::info!(message_id = %message_id, "the provider gave back what it kept for who opted out");
                    let _ = self.0.settled.send(message_id);
                }
                Err(error) => {
                    tracing::warn!(
                        message_id = %message_id, %error,
                        "the provider still keeps a message for somebody who has opted out"
                    );
                    let tries = before.map_or(0, |(tries, _)| tries) + 1;
                    still.insert(part_id, (tries, again_at(now, tries)));
                }
            }
        }
        Ok(still)
    }
}

fn again_at(now: Timestamp, tries: u32) -> Timestamp {
    let pause = LOOK.saturating_mul(1 << tries.min(16)).min(LONGEST_PAUSE);
    now.checked_add(pause).unwrap_or(Timestamp::MAX)
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
}
