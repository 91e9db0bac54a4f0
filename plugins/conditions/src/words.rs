//! Texts as people mean them: without case, accents, or punctuation.
//!
//! A word is a run of letters and digits; any other sign that is neither a space nor punctuation,
//! an emoji for instance, is a word of its own. Letters are compared without their accents, `ñ` as
//! `n`, too: people type without accents, and on foreign keyboards without `ñ`. To miss a question
//! about `mañana` would cost more than to take `ano` for `año`.

/// The words of a text, in the form in which they are compared.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    for sign in text.chars() {
        if is_mark(sign) {
            continue;
        }
        if sign.is_alphanumeric() {
            fold(sign, &mut word);
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if !sign.is_whitespace() && !sign.is_control() && !is_punctuation(sign) {
            words.push(sign.into());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Adds a letter or digit in lower case and without its accent.
fn fold(sign: char, word: &mut String) {
    for lower in sign.to_lowercase() {
        match plain(lower) {
            Some(letters) => word.push_str(letters),
            None if is_mark(lower) => {}
            None => word.push(lower),
        }
    }
}

/// The plain form of an accented Latin letter in lower case.
const fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ª' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' | 'º' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => return None,
    })
}

/// What only changes the sign before it: accents written on their own, and the joiners, variants
/// and skin tones of emoji.
const fn is_mark(sign: char) -> bool {
    matches!(sign, '\u{300}'..='\u{36f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}')
}

/// What stands between words or around them.
const fn is_punctuation(sign: char) -> bool {
    sign.is_ascii_punctuation()
        || matches!(sign, '¡' | '§' | '«' | '¶' | '·' | '»' | '¿' | '´' | '¨' | '\u{ad}')
        || matches!(sign, '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{ff00}'..='\u{ff0f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_into_comparable_words() {
        let cases: [(&str, &[&str]); 18] = [
            ("", &[]),
            (" \n\t", &[]),
            ("¿?¡!", &[]),
            ("Precio", &["precio"]),
            ("¿¡PRECIO!?", &["precio"]),
            ("  hola,buenas  tardes…", &["hola", "buenas", "tardes"]),
            ("“menú”", &["menu"]),
            ("MENÚ", &["menu"]),
            ("menu\u{301}", &["menu"]),
            ("mañana", &["manana"]),
            ("man\u{303}ana", &["manana"]),
            ("ESPAÑOL", &["espanol"]),
            ("pingüino", &["pinguino"]),
            ("Straße İzmir", &["strasse", "izmir"]),
            ("1º de mayo 2026", &["1o", "de", "mayo", "2026"]),
            ("👍🏽ok❤️", &["👍", "ok", "❤"]),
            ("$450", &["450"]),
            ("Ελλάδα", &["ελλάδα"]),
        ];
        for (text, expected) in cases {
            assert_eq!(words(text), expected, "{text:?}");
        }
    }
}
