//! Lookup: what kind of number one is. The answers come from the number's digits alone.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Map, Value, json};

use super::account::Account;
use super::create::is_e164;

/// Answers that Twilio gives only when they are asked for.
const PACKAGES: [&str; 10] = [
    "call_forwarding",
    "caller_name",
    "identity_match",
    "line_status",
    "line_type_intelligence",
    "phone_number_quality_score",
    "pre_fill",
    "reassigned_number",
    "sim_swap",
    "sms_pumping_risk",
];

/// `GET /v2/PhoneNumbers/{number}`.
pub(super) async fn fetch(
    State(account): State<Arc<Account>>,
    Path(number): Path<String>,
    RawQuery(query): RawQuery,
) -> Json<Value> {
    let query: Vec<_> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let get = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let number = international(&number, get("CountryCode").unwrap_or("US"));
    let fields: Vec<&str> = get("Fields").unwrap_or_default().split(',').map(str::trim).collect();
    let mut answer = describe(&number);
    for package in PACKAGES {
        let told = if fields.contains(&package) { tell(package, &number) } else { Value::Null };
        answer.insert(package.to_owned(), told);
    }
    answer.insert("url".to_owned(), format!("{}/v2/PhoneNumbers/{number}", account.url).into());
    Json(Value::Object(answer))
}

/// A number in E.164; one without a country is of the country that is told.
fn international(number: &str, country: &str) -> String {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    match (number.trim_start().starts_with('+'), country) {
        (true, _) => format!("+{digits}"),
        (false, "MX") => format!("+52{digits}"),
        (false, _) => format!("+1{digits}"),
    }
}

fn describe(number: &str) -> Map<String, Value> {
    let country = country(number);
    let errors = errors(number);
    let valid = errors.is_empty();
    let code = country.map(|(code, _)| code);
    let national = code.and_then(|code| number.strip_prefix('+')?.strip_prefix(code)).map(grouped);
    let told = json!({
        "calling_country_code": code,
        "country_code": country.filter(|_| valid).map(|(_, name)| name),
        "national_format": national.filter(|_| valid),
        "phone_number": number,
        "valid": valid,
        "validation_errors": errors,
    });
    told.as_object().cloned().unwrap_or_default()
}

/// The calling code and the country, of those that are told apart here.
fn country(number: &str) -> Option<(&'static str, &'static str)> {
    let countries = [("1", "US"), ("52", "MX"), ("34", "ES"), ("44", "GB"), ("54", "AR"), ("57", "CO")];
    let digits = number.strip_prefix('+')?;
    countries.into_iter().find(|(code, _)| digits.starts_with(code))
}

fn errors(number: &str) -> Vec<&'static str> {
    let length = number.len().saturating_sub(1);
    let expected = match country(number) {
        Some(("1", _)) => 11..=11,
        Some(("52", _)) => 12..=12,
        _ => 7..=15,
    };
    if length == 0 {
        vec!["NOT_A_NUMBER"]
    } else if number.starts_with("+0") {
        vec!["INVALID_COUNTRY_CODE"]
    } else if length < *expected.start() {
        vec!["TOO_SHORT"]
    } else if length > *expected.end() {
        vec!["TOO_LONG"]
    } else if number.ends_with("21211") || !is_e164(number) {
        vec!["INVALID_BUT_POSSIBLE"]
    } else {
        vec![]
    }
}

/// A national number as people in America write it; any other as it is.
fn grouped(digits: &str) -> String {
    let ten: Vec<char> = digits.chars().collect();
    let text = |range: std::ops::Range<usize>| ten.get(range).unwrap_or_default().iter().collect::<String>();
    if ten.len() == 10 { format!("({}) {}-{}", text(0..3), text(3..6), text(6..10)) } else { digits.to_owned() }
}

/// The kind of line. A number that ends in the error a landline leads to is one.
fn line(number: &str) -> &'static str {
    let national = country(number).and_then(|(code, _)| number.strip_prefix('+')?.strip_prefix(code));
    let starts = |prefixes: &[&str]| national.is_some_and(|digits| prefixes.iter().any(|one| digits.starts_with(one)));
    if number.ends_with("30006") || number.ends_with("21614") || number == "+15005550009" {
        "landline"
    } else if number.ends_with("30005") {
        "unknown"
    } else if number.ends_with("30007") {
        "nonFixedVoip"
    } else if starts(&["800", "888", "877", "866", "855", "844", "833"]) {
        "tollFree"
    } else if starts(&["900"]) {
        "premium"
    } else {
        "mobile"
    }
}

/// The error that a number ends in, of those that come with a line.
fn fault(digits: &str) -> Option<u32> {
    [60600, 60606, 60608, 60616].into_iter().find(|code| digits.ends_with(&code.to_string()))
}

fn tell(package: &str, number: &str) -> Value {
    let digits = number.trim_start_matches('+');
    match package {
        "line_type_intelligence" if fault(digits).is_some() => json!({
            "carrier_name": null,
            "error_code": fault(digits),
            "mobile_country_code": null,
            "mobile_network_code": null,
            "type": null,
        }),
        "line_type_intelligence" => {
            let line = line(number);
            let carrier = match line {
                "mobile" if digits.starts_with("52") => Some(("334", "020", "Radiomovil Dipsa (Telcel)")),
                "mobile" => Some(("310", "160", "T-Mobile USA, Inc.")),
                "landline" => Some(("334", "000", "Telmex")),
                "nonFixedVoip" => Some(("240", "38", "Twilio - SMS/MMS-SVR")),
                _ => None,
            };
            json!({
                "carrier_name": carrier.map(|(_, _, name)| name),
                "error_code": null,
                "mobile_country_code": carrier.map(|(country, _, _)| country),
                "mobile_network_code": carrier.map(|(_, network, _)| network),
                "type": line,
            })
        }
        "sms_pumping_risk" => json!({
            "carrier_risk_category": "low",
            "error_code": null,
            "number_blocked": false,
            "number_blocked_date": null,
            "number_blocked_last_3_months": false,
            "sms_pumping_risk_score": if digits.ends_with("30007") { 90 } else { 5 },
        }),
        "reassigned_number" => json!({
            "error_code": null,
            "is_number_reassigned": if digits.ends_with("30005") { "yes" } else { "no" },
            "last_verified_date": null,
        }),
        _ => json!({ "error_code": 60606 }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_told_by_its_digits() {
        let cases = [
            ("+525512345678", "US", true, "mobile", &[][..]),
            ("5512345678", "MX", true, "mobile", &[]),
            ("+529981130006", "US", true, "landline", &[]),
            ("+14155550100", "US", true, "mobile", &[]),
            ("4155550100", "US", true, "mobile", &[]),
            ("+18005551212", "US", true, "tollFree", &[]),
            ("+52551234567", "US", false, "mobile", &["TOO_SHORT"]),
            ("+5255123456789", "US", false, "mobile", &["TOO_LONG"]),
            ("+529981121211", "US", false, "mobile", &["INVALID_BUT_POSSIBLE"]),
            ("+0123456789", "US", false, "mobile", &["INVALID_COUNTRY_CODE"]),
        ];
        for (number, country, valid, kind, errors) in cases {
            let number = international(number, country);
            let told = describe(&number);
            assert_eq!((&told["valid"], &told["validation_errors"]), (&json!(valid), &json!(errors)), "{number}");
            assert_eq!(line(&number), kind, "{number}");
        }
        assert_eq!(tell("line_type_intelligence", "+529981160600")["error_code"], 60600);
        assert_eq!(describe("+14159929960")["national_format"], "(415) 992-9960");
    }
}
