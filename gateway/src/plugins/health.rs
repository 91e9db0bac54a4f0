//! How a plugin fares: what it cost, how often it failed, and whether it is left alone for a while.
//!
//! A plugin that gives no decision again and again is *tripped*: it is not asked until a pause is
//! over, then one call tries. Failures count only if several conversations meet them, so that nobody
//! switches a plugin off for others with texts that it chokes on.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::Failure;
use crate::clock::ends;

/// How many failures in a row trip a plugin, and in how many conversations.
const FAILURES: u32 = 5;
const CONVERSATIONS: usize = 3;
/// How long a plugin is left alone at first; the pause doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// How one plugin fares since it was loaded.
#[derive(Debug, Default)]
pub struct Health(Mutex<Record>);

#[derive(Debug, Default)]
struct Record {
    calls: u64,
    failures: u64,
    busy: Duration,
    slowest: Duration,
    last_failure: Option<(Timestamp, String)>,
    /// Those since the last decision, and whose they were.
    in_a_row: u32,
    conversations: BTreeSet<Uuid>,
    tripped: Option<Tripped>,
    /// Whether it is asked again and again, however often it fails.
    patient: bool,
}

#[derive(Clone, Copy, Debug)]
struct Tripped {
    since: Timestamp,
    until: Timestamp,
    pause: Duration,
}

impl Tripped {
    /// Until when it is left alone, which is not for longer because the clock was set back.
    fn ends(&mut self, now: Timestamp) -> Timestamp {
        let until = ends(self.until, self.pause, now);
        if until != self.until {
            // What fails from now on was not under way when it was tripped.
            (self.since, self.until) = (self.since.min(now), until);
        }
        until
    }
}

/// What others see of it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Fares {
    pub state: State,
    pub calls: u64,
    pub failures: u64,
    pub mean_micros: u64,
    pub slowest_micros: u64,
    pub last_failure: Option<String>,
    pub last_failure_at: Option<Timestamp>,
    pub tripped_since: Option<Timestamp>,
    /// When it is tried again.
    pub tripped_until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PluginState)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Active,
    Tripped,
}

impl Health {
    /// Of a plugin that is never left alone.
    pub(super) fn patient() -> Self {
        Self(Mutex::new(Record { patient: true, ..Record::default() }))
    }

    /// Whether it is asked for real.
    pub(super) fn is_live(&self) -> bool {
        !self.record().patient
    }

    /// Until when the plugin is left alone, if it is. The first to ask after that is let through, and
    /// others only once it has decided.
    pub(super) fn tripped(&self, now: Timestamp) -> Option<Timestamp> {
        let mut record = self.record();
        let tripped = record.tripped.as_mut()?;
        let until = tripped.ends(now);
        if now < until {
            return Some(until);
        }
        // Whoever comes meanwhile waits for what this call comes to.
        tripped.until = later(now, tripped.pause);
        None
    }

    /// The same without letting anybody through.
    pub(super) fn waits(&self, now: Timestamp) -> Option<Timestamp> {
        self.record().tripped.as_mut().map(|tripped| tripped.ends(now)).filter(|until| now < *until)
    }

    /// Counts a call that was made at `now`. True when the plugin is tripped by it.
    pub(super) fn note(
        &self,
        failure: Option<&Failure>,
        conversation: Option<Uuid>,
        duration: Duration,
        now: Timestamp,
    ) -> bool {
        let mut record = self.record();
        record.calls += 1;
        record.busy += duration;
        record.slowest = record.slowest.max(duration);
        let Some(failure) = failure else {
            record.in_a_row = 0;
            record.conversations.clear();
            record.tripped = None;
            return false;
        };
        record.failures += 1;
        record.last_failure = Some((now, failure.to_string()));
        record.in_a_row = record.in_a_row.saturating_add(1);
        if record.conversations.len() < CONVERSATIONS {
            record.conversations.extend(conversation);
        }
        if let Some(tripped) = &mut record.tripped {
            // It was under way when the plugin was tripped, and says nothing new.
            if now <= tripped.since {
                return false;
            }
            tripped.pause = (tripped.pause * 2).min(LONGEST_PAUSE);
            tripped.until = later(now, tripped.pause);
            return false;
        }
        if record.patient || record.in_a_row < FAILURES || record.conversations.len() < CONVERSATIONS {
            return false;
        }
        record.tripped = Some(Tripped { since: now, until: later(now, FIRST_PAUSE), pause: FIRST_PAUSE });
        true
    }

