//! What counts as one character when a message is cut into segments.
//!
//! Twilio's calculator keeps extended grapheme clusters whole, by the rules of Unicode 10. The
//! segmentation used everywhere else in Recado follows today's rules, which join more: any emoji
//! with a skin tone, any two emoji with a joiner, Indic conjuncts. This file takes today's
//! clusters and undoes those, so that the figures are Twilio's. It must not know of encodings.

use unicode_segmentation::UnicodeSegmentation;

const JOINER: char = '\u{200d}';

/// The clusters of a text, in order. A CR LF is two, as in Twilio's calculator.
pub(super) fn clusters(text: &str) -> Vec<&str> {
    let mut clusters = Vec::new();
    let (mut start, mut previous) = (0, None);
    for (modern, cluster) in text.grapheme_indices(true) {
        for (offset, character) in cluster.char_indices() {
            let at = modern + offset;
            let before = text.get(start..at).unwrap_or_default();
            let joined = previous.is_some_and(|previous| match (previous, character) {
                (JOINER, character) if joins_after_a_joiner(character) => true,
                ('\r', '\n') => false,
                _ if offset == 0 => false,
                (previous, character) if is_skin_tone(character) => {
                    takes_a_skin_tone(before) || joins_as_a_pair(previous, 'a')
                }
                (previous, character) => joins_as_a_pair(previous, character),
            });
            if !joined && at > start {
                clusters.extend(text.get(start..at));
                start = at;
            }
            previous = Some(character);
        }
    }
    clusters.extend(text.get(start..).filter(|rest| !rest.is_empty()));
    clusters
}

/// Whether two characters join whatever comes before them. The newer rules look further back.
fn joins_as_a_pair(previous: char, character: char) -> bool {
    let mut pair = [0; 8];
    let length = previous.encode_utf8(&mut pair).len();
    let length = length + character.encode_utf8(pair.get_mut(length..).unwrap_or_default()).len();
    let pair = pair.get(..length).and_then(|bytes| std::str::from_utf8(bytes).ok());
    pair.is_some_and(|pair| pair.graphemes(true).count() == 1)
}

/// The `Glue_After_Zwj` and `E_Base_GAZ` characters of Unicode 10.
fn joins_after_a_joiner(character: char) -> bool {
    matches!(
        character,
        '♀' | '♂' | '⚕' | '⚖' | '✈' | '❤' | '🌈' | '🌾' | '🍳' | '🎓' | '🎤' | '🎨' | '🏫' | '🏭' | '👦'
            ..='👩' | '💋' | '💻' | '💼' | '🔧' | '🔬' | '🗨' | '🚀' | '🚒'
    )
}

fn is_skin_tone(character: char) -> bool {
    matches!(character, '\u{1f3fb}'..='\u{1f3ff}')
}

/// Whether a cluster ends in an `E_Base` or `E_Base_GAZ` character of Unicode 10, or in one and a
/// mark. The calculator looks no further back, and not there when there are marks elsewhere.
fn takes_a_skin_tone(cluster: &str) -> bool {
    let is_mark =
        |&character: &char| character != JOINER && !is_skin_tone(character) && joins_as_a_pair('a', character);
    let mut backwards = cluster.chars().rev().peekable();
    let base = match backwards.next_if(is_mark) {
        Some(_) => backwards.next(),
        None => backwards.next().filter(|_| !backwards.any(|character| is_mark(&character))),
    };
    base.is_some_and(|base| {
        matches!(
            base,
            '\u{261d}' | '\u{26f9}' | '\u{270a}'..='\u{270d}' | '\u{1f385}' | '\u{1f3c2}'..='\u{1f3c4}'
            | '\u{1f3c7}' | '\u{1f3ca}'..='\u{1f3cc}' | '\u{1f442}'..='\u{1f443}' | '\u{1f446}'..='\u{1f450}'
            | '\u{1f466}'..='\u{1f469}' | '\u{1f46e}' | '\u{1f470}'..='\u{1f478}' | '\u{1f47c}'
            | '\u{1f481}'..='\u{1f483}' | '\u{1f485}'..='\u{1f487}' | '\u{1f4aa}' | '\u{1f574}'..='\u{1f575}'
            | '\u{1f57a}' | '\u{1f590}' | '\u{1f595}'..='\u{1f596}' | '\u{1f645}'..='\u{1f647}'
            | '\u{1f64b}'..='\u{1f64f}' | '\u{1f6a3}' | '\u{1f6b4}'..='\u{1f6b6}' | '\u{1f6c0}' | '\u{1f6cc}'
            | '\u{1f918}'..='\u{1f91c}' | '\u{1f91e}'..='\u{1f91f}' | '\u{1f926}' | '\u{1f930}'..='\u{1f939}'
            | '\u{1f93d}'..='\u{1f93e}' | '\u{1f9d1}'..='\u{1f9dd}'
        )
    })
}
