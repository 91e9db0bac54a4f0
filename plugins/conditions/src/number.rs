//! Where a phone number is from.
//!
//! By the beginning of the number alone, which a table of this size can tell: countries that share a
//! calling code are told apart in North America and the Caribbean and in Kazakhstan; elsewhere the
//! largest of them stands for all (`GB` for Jersey, too).

use std::borrow::Cow;

/// Beginnings of numbers with their countries, sorted. The longest that fits decides.
#[rustfmt::skip]
const COUNTRIES: &[(&str, &str)] = &[
    ("1", "US"), ("1204", "CA"), ("1226", "CA"), ("1236", "CA"), ("1242", "BS"), ("1246", "BB"), ("1249", "CA"),
    ("1250", "CA"), ("1257", "CA"), ("1263", "CA"), ("1264", "AI"), ("1268", "AG"), ("1284", "VG"), ("1289", "CA"),
    ("1306", "CA"), ("1340", "VI"), ("1343", "CA"), ("1345", "KY"), ("1354", "CA"), ("1365", "CA"), ("1367", "CA"),
    ("1368", "CA"), ("1382", "CA"), ("1387", "CA"), ("1403", "CA"), ("1416", "CA"), ("1418", "CA"), ("1428", "CA"),
    ("1431", "CA"), ("1437", "CA"), ("1438", "CA"), ("1441", "BM"), ("1450", "CA"), ("1460", "CA"), ("1468", "CA"),
    ("1473", "GD"), ("1474", "CA"), ("1506", "CA"), ("1514", "CA"), ("1519", "CA"), ("1537", "CA"), ("1548", "CA"),
    ("1568", "CA"), ("1579", "CA"), ("1581", "CA"), ("1584", "CA"), ("1587", "CA"), ("1604", "CA"), ("1613", "CA"),
    ("1639", "CA"), ("1647", "CA"), ("1649", "TC"), ("1658", "JM"), ("1664", "MS"), ("1670", "MP"), ("1671", "GU"),
    ("1672", "CA"), ("1683", "CA"), ("1684", "AS"), ("1705", "CA"), ("1709", "CA"), ("1721", "SX"), ("1742", "CA"),
    ("1753", "CA"), ("1758", "LC"), ("1767", "DM"), ("1778", "CA"), ("1780", "CA"), ("1782", "CA"), ("1784", "VC"),
    ("1787", "PR"), ("1807", "CA"), ("1809", "DO"), ("1819", "CA"), ("1825", "CA"), ("1829", "DO"), ("1849", "DO"),
    ("1867", "CA"), ("1868", "TT"), ("1869", "KN"), ("1873", "CA"), ("1876", "JM"), ("1879", "CA"), ("1902", "CA"),
    ("1905", "CA"), ("1939", "PR"), ("1942", "CA"), ("20", "EG"), ("211", "SS"), ("212", "MA"), ("213", "DZ"),
    ("216", "TN"), ("218", "LY"), ("220", "GM"), ("221", "SN"), ("222", "MR"), ("223", "ML"), ("224", "GN"),
    ("225", "CI"), ("226", "BF"), ("227", "NE"), ("228", "TG"), ("229", "BJ"), ("230", "MU"), ("231", "LR"),
    ("232", "SL"), ("233", "GH"), ("234", "NG"), ("235", "TD"), ("236", "CF"), ("237", "CM"), ("238", "CV"),
    ("239", "ST"), ("240", "GQ"), ("241", "GA"), ("242", "CG"), ("243", "CD"), ("244", "AO"), ("245", "GW"),
    ("246", "IO"), ("247", "AC"), ("248", "SC"), ("249", "SD"), ("250", "RW"), ("251", "ET"), ("252", "SO"),
    ("253", "DJ"), ("254", "KE"), ("255", "TZ"), ("256", "UG"), ("257", "BI"), ("258", "MZ"), ("260", "ZM"),
    ("261", "MG"), ("262", "RE"), ("263", "ZW"), ("264", "NA"), ("265", "MW"), ("266", "LS"), ("267", "BW"),
    ("268", "SZ"), ("269", "KM"), ("27", "ZA"), ("290", "SH"), ("291", "ER"), ("297", "AW"), ("298", "FO"),
    ("299", "GL"), ("30", "GR"), ("31", "NL"), ("32", "BE"), ("33", "FR"), ("34", "ES"), ("350", "GI"), ("351", "PT"),
    ("352", "LU"), ("353", "IE"), ("354", "IS"), ("355", "AL"), ("356", "MT"), ("357", "CY"), ("358", "FI"),
    ("359", "BG"), ("36", "HU"), ("370", "LT"), ("371", "LV"), ("372", "EE"), ("373", "MD"), ("374", "AM"),
    ("375", "BY"), ("376", "AD"), ("377", "MC"), ("378", "SM"), ("380", "UA"), ("381", "RS"), ("382", "ME"),
    ("383", "XK"), ("385", "HR"), ("386", "SI"), ("387", "BA"), ("389", "MK"), ("39", "IT"), ("40", "RO"),
    ("41", "CH"), ("420", "CZ"), ("421", "SK"), ("423", "LI"), ("43", "AT"), ("44", "GB"), ("45", "DK"), ("46", "SE"),
    ("47", "NO"), ("48", "PL"), ("49", "DE"), ("500", "FK"), ("501", "BZ"), ("502", "GT"), ("503", "SV"),
    ("504", "HN"), ("505", "NI"), ("506", "CR"), ("507", "PA"), ("508", "PM"), ("509", "HT"), ("51", "PE"),
    ("52", "MX"), ("53", "CU"), ("54", "AR"), ("55", "BR"), ("56", "CL"), ("57", "CO"), ("58", "VE"), ("590", "GP"),
    ("591", "BO"), ("592", "GY"), ("593", "EC"), ("594", "GF"), ("595", "PY"), ("596", "MQ"), ("597", "SR"),
    ("598", "UY"), ("599", "CW"), ("60", "MY"), ("61", "AU"), ("62", "ID"), ("63", "PH"), ("64", "NZ"), ("65", "SG"),
    ("66", "TH"), ("670", "TL"), ("672", "NF"), ("673", "BN"), ("674", "NR"), ("675", "PG"), ("676", "TO"),
    ("677", "SB"), ("678", "VU"), ("679", "FJ"), ("680", "PW"), ("681", "WF"), ("682", "CK"), ("683", "NU"),
    ("685", "WS"), ("686", "KI"), ("687", "NC"), ("688", "TV"), ("689", "PF"), ("690", "TK"), ("691", "FM"),
    ("692", "MH"), ("7", "RU"), ("76", "KZ"), ("77", "KZ"), ("81", "JP"), ("82", "KR"), ("84", "VN"), ("850", "KP"),
    ("852", "HK"), ("853", "MO"), ("855", "KH"), ("856", "LA"), ("86", "CN"), ("880", "BD"), ("886", "TW"),
    ("90", "TR"), ("91", "IN"), ("92", "PK"), ("93", "AF"), ("94", "LK"), ("95", "MM"), ("960", "MV"), ("961", "LB"),
    ("962", "JO"), ("963", "SY"), ("964", "IQ"), ("965", "KW"), ("966", "SA"), ("967", "YE"), ("968", "OM"),
    ("970", "PS"), ("971", "AE"), ("972", "IL"), ("973", "BH"), ("974", "QA"), ("975", "BT"), ("976", "MN"),
    ("977", "NP"), ("98", "IR"), ("992", "TJ"), ("993", "TM"), ("994", "AZ"), ("995", "GE"), ("996", "KG"),
    ("998", "UZ"),
];

