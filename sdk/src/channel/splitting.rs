//! Cutting a message that is too long for one request.

use super::{Capabilities, Content, OutboundMessage, Unsendable};

/// By the channel's capabilities: media ride the first request.
pub(super) fn split(message: OutboundMessage, can: &Capabilities) -> Result<Vec<Content>, Unsendable> {
    let OutboundMessage { text, mut media, .. } = message;
    if text.trim().is_empty() && media.is_empty() {
        return Err(Unsendable::Empty);
    }
    if media.len() > can.max_media as usize {
        return Err(Unsendable::TooManyMedia(can.max_media));
    }
    let mut texts = split_text(&text, can.max_text_units as usize);
    if texts.is_empty() {
        texts.push(String::new());
    }
    Ok(texts.into_iter().map(|text| Content { text, media: std::mem::take(&mut media) }).collect())
}

/// Cuts a text into pieces of at most `limit` UTF-16 units: behind white space where there is some, and
/// never within a character. Joined, the pieces are the text.
///
/// ```
/// assert_eq!(recado_sdk::channel::split_text("one two three", 8), ["one two ", "three"]);
/// ```
pub fn split_text(text: &str, limit: usize) -> Vec<String> {
    let limit = limit.max(2);
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(cut(rest, limit));
        pieces.push(piece.to_owned());
        rest = behind;
    }
    pieces
}

/// Where the first piece ends.
fn cut(text: &str, limit: usize) -> usize {
    let (mut units, mut behind_space, mut has_text) = (0, None, false);
    for (at, character) in text.char_indices() {
        units += character.len_utf16();
        if units > limit {
            return behind_space.unwrap_or(at);
        }
        if character.is_whitespace() {
            // A piece of white space alone would say nothing.
            behind_space = has_text.then_some(at + character.len_utf8());
        } else {
            has_text = true;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_short_and_whole() {
        let cases = [
            ("", 4, vec![]),
            ("abcd", 4, vec!["abcd"]),
            ("abcde", 4, vec!["abcd", "e"]),
            ("ab cd ef", 5, vec!["ab ", "cd ef"]),
            ("😀😀😀", 5, vec!["😀😀", "😀"]),
            ("    ab", 4, vec!["    ", "ab"]),
        ];
        for (text, limit, expected) in cases {
            let pieces = split_text(text, limit);
            assert_eq!(pieces, expected, "{text:?}");
            assert_eq!(pieces.concat(), text);
        }
    }
}
