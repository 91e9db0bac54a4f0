//! Cutting a text that is too long for one message.
//!
//! Owns where a text may be cut. Must not know why there is a limit, nor of segments but for the
//! question whether a text is GSM-7. Lengths are UTF-16 units, which is how Twilio counts its
//! limit of 1600 and never less than any other way of counting.

use serde::{Deserialize, Serialize};
use unicode_segmentation::UnicodeSegmentation;

use super::segments::Encoding;

/// What to do with a text that is too long for one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LongText {
    /// Send it as several messages.
    #[default]
    Split,
    /// Send its beginning.
    Truncate,
    /// Do not send it.
    Reject,
}

/// How long a text is, as providers count.
pub fn utf16_units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Cuts a text into parts of at most `limit_units`, in order, none of them empty.
///
/// A text that fits is one part, as it stands; an empty text is none. A longer one is cut at
/// white space, and the white space at the cut is left out; joined, the parts are the text but
/// for that. A word that is too long for a part is cut between two characters as a reader sees
/// them, and such a character only where it alone exceeds the limit. No-break spaces do not
/// count as white space. A limit below 2 is taken as 2, the length of the longest code point.
pub fn split(text: &str, limit_units: usize) -> Vec<String> {
    let limit = limit_units.max(2);
    if utf16_units(text) <= limit {
        return Some(text.to_owned()).into_iter().filter(|text| !text.is_empty()).collect();
    }
    let clusters = clusters(text, limit);
    let (mut parts, mut rest) = (Vec::new(), clusters.as_slice());
    while let Some((part, after)) = first_part(rest, limit) {
        parts.push(part.concat());
        rest = after;
    }
    if parts.is_empty() {
        // White space from end to end: saying nothing at length is still a message.
        parts.push(beginning(&clusters, limit).concat());
    }
    parts
}

/// Shortens a text to at most `limit_units`, and shows that it was: with `…`, or with `...`
/// where what is kept is GSM-7, since a single `…` would make all of it UCS-2. A limit with no
/// room for either is met without.
pub fn truncate(text: &str, limit_units: usize) -> String {
    if utf16_units(text) <= limit_units {
        return text.to_owned();
    }
    let clusters = clusters(text, limit_units.max(2));
    let keep = |mark: &str| {
        let room = limit_units.checked_sub(utf16_units(mark))?;
        Some(beginning(&clusters, room).concat().trim_end().to_owned())
    };
    let Some(kept) = keep("…") else { return String::new() };
    match keep("...").filter(|_| Encoding::of(&kept) == Encoding::Gsm7) {
        Some(plain) => plain + "...",
        None => kept + "…",
    }
}

/// The characters of a text as a reader sees them, but none longer than `limit`.
fn clusters(text: &str, limit: usize) -> Vec<&str> {
    let graphemes = text.graphemes(true);
    let pieces = graphemes
        .flat_map(|grapheme| if utf16_units(grapheme) <= limit { vec![grapheme] } else { pieces(grapheme, limit) });
    pieces.collect()
}

/// Cuts one oversize character between its code points.
fn pieces(grapheme: &str, limit: usize) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), grapheme);
    while !rest.is_empty() {
        let mut units = 0;
        let end = rest.char_indices().find(|(_, character)| {
            units += character.len_utf16();
            units > limit
        });
        let (piece, after) = end.and_then(|(at, _)| rest.split_at_checked(at)).unwrap_or((rest, ""));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// As many clusters from the start as fit.
fn beginning<'a, 't>(clusters: &'a [&'t str], limit: usize) -> &'a [&'t str] {
    let mut units = 0;
    let fits = clusters.iter().take_while(|cluster| {
        units += utf16_units(cluster);
        units <= limit
    });
    let count = fits.count();
    clusters.get(..count).unwrap_or_default()
}

/// The next part and what comes after it, without the white space around the cut.
fn first_part<'a, 't>(clusters: &'a [&'t str], limit: usize) -> Option<(&'a [&'t str], &'a [&'t str])> {
    let fits = beginning(clusters, limit).len();
    let cut = match clusters.get(fits) {
        None => return Some((clusters, [].as_slice())).filter(|(part, _)| !part.is_empty()),
        Some(next) if is_space(next) => fits,
        Some(_) => {
            let start_of_word = clusters.iter().take(fits).rposition(|cluster| is_space(cluster)).map(|at| at + 1);
            start_of_word.filter(|&at| !clusters.iter().take(at).all(|cluster| is_space(cluster))).unwrap_or(fits)
        }
    };
    let (part, after) = clusters.split_at(cut);
    let end = part.iter().rposition(|cluster| !is_space(cluster)).map_or(0, |at| at + 1);
    let start = after.iter().position(|cluster| !is_space(cluster)).unwrap_or(after.len());
    let (part, after) = (part.get(..end)?, after.get(start..)?);
    if part.is_empty() { first_part(after, limit) } else { Some((part, after)) }
}

