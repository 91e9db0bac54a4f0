//! What follows from what a try came to: for the part, and for the others of its channel.

use std::time::Duration;

use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::{Parts, Settings, later};
use crate::channels::{Outcome, Scope};
use crate::message::ProviderError;
use crate::pauses::News;
use crate::store::{Claimed, Settled, Tried};

impl Parts {
    /// The channel is paused, held or resumed before the part goes back to the queue, so that nobody
    /// claims it in between.
    pub(super) async fn judge(&self, part: &Claimed, outcome: Outcome, now: Timestamp) -> Settled {
        match &outcome {
            Outcome::Busy { .. } => self.rates.refused(&part.line(), now),
            Outcome::Unknown { error } => self.pauses.silent(&part.channel, part.id, error, now),
            _ => {}
        }
        // What was not even sent says nothing of whether anybody answers.
        if !matches!(outcome, Outcome::Unknown { .. } | Outcome::Retry { .. }) {
            self.pauses.answered(&part.channel);
        }
        let news = |news| self.pauses.tried(&part.channel, part.id, news, now);
        match self.read(part, outcome) {
            Outcome::Fault { scope, error } => {
                self.pauses.fault(&part.channel, part.id, scope, &error, now);
                Settled::Held { until: None, error }
            }
            Outcome::Busy { after, error, .. } => {
                let pause = |refusals| self.settings.pause(refusals, after, &mut spread(part));
                self.pauses.busy(&part.channel, now, pause);
                news(News::Nothing);
                self.again(part, after, error, now).await
            }
            Outcome::Retry { after, error } => {
                news(News::Nothing);
                self.again(part, after, error, now).await
            }
            Outcome::Unknown { error } => {
                news(News::Nothing);
                Settled::Unknown { error }
            }
            Outcome::Accepted { provider_id, status, segments, sender } => {
                news(if self.is_own(part) { News::Sends } else { News::Particular });
                Settled::Accepted { provider_id, status, segments, sender }
            }
            Outcome::Rejected { error } => {
                news(News::Particular);
                Settled::Failed { error }
            }
            Outcome::OptedOut { error } => {
                news(News::Particular);
                Settled::OptedOut { error }
            }
        }
    }

    /// What a refusal for the sender comes to when somebody named another one than the channel's
    /// own; and a refusal for a fault, when the channel has been seen to send all the same.
    fn read(&self, part: &Claimed, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Fault { scope: Scope::Sender, error } if !self.is_own(part) => Outcome::Rejected { error },
            Outcome::Busy { scope: Scope::Sender, after, error } if !self.is_own(part) => {
                Outcome::Retry { after, error }
            }
            Outcome::Fault { scope, error } if self.pauses.is_particular(&part.channel, part.id) => match scope {
                Scope::Sender => Outcome::Rejected { error },
                // An account is not of one mind about one message: this may well have been chance.
                Scope::Channel => Outcome::Retry { after: None, error },
            },
            other => other,
        }
    }

    fn is_own(&self, part: &Claimed) -> bool {
        let own = self.channels.get(&part.channel).and_then(|channel| channel.sender());
        part.own_sender || part.sender.is_none() || part.sender.as_ref() == own
    }

    /// Another try after a pause, and a last one when the time is over.
    async fn again(&self, part: &Claimed, after: Option<Duration>, error: ProviderError, now: Timestamp) -> Settled {
        let due_at = later(now, self.settings.pause(part.attempts, after, &mut spread(part)));
        let tried = self.store.tried(part.id).await.unwrap_or_else(|error| {
            tracing::warn!(part_id = %part.id, %error, "how long a part was tried can't be read: it is tried again");
            None
        });
        let end = tried.map(|tried| give_up_at(&self.settings, part.options.validity, tried, now));
        if end.is_some_and(|end| end <= now) {
            tracing::warn!(message_id = %part.message_id, part_id = %part.id, "a part is given up: it was not taken in time");
            return Settled::GivenUp { error };
        }
        Settled::Retry { due_at: end.map_or(due_at, |end| due_at.min(end)), error }
    }
}

/// Until when a part is tried that is known not to have been sent: as long as it is valid, where the
/// message says so; otherwise for some time, of which what it waited for its channel, its sender or the morning is no
/// part.
fn give_up_at(settings: &Settings, validity: Option<u32>, tried: Tried, now: Timestamp) -> Timestamp {
    let waited = Duration::try_from(tried.waited).unwrap_or_default();
    let (since, seconds, waited) = match validity {
        Some(validity) => (tried.wanted_at, validity, Duration::ZERO),
        None => (tried.refused_since.unwrap_or(now), settings.give_up_after_s, waited),
    };
    later(since, Duration::from_secs(u64::from(seconds)) + waited)
}

/// An attempt's id is random enough to spread its retries.
fn spread(part: &Claimed) -> SmallRng {
    let seed = u128::from_le_bytes(*part.attempt_id.as_bytes());
    let [low, high] = [seed, seed >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or(0));
    SmallRng::seed_from_u64(low ^ high)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::delivery::settings::tests::settings;

    #[test]
    fn what_waits_is_not_tried_and_what_is_valid_has_its_end() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        // Validity, since when it is wanted and refused, how long of that it waited, and until when it is tried.
        let cases = [
            (None, 0, None, 0, 5_600),
            (None, 0, Some(1_000), 0, 1_600),
            (None, 0, Some(1_000), 3_000, 4_600),
            (Some(60), 100, None, 0, 160),
            (Some(60), 100, Some(130), 3_000, 160),
            (Some(9_000), 100, Some(130), 0, 9_100),
        ];
        for (validity, wanted, refused, waited, expected) in cases {
            let tried = Tried {
                wanted_at: at(wanted),
                refused_since: refused.map(at),
                waited: SignedDuration::from_secs(waited),
            };
            assert_eq!(give_up_at(&settings(), validity, tried, at(5_000)), at(expected), "{validity:?} {tried:?}");
        }
    }
}
