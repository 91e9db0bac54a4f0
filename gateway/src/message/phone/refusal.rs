//! Why a number was not taken, said so that a person can write a better one.

use super::plan::Plan;
use crate::message::Locale;

/// Why a number was not taken. Never holds the number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no number was given")]
    Empty,
    #[error("this is not a phone number")]
    NotANumber,
    /// The number has no country code, and the region it was to be read in is none.
    #[error("the number has no country code, and its region is not known")]
    UnknownRegion,
    #[error("the number starts with a country code that no country has")]
    UnknownCountry,
    #[error("the number is too short")]
    TooShort(Option<Expected>),
    #[error("the number is too long")]
    TooLong(Option<Expected>),
    /// Neither too short nor too long, but of a length that the country does not have.
    #[error("the number has the wrong length")]
    WrongLength(Expected),
    #[error("the number lacks its area code")]
    NoAreaCode(Expected),
    /// The length is right, but no such number is given out.
    #[error("the number does not exist")]
    NotValid(Expected),
}

/// What the numbers of a country look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// An ISO 3166 code; `001` for numbers of no country.
    pub country: &'static str,
    pub calling_code: u16,
    /// The lengths of a national number.
    pub lengths: Vec<usize>,
    pub example: Option<String>,
}

const EXAMPLE: &str = "+52 222 123 4567";

impl Refusal {
    /// A word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotANumber => "not-a-number",
            Self::UnknownRegion => "unknown-region",
            Self::UnknownCountry => "unknown-country",
            Self::TooShort(_) => "too-short",
            Self::TooLong(_) => "too-long",
            Self::WrongLength(_) => "wrong-length",
            Self::NoAreaCode(_) => "no-area-code",
            Self::NotValid(_) => "not-valid",
        }
    }

    /// What is wrong and what to write instead, for people.
    pub fn reason(&self, locale: Locale) -> String {
        let wrong = self.wrong(locale);
        let expected = self.expected().map(|expected| expected.lengths(locale)).unwrap_or_default();
        let example = self.expected().and_then(|expected| expected.example.as_deref()).unwrap_or(EXAMPLE);
        match locale {
            Locale::Es => format!("{wrong}{expected} Escríbelo con + y su código de país, por ejemplo {example}."),
            Locale::En => format!("{wrong}{expected} Write it with + and its country code, for example {example}."),
        }
    }

    fn expected(&self) -> Option<&Expected> {
        match self {
            Self::TooShort(expected) | Self::TooLong(expected) => expected.as_ref(),
            Self::WrongLength(expected) | Self::NoAreaCode(expected) | Self::NotValid(expected) => Some(expected),
            Self::Empty | Self::NotANumber | Self::UnknownRegion | Self::UnknownCountry => None,
        }
    }

    fn wrong(&self, locale: Locale) -> &'static str {
        match (self, locale) {
            (Self::Empty, Locale::Es) => "Falta el número de teléfono.",
            (Self::Empty, Locale::En) => "The phone number is missing.",
            (Self::NotANumber, Locale::Es) => "Esto no es un número de teléfono.",
            (Self::NotANumber, Locale::En) => "This is not a phone number.",
            (Self::UnknownRegion, Locale::Es) => "El número no trae código de país y no se sabe de qué país es.",
            (Self::UnknownRegion, Locale::En) => "The number has no country code, and its country is not known.",
            (Self::UnknownCountry, Locale::Es) => "El número empieza con un código de país que no existe.",
            (Self::UnknownCountry, Locale::En) => "The number starts with a country code that does not exist.",
            (Self::TooShort(_), Locale::Es) => "Al número le faltan dígitos.",
            (Self::TooShort(_), Locale::En) => "The number is too short.",
            (Self::TooLong(_), Locale::Es) => "Al número le sobran dígitos.",
            (Self::TooLong(_), Locale::En) => "The number is too long.",
            (Self::WrongLength(_), Locale::Es) => "El número no tiene la cantidad correcta de dígitos.",
            (Self::WrongLength(_), Locale::En) => "The number has the wrong number of digits.",
            (Self::NoAreaCode(_), Locale::Es) => "Al número le falta la clave de larga distancia.",
            (Self::NoAreaCode(_), Locale::En) => "The number lacks its area code.",
            (Self::NotValid(_), Locale::Es) => "Ese número no existe: revisa los primeros dígitos.",
            (Self::NotValid(_), Locale::En) => "There is no such number: check its first digits.",
        }
    }
}

impl Expected {
    pub(super) fn of(plan: &Plan) -> Self {
        Self {
            country: plan.country,
            calling_code: plan.calling_code,
            lengths: plan.lengths.iter().copied().collect(),
            example: plan.example(),
        }
    }

    fn lengths(&self, locale: Locale) -> String {
        let or = match locale {
            Locale::Es => "o",
            Locale::En => "or",
        };
        let code = self.calling_code;
        let lengths = match self.lengths.as_slice() {
            [] => return String::new(),
            [only] => only.to_string(),
            [first, .., last] if last - first + 1 == self.lengths.len() && self.lengths.len() > 2 => match locale {
                Locale::Es => format!("de {first} a {last}"),
                Locale::En => format!("{first} to {last}"),
            },
            [firsts @ .., last] => {
                let firsts: Vec<String> = firsts.iter().map(usize::to_string).collect();
                format!("{} {or} {last}", firsts.join(", "))
            }
        };
        match locale {
            Locale::Es => format!(" Después de +{code} van {lengths} dígitos."),
            Locale::En => format!(" After +{code} come {lengths} digits."),
        }
    }
}
