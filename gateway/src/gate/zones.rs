//! Which time it is where a number is from.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::message::{Address, phone};

/// By ISO 3166 code. Countries with several time zones are not among them: their numbers do not tell.
static ZONES: LazyLock<BTreeMap<&'static str, &'static str>> = LazyLock::new(|| {
    include_str!("zones.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .collect()
});

/// The time zone of a number's country, if that has one alone and is not `home`: there the operator knows better.
pub(super) fn of(address: &Address, home: &str) -> Option<&'static str> {
    let number = address.as_str().strip_prefix("whatsapp:").unwrap_or(address.as_str());
    if !number.starts_with('+') {
        return None;
    }
    let country = phone::inspect(number, home).country?;
    if country == home { None } else { ZONES.get(country.as_str()).copied() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_with_one_time_tells_it() {
        let cases = [
            ("+50688887777", Some("America/Costa_Rica")),
            ("whatsapp:+573011234567", Some("America/Bogota")),
            ("+5491123456789", None),
            ("+529981234567", None),
            ("+12125550123", None),
            ("telegram:12345", None),
            ("22395", None),
            ("+999", None),
        ];
        for (address, expected) in cases {
            assert_eq!(of(&Address::received(address), "MX"), expected, "{address}");
        }
        assert_eq!(of(&Address::received("+573011234567"), "CO"), None, "at home, the operator's own time goes");
    }

    #[test]
    fn every_zone_of_the_table_is_one() {
        assert!(ZONES.len() > 200, "{}", ZONES.len());
        for (country, zone) in ZONES.iter() {
            assert!(jiff::tz::TimeZone::get(zone).is_ok(), "{country}: {zone}");
        }
    }
}
