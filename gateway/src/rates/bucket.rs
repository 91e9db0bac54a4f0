//! How fast one sender sends: a bucket of tokens, one for each segment, that fills at the sender's rate.
//!
//! Pure: time is an argument. A part may leave while there is a token left, and takes as many as it has
//! segments; what is too much is paid back by waiting. A refusal halves the rate, which then comes back
//! over minutes.

use std::time::Duration;

use jiff::Timestamp;

/// How long it takes until the whole rate has come back.
const RECOVERY_S: f64 = 300.0;
/// Refusals this close to each other count as one: what is slower now shows only after a while.
const TOGETHER_MS: i64 = 5_000;
/// Two flows may each read the clock, and come here in the other order. What is longer ago than this is a
/// clock that was set back.
const CROSSED_MS: i64 = 1_000;
/// A sender without a limit is measured over about this time.
const MEASURED_S: f64 = 10.0;
/// However often it is refused, a sender sends at least this part of its rate, and one segment in so many
/// seconds: it must find out that it is over.
const LEAST_SHARE: f64 = 1.0 / 8.0;
const LEAST: f64 = 0.1;
/// A sender without a limit that sent less than this was not refused for being too fast.
const LEAST_MEASURED: f64 = 10.0;

#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    /// In segments a second. None: as fast as can be.
    limit: Option<f64>,
    /// Whether a refusal slows it down.
    learns: bool,
    /// Less than nothing after a part that was longer than what there was.
    tokens: f64,
    at: Timestamp,
    slowed: Option<Slowed>,
    /// Segments lately, each counting less the longer ago it was.
    lately: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Slowed {
    since: Timestamp,
    rate: f64,
    /// What it comes back to.
    whole: f64,
}

impl Bucket {
    /// A full one. Without a limit, it has one while the provider says that it is too fast.
    pub fn new(limit: Option<f64>, now: Timestamp) -> Self {
        Self { limit, learns: true, tokens: limit.map_or(0.0, capacity), at: now, slowed: None, lately: 0.0 }
    }

    /// One that never holds anything up.
    pub fn free(now: Timestamp) -> Self {
        Self { learns: false, ..Self::new(None, now) }
    }

    /// Segments a second, now. None: as many as there are.
    pub fn rate(&self, now: Timestamp) -> Option<f64> {
        let Some(slowed) = self.slowed else { return self.limit };
        let rate = slowed.rate + slowed.whole * seconds(slowed.since, now) / RECOVERY_S;
        match self.limit {
            Some(limit) => Some(rate.min(limit)),
            // Nobody knows how fast it may be: when twice as fast as it was went well, it is free again.
            None => (rate < slowed.whole * 2.0).then_some(rate),
        }
    }

    /// Whether a refusal slows it down at this moment.
    pub fn is_slowed(&self, now: Timestamp) -> bool {
        self.slowed.is_some() && self.rate(now) != self.limit
    }

    /// How many segments may leave now. None: as many as there are.
    pub fn room(&mut self, now: Timestamp) -> Option<u32> {
        self.fill(now);
        self.rate(now)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between nothing and the capacity")]
        Some(self.tokens.max(0.0) as u32)
    }

    /// When something may leave next; now, if it may.
    pub fn next(&mut self, now: Timestamp) -> Timestamp {
        self.fill(now);
        let Some(rate) = self.rate(now).filter(|_| self.tokens < 1.0) else { return now };
        // A little more, since time comes in whole milliseconds.
        later(now, (1.0 - self.tokens) / rate + 0.001)
    }

    /// So many segments leave.
    pub fn take(&mut self, segments: u32, now: Timestamp) {
        self.fill(now);
        self.lately += f64::from(segments);
        if self.rate(now).is_some() {
            self.tokens -= f64::from(segments);
        }
    }

