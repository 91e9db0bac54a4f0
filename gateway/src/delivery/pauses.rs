//! Channels whose account can't send at all: since when, why, and when one part tries again.
//!
//! Kept in memory alone, so that a restart tries anew. Must not know how a part is sent, nor what
//! the store makes of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::later;
use crate::message::{PartId, ProviderError};

/// The channels that are paused, by name. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Pauses(Arc<Mutex<BTreeMap<String, State>>>);

/// A pause as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub since: Timestamp,
    /// When one part tries again, if there is one to send.
    pub until: Timestamp,
    pub error: ProviderError,
}

#[derive(Clone, Debug)]
struct State {
    pause: Pause,
    length: Duration,
    /// The part that tries whether the account can send again, and when its lease ends: one that
    /// was never heard of again must not keep the channel paused for good.
    probe: Option<(PartId, Timestamp)>,
}

/// How long a pause is: at first, and at the most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lengths {
    pub(super) first: Duration,
    pub(super) longest: Duration,
}

impl Pauses {
    /// What is paused, and why.
    pub fn all(&self) -> BTreeMap<String, Pause> {
        self.lock().iter().map(|(name, state)| (name.clone(), state.pause.clone())).collect()
    }

    /// The channels of which nothing may be claimed, but for a probe.
    pub(super) fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// The paused channels that it is time to probe.
    pub(super) fn due(&self, now: Timestamp) -> Vec<String> {
        let is_due = |state: &State| state.pause.until <= now && state.probe.is_none_or(|(_, lease)| lease < now);
        self.lock().iter().filter(|(_, state)| is_due(state)).map(|(name, _)| name.clone()).collect()
    }

    /// This part has been claimed to try whether the channel can send again.
    pub(super) fn probe(&self, channel: &str, part: PartId, lease: Timestamp) {
        if let Some(state) = self.lock().get_mut(channel) {
            state.probe = Some((part, lease));
        }
    }

    /// The account can't send. True for the first to say so; what else was under way at that time
    /// changes nothing, while the probe's failing doubles the pause.
    pub(super) fn fault(
        &self,
        channel: &str,
        part: PartId,
        error: &ProviderError,
        now: Timestamp,
        lengths: Lengths,
    ) -> bool {
        let mut paused = self.lock();
        let Some(state) = paused.get_mut(channel) else {
            let pause = Pause { since: now, until: later(now, lengths.first), error: error.clone() };
            paused.insert(channel.to_owned(), State { pause, length: lengths.first, probe: None });
            return true;
        };
        if state.is_probe(part) {
            state.length = (state.length * 2).min(lengths.longest);
            state.pause.until = later(now, state.length);
            state.pause.error = error.clone();
            state.probe = None;
        }
        false
    }

    /// The provider took this part or had something against the part alone. True if that was the
    /// probe, and so the end of the pause.
    pub(super) fn answered(&self, channel: &str, part: PartId) -> bool {
        let mut paused = self.lock();
        let ends = paused.get(channel).is_some_and(|state| state.is_probe(part));
        if ends {
            paused.remove(channel);
        }
        ends
    }

    /// What came of this part says nothing about the account, so a probe has to be made again.
    pub(super) fn undecided(&self, channel: &str, part: PartId, now: Timestamp) {
        if let Some(state) = self.lock().get_mut(channel).filter(|state| state.is_probe(part)) {
            state.pause.until = later(now, state.length);
            state.probe = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_probe(&self, part: PartId) -> bool {
        self.probe.is_some_and(|(probe, _)| probe == part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTHS: Lengths = Lengths { first: Duration::from_mins(1), longest: Duration::from_mins(3) };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn part(number: u128) -> PartId {
        PartId(uuid::Uuid::from_u128(number))
    }

    fn fault(pauses: &Pauses, number: u128, seconds: i64) -> bool {
        let error = ProviderError { code: Some(20003), message: None };
        pauses.fault("sms", part(number), &error, at(seconds), LENGTHS)
    }

    fn until(pauses: &Pauses) -> Timestamp {
        pauses.all()["sms"].until
    }

    #[test]
    fn one_probe_at_a_time_and_each_that_fails_doubles_the_pause() {
        let pauses = Pauses::default();
        assert!(fault(&pauses, 1, 0), "the first says so");
        assert!(!fault(&pauses, 2, 1), "what was under way changes nothing");
        assert_eq!((until(&pauses), pauses.names()), (at(60), vec!["sms".to_owned()]));
        assert!(pauses.due(at(59)).is_empty());
        for (number, seconds, next) in [(3, 60, 180), (4, 180, 360), (5, 360, 540)] {
            assert_eq!(pauses.due(at(seconds)), ["sms"]);
            pauses.probe("sms", part(number), at(seconds + 60));
            assert!(pauses.due(at(seconds + 60)).is_empty(), "one is under way");
            assert!(!fault(&pauses, 9, seconds), "not the probe");
            assert!(!fault(&pauses, number, seconds));
            assert_eq!(until(&pauses), at(next));
        }
        assert_eq!(pauses.all()["sms"].since, at(0));
    }

    #[test]
    fn only_the_probe_ends_a_pause() {
        let pauses = Pauses::default();
        fault(&pauses, 1, 0);
        assert!(!pauses.answered("sms", part(2)), "it had been sent before");
        pauses.probe("sms", part(3), at(120));
        pauses.undecided("sms", part(2), at(60));
        pauses.undecided("sms", part(3), at(60));
        assert_eq!(until(&pauses), at(120), "a time-out says nothing, and the pause is as long again");
        pauses.probe("sms", part(4), at(180));
        assert!(pauses.answered("sms", part(4)));
        assert!(pauses.all().is_empty());
        assert!(!pauses.answered("sms", part(4)), "nothing is paused");
        assert!(fault(&pauses, 5, 200), "and it can be paused anew");
        assert_eq!(until(&pauses), at(260));
    }

    #[test]
    fn a_probe_that_was_never_heard_of_again_is_followed_by_another() {
        let pauses = Pauses::default();
        fault(&pauses, 1, 0);
        pauses.probe("sms", part(2), at(120));
        assert!(pauses.due(at(120)).is_empty());
        assert_eq!(pauses.due(at(121)), ["sms"]);
    }
}