/// The longest beginning in the table.
const LONGEST: usize = 4;

/// The ISO 3166 code of an E.164 number's country; nothing for short codes, names and the like.
pub fn country(address: &str) -> Option<&'static str> {
    let number = number(address);
    let digits = number.strip_prefix('+')?;
    (1..=LONGEST).rev().find_map(|length| {
        let index = COUNTRIES.binary_search_by_key(&digits.get(..length)?, |(beginning, _)| beginning).ok()?;
        Some(COUNTRIES[index].1)
    })
}

/// Whether an address begins so. Spaces and brackets in what an operator wrote don't matter.
pub fn has_prefix(address: &str, prefix: &str) -> bool {
    let prefix: String = prefix.chars().filter(|sign| !matches!(sign, ' ' | '(' | ')' | '-' | '.')).collect();
    !prefix.is_empty() && number(address).starts_with(&prefix)
}

/// An address without the network it is of, as in `whatsapp:`. A Mexican mobile in the form used until
/// 2019, which WhatsApp still has, becomes today's.
fn number(address: &str) -> Cow<'_, str> {
    let number = address.rsplit(':').next().unwrap_or(address);
    match number.strip_prefix("+521") {
        Some(national) if national.len() == 10 => Cow::Owned(format!("+52{national}")),
        _ => Cow::Borrowed(number),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use phonenumber::metadata::DATABASE;

    use super::*;

    /// Countries that share their calling code with a larger one.
    const SHARED: [&str; 15] =
        ["AX", "BL", "BQ", "CC", "CX", "EH", "GG", "IM", "JE", "MF", "SJ", "TA", "VA", "YT", "001"];

    #[test]
    fn the_table_is_sorted_and_no_longer_than_it_says() {
        assert!(COUNTRIES.is_sorted());
        assert_eq!(COUNTRIES.iter().map(|(beginning, _)| beginning.len()).max(), Some(LONGEST));
    }

    #[test]
    fn every_country_of_the_world_is_found_by_a_number_of_its_own() {
        let mut missed = BTreeSet::new();
        let mut seen = 0;
        for region in DATABASE.iter() {
            let Some(example) = region.descriptors().fixed_line().and_then(|line| line.example()) else { continue };
            seen += 1;
            let found = country(&format!("+{}{example}", region.country_code()));
            if found != Some(region.id()) && !SHARED.contains(&region.id()) {
                missed.insert((region.id().to_owned(), found));
            }
        }
        assert_eq!(missed, BTreeSet::new());
        assert!(seen > 230, "{seen}");
    }

    #[test]
    fn what_is_no_number_is_from_nowhere() {
        let cases = [
            ("+529983162438", Some("MX")),
            ("whatsapp:+529983162438", Some("MX")),
            ("+14165550123", Some("CA")),
            ("+1", Some("US")),
            ("+", None),
            ("", None),
            ("12345", None),
            ("RECADO", None),
            ("+999123", None),
            ("+ñ", None),
        ];
        for (address, expected) in cases {
            assert_eq!(country(address), expected, "{address:?}");
        }
    }

    #[test]
    fn a_prefix_may_be_written_as_people_write_it() {
        let cases = [
            ("+529983162438", "+52", true),
            ("+529983162438", "+52 (998)", true),
            ("whatsapp:+529983162438", "+52", true),
            ("whatsapp:+5219983162438", "+52 998", true),
            ("+5215", "+521", true),
            ("+529983162438", "+1", false),
            ("+529983162438", "52", false),
            ("72345", "72", true),
            ("+529983162438", " ", false),
        ];
        for (address, prefix, expected) in cases {
            assert_eq!(has_prefix(address, prefix), expected, "{address:?} {prefix:?}");
        }
    }
}
