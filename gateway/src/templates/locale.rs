//! Locales of templates: how their tags are written, and which body is the nearest to a wish.

use std::collections::BTreeMap;

/// The most subtags, and the longest.
const MOST: usize = 4;
const LONGEST: usize = 8;

/// A BCP 47 tag as it is usually written, as in `es-MX` for `ES_mx`; none for what is no tag.
pub fn tag(text: &str) -> Option<String> {
    let mut parts = text.trim().split(['-', '_']);
    let language = parts.next().filter(|part| (2..=3).contains(&part.len()))?;
    let mut written = language.to_ascii_lowercase();
    let mut count = 1;
    for part in parts {
        count += 1;
        if !(1..=LONGEST).contains(&part.len()) || count > MOST {
            return None;
        }
        written.push('-');
        let lower = part.to_ascii_lowercase();
        match part.len() {
            2 => written.push_str(&lower.to_ascii_uppercase()),
            4 if part.bytes().all(|byte| byte.is_ascii_alphabetic()) => {
                let mut letters = lower.chars();
                written.extend(letters.next().map(|first| first.to_ascii_uppercase()));
                written.extend(letters);
            }
            _ => written.push_str(&lower),
        }
    }
    let is_word = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let is_language = language.bytes().all(|byte| byte.is_ascii_alphabetic());
    (is_language && written.split('-').all(is_word)).then_some(written)
}

/// The body for a tag: its own, then that of what it is a kind of (`es` for `es-MX`), then the default's.
pub(super) fn nearest<'a, T>(bodies: &'a BTreeMap<String, T>, wanted: &str, default: &str) -> Option<(&'a str, &'a T)> {
    let mut wanted = wanted;
    loop {
        if let Some((locale, body)) = bodies.get_key_value(wanted) {
            return Some((locale.as_str(), body));
        }
        match wanted.rsplit_once('-') {
            Some((shorter, _)) => wanted = shorter,
            None => break,
        }
    }
    bodies.get_key_value(default).map(|(locale, body)| (locale.as_str(), body))
}
