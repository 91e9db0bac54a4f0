//! Where a message comes from or goes to.

use serde::{Deserialize, Serialize};

use super::phone;

/// A phone number in E.164, or what else a provider uses as one: a short code, a name.
///
/// Its `Debug` form hides all but the ends, so that it can't slip into a log in clear.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// What a person or an application wrote: a number in any usual form, in E.164 or as dialled
    /// in `region` (an ISO 3166 code such as `MX`).
    pub fn parse(input: &str, region: &str) -> Result<Self, phone::Refusal> {
        phone::parse(input, region).map(Self)
    }

    /// What a provider sent. Providers give E.164 where they know it and the raw caller id
    /// otherwise, so everything is taken; a Mexican mobile in the form used until 2019
    /// (`+521…`) becomes today's, since both are the same person.
    pub fn received(raw: &str) -> Self {
        let raw = raw.trim();
        match raw.strip_prefix("+521") {
            Some(national) if national.len() == 10 && national.bytes().all(|b| b.is_ascii_digit()) => {
                Self(format!("+52{national}"))
            }
            _ => Self(raw.to_owned()),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form for logs: enough to tell two apart, too little to call anyone.
    pub fn redacted(&self) -> String {
        let count = self.0.chars().count();
        let keep = if count > 8 { 3 } else { 1 };
        let head: String = self.0.chars().take(keep).collect();
        let tail: String = self.0.chars().skip(count.saturating_sub(2)).collect();
        format!("{head}…{tail}")
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.redacted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_received_address_is_kept_but_for_the_old_mexican_mobile_form() {
        let cases = [
            ("+5219983162438", "+529983162438"),
            ("+529983162438", "+529983162438"),
            (" +14155550100 ", "+14155550100"),
            ("+52199831624", "+52199831624"),
            ("22395", "22395"),
            ("RECADO", "RECADO"),
            ("", ""),
        ];
        for (raw, expected) in cases {
            assert_eq!(Address::received(raw).as_str(), expected, "{raw:?}");
        }
    }

    #[test]
    fn the_debug_form_shows_only_the_ends() {
        assert_eq!(format!("{:?}", Address::received("+529983162438")), "+52…38");
        assert_eq!(format!("{:?}", Address::received("22395")), "2…95");
    }
}
