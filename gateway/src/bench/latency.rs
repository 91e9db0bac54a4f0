//! How long things took. Pure.

use std::time::Duration;

use serde::Serialize;

/// All times that were taken, none of them rounded or left out.
#[derive(Clone, Debug, Default)]
pub struct Latencies(Vec<Duration>);

/// What most, nearly all, and all of them took at the most, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
}

impl Latencies {
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The least time that this share of them did not exceed: the nearest rank, so always one that was measured.
    pub fn at(&self, per_cent: f64) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "nobody takes 2^52 times")]
        let rank = (per_cent / 100.0 * self.0.len() as f64).ceil();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of the length")]
        let index = (rank as usize).clamp(1, self.0.len().max(1)) - 1;
        self.0.get(index).copied().unwrap_or_default()
    }

    /// None where nothing was measured.
    pub fn spread(&self) -> Option<Spread> {
        let millis = |per_cent| self.at(per_cent).as_secs_f64() * 1e3;
        let spread = Spread { p50: millis(50.0), p90: millis(90.0), p99: millis(99.0), max: millis(100.0) };
        (!self.0.is_empty()).then_some(spread)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let millis = |count: u64| Latencies::of((1..=count).rev().map(Duration::from_millis).collect());
        let spread = millis(1000).spread().unwrap();
        assert_eq!(spread, Spread { p50: 500.0, p90: 900.0, p99: 990.0, max: 1000.0 });
        // Of few, the last ones are the same: nothing is made up between two.
        assert_eq!(millis(10).spread().unwrap(), Spread { p50: 5.0, p90: 9.0, p99: 10.0, max: 10.0 });
        assert_eq!(millis(1).spread().unwrap(), Spread { p50: 1.0, p90: 1.0, p99: 1.0, max: 1.0 });
        assert_eq!(Latencies::default().spread(), None);
    }

    #[test]
    fn one_slow_in_a_hundred_shows_only_beyond_the_99th() {
        let mut times = vec![Duration::from_millis(2); 99];
        times.insert(0, Duration::from_secs(3));
        let spread = Latencies::of(times).spread().unwrap();
        assert_eq!((spread.p99, spread.max), (2.0, 3000.0));
    }
}
