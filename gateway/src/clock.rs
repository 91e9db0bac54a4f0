//! The only place that reads the time and makes ids.
//!
//! Everything else is handed a [`Clock`], so that a test decides what time it is and no rule
//! hides a dependency on the machine it runs on.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::{ContextV7, Uuid};

/// Tells the time.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the time")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(time: Timestamp) -> Self {
        Self(AtomicI64::new(time.as_millisecond()))
    }

    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    /// Somebody sets it, forward or back.
    pub fn set(&self, time: Timestamp) {
        self.0.store(time.as_millisecond(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
    }
}

/// Two flows may each read the clock, and come to the same place in the other order. What is farther off than this is a
/// clock that was set back.
const CROSSED: SignedDuration = SignedDuration::from_mins(1);

/// When a wait in memory ends that was put down as `until` and is no longer than `length`: a clock that was ahead then,
/// and was set back, must not keep shut for hours what was to be shut for seconds.
pub fn ends(until: Timestamp, length: Duration, now: Timestamp) -> Timestamp {
    let latest = now.checked_add(length).unwrap_or(Timestamp::MAX);
    if until.duration_since(latest) > CROSSED { latest } else { until }
}

/// Makes `UUIDv7` ids: they sort by the time they were made, and never repeat or go back within
/// one process.
#[derive(Debug)]
pub struct Ids(Mutex<ContextV7>);

impl Default for Ids {
    fn default() -> Self {
        Self(Mutex::new(ContextV7::new()))
    }
}

impl Ids {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes ids")]
    pub fn next(&self, now: Timestamp) -> Uuid {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let nanos = u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000;
        let context = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Uuid::new_v7(uuid::Timestamp::from_unix(&*context, millis / 1000, nanos))
    }

    /// From now on, ids come after this one, whatever the clock says.
    pub fn after(&self, id: Uuid) {
        let made = id.get_timestamp().map(|made| made.to_unix());
        let made = made
            .and_then(|(seconds, nanos)| Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok());
        // Of the same millisecond, it may have been the last; of the next, none was made.
        if let Some(next) = made.and_then(|made| made.checked_add(Duration::from_millis(1)).ok()) {
            self.next(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_after_one_that_was_made_by_a_clock_that_was_ahead() {
        let ahead = Timestamp::from_millisecond(1_800_000_060_000).unwrap();
        let now = Timestamp::from_millisecond(1_800_000_000_000).unwrap();
        let before = Ids::default();
        let known = (0..5_000).map(|_| before.next(ahead)).last().unwrap();
        let ids = Ids::default();
        assert!(ids.next(now) < known);
        ids.after(known);
        assert!(ids.next(now) > known);
        ids.after(Uuid::nil());
    }

    #[test]
    fn ids_sort_by_time_even_within_a_millisecond() {
        let ids = Ids::default();
        let now = Timestamp::from_millisecond(1_800_000_000_000).unwrap();
        let made: Vec<Uuid> = (0..10_000).map(|_| ids.next(now)).collect();
        assert!(made.is_sorted());
        assert_eq!(made[0].get_timestamp().unwrap().to_unix().0, 1_800_000_000);
    }

    #[test]
    fn the_manual_clock_moves_only_when_told() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.now().as_millisecond(), 1500);
    }

    #[test]
    fn a_wait_is_no_longer_than_it_was_to_be_but_for_flows_that_cross() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let cases = [(90, 100), (40, 100), (30, 100), (29, 39), (-7_200, -7_190), (200, 100)];
        for (now, expected) in cases {
            assert_eq!(ends(at(100), Duration::from_secs(10), at(now)), at(expected), "{now}");
        }
    }
}
