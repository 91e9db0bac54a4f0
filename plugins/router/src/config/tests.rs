//! The schema and the types say the same.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// Every object of the schema: its name there, and where the whole configuration has one.
const OBJECTS: [(&str, &str); 14] = [
    ("", ""),
    ("hours", "/hours"),
    ("window", "/hours/open/0"),
    ("window", "/inbound/routes/0/when/times/0"),
    ("inbound", "/inbound"),
    ("inbound_route", "/inbound/routes/0"),
    ("inbound_conditions", "/inbound/routes/0/when"),
    ("inbound_results", "/inbound/routes/0/then"),
    ("inbound_results", "/inbound/default"),
    ("assign", "/inbound/default/assign"),
    ("outbound", "/outbound"),
    ("outbound_route", "/outbound/routes/0"),
    ("outbound_conditions", "/outbound/routes/0/when"),
    ("outbound_results", "/outbound/default"),
];

fn object(name: &str) -> Value {
    let schema = schema();
    if name.is_empty() { schema } else { schema["$defs"][name].clone() }
}

/// A configuration with one of everything, otherwise at its defaults.
fn whole() -> Value {
    let window = json!({ "from": "09:00", "to": "18:00" });
    json!({
        "hours": { "open": [window] },
        "inbound": { "routes": [{ "when": { "times": [window] }, "then": {} }], "default": { "assign": {} } },
        "outbound": { "routes": [{ "when": {} }], "default": {} },
    })
}

/// A configuration after a trip through this crate's types.
fn round_trip(config: Value) -> Value {
    let config: Config = serde_json::from_value(config).unwrap();
    serde_json::to_value(config).unwrap()
}

/// Whether all that was written was read.
fn kept(written: &Value, read: &Value) -> bool {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            written.iter().all(|(key, value)| read.get(key).is_some_and(|read| kept(value, read)))
        }
        (Value::Array(written), Value::Array(read)) => {
            written.len() == read.len() && written.iter().zip(read).all(|(written, read)| kept(written, read))
        }
        (written, read) => written == read,
    }
}

#[test]
fn every_property_says_what_a_form_needs_and_its_examples_are_read_and_kept() {
    for (name, pointer) in OBJECTS {
        let required = object(name)["required"].as_array().cloned().unwrap_or_default();
        for (key, property) in object(name)["properties"].as_object().unwrap() {
            let place = format!("{name}.{key}");
            assert!(property["title"].is_string() && property["description"].is_string(), "{place}");
            assert!(property.get("default").is_some() || required.contains(&json!(key)), "{place} has no default");
            let examples = property["examples"].as_array().unwrap();
            assert!(!examples.is_empty(), "{place} has no example");
            for example in examples {
                let mut config = whole();
                config.pointer_mut(pointer).unwrap()[key] = example.clone();
                let read = round_trip(config);
                assert!(kept(example, &read.pointer(pointer).unwrap()[key]), "{place}: {example}");
            }
        }
    }
}

#[test]
fn no_key_is_undocumented_and_the_defaults_are_the_documented_ones() {
    for (name, pointer) in OBJECTS {
        let object = object(name);
        let mut config = whole();
        *config.pointer_mut(pointer).unwrap() =
            if name == "window" { json!({ "from": "09:00", "to": "18:00" }) } else { json!({}) };
        let config = round_trip(config);
        let read = config.pointer(pointer).unwrap();
        let mut keys: BTreeSet<_> = read.as_object().unwrap().keys().cloned().collect();
        if name == "inbound_conditions" {
            // What comes in comes from a person alone.
            assert!(keys.remove("origin"));
        }
        assert_eq!(keys, object["properties"].as_object().unwrap().keys().cloned().collect(), "{name}");
        assert_eq!(object["additionalProperties"], json!(false), "{name}");
        for (key, property) in object["properties"].as_object().unwrap() {
            let Some(default) = property.get("default").filter(|default| **default != json!({})) else { continue };
            assert_eq!(&read[key], default, "{name}.{key}");
        }
    }
}

#[test]
fn every_documented_word_of_a_choice_is_taken() {
    for (name, pointer) in OBJECTS {
        for (key, property) in object(name)["properties"].as_object().unwrap() {
            let one = property["enum"].as_array().cloned().unwrap_or_default();
            let many = property["items"]["enum"].as_array().cloned().unwrap_or_default();
            for value in one.into_iter().chain(many.into_iter().map(|word| json!([word]))) {
                let mut config = whole();
                config.pointer_mut(pointer).unwrap()[key] = value.clone();
                assert_eq!(round_trip(config).pointer(pointer).unwrap()[key], value, "{name}.{key}");
            }
        }
    }
}

#[test]
fn hours_are_written_as_in_the_other_plugins() {
    let other: Value = serde_json::from_str(include_str!("../../../auto-reply/src/schema.json")).unwrap();
    for name in ["hours", "window"] {
        assert_eq!(object(name), other["$defs"][name]);
    }
}
