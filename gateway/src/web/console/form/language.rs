//! What a schema says in a person's language: beside a `title` and a `description` may be others of them, in `x-es` or
//! `x-en`; there, `values` says what the values of an enumeration are called.

use serde_json::{Map, Value};

use crate::message::Locale;

/// Beside `enum`: what its values are called.
pub(super) const VALUES: &str = "x-recado-values";

/// What holds one schema, several in a list, and several by name.
const ONE: [&str; 10] = [
    "items",
    "additionalProperties",
    "contains",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
    "unevaluatedItems",
    "unevaluatedProperties",
];
const LISTS: [&str; 4] = ["anyOf", "oneOf", "allOf", "prefixItems"];
const NAMED: [&str; 5] = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions"];

/// The schema with the words of this language where it has them, and with its own where not.
pub(in crate::web::console) fn in_language(mut schema: Value, locale: Locale) -> Value {
    word(&mut schema, &format!("x-{locale}"));
    schema
}

/// What a plugin is and does, in this language, where its schema says that.
pub(in crate::web::console) fn described(schema: &Value, locale: Locale) -> Option<&str> {
    schema.get(format!("x-{locale}"))?.get("description")?.as_str()
}

fn word(schema: &mut Value, language: &str) {
    let Value::Object(schema) = schema else { return };
    if let Some(Value::Object(words)) = schema.remove(language) {
        say(schema, words);
    }
    for (key, value) in schema.iter_mut() {
        let key = key.as_str();
        match value {
            Value::Array(all) if LISTS.contains(&key) => all.iter_mut().for_each(|one| word(one, language)),
            Value::Object(all) if NAMED.contains(&key) => all.values_mut().for_each(|one| word(one, language)),
            one if ONE.contains(&key) => word(one, language),
            _ => {}
        }
    }
}

fn say(schema: &mut Map<String, Value>, mut words: Map<String, Value>) {
    for key in ["title", "description"] {
        if let Some(said @ Value::String(_)) = words.remove(key) {
            schema.insert(key.to_owned(), said);
        }
    }
    if let Some(values @ Value::Object(_)) = words.remove("values") {
        schema.insert(VALUES.to_owned(), values);
    }
}