fn is_space(cluster: &str) -> bool {
    cluster
        .chars()
        .all(|character| character.is_whitespace() && !matches!(character, '\u{a0}' | '\u{2007}' | '\u{202f}'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_text_is_cut_at_white_space() {
        let cases: [(&str, usize, &[&str]); 17] = [
            ("", 10, &[]),
            ("uno dos", 10, &["uno dos"]),
            (" uno ", 5, &[" uno "]),
            ("uno dos tres", 7, &["uno dos", "tres"]),
            ("uno dos tres", 8, &["uno dos", "tres"]),
            ("uno dos tres", 6, &["uno", "dos", "tres"]),
            ("uno  \n  dos tres", 7, &["uno", "dos", "tres"]),
            ("  uno dos", 6, &["  uno", "dos"]),
            ("       uno dos", 4, &["uno", "dos"]),
            ("internacional", 5, &["inter", "nacio", "nal"]),
            ("no internacional", 5, &["no", "inter", "nacio", "nal"]),
            ("10\u{a0}000 pesos", 6, &["10\u{a0}000", "pesos"]),
            ("😀😀😀", 5, &["😀😀", "😀"]),
            ("a👩‍👩‍👧b", 8, &["a", "👩‍👩‍👧", "b"]),
            ("e\u{301}e\u{301}e\u{301}", 3, &["e\u{301}", "e\u{301}", "e\u{301}"]),
            ("👩‍👩‍👧", 4, &["👩\u{200d}", "👩\u{200d}", "👧"]),
            ("       ", 3, &["   "]),
        ];
        for (text, limit, expected) in cases {
            assert_eq!(split(text, limit), expected, "{text:?} at {limit}");
        }
    }

    #[test]
    fn a_shortened_text_shows_it_without_costing_another_encoding() {
        let cases = [
            ("hola", 4, "hola"),
            ("hola amiga", 9, "hola a..."),
            ("hola amiga", 8, "hola..."),
            ("olá amiga", 8, "olá ami…"),
            ("hola adiós", 9, "hola a..."),
            ("😀😀😀", 4, "😀…"),
            ("👩‍👩‍👧👩‍👩‍👧", 12, "👩‍👩‍👧…"),
            ("hola", 2, "h…"),
            ("hola", 1, "…"),
            ("hola", 0, ""),
        ];
        for (text, limit, expected) in cases {
            assert_eq!(truncate(text, limit), expected, "{text:?} at {limit}");
        }
    }

    #[test]
    fn what_to_do_is_written_in_one_word() {
        assert_eq!(serde_json::to_string(&LongText::Truncate).unwrap(), "\"truncate\"");
        assert_eq!(serde_json::from_str::<LongText>("\"reject\"").unwrap(), LongText::Reject);
        assert_eq!(LongText::default(), LongText::Split);
    }

    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<String>(),
            "[a-zñá ]{1,12}",
            "[ \\n\r\u{a0}]{1,4}",
            Just("👩‍👩‍👧‍👦".to_owned()),
            Just("🇲🇽".to_owned()),
            Just("e\u{301}\u{302}".to_owned()),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    fn without_space(text: &str) -> String {
        // Not by what people see as one: where that is too long, a mark may be parted from its space.
        text.chars().filter(|character| !is_space(&character.to_string())).collect()
    }

    proptest! {
        #[test]
        fn parts_fit_and_lose_nothing_but_white_space(text in texts(), limit in 2_usize..40) {
            let parts = split(&text, limit);
            prop_assert!(parts.iter().all(|part| !part.is_empty() && utf16_units(part) <= limit));
            prop_assert_eq!(parts.is_empty(), text.is_empty());
            prop_assert_eq!(without_space(&parts.concat()), without_space(&text));
            let mut rest = text.as_str();
            for part in &parts {
                let at = rest.find(part.as_str());
                prop_assert!(at.is_some(), "parts are pieces of the text, in order");
                rest = at.and_then(|at| rest.get(at + part.len()..)).unwrap();
            }
        }

        #[test]
        fn no_character_is_divided(text in texts(), limit in 2_usize..40) {
            let graphemes: Vec<&str> = text.graphemes(true).collect();
            prop_assume!(graphemes.iter().all(|grapheme| utf16_units(grapheme) <= limit));
            let mut next = 0;
            for part in split(&text, limit) {
                let starts = (next..graphemes.len()).take_while(|&at| graphemes[next..at].iter().all(|space| is_space(space)));
                let whole = |start: usize| (start..=graphemes.len()).find(|&end| graphemes[start..end].concat() == part);
                let end = starts.into_iter().find_map(whole);
                prop_assert!(end.is_some(), "{:?} is not made of whole characters", part);
                next = end.unwrap();
            }
        }

        #[test]
        fn a_shortened_text_fits(text in texts(), limit in 0_usize..40) {
            let short = truncate(&text, limit);
            prop_assert!(utf16_units(&short) <= limit);
            prop_assert_eq!(short == text, utf16_units(&text) <= limit);
        }
    }
}
