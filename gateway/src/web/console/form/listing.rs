//! One entry more in a list, one less, or one in front of another.

use serde_json::{Map, Value};

use super::{Field, Form, Kind, is_at_or_in};

/// What a button in a form does to a list of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::web::console) enum Step {
    /// To the list at this place.
    Add(String),
    /// The entry at this place.
    Remove(String),
    /// In front of the one before it.
    Up(String),
}

impl Step {
    /// As the button says it.
    pub(in crate::web::console) fn read(text: &str) -> Option<Self> {
        let (step, pointer) = text.split_once(':')?;
        let pointer = pointer.to_owned();
        match step {
            "add" => Some(Self::Add(pointer)),
            "remove" => Some(Self::Remove(pointer)),
            "up" => Some(Self::Up(pointer)),
            _ => None,
        }
    }

    /// Whether what is at this place is gone then.
    pub(in crate::web::console) fn removes(&self, at: &str) -> bool {
        matches!(self, Self::Remove(pointer) if is_at_or_in(at, pointer))
    }
}

impl Form {
    /// Takes a step in a value, and says where somebody is at work then. Nothing where the form has no such list.
    pub(in crate::web::console) fn take(&self, step: &Step, value: &mut Value) -> Option<String> {
        match step {
            Step::Add(pointer) => {
                let list = self.root.list_at(pointer)?;
                let entries = made(value, pointer, list.default.as_ref())?;
                entries.push(Value::Object(Map::new()));
                Some(format!("{pointer}/{}", entries.len() - 1))
            }
            Step::Remove(pointer) => {
                let (list, place) = self.entry(pointer)?;
                value.pointer_mut(list)?.as_array_mut().filter(|all| place < all.len())?.remove(place);
                Some(list.to_owned())
            }
            Step::Up(pointer) => {
                let (list, place) = self.entry(pointer)?;
                let before = place.checked_sub(1)?;
                value.pointer_mut(list)?.as_array_mut().filter(|all| place < all.len())?.swap(before, place);
                Some(format!("{list}/{before}"))
            }
        }
    }

    /// The list that an entry is in, and its place.
    fn entry<'a>(&self, pointer: &'a str) -> Option<(&'a str, usize)> {
        let (list, place) = pointer.rsplit_once('/')?;
        self.root.list_at(list)?;
        Some((list, place.parse().ok()?))
    }
}

impl Field {
    fn list_at(&self, pointer: &str) -> Option<&Self> {
        match &self.kind {
            Kind::List(_) if self.pointer == pointer => Some(self),
            Kind::Group(fields) | Kind::List(fields) => fields.iter().find_map(|field| field.list_at(pointer)),
            _ => None,
        }
    }
}

/// The list at a place. Where there is none yet it begins with what is there by default.
fn made<'a>(value: &'a mut Value, pointer: &str, default: Option<&Value>) -> Option<&'a mut Vec<Value>> {
    let mut at = value;
    for key in pointer.split('/').skip(1) {
        let key = key.replace("~1", "/").replace("~0", "~");
        if at.is_null() {
            *at = Value::Object(Map::new());
        }
        at = match at {
            Value::Array(entries) => entries.get_mut(key.parse::<usize>().ok()?)?,
            Value::Object(fields) => fields.entry(key).or_insert(Value::Null),
            _ => return None,
        };
    }
    if at.is_null() {
        *at = Value::Array(default.and_then(Value::as_array).cloned().unwrap_or_default());
    }
    at.as_array_mut()
}
