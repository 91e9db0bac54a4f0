//! The numbering plans: what the numbers of a country look like.
//!
//! The figures are Google's, from the `phonenumber` crate. Only its tables are used: its own parser
//! and checks match a prefix where Google's match the whole number, and know no general length.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use phonenumber::metadata::{DATABASE, Descriptor, Descriptors, Metadata};

use super::Kind;
use super::layout::{Layout, Style};
use super::pattern::Pattern;

static PLANS: LazyLock<HashMap<&'static str, Plan>> =
    LazyLock::new(|| DATABASE.iter().map(|metadata| (metadata.id(), Plan::new(metadata))).collect());

/// Plans of no country, such as the toll-free +800. They share one id, so they go by their code.
static GLOBAL_PLANS: LazyLock<HashMap<u16, Plan>> = LazyLock::new(|| {
    let codes = (1..1000).filter_map(|code| Some((code, DATABASE.by_code(&code)?)));
    let global = codes.filter_map(|(code, plans)| Some((code, *plans.first().filter(|plan| plan.id() == GLOBAL)?)));
    global.map(|(code, metadata)| (code, Plan::new(metadata))).collect()
});

/// What Google's tables call the region of numbers that belong to no country.
const GLOBAL: &str = "001";

/// The numbering plan of one country.
pub(super) struct Plan {
    pub(super) country: &'static str,
    pub(super) calling_code: u16,
    pub(super) international_prefix: Option<Pattern>,
    pub(super) national_prefix: Option<Pattern>,
    pub(super) transform: Option<&'static str>,
    /// The lengths of a whole national number, shortest first.
    pub(super) lengths: BTreeSet<usize>,
    /// The lengths of what is dialled within an area.
    local_lengths: BTreeSet<usize>,
    general: Shape,
    kinds: Vec<(Kind, Shape)>,
    leading_digits: Option<Pattern>,
    formats: Vec<Layout>,
    international_formats: Vec<Layout>,
    metadata: &'static Metadata,
}

/// How the length of a number compares with what its country has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Possible,
    /// Only without its area code.
    Local,
    TooShort,
    TooLong,
    /// Between the shortest and the longest, but none of the others.
    Odd,
}

struct Shape {
    pattern: Pattern,
    lengths: BTreeSet<usize>,
}

