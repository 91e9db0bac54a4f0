//! The words by which people stop and start messages, and what Twilio answers to them. Pure.

use serde::{Deserialize, Serialize};

const STOP: [&str; 8] = ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"];
const START: [&str; 3] = ["START", "YES", "UNSTOP"];
const HELP: [&str; 2] = ["HELP", "INFO"];

/// What a person asks for with a single word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Keyword {
    Stop,
    Start,
    Help,
}

/// Who handles the words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Handling {
    /// Twilio, as for every number: requests to send to whoever stopped are refused at once.
    #[default]
    Default,
    /// Twilio, which also tells the webhook the word's meaning; sends fail later.
    Advanced,
    /// Nobody, as for a short code.
    Off,
}

impl Keyword {
    /// The word that is the whole message, in any case of letters.
    pub(super) fn of(text: &str) -> Option<Self> {
        let word = text.trim();
        let among = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
        if among(&STOP) {
            Some(Self::Stop)
        } else if among(&START) {
            Some(Self::Start)
        } else if among(&HELP) {
            Some(Self::Help)
        } else {
            None
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Start => "START",
            Self::Help => "HELP",
        }
    }

    /// Twilio's own answer, which the application can't prevent.
    pub(super) fn answer(self) -> &'static str {
        match self {
            Self::Stop => {
                "You have successfully been unsubscribed. You will not receive any more messages from this number. \
                 Reply START to resubscribe."
            }
            Self::Start => {
                "You have successfully been re-subscribed to messages from this number. Reply HELP for help. \
                 Reply STOP to unsubscribe. Msg&Data Rates May Apply."
            }
            Self::Help => "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_word_alone_counts() {
        let cases = [
            ("STOP", Some(Keyword::Stop)),
            (" stop\n", Some(Keyword::Stop)),
            ("OptOut", Some(Keyword::Stop)),
            ("revoke", Some(Keyword::Stop)),
            ("Yes", Some(Keyword::Start)),
            ("unstop", Some(Keyword::Start)),
            ("info", Some(Keyword::Help)),
            ("please stop", None),
            ("STOP.", None),
            ("stop all", None),
            ("ALTO", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(Keyword::of(text), expected, "{text}");
        }
    }
}