    pub fn fares(&self) -> Fares {
        let record = self.record();
        let micros = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Fares {
            state: if record.tripped.is_some() { State::Tripped } else { State::Active },
            calls: record.calls,
            failures: record.failures,
            mean_micros: micros(record.busy).checked_div(record.calls).unwrap_or(0),
            slowest_micros: micros(record.slowest),
            last_failure: record.last_failure.as_ref().map(|(_, text)| text.clone()),
            last_failure_at: record.last_failure.as_ref().map(|(at, _)| *at),
            tripped_since: record.tripped.map(|tripped| tripped.since),
            tripped_until: record.tripped.map(|tripped| tripped.until),
        }
    }

    fn record(&self) -> std::sync::MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn fail(health: &Health, conversation: u128, seconds: i64) -> bool {
        let failure = Failure::Failed("no idea".to_owned());
        health.note(Some(&failure), Some(Uuid::from_u128(conversation)), Duration::from_micros(30), at(seconds))
    }

    fn decide(health: &Health, seconds: i64) {
        health.note(None, Some(Uuid::nil()), Duration::from_micros(10), at(seconds));
    }

    #[test]
    fn a_plugin_that_fails_for_many_is_left_alone_and_tried_again() {
        let health = Health::default();
        let tripped: Vec<bool> = (1..=5).map(|number| fail(&health, number, 0)).collect();
        assert_eq!(tripped, [false, false, false, false, true]);
        assert_eq!(health.fares().state, State::Tripped);
        assert_eq!(health.tripped(at(29)), Some(at(30)));
        // One tries, and the others wait for it.
        assert_eq!(health.tripped(at(30)), None);
        assert_eq!(health.tripped(at(31)), Some(at(60)));
        assert!(!fail(&health, 1, 32));
        assert_eq!(health.tripped(at(33)), Some(at(92)), "the pause is twice as long");
        assert_eq!(health.tripped(at(92)), None);
        decide(&health, 93);
        assert_eq!((health.tripped(at(93)), health.fares().state), (None, State::Active));
        assert!(!fail(&health, 1, 94), "it begins anew");
    }

    #[test]
    fn calls_that_were_under_way_when_it_was_tripped_say_nothing_new() {
        let health = Health::default();
        assert!((1..=5).any(|number| fail(&health, number, 10)));
        for number in 0..60 {
            assert!(!fail(&health, number, 10));
        }
        assert_eq!((health.waits(at(39)), health.waits(at(40))), (Some(at(40)), None));
        assert_eq!(health.tripped(at(40)), None, "looking let nobody through");
    }

    #[test]
    fn a_clock_that_is_set_back_leaves_a_plugin_alone_for_no_longer() {
        let ahead = || {
            let health = Health::default();
            assert!((1..=5).any(|number| fail(&health, number, 7_200)));
            health
        };
        let health = ahead();
        assert_eq!((health.tripped(at(100)), health.tripped(at(129))), (Some(at(130)), Some(at(130))));
        assert_eq!(health.tripped(at(130)), None);
        assert!(!fail(&health, 1, 131));
        assert_eq!(health.tripped(at(132)), Some(at(191)), "a failure after it counts");
        let health = ahead();
        assert_eq!((health.waits(at(100)), health.waits(at(130))), (Some(at(130)), None), "nor do its timers wait");
    }

    #[test]
    fn nobody_trips_a_plugin_alone() {
        let health = Health::default();
        assert!((0..100).all(|_| !fail(&health, 1, 0)));
        assert!((0..100).all(|_| !fail(&health, 2, 0)));
        assert_eq!(health.tripped(at(0)), None);
    }

    #[test]
    fn a_decision_between_failures_keeps_a_plugin_in_service() {
        let health = Health::default();
        for number in 0..100 {
            assert!(!fail(&health, number, 0));
            if number % 4 == 3 {
                decide(&health, 0);
            }
        }
        let fares = health.fares();
        assert_eq!((fares.calls, fares.failures, fares.slowest_micros), (125, 100, 30));
        assert_eq!(fares.last_failure.as_deref(), Some("it failed: no idea"));
    }

    #[test]
    fn pauses_have_an_upper_limit() {
        let health = Health::default();
        for number in 1..=5 {
            fail(&health, number, 0);
        }
        for number in 1..=30 {
            fail(&health, number, 1);
        }
        assert_eq!(health.tripped(at(600)), Some(at(601)));
    }
}
