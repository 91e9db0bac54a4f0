//! How fast Twilio sends by a sender, as its documentation has it: by what kind of number it is.

use crate::message::{Address, phone};

/// A number of the US or Canada, without more throughput by registration or contract.
const NORTH_AMERICAN: f64 = 1.0;
/// A toll-free number of the US or Canada.
const TOLL_FREE: f64 = 3.0;
/// Any other number, also in Mexico, and names.
const OTHERS: f64 = 10.0;
const SHORT_CODE: f64 = 100.0;
/// A Messaging Service; how many numbers it has is not known here.
const SERVICE: f64 = 10.0;

/// In segments a second.
pub(super) fn segments_per_s(sender: &Address) -> f64 {
    let sender = sender.as_str();
    if sender.starts_with("MG") && sender.len() == 34 {
        return SERVICE;
    }
    if (3..=8).contains(&sender.len()) && sender.bytes().all(|byte| byte.is_ascii_digit()) {
        return SHORT_CODE;
    }
    // The other countries with that code are counted like the US: rather too slow than too fast.
    if !sender.starts_with("+1") {
        return OTHERS;
    }
    match phone::inspect(sender, "US").kind {
        phone::Kind::TollFree => TOLL_FREE,
        _ => NORTH_AMERICAN,
    }
}

/// Queue overflow, also that of a Messaging Service, too many requests, and the rate of an A2P 10DLC campaign.
pub(super) fn is_too_fast(code: i32) -> bool {
    matches!(code, 20429 | 21611 | 30001 | 30022)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_sender_tells_how_fast_it_sends() {
        let cases = [
            ("+529983162438", 10.0),
            ("+447700900123", 10.0),
            ("RECADO", 10.0),
            ("whatsapp:+14155550100", 10.0),
            ("MG0123456789abcdef0123456789abcdef", 10.0),
            ("+14155550100", 1.0),
            ("+15005550006", 1.0),
            ("+18005550199", 3.0),
            ("+18885550199", 3.0),
            ("22395", 100.0),
            ("", 10.0),
        ];
        for (sender, rate) in cases {
            assert!((segments_per_s(&Address::received(sender)) - rate).abs() < 1e-9, "{sender}");
        }
    }
}
