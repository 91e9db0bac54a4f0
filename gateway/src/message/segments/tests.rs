//! Segments against the tables made with Twilio's calculator.

use std::path::Path;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const TABLE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/tables/segments.json"));
const SMART: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/tables/smart.json"));

/// What the calculator's newest edition replaces by something else than Twilio's published list, which is
/// what we go by: there the angles stand the wrong way round.
const OF_THE_LIST: [(&str, &str, &str); 2] = [("‹", ">", "<"), ("›", "<", ">")];

/// What the calculator's older, compiled edition replaces by something else than its source and the list.
const COMPILED: (&str, &str, &str) = ("‗", "_", "'");

fn table() -> Value {
    serde_json::from_str(TABLE).unwrap()
}

/// Our figures under the names that the tables use.
fn figures(text: &str) -> Value {
    let counted = count(text);
    let mut figures = serde_json::to_value(&counted).unwrap();
    figures["message_bits"] = counted.message_bits().into();
    figures["total_bits"] = counted.total_bits().into();
    figures["bits_per_segment"] = counted.bits_per_segment().to_vec().into();
    figures["per_segment_message_bits"] = counted.bits_per_segment().to_vec().into();
    figures["unicode_scalars"] = counted.unicode_scalars().into();
    figures["last_segment_text"] = texts(text).pop().into();
    figures["udh_octets_per_segment"] = (HEADER_BITS / 8).into();
    figures["every_char_non_gsm7"] = text.chars().all(|character| gsm::septets(character).is_none()).into();
    figures
}

#[test]
fn the_figures_are_those_of_twilios_calculator() {
    let table = table();
    let cases = table["cases"].as_array().unwrap();
    assert!(cases.len() >= 150, "the table is whole");
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let figures = figures(text);
        for (name, expected) in case.as_object().unwrap().iter().filter(|(name, _)| *name != "text") {
            assert_eq!(&figures[name], expected, "{name} of {text:?}");
        }
    }
}

#[test]
fn the_alphabet_is_that_of_twilios_calculator() {
    let septets = &table()["septets"];
    for character in ('\0'..=char::MAX).filter(|&character| character < '\u{10000}') {
        let expected =
            [1, 2].into_iter().find(|price| septets[price.to_string()].as_str().unwrap().contains(character));
        assert_eq!(gsm::septets(character), expected, "{character:?}");
    }
}

#[test]
fn smart_encoding_replaces_what_twilios_calculator_does_and_nothing_else() {
    let table: Value = serde_json::from_str(SMART).unwrap();
    let replaced = table["replaced"].as_object().unwrap();
    assert!(replaced.len() >= 270, "the table is whole");
    for character in '\0'..'\u{10000}' {
        let text = String::from(character);
        let likeness = replaced.get(&format!("U+{:04X}", u32::from(character)));
        let likeness = likeness.map_or(text.as_str(), |likeness| likeness.as_str().unwrap());
        match OF_THE_LIST.iter().find(|(angle, ..)| *angle == text) {
            Some((_, ours, calculated)) => assert_eq!((smart(&text).as_str(), likeness), (*ours, *calculated)),
            None => assert_eq!(smart(&text), likeness, "{text:?}"),
        }
    }
    let cases = table["cases"].as_array().unwrap();
    assert!(cases.len() >= 50, "the table is whole");
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let encoded = smart(text);
        let expected = case["smart"].as_str().unwrap();
        if OF_THE_LIST.iter().any(|(angle, ..)| text.contains(angle)) {
            assert!(smart_editions(text).any(|edition| edition == expected), "{text:?}");
        } else {
            assert_eq!(encoded, expected, "{text:?}");
        }
        let figures = figures(&encoded);
        for name in ["encoding", "segments", "characters"] {
            assert_eq!(figures[name], case[name], "{name} of {text:?}");
        }
    }
}

#[test]
fn every_edition_of_smart_encoding_is_among_the_editions() {
    let editions = |text: &str| smart_editions(text).collect::<std::collections::BTreeSet<_>>();
    let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    assert_eq!(editions("“a”"), set(&["\"a\""]));
    assert_eq!(editions("‹a›"), set(&[">a<", "<a>"]));
    assert_eq!(editions("‹‗"), set(&[">_", ">'", "<_", "<'"]));
    assert_eq!(smart_editions("‹‗").next().as_deref(), Some(">_"), "the published list goes first");
}

