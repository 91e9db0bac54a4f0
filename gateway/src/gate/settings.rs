//! `[gate]`

use serde::Deserialize;

use super::hours::{Day, QuietHours};
use super::words;
use crate::message::Locale;
use crate::message::consent::Keyword;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub scope: Scope,
    pub confirm: Confirm,
    /// What quiet hours and caps do not keep.
    pub exempt: Vec<Exempt>,
    /// How long after a person's own message what is sent to them counts as a reply, in minutes.
    pub reply_minutes: u32,
    pub words: ByLanguage<OwnWords>,
    pub confirmations: ByLanguage<Confirmations>,
    pub quiet_hours: QuietSettings,
    pub caps: Caps,
}

/// How far an opting out reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The channel where it was said.
    #[default]
    Channel,
    /// All channels, and all addresses of the person.
    Business,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// Where the provider has not done it itself.
    #[default]
    Auto,
    Never,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exempt {
    /// What answers somebody, or follows soon after something that they wrote.
    Replies,
    /// What has the priority `high`.
    High,
    /// What confirms that somebody opted out: always, so that no settings name it.
    #[serde(skip)]
    Confirmations,
}

impl Exempt {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replies => "replies",
            Self::High => "high",
            Self::Confirmations => "confirmations",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// The most messages that nobody asked for, to one contact in 24 hours; 0 is no limit.
    pub per_day: u32,
    /// In seven days.
    pub per_week: u32,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByLanguage<T> {
    pub es: T,
    pub en: T,
}

impl<T> ByLanguage<T> {
    pub(super) fn of(&self, locale: Locale) -> &T {
        match locale {
            Locale::Es => &self.es,
            Locale::En => &self.en,
        }
    }
}

/// Words besides those that are built in.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnWords {
    pub opt_out: Vec<String>,
    pub opt_in: Vec<String>,
    pub help: Vec<String>,
}

impl OwnWords {
    pub(super) fn lists(&self) -> [(&'static str, Keyword, &[String]); 3] {
        [
            ("opt_out", Keyword::OptOut, &self.opt_out),
            ("opt_in", Keyword::OptIn, &self.opt_in),
            ("help", Keyword::Help, &self.help),
        ]
    }
}

/// What people are told; nothing is said where it is empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmations {
    pub opt_out: String,
    pub opt_in: String,
    pub help: String,
}

impl Confirmations {
    pub(super) fn of(&self, keyword: Keyword) -> &str {
        match keyword {
            Keyword::OptOut => &self.opt_out,
            Keyword::OptIn => &self.opt_in,
            Keyword::Help => &self.help,
        }
    }
}

/// `[gate.quiet_hours]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuietSettings {
    /// As in `21:00`. With no beginning there are none.
    pub from: Option<String>,
    pub to: Option<String>,
    /// On which days they begin; all, where none is named.
    pub days: Vec<Day>,
    pub action: Action,
}

/// What becomes of a message that would leave at night.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It leaves when they are over.
    #[default]
    Hold,
    Refuse,
}

impl QuietSettings {
    /// Nothing where there are none; or the key that is wrong, and why.
    pub(super) fn hours(&self) -> Result<Option<QuietHours>, (&'static str, String)> {
        let (from, to) = match (&self.from, &self.to) {
            (None, None) => return Ok(None),
            (Some(from), Some(to)) => (from, to),
            (Some(_), None) => return Err(("to", "is missing: `from` and `to` go together".to_owned())),
            (None, Some(_)) => return Err(("from", "is missing: `from` and `to` go together".to_owned())),
        };
        let time = |key, text: &str| {
            let problem = || (key, format!("is `{text}`, but must be a time of day, as in 21:00"));
            jiff::civil::Time::strptime("%H:%M", text.trim()).map_err(|_| problem())
        };
        let (from, to) = (time("from", from)?, time("to", to)?);
        if from == to {
            return Err(("to", "is the same time as `from`: nothing could ever be sent".to_owned()));
        }
        Ok(Some(QuietHours::new(from, to, &self.days)))
    }
}

impl Settings {
    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (String, String)> {
        words::check(&self.words)?;
        self.quiet_hours.hours().map_err(|(key, problem)| (format!("quiet_hours.{key}"), problem))?;
        let caps = self.caps;
        if caps.per_week > 0 && caps.per_day > caps.per_week {
            return Err(("caps.per_day".to_owned(), "is more than `per_week` allows".to_owned()));
        }
        Ok(())
    }
}
