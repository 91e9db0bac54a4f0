//! What follows from an answer, or from none. Pure.

use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::RETRY_AFTER;
use jiff::Timestamp;

use crate::store::EventResult;
use crate::transport::Failure;

/// The longest pause that an application may ask for.
const LONGEST: Duration = Duration::from_hours(24);

/// Whatever an application answers, it may answer something else later; only 410 says that it won't.
///
/// `pauses` are those after the first try and those behind it, in seconds; after the last, it is given up.
pub(super) fn judge(
    pauses: &[u64],
    tries: u32,
    outcome: &Result<Response<Bytes>, Failure>,
    now: Timestamp,
) -> EventResult {
    let (problem, asked) = match outcome {
        Ok(response) => match response.status().as_u16() {
            200..=299 => return EventResult::Delivered,
            410 => return EventResult::Gone { problem: "answered 410".to_owned() },
            status => (format!("answered {status}"), retry_after(response, now)),
        },
        Err(failure) => (failure.to_string(), None),
    };
    let pause = usize::try_from(tries).ok().and_then(|tries| pauses.get(tries.saturating_sub(1)));
    let Some(pause) = pause else { return EventResult::GivenUp { problem } };
    let pause = Duration::from_secs(*pause).max(asked.unwrap_or_default());
    EventResult::Retry { due_at: now.checked_add(pause).unwrap_or(Timestamp::MAX), problem }
}

/// In seconds, or until a date.
fn retry_after(response: &Response<Bytes>, now: Timestamp) -> Option<Duration> {
    let text = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    let pause = if let Ok(seconds) = text.parse() {
        Duration::from_secs(seconds)
    } else {
        let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        Duration::try_from(date.duration_since(now)).ok()?
    };
    Some(pause.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(tries: u32, outcome: &Result<Response<Bytes>, Failure>) -> String {
        let now: Timestamp = "2026-11-25T08:00:00Z".parse().unwrap();
        match judge(&[5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400], tries, outcome, now) {
            EventResult::Delivered => "delivered".to_owned(),
            EventResult::Retry { due_at, .. } => (due_at.as_second() - now.as_second()).to_string(),
            EventResult::GivenUp { problem } => format!("given up: {problem}"),
            EventResult::Gone { .. } => "gone".to_owned(),
        }
    }

    fn answered(status: u16, after: Option<&str>) -> Response<Bytes> {
        let mut response = Response::builder().status(status);
        if let Some(after) = after {
            response = response.header("retry-after", after);
        }
        response.body(Bytes::new()).unwrap()
    }

    #[test]
    fn whatever_is_no_success_is_tried_again_by_the_schedule() {
        let lost = || Err(Failure::Unanswered("timed out".to_owned()));
        let cases = [
            (1, Ok(answered(200, None)), "delivered"),
            (10, Ok(answered(204, None)), "delivered"),
            (1, Ok(answered(500, None)), "5"),
            (1, Ok(answered(404, None)), "5"),
            // Redirects are not followed.
            (1, Ok(answered(302, None)), "5"),
            (2, lost(), "300"),
            (3, lost(), "1800"),
            (9, lost(), "86400"),
            (10, Ok(answered(503, None)), "given up: answered 503"),
            (10, lost(), "given up: no answer: timed out"),
            (1, Ok(answered(410, None)), "gone"),
            (10, Ok(answered(410, None)), "gone"),
            (1, Ok(answered(429, Some("120"))), "120"),
            // Sooner than usual is too soon.
            (2, Ok(answered(429, Some("7"))), "300"),
            (1, Ok(answered(503, Some("Wed, 25 Nov 2026 08:01:00 GMT"))), "60"),
            (1, Ok(answered(503, Some("Wed, 25 Nov 2026 07:00:00 GMT"))), "5"),
            (1, Ok(answered(503, Some("9999999999"))), "86400"),
            (1, Ok(answered(503, Some("mañana"))), "5"),
        ];
        for (tries, outcome, expected) in cases {
            assert_eq!(told(tries, &outcome), expected, "try {tries}: {outcome:?}");
        }
    }
}
