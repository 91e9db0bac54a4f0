//! Several gateways on one database: what each does for the others.
//!
//! A text is processed by the gateway that recorded it, and in the order of its conversation, also where other
//! gateways recorded what came before. What a gateway leaves that is not at work any more is taken over.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::sleep;
use uuid::Uuid;

use super::{Inbound, held};
use crate::store::{self, Beat, Orphans};

/// How many texts are taken over at once.
const STEP: usize = 1_000;
/// How often a gateway counts on while others wait so long for it to.
const BEATS: u32 = 4;

/// How far each gateway had counted, and in how many looks it was seen to.
#[derive(Default)]
struct Watch(HashMap<Uuid, (i64, u32)>);

impl Watch {
    /// Those that have not counted on in so many looks after the one in which they were seen to. It goes by looks, each of which is a beat of this one:
    /// where that could not count, as while the database was away, the others could not either.
    fn gone(&mut self, beats: &[Beat]) -> Vec<Beat> {
        self.0.retain(|gateway, _| beats.iter().any(|beat| beat.gateway == *gateway));
        let mut gone = Vec::new();
        for beat in beats {
            let (count, looks) = self.0.entry(beat.gateway).or_insert((beat.beats, 0));
            if *count != beat.beats {
                (*count, *looks) = (beat.beats, 0);
            }
            if *looks >= BEATS {
                gone.push(*beat);
            }
            *looks += 1;
        }
        gone
    }
}

impl Inbound {
    /// Takes up what an earlier run recorded and did not process, and what others left.
    pub(super) async fn take_up(&self, orphans: Orphans) -> Result<(), store::Error> {
        let mut texts = 0;
        loop {
            let now = self.shared.clock.now();
            let taken = self.shared.store.take_over(orphans.clone(), now, self.nobodys_before(now), STEP).await?;
            let last = taken.len() < STEP;
            texts += taken.len();
            for text in taken {
                self.enqueue(text);
            }
            if last {
                break;
            }
        }
        if texts > 0 {
            tracing::info!(texts, "processing what an earlier run or another gateway left");
        }
        Ok(())
    }

    /// What bears no gateway's name is left to a gateway of an older version for so long.
    fn nobodys_before(&self, now: Timestamp) -> Timestamp {
        let lease = SignedDuration::try_from(self.lease()).unwrap_or(SignedDuration::MAX);
        now.checked_sub(lease).unwrap_or(Timestamp::MIN)
    }

    fn lease(&self) -> Duration {
        Duration::from_secs(u64::from(self.shared.settings.lease_s))
    }

    /// Counts on for the others to see, and takes over from those that do not; while it is being stopped it only counts, so
    /// that nobody takes what is still being processed.
    pub(super) async fn share(self) {
        let mut watch = Watch::default();
        loop {
            sleep(self.lease() / BEATS).await;
            if let Err(error) = self.share_once(&mut watch).await {
                watch = Watch::default();
                tracing::warn!(%error, "whether other gateways have stopped is not known for now");
            }
        }
    }

    async fn share_once(&self, watch: &mut Watch) -> Result<(), store::Error> {
        let beats = self.shared.store.beat(self.shared.clock.now()).await?;
        if self.shared.is_draining.load(Ordering::Relaxed) {
            return Ok(());
        }
        let gone = watch.gone(&beats);
        for beat in &gone {
            tracing::warn!(gateway = %beat.gateway, "a gateway is not at work any more; its texts are taken over");
        }
        self.take_up(Orphans::Of(gone)).await
    }

    /// Lets go what waits for another gateway's text, once that is processed.
    pub(super) async fn let_go(self) {
        let held = Arc::clone(&self.shared.held);
        loop {
            held.any().await;
            self.shared.store.others_processed(held::LOOK).await;
            let asked = held.conversations();
            match self.shared.store.next_texts(&asked).await {
                Ok(next) => held.release(&asked, &next, |text| self.put_in_lane(text)),
                Err(error) => tracing::warn!(%error, "whether an earlier text is processed is not known for now"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_gone_when_it_has_not_counted_on_for_long() {
        let [one, two] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let beats =
            |first: i64, second: i64| [(one, first), (two, second)].map(|(gateway, beats)| Beat { gateway, beats });
        let mut watch = Watch::default();
        for first in 5..9 {
            assert_eq!(watch.gone(&beats(first, 9)), []);
        }
        assert_eq!(watch.gone(&beats(9, 9)), [Beat { gateway: two, beats: 9 }]);
        assert_eq!(watch.gone(&beats(10, 9)), [Beat { gateway: two, beats: 9 }]);
        // It was only slow.
        for first in 11..15 {
            assert_eq!(watch.gone(&beats(first, 10)), []);
        }
        assert_eq!(watch.gone(&beats(15, 10)), [Beat { gateway: two, beats: 10 }], "as long as the first time");
        // One that comes again under its name begins anew.
        assert_eq!(watch.gone(&beats(16, 10)[..1]), []);
        for first in 17..21 {
            assert_eq!(watch.gone(&beats(first, 10)), []);
        }
        assert_eq!(watch.gone(&beats(21, 10)), [Beat { gateway: two, beats: 10 }]);
    }
}
