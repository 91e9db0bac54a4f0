//! This machine's clock, held against those of the servers that answered.
//!
//! A clock that is off makes wrong times in the record, and schedules and leases that end too soon.

use bytes::Bytes;
use http::header::DATE;
use jiff::{SignedDuration, Timestamp};

use crate::channels::Finding;

/// A second is lost to the header's rounding, more to a slow network.
const WARN: SignedDuration = SignedDuration::from_secs(30);
const FAIL: SignedDuration = SignedDuration::from_mins(5);

/// By how much this clock is ahead, by the answer that disagreed the most.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Skew(Option<SignedDuration>);

impl Skew {
    /// Between the two times the answer's `Date` was written.
    pub(super) fn see(&mut self, before: Timestamp, after: Timestamp, response: &http::Response<Bytes>) {
        let date = response.headers().get(DATE).and_then(|value| value.to_str().ok());
        let Some(date) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else { return };
        let date = date.timestamp();
        // While it lies between, nothing is wrong, however long the answer took.
        let ahead = if date < before {
            before.duration_since(date)
        } else if date > after {
            after.duration_since(date)
        } else {
            SignedDuration::ZERO
        };
        if self.0.is_none_or(|worst| ahead.abs() > worst.abs()) {
            self.0 = Some(ahead);
        }
    }

    pub(super) fn finding(self) -> Finding {
        let Some(ahead) = self.0 else {
            return Finding::skipped("clock", "nobody answered who could be asked for the time");
        };
        let (seconds, way) = (ahead.abs().as_secs(), if ahead.is_negative() { "behind" } else { "ahead" });
        let remedy = "let the machine set its clock by the network (NTP)";
        match ahead.abs() {
            off if off > FAIL => Finding::failed("clock", format!("the clock is {seconds} seconds {way}"), remedy),
            off if off > WARN => Finding::warning("clock", format!("the clock is {seconds} seconds {way}"), remedy),
            _ => Finding::ok("clock", "the clock is right"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::State;

    #[test]
    fn the_worst_disagreement_counts() {
        let cases = [
            (&["Tue, 24 Nov 2026 08:00:00 GMT"][..], State::Ok, "right"),
            (&["Tue, 24 Nov 2026 08:00:29 GMT", "Tue, 24 Nov 2026 07:59:50 GMT"], State::Ok, "right"),
            (&["Tue, 24 Nov 2026 08:00:40 GMT", "Tue, 24 Nov 2026 08:00:00 GMT"], State::Warning, "behind"),
            (&["Tue, 24 Nov 2026 07:59:00 GMT"], State::Warning, "60 seconds ahead"),
            (&["Tue, 24 Nov 2026 07:54:59 GMT"], State::Failed, "301 seconds ahead"),
            (&["Mon, 01 Jan 2029 00:00:00 GMT"], State::Failed, "behind"),
            (&["yesterday"], State::Skipped, ""),
            (&[], State::Skipped, ""),
        ];
        let now: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        for (dates, state, words) in cases {
            let mut skew = Skew::default();
            for date in dates {
                let response = http::Response::builder().header(DATE, *date).body(Bytes::new()).unwrap();
                skew.see(now, now, &response);
            }
            let finding = skew.finding();
            assert_eq!(finding.state, state, "{dates:?}");
            assert!(finding.finding.contains(words), "{dates:?}: {finding:?}");
        }
    }

    #[test]
    fn a_slow_answer_is_no_wrong_clock() {
        let before: Timestamp = "2026-11-24T08:00:00Z".parse().unwrap();
        let after = before + SignedDuration::from_mins(2);
        let response = http::Response::builder().header(DATE, "Tue, 24 Nov 2026 08:01:00 GMT").body(Bytes::new());
        let mut skew = Skew::default();
        skew.see(before, after, &response.unwrap());
        assert_eq!(skew.finding().state, State::Ok);
    }
}
