//! Numbers that make something go wrong, so that people can try it by hand.
//!
//! A customer's number that ends in one of Twilio's error numbers meets that error: `+52 998 113 0003`
//! ends in 30003 and is a handset that is switched off. Twilio's own test numbers (`+1500555000x`) work
//! as they do with its test credentials.

use axum::http::StatusCode;

use super::errors::{self, Refusal};

/// What a carrier will make of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Delivered,
    /// It left, and the carrier reported this error.
    Undelivered(u32),
    /// It never left.
    Failed(u32),
}

/// Errors with which a request is refused at once.
const REFUSED: [u32; 5] = [21211, 21408, 21610, 21612, 21614];
/// Errors that carriers report later.
const UNDELIVERED: [u32; 6] = [30003, 30004, 30005, 30006, 30007, 30008];
/// Errors that a message meets in Twilio's own queue.
const FAILED: [u32; 2] = [30001, 30036];

/// Why nothing can be sent from `from`, one of Twilio's test numbers.
pub(super) fn refused_sender(from: &str) -> Option<Refusal> {
    match from {
        "+15005550001" => Some(invalid_sender(from)),
        "+15005550007" => Some(foreign_sender(from)),
        "+15005550008" => Some(Refusal::queue_full(StatusCode::BAD_REQUEST)),
        _ => None,
    }
}

/// Twilio's test number that may always send.
pub(super) fn is_test_sender(from: &str) -> bool {
    from == "+15005550006"
}

/// Why a request to send to `to` is refused.
pub(super) fn refused_recipient(from: &str, to: &str) -> Option<Refusal> {
    let code = refusal_code(to)?;
    let message = match code {
        21211 => return Some(invalid_recipient(to)),
        21408 => {
            format!("Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to}.")
        }
        21610 => "Attempt to send to unsubscribed recipient".to_owned(),
        21612 => format!(
            "The 'To' phone number: {to}, is not currently reachable using the 'From' phone number: {from} via SMS."
        ),
        21614 => format!("To number: {to}, is not a mobile number"),
        _ => errors::title(code).to_owned(),
    };
    Some(Refusal::invalid(code, message))
}

/// What becomes of a message to `to`. A reply by TwiML has no request that could be refused, so an error
/// that would refuse one makes it fail.
pub(super) fn fate(to: &str) -> Fate {
    if let Some(code) = refusal_code(to).or_else(|| ending(to, &FAILED)) {
        return Fate::Failed(code);
    }
    ending(to, &UNDELIVERED).map_or(Fate::Delivered, Fate::Undelivered)
}

pub(super) fn invalid_sender(from: &str) -> Refusal {
    let message =
        format!("The 'From' number {from} is not a valid phone number, shortcode, or alphanumeric sender ID.");
    Refusal::invalid(21212, message)
}

pub(super) fn foreign_sender(from: &str) -> Refusal {
    let message = format!(
        "The From phone number {from} is not a valid, SMS-capable inbound phone number or short code for your account."
    );
    Refusal::invalid(21606, message)
}

pub(super) fn invalid_recipient(to: &str) -> Refusal {
    Refusal::invalid(21211, format!("The 'To' number {to} is not a valid phone number."))
}

fn refusal_code(to: &str) -> Option<u32> {
    match to {
        "+15005550001" => Some(21211),
        "+15005550002" => Some(21612),
        "+15005550003" => Some(21408),
        "+15005550004" => Some(21610),
        "+15005550009" => Some(21614),
        _ => ending(to, &REFUSED),
    }
}

fn ending(to: &str, codes: &[u32]) -> Option<u32> {
    codes.iter().copied().find(|code| to.ends_with(&code.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_meets_the_error_that_it_ends_in() {
        let cases = [
            ("+529983162438", Fate::Delivered),
            ("+15005550006", Fate::Delivered),
            ("+529981130003", Fate::Undelivered(30003)),
            ("+529981130005", Fate::Undelivered(30005)),
            ("+529981130036", Fate::Failed(30036)),
            ("+529981121610", Fate::Failed(21610)),
            ("+15005550009", Fate::Failed(21614)),
        ];
        for (to, expected) in cases {
            assert_eq!(fate(to), expected, "{to}");
        }
    }

    #[test]
    fn every_error_has_a_title() {
        for code in REFUSED.into_iter().chain(UNDELIVERED).chain(FAILED).filter(|code| *code != 30008) {
            assert_ne!(errors::title(code), "Unknown error", "{code}");
        }
    }
}
