//! The account's time: the clock's, and whatever was skipped, so that nobody has to wait for what is to
//! happen in ten minutes.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::clock::Clock;

pub(super) struct Timeline {
    clock: Arc<dyn Clock>,
    skipped: watch::Sender<SignedDuration>,
}

impl Timeline {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, skipped: watch::Sender::new(SignedDuration::ZERO) }
    }

    pub(super) fn now(&self) -> Timestamp {
        let skipped = *self.skipped.borrow();
        self.clock.now().checked_add(skipped).unwrap_or(Timestamp::MAX)
    }

    /// Goes ahead, and wakes whoever waits.
    pub(super) fn skip(&self, seconds: u32) {
        self.skipped.send_modify(|skipped| *skipped += SignedDuration::from_secs(seconds.into()));
    }

    /// Waits until that time has come.
    pub(super) async fn until(&self, time: Timestamp) {
        let mut skips = self.skipped.subscribe();
        while let Ok(left) = Duration::try_from(time.duration_since(self.now()))
            && !left.is_zero()
        {
            tokio::select! {
                () = tokio::time::sleep(left) => {}
                _ = skips.changed() => {}
            }
        }
    }
}
