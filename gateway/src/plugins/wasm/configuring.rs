//! Whether an operator's configuration fits the schema that a plugin tells.
//!
//! Formats are looked at, too, since what is wrong with them would else show with the first message:
//! those of JSON Schema, and two more, `time-zone` and `linear-regex`.

use jiff::tz::TimeZone;
use jsonschema::{ValidationError, ValidationOptions};
use serde_json::{Value, json};

use super::LoadError;
use super::failures::shorten;
use crate::plugins::Settings;

/// The most memory of a `linear-regex` once it is compiled: counted repetitions multiply.
const MAX_REGEX: usize = 64 * 1024;

/// The operator's configuration; without any, an empty one.
pub(super) fn config(settings: &Settings) -> Value {
    if settings.config.is_null() { json!({}) } else { settings.config.clone() }
}

pub(super) fn check_config(schema: &str, config: &Value) -> Result<(), LoadError> {
    let schema: Value = serde_json::from_str(schema).map_err(|error| LoadError::BadSchema(error.to_string()))?;
    let validator = options()?.build(&schema).map_err(|error| bad_schema(&error))?;
    match validator.iter_errors(config).next() {
        None => Ok(()),
        Some(error) => Err(LoadError::BadConfig {
            pointer: error.instance_path().to_string(),
            problem: shorten(&error.to_string()),
        }),
    }
}

/// `regex` is either JSON Schema's own, that of JavaScript, or what begins with flags, as in Rust, Python
/// and Go. An empty text names no time zone and no expression, and is how to leave one out.
fn options() -> Result<ValidationOptions<'static>, LoadError> {
    let formats = || jsonschema::options().should_validate_formats(true);
    let of_javascript = formats().build(&json!({ "format": "regex" })).map_err(|error| bad_schema(&error))?;
    Ok(formats()
        .with_format("time-zone", |name: &str| name.is_empty() || TimeZone::get(name).is_ok())
        .with_format("linear-regex", is_linear_regex)
        .with_format("regex", move |text: &str| is_linear_regex(text) || of_javascript.is_valid(&json!(text))))
}

/// A regular expression whose search takes time in proportion to the text, and so without look-around and
/// back-references.
fn is_linear_regex(text: &str) -> bool {
    regex_lite::RegexBuilder::new(text).size_limit(MAX_REGEX).build().is_ok()
}

fn bad_schema(error: &ValidationError<'_>) -> LoadError {
    let path = error.instance_path().to_string();
    LoadError::BadSchema(shorten(&if path.is_empty() { error.to_string() } else { format!("at `{path}`: {error}") }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_format_names_is_looked_at_and_the_key_is_named() {
        let cases = [
            ("regex", "^pedido [0-9]{4}$", true),
            ("regex", "(?i)^pedido", true),
            ("regex", r"(?<!no )(pedido) \1", true),
            ("regex", "pedido (", false),
            ("linear-regex", "(?i)^pedido", true),
            ("linear-regex", "", true),
            ("linear-regex", "(?<!no )pedido", false),
            ("linear-regex", "pedido (", false),
            ("linear-regex", "((a{100}){100}){100}", false),
            ("time-zone", "America/Cancun", true),
            ("time-zone", "UTC", true),
            ("time-zone", "", true),
            ("time-zone", "Mars/Base", false),
            ("date", "2026-02-29", false),
            ("of nobody", "anything", true),
        ];
        for (format, text, fits) in cases {
            let schema = json!({ "properties": { "when": { "items": { "format": format } } } }).to_string();
            let checked = check_config(&schema, &json!({ "when": [7, text] }));
            let refused = format!("`config/when/1`: \"{text}\" is not a \"{format}\"");
            let expected = if fits { Ok(()) } else { Err(refused) };
            assert_eq!(checked.map_err(|error| error.to_string()), expected, "{format} {text}");
        }
    }
}
