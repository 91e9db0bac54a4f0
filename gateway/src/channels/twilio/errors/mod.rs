//! Twilio's error codes: what each one asks for, and what an operator can do about it.
//!
//! Codes come with the answer to a request, later with a status report, and with what Twilio's console says
//! about our webhooks; one table serves them all.
//! It must not know how a code came to us, nor what is done about it: that is for who asks.

mod account;
mod delivery;
mod lookup;
mod requests;
mod scheduling;
#[cfg(test)]
mod tests;
mod webhooks;
mod whatsapp;

use std::time::Duration;

use crate::channels::{Explanation, Scope};
use crate::message::Locale;

/// What is to be done with the message that got an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// As it is, it will never go to this recipient.
    Permanent,
    /// It won't go until something is set right: here, at Twilio or at a carrier.
    Configuration,
    /// Nothing goes from this account or with these settings, whatever the message, until they are set right.
    Account,
    /// Nothing goes from the sender or by the service, until they are set right.
    Sender,
    /// It was not sent, and for now neither will be anything else: of the sender, or of the account.
    Busy(Scope),
    /// It was not sent or did not arrive; worth another try, after the given time if one is named.
    RetryLater(Option<Duration>),
    /// The recipient does not want messages.
    OptedOut,
    /// It may have been sent. Never resent blindly.
    Ambiguous,
    /// Nothing: a remark on a message that goes its way.
    Notice,
}

impl Advice {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Configuration | Self::Sender => "configuration",
            Self::Account => "account",
            Self::RetryLater(_) | Self::Busy(_) => "retry_later",
            Self::OptedOut => "opted_out",
            Self::Ambiguous => "ambiguous",
            Self::Notice => "notice",
        }
    }

    fn pause(self) -> Option<Duration> {
        match self {
            Self::RetryLater(pause) => pause,
            Self::Busy(Scope::Sender) => Some(MINUTE),
            _ => None,
        }
    }
}

/// An error code that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    pub code: i32,
    pub advice: Advice,
    spanish: Words,
    english: Words,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Words {
    title: &'static str,
    remedy: &'static str,
}

impl Known {
    /// What went wrong, in a few words.
    pub fn title(&self, locale: Locale) -> &'static str {
        self.explanation(locale).title
    }

    /// What an operator can do about it, in a sentence or two.
    pub fn remedy(&self, locale: Locale) -> &'static str {
        self.explanation(locale).remedy
    }

    /// How long to wait where the answer doesn't say.
    pub fn pause(&self) -> Option<Duration> {
        self.advice.pause()
    }

    /// How much can't be sent while there is this error.
    pub fn fault(&self) -> Option<Scope> {
        match self.advice {
            Advice::Account => Some(Scope::Channel),
            Advice::Sender => Some(Scope::Sender),
            _ => None,
        }
    }

    pub fn explanation(&self, locale: Locale) -> Explanation {
        let Words { title, remedy } = match locale {
            Locale::Es => self.spanish,
            Locale::En => self.english,
        };
        let retry_after_s = self.advice.pause().map(|pause| pause.as_secs());
        Explanation { title, remedy, advice: self.advice.word(), retry_after_s }
    }
}

/// What is known of a code.
pub fn known(code: i32) -> Option<&'static Known> {
    all().find(|known| known.code == code)
}

fn all() -> impl Iterator<Item = &'static Known> {
    TABLES.into_iter().flatten()
}

const TABLES: [&[Known]; 7] = [
    account::TABLE,
    requests::TABLE,
    scheduling::TABLE,
    delivery::TABLE,
    whatsapp::TABLE,
    lookup::TABLE,
    webhooks::TABLE,
];

/// How long to leave a full queue alone, and a sender that was too fast.
const MINUTE: Duration = Duration::from_mins(1);
/// For a number of messages that goes down as they leave.
const HOUR: Duration = Duration::from_hours(1);
/// How long Twilio stops a loop.
const HALF_A_MINUTE: Duration = Duration::from_secs(30);
/// For limits that count by the day, wherever that day begins.
const DAY: Duration = Duration::from_hours(24);

/// Makes a table of codes. Each has its advice, and a title and a remedy in either language.
macro_rules! table {
    ($($code:literal $advice:ident $(($pause:expr))?;
        es $title_es:literal $remedy_es:literal
        en $title_en:literal $remedy_en:literal
    )*) => {
        pub(super) const TABLE: &[super::Known] = &[$(super::Known {
            code: $code,
            advice: super::Advice::$advice $(($pause))?,
            spanish: super::Words { title: $title_es, remedy: $remedy_es },
            english: super::Words { title: $title_en, remedy: $remedy_en },
        }),*];
    };
}
use table;
