//! Times as people read them, at the place that the gateway works for.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::words::Words;
use crate::message::Locale;

const MONTHS: [(&str, &str); 12] = [
    ("ene", "Jan"),
    ("feb", "Feb"),
    ("mar", "Mar"),
    ("abr", "Apr"),
    ("may", "May"),
    ("jun", "Jun"),
    ("jul", "Jul"),
    ("ago", "Aug"),
    ("sep", "Sep"),
    ("oct", "Oct"),
    ("nov", "Nov"),
    ("dic", "Dec"),
];

/// How times are shown to somebody, now.
pub(super) struct Times {
    pub(super) words: &'static Words,
    pub(super) zone: TimeZone,
    pub(super) now: Timestamp,
}

impl Times {
    fn at(&self, time: Timestamp) -> Zoned {
        time.to_zoned(self.zone.clone())
    }

    /// `14:05`
    pub(super) fn clock(&self, time: Timestamp) -> String {
        let at = self.at(time);
        format!("{:02}:{:02}", at.hour(), at.minute())
    }

    /// `Hoy`, `Ayer`, `3 nov`, `3 nov 2025`
    pub(super) fn day(&self, time: Timestamp) -> String {
        let (at, now) = (self.at(time), self.at(self.now));
        if at.date() == now.date() {
            return self.words.today.to_owned();
        }
        if now.date().yesterday().is_ok_and(|yesterday| yesterday == at.date()) {
            return self.words.yesterday.to_owned();
        }
        self.date(&at, at.year() == now.year())
    }

    fn date(&self, at: &Zoned, this_year: bool) -> String {
        let place = usize::try_from(at.month() - 1).unwrap_or(0);
        let (es, en) = MONTHS.get(place).copied().unwrap_or_default();
        let month = if self.words.locale() == Locale::Es { es } else { en };
        if this_year { format!("{} {month}", at.day()) } else { format!("{} {month} {}", at.day(), at.year()) }
    }

    /// The clock of today, the day of others.
    pub(super) fn short(&self, time: Timestamp) -> String {
        if self.at(time).date() == self.at(self.now).date() { self.clock(time) } else { self.day(time) }
    }

    /// `3 nov 14:05`
    pub(super) fn full(&self, time: Timestamp) -> String {
        let at = self.at(time);
        format!("{} {}", self.date(&at, at.year() == self.at(self.now).year()), self.clock(time))
    }

    /// The day that is so many days after the first of 1970.
    pub(super) fn of_day(&self, day: i64) -> String {
        let noon = Timestamp::from_second(day * 86_400 + 43_200).unwrap_or_default();
        self.date(&noon.to_zoned(TimeZone::UTC), true)
    }

    /// What somebody means who writes `2026-11-30T09:00` here.
    pub(super) fn read(&self, text: &str) -> Option<Timestamp> {
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        Some(civil.to_zoned(self.zone.clone()).ok()?.timestamp())
    }
}

/// `850 ms`, `3.2 s`, `4 min`
pub(super) fn length(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..120_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => format!("{} min", millis / 60_000),
    }
}

/// `120 µs`, and from a millisecond on as above.
pub(super) fn micros(micros: u64) -> String {
    if micros < 1_000 { format!("{micros} µs") } else { length(micros / 1_000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(locale: Locale) -> Times {
        let now = "2026-11-29T03:00:00Z".parse().unwrap();
        Times { words: Words::of(locale), zone: TimeZone::get("America/Cancun").unwrap(), now }
    }

    #[test]
    fn times_are_those_of_the_place_and_in_the_language() {
        let (es, en) = (times(Locale::Es), times(Locale::En));
        // It is still the evening of the 28th there.
        let cases = [
            ("2026-11-29T02:05:00Z", "21:05", "Hoy", "Today", "28 nov 21:05"),
            ("2026-11-28T04:59:00Z", "Ayer", "Ayer", "Yesterday", "27 nov 23:59"),
            ("2026-01-03T12:00:00Z", "3 ene", "3 ene", "3 Jan", "3 ene 07:00"),
            ("2025-08-03T12:00:00Z", "3 ago 2025", "3 ago 2025", "3 Aug 2025", "3 ago 2025 07:00"),
        ];
        for (time, short, day, english, full) in cases {
            let time: Timestamp = time.parse().unwrap();
            assert_eq!((es.short(time).as_str(), es.day(time).as_str()), (short, day));
            assert_eq!((en.day(time).as_str(), es.full(time).as_str()), (english, full));
        }
        assert_eq!(es.read("2026-11-30T09:00"), Some("2026-11-30T14:00:00Z".parse().unwrap()));
        assert_eq!(es.read("mañana"), None);
    }

    #[test]
    fn lengths_are_short() {
        for (millis, expected) in [(0, "0 ms"), (999, "999 ms"), (3_250, "3.2 s"), (240_000, "4 min")] {
            assert_eq!(length(millis), expected);
        }
        assert_eq!([micros(999), micros(1_999)], ["999 µs", "1 ms"]);
    }
}
