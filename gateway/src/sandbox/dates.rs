//! Dates as Twilio reads them, and filters by date. Pure.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A time as Twilio reads it: in ISO 8601 with an offset, or without one in GMT, or as in its answers; and
/// as `06/11/2019 22:05:25 MST`.
pub(super) fn moment(written: &str) -> Option<Timestamp> {
    let in_gmt = |time: DateTime| time.to_zoned(TimeZone::UTC).ok().map(|time| time.timestamp());
    written
        .parse()
        .ok()
        .or_else(|| written.parse().ok().and_then(in_gmt))
        .or_else(|| of_mail(written))
        .or_else(|| american(written))
}

/// A date as mail has it, and Twilio's answers.
pub(super) fn of_mail(written: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(written).ok().map(|time| time.timestamp())
}

fn american(written: &str) -> Option<Timestamp> {
    let (date, rest) = written.split_once(' ')?;
    let date = Date::strptime("%m/%d/%Y", date).ok()?;
    of_mail(&format!("{} {rest}", date.strftime("%d %b %Y")))
}

/// Whether a time meets a filter by date, whose name may end with a comparison. A date without a time is
/// the whole day in GMT; both bounds are inclusive. A date that can't be read leaves nothing out.
pub(super) fn meets(filter: &str, value: &str, time: Timestamp) -> bool {
    let (first, last) = if let Some(date) = day(value) {
        let start = |date: Date| date.to_zoned(TimeZone::UTC).map(|start| start.timestamp());
        let (Ok(first), Ok(end)) = (start(date), date.tomorrow().and_then(start)) else { return true };
        (first, end - SignedDuration::from_nanos(1))
    } else if let Some(time) = moment(value) {
        (time, time)
    } else {
        return true;
    };
    match filter.chars().next_back() {
        Some('<') => time <= last,
        Some('>') => time >= first,
        _ => (first..=last).contains(&time),
    }
}

/// A date without a time, which is ten characters long; a longer one would be read as its day.
fn day(value: &str) -> Option<Date> {
    value.parse().ok().filter(|_| value.len() == 10)
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
            "Tue, 11 Jun 2019 22:05:25 -0000",
            "06/11/2019 22:05:25 GMT",
            "06/11/2019 15:05:25 MST",
        ] {
            assert_eq!(moment(written), expected, "{written}");
        }
        for written in ["", "soon", "13/13/2019 22:05:25 GMT", "06/11/2019"] {
            assert_eq!(moment(written), None, "{written}");
        }
    }

    #[test]
    fn dates_are_days_in_gmt_or_moments() {
        let time: Timestamp = "2026-11-23T00:30:00Z".parse().unwrap();
        let cases = [
            ("DateSent", "2026-11-23", true),
            ("DateSent", "2026-11-22", false),
            ("DateSent<", "2026-11-23", true),
            ("DateSent<", "2026-11-22", false),
            ("DateSent>", "2026-11-23", true),
            ("DateSent>", "2026-11-24", false),
            ("DateSent>", "2026-11-23T00:30:00Z", true),
            ("DateSent>", "2026-11-23T00:30:01Z", false),
            ("DateSent<", "2026-11-23T00:29:59Z", false),
            ("DateCreated>", "2026-11-23 00:30:00.000", true),
            ("DateCreated>", "2026-11-23 00:30:01.000", false),
            ("DateCreated<", "Mon, 23 Nov 2026 00:29:59 +0000", false),
            ("DateCreated", "soon", true),
        ];
        for (filter, value, expected) in cases {
            assert_eq!(meets(filter, value, time), expected, "{filter}={value}");
        }
    }
}
