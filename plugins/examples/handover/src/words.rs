//! Words as people type them.

/// Whether any of the words is in a text, whatever the case, accents and punctuation.
pub(crate) fn has_any(text: &str, words: &[String]) -> bool {
    let text = format!(" {} ", fold(text));
    words.iter().any(|word| text.contains(&format!(" {} ", fold(word))))
}

/// Lower-case letters and digits without accents, with single spaces between words.
fn fold(text: &str) -> String {
    let plain: String = text.to_lowercase().chars().map(plain).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn plain(letter: char) -> char {
    match letter {
        'á' | 'à' | 'ä' | 'â' => 'a',
        'é' | 'è' | 'ë' | 'ê' => 'e',
        'í' | 'ì' | 'ï' | 'î' => 'i',
        'ó' | 'ò' | 'ö' | 'ô' => 'o',
        'ú' | 'ù' | 'ü' | 'û' => 'u',
        letter if letter.is_alphanumeric() => letter,
        _ => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_however_they_are_typed() {
        let words = ["asesor".to_owned(), "hablar con alguien".to_owned()];
        for text in ["ASESOR", "¡un asesor, por favor!", "quiero hablar  con\nalguien", "Asésor"] {
            assert!(has_any(text, &words), "{text}");
        }
        for text in ["", "asesoría", "hablar"] {
            assert!(!has_any(text, &words), "{text}");
        }
    }
}
