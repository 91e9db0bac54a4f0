//! How the digits of a number are set apart when it is written.

use phonenumber::metadata::{Format, Metadata};
use regex::Captures;

use super::pattern::{Pattern, expand};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    National,
    International,
}

/// One way to write the numbers that fit it.
pub(super) struct Layout {
    pub(super) pattern: Pattern,
    pub(super) leading_digits: Option<Pattern>,
    format: &'static str,
    prefix_rule: Option<String>,
}

impl Layout {
    pub(super) fn all(metadata: &Metadata, formats: &'static [Format]) -> Vec<Self> {
        let layout = |format: &'static Format| Self {
            pattern: Pattern::whole(format.pattern().as_str()),
            // The later ones are longer, for guessing while a person types.
            leading_digits: format.leading_digits().last().map(|pattern| Pattern::prefix(pattern.as_str())),
            format: format.format(),
            prefix_rule: format
                .national_prefix()
                .filter(|rule| !rule.is_empty())
                .map(|rule| rule.replace("$NP", metadata.national_prefix().unwrap_or_default()).replace("$FG", "$1")),
        };
        formats.iter().map(layout).collect()
    }

    /// The national number in the first layout that fits it, or as it is.
    pub(super) fn write(layouts: &[Self], national: &str, style: Style) -> String {
        let layout = layouts.iter().find_map(|layout| Some((layout, layout.captures(national)?)));
        match layout {
            Some((layout, captures)) => expand(&layout.template(style), &captures),
            None => national.to_owned(),
        }
    }

    fn captures<'a>(&self, national: &'a str) -> Option<Captures<'a>> {
        let leads = self.leading_digits.as_ref().is_none_or(|pattern| pattern.matches(national));
        leads.then(|| self.pattern.captures(national)).flatten()
    }

    fn template(&self, style: Style) -> String {
        let rule = self.prefix_rule.as_ref().filter(|_| style == Style::National);
        let first_group = self.format.find('$').and_then(|at| self.format.get(at..at + 2));
        match (rule, first_group) {
            (Some(rule), Some(group)) => self.format.replacen(group, &rule.replace("$1", group), 1),
            _ => self.format.to_owned(),
        }
    }
}
