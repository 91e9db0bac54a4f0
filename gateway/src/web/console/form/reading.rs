//! From what came back to a value.

use serde_json::{Map, Value};

use super::writing::{nothing, number, read, written};
use super::{Field, Form, Kind, Shape, Wrong};
use crate::web::console::posted::Fields;

/// What stands in a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) text: String,
    /// Which of several ways.
    pub(super) way: usize,
    pub(super) is_checked: bool,
    /// Nothing is meant, and not the default.
    pub(super) is_empty: bool,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::web::console) struct Read {
    /// With what was there before where something is wrong.
    pub(in crate::web::console) value: Value,
    /// By the field's place.
    pub(in crate::web::console) wrong: Vec<(String, Wrong)>,
}

impl Form {
    /// The value that somebody wants, who was shown this one.
    pub(in crate::web::console) fn read(&self, posted: &Fields, shown: &Value) -> Read {
        let mut wrong = Vec::new();
        let value = match &self.root.kind {
            Kind::Group(fields) => Value::Object(object(fields, posted, Some(shown), &mut wrong)),
            _ => match one(&self.root, posted, Some(shown)) {
                Ok(Some(value)) => value.unwrap_or_else(|| Value::Object(Map::new())),
                Ok(None) => shown.clone(),
                Err(error) => {
                    wrong.push((self.root.pointer.clone(), error));
                    shown.clone()
                }
            },
        };
        Read { value, wrong }
    }
}

fn object(
    fields: &[Field],
    posted: &Fields,
    shown: Option<&Value>,
    wrong: &mut Vec<(String, Wrong)>,
) -> Map<String, Value> {
    let mut found = shown.and_then(Value::as_object).cloned().unwrap_or_default();
    for field in fields {
        let before = found.get(&field.key);
        if let Kind::Group(fields) = &field.kind {
            let inside = object(fields, posted, before, wrong);
            if before.is_some() || field.required || !inside.is_empty() {
                found.insert(field.key.clone(), Value::Object(inside));
            }
            continue;
        }
        if let Kind::List(entries) = &field.kind {
            // As many as were shown.
            if let Some(before) = before.and_then(Value::as_array) {
                let read = |(entry, before): (&Field, &Value)| match &entry.kind {
                    Kind::Group(fields) => Value::Object(object(fields, posted, Some(before), wrong)),
                    _ => before.clone(),
                };
                let entries = entries.iter().zip(before).map(read).collect();
                found.insert(field.key.clone(), Value::Array(entries));
            }
            continue;
        }
        match one(field, posted, before) {
            Ok(None) => {}
            Ok(Some(Some(value))) => drop(found.insert(field.key.clone(), value)),
            Ok(Some(None)) => drop(found.remove(&field.key)),
            Err(error) => wrong.push((field.pointer.clone(), error)),
        }
    }
    found
}

/// What is different now; nothing where nothing is.
#[expect(clippy::option_option, reason = "what is left out is another thing than what was not touched")]
fn one(field: &Field, posted: &Fields, before: Option<&Value>) -> Result<Option<Option<Value>>, Wrong> {
    if !posted.has(&field.name()) && field.kind != Kind::Check {
        return Ok(None);
    }
    let typed = Typed::in_form(field, posted);
    if typed == Typed::of(field, before) { Ok(None) } else { typed.value(field).map(Some) }
}

impl Field {
    /// What its input is called.
    pub(super) fn name(&self) -> String {
        format!("c{}", self.pointer)
    }

    /// What the input of one of several is called.
    pub(super) fn name_of(&self, text: &str) -> String {
        format!("{}={text}", self.name())
    }

    pub(super) fn way_name(&self) -> String {
        format!("as{}", self.pointer)
    }

    pub(super) fn empty_name(&self) -> String {
        format!("no{}", self.pointer)
    }
}

impl Typed {
    /// What stands there for a value.
    pub(super) fn of(field: &Field, value: Option<&Value>) -> Self {
        let mut typed = Self::default();
        match &field.kind {
            Kind::Group(_) | Kind::List(_) | Kind::Secret { .. } => {}
            Kind::Check => {
                typed.is_checked = value.or(field.default.as_ref()).and_then(Value::as_bool).unwrap_or_default();
            }
            Kind::Either(ways) => {
                let fitting = value.or(field.default.as_ref());
                let way = ways.iter().position(|(_, shape)| fitting.is_some_and(|it| written(*shape, it).is_some()));
                typed.way = way.unwrap_or_default();
                let shape = ways.get(typed.way).map_or(Shape::Json, |(_, shape)| *shape);
                typed.text = value.and_then(|value| written(shape, value)).unwrap_or_default();
            }
            Kind::Number | Kind::Choice(_) => typed.text = value.map(Value::to_string).unwrap_or_default(),
            kind => typed.text = value.zip(kind.shape()).and_then(|(it, shape)| written(shape, it)).unwrap_or_default(),
        }
        typed.is_empty = field.can_be_empty() && value.is_some() && typed.text.is_empty();
        typed
    }

    /// What stands there in a form that came back.
    pub(super) fn in_form(field: &Field, posted: &Fields) -> Self {
        let name = field.name();
        let text = match &field.kind {
            Kind::Several(texts) => {
                let chosen =
                    texts.iter().map(|(text, _)| text.as_str()).filter(|text| posted.has(&field.name_of(text)));
                chosen.collect::<Vec<_>>().join("\n")
            }
            Kind::Text | Kind::Json | Kind::Lines | Kind::Pairs | Kind::Either(_) | Kind::Secret { .. } => {
                posted.text(&name)
            }
            _ => posted.get(&name).to_owned(),
        };
        let way = posted.get(&field.way_name()).parse().unwrap_or_default();
        let is_empty = field.can_be_empty() && text.trim().is_empty() && posted.has(&field.empty_name());
        match field.kind {
            Kind::Check => Self { is_checked: posted.has(&name), ..Self::default() },
            Kind::Either(_) => Self { text, way, is_checked: false, is_empty },
            _ => Self { text, way: 0, is_checked: false, is_empty },
        }
    }

    /// The value that is meant; none: it is left out.
    fn value(&self, field: &Field) -> Result<Option<Value>, Wrong> {
        let is_blank = self.text.trim().is_empty();
        let shape = match &field.kind {
            Kind::Group(_) | Kind::List(_) => return Ok(None),
            Kind::Check => return Ok(Some(Value::from(self.is_checked))),
            Kind::Choice(_) | Kind::Number | Kind::Secret { .. } | Kind::Json if is_blank => return Ok(None),
            Kind::Number => return number(&self.text).map(Some),
            Kind::Choice(choices) => {
                let chosen: Value = serde_json::from_str(&self.text).map_err(|_| Wrong::Choice)?;
                return if choices.iter().any(|(one, _)| *one == chosen) {
                    Ok(Some(chosen))
                } else {
                    Err(Wrong::Choice)
                };
            }
            Kind::Secret { is_text } => {
                if *is_text {
                    Shape::Text
                } else {
                    Shape::Json
                }
            }
            Kind::Either(ways) => ways.get(self.way).map_or(Shape::Json, |(_, shape)| *shape),
            kind => kind.shape().unwrap_or(Shape::Json),
        };
        if !is_blank {
            return read(shape, &self.text).map(Some);
        }
        // Blank is the default, or nothing where there must be something.
        let is_meant = self.is_empty || field.required && !field.can_be_empty();
        Ok(is_meant.then(|| nothing(shape)))
    }
}
