//! Whether a keyword occurs in a text.

use std::cell::OnceCell;

use serde::{Deserialize, Serialize};

use crate::words::words;

/// How a keyword must occur in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Matching {
    /// As whole words.
    #[default]
    Word,
    /// As all of the text.
    Exact,
    /// Anywhere, also inside a word.
    Contains,
}

/// What a text is looked through for, prepared for being compared with many.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "String", into = "String")]
pub struct Keyword {
    written: String,
    words: Vec<String>,
}

impl Keyword {
    /// As the operator wrote it.
    pub fn as_str(&self) -> &str {
        &self.written
    }
}

impl From<String> for Keyword {
    fn from(written: String) -> Self {
        Self { words: words(&written), written }
    }
}

impl From<Keyword> for String {
    fn from(keyword: Keyword) -> Self {
        keyword.written
    }
}

/// A text, for being compared with many keywords.
#[derive(Clone, Debug)]
pub struct Text<'a> {
    raw: &'a str,
    /// Once somebody asks.
    words: OnceCell<Vec<String>>,
}

impl<'a> Text<'a> {
    pub fn read(raw: &'a str) -> Self {
        Self { raw: raw.trim(), words: OnceCell::new() }
    }

    /// What the person wrote, without the space around it.
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    pub fn has_any(&self, keywords: &[Keyword], matching: Matching) -> bool {
        keywords.iter().any(|keyword| self.has(keyword, matching))
    }

    /// Case, accents and punctuation don't matter, unless the keyword is nothing but punctuation.
    pub fn has(&self, keyword: &Keyword, matching: Matching) -> bool {
        let Keyword { written, words: sought } = keyword;
        if sought.is_empty() {
            // As in `?`: then the punctuation is what is meant.
            return !written.trim().is_empty() && self.has_literally(written.trim(), matching);
        }
        let own = self.words.get_or_init(|| words(self.raw));
        match matching {
            Matching::Word => own.windows(sought.len()).any(|window| window == sought),
            Matching::Exact => own == sought,
            Matching::Contains => own.join(" ").contains(&sought.join(" ")),
        }
    }

    fn has_literally(&self, keyword: &str, matching: Matching) -> bool {
        match matching {
            Matching::Word => self.raw.split_whitespace().any(|word| word == keyword),
            Matching::Exact => self.raw == keyword,
            Matching::Contains => self.raw.contains(keyword),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_matches_as_its_rule_says() {
        // The keyword, the text, and whether it matches as word, exact, contains.
        let cases = [
            ("precio", "precio", [true, true, true]),
            ("precio", " ¡PRECIÓ! ", [true, true, true]),
            ("Préció", "precio", [true, true, true]),
            ("precio", "¿Qué precio tiene?", [true, false, true]),
            ("precio", "precio:450", [true, false, true]),
            ("precio", "los precios", [false, false, true]),
            ("precio", "aprecio", [false, false, true]),
            ("precio", "hola", [false, false, false]),
            ("precio", "", [false, false, false]),
            ("precio", "pre cio", [false, false, false]),
            ("mañana", "¿abren MANANA?", [true, false, true]),
            ("manana", "mañana", [true, true, true]),
            ("cuanto cuesta", "¿Cuánto  cuesta?", [true, true, true]),
            ("cuanto cuesta", "oiga, cuánto cuesta el corte", [true, false, true]),
            ("cuanto cuesta", "cuánto me cuesta", [false, false, false]),
            ("cuanto cuesta", "cuesta cuanto", [false, false, false]),
            ("1", "1.", [true, true, true]),
            ("1", "10", [false, false, true]),
            ("👍", "👍🏽", [true, true, true]),
            ("👍", "va👍", [true, false, true]),
            ("?", "?", [true, true, true]),
            ("?", " ? ", [true, true, true]),
            ("?", "eh ?", [true, false, true]),
            ("?", "precio?", [false, false, true]),
            ("?", "precio", [false, false, false]),
            (" ", " ", [false, false, false]),
            ("", "", [false, false, false]),
        ];
        for (keyword, text, expected) in cases {
            let matchings = [Matching::Word, Matching::Exact, Matching::Contains];
            let prepared = Keyword::from(keyword.to_owned());
            let matched = matchings.map(|matching| Text::read(text).has(&prepared, matching));
            assert_eq!(matched, expected, "{keyword:?} in {text:?}");
        }
    }

    #[test]
    fn any_of_several_is_enough_and_none_is_not() {
        let text = Text::read("¿Precio?");
        let keywords = ["hora", "precio"].map(|keyword| Keyword::from(keyword.to_owned()));
        assert!(text.has_any(&keywords, Matching::Word));
        assert!(!text.has_any(&[], Matching::Contains));
        assert_eq!(text.raw(), "¿Precio?");
    }
}
