//! Fields that several resources have, and what is wrong with one.

use serde::{Deserialize, Deserializer};

use crate::web::problem::Problem;

/// The longest name of a tag or an attribute, in characters: as of those that plugins give.
pub(in crate::web) const LONGEST_WORD: usize = 64;
/// The longest name of a person or subject of a conversation, in characters.
pub(super) const LONGEST_NAME: usize = 200;
/// The longest value of an attribute, in characters.
const LONGEST_VALUE: usize = 4_000;

/// A field that may be null: whoever leaves it out says nothing about it.
#[expect(clippy::option_option, reason = "what is null is another thing than what is not there")]
pub(super) fn given<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// What is wrong with a field: why, as a code and in words.
#[derive(Debug)]
pub(in crate::web) struct Wrong(pub(in crate::web) &'static str, pub(in crate::web) String);

impl Wrong {
    pub(super) fn at(self, pointer: &str) -> Problem {
        Problem::invalid(pointer, self.0, self.1)
    }
}

/// A tag, or the name of an attribute.
pub(super) fn word(text: &str) -> Result<(), Wrong> {
    if text.trim().is_empty() || text.trim() != text {
        return Err(Wrong("empty", format!("`{text}` must be a word without blanks around it")));
    }
    line(text, LONGEST_WORD)
}

/// A text of one line, which may be empty.
pub(super) fn line(text: &str, longest: usize) -> Result<(), Wrong> {
    if text.chars().count() > longest {
        return Err(Wrong("too-long", format!("may have {longest} characters at the most")));
    }
    if text.contains(char::is_control) {
        return Err(Wrong("control-character", "must be one line, without control characters".to_owned()));
    }
    Ok(())
}

/// The value of an attribute.
pub(super) fn value(text: &str) -> Result<(), Wrong> {
    if text.chars().count() > LONGEST_VALUE {
        return Err(Wrong("too-long", format!("a value may have {LONGEST_VALUE} characters at the most")));
    }
    if text.contains('\0') {
        return Err(Wrong("nul", "a value can't have the character NUL in it: take it out".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_short_and_has_something_in_it() {
        for good in ["ventas", "año nuevo", "50%", &"ñ".repeat(64)] {
            assert!(word(good).is_ok(), "{good}");
        }
        for (bad, code) in
            [("", "empty"), (" a", "empty"), ("a\nb", "control-character"), (&*"a".repeat(65), "too-long")]
        {
            assert_eq!(word(bad).unwrap_err().0, code, "{bad}");
        }
        assert!(value("two\nlines").is_ok() && value("\0").is_err());
    }
}
