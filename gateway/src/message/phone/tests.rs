//! Numbers against the tables made with the libraries of Google.

use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::message::Locale;

const TABLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/tables/phones.json"));

/// Whether a refusal says what Google's library said.
fn says(refusal: &Refusal, error: &str) -> bool {
    match refusal {
        Refusal::Empty | Refusal::NotANumber => error == "NOT_A_NUMBER",
        Refusal::UnknownRegion | Refusal::UnknownCountry => error == "INVALID_COUNTRY_CODE",
        Refusal::TooShort(None) => matches!(error, "TOO_SHORT_NSN" | "TOO_SHORT_AFTER_IDD"),
        Refusal::TooLong(None) => error == "TOO_LONG",
        _ => false,
    }
}

/// What is common to all kinds of cases: a number that is refused, and one that is valid.
fn check(input: &str, region: &str, valid: bool, e164: &Value, error: &Value) {
    let (inspection, parsed) = (inspect(input, region), parse(input, region));
    assert_eq!(serde_json::to_value(&inspection.e164).unwrap(), *e164, "{input:?} in {region}");
    assert_eq!(inspection.valid, valid, "{input:?} in {region}");
    assert_eq!(inspection.refusal(), parsed.as_ref().err(), "{input:?} in {region}");
    assert_eq!(parsed.ok(), inspection.e164.filter(|_| valid), "{input:?} in {region}");
    if let Some(error) = error.as_str() {
        let refusal = inspection.refusal.unwrap();
        assert!(says(&refusal, error), "{input:?} in {region}: {refusal:?} for {error}");
    }
}

#[test]
fn numbers_are_read_as_googles_library_reads_them() {
    let table: Value = serde_json::from_str(TABLE).unwrap();
    let cases = table["cases"].as_array().unwrap();
    assert!(cases.len() >= 300, "the table is whole");
    for case in cases {
        let (input, region) = (case["input"].as_str().unwrap(), case["region"].as_str().unwrap());
        check(input, region, case["valid"] == true, &case["e164"], &case["error"]);
        let inspection = serde_json::to_value(inspect(input, region)).unwrap();
        for name in ["possible", "national", "international", "country", "kind"] {
            if case["error"].is_null() {
                assert_eq!(inspection[name], case[name], "{name} of {input:?} in {region}");
            }
        }
    }
}

/// Cases from elsewhere, in the folder that `RECADO_EXTRA_VECTORS` names.
#[test]
fn numbers_are_read_as_the_extra_vectors_say() {
    let Some(folder) = std::env::var_os("RECADO_EXTRA_VECTORS") else { return };
    let vectors = std::fs::read_to_string(Path::new(&folder).join("phones.json")).unwrap();
    let vectors: Value = serde_json::from_str(&vectors).unwrap();
    for case in vectors["parse"].as_array().unwrap().iter().chain(vectors["examples"].as_array().unwrap()) {
        let (input, region) = (case["input"].as_str().unwrap(), case["default_region"].as_str().unwrap());
        let expected = case.get("production_metadata").unwrap_or(&case["expect"]);
        let e164 = expected["e164"].as_str().unwrap_or_default();
        if let Some(national) = e164.strip_prefix("+521").filter(|national| national.len() == 10) {
            // The one thing that we know better: the form that Mexico gave up.
            check(input, region, true, &format!("+52{national}").into(), &Value::Null);
            continue;
        }
        check(input, region, expected["valid"] == true, &expected["e164"], &expected["error"]);
        let inspection = serde_json::to_value(inspect(input, region)).unwrap();
        for (ours, theirs) in [("possible", "possible"), ("international", "international"), ("country", "region")] {
            let said = expected.get(theirs).unwrap_or(&inspection[ours]);
            assert_eq!(&inspection[ours], said, "{ours} of {input:?} in {region}");
        }
    }
}

#[test]
fn every_way_to_write_a_mexican_number_is_the_same_number() {
    let written = [
        "998 316 2438",
        "0998 316 2438",
        "09983162438",
        "+521 998 316 2438",
        "5219983162438",
        "01 998 316 2438",
        "044 998 316 2438",
        "045 998 316 2438",
        "(998) 316-2438",
        "00 52 998 316 2438",
        "tel:+52-998-316-2438",
        "９９８３１６２４３８",
        "+52 044 998 316 2438",
    ];
    for input in written {
        assert_eq!(parse(input, "MX").as_deref(), Ok("+529983162438"), "{input:?}");
        assert_eq!(parse(input, " mx "), parse(input, "MX"), "{input:?}");
    }
    for input in ["+5219983162438", "+52 998 316 2438"] {
        assert_eq!(parse(input, "nowhere").as_deref(), Ok("+529983162438"), "{input:?}");
    }
    for input in ["1 998 316 2438", "044 198 316 2438", "01 998 316 243"] {
        assert!(parse(input, "MX").is_err(), "{input:?}");
    }
}

