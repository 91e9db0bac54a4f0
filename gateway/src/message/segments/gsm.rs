//! The alphabet of GSM 03.38: which characters a 7-bit message can carry, and at what price.

/// The default alphabet beyond ASCII.
const OTHERS: &str = "£¥¤§¡¿ÄÅÆÇÉÑÖØÜßàäåæèéìñòöøùüΓΔΘΛΞΠΣΦΨΩ";

/// How many septets a character takes: one in the default alphabet, two in its extension table
/// (an escape comes first), none where the alphabet does not have it.
pub(super) fn septets(character: char) -> Option<usize> {
    match character {
        '\n' | '\r' | ' '..='Z' | '_' | 'a'..='z' => Some(1),
        _ if OTHERS.contains(character) => Some(1),
        '\u{c}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => Some(2),
        _ => None,
    }
}

/// Whether the whole text fits the alphabet, so that it goes out as GSM-7.
pub(super) fn fits(text: &str) -> bool {
    text.chars().all(|character| septets(character).is_some())
}
