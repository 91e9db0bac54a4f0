//! Times of day.

use serde::{Deserialize, Serialize};

use super::date::digits;

/// A time of day: `00:00` to `24:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u32);

impl TimeOfDay {
    /// The last, in minutes.
    pub(super) const MIDNIGHT: u32 = 24 * 60;

    pub(super) fn minute(self) -> u32 {
        self.0
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let (hour, minute) = text.split_once(':')?;
            let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
            let minutes = hour * 60 + minute;
            (minute < 60 && minutes <= Self::MIDNIGHT).then_some(Self(minutes))
        };
        read().ok_or_else(|| format!("`{text}` is no time of day: write 09:00, or 24:00 for midnight"))
    }
}

impl From<TimeOfDay> for String {
    fn from(TimeOfDay(minutes): TimeOfDay) -> Self {
        format!("{:02}:{:02}", minutes / 60, minutes % 60)
    }
}
