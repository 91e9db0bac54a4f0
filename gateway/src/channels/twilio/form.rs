//! `application/x-www-form-urlencoded`, read strictly.
//!
//! What a signature covers must not be guessed at: a broken escape or text that isn't UTF-8 is an error
//! here, where most readers put a replacement character.

use crate::channels::Malformed;

pub(super) fn decode(encoded: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    encoded.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(pair).collect()
}

fn pair(encoded: &[u8]) -> Result<(String, String), Malformed> {
    let mut halves = encoded.splitn(2, |byte| *byte == b'=');
    let mut half = || component(halves.next().unwrap_or_default());
    match (half(), half()) {
        (Some(name), Some(value)) => Ok((name, value)),
        _ => Err(Malformed("the form has a broken percent escape or isn't UTF-8".to_owned())),
    }
}

fn component(encoded: &[u8]) -> Option<String> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.iter();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(*bytes.next()?)? << 4 | hex_digit(*bytes.next()?)?,
            other => *other,
        });
    }
    String::from_utf8(decoded).ok()
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pairs_are_decoded_in_order() {
        let decoded = decode(b"&Body=%C2%BFQu%c3%a9+tal%3F+a%2Bb%26c%3Dd+&a==&Empty=&Bare&&=x&a=2").unwrap();
        let expected = [("Body", "¿Qué tal? a+b&c=d "), ("a", "="), ("Empty", ""), ("Bare", ""), ("", "x"), ("a", "2")];
        assert_eq!(decoded, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn what_cannot_be_decoded_is_refused() {
        for broken in ["Body=%", "Body=%4", "Body=%zz", "Body=%+1", "B%dy=1", "Body=%C3", "Body=%FF%FE"] {
            assert!(decode(broken.as_bytes()).is_err(), "{broken}");
        }
        assert!(decode(b"Body=\xff").is_err());
    }

    proptest! {
        #[test]
        fn any_pairs_survive_the_round_trip(pairs in proptest::collection::vec((".{1,8}", ".*"), 0..6)) {
            let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
            prop_assert_eq!(decode(encoded.as_bytes()).unwrap(), pairs);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
