//! What of a plugin's configuration nobody is shown: the keys that its schema marks with `writeOnly`, or gives the
//! format `password`. Pure.
//!
//! A key counts as marked where any part of the schema that may hold for it says so: rather one too many is hidden.

use serde_json::{Map, Value};

/// How deep schemas refer to each other before nothing more is looked up.
const DEEPEST: usize = 32;

/// A configuration as others may see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bare {
    pub config: Value,
    /// Where something is set that is not shown, as JSON pointers.
    pub hidden: Vec<String>,
}

/// Whether a schema marks anything at all.
pub fn marks_any(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => is_mark(fields) || fields.values().any(marks_any),
        Value::Array(items) => items.iter().any(marks_any),
        _ => false,
    }
}

/// Whether what this part of a schema stands for is hidden.
pub fn is_hidden(root: &Value, schema: &Value) -> bool {
    marks_any(root) && Parts::of(root, &[schema]).hidden
}

/// A configuration without what is marked.
pub fn bare(schema: &Value, config: &Value) -> Bare {
    if !marks_any(schema) {
        return Bare { config: config.clone(), hidden: Vec::new() };
    }
    let mut hidden = Vec::new();
    let config = shown(schema, &[schema], config, "", &mut hidden).unwrap_or_else(|| Value::Object(Map::new()));
    Bare { config, hidden }
}

/// What somebody wants who was not shown all: what is marked and not there stays as it was before, and goes where it
/// is null. A list's entry that is otherwise as before keeps what is marked in it.
pub fn filled(schema: &Value, wanted: Value, before: &Value) -> Value {
    if !marks_any(schema) {
        return wanted;
    }
    fill(schema, &[schema], Some(wanted), Some(before)).unwrap_or(Value::Null)
}

fn is_mark(fields: &Map<String, Value>) -> bool {
    let is = |key: &str, value: &Value| fields.get(key) == Some(value);
    is("writeOnly", &Value::Bool(true)) || is("format", &Value::from("password"))
}

/// The parts of a schema that may hold for one value.
struct Parts<'a> {
    root: &'a Value,
    all: Vec<&'a Map<String, Value>>,
    hidden: bool,
}

impl<'a> Parts<'a> {
    fn of(root: &'a Value, schemas: &[&'a Value]) -> Self {
        let mut parts = Self { root, all: Vec::new(), hidden: false };
        for schema in schemas {
            parts.add(schema, 0);
        }
        parts
    }

    fn add(&mut self, schema: &'a Value, depth: usize) {
        let Value::Object(fields) = schema else { return };
        if depth > DEEPEST || self.all.iter().any(|known| std::ptr::eq(*known, fields)) {
            return;
        }
        self.all.push(fields);
        self.hidden |= is_mark(fields);
        for key in ["$ref", "$dynamicRef"] {
            let Some(reference) = fields.get(key).and_then(Value::as_str) else { continue };
            match reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) {
                Some(found) => self.add(found, depth + 1),
                // Who knows what it says.
                None => self.hidden = true,
            }
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            let some = fields.get(key).and_then(Value::as_array);
            some.into_iter().flatten().for_each(|one| self.add(one, depth + 1));
        }
        for key in ["if", "then", "else"] {
            fields.get(key).into_iter().for_each(|one| self.add(one, depth + 1));
        }
        let dependent = fields.get("dependentSchemas").and_then(Value::as_object);
        dependent.into_iter().flat_map(Map::values).for_each(|one| self.add(one, depth + 1));
    }

    /// What may hold for a key.
    fn key(&self, name: &str) -> Vec<&'a Value> {
        let mut found = Vec::new();
        for part in &self.all {
            let named = part.get("properties").and_then(|properties| properties.get(name));
            found.extend(named);
            let patterns = part.get("patternProperties").and_then(Value::as_object);
            found.extend(patterns.into_iter().flat_map(Map::values));
            if named.is_none() {
                found.extend(part.get("additionalProperties").into_iter().chain(part.get("unevaluatedProperties")));
            }
        }
        found
    }

    /// What may hold for an entry of a list.
    fn entry(&self) -> Vec<&'a Value> {
        let mut found = Vec::new();
        for part in &self.all {
            for key in ["items", "additionalItems", "unevaluatedItems", "contains", "prefixItems"] {
                match part.get(key) {
                    Some(Value::Array(several)) => found.extend(several),
                    one => found.extend(one),
                }
            }
        }
        found
    }
}

fn shown(root: &Value, schemas: &[&Value], value: &Value, at: &str, hidden: &mut Vec<String>) -> Option<Value> {
    let parts = Parts::of(root, schemas);
    let entry = parts.entry();
    let is_hidden = parts.hidden || value.is_array() && Parts::of(root, &entry).hidden;
    if is_hidden {
        hidden.push(at.to_owned());
        return None;
    }
    Some(match value {
        Value::Object(fields) => {
            let seen = |(name, value): (&String, &Value)| {
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                Some((name.clone(), shown(root, &parts.key(name), value, &at, hidden)?))
            };
            Value::Object(fields.iter().filter_map(seen).collect())
        }
        Value::Array(items) => {
            let seen = |(place, value)| shown(root, &entry, value, &format!("{at}/{place}"), hidden);
            Value::Array(items.iter().enumerate().filter_map(seen).collect())
        }
        other => other.clone(),
    })
}

