//! When somebody is there: days, times of day, holidays, in a time zone.

mod date;
mod time;

use recado_sdk::Failure;
use recado_sdk::clock::{DAY, HOUR, LocalTime, MINUTE, local};
use serde::{Deserialize, Serialize};

pub use date::{Date, Day};
pub use time::TimeOfDay;

/// How far ahead an opening is looked for.
const DAYS_AHEAD: u32 = 400;

/// Business hours. Without any, it is always open.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hours {
    /// Empty for the gateway's.
    pub time_zone: String,
    /// Empty for around the clock.
    pub open: Vec<Window>,
    /// Days without any hours.
    pub holidays: Vec<Date>,
}

/// A time of day on some days of the week. One that ends before it begins ends on the next day.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// All, if left out.
    #[serde(default = "Day::all")]
    pub days: Vec<Day>,
    pub from: TimeOfDay,
    pub to: TimeOfDay,
}

impl Hours {
    /// Whether it is open at a moment. The failure is an unknown time zone.
    pub fn is_open(&self, moment: f64, gateway_zone: &str) -> Result<bool, Failure> {
        if self.open.is_empty() && self.holidays.is_empty() {
            return Ok(true);
        }
        let today = self.show(moment, gateway_zone)?;
        let minute = today.minute_of_day();
        if self.windows(&today).any(|(from, to)| from <= minute && (minute < to || to <= from)) {
            return Ok(true);
        }
        // Midday is on the right day whatever the clocks are changed by.
        let yesterday = self.show(moment - f64::from(minute) * MINUTE - 12.0 * HOUR, gateway_zone)?;
        Ok(self.windows(&yesterday).any(|(from, to)| to <= from && minute < to))
    }

    /// The first moment from this one on at which it is open; nothing, if it stays closed for more
    /// than a year.
    pub fn next_opening(&self, moment: f64, gateway_zone: &str) -> Result<Option<f64>, Failure> {
        if self.is_open(moment, gateway_zone)? {
            return Ok(Some(moment));
        }
        let minute = self.show(moment, gateway_zone)?.minute_of_day();
        let midday = (moment / MINUTE).floor() * MINUTE + (12.0 * 60.0 - f64::from(minute)) * MINUTE;
        for day in 0..=DAYS_AHEAD {
            let midday = midday + f64::from(day) * DAY;
            let shown = self.show(midday, gateway_zone)?;
            let mut beginnings: Vec<u32> = self.windows(&shown).map(|(from, _)| from).collect();
            beginnings.sort_unstable();
            for from in beginnings {
                let opening = self.on_day_of(midday, &shown, from, gateway_zone)?;
                if opening > moment {
                    return Ok(Some(opening));
                }
            }
        }
        Ok(None)
    }

    /// The moment when the clocks show a minute of the day that some other moment is on.
    fn on_day_of(&self, other: f64, shown: &LocalTime, minute: u32, gateway_zone: &str) -> Result<f64, Failure> {
        let guess = other + (f64::from(minute) - f64::from(shown.minute_of_day())) * MINUTE;
        let changed = self.show(guess, gateway_zone)?.offset - shown.offset;
        Ok(guess - f64::from(changed) * MINUTE)
    }

    /// The minutes of the day between which it is open on a day.
    fn windows(&self, day: &LocalTime) -> impl Iterator<Item = (u32, u32)> {
        let holiday = self.holidays.iter().any(|date| date.is(day));
        let around_the_clock = (!holiday && self.open.is_empty()).then_some((0, TimeOfDay::MIDNIGHT));
        let weekday = day.weekday;
        let of_day =
            self.open.iter().filter(move |window| !holiday && window.days.iter().any(|day| day.number() == weekday));
        of_day.map(|window| (window.from.minute(), window.to.minute())).chain(around_the_clock)
    }

    fn show(&self, moment: f64, gateway_zone: &str) -> Result<LocalTime, Failure> {
        let zone = if self.time_zone.is_empty() { gateway_zone } else { &self.time_zone };
        local(moment, zone).ok_or_else(|| Failure::bad_config(format!("`{zone}` is no time zone (IANA)")))
    }
}

#[cfg(test)]
mod tests;