    /// The provider says that it was too fast.
    pub fn refused(&mut self, now: Timestamp) {
        if !self.learns {
            return;
        }
        self.fill(now);
        let just_now = |slowed: Slowed| now.as_millisecond() - slowed.since.as_millisecond() < TOGETHER_MS;
        if self.slowed.is_some_and(just_now) {
            return;
        }
        let whole = self.limit.unwrap_or_else(|| (self.lately / MEASURED_S).max(LEAST_MEASURED));
        let before = self.rate(now).unwrap_or(whole);
        let least = (whole * LEAST_SHARE).max(LEAST).min(whole);
        self.slowed = Some(Slowed { since: now, rate: (before / 2.0).max(least), whole });
        self.tokens = self.tokens.min(0.0);
    }

    /// By the rate that it had before, which was not faster than any since.
    fn fill(&mut self, now: Timestamp) {
        if self.at.as_millisecond() - now.as_millisecond() > CROSSED_MS {
            // The clock was set back: it goes on from there, or nothing would leave until the old time came again.
            self.at = now;
            if let Some(slowed) = &mut self.slowed {
                slowed.since = slowed.since.min(now);
            }
        }
        let passed = seconds(self.at, now);
        if passed <= 0.0 {
            return;
        }
        self.lately *= (-passed / MEASURED_S).exp();
        match self.rate(self.at) {
            Some(rate) => self.tokens = (self.tokens + rate * passed).min(capacity(rate)),
            None => self.tokens = 0.0,
        }
        if self.slowed.is_some() && self.rate(now) == self.limit {
            self.slowed = None;
        }
        self.at = now;
    }
}

/// A second's worth, and a whole segment.
fn capacity(rate: f64) -> f64 {
    rate.max(1.0)
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64().max(0.0)
}

