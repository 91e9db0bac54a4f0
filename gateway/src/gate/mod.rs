//! The gate: what a text says about whether its sender wants messages, and whether somebody may be written to
//! now. Pure: facts in, a verdict out. It knows no database, provider or plugin, and never reads the time.
//!
//! It stands behind the last plugin. The store asks it in the transaction that stores a message, so that nobody
//! who writes to people comes past it, and no answer is older than what it is about.

mod hours;
mod refusal;
mod settings;
mod words;
mod zones;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::message::consent::{Heard, Keyword};
use crate::message::{Address, Consent, Locale, Priority};

pub use hours::QuietHours;
pub use refusal::{Refusal, Window};
pub use settings::{Action, Confirm, Exempt, Scope, Settings};
use words::Words;

/// Where the operator is at home, for what the settings leave open.
#[derive(Clone, Debug)]
pub struct Home<'a> {
    pub locale: Locale,
    /// An IANA name.
    pub time_zone: &'a str,
    /// An ISO 3166 code.
    pub region: &'a str,
}

/// The rules of one gateway.
#[derive(Clone, Debug)]
pub struct Rules {
    settings: Settings,
    words: Words,
    quiet: Option<QuietHours>,
    locale: Locale,
    time_zone: TimeZone,
    region: String,
}

/// What is known of a message and of whom it is for.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    pub recipient: &'a Address,
    /// It confirms the person's own opting out.
    pub confirms: bool,
    /// Since when the person wants no messages.
    pub opted_out: Option<Timestamp>,
    /// It answers something that the person wrote.
    pub reply: bool,
    /// When the person wrote last, on this channel.
    pub last_inbound_at: Option<Timestamp>,
    pub priority: Priority,
    /// What is noted of the person.
    pub time_zone: Option<&'a str>,
    /// What else they were sent, without being asked, in the day and in the week before.
    pub sent: Sent,
    /// When it is to leave.
    pub leaves: Timestamp,
    pub now: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    pub in_a_day: u32,
    pub in_a_week: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may leave; by an exemption, where a rule would have kept it.
    Allowed(Option<Exempt>),
    /// It is not to leave before then, when it is no longer night in that time zone.
    Held {
        until: Timestamp,
        time_zone: String,
    },
    Refused(Refusal),
}

impl Default for Rules {
    /// Consent alone, on its own channel.
    fn default() -> Self {
        Self::new(&Settings::default(), &Home { locale: Locale::Es, time_zone: "UTC", region: "MX" })
    }
}

impl Rules {
    /// Settings that were checked. What is wrong with them all the same counts as not said.
    pub fn new(settings: &Settings, home: &Home<'_>) -> Self {
        Self {
            words: Words::new(&settings.words),
            quiet: settings.quiet_hours.hours().ok().flatten(),
            settings: settings.clone(),
            locale: home.locale,
            time_zone: TimeZone::get(home.time_zone).unwrap_or(TimeZone::UTC),
            region: home.region.to_owned(),
        }
    }

    /// Whether an opting out on one channel counts on all of them, and for all of the person's addresses.
    pub fn is_business_wide(&self) -> bool {
        self.settings.scope == Scope::Business
    }

    /// Whether more than consent is asked about.
    pub fn looks_further(&self) -> bool {
        self.quiet.is_some() || self.has_caps()
    }

    pub fn has_caps(&self) -> bool {
        self.settings.caps.per_day > 0 || self.settings.caps.per_week > 0
    }

    /// What a text that came in says, and what the person allows by it. What the channel knows goes before: what
    /// its provider has `handled` was read, and answered, there.
    pub fn hear(&self, text: &str, consent: Option<Consent>, handled: bool) -> (Option<Heard>, Option<Consent>) {
        let read = self.words.read(text, self.locale);
        let told = consent.map(|consent| match consent.choice {
            crate::message::consent::Choice::OptedOut => Keyword::OptOut,
            crate::message::consent::Choice::OptedIn => Keyword::OptIn,
        });
        let keyword = if handled { told } else { told.or(read.map(|(keyword, _)| keyword)) };
        let Some(keyword) = keyword else { return (None, consent) };
        let locale = read.filter(|(word, _)| *word == keyword).map_or(self.locale, |(_, locale)| locale);
        let confirm = !handled && self.confirmation(keyword, locale).is_some();
        (Some(Heard { keyword, locale, confirm }), consent.or_else(|| words::consent(keyword)))
    }

