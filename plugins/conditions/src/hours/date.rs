//! Days of the week, and days of a year or of every year.

use recado_sdk::clock::LocalTime;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Day {
    pub fn all() -> Vec<Self> {
        vec![Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun]
    }

    /// 1 is Monday.
    pub(super) fn number(self) -> u32 {
        self as u32 + 1
    }
}

/// A day: `2026-12-24`, or `12-25` of every year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date {
    year: Option<u32>,
    month: u32,
    day: u32,
}

impl Date {
    pub(super) fn is(&self, local: &LocalTime) -> bool {
        self.year.is_none_or(|year| year == local.year) && (self.month, self.day) == (local.month, local.day)
    }
}

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let read = || {
            let (year, rest) = if text.len() == "12-25".len() {
                (None, text.as_str())
            } else {
                let (year, rest) = text.split_once('-')?;
                (Some(digits(year, 4)?), rest)
            };
            let (month, day) = rest.split_once('-')?;
            let (month, day) = (digits(month, 2)?, digits(day, 2)?);
            ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(Self { year, month, day })
        };
        read().ok_or_else(|| format!("`{text}` is no day: write 2026-12-24, or 12-25 for every year"))
    }
}

impl From<Date> for String {
    fn from(Date { year, month, day }: Date) -> Self {
        year.map_or_else(|| format!("{month:02}-{day:02}"), |year| format!("{year:04}-{month:02}-{day:02}"))
    }
}

/// A number of so many digits.
pub(super) fn digits(text: &str, length: usize) -> Option<u32> {
    (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}
