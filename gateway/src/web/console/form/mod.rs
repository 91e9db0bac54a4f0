//! A form for what a JSON Schema describes: from the schema to fields, from a value to what stands in them, and from
//! what came back to a value again. Pure.
//!
//! What a person did not touch comes back as it was, to the last bracket. What a form can't show well is a text of JSON
//! for that key alone; keys that the schema does not name stay as they are.

mod kinds;
mod language;
mod listing;
mod ordered;
mod reading;
mod showing;
mod writing;

#[cfg(test)]
mod tests;

use serde_json::Value;

pub(super) use language::{described, in_language};
pub(super) use listing::Step;
pub(super) use ordered::ordered;
pub(super) use reading::Read;
pub(super) use showing::{Around, Item, Part};

/// One key of what the form is about, or all of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    /// Where its value is, as a JSON pointer.
    pub(super) pointer: String,
    /// Its own name.
    key: String,
    label: String,
    hint: String,
    required: bool,
    default: Option<Value>,
    /// As the schema names it.
    format: Option<String>,
    kind: Kind,
}

/// What a field is for.
#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// Fields of its own, and what is between them in a page.
    Group(Vec<Field>),
    /// Groups, one after the other, as many as there are.
    List(Vec<Field>),
    /// One line, in an input of this type.
    Line(&'static str),
    Text,
    /// It is never shown. Whether it is a text; other things are written as JSON.
    Secret {
        is_text: bool,
    },
    /// As people write it: what it must be is told when it is saved.
    Number,
    Check,
    /// Values, with what they are called.
    Choice(Vec<(Value, String)>),
    /// Some of these texts, in this order, with what they are called.
    Several(Vec<(String, String)>),
    /// A list of texts, one a line.
    Lines,
    /// Texts by name, one a line.
    Pairs,
    /// One of several ways to write it down, each with what it is called.
    Either(Vec<(String, Shape)>),
    Json,
}

/// What a person may write into a box of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Text,
    Lines,
    Pairs,
    Json,
}

impl Kind {
    /// The shape of its box, if it is one of a single shape.
    fn shape(&self) -> Option<Shape> {
        match self {
            Self::Line(_) | Self::Text => Some(Shape::Text),
            Self::Lines | Self::Several(_) => Some(Shape::Lines),
            Self::Pairs => Some(Shape::Pairs),
            Self::Json => Some(Shape::Json),
            _ => None,
        }
    }
}

impl Field {
    /// Whether blank is the default, so that it takes more to say that there shall be nothing.
    fn can_be_empty(&self) -> bool {
        let filled = match &self.default {
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(fields)) => !fields.is_empty(),
            _ => false,
        };
        filled
            && matches!(
                self.kind,
                Kind::Line(_) | Kind::Text | Kind::Lines | Kind::Several(_) | Kind::Pairs | Kind::Either(_)
            )
    }
}

/// Why what was written can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Number,
    /// It is none of those that there are.
    Choice,
    /// A line has no `=` in it, or nothing before it.
    Pair(usize),
    /// A name that was there before.
    Twice(String),
    /// What is wrong with it as JSON.
    Json(String),
}

/// Whether a place is this one, or within it.
fn is_at_or_in(pointer: &str, around: &str) -> bool {
    pointer.strip_prefix(around).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A form.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form {
    root: Field,
}

impl Form {
    /// For a schema, with its keys in the order of [`ordered()`]; the value decides where a plainer field would lose
    /// something of it.
    pub(super) fn of(schema: &Value, value: &Value) -> Self {
        Self { root: kinds::root(schema, value) }
    }

    /// The field that shows what is at this place, or what is around it.
    pub(super) fn home(&self, pointer: &str) -> Option<&str> {
        fn find<'a>(field: &'a Field, pointer: &str) -> Option<&'a str> {
            if !is_at_or_in(pointer, &field.pointer) {
                return None;
            }
            let inside = |fields: &'a [Field]| fields.iter().find_map(|field| find(field, pointer));
            match &field.kind {
                Kind::Group(fields) => inside(fields),
                // What an entry lacks is told at the entry.
                Kind::List(entries) => {
                    let around = entries.iter().find(|entry| is_at_or_in(pointer, &entry.pointer));
                    let around = around.map_or(field.pointer.as_str(), |entry| &entry.pointer);
                    inside(entries).or(Some(around))
                }
                _ => Some(&field.pointer),
            }
        }
        find(&self.root, pointer)
    }
}
