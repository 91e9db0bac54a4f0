//! Values as texts in boxes, and back.

use serde_json::{Map, Value};

use super::{Shape, Wrong};

/// A value as a person would write it; nothing where that would come back as another.
pub(super) fn written(shape: Shape, value: &Value) -> Option<String> {
    match shape {
        Shape::Text => value.as_str().filter(|text| !text.contains('\r')).map(str::to_owned),
        Shape::Lines => {
            let line = |item: &Value| item.as_str().filter(|text| is_line(text) && !text.is_empty()).map(str::to_owned);
            Some(value.as_array()?.iter().map(line).collect::<Option<Vec<_>>>()?.join("\n"))
        }
        Shape::Pairs => {
            let pair = |(name, value): (&String, &Value)| {
                let value = value.as_str().filter(|text| is_line(text))?;
                let is_name = is_line(name) && !name.is_empty() && !name.contains('=');
                is_name.then(|| format!("{name} = {value}").trim_end().to_owned())
            };
            Some(value.as_object()?.iter().map(pair).collect::<Option<Vec<_>>>()?.join("\n"))
        }
        Shape::Json => serde_json::to_string_pretty(value).ok(),
    }
}

fn is_line(text: &str) -> bool {
    text.trim() == text && !text.contains(char::is_control)
}

/// What a person wrote that is not blank.
pub(super) fn read(shape: Shape, text: &str) -> Result<Value, Wrong> {
    let lines = || text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    match shape {
        Shape::Text => Ok(Value::from(text)),
        Shape::Lines => Ok(lines().map(|(_, line)| Value::from(line)).collect()),
        Shape::Pairs => {
            let mut pairs = Map::new();
            for (number, line) in lines() {
                let (name, value) = line.split_once('=').ok_or(Wrong::Pair(number + 1))?;
                let name = name.trim();
                if name.is_empty() {
                    return Err(Wrong::Pair(number + 1));
                }
                if pairs.insert(name.to_owned(), Value::from(value.trim())).is_some() {
                    return Err(Wrong::Twice(name.to_owned()));
                }
            }
            Ok(Value::Object(pairs))
        }
        Shape::Json => serde_json::from_str(text).map_err(|error| Wrong::Json(error.to_string())),
    }
}

/// The value of that shape that has nothing in it.
pub(super) fn nothing(shape: Shape) -> Value {
    match shape {
        Shape::Text => Value::from(""),
        Shape::Lines => Value::Array(Vec::new()),
        Shape::Pairs => Value::Object(Map::new()),
        Shape::Json => Value::Null,
    }
}

/// A number as people write it, also with a comma. Whether it must be a whole one is the schema's business.
pub(super) fn number(text: &str) -> Result<Value, Wrong> {
    let text = if text.contains('.') { text.to_owned() } else { text.replacen(',', ".", 1) };
    if let Ok(number) = text.parse::<i64>() {
        return Ok(Value::from(number));
    }
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
    number.map(Value::from).ok_or(Wrong::Number)
}
