//! The schema and the types say the same.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::*;

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// Every object of the schema, with its name and the least that one of it needs.
fn objects() -> [(&'static str, Value, Value); 5] {
    let schema = schema();
    let (rule, menu) = (schema["$defs"]["rule"].clone(), schema["$defs"]["menu"].clone());
    let (hours, window) = (schema["$defs"]["hours"].clone(), schema["$defs"]["window"].clone());
    [
        ("", schema, json!({})),
        ("rules", rule, json!({ "keywords": ["hola"] })),
        ("menu", menu, json!({})),
        ("hours", hours, json!({})),
        ("hours.open", window, json!({ "from": "09:00", "to": "18:00" })),
    ]
}

/// An object of this name after a trip through this crate's types.
fn round_trip(name: &str, object: &Value) -> Value {
    let (whole, pointer) = match name {
        "" => (object.clone(), ""),
        "rules" => (json!({ "rules": [object] }), "/rules/0"),
        "hours.open" => (json!({ "hours": { "open": [object] } }), "/hours/open/0"),
        name => (json!({ name: object }), if name == "menu" { "/menu" } else { "/hours" }),
    };
    let config: Config = serde_json::from_value(whole).unwrap();
    serde_json::to_value(config).unwrap().pointer(pointer).unwrap().clone()
}

fn with(least: &Value, key: &str, value: &Value) -> Value {
    let mut object: Map<String, Value> = least.as_object().unwrap().clone();
    object.insert(key.to_owned(), value.clone());
    Value::Object(object)
}

#[test]
fn every_property_says_what_a_form_needs_and_its_examples_are_read_and_kept() {
    for (name, object, least) in objects() {
        let required = object["required"].as_array().cloned().unwrap_or_default();
        for (key, property) in object["properties"].as_object().unwrap() {
            let place = format!("{name}.{key}");
            assert!(property["title"].is_string() && property["description"].is_string(), "{place}");
            assert!(property.get("default").is_some() || required.contains(&json!(key)), "{place} has no default");
            let examples = property["examples"].as_array().unwrap();
            assert!(!examples.is_empty(), "{place} has no example");
            for example in examples {
                assert_eq!(&round_trip(name, &with(&least, key, example))[key], example, "{place}");
            }
        }
    }
}

#[test]
fn no_key_is_undocumented_and_the_defaults_are_the_documented_ones() {
    for (name, object, least) in objects() {
        let read = round_trip(name, &least);
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(keys(&read), keys(&object["properties"]), "{name}");
        assert_eq!(object["additionalProperties"], json!(false), "{name}");
        for (key, property) in object["properties"].as_object().unwrap() {
            if let Some(default) = property.get("default") {
                // An object's own defaults are its properties'.
                let expected = if default == &json!({}) { round_trip(key, default) } else { default.clone() };
                assert_eq!(read[key], expected, "{name}.{key}");
            }
        }
    }
}

#[test]
fn every_documented_word_of_a_choice_is_taken() {
    for key in ["match", "when", "status"] {
        for word in schema()["$defs"]["rule"]["properties"][key]["enum"].as_array().unwrap() {
            assert_eq!(&round_trip("rules", &json!({ "keywords": ["hola"], key: word }))[key], word);
        }
    }
}

#[test]
fn whole_numbers_and_fractions_are_both_minutes() {
    for (minutes, expected) in [(json!(60), 60.0), (json!(0.5), 0.5)] {
        assert_eq!(round_trip("", &json!({ "cool_down_minutes": minutes }))["cool_down_minutes"], expected);
    }
}
