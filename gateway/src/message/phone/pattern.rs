//! The expressions that the numbering plans are written in.

use std::sync::OnceLock;

use regex::{Captures, Regex};

/// An expression of the tables, compiled when it is first needed.
#[derive(Debug)]
pub(super) struct Pattern {
    source: &'static str,
    end: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Of a whole number.
    pub(super) fn whole(source: &'static str) -> Self {
        Self { source, end: "$", compiled: OnceLock::new() }
    }

    /// Of what a number starts with.
    pub(super) fn prefix(source: &'static str) -> Self {
        Self { source, end: "", compiled: OnceLock::new() }
    }

    pub(super) fn matches(&self, digits: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(digits))
    }

    pub(super) fn captures<'a>(&self, digits: &'a str) -> Option<Captures<'a>> {
        self.regex()?.captures(digits)
    }

    #[cfg(test)]
    pub(super) fn compiles(&self) -> bool {
        self.regex().is_some()
    }

    fn regex(&self) -> Option<&Regex> {
        let compile = || {
            let source: String = self.source.split_whitespace().collect();
            // Numbers are ASCII digits by now, and `\d` of all scripts takes long to compile.
            Regex::new(&format!("^(?:{}){}", source.replace(r"\d", "[0-9]"), self.end)).ok()
        };
        self.compiled.get_or_init(compile).as_ref()
    }
}

/// Fills `$1`, `$2`… in.
pub(super) fn expand(template: &str, captures: &Captures<'_>) -> String {
    let mut pieces = template.split('$');
    let mut expanded = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let mut rest = piece.chars();
        let group = rest.next().and_then(|digit| digit.to_digit(10)).and_then(|group| captures.get(group as usize));
        expanded.push_str(group.map_or("", |group| group.as_str()));
        expanded.push_str(rest.as_str());
    }
    expanded
}
