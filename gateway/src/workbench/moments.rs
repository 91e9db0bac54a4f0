//! Moments and lengths of time, as people write them.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// A moment: `2026-08-03 20:15` by the clocks of a time zone, or with its offset, as in
/// `2026-08-03T20:15:00Z`.
pub fn moment(text: &str, time_zone: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let zone = zone(time_zone)?;
    let wrong = || format!("`{text}` is no moment; write one as in `2026-08-03 20:15`");
    let local: DateTime = text.parse().map_err(|_| wrong())?;
    local.to_zoned(zone).map(|time| time.timestamp()).map_err(|_| wrong())
}

/// A length of time: `45s`, `30m`, `24h`, `2d`, or several of them.
pub fn length(text: &str) -> Result<SignedDuration, String> {
    let span = text.trim().parse::<Span>().ok();
    let length = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    length
        .filter(|length| !length.is_negative())
        .ok_or_else(|| format!("`{text}` is no length of time; write one as in `45s`, `30m`, `24h` or `2d`"))
}

/// A moment by the clocks of a time zone.
pub fn shown(moment: Timestamp, time_zone: &str) -> String {
    match zone(time_zone) {
        Ok(zone) => moment.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => moment.to_string(),
    }
}

/// A length of time, as it is written.
pub fn shown_length(length: SignedDuration) -> String {
    let seconds = length.as_secs();
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let mut shown: Vec<String> =
        parts.iter().filter(|(number, _)| *number != 0).map(|(number, unit)| format!("{number}{unit}")).collect();
    let millis = length.subsec_millis();
    if millis != 0 {
        shown.push(format!("{millis}ms"));
    }
    if shown.is_empty() { "0s".to_owned() } else { shown.join(" ") }
}

pub(super) fn zone(time_zone: &str) -> Result<TimeZone, String> {
    TimeZone::get(time_zone)
        .map_err(|_| format!("`{time_zone}` is no time zone; they have names like `America/Cancun`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_by_the_clocks_of_a_place() {
        for (text, expected) in [
            ("2026-08-03 20:15", "2026-08-04T01:15:00Z"),
            ("2026-08-03", "2026-08-03T05:00:00Z"),
            ("2026-08-03T20:15:00Z", "2026-08-03T20:15:00Z"),
            ("2026-08-03T20:15:00-03:00", "2026-08-03T23:15:00Z"),
        ] {
            assert_eq!(moment(text, "America/Cancun").map(|moment| moment.to_string()), Ok(expected.to_owned()));
        }
        assert!(moment("tomorrow", "America/Cancun").unwrap_err().contains("2026-08-03 20:15"));
        assert!(moment("2026-08-03 20:15", "Cancun").unwrap_err().contains("America/Cancun"));
    }

    #[test]
    fn lengths_are_read_and_shown() {
        for (text, shown, seconds) in
            [("45s", "45s", 45), ("90m", "1h 30m", 5_400), ("2d", "2d", 172_800), ("1d 2h", "1d 2h", 93_600)]
        {
            let length = length(text).unwrap();
            assert_eq!((length.as_secs(), shown_length(length)), (seconds, shown.to_owned()), "{text}");
        }
        for text in ["", "soon", "-1h", "5"] {
            assert!(length(text).is_err(), "{text}");
        }
    }
}
