//! Templates: what is written once and sent many times, with the words of each message put in.
//!
//! Owns what a template is made of, when it is refused, and what becomes of it with given variables. Pure: must
//! not know where templates are kept, nor what is sent. The only place that names the template engine.

mod check;
mod engine;
mod locale;
mod render;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use locale::tag;
pub use render::{Kept, Rendered};

/// The longest name of a template.
const LONGEST_NAME: usize = 64;

/// One version of a template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = TemplateDefinition)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// Which of the bodies is sent where none fits the locale that is asked for.
    pub default_locale: String,
    /// What it is sent with, by name.
    #[serde(default)]
    pub variables: BTreeMap<String, Variable>,
    /// By locale, as in `es`, `es-MX` and `en`.
    pub bodies: BTreeMap<String, Body>,
}

/// What a template is sent with. Whoever sends it must give a value, unless there is a default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = TemplateVariable)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub default: Option<Scalar>,
    /// What previews show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub example: Option<Scalar>,
}

/// A template in one locale.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = TemplateBody)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// In the syntax of Jinja.
    pub text: String,
    /// By channel: the provider's own template that is sent instead of the text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub content: BTreeMap<String, ContentMapping>,
}

/// A template that a provider keeps, and which variable goes into which of its places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContentMapping {
    /// The provider's id of it, as in Twilio's `HX…`.
    pub sid: String,
    /// The provider's numbers or names, and our variables.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

/// What a variable holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Flag(bool),
}

/// What a variable can't hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a text, a number, or true or false")]
pub struct NotScalar;

impl TryFrom<Value> for Scalar {
    type Error = NotScalar;

    fn try_from(value: Value) -> Result<Self, NotScalar> {
        match value {
            Value::String(text) => Ok(Self::Text(text)),
            Value::Number(number) => Ok(Self::Number(number)),
            Value::Bool(flag) => Ok(Self::Flag(flag)),
            Value::Null | Value::Array(_) | Value::Object(_) => Err(NotScalar),
        }
    }
}

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Text(text) => Self::String(text),
            Scalar::Number(number) => Self::Number(number),
            Scalar::Flag(flag) => Self::Bool(flag),
        }
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Flag(flag) => flag.fmt(f),
        }
    }
}

/// What is wrong with a template, or with what it is sent with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Fault {
    /// A JSON pointer into what was given.
    pub pointer: String,
    pub code: String,
    /// What is wrong, and what to do about it.
    pub detail: String,
}

impl Fault {
    pub fn new(pointer: impl Into<String>, code: &str, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), code: code.to_owned(), detail: detail.into() }
    }
}

/// Whether a template may have this name: `a` to `z`, digits, `_` and `-`.
pub fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(fits)
}

/// What a name must be like, for who gave another one.
pub const NAME_RULE: &str = "must be 1 to 64 of the characters a to z, 0 to 9, `_` and `-`";
