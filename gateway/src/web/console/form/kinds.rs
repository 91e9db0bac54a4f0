//! From a schema to fields.

use serde_json::{Map, Value};

use super::language::VALUES;
use super::ordered::ORDER;
use super::writing::written;
use super::{Field, Kind, Shape};
use crate::plugins::hidden;

/// How deep groups stand in each other; what is deeper is JSON.
const DEEPEST: usize = 6;
/// How many references are followed from one to the next.
const REFERENCES: usize = 16;
/// From this length on a text has a box of several lines.
const LONG: usize = 80;
const LONG_AT_MOST: u64 = 200;

type Schema = Map<String, Value>;

pub(super) fn root(schema: &Value, value: &Value) -> Field {
    let walk = Walk { root: schema };
    let resolved = walk.resolved(schema);
    let kind = walk.group(&resolved, value, "", 0).unwrap_or(Kind::Json);
    Field { label: text(&resolved, "title"), kind, ..described(&resolved, String::new(), String::new(), false) }
}

struct Walk<'a> {
    root: &'a Value,
}

impl Walk<'_> {
    /// A schema with what it refers to; what it says itself goes before.
    fn resolved(&self, schema: &Value) -> Schema {
        let mut found = schema.as_object().cloned().unwrap_or_default();
        for _ in 0..REFERENCES {
            let Some(Value::String(reference)) = found.remove("$ref") else { return found };
            let there = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            let Some(Value::Object(there)) = there else { return Schema::new() };
            for (key, value) in there {
                found.entry(key.clone()).or_insert_with(|| value.clone());
            }
        }
        // It refers to itself.
        Schema::new()
    }

    fn group(&self, schema: &Schema, value: &Value, at: &str, depth: usize) -> Option<Kind> {
        let properties = schema.get("properties").and_then(Value::as_object).filter(|some| !some.is_empty())?;
        let is_object = value.is_object() || value.is_null();
        if depth > DEEPEST || !is_object || !schema.get("type").is_none_or(|kind| kind == "object") {
            return None;
        }
        let required = schema.get("required").and_then(Value::as_array);
        let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|one| one == name));
        let order = schema.get(ORDER).and_then(Value::as_array);
        let mut names: Vec<&String> = properties.keys().filter(|name| *name != ORDER).collect();
        if let Some(order) = order {
            names.sort_by_key(|name| order.iter().position(|one| one == name.as_str()));
        }
        let field = |name: &String| {
            let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            let schema = properties.get(name)?;
            // `false` allows nothing, and `true` anything.
            (schema != &Value::Bool(false))
                .then(|| self.field(name, schema, value.get(name), at, is_required(name), depth))
        };
        Some(Kind::Group(names.into_iter().filter_map(field).collect()))
    }

    fn field(
        &self,
        name: &str,
        schema: &Value,
        value: Option<&Value>,
        at: String,
        required: bool,
        depth: usize,
    ) -> Field {
        let resolved = self.resolved(schema);
        let kind = if hidden::is_hidden(self.root, schema) {
            Kind::Secret { is_text: is_type(&resolved, "string") || resolved.get("type").is_none() }
        } else {
            let kind = self.kind(&resolved, value, &at, depth);
            if value.is_none_or(|value| fits(&kind, value)) { kind } else { Kind::Json }
        };
        let label = Some(text(&resolved, "title")).filter(|title| !title.is_empty());
        let described = described(&resolved, at, name.to_owned(), required);
        Field { label: label.unwrap_or_else(|| name.to_owned()), kind, ..described }
    }

    fn kind(&self, schema: &Schema, value: Option<&Value>, at: &str, depth: usize) -> Kind {
        if let Some(choices) = self.choices(schema, value) {
            return Kind::Choice(choices);
        }
        if let Some(ways) = self.ways(schema) {
            return Kind::Either(ways);
        }
        if let Some(texts) = self.several(schema).filter(|texts| value.is_none_or(|value| is_some_of(texts, value))) {
            return Kind::Several(texts);
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("boolean") => Kind::Check,
            Some("integer" | "number") => Kind::Number,
            Some("string") => {
                if is_long(schema, value) {
                    Kind::Text
                } else {
                    Kind::Line(input(schema))
                }
            }
            _ if self.is_texts(schema) => Kind::Lines,
            _ if self.is_pairs(schema) => Kind::Pairs,
            _ => {
                let group = || self.group(schema, value.unwrap_or(&Value::Null), at, depth + 1);
                self.list(schema, value, at, depth + 1).or_else(group).unwrap_or(Kind::Json)
            }
        }
    }

    /// A list of groups. What holds something that is not shown is no list, for what is moved about would lose that.
    fn list(&self, schema: &Schema, value: Option<&Value>, at: &str, depth: usize) -> Option<Kind> {
        if !is_type(schema, "array") || schema.contains_key("prefixItems") || depth > DEEPEST {
            return None;
        }
        let items = schema.get("items").filter(|items| !hidden::marks_any(items))?;
        if self.refers_to_mark(items, &mut Vec::new()) {
            return None;
        }
        let none = Vec::new();
        let values = value.map_or(Some(&none), Value::as_array)?;
        let entry = |(place, value): (usize, &Value)| {
            let entry = self.field(&place.to_string(), items, Some(value), format!("{at}/{place}"), true, depth);
            matches!(&entry.kind, Kind::Group(_)).then_some(entry)
        };
        // What there is none of yet could be one.
        entry((0, &Value::Object(Map::new())))?;
        values.iter().enumerate().map(entry).collect::<Option<_>>().map(Kind::List)
    }

    /// Whether anything that a schema refers to is hidden, or may be.
    fn refers_to_mark<'a>(&'a self, schema: &'a Value, seen: &mut Vec<&'a str>) -> bool {
        match schema {
            Value::Object(fields) => fields.iter().any(|(key, value)| match value {
                Value::String(reference) if key == "$ref" => {
                    if seen.contains(&reference.as_str()) {
                        return false;
                    }
                    seen.push(reference);
                    let there = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
                    there.is_none_or(|there| hidden::marks_any(there) || self.refers_to_mark(there, seen))
                }
                value => self.refers_to_mark(value, seen),
            }),
            Value::Array(all) => all.iter().any(|one| self.refers_to_mark(one, seen)),
            _ => false,
        }
    }

    /// The values of an enumeration. Nothing at all is none of them where it is what leaving it out means.
    fn choices(&self, schema: &Schema, kept: Option<&Value>) -> Option<Vec<(Value, String)>> {
        let called = |value: &Value| schema.get(VALUES)?.get(plain(value))?.as_str().map(str::to_owned);
        let named = |value: &Value| (value.clone(), called(value).unwrap_or_else(|| plain(value)));
        let is_usual = schema.get("default").is_none_or(Value::is_null);
        let is_offered = |value: &&Value| !value.is_null() || !is_usual || kept.is_some_and(Value::is_null);
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return Some(values.iter().filter(is_offered).map(named).collect());
        }
        // Yes, no, or neither.
        if schema.get("type").and_then(Value::as_array).is_some_and(|all| *all == ["boolean", "null"]) {
            let values = [Value::from(true), Value::from(false), Value::Null];
            return Some(values.iter().filter(is_offered).map(named).collect());
        }
        if let Some(value) = schema.get("const") {
            return Some(vec![(value.clone(), plain(value))]);
        }
        let several = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array)?;
        let one = |one: &Value| {
            let one = self.resolved(one);
            let value = one.get("const")?.clone();
            let title = Some(text(&one, "title")).filter(|title| !title.is_empty());
            let label = title.unwrap_or_else(|| plain(&value));
            Some((value, label))
        };
        several.iter().map(one).collect()
    }

    /// The texts of which a list has some.
    fn several(&self, schema: &Schema) -> Option<Vec<(String, String)>> {
        // With boxes nothing can be there twice, nor in another order.
        let is_set = is_type(schema, "array") && schema.get("uniqueItems") == Some(&Value::Bool(true));
        let items = schema.get("items").filter(|_| is_set && !schema.contains_key("prefixItems"))?;
        let named = |(value, label): (Value, String)| Some((value.as_str()?.to_owned(), label));
        let all: Vec<_> = self.choices(&self.resolved(items), None)?.into_iter().map(named).collect::<Option<_>>()?;
        all.iter()
            .all(|(text, _)| !text.is_empty() && text.trim() == text && !text.contains(char::is_control))
            .then_some(all)
    }

    /// The ways to write down what may be a text, or a list of texts, or texts by name.
    fn ways(&self, schema: &Schema) -> Option<Vec<(String, Shape)>> {
        let several = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array)?;
        let one = |one: &Value| {
            let one = self.resolved(one);
            let shape = if self.choices(&one, None).is_some() || self.ways(&one).is_some() {
                return None;
            } else if is_type(&one, "string") {
                Shape::Text
            } else if self.is_texts(&one) {
                Shape::Lines
            } else if self.is_pairs(&one) {
                Shape::Pairs
            } else {
                return None;
            };
            Some((text(&one, "title"), shape))
        };
        let ways: Vec<(String, Shape)> = several.iter().map(one).collect::<Option<_>>()?;
        let is_clear =
            ways.iter().enumerate().all(|(at, (_, shape))| !ways.iter().take(at).any(|(_, one)| one == shape));
        (is_clear && !ways.is_empty()).then_some(ways)
    }

    fn is_texts(&self, schema: &Schema) -> bool {
        let items = schema.get("items").map(|items| self.resolved(items));
        let is_text = |items: &Schema| {
            let of_texts = |values: &Value| values.as_array().is_some_and(|values| values.iter().all(Value::is_string));
            is_type(items, "string") || items.get("type").is_none() && items.get("enum").is_some_and(of_texts)
        };
        is_type(schema, "array") && schema.get("prefixItems").is_none() && items.is_some_and(|items| is_text(&items))
    }

    fn is_pairs(&self, schema: &Schema) -> bool {
        let values = schema.get("additionalProperties").map(|values| self.resolved(values));
        let has_keys = schema.get("properties").and_then(Value::as_object).is_some_and(|some| !some.is_empty());
        is_type(schema, "object") && !has_keys && values.is_some_and(|values| is_type(&values, "string"))
    }
}

