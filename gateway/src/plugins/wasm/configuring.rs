//! Whether an operator's configuration fits the schema that a plugin tells.
//!
//! Formats are looked at, too, since what is wrong with them would else show with the first message:
//! those of JSON Schema, and two more, `time-zone` and `linear-regex`.

use jiff::tz::TimeZone;
use jsonschema::error::ValidationErrorKind;
use jsonschema::{ValidationError, ValidationOptions, Validator};
use serde_json::{Value, json};

use super::LoadError;
use super::failures::shorten;
use crate::plugins::{Settings, hidden};

/// The most memory of a `linear-regex` once it is compiled: counted repetitions multiply.
const MAX_REGEX: usize = 64 * 1024;
/// The most that is said of one configuration.
const MOST_MISFITS: usize = 50;

/// Something in a configuration that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Where it is, as a JSON pointer; of what is missing, where it should be.
    pub pointer: String,
    /// The word of JSON Schema that it is against, as in `minimum`.
    pub keyword: String,
    /// What that word says, where it is a number, a pattern or a format.
    pub limit: Option<String>,
    pub problem: String,
}

/// The operator's configuration; without any, an empty one.
pub(super) fn config(settings: &Settings) -> Value {
    if settings.config.is_null() { json!({}) } else { settings.config.clone() }
}

pub(super) fn check_config(schema: &str, config: &Value) -> Result<(), LoadError> {
    let (schema, validator) = validator(schema)?;
    match validator.iter_errors(config).next() {
        None => Ok(()),
        Some(error) => {
            Err(LoadError::BadConfig { pointer: error.instance_path().to_string(), problem: problem(&error, &schema) })
        }
    }
}

/// All that does not fit, for whoever is to set it right.
pub(super) fn misfits(schema: &str, config: &Value) -> Result<Vec<Misfit>, LoadError> {
    let (schema, validator) = validator(schema)?;
    Ok(validator.iter_errors(config).take(MOST_MISFITS).map(|error| misfit(&error, &schema)).collect())
}

fn misfit(error: &ValidationError<'_>, schema: &Value) -> Misfit {
    use ValidationErrorKind as Kind;
    let mut pointer = error.instance_path().to_string();
    let limit = match error.kind() {
        Kind::Required { property } => {
            let property = property.as_str().unwrap_or_default();
            pointer = format!("{pointer}/{}", property.replace('~', "~0").replace('/', "~1"));
            None
        }
        Kind::Minimum { limit }
        | Kind::Maximum { limit }
        | Kind::ExclusiveMinimum { limit }
        | Kind::ExclusiveMaximum { limit } => Some(limit.to_string()),
        Kind::MinLength { limit } | Kind::MaxLength { limit } | Kind::MinItems { limit } | Kind::MaxItems { limit } => {
            Some(limit.to_string())
        }
        Kind::Pattern { pattern } => Some(pattern.clone()),
        Kind::Format { format } => Some(format.clone()),
        _ => None,
    };
    let keyword = error.kind().keyword().to_owned();
    Misfit { pointer, keyword, limit, problem: problem(error, schema) }
}

/// What is wrong, without the value where that may be a secret.
fn problem(error: &ValidationError<'_>, schema: &Value) -> String {
    let text = if hidden::marks_any(schema) { error.masked().to_string() } else { error.to_string() };
    shorten(&text)
}

fn validator(schema: &str) -> Result<(Value, Validator), LoadError> {
    let schema: Value = serde_json::from_str(schema).map_err(|error| LoadError::BadSchema(error.to_string()))?;
    let validator = options()?.build(&schema).map_err(|error| bad_schema(&error))?;
    Ok((schema, validator))
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
    fn all_that_is_wrong_is_told_with_its_place() {
        let schema = r#"{"required":["a/b"],"additionalProperties":false,"properties":{"a/b":{},"n":{"minimum":2.5},
            "s":{"type":"string","pattern":"^x"}}}"#;
        let found = misfits(schema, &json!({ "n": 1, "s": "y", "more": 1 })).unwrap();
        let mut told: Vec<_> = found.iter().map(|it| (&*it.pointer, &*it.keyword, it.limit.as_deref())).collect();
        told.sort_unstable();
        let expected = [
            ("", "additionalProperties", None),
            ("/a~1b", "required", None),
            ("/n", "minimum", Some("2.5")),
            ("/s", "pattern", Some("^x")),
        ];
        assert_eq!(told, expected);
        assert_eq!(misfits(schema, &json!({ "a/b": null })).unwrap(), []);
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_told_without_it() {
        let schema = r#"{"properties":{"token":{"type":"string","minLength":9,"writeOnly":true}}}"#;
        let config = json!({ "token": "hunter2" });
        let told = [
            misfits(schema, &config).unwrap()[0].problem.clone(),
            check_config(schema, &config).unwrap_err().to_string(),
        ];
        for told in told {
            assert!(!told.contains("hunter2") && told.contains('9'), "{told}");
        }
    }

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
