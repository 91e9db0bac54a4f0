//! Showing every setting with its origin, and no secret.

use figment::Figment;
use figment::value::{Dict, Value};
use serde::Serialize;

use super::{Error, explain};

/// One setting, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    pub key: String,
    pub value: serde_json::Value,
    /// Where the value came from.
    pub origin: String,
}

/// Words in a key that make its value a secret.
const SECRETS: [&str; 4] = ["token", "secret", "password", "api_key"];

/// What ends the scheme of a URL.
const AFTER_SCHEME: &str = "://";
/// What stands for a text that may hold a secret.
const NOT_SHOWN: &str = "(not shown)";

/// All settings, by key.
pub fn show(figment: &Figment) -> Result<Vec<Shown>, Error> {
    let all: Dict = figment.extract().map_err(|error| explain(&error))?;
    let mut shown = Vec::new();
    walk("", &Value::from(all), figment, &mut shown);
    Ok(shown)
}

fn walk(key: &str, value: &Value, figment: &Figment, shown: &mut Vec<Shown>) {
    match value {
        Value::Dict(_, dict) => {
            for (name, value) in dict {
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                walk(&key, value, figment, shown);
            }
        }
        Value::Array(_, items) if items.iter().any(|item| matches!(item, Value::Dict(..))) => {
            for (position, item) in items.iter().enumerate() {
                walk(&format!("{key}.{position}"), item, figment, shown);
            }
        }
        value => {
            let origin = figment.get_metadata(value.tag()).map_or("the settings", |data| &data.name).to_owned();
            let value = redact(key, serde_json::to_value(value).unwrap_or_default());
            shown.push(Shown { key: key.to_owned(), value, origin });
        }
    }
}

fn redact(key: &str, value: serde_json::Value) -> serde_json::Value {
    let last = key.rsplit('.').find(|part| part.parse::<usize>().is_err()).unwrap_or(key);
    // Of a plugin's secrets the names are the operator's own.
    if SECRETS.iter().any(|word| last.contains(word)) || key.split('.').any(|part| part == "secrets") {
        return "(secret)".into();
    }
    // Which of a component's own settings are secret, only its schema knows.
    let is_text = !(value.is_number() || value.is_boolean() || value.is_null());
    if is_text && is_of_a_component(key) {
        return NOT_SHOWN.into();
    }
    match value.as_str().filter(|text| text.contains(AFTER_SCHEME)).map(url::Url::parse) {
        // There may be a password anywhere in it.
        Some(Err(_)) => NOT_SHOWN.into(),
        Some(Ok(url)) if has_stray_sign(&url) => NOT_SHOWN.into(),
        Some(Ok(url)) => bare(url).map_or(value, Into::into),
        None => value,
    }
}

/// Whether it is below `plugins.N.config` or `channels.NAME.config`.
fn is_of_a_component(key: &str) -> bool {
    let mut parts = key.split('.');
    matches!(parts.next(), Some("plugins" | "channels")) && parts.nth(1) == Some("config")
}

/// Whether a password with one of `/?#` in it may have been taken for another part: what ends one is behind the host then.
fn has_stray_sign(url: &url::Url) -> bool {
    url[url::Position::BeforePath..].contains('@')
}

/// Without the password, wherever it is: in front of the host, or among the parameters, which databases take as well. None
/// if there is none.
fn bare(mut url: url::Url) -> Option<String> {
    let is_secret = |name: &str| SECRETS.iter().any(|word| name.contains(word));
    let hidden = url.password().is_some();
    if hidden {
        // Fails only for URLs that can't have a password, and this one has.
        let _ = url.set_password(Some("secret"));
    }
    if !url.query_pairs().any(|(name, _)| is_secret(&name)) {
        return hidden.then(|| url.to_string());
    }
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let pairs = pairs.iter().map(|(name, value)| (name, if is_secret(name) { "secret" } else { value }));
    url.query_pairs_mut().clear().extend_pairs(pairs);
    Some(url.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let url = |text: &str| ("database.url", json!(text));
        let hidden = [
            ("plugins.0.config.apikey", json!("hush")),
            ("plugins.1.config.rules.0.api-key", json!("hush")),
            ("plugins.0.config.words", json!(["hush"])),
            ("channels.telegram.config.credential", json!("hush")),
            url("postgres://me:hu#sh@db/recado"),
            url("postgres://me:12#hush@db/recado"),
            url("postgres://me:12/hush@db/recado"),
            url("postgres://me:hu:sh@db:port/recado"),
        ];
        for (key, value) in hidden {
            assert_eq!(redact(key, value.clone()), NOT_SHOWN, "{key} {value}");
        }
        let shown = [
            ("plugins.0.config.most", json!(3)),
            ("plugins.0.config.polite", json!(true)),
            ("plugins.0.component", json!("builtin:router")),
            ("channels.sms.from", json!("+529983162438")),
            ("channels.config.from", json!("+529983162438")),
            ("defaults.subject", json!("SMS de {sender}: hola")),
            url("sqlite://data/recado.db"),
            url("postgres://me@db/recado"),
        ];
        for (key, value) in shown {
            assert_eq!(redact(key, value.clone()), value, "{key}");
        }
    }
}
