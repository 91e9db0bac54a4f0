//! When this process read the lists of what came in, by a clock that nobody sets.
//!
//! How far they were read is on record by the clock on the wall. If that was ahead, this tells how far it was at the
//! most.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::settings::earlier;
use crate::store::Latest;

pub(super) struct Readings {
    /// When the process began to read. What came in since is ours.
    began: Instant,
    /// When it read the whole list of each channel.
    last: Mutex<BTreeMap<String, Instant>>,
}

impl Readings {
    pub(super) fn since(began: Instant) -> Self {
        Self { began, last: Mutex::default() }
    }

    /// The whole list was read, of what had come in by then.
    pub(super) fn read(&self, channel: &str, started: Instant) {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).insert(channel.to_owned(), started);
    }

    /// How far it was read, if that can't be told by the clock on the wall: what was read last, less what was too young
    /// for it then. A process that read nothing yet knows nothing, and reads all that is ever read.
    pub(super) fn latest(
        &self,
        channel: &str,
        now: Timestamp,
        started: Instant,
        window: Duration,
        after: Duration,
    ) -> Latest {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner).get(channel).copied();
        let age = last.map_or(window, |last| window.min(started.saturating_duration_since(last) + after));
        Latest { began_at: earlier(now, started.saturating_duration_since(self.began)), reached_at: earlier(now, age) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_told_by_how_long_ago_it_was() {
        let began = Instant::now();
        let now = Timestamp::from_second(1_000_000).unwrap();
        let readings = Readings::since(began);
        let latest = |channel: &str, minutes: u64| {
            let started = began + Duration::from_mins(minutes);
            let latest = readings.latest(channel, now, started, Duration::from_hours(24), Duration::from_mins(2));
            let before = |time: Timestamp| now.duration_since(time).as_mins();
            (before(latest.began_at), before(latest.reached_at))
        };
        assert_eq!(latest("sms", 0), (0, 24 * 60), "nobody knows");
        readings.read("sms", began + Duration::from_mins(10));
        assert_eq!((latest("sms", 15), latest("other", 15)), ((15, 7), (15, 24 * 60)));
        assert_eq!(latest("sms", 3000), (3000, 24 * 60), "no more than that is ever read");
    }
}
