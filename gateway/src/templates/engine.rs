//! The template engine, with all that could make a template dangerous left out: it includes no other, defines no
//! macros, escapes nothing, and comes to an end.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};

use super::Scalar;

/// What a rendering may use: about as many instructions, or 64 times as many bytes.
const FUEL: u64 = 20_000;
/// The longest text that comes of a template, in bytes. Providers carry far less.
pub(super) const LONGEST_TEXT: usize = 16 * 1024;
/// Functions of the engine's that have no use in a text, or make work of their own.
const GLOBALS: [&str; 4] = ["range", "dict", "debug", "namespace"];

/// Why the engine does not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// Where in the template, if the engine knows.
    pub(super) line: Option<usize>,
    /// With what to do about it, where that is known.
    pub(super) reason: String,
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    for name in GLOBALS {
        environment.remove_global(name);
    }
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment
}

/// The variables that a template uses, if it can be read.
pub(super) fn variables(source: &str) -> Result<BTreeSet<String>, Failure> {
    let environment = environment();
    let template = environment.template_from_str(source).map_err(|error| failure(&error))?;
    Ok(template.undeclared_variables(false).into_iter().collect())
}

/// What becomes of a template.
pub(super) fn render(source: &str, values: &BTreeMap<&str, &Scalar>) -> Result<String, Failure> {
    let environment = environment();
    let values = Value::from_pairs(values.iter().map(|(name, value)| (*name, to_value(value))));
    let rendered = environment.render_str(source, values).map_err(|error| failure(&error))?;
    if rendered.len() > LONGEST_TEXT {
        let reason = format!("makes a text of more than {LONGEST_TEXT} bytes: shorten it, or what is put in");
        return Err(Failure { line: None, reason });
    }
    Ok(rendered)
}

pub(super) fn has_filter(name: &str) -> bool {
    let tried = environment().empty_state().apply_filter(name, &[]);
    !tried.is_err_and(|error| error.kind() == ErrorKind::UnknownFilter)
}

pub(super) fn has_test(name: &str) -> bool {
    let tried = environment().empty_state().perform_test(name, &[]);
    !tried.is_err_and(|error| error.kind() == ErrorKind::UnknownTest)
}

fn to_value(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Text(text) => Value::from(text.as_str()),
        Scalar::Flag(flag) => Value::from(*flag),
        Scalar::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::from(whole),
            (None, Some(number)) => Value::from(number),
            (None, None) => Value::from(number.to_string()),
        },
    }
}

fn failure(error: &Error) -> Failure {
    let detail = error.detail().unwrap_or_default();
    let remedy = match error.kind() {
        ErrorKind::OutOfFuel => ": it does too much; templates are for short texts",
        ErrorKind::UndefinedError => ": it asks a variable for something that is not in it",
        ErrorKind::SyntaxError if detail.starts_with("unknown statement") => {
            ": templates here know `if`, `for`, `set`, `with` and `filter`, and include no others"
        }
        _ => "",
    };
    let reason = match detail {
        "" => error.kind().to_string(),
        detail => format!("{}: {detail}", error.kind()),
    };
    Failure { line: error.line(), reason: reason + remedy }
}
