//! Other people's words, without the phone numbers in them.

use super::Address;

/// How many digits make a phone number: E.164 has none with fewer.
const DIGITS: usize = 7;
/// How many characters may stand between two digits of one number, as in `52 (998) 112 2334`.
const BETWEEN: usize = 3;
/// A provider's id, as `SM` and 32 hexadecimal digits.
const SID: usize = 34;
const UUID: usize = 36;

/// The text, and whatever looks like a phone number in it as in a log: its first and last digits alone.
/// A date or an amount may be taken for one; ids are left as they are.
pub fn shorten_numbers(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let mut shortened = String::with_capacity(text.len());
    let mut rest = characters.as_slice();
    let mut inside_word = false;
    while let Some(first) = rest.first() {
        let id = if inside_word { 0 } else { id_length(rest) };
        let (length, digits) = if id > 0 { (id, 0) } else { number(rest) };
        let length = length.max(1);
        let (taken, left) = rest.split_at(length);
        if digits < DIGITS {
            shortened.extend(taken);
        } else {
            let plain: String = taken.iter().filter(|&&letter| letter == '+' || letter.is_numeric()).collect();
            shortened.push_str(&Address::received(&plain).redacted());
        }
        inside_word = taken.last().unwrap_or(first).is_alphanumeric();
        rest = left;
    }
    shortened
}

/// How long the number is that begins here, if one does, and how many digits it has.
fn number(characters: &[char]) -> (usize, usize) {
    let (mut length, mut digits, mut between) = (0, 0, 0);
    for (index, &character) in characters.iter().enumerate() {
        if character.is_numeric() {
            (length, digits, between) = (index + 1, digits + 1, 0);
        } else if separates(character) && between < BETWEEN && (index > 0 || character == '+') {
            between += 1;
        } else {
            break;
        }
    }
    (length, digits)
}

/// What people and programs put between the digits of a number, marks that nobody sees included.
fn separates(character: char) -> bool {
    character.is_whitespace()
        || matches!(character, '+' | '(' | ')' | '-' | '_' | '.' | '/' | '\u{b7}')
        || matches!(character, '\u{2010}'..='\u{2015}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(character, '\u{2060}'..='\u{2069}')
}

/// The length of the id that begins here; 0 where none does.
fn id_length(characters: &[char]) -> usize {
    let ends = |length: usize| characters.get(length).is_none_or(|next| !next.is_alphanumeric());
    let starts = |length: usize, holds: fn(&[char]) -> bool| characters.get(..length).is_some_and(holds);
    if starts(SID, is_sid) && ends(SID) {
        SID
    } else if starts(UUID, is_uuid) && ends(UUID) {
        UUID
    } else {
        0
    }
}

fn is_sid(id: &[char]) -> bool {
    id.iter().take(2).all(char::is_ascii_uppercase) && id.iter().skip(2).all(char::is_ascii_hexdigit)
}

fn is_uuid(id: &[char]) -> bool {
    id.iter().enumerate().all(|(index, character)| match index {
        8 | 13 | 18 | 23 => *character == '-',
        _ => character.is_ascii_hexdigit(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_keep_their_ends_alone() {
        let sid = "SM0123456789abcdef0123456789abcdef";
        let uuid = "01936f2e-7d4a-7000-8000-000000000001";
        let cases = [
            ("The 'To' number +529981122334 is not valid.", "The 'To' number +52…34 is not valid."),
            ("(+15005550009)", "(+15…09)"),
            ("whatsapp:+5219981122334", "whatsapp:+52…34"),
            ("call 52 (998) 112-2334 or 998.112.2334", "call 529…34 or 998…34"),
            ("998 112 2334,\u{a0}+52\u{a0}998\u{2011}112\u{2011}2335", "998…34,\u{a0}+52…35"),
            ("\u{202a}+52\u{a0}998\u{200e}1122334\u{202c}", "\u{202a}+52…34\u{202c}"),
            ("to529981122334x", "to529…34x"),
            ("1234567", "1…67"),
            ("error 21211, HTTP 400 (os error 111)", "error 21211, HTTP 400 (os error 111)"),
            ("https://www.twilio.com/docs/errors/21211", "https://www.twilio.com/docs/errors/21211"),
            ("+ (", "+ ("),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(shorten_numbers(text), expected, "{text:?}");
        }
        for id in [sid, uuid] {
            assert_eq!(shorten_numbers(&format!("no {id}.")), format!("no {id}."));
        }
        // No id, but a number that begins or ends like one.
        assert!(!shorten_numbers("AA0123456789012345678901234567890123456789").contains("0123456789"));
    }

    proptest! {
        #[test]
        fn no_number_is_left_in_clear(
            before in "[a-zA-Z ,:='\"]{0,12}",
            number in "[+]?[1-9][0-9]{6,14}",
            after in "[a-zA-Z ,:='\"]{0,12}",
        ) {
            let shortened = shorten_numbers(&format!("{before}{number}{after}"));
            prop_assert!(!shortened.contains(&number), "{shortened}");
            let digits = number.trim_start_matches('+');
            prop_assert!(shortened.chars().filter(char::is_ascii_digit).count() <= 5.min(digits.len() - 2));
        }

        #[test]
        fn any_text_is_taken_and_a_second_time_changes_nothing(text in any::<String>()) {
            let once = shorten_numbers(&text);
            prop_assert_eq!(shorten_numbers(&once), once);
        }
    }
}
