//! Phone numbers: from whatever people write to E.164, or to a reason why not.
//!
//! Owns what a number is and how to say that something is none. Must not know what is done with
//! a number. Agrees with Google's libphonenumber, on the same tables, but for Mexico: the ways
//! of dialling that Mexico gave up in 2019 (`01`, `044`, `045`, and the 1 after +52) are still
//! written, by people and by programs, and still mean the number without them.

mod layout;
mod pattern;
mod plan;
mod reading;
mod refusal;
#[cfg(test)]
mod tests;

use serde::Serialize;

use layout::Style;
use plan::{Length, Plan};
pub use refusal::{Expected, Refusal};

/// What a number is for, as far as its digits tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = NumberKind)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    FixedLine,
    Mobile,
    /// Where a country tells the two apart no more: a text may arrive.
    FixedLineOrMobile,
    TollFree,
    PremiumRate,
    SharedCost,
    Voip,
    PersonalNumber,
    Pager,
    Uan,
    Voicemail,
    Unknown,
}

/// All there is to say about a number; what is not known is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    pub input: String,
    /// Such a number is given out.
    pub valid: bool,
    /// Its length is one that the country has, if only within an area.
    pub possible: bool,
    pub e164: Option<String>,
    pub national: Option<String>,
    pub international: Option<String>,
    /// An ISO 3166 code; `001` for numbers of no country, such as +800.
    pub country: Option<String>,
    pub kind: Kind,
    #[serde(skip)]
    refusal: Option<Refusal>,
}

impl Inspection {
    /// Why the number is not valid.
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    fn refused(input: &str, refusal: Refusal) -> Self {
        Self {
            input: input.to_owned(),
            valid: false,
            possible: false,
            e164: None,
            national: None,
            international: None,
            country: None,
            kind: Kind::Unknown,
            refusal: Some(refusal),
        }
    }
}

/// Reads a number in any usual form, in E.164 or as it is dialled in `region` (an ISO 3166 code
/// such as `MX`), and tells what there is to tell.
pub fn inspect(input: &str, region: &str) -> Inspection {
    let number = match reading::read(input, region) {
        Ok(number) => number,
        Err(refusal) => return Inspection::refused(input, refusal),
    };
    let (plan, national) = (number.plan, number.national.as_str());
    let owner = Plan::of_number(plan.calling_code, national);
    let kind = owner.map_or(Kind::Unknown, |owner| owner.kind(national));
    let valid = kind != Kind::Unknown;
    let length = plan.length(national);
    Inspection {
        input: input.to_owned(),
        valid,
        possible: matches!(length, Length::Possible | Length::Local),
        e164: Some(format!("+{}{national}", plan.calling_code)),
        national: Some(plan.format(national, Style::National)),
        international: Some(plan.format(national, Style::International)),
        country: owner.map(|owner| owner.country.to_owned()),
        kind,
        refusal: if valid { None } else { Some(refusal(plan, length)) },
    }
}

/// Whether this is the code of a country (ISO 3166) whose numbers are known.
pub fn is_region(region: &str) -> bool {
    Plan::of(region).is_some()
}

/// Reads a number as [`inspect`] does and gives its E.164 form, if it is valid.
pub fn parse(input: &str, region: &str) -> Result<String, Refusal> {
    let inspection = inspect(input, region);
    match inspection.refusal {
        Some(refusal) => Err(refusal),
        None => inspection.e164.ok_or(Refusal::NotANumber),
    }
}

fn refusal(plan: &Plan, length: Length) -> Refusal {
    let expected = Expected::of(plan);
    match length {
        Length::TooShort => Refusal::TooShort(Some(expected)),
        Length::TooLong => Refusal::TooLong(Some(expected)),
        Length::Odd => Refusal::WrongLength(expected),
        Length::Local => Refusal::NoAreaCode(expected),
        Length::Possible => Refusal::NotValid(expected),
    }
}
