//! Opting out and in: by Twilio's own word for it, by a person's, by an error.
//!
//! Reads and says; what comes of it (nothing more is sent) is decided elsewhere.

use super::errors::{Advice, known};
use crate::message::consent::{Choice, Source};
use crate::message::{Consent, Status};

/// What Twilio calls a message to somebody who opted out.
const OPTED_OUT: i32 = 21610;

/// Twilio's default words, each of which counts only as the whole message.
const STOP: [&str; 8] = ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"];
const START: [&str; 3] = ["START", "YES", "UNSTOP"];

/// What an inbound message says. `kind` is Twilio's own reading of it, which goes before ours: a
/// Messaging Service may have other words than the default ones.
pub(super) fn of_message(kind: Option<&str>, sender: &str, text: &str) -> Option<Consent> {
    let (choice, source) = match kind {
        Some(kind) if kind.eq_ignore_ascii_case("STOP") => (Choice::OptedOut, Source::Provider),
        Some(kind) if kind.eq_ignore_ascii_case("START") => (Choice::OptedIn, Source::Provider),
        // HELP, which changes nothing.
        Some(_) => return None,
        // The default words are those of SMS; what Twilio does with them elsewhere is not known.
        None if sender.contains(':') => return None,
        None => (choice(text)?, Source::Message),
    };
    Some(Consent { choice, source, code: Some(OPTED_OUT) })
}

fn choice(text: &str) -> Option<Choice> {
    let word = text.trim();
    let among = |words: &[&str]| words.iter().any(|known| known.eq_ignore_ascii_case(word));
    if among(&STOP) {
        Some(Choice::OptedOut)
    } else if among(&START) {
        Some(Choice::OptedIn)
    } else {
        None
    }
}

/// What a report says: that a message did not go because the person wants none. A code that may
/// have other reasons too, such as 30004, says nothing.
pub(super) fn of_report(status: Status, code: Option<i32>) -> Option<Consent> {
    let code = code.filter(|_| matches!(status, Status::Failed | Status::Undelivered))?;
    let opted_out = known(code).is_some_and(|known| known.advice == Advice::OptedOut);
    opted_out.then_some(Consent { choice: Choice::OptedOut, source: Source::Provider, code: Some(code) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(kind: Option<&str>, sender: &str, text: &str) -> Option<(Choice, Source)> {
        of_message(kind, sender, text).map(|consent| (consent.choice, consent.source))
    }

    #[test]
    fn a_word_counts_only_alone() {
        let out = Some((Choice::OptedOut, Source::Message));
        let back = Some((Choice::OptedIn, Source::Message));
        for word in STOP {
            assert_eq!(said(None, "+14017122661", word), out, "{word}");
        }
        for word in START {
            assert_eq!(said(None, "+14017122661", word), back, "{word}");
        }
        let cases = [
            ("stop", out),
            (" Stop\n", out),
            ("unStop", back),
            ("please stop", None),
            ("STOP.", None),
            ("stop all", None),
            ("HELP", None),
            ("INFO", None),
            ("", None),
            ("no", None),
        ];
        for (text, expected) in cases {
            assert_eq!(said(None, "+14017122661", text), expected, "{text:?}");
            assert_eq!(said(None, "whatsapp:+14017122661", text), None, "{text:?}");
        }
    }

    #[test]
    fn twilios_own_reading_goes_before_ours() {
        let cases = [
            (Some("STOP"), "basta", Some((Choice::OptedOut, Source::Provider))),
            (Some("stop"), "START", Some((Choice::OptedOut, Source::Provider))),
            (Some("START"), "alta", Some((Choice::OptedIn, Source::Provider))),
            (Some("HELP"), "STOP", None),
            (Some("NEW"), "STOP", None),
        ];
        for (kind, text, expected) in cases {
            assert_eq!(said(kind, "+14017122661", text), expected, "{kind:?} {text}");
            assert_eq!(said(kind, "whatsapp:+14017122661", text), expected, "{kind:?} {text}");
        }
    }

    #[test]
    fn only_a_failure_by_the_persons_wish_counts() {
        let cases = [
            (Status::Failed, Some(21610), true),
            (Status::Undelivered, Some(21610), true),
            (Status::Undelivered, Some(63014), true),
            (Status::Sent, Some(21610), false),
            (Status::Delivered, Some(21610), false),
            (Status::Undelivered, Some(30004), false),
            (Status::Undelivered, Some(63033), false),
            (Status::Failed, None, false),
        ];
        for (status, code, expected) in cases {
            let expected = expected.then_some((Choice::OptedOut, code));
            let said = of_report(status, code).map(|consent| (consent.choice, consent.code));
            assert_eq!(said, expected, "{status} {code:?}");
        }
    }
}