#[test]
fn an_inspection_is_written_in_order() {
    let expected = concat!(
        r#"{"input":"800 911 0000","valid":true,"possible":true,"e164":"+528009110000","national":"800 911 0000","#,
        r#""international":"+52 800 911 0000","country":"MX","kind":"toll-free"}"#
    );
    assert_eq!(serde_json::to_string(&inspect("800 911 0000", "MX")).unwrap(), expected);
    let expected = concat!(
        r#"{"input":"hola","valid":false,"possible":false,"e164":null,"national":null,"international":null,"#,
        r#""country":null,"kind":"unknown"}"#
    );
    assert_eq!(serde_json::to_string(&inspect("hola", "MX")).unwrap(), expected);
}

#[test]
fn a_refusal_says_what_is_wrong_and_what_to_write() {
    let cases = [
        (" ", "MX", "empty", "Falta el número", "+52 222 123 4567"),
        ("hola", "MX", "not-a-number", "no es un número", "+52 222 123 4567"),
        ("998 316 2438", "", "unknown-region", "no trae código de país", "+52 222 123 4567"),
        ("+999 123 4567", "MX", "unknown-country", "código de país que no existe", "+52 222 123 4567"),
        ("+52 998", "MX", "too-short", "faltan dígitos. Después de +52 van 10 dígitos.", "+52 222 123 4567"),
        ("0052", "MX", "too-short", "faltan dígitos. Escr", "+52 222 123 4567"),
        ("998 316 24389", "MX", "too-long", "sobran dígitos. Después de +52 van 10 dígitos.", "+52 222 123 4567"),
        ("61234567", "IT", "not-valid", "no existe", "+39 312 345 6789"),
        ("612 34 56", "DK", "too-short", "Después de +45 van 8 dígitos.", "+45 34 41 23 45"),
        ("316 2438", "MX", "no-area-code", "falta la clave de larga distancia", "+52 222 123 4567"),
        ("198 316 2438", "MX", "not-valid", "no existe", "+52 222 123 4567"),
        ("+800 123", "MX", "too-short", "Después de +800 van 8 dígitos.", "+800 1234 5678"),
        ("+225 1234567", "MX", "too-short", "Después de +225 van 10 dígitos.", "+225 01 23 45 6789"),
        ("+64 12", "MX", "too-short", "Después de +64 van de 5 a 10 dígitos.", "+64 21 123 4567"),
        ("+357 1234567", "MX", "too-short", "Después de +357 van 8 dígitos.", "+357 96 123456"),
        ("+55 12", "MX", "too-short", "Después de +55 van de 8 a 11 dígitos.", "+55 11 96123-4567"),
        ("+47 123456", "MX", "wrong-length", "van 5 o 8 dígitos.", "+47 40 61 23 45"),
    ];
    for (input, region, code, wrong, example) in cases {
        let refusal = parse(input, region).unwrap_err();
        let reason = refusal.reason(Locale::Es);
        assert_eq!(refusal.code(), code, "{input:?}");
        assert!(reason.contains(wrong) && reason.ends_with(&format!(" por ejemplo {example}.")), "{input:?}: {reason}");
    }
    let refusal = parse("+47 123456", "MX").unwrap_err();
    let expected = "The number has the wrong number of digits. After +47 come 5 or 8 digits. \
                    Write it with + and its country code, for example +47 40 61 23 45.";
    assert_eq!(refusal.reason(Locale::En), expected);
}

fn written() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<String>(),
        "[0-9]{1,14}",
        "[-+() ./x#*;,]{1,4}",
        "[٠-٩０-９a-zA-Z]{1,6}",
        Just(";phone-context=".to_owned()),
        Just(";ext=".to_owned()),
        Just("tel:".to_owned()),
        Just(";isub=".to_owned()),
        Just("+52".to_owned()),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_input_panics_and_what_is_taken_is_e164(input in written(), region in "MX|US|AR|BR|IT|ZZ|001|[A-Za-z0-9]{0,3}") {
        if let Ok(number) = parse(&input, &region) {
            let digits = number.strip_prefix('+').unwrap();
            prop_assert!(digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.len() <= 17, "{}", number);
            prop_assert_eq!(parse(&number, ""), Ok(number.clone()));
        }
    }

    #[test]
    fn a_reason_never_holds_the_number(input in "[0-9]{6,30}") {
        if let Err(refusal) = parse(&input, "MX") {
            prop_assert!(!refusal.reason(Locale::Es).contains(&input));
        }
    }
}

#[test]
fn the_longest_inputs_are_refused_at_once() {
    for input in ["9".repeat(1_000_000), "٩+".repeat(500_000), "; x #".repeat(500_000), "👍🏽".repeat(200_000)] {
        assert_eq!(parse(&input, "MX"), Err(Refusal::TooLong(None)));
    }
}