fn later(time: Timestamp, by: f64) -> Timestamp {
    let by = Duration::try_from_secs_f64(by).unwrap_or(Duration::MAX);
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    fn rate(bucket: &Bucket, millis: i64) -> f64 {
        bucket.rate(at(millis)).unwrap()
    }

    #[test]
    fn a_second_may_leave_at_once_and_then_what_fills_up() {
        let mut bucket = Bucket::new(Some(10.0), at(0));
        assert_eq!(bucket.room(at(0)), Some(10));
        bucket.take(10, at(0));
        assert_eq!((bucket.room(at(99)), bucket.room(at(100)), bucket.room(at(550))), (Some(0), Some(1), Some(5)));
        assert_eq!(bucket.room(at(60_000)), Some(10), "no more than a second's worth is saved up");
    }

    #[test]
    fn a_long_part_is_paid_back() {
        let mut bucket = Bucket::new(Some(1.0), at(0));
        bucket.take(7, at(0));
        assert_eq!((bucket.room(at(6_900)), bucket.room(at(7_000))), (Some(0), Some(1)));
        let mut bucket = Bucket::new(Some(0.5), at(0));
        assert_eq!(bucket.room(at(0)), Some(1), "a whole segment, also where a second has less");
        bucket.take(1, at(0));
        assert_eq!((bucket.room(at(1_999)), bucket.room(at(2_000))), (Some(0), Some(1)));
        assert!(bucket.next(at(0)) <= at(2_002));
    }

    #[test]
    fn a_refusal_halves_the_rate_and_minutes_bring_it_back() {
        let mut bucket = Bucket::new(Some(10.0), at(0));
        bucket.refused(at(0));
        assert_eq!(bucket.room(at(0)), Some(0));
        bucket.refused(at(4_900));
        assert!((rate(&bucket, 0) - 5.0).abs() < 1e-9, "what was under way at the same time counts once");
        assert!((rate(&bucket, 60_000) - 7.0).abs() < 1e-9);
        bucket.refused(at(60_000));
        assert!((rate(&bucket, 60_000) - 3.5).abs() < 1e-9);
        assert!(bucket.is_slowed(at(60_000)) && !bucket.is_slowed(at(400_000)));
        assert!((rate(&bucket, 400_000) - 10.0).abs() < 1e-9);
    }

    #[test]
    fn however_often_it_is_refused_it_tries() {
        let mut bucket = Bucket::new(Some(10.0), at(0));
        for second in 0..100 {
            bucket.refused(at(second * 2_000));
        }
        let now = 200_000;
        assert!(rate(&bucket, now) >= 10.0 / 8.0 && rate(&bucket, now) < 2.0);
        let next = bucket.next(at(now));
        assert!(next < at(now + 10_000) && bucket.room(next) == Some(1));
    }

    #[test]
    fn a_sender_without_a_limit_has_one_while_it_is_too_fast() {
        let mut bucket = Bucket::new(None, at(0));
        for tenth in 0..600 {
            assert_eq!(bucket.room(at(tenth * 100)), None);
            bucket.take(4, at(tenth * 100));
        }
        bucket.refused(at(60_000));
        let slow = rate(&bucket, 60_000);
        assert!((15.0..25.0).contains(&slow), "half of the 40 a second that it sent: {slow}");
        assert_eq!(bucket.room(at(60_000)), Some(0));
        assert!(bucket.room(at(62_000)).is_some_and(|room| room > 10));
        assert_eq!(bucket.room(at(600_000)), None);
        let mut free = Bucket::free(at(0));
        free.refused(at(0));
        assert_eq!((free.room(at(0)), free.is_slowed(at(0))), (None, false));
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing_and_holds_up_nothing() {
        let hour = 3_600_000;
        let mut bucket = Bucket::new(Some(1.0), at(hour));
        bucket.take(1, at(hour));
        assert_eq!((bucket.room(at(0)), bucket.room(at(999)), bucket.room(at(1_000))), (Some(0), Some(0), Some(1)));
        // Two that read it at almost the same time change nothing.
        bucket.take(1, at(1_000));
        assert_eq!((bucket.room(at(500)), bucket.room(at(1_999)), bucket.room(at(2_000))), (Some(0), Some(0), Some(1)));
    }

    #[test]
    fn who_is_slowed_down_recovers_by_a_clock_that_is_set_back() {
        let hour = 3_600_000;
        let mut bucket = Bucket::new(Some(10.0), at(hour));
        bucket.refused(at(hour));
        assert_eq!(bucket.room(at(0)), Some(0));
        assert!((rate(&bucket, 60_000) - 7.0).abs() < 1e-9);
        bucket.refused(at(60_000));
        assert!((rate(&bucket, 60_000) - 3.5).abs() < 1e-9, "a refusal counts again");
    }

    proptest! {
        /// Whatever comes when, and whatever is refused: no window has more than the rate allows, but for a
        /// second's worth that was saved up and the part that began with the last token.
        #[test]
        fn no_window_has_more_than_the_limit_and_none_waits_for_ever(
            limit in 0.2f64..50.0,
            looks in proptest::collection::vec((0i64..3_000, 1u32..12, 0u8..20), 1..200),
        ) {
            let mut bucket = Bucket::new(Some(limit), at(0));
            let (mut now, mut sent) = (0, Vec::new());
            for (pause, segments, refusal) in looks {
                now += pause;
                if refusal == 0 {
                    bucket.refused(at(now));
                }
                if bucket.room(at(now)).is_some_and(|room| room > 0) {
                    bucket.take(segments, at(now));
                    sent.push((now, segments));
                } else {
                    let next = bucket.next(at(now));
                    prop_assert!(next > at(now));
                    let wait = f64::from(u32::try_from(next.as_millisecond() - at(now).as_millisecond()).unwrap());
                    prop_assert!(wait / 1000.0 <= 14.0 / LEAST.min(limit), "{wait} ms");
                    prop_assert!(bucket.clone().room(next).is_some_and(|room| room > 0));
                }
            }
            for (index, (from, _)) in sent.iter().enumerate() {
                let (mut total, mut longest) = (0u32, 0u32);
                for (to, segments) in &sent[index..] {
                    total += segments;
                    longest = longest.max(*segments);
                    #[expect(clippy::cast_precision_loss, reason = "seconds of a test")]
                    let allowed = limit * (to - from) as f64 / 1000.0 + capacity(limit) + f64::from(longest);
                    prop_assert!(f64::from(total) <= allowed + 1e-6, "{total} in {} ms, {allowed} allowed", to - from);
                }
            }
        }
    }
}
