//! Regular expressions, bounded in what they may cost.

use std::sync::OnceLock;

use regex_lite::{Regex, RegexBuilder};
use serde::Deserialize;

/// The longest pattern, and the longest part of a text that is looked at, in bytes.
const MAX_PATTERN: usize = 500;
const MAX_TEXT: usize = 4_096;
/// The most memory of a compiled pattern: counted repetitions multiply.
const MAX_COMPILED: usize = 64 * 1024;

/// A regular expression as the operator wrote it; empty for any text. It takes time in proportion to
/// the text: there is no backtracking.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(transparent)]
pub(crate) struct Pattern {
    written: String,
    /// Once it was needed.
    #[serde(skip)]
    compiled: OnceLock<Result<Regex, String>>,
}

impl Pattern {
    /// Whether it is found in a text. The failure says what is wrong with the pattern.
    pub(crate) fn is_in(&self, text: &str) -> Result<bool, String> {
        if self.written.is_empty() {
            return Ok(true);
        }
        let compiled = self.compiled.get_or_init(|| compile(&self.written)).as_ref().map_err(Clone::clone)?;
        let end = (0..=MAX_TEXT.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        Ok(compiled.is_match(text.get(..end).unwrap_or(text)))
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.len() > MAX_PATTERN {
        return Err(format!("the regular expression is longer than {MAX_PATTERN} bytes"));
    }
    let regex = RegexBuilder::new(pattern).size_limit(MAX_COMPILED).build();
    regex.map_err(|error| format!("the regular expression `{pattern}` can't be used: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, text: &str) -> Result<bool, String> {
        Pattern { written: pattern.to_owned(), ..Pattern::default() }.is_in(text)
    }

    #[test]
    fn a_pattern_is_looked_for_anywhere_and_as_it_is_written() {
        let cases = [
            (r"^pedido +\d{4,6}$", "pedido 12345", true),
            (r"^pedido +\d{4,6}$", "mi pedido 12345", false),
            (r"\d{4}", "mi pedido 12345", true),
            ("hola", "HOLA", false),
            ("(?i)hola", "HOLA", true),
            ("añ(o|os)", "dos años", true),
            ("", "", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(check(pattern, text), Ok(expected), "{pattern:?} in {text:?}");
        }
    }

    #[test]
    fn what_would_cost_too_much_is_refused_or_cut() {
        assert!(check(&"a".repeat(501), "").is_err());
        assert!(check("((a{100}){100}){100}", "").is_err());
        assert!(check("(", "").unwrap_err().contains("`(`"));
        assert_eq!(check("z", &format!("{}z", "ñ".repeat(3_000))), Ok(false), "only the beginning is looked at");
        assert_eq!(check("ñ$", &format!("a{}", "ñ".repeat(3_000))), Ok(true), "cut between characters");
        // Backtracking would take longer than the universe has been there.
        assert_eq!(check("^(a+)+$", &format!("{}b", "a".repeat(4_000))), Ok(false));
    }
}
