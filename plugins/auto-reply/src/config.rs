//! What the operator may configure: `schema.json` in Rust.

use recado_sdk::ConversationStatus;
use serde::Deserialize;

/// The JSON Schema that the gateway checks the configuration against.
pub(crate) const SCHEMA: &str = include_str!("schema.json");

const TEXT: &str = "Gracias por tu mensaje. Te responderemos pronto. Para emergencias llama al +52 998 316 2438";

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(PartialEq, serde::Serialize))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// The answer when no rule matches; empty for none.
    pub(crate) text: String,
    pub(crate) rules: Vec<Rule>,
    pub(crate) cool_down_minutes: f64,
}

#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(PartialEq, serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    pub(crate) keywords: Vec<String>,
    #[serde(default, rename = "match")]
    pub(crate) matching: Matching,
    /// Empty for none.
    #[serde(default)]
    pub(crate) reply: String,
    #[serde(default)]
    pub(crate) media: Vec<String>,
    #[serde(default)]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) status: Option<Status>,
    #[serde(default)]
    pub(crate) stop: bool,
}

/// How a keyword must occur in a text.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[cfg_attr(test, derive(PartialEq, serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Matching {
    /// As whole words.
    #[default]
    Word,
    /// As all of the text.
    Exact,
    /// Anywhere, also inside a word.
    Contains,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[cfg_attr(test, derive(PartialEq, serde::Serialize))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Pending,
    Active,
    Closed,
}

impl Config {
    /// Reads what the operator wrote; nothing at all means the defaults.
    pub(crate) fn read(json: &str) -> Result<Self, serde_json::Error> {
        if json.is_empty() {
            Ok(Self::default())
        } else {
            Ok(serde_json::from_str::<Option<_>>(json)?.unwrap_or_default())
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self { text: TEXT.to_owned(), rules: Vec::new(), cool_down_minutes: 0.0 }
    }
}

impl From<Status> for ConversationStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Active => Self::Active,
            Status::Closed => Self::Closed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, Value, json};

    use super::*;

    fn schema() -> Value {
        serde_json::from_str(SCHEMA).unwrap()
    }

    fn keys(properties: &Value) -> BTreeSet<String> {
        properties.as_object().unwrap().keys().cloned().collect()
    }

    /// The configuration after a trip through this crate's types.
    fn round_trip(config: &Value) -> Value {
        serde_json::to_value(Config::read(&config.to_string()).unwrap()).unwrap()
    }

    #[test]
    fn every_documented_key_is_read_and_kept() {
        let schema = schema();
        for (key, property) in schema["properties"].as_object().unwrap() {
            let example = &property["examples"][0];
            assert!(!example.is_null(), "{key} has no example");
            assert_eq!(&round_trip(&json!({ key: example }))[key], example, "{key}");
        }
        let rule = &schema["$defs"]["rule"];
        for (key, property) in rule["properties"].as_object().unwrap() {
            let example = &property["examples"][0];
            assert!(!example.is_null(), "rules.{key} has no example");
            let mut written = Map::from_iter([("keywords".to_owned(), json!(["hola"]))]);
            written.insert(key.clone(), example.clone());
            assert_eq!(&round_trip(&json!({ "rules": [written] }))["rules"][0][key], example, "rules.{key}");
        }
    }

    #[test]
    fn no_key_is_undocumented_and_the_defaults_are_the_documented_ones() {
        let schema = schema();
        let config = round_trip(&json!({ "rules": [{ "keywords": ["hola"] }] }));
        for (written, documented) in [(&config, &schema), (&config["rules"][0], &schema["$defs"]["rule"])] {
            assert_eq!(keys(written), keys(&documented["properties"]));
            assert_eq!(documented["additionalProperties"], json!(false));
        }
        for (key, property) in schema["properties"].as_object().unwrap() {
            assert_eq!(property["default"], round_trip(&json!({}))[key], "{key}");
        }
        let rule = &config["rules"][0];
        for (key, property) in schema["$defs"]["rule"]["properties"].as_object().unwrap() {
            if let Some(default) = property.get("default") {
                assert_eq!(default, &rule[key], "rules.{key}");
            }
        }
    }

    #[test]
    fn every_documented_word_of_a_choice_is_taken() {
        let rule = &schema()["$defs"]["rule"]["properties"];
        for key in ["match", "status"] {
            for word in rule[key]["enum"].as_array().unwrap() {
                let config = round_trip(&json!({ "rules": [{ "keywords": ["hola"], key: word }] }));
                assert_eq!(&config["rules"][0][key], word);
            }
        }
    }

    #[test]
    fn whole_numbers_and_fractions_are_both_minutes() {
        for (json, minutes) in [(r#"{"cool_down_minutes":60}"#, 60.0), (r#"{"cool_down_minutes":0.5}"#, 0.5)] {
            assert_eq!(Config::read(json).unwrap(), Config { cool_down_minutes: minutes, ..Config::default() });
        }
    }
}
