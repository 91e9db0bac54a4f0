//! That an endpoint does not answer at all, or says that it can't now. Then one event at a time is tried, and
//! seldom: thousands that wait each for their next try would else be looked through again and again, and an
//! application that comes back would meet all of them at once. One that answers anything else may well take
//! other events, and is told them. Pure.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use jiff::Timestamp;

use crate::clock::ends;
use crate::transport::Failure;

/// So many failures in a row are trouble.
const SOME: u32 = 8;
/// The first pause, which doubles with every second try, up to the longest: whoever mends their application is told soon.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(8);

/// Whether it is away, by what came of a request.
pub(super) fn is_away(outcome: &Result<Response<Bytes>, Failure>) -> bool {
    outcome.as_ref().map_or(true, |response| matches!(response.status().as_u16(), 429 | 502..=504))
}

#[derive(Debug, Default)]
pub(super) struct Trouble {
    /// In a row; no more than make trouble.
    failures: u32,
    /// How many were tried since.
    tried: u32,
    /// Nothing is tried before.
    next: Option<Timestamp>,
}

impl Trouble {
    /// How many of so many may be tried now. One that is tried in trouble is the only one for as long as the pause.
    pub(super) fn admit(&mut self, limit: usize, now: Timestamp) -> usize {
        if self.failures < SOME {
            return limit;
        }
        if self.pause(now).is_some() {
            return 0;
        }
        self.tried = self.tried.saturating_add(1);
        self.rest(now);
        limit.min(1)
    }

    /// For how long nothing is tried.
    pub(super) fn pause(&mut self, now: Timestamp) -> Option<Duration> {
        // A clock may be put back.
        let next = ends(self.next?, LONGEST, now);
        self.next = Some(next);
        let left = Duration::try_from(next.duration_since(now)).ok()?;
        (!left.is_zero()).then(|| left.min(LONGEST))
    }

    /// What a try came to.
    pub(super) fn note(&mut self, is_away: bool, now: Timestamp) {
        if !is_away {
            *self = Self::default();
            return;
        }
        self.failures = self.failures.saturating_add(1).min(SOME);
        if self.failures >= SOME {
            self.rest(now);
        }
    }

    fn rest(&mut self, now: Timestamp) {
        let doubled = 1_u32.checked_shl(self.tried / 2).unwrap_or(u32::MAX);
        let pause = FIRST.saturating_mul(doubled).min(LONGEST);
        self.next = Some(now.checked_add(pause).unwrap_or(Timestamp::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn whoever_fails_now_and_then_is_told_as_always() {
        let mut trouble = Trouble::default();
        for _ in 0..3 {
            for _ in 1..SOME {
                trouble.note(true, at(0));
            }
            assert_eq!((trouble.admit(8, at(0)), trouble.pause(at(0))), (8, None));
            trouble.note(false, at(0));
        }
    }

    #[test]
    fn whoever_fails_each_time_is_tried_with_one_and_seldom() {
        let mut trouble = Trouble::default();
        for _ in 0..SOME {
            trouble.note(true, at(0));
        }
        let mut tries = Vec::new();
        for second in 0..60 {
            let admitted = trouble.admit(8, at(second));
            // Nobody else takes another one before it is known what this came to.
            assert_eq!(trouble.admit(8, at(second)), 0);
            if admitted > 0 {
                assert_eq!(admitted, 1);
                tries.push(second);
                trouble.note(true, at(second));
            }
        }
        assert_eq!(tries, [1, 2, 4, 6, 10, 14, 22, 30, 38, 46, 54]);
        assert_eq!(trouble.pause(at(60)), Some(Duration::from_secs(2)));
        trouble.note(false, at(61));
        assert_eq!((trouble.admit(8, at(61)), trouble.pause(at(61))), (8, None));
    }

    #[test]
    fn whoever_answers_is_there_whatever_they_say() {
        for (status, away) in
            [(200, false), (500, false), (404, false), (410, false), (429, true), (503, true), (504, true)]
        {
            let answer = Response::builder().status(status).body(Bytes::new()).unwrap();
            assert_eq!(is_away(&Ok(answer)), away, "{status}");
        }
        assert!(is_away(&Err(Failure::NotSent("refused".to_owned()))));
    }

    #[test]
    fn a_clock_that_is_put_back_holds_up_nothing_for_long() {
        let mut trouble = Trouble::default();
        for _ in 0..SOME {
            trouble.note(true, at(3600));
        }
        assert_eq!((trouble.pause(at(0)), trouble.admit(8, at(7))), (Some(LONGEST), 0));
        assert_eq!((trouble.pause(at(8)), trouble.admit(8, at(8))), (None, 1));
    }

    #[test]
    fn an_answer_that_never_came_holds_up_nothing() {
        let mut trouble = Trouble::default();
        for _ in 0..SOME {
            trouble.note(true, at(0));
        }
        assert_eq!(trouble.admit(8, at(1)), 1);
        assert_eq!((trouble.admit(8, at(1)), trouble.admit(8, at(2))), (0, 1));
    }
}