/// Whether a list has each at most once, in this order.
fn is_some_of(texts: &[(String, String)], value: &Value) -> bool {
    let mut left = texts.iter();
    value.as_array().is_some_and(|all| all.iter().all(|one| left.any(|(text, _)| one == text)))
}

/// Whether a field of this kind shows the value, and gives it back.
fn fits(kind: &Kind, value: &Value) -> bool {
    match kind {
        Kind::Group(_) | Kind::List(_) | Kind::Secret { .. } | Kind::Json => true,
        Kind::Check => value.is_boolean(),
        Kind::Number => value.is_number(),
        Kind::Choice(choices) => choices.iter().any(|(one, _)| one == value),
        Kind::Line(_) => value.as_str().is_some_and(|text| text.trim() == text && !text.contains(char::is_control)),
        Kind::Either(ways) => ways.iter().any(|(_, shape)| written(*shape, value).is_some()),
        Kind::Several(texts) => is_some_of(texts, value),
        Kind::Text | Kind::Lines | Kind::Pairs => kind.shape().is_some_and(|shape| written(shape, value).is_some()),
    }
}

/// Whether it is longer than a line, or may well be.
fn is_long(schema: &Schema, value: Option<&Value>) -> bool {
    let long = |text: &Value| text.as_str().is_some_and(|text| text.chars().count() > LONG || text.contains('\n'));
    let at_most = schema.get("maxLength").and_then(Value::as_u64);
    let examples = schema.get("examples").and_then(Value::as_array);
    let seen = value.into_iter().chain(schema.get("default")).chain(examples.into_iter().flatten());
    at_most.is_some_and(|most| most > LONG_AT_MOST) || seen.into_iter().any(long)
}

/// The type of an input, by the format.
fn input(schema: &Schema) -> &'static str {
    match schema.get("format").and_then(Value::as_str) {
        Some("email" | "idn-email") => "email",
        Some("uri" | "url" | "iri") => "url",
        Some("date") => "date",
        _ => "text",
    }
}

/// All that is said of a field.
fn described(schema: &Schema, pointer: String, key: String, required: bool) -> Field {
    Field {
        pointer,
        key,
        label: String::new(),
        hint: text(schema, "description"),
        required,
        default: schema.get("default").filter(|default| !default.is_null()).cloned(),
        format: schema.get("format").and_then(Value::as_str).map(str::to_owned),
        kind: Kind::Json,
    }
}

fn text(schema: &Schema, key: &str) -> String {
    schema.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn is_type(schema: &Schema, kind: &str) -> bool {
    schema.get("type").is_some_and(|known| known == kind)
}

/// A value in a word.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
