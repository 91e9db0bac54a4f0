//! Dates and times as Twilio takes them. Pure.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A time in ISO 8601 with an offset, or without one in GMT, or as in the API's answers.
pub(super) fn moment(written: &str) -> Option<Timestamp> {
    let in_gmt = |time: DateTime| time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp());
    written
        .parse()
        .ok()
        .or_else(|| written.parse().ok().and_then(in_gmt))
        .or_else(|| jiff::fmt::rfc2822::parse(written).ok().map(|time| time.timestamp()))
}

/// From when and until before when a filter by date reaches. A date without a time is a whole day
/// in GMT; both bounds belong to it. What can't be read leaves nothing out.
pub(super) fn span(filter: &str, written: &str) -> (Option<Timestamp>, Option<Timestamp>) {
    let Some((first, end)) = day(written).or_else(|| second(written)) else { return (None, None) };
    match filter {
        "DateSent<" => (None, Some(end)),
        "DateSent>" => (Some(first), None),
        _ => (Some(first), Some(end)),
    }
}

/// A longer text would be read as its day, so the length decides.
fn day(written: &str) -> Option<(Timestamp, Timestamp)> {
    let date: Date = written.parse().ok().filter(|_| written.len() == 10)?;
    let start = |date: Date| date.to_zoned(TimeZone::UTC).ok().map(|start| start.timestamp());
    Some((start(date)?, start(date.tomorrow().ok()?)?))
}

/// Answers tell whole seconds, so a filter by one of them means the whole second.
fn second(written: &str) -> Option<(Timestamp, Timestamp)> {
    let first = moment(written)?;
    Some((first, first.checked_add(SignedDuration::from_secs(1)).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_every_form() {
        let expected = "2019-06-11T22:05:25Z".parse().ok();
        for written in [
            "2019-06-11T22:05:25Z",
            "2019-06-11T17:05:25-05:00",
            "2019-06-11 22:05:25.000",
            "2019-06-11T22:05:25",
            "Tue, 11 Jun 2019 22:05:25 +0000",
        ] {
            assert_eq!(moment(written), expected, "{written}");
        }
        assert_eq!(moment("soon"), None);
    }

    #[test]
    fn a_date_is_its_day_and_a_time_its_second() {
        let time = |text: &str| Some(text.parse::<Timestamp>().unwrap());
        let (day, next) = (time("2026-11-23T00:00:00Z"), time("2026-11-24T00:00:00Z"));
        let (second, after) = (time("2026-11-23T10:00:00Z"), time("2026-11-23T10:00:01Z"));
        let cases = [
            ("DateSent", "2026-11-23", (day, next)),
            ("DateSent<", "2026-11-23", (None, next)),
            ("DateSent>", "2026-11-23", (day, None)),
            ("DateSent", "2026-11-23T10:00:00Z", (second, after)),
            ("DateSent<", "2026-11-23 10:00:00", (None, after)),
            ("DateSent>", "Mon, 23 Nov 2026 10:00:00 +0000", (second, None)),
            ("DateSent", "soon", (None, None)),
            ("DateSent", "2026-13-01", (None, None)),
        ];
        for (filter, written, expected) in cases {
            assert_eq!(span(filter, written), expected, "{filter}={written}");
        }
    }
}
