//! The hours in which people are left alone, by their own clocks.

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use serde::Deserialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Day {
    fn is(self, weekday: Weekday) -> bool {
        let day = match self {
            Self::Monday => Weekday::Monday,
            Self::Tuesday => Weekday::Tuesday,
            Self::Wednesday => Weekday::Wednesday,
            Self::Thursday => Weekday::Thursday,
            Self::Friday => Weekday::Friday,
            Self::Saturday => Weekday::Saturday,
            Self::Sunday => Weekday::Sunday,
        };
        day == weekday
    }
}

/// From one time of day to another, on some days; over midnight, where the end comes before the beginning.
#[derive(Clone, Debug)]
pub struct QuietHours {
    from: Time,
    to: Time,
    /// On which they begin; none is all.
    days: Vec<Day>,
}

impl QuietHours {
    pub(super) fn new(from: Time, to: Time, days: &[Day]) -> Self {
        Self { from, to, days: days.to_vec() }
    }

    /// When they end that this moment is in, for somebody whose clock shows the time of this zone.
    pub fn until(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let local = zone.to_datetime(at);
        let (date, time) = (local.date(), local.time());
        let last_day = if self.from < self.to {
            (self.begin_on(date) && self.from <= time && time < self.to).then_some(date)
        } else if time >= self.from {
            self.begin_on(date).then(|| date.tomorrow().ok()).flatten()
        } else {
            (time < self.to && date.yesterday().is_ok_and(|before| self.begin_on(before))).then_some(date)
        };
        self.end(last_day?, at, zone)
    }

