//! Environment variables that are settings.

use figment::Figment;
use figment::value::{Num, Value};

use super::reference::{Kind, Reference};

/// The variables of the process; for debugging their names alone, since anything may be in them.
#[derive(Clone, Default)]
pub struct Environment(Vec<(String, String)>);

/// What users of Twilio's own libraries, and of OpenTelemetry's, have set already.
const USUAL: [(&str, &str); 5] = [
    ("TWILIO_ACCOUNT_SID", "channels.sms.account_sid"),
    ("TWILIO_AUTH_TOKEN", "channels.sms.auth_token"),
    ("TWILIO_PHONE_NUMBER", "channels.sms.from"),
    ("TWILIO_MESSAGING_SERVICE_SID", "channels.sms.messaging_service_sid"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "telemetry.otlp_endpoint"),
];
const PREFIX: &str = "RECADO_";
const LEVEL: &str = "__";

impl Environment {
    /// Reads the process's variables; the only place that does.
    pub fn of_process() -> Self {
        let all =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        all.collect()
    }

    /// The value of a variable that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether a variable of this name may set something.
    pub fn is_setting(name: &str) -> bool {
        name.starts_with(PREFIX) || USUAL.iter().any(|(usual, _)| *usual == name)
    }

    /// The name of the account on this machine that runs the command, where the system tells.
    pub fn account(&self) -> Option<String> {
        ["SUDO_USER", "LOGNAME", "USER"].into_iter().find_map(|name| self.get(name)).map(str::to_owned)
    }

    /// Variable, key and value of each setting, names of others' first.
    pub(super) fn settings(&self, below: &Figment) -> Vec<(String, String, Value)> {
        let usual = USUAL.iter().filter_map(|(name, key)| {
            let value = self.get(name)?;
            Some(((*name).to_owned(), (*key).to_owned(), Value::from(value)))
        });
        // What is not set yet has its kind from the comments of the defaults.
        let reference = std::cell::OnceCell::new();
        let known = |key: &str| reference.get_or_init(Reference::of_defaults).kind(key);
        let own = self.0.iter().filter_map(|(name, value)| {
            // One level alone is never a setting: RECADO_API_KEY and the like are for commands.
            let key = name.strip_prefix(PREFIX).filter(|key| key.contains(LEVEL))?;
            let key = key.to_lowercase().replace(LEVEL, ".");
            let kind = below.find_value(&key).ok().and_then(|now| kind_of(&now)).or_else(|| known(&key));
            let value = typed(value, kind);
            Some((name.clone(), key, value))
        });
        usual.chain(own).collect()
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        let mut kept: Vec<_> = variables.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect();
        kept.sort();
        Self(kept)
    }
}

/// The variables that set a key, names of others' last.
pub(super) fn names(key: &str) -> Vec<String> {
    let own = format!("{PREFIX}{}", key.to_uppercase().replace('.', LEVEL));
    let usual = USUAL.iter().filter(|(_, known)| *known == key).map(|(name, _)| (*name).to_owned());
    std::iter::once(own).chain(usual).collect()
}

/// Of an empty list nobody knows what it is a list of.
fn kind_of(now: &Value) -> Option<Kind> {
    match now {
        Value::Num(..) => Some(Kind::Number),
        Value::Bool(..) => Some(Kind::Truth),
        Value::Array(_, items) => match items.first()? {
            Value::Num(..) => Some(Kind::NumberList),
            _ => Some(Kind::List),
        },
        _ => Some(Kind::Text),
    }
}

/// A variable is text. It becomes a number or a truth only where the setting is one, so that
/// "+529983162438" and a token made of digits stay what they are.
fn typed(text: &str, kind: Option<Kind>) -> Value {
    let number = |text: &str| {
        let whole = text.parse::<i64>().map(Num::from);
        let number = whole.or_else(|_| text.parse::<f64>().map(Num::from));
        number.map_or_else(|_| Value::from(text), Value::from)
    };
    let items = || text.split(',').map(str::trim);
    match kind {
        Some(Kind::Number) => number(text),
        Some(Kind::Truth) => text.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
        Some(Kind::List) => Value::from(items().map(Value::from).collect::<Vec<_>>()),
        Some(Kind::NumberList) => Value::from(items().map(number).collect::<Vec<_>>()),
        Some(Kind::Text | Kind::Table) | None => Value::from(text),
    }
}
