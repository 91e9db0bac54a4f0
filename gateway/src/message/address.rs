//! Where a message comes from or goes to.

use serde::{Deserialize, Serialize};

use super::phone;

/// Put before a number that is reached by WhatsApp instead of a text.
const WHATSAPP: &str = "whatsapp:";

/// What may stand before a number without making it another kind of address.
const NUMBERS: [&str; 2] = ["whatsapp", "tel"];

/// The longest address behind a scheme.
const LONGEST_REST: usize = 128;

/// The longest name that may stand in place of a sender's number.
const MAX_NAME: usize = 11;

/// A phone number in E.164, or what else a provider uses as one: a short code, a name.
///
/// Its `Debug` form hides all but the ends, so that it can't slip into a log in clear.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// What a person or an application wrote: a number in any usual form, in E.164 or as dialled
    /// in `region` (an ISO 3166 code such as `MX`); with `whatsapp:` before it, one that is written
    /// to there.
    pub fn parse(input: &str, region: &str) -> Result<Self, phone::Refusal> {
        let Some(number) = input.trim().strip_prefix(WHATSAPP) else {
            return phone::parse(input, region).map(Self);
        };
        // WhatsApp has ids of its own: there a Mexican mobile may still begin with +521, and is not
        // reached without the 1.
        if is_international(number) && Self::received(number).0 != number {
            return Ok(Self(format!("{WHATSAPP}{number}")));
        }
        phone::parse(number, region).map(|number| Self(format!("{WHATSAPP}{number}")))
    }

    /// What an application writes to: a number as above, or an address of a scheme, which is taken as it
    /// stands, as in `telegram:12345`.
    pub fn recipient(input: &str, region: &str) -> Result<Self, phone::Refusal> {
        match Self(input.trim().to_owned()) {
            address if address.scheme().is_some_and(|scheme| !NUMBERS.contains(&scheme)) => Ok(address),
            _ => Self::parse(input, region),
        }
    }

    /// An address that is not a phone number, at a provider whose addresses are told by their scheme. None
    /// for what is no address.
    pub fn of_scheme(scheme: &str, rest: &str) -> Option<Self> {
        let address = Self(format!("{scheme}:{rest}"));
        (address.scheme() == Some(scheme)).then_some(address)
    }

    /// What stands before the colon of an address that is no number; that of WhatsApp stands before one.
    pub fn scheme(&self) -> Option<&str> {
        let (scheme, rest) = self.0.split_once(':')?;
        let word = (2..=32).contains(&scheme.len())
            && scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let given = (1..=LONGEST_REST).contains(&rest.len()) && rest.bytes().all(|byte| byte.is_ascii_graphic());
        (word && given).then_some(scheme)
    }

    /// What stands behind the scheme, or all of it.
    pub fn without_scheme(&self) -> &str {
        match self.scheme() {
            Some(_) => self.0.split_once(':').map_or("", |(_, rest)| rest),
            None => &self.0,
        }
    }

    /// What an operator or an application sends from: a number in E.164, also with `whatsapp:`
    /// before it, a short code, or a name of at most 11 letters, digits and spaces.
    pub fn sender(input: &str) -> Option<Self> {
        let input = input.trim();
        let number = input.strip_prefix(WHATSAPP).unwrap_or(input);
        let short_code = (3..=8).contains(&input.len()) && input.bytes().all(|byte| byte.is_ascii_digit());
        (is_international(number) || short_code || is_name(input)).then(|| Self::received(input))
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

/// A number in E.164, as far as can be told without the numbering plans.
fn is_international(number: &str) -> bool {
    number.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
    })
}

/// What Twilio calls an alphanumeric sender.
fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ')
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
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
    fn a_recipient_is_a_number_in_any_form_or_one_on_whatsapp() {
        let cases = [
            ("998 123 4567", Some("+529981234567")),
            ("whatsapp:+52 998 123 4567", Some("whatsapp:+529981234567")),
            (" whatsapp:9981234567 ", Some("whatsapp:+529981234567")),
            ("whatsapp:+5219981234567", Some("whatsapp:+5219981234567")),
            ("whatsapp:", None),
            ("whatsapp:nobody", None),
            ("22395", None),
            ("RECADO", None),
        ];
        for (input, expected) in cases {
            let parsed = Address::parse(input, "MX").ok();
            assert_eq!(parsed.as_ref().map(Address::as_str), expected, "{input:?}");
        }
    }

    #[test]
    fn an_address_of_a_scheme_is_taken_as_it_stands() {
        for good in ["telegram:12345", "telegram:-100123", "x-mail:somebody@example.com"] {
            assert_eq!(Address::recipient(good, "MX").unwrap().as_str(), good);
        }
        for bad in ["telegram:", "Telegram:1", "telegram:1 2", ":1", "t:1"] {
            assert!(Address::recipient(bad, "MX").is_err(), "{bad}");
        }
        let number = Address::recipient("tel:+52 998 123 4567", "MX").unwrap();
        assert_eq!((number.as_str(), number.scheme()), ("+529981234567", None));
        let address = Address::of_scheme("telegram", "12345").unwrap();
        assert_eq!((address.scheme(), address.without_scheme()), (Some("telegram"), "12345"));
        assert_eq!(Address::of_scheme("telegram", "1 2"), None);
    }

    #[test]
    fn a_sender_may_be_a_short_code_or_a_name_too() {
        for good in ["+529983162438", "+14155550100", "whatsapp:+14155550100", "223", "22395", "RECADO", "Mi Tienda 2"]
        {
            assert_eq!(Address::sender(good).as_ref().map(Address::as_str), Some(good));
        }
        assert_eq!(Address::sender(" RECADO ").as_ref().map(Address::as_str), Some("RECADO"));
        for bad in ["", "22", "123456789", "+0123456789", "+123456", "Recado Mexico", "Recado!", "whatsapp:RECADO"] {
            assert_eq!(Address::sender(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_debug_form_shows_only_the_ends() {
        assert_eq!(format!("{:?}", Address::received("+529983162438")), "+52…38");
        assert_eq!(format!("{:?}", Address::received("22395")), "2…95");
    }
}