#[test]
fn smart_encoding_pays_off_only_without_what_stays() {
    let cases = [
        ("“Hola”, dijo —y se fue…", "\"Hola\", dijo -y se fue...", Encoding::Gsm7),
        ("“Adiós”", "\"Adiós\"", Encoding::Ucs2),
        ("¿Vienes? ‘Sí’ 👍🏽", "¿Vienes? 'Sí' 👍🏽", Encoding::Ucs2),
        ("ñandú", "ñandú", Encoding::Ucs2),
        ("ＳＯＳ！", "SOS!", Encoding::Gsm7),
        ("1\u{a0}250\u{200b}", "1  250", Encoding::Gsm7),
    ];
    for (text, expected, encoding) in cases {
        assert_eq!(smart(text), expected);
        assert_eq!(Encoding::of(&smart(text)), encoding, "{text}");
    }
}

#[test]
fn the_figures_are_written_in_order() {
    let expected = r#"{"encoding":"UCS-2","segments":1,"units":6,"units_per_segment":70,"remaining":64,"characters":5,"non_gsm":["😀","á"]}"#;
    assert_eq!(serde_json::to_string(&count("😀aáá€")).unwrap(), expected);
}

/// Cases from elsewhere, in the folder that `RECADO_EXTRA_VECTORS` names.
#[test]
fn the_figures_are_those_of_the_extra_vectors() {
    let Some(folder) = std::env::var_os("RECADO_EXTRA_VECTORS") else { return };
    let vectors = std::fs::read_to_string(Path::new(&folder).join("segments.json")).unwrap();
    let vectors: Value = serde_json::from_str(&vectors).unwrap();
    let mut checked = 0;
    for case in vectors["vectors"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        let text = if case["smart_encoding"] == true { smart(text) } else { text.to_owned() };
        let mut figures = figures(&text);
        figures["text_after"] = text.into();
        for expected in [&case["expect"], &case["reference_full"]].into_iter().filter_map(Value::as_object) {
            for (name, expected) in expected {
                assert_eq!(&figures[name], expected, "{name} of {}", case["id"]);
                checked += 1;
            }
        }
    }
    for pair in vectors["smart_encoding_map"]["pairs"].as_array().unwrap() {
        let from = pair["from"].as_str().unwrap();
        let (character, ours, compiled) = COMPILED;
        if from == character && pair["to"] == compiled {
            assert_eq!(smart(from), ours);
        } else {
            assert_eq!(pair["to"], smart(from), "{from:?}");
        }
        checked += 1;
    }
    assert!(checked > 0);
    eprintln!("{checked} figures agree");
}

proptest! {
    #[test]
    fn segments_hold_the_text_in_order_and_no_more_than_they_can(text in "[a-zA-Zñáé€{} 😀👍🏽\u{301}\r\n]{0,400}") {
        let counted = count(&text);
        let texts = texts(&text);
        prop_assert_eq!(texts.len(), counted.segments);
        prop_assert_eq!(texts.concat(), text);
        let room = if counted.segments == 1 { SEGMENT_BITS } else { SEGMENT_BITS - HEADER_BITS };
        prop_assert!(counted.bits_per_segment().iter().all(|&bits| bits <= room));
        prop_assert!(counted.units <= counted.segments * counted.units_per_segment);
        prop_assert!(counted.remaining <= counted.units_per_segment);
        prop_assert_eq!(counted.non_gsm.is_empty(), counted.encoding == Encoding::Gsm7);
    }

    #[test]
    fn what_remains_fits_and_one_more_does_not(text in "[a-zñé ]{0,400}") {
        let counted = count(&text);
        let longer = |by: usize| count(&format!("{text}{}", "x".repeat(by)));
        prop_assert_eq!(longer(counted.remaining).segments, counted.segments);
        prop_assert_eq!(longer(counted.remaining).remaining, 0);
        prop_assert_eq!(longer(counted.remaining + 1).segments, counted.segments + 1);
    }

    #[test]
    fn smart_encoding_done_twice_is_done_once(text in any::<String>()) {
        let once = smart(&text);
        prop_assert_eq!(smart(&once), once.as_str());
        if Encoding::of(&text) == Encoding::Gsm7 {
            prop_assert_eq!(once, text);
        }
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        count(&text);
    }
}
