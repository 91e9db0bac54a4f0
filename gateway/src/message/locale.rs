//! The languages that Recado speaks to people in.
//!
//! Owns how a language is asked for: a BCP 47 tag, an `Accept-Language` header. Must not know
//! what is said in it.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Locale {
    Es,
    #[default]
    En,
}

/// A tag of a language that Recado does not speak.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Recado speaks `es` and `en`, not `{0}`")]
pub struct UnknownLocale(String);

impl Locale {
    /// The language of a BCP 47 tag such as `es-MX`; English for one that Recado does not speak.
    pub fn from_tag(tag: &str) -> Self {
        Self::known(tag).unwrap_or(Self::En)
    }

    /// What an `Accept-Language` header asks for: of the languages that Recado speaks, the one
    /// with the highest weight, the first of equals. `*`, and a header with none of them, mean
    /// the fallback.
    pub fn negotiate(header: &str, fallback: Self) -> Self {
        let mut best: Option<(Self, f32)> = None;
        for range in header.split(',') {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let locale = if tag.trim() == "*" { Some(fallback) } else { Self::known(tag) };
            let Some(locale) = locale else { continue };
            let weight = weight(parameters);
            if weight > best.map_or(0.0, |(_, highest)| highest) {
                best = Some((locale, weight));
            }
        }
        best.map_or(fallback, |(locale, _)| locale)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es => "es",
            Self::En => "en",
        }
    }

    fn known(tag: &str) -> Option<Self> {
        let language = tag.trim().split(['-', '_']).next().unwrap_or_default();
        [Self::Es, Self::En].into_iter().find(|locale| language.eq_ignore_ascii_case(locale.as_str()))
    }
}

/// The `q` of a language range: 1 where there is none, 0 (not wanted) where it makes no sense.
fn weight(parameters: &str) -> f32 {
    let named = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let mut weights = named.filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
    weights.next().map_or(1.0, |(_, weight)| weight.trim().parse().unwrap_or(0.0))
}

impl std::fmt::Display for Locale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Locale {
    type Err = UnknownLocale;

    fn from_str(tag: &str) -> Result<Self, Self::Err> {
        Self::known(tag).ok_or_else(|| UnknownLocale(tag.to_owned()))
    }
}

impl TryFrom<String> for Locale {
    type Error = UnknownLocale;

    fn try_from(tag: String) -> Result<Self, Self::Error> {
        tag.parse()
    }
}

impl From<Locale> for String {
    fn from(locale: Locale) -> Self {
        locale.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Locale::*, *};

    #[test]
    fn a_tag_names_a_language_whatever_its_region_and_case() {
        let cases = [("es", Es), ("es-MX", Es), ("ES_mx", Es), (" es-419 ", Es), ("en-GB", En), ("est", En), ("", En)];
        for (tag, expected) in cases {
            assert_eq!(Locale::from_tag(tag), expected, "{tag:?}");
        }
        assert_eq!("fr".parse::<Locale>(), Err(UnknownLocale("fr".into())));
    }

    #[test]
    fn the_wanted_language_with_the_highest_weight_wins() {
        let cases = [
            ("es-MX,es;q=0.9,en;q=0.8", En, Es),
            ("fr-FR, en;q=0.3, es;q=0.7", En, Es),
            ("en;q=0.5,es;q=0.5", Es, En),
            ("es;q=0, en", Es, En),
            ("es;q=0", En, En),
            ("fr, *;q=0.5", Es, Es),
            ("en;q=0.4, *;q=0.5", Es, Es),
            ("es;level=1;q=0.2,en;q=0.1", En, Es),
            ("es;q=much,en;q=0.1", Es, En),
            ("de,fr", Es, Es),
            ("", Es, Es),
            (";;;,,=,q=1", En, En),
        ];
        for (header, fallback, expected) in cases {
            assert_eq!(Locale::negotiate(header, fallback), expected, "{header:?}");
        }
    }

    #[test]
    fn it_is_written_and_read_as_its_tag() {
        assert_eq!(serde_json::to_string(&Es).unwrap(), "\"es\"");
        assert_eq!(serde_json::from_str::<Locale>("\"en-US\"").unwrap(), En);
        assert!(serde_json::from_str::<Locale>("\"fr\"").is_err());
        assert_eq!((Es.to_string(), Locale::default()), ("es".into(), En));
    }

    proptest! {
        #[test]
        fn no_header_panics(header in any::<String>()) {
            Locale::negotiate(&header, Es);
        }
    }
}