    /// When they begin next, after this moment.
    pub fn after(&self, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut date = zone.to_datetime(at).date();
        // A week from now it is the same day, and one day may have passed.
        for _ in 0..=8 {
            let begins = zone.to_ambiguous_timestamp(date.to_datetime(self.from)).compatible().ok()?;
            if self.begin_on(date) && begins > at {
                return Some(begins);
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn begin_on(&self, date: Date) -> bool {
        self.days.is_empty() || self.days.iter().any(|day| day.is(date.weekday()))
    }

    /// Where clocks are set forward over the end, a little later; where they are set back over it, the first time
    /// that clocks show it, unless that is over.
    fn end(&self, date: Date, at: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let shown = zone.to_ambiguous_timestamp(date.to_datetime(self.to));
        let first = shown.compatible().ok()?;
        if first > at { Some(first) } else { shown.later().ok().filter(|later| *later > at) }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use proptest::prelude::*;

    use super::*;

    fn hours(from: &str, to: &str, days: &[Day]) -> QuietHours {
        let time = |text| Time::strptime("%H:%M", text).unwrap();
        QuietHours::new(time(from), time(to), days)
    }

    /// The end, as that clock shows it.
    fn until(hours: &QuietHours, at: &str, zone: &str) -> Option<String> {
        let zone = TimeZone::get(zone).unwrap();
        let at: Timestamp = at.parse().unwrap();
        hours.until(at, &zone).map(|until| until.to_zoned(zone).strftime("%a %H:%M %:z").to_string())
    }

    #[test]
    fn they_end_by_the_persons_own_clock() {
        let night = hours("21:00", "08:00", &[]);
        // Tuesday, 1 December 2026.
        let cases = [
            ("2026-12-02T01:59:59Z", "America/Cancun", None),
            ("2026-12-02T02:00:00Z", "America/Cancun", Some("Wed 08:00 -05:00")),
            ("2026-12-02T05:30:00Z", "America/Cancun", Some("Wed 08:00 -05:00")),
            ("2026-12-02T12:59:59Z", "America/Cancun", Some("Wed 08:00 -05:00")),
            ("2026-12-02T13:00:00Z", "America/Cancun", None),
            ("2026-12-02T13:00:00Z", "America/Tijuana", Some("Wed 08:00 -08:00")),
            ("2026-12-02T13:00:00Z", "Europe/Madrid", None),
            ("2026-12-02T20:00:00Z", "Europe/Madrid", Some("Thu 08:00 +01:00")),
            ("2026-12-02T18:15:00Z", "Asia/Kathmandu", Some("Thu 08:00 +05:45")),
        ];
        for (at, zone, expected) in cases {
            assert_eq!(until(&night, at, zone).as_deref(), expected, "{at} in {zone}");
        }
        let noon = hours("13:00", "15:00", &[]);
        assert_eq!(until(&noon, "2026-12-02T13:30:00Z", "Europe/Madrid").as_deref(), Some("Wed 15:00 +01:00"));
        assert_eq!(until(&noon, "2026-12-02T14:00:00Z", "Europe/Madrid"), None);
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let weekend = hours("21:00", "08:00", &[Day::Friday, Day::Saturday]);
        // Friday is 4 December 2026.
        let cases = [
            ("2026-12-04T05:00:00Z", None),
            ("2026-12-05T05:00:00Z", Some("Sat 08:00 -05:00")),
            ("2026-12-06T12:00:00Z", Some("Sun 08:00 -05:00")),
            ("2026-12-07T05:00:00Z", None),
            ("2026-12-07T12:00:00Z", None),
        ];
        for (at, expected) in cases {
            assert_eq!(until(&weekend, at, "America/Cancun").as_deref(), expected, "{at}");
        }
    }

    #[test]
    fn clocks_that_are_set_forward_or_back_change_how_long_a_night_is() {
        // On 29 March 2026, Madrid goes from 02:00 to 03:00; on 25 October from 03:00 back to 02:00.
        let night = hours("21:00", "08:00", &[]);
        assert_eq!(until(&night, "2026-03-28T22:00:00Z", "Europe/Madrid").as_deref(), Some("Sun 08:00 +02:00"));
        assert_eq!(until(&night, "2026-10-24T22:00:00Z", "Europe/Madrid").as_deref(), Some("Sun 08:00 +01:00"));
        let skipped = hours("21:00", "02:30", &[]);
        assert_eq!(until(&skipped, "2026-03-28T22:00:00Z", "Europe/Madrid").as_deref(), Some("Sun 03:30 +02:00"));
        let twice = hours("21:00", "02:30", &[]);
        // The first time that clocks show it; and for what comes between the two, the second.
        assert_eq!(until(&twice, "2026-10-25T00:15:00Z", "Europe/Madrid").as_deref(), Some("Sun 02:30 +02:00"));
        assert_eq!(until(&twice, "2026-10-25T01:15:00Z", "Europe/Madrid").as_deref(), Some("Sun 02:30 +01:00"));
    }

    proptest! {
        #[test]
        fn they_end_within_a_day_and_nothing_is_quiet_then(
            second in 1_700_000_000_i64..2_000_000_000,
            from in 0_i8..24, to in 0_i8..24, minute in 0_i8..60,
            zone in prop::sample::select(vec![
                "America/Cancun", "America/New_York", "Europe/Madrid", "Australia/Lord_Howe", "Asia/Kathmandu",
                "America/Santiago", "Africa/Casablanca", "Pacific/Apia", "UTC",
            ]),
        ) {
            prop_assume!(from != to);
            let hours = QuietHours::new(Time::new(from, minute, 0, 0).unwrap(), Time::new(to, minute, 0, 0).unwrap(), &[]);
            let zone = TimeZone::get(zone).unwrap();
            let at = Timestamp::from_second(second).unwrap();
            let local = zone.to_datetime(at).time();
            let (from, to) = (hours.from, hours.to);
            let quiet = if from < to { from <= local && local < to } else { local >= from || local < to };
            let until = hours.until(at, &zone);
            prop_assert_eq!(until.is_some(), quiet);
            let next = hours.after(at, &zone).unwrap();
            prop_assert!(next > at && next.duration_since(at) <= SignedDuration::from_hours(49));
            // Where clocks are set forward over the beginning, they show another time.
            prop_assert!(hours.until(next, &zone).is_some() || zone.to_datetime(next).time() != from);
            if let Some(until) = until {
                prop_assert!(until > at && until.duration_since(at) <= SignedDuration::from_hours(25));
                let shown = zone.to_datetime(until);
                // Where clocks are set over the end, they show it twice or never.
                let odd = zone.to_ambiguous_timestamp(shown.date().to_datetime(to)).is_ambiguous();
                let just_before = until - SignedDuration::from_secs(1);
                prop_assert!(odd || just_before <= at || hours.until(just_before, &zone).is_some());
                prop_assert!(odd || shown.time() == to);
            }
        }
    }
}