impl Plan {
    /// The plan of a country by its ISO 3166 code.
    pub(super) fn of(country: &str) -> Option<&'static Self> {
        PLANS.get(country.trim().to_ascii_uppercase().as_str()).filter(|plan| plan.country != GLOBAL)
    }

    /// The plan of the main country of a calling code.
    pub(super) fn of_code(code: u16) -> Option<&'static Self> {
        Self::all_of_code(code).next()
    }

    /// The plan that a number belongs to: several countries may share a calling code.
    pub(super) fn of_number(code: u16, national: &str) -> Option<&'static Self> {
        let mut plans = Self::all_of_code(code).peekable();
        let first = plans.next()?;
        if plans.peek().is_none() {
            return Some(first);
        }
        [first].into_iter().chain(plans).find(|plan| match &plan.leading_digits {
            Some(leading_digits) => leading_digits.matches(national),
            None => plan.kind(national) != Kind::Unknown,
        })
    }

    fn all_of_code(code: u16) -> impl Iterator<Item = &'static Self> {
        let ids = DATABASE.region(&code).unwrap_or_default();
        let countries = ids.into_iter().filter(|&id| id != GLOBAL).filter_map(|id| PLANS.get(id));
        GLOBAL_PLANS.get(&code).into_iter().chain(countries)
    }

    /// Whether a national number has the digits of one, whatever its length.
    pub(super) fn admits(&self, national: &str) -> bool {
        self.general.pattern.matches(national)
    }

    pub(super) fn length(&self, national: &str) -> Length {
        let length = national.len();
        let (shortest, longest) = (self.lengths.first(), self.lengths.last());
        if self.local_lengths.contains(&length) {
            Length::Local
        } else if self.lengths.contains(&length) {
            Length::Possible
        } else if shortest.is_some_and(|&shortest| length < shortest) {
            Length::TooShort
        } else if longest.is_some_and(|&longest| length > longest) {
            Length::TooLong
        } else {
            Length::Odd
        }
    }

    /// What a national number is for; unknown where it is not valid.
    pub(super) fn kind(&self, national: &str) -> Kind {
        if !self.general.matches(national) {
            return Kind::Unknown;
        }
        let mut kinds = self.kinds.iter().filter(|(_, shape)| shape.matches(national)).map(|(kind, _)| *kind);
        match kinds.next() {
            Some(Kind::FixedLine) if kinds.next() == Some(Kind::Mobile) => Kind::FixedLineOrMobile,
            kind => kind.unwrap_or(Kind::Unknown),
        }
    }

    /// A national number as people write it.
    pub(super) fn format(&self, national: &str, style: Style) -> String {
        let layouts = match style {
            Style::International if !self.international_formats.is_empty() => &self.international_formats,
            _ => &self.formats,
        };
        let body = Layout::write(layouts, national, style);
        match style {
            Style::National => body,
            Style::International => format!("+{} {body}", self.calling_code),
        }
    }

    /// A number that could be one, to show how it is written: a mobile's, if there are any.
    pub(super) fn example(&self) -> Option<String> {
        let kinds = kinds(self.metadata.descriptors());
        let national = kinds.into_iter().rev().find_map(|(_, descriptor)| descriptor.example())?;
        Some(self.format(national, Style::International))
    }

    fn new(metadata: &'static Metadata) -> Self {
        let kinds = kinds(metadata.descriptors());
        let lengths = lengths(kinds.iter().flat_map(|(_, descriptor)| descriptor.possible_length()));
        let local_lengths = kinds.iter().flat_map(|(_, descriptor)| descriptor.possible_local_length());
        let general = Pattern::whole(metadata.descriptors().general().national_number().as_str());
        let national_prefix = metadata.national_prefix_for_parsing().map(|pattern| Pattern::prefix(pattern.as_str()));
        Self {
            country: metadata.id(),
            calling_code: metadata.country_code(),
            international_prefix: metadata.international_prefix().map(|pattern| Pattern::prefix(pattern.as_str())),
            national_prefix: national_prefix.or_else(|| metadata.national_prefix().map(Pattern::prefix)),
            transform: metadata.national_prefix_transform_rule().filter(|rule| !rule.is_empty()),
            local_lengths: self::lengths(local_lengths).difference(&lengths).copied().collect(),
            general: Shape { pattern: general, lengths: lengths.clone() },
            lengths,
            kinds: kinds.into_iter().map(|(kind, descriptor)| (kind, Shape::new(descriptor))).collect(),
            leading_digits: metadata.leading_digits().map(|pattern| Pattern::prefix(pattern.as_str())),
            formats: Layout::all(metadata, metadata.formats()),
            international_formats: Layout::all(metadata, metadata.international_formats()),
            metadata,
        }
    }
}

/// The kinds of numbers that a country has. The order matters: the first that fits a number is
/// its kind.
fn kinds(descriptors: &'static Descriptors) -> Vec<(Kind, &'static Descriptor)> {
    let kinds = [
        (Kind::PremiumRate, descriptors.premium_rate()),
        (Kind::TollFree, descriptors.toll_free()),
        (Kind::SharedCost, descriptors.shared_cost()),
        (Kind::Voip, descriptors.voip()),
        (Kind::PersonalNumber, descriptors.personal_number()),
        (Kind::Pager, descriptors.pager()),
        (Kind::Uan, descriptors.uan()),
        (Kind::Voicemail, descriptors.voicemail()),
        (Kind::FixedLine, descriptors.fixed_line()),
        (Kind::Mobile, descriptors.mobile()),
    ];
    kinds.into_iter().filter_map(|(kind, descriptor)| Some((kind, descriptor?))).collect()
}

fn lengths<'a>(lengths: impl Iterator<Item = &'a u16>) -> BTreeSet<usize> {
    lengths.map(|&length| usize::from(length)).collect()
}

impl Shape {
    fn new(descriptor: &'static Descriptor) -> Self {
        let pattern = Pattern::whole(descriptor.national_number().as_str());
        Self { pattern, lengths: lengths(descriptor.possible_length().iter()) }
    }

    fn matches(&self, national: &str) -> bool {
        (self.lengths.is_empty() || self.lengths.contains(&national.len())) && self.pattern.matches(national)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expression_of_the_tables_compiles() {
        for plan in PLANS.values().chain(GLOBAL_PLANS.values()) {
            let layouts = plan.formats.iter().chain(&plan.international_formats);
            let formats = layouts.flat_map(|layout| [Some(&layout.pattern), layout.leading_digits.as_ref()]).flatten();
            let shapes = plan.kinds.iter().map(|(_, shape)| &shape.pattern).chain([&plan.general.pattern]);
            let others = [&plan.international_prefix, &plan.national_prefix, &plan.leading_digits];
            for pattern in formats.chain(shapes).chain(others.into_iter().flatten()) {
                assert!(pattern.compiles(), "{pattern:?} of {}", plan.country);
            }
        }
    }
}
