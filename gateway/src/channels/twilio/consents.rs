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
const HELP: [&str; 2] = ["HELP", "INFO"];

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

/// Whether Twilio has read a text as one of its words, and answered the person: by its own account, or since it
/// is one of the default words, to which it answers for all numbers but short codes outside a service.
pub(super) fn handles(kind: Option<&str>, sender: &str, recipient: &str, service: Option<&str>, text: &str) -> bool {
    if kind.is_some() {
        return true;
    }
    let short_code = (3..=8).contains(&recipient.len()) && recipient.bytes().all(|byte| byte.is_ascii_digit());
    let word = text.trim();
    let is_known = [&STOP[..], &START, &HELP].concat().iter().any(|known| known.eq_ignore_ascii_case(word));
    is_known && !sender.contains(':') && (!short_code || service.is_some())
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
    fn twilio_answers_its_own_words_alone() {
        const NUMBER: &str = "+529983162438";
        let ana = "+529981122334";
        let cases = [
            (None, ana, NUMBER, None, " stop\n", true),
            (None, ana, NUMBER, None, "HELP", true),
            (None, ana, NUMBER, None, "Yes", true),
            (None, ana, NUMBER, None, "STOP.", false),
            (None, ana, NUMBER, None, "ALTO", false),
            (None, ana, NUMBER, None, "hola", false),
            (None, ana, "22395", None, "STOP", false),
            (None, ana, "22395", Some("MG1"), "STOP", true),
            (None, "whatsapp:+529981122334", "whatsapp:+529983162438", None, "STOP", false),
            (Some("STOP"), ana, "22395", None, "ya no", true),
            (Some("HELP"), "whatsapp:+529981122334", "whatsapp:+529983162438", None, "AYUDA", true),
        ];
        for (kind, sender, recipient, service, text, expected) in cases {
            assert_eq!(handles(kind, sender, recipient, service, text), expected, "{kind:?} {recipient} {text:?}");
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
