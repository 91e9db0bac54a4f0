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
    match value.as_str().and_then(|text| url::Url::parse(text).ok()).and_then(bare) {
        Some(url) => url.into(),
        None => value,
    }
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