fn fill(root: &Value, schemas: &[&Value], wanted: Option<Value>, before: Option<&Value>) -> Option<Value> {
    let parts = Parts::of(root, schemas);
    let entry = parts.entry();
    let is_list = [wanted.as_ref(), before].into_iter().flatten().any(Value::is_array);
    if parts.hidden || is_list && Parts::of(root, &entry).hidden {
        return match wanted {
            None => before.cloned(),
            wanted => wanted.filter(|value| !value.is_null()),
        };
    }
    match wanted? {
        Value::Object(mut wanted) => {
            let before = before.and_then(Value::as_object);
            let mut names: Vec<String> = wanted.keys().cloned().collect();
            names.extend(before.into_iter().flat_map(Map::keys).filter(|name| !wanted.contains_key(*name)).cloned());
            let mut filled = Map::new();
            for name in names {
                let old = before.and_then(|before| before.get(&name));
                let value = fill(root, &parts.key(&name), wanted.remove(&name), old);
                filled.extend(value.map(|value| (name, value)));
            }
            Some(Value::Object(filled))
        }
        Value::Array(items) => {
            let bare = |value: &Value| shown(root, &entry, value, "", &mut Vec::new());
            let mut left: Vec<&Value> = before.and_then(Value::as_array).into_iter().flatten().collect();
            let filled = items.into_iter().filter_map(|item| {
                let same = left.iter().position(|old| bare(old) == bare(&item));
                let old = same.map(|place| left.remove(place));
                fill(root, &entry, Some(item), old)
            });
            Some(Value::Array(filled.collect()))
        }
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({
            "properties": {
                "url": { "type": "string" },
                "token": { "type": "string", "writeOnly": true },
                "mail": { "properties": { "user": {}, "password": { "format": "password" } } },
                "keys": { "items": { "$ref": "#/$defs/secret" } },
                "hosts": { "items": { "$ref": "#/$defs/host" } },
                "either": { "anyOf": [{ "type": "string", "writeOnly": true }, { "type": "null" }] },
                "lost": { "$ref": "#elsewhere" },
            },
            "patternProperties": { "^x-": { "writeOnly": true } },
            "$defs": {
                "secret": { "type": "string", "writeOnly": true },
                "host": { "properties": { "name": {}, "key": { "$ref": "#/$defs/secret" } } },
            },
        })
    }

    #[test]
    fn what_is_marked_is_not_shown_wherever_the_mark_stands() {
        let cases = [
            (json!({ "url": "u" }), json!({ "url": "u" }), vec![]),
            (json!({ "url": "u", "token": "t" }), json!({ "url": "u" }), vec!["/token"]),
            (
                json!({ "mail": { "user": "u", "password": "p" } }),
                json!({ "mail": { "user": "u" } }),
                vec!["/mail/password"],
            ),
            (json!({ "keys": ["a", "b"] }), json!({}), vec!["/keys"]),
            (
                json!({ "hosts": [{ "name": "a", "key": "k" }, { "name": "b" }] }),
                json!({ "hosts": [{ "name": "a" }, { "name": "b" }] }),
                vec!["/hosts/0/key"],
            ),
            (json!({ "either": "s" }), json!({}), vec!["/either"]),
            (json!({ "lost": "s" }), json!({}), vec!["/lost"]),
            (json!({ "x-a/b": "s" }), json!({}), vec!["/x-a~1b"]),
        ];
        for (config, expected, hidden) in cases {
            // Everything not named above falls to the pattern, which hides it as well.
            let schema = without_pattern(&config);
            assert_eq!(
                bare(&schema, &config),
                Bare { config: expected, hidden: hidden.into_iter().map(str::to_owned).collect() }
            );
        }
    }

    /// A pattern may hold for any key, so it is there only for those that it is about.
    fn without_pattern(config: &Value) -> Value {
        let mut schema = schema();
        if config.as_object().is_some_and(|fields| !fields.keys().any(|key| key.starts_with("x-"))) {
            schema.as_object_mut().unwrap().remove("patternProperties");
        }
        schema
    }

    #[test]
    fn what_was_not_shown_stays_unless_it_is_set_or_taken_away() {
        let before = json!({
            "token": "t", "mail": { "user": "u", "password": "p" }, "keys": ["k"],
            "hosts": [{ "name": "a", "key": "1" }, { "name": "b", "key": "2" }],
        });
        let schema = without_pattern(&before);
        let cases = [
            (bare(&schema, &before).config, before.clone()),
            (json!({}), json!({ "token": "t", "keys": ["k"] })),
            (json!({ "token": "new", "keys": null }), json!({ "token": "new" })),
            (json!({ "mail": {}, "token": null }), json!({ "mail": { "password": "p" }, "keys": ["k"] })),
            // In another order, with one that is new, and one that is another now.
            (
                json!({ "hosts": [{ "name": "b" }, { "name": "new" }, { "name": "a", "key": "3" }] }),
                json!({
                    "token": "t", "keys": ["k"],
                    "hosts": [{ "name": "b", "key": "2" }, { "name": "new" }, { "name": "a", "key": "3" }],
                }),
            ),
        ];
        for (wanted, expected) in cases {
            assert_eq!(filled(&schema, wanted.clone(), &before), expected, "{wanted}");
        }
        assert_eq!(filled(&json!({}), json!({ "a": 1 }), &before), json!({ "a": 1 }), "nothing is marked");
    }

    #[test]
    fn schemas_that_refer_to_themselves_come_to_an_end() {
        let schema = json!({ "$ref": "#", "properties": { "a": { "$ref": "#" }, "b": { "writeOnly": true } } });
        let config = json!({ "a": { "a": { "b": "s", "c": 1 } } });
        assert_eq!(bare(&schema, &config).config, json!({ "a": { "a": { "c": 1 } } }));
        assert!(
            is_hidden(&schema, &json!({ "format": "password" })) && !is_hidden(&schema, &json!({ "type": "string" }))
        );
    }
}