    /// What the person is told; nothing where the operator wants nothing said.
    pub fn confirmation(&self, keyword: Keyword, locale: Locale) -> Option<&str> {
        if self.settings.confirm == Confirm::Never {
            return None;
        }
        let text = self.settings.confirmations.of(locale).of(keyword);
        Some(text).filter(|text| !text.trim().is_empty())
    }

    /// Whether a message may leave, and when.
    pub fn judge(&self, facts: &Facts<'_>) -> Verdict {
        if facts.confirms {
            return Verdict::Allowed(Some(Exempt::Confirmations));
        }
        if let Some(since) = facts.opted_out {
            return Verdict::Refused(Refusal::OptedOut { since, everywhere: self.is_business_wide() });
        }
        let kept = self.over_the_cap(facts).or_else(|| self.at_night(facts));
        match (kept, self.exempt(facts)) {
            (None, _) => Verdict::Allowed(None),
            (Some(_), Some(exempt)) => Verdict::Allowed(Some(exempt)),
            (Some(verdict), None) => verdict,
        }
    }

    fn over_the_cap(&self, facts: &Facts<'_>) -> Option<Verdict> {
        let caps = self.settings.caps;
        let over = |cap: u32, sent: u32| cap > 0 && sent >= cap;
        let (window, limit) = if over(caps.per_day, facts.sent.in_a_day) {
            (Window::Day, caps.per_day)
        } else if over(caps.per_week, facts.sent.in_a_week) {
            (Window::Week, caps.per_week)
        } else {
            return None;
        };
        Some(Verdict::Refused(Refusal::FrequencyCap { limit, window }))
    }

    fn at_night(&self, facts: &Facts<'_>) -> Option<Verdict> {
        let quiet = self.quiet.as_ref()?;
        let zone = self.zone(facts);
        let until = quiet.until(facts.leaves, &zone)?;
        let time_zone = zone.iana_name().unwrap_or("UTC").to_owned();
        Some(match self.settings.quiet_hours.action {
            Action::Hold => Verdict::Held { until, time_zone },
            Action::Refuse => Verdict::Refused(Refusal::QuietHours { until, time_zone }),
        })
    }

    /// When the night begins that a message must not leave in, which may leave from then on; and by which clock.
    pub fn night(&self, facts: &Facts<'_>, leaves: Timestamp) -> Option<(Timestamp, String)> {
        let quiet = self.quiet.as_ref()?;
        if facts.confirms || self.exempt(facts).is_some() {
            return None;
        }
        let zone = self.zone(facts);
        let name = zone.iana_name().unwrap_or("UTC").to_owned();
        Some((quiet.after(leaves, &zone)?, name))
    }

    /// Of something that waited longer than it was to: until when it is night, if it is, and when it is next.
    pub fn nights(&self, at: Timestamp, time_zone: &str) -> (Option<Timestamp>, Option<Timestamp>) {
        let Some(quiet) = &self.quiet else { return (None, None) };
        let zone = TimeZone::get(time_zone).unwrap_or_else(|_| self.time_zone.clone());
        let until = quiet.until(at, &zone);
        (until, quiet.after(until.unwrap_or(at), &zone))
    }

    pub fn has_nights(&self) -> bool {
        self.quiet.is_some()
    }

    /// What is noted of the person, else their number's country where that has one time, else ours.
    fn zone(&self, facts: &Facts<'_>) -> TimeZone {
        let noted = facts.time_zone.and_then(|name| TimeZone::get(name.trim()).ok());
        let by_number = || zones::of(facts.recipient, &self.region).and_then(|name| TimeZone::get(name).ok());
        noted.or_else(by_number).unwrap_or_else(|| self.time_zone.clone())
    }

    fn exempt(&self, facts: &Facts<'_>) -> Option<Exempt> {
        let has = |exempt| self.settings.exempt.contains(&exempt);
        let within = i64::from(self.settings.reply_minutes) * 60;
        let just_wrote =
            facts.last_inbound_at.is_some_and(|last| facts.leaves.as_second() - last.as_second() <= within);
        if has(Exempt::Replies) && (facts.reply || just_wrote) {
            Some(Exempt::Replies)
        } else if has(Exempt::High) && facts.priority == Priority::High {
            Some(Exempt::High)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
