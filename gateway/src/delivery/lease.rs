//! Whether a part that was claimed may still be sent.
//!
//! A process may stand still between its claim and its request: it is stopped, its machine is, or the database did not
//! answer for long. When the lease has ended meanwhile, others have taken the part for one of which nobody knows
//! whether it was sent, and may have sent it again. So a request begins only if it can end before the lease does, by the
//! clock on the wall and by one that nobody sets; either may have stood still as well.

use std::time::{Duration, Instant};

use super::{Parts, later};
use crate::message::ProviderError;
use crate::store::{Claimed, Settled};

/// How it is told that a part went back.
const TOO_LATE: &str = "it was not sent: after it was taken for sending, the gateway stood still for nearly as long as \
    others wait before they take it over; it is sent anew";

impl Parts {
    /// How long a part is held.
    pub(super) fn lease(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings.lease_s))
    }

    /// What becomes of it if its lease may end before the provider has answered.
    pub(super) fn after_its_lease(&self, part: &Claimed, claimed: Instant) -> Option<Settled> {
        let request = Duration::from_secs(u64::from(self.settings.timeout_s));
        let lease = self.lease();
        let is_in_time = later(self.clock.now(), request) <= part.until && claimed.elapsed() + request <= lease;
        (!is_in_time).then(|| {
            let error = ProviderError { code: None, message: Some(TOO_LATE.to_owned()) };
            Settled::Held { until: None, error }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ANA, Fixture};
    use super::*;
    use crate::message::Status;

    #[tokio::test]
    async fn what_others_may_have_taken_over_is_not_sent() {
        let fixture = Fixture::new([]).await;
        let id = fixture.to(ANA).await;
        let stood_still = Duration::from_secs(46);
        for (asleep, awake) in [(stood_still, Duration::ZERO), (Duration::ZERO, stood_still)] {
            let claimed = fixture.worker.claim(16).await;
            fixture.clock.advance(asleep);
            for part in claimed.claimed {
                fixture.worker.deliver(part, claimed.since.checked_sub(awake).unwrap()).await;
            }
            assert_eq!((fixture.sent(), fixture.status(id).await.0), (0, Status::Pending));
            assert_eq!(fixture.message(id).await.parts[0].attempts, 0, "it is as if it had never been taken");
        }
        assert_eq!((fixture.round().await, fixture.sent()), (1, 1));
    }
}
