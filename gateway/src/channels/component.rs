//! What an operator writes for a channel that is a WebAssembly component.
//!
//! Settings alone: what makes a channel of them is handed to [`super::Channels::build`].

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::Rates;

/// How a secret names the environment variable that holds it.
const VARIABLE: &str = "env:";
/// The longest deadline, in milliseconds. Two calls fit beside a request into the shortest lease
/// (`delivery.lease_s`).
const MAX_DEADLINE_MS: u32 = 2_000;
/// The most memory, in MiB.
const MAX_MEMORY_MIB: usize = 64;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `builtin:NAME`, or the path of a component.
    pub component: String,
    /// The component's SHA-256, in hex, where no other shall be taken.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Whom the component may send to, secrets included, as in `https://api.example.com`. One that comes
    /// with Recado needs none.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// By the component's own schema.
    #[serde(default)]
    pub config: Value,
    /// What the component names; `env:VARIABLE` stands for an environment variable.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretString>,
    /// The longest that one call may run, in milliseconds.
    #[serde(default = "default_deadline")]
    pub deadline_ms: u32,
    /// The most memory of one call, in MiB.
    #[serde(default = "default_memory")]
    pub memory_mib: usize,
    #[serde(default)]
    pub rates: Rates,
}

impl Settings {
    /// A component, with everything else as usual.
    pub fn new(component: impl Into<String>) -> Self {
        Self {
            component: component.into(),
            sha256: None,
            hosts: Vec::new(),
            config: Value::Null,
            secrets: BTreeMap::new(),
            deadline_ms: default_deadline(),
            memory_mib: default_memory(),
            rates: Rates::default(),
        }
    }

    /// The name of a component that comes with Recado.
    pub fn builtin(&self) -> Option<&str> {
        self.component.strip_prefix("builtin:")
    }

    pub(super) fn resolve<'a>(&mut self, variable: impl Fn(&str) -> Option<&'a str>) -> Result<(), (String, String)> {
        for (name, secret) in &mut self.secrets {
            let Some(wanted) = secret.expose_secret().strip_prefix(VARIABLE) else { continue };
            let Some(found) = variable(wanted) else {
                let problem = format!("the environment variable {wanted} is not set, or empty");
                return Err((format!("secrets.{name}"), problem));
            };
            *secret = SecretString::from(found);
        }
        Ok(())
    }

    /// What makes no sense, whatever the component.
    pub fn check(&self) -> Result<(), (String, String)> {
        let wrong = |key: &str, problem: String| Err((key.to_owned(), problem));
        if self.component.trim().is_empty() {
            return wrong("component", "is empty: write `builtin:NAME`, or the path of a component".to_owned());
        }
        if !(1..=MAX_DEADLINE_MS).contains(&self.deadline_ms) {
            return wrong("deadline_ms", format!("is {}, but must be 1 to {MAX_DEADLINE_MS}", self.deadline_ms));
        }
        if !(1..=MAX_MEMORY_MIB).contains(&self.memory_mib) {
            return wrong("memory_mib", format!("is {}, but must be 1 to {MAX_MEMORY_MIB}", self.memory_mib));
        }
        for (name, secret) in &self.secrets {
            let value = secret.expose_secret();
            if value.is_empty() || value.chars().any(char::is_control) {
                return wrong(&format!("secrets.{name}"), "is empty, or has a control character in it".to_owned());
            }
        }
        Ok(())
    }
}

fn default_deadline() -> u32 {
    1_000
}

fn default_memory() -> usize {
    16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> Settings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_secret_may_stand_in_an_environment_variable() {
        let mut found = settings("component = 'a.wasm'\nsecrets = { token = 'env:TOKEN', other = 'plain' }");
        found.resolve(|name| (name == "TOKEN").then_some("123:abc")).unwrap();
        assert_eq!(found.secrets["token"].expose_secret(), "123:abc");
        assert_eq!(found.secrets["other"].expose_secret(), "plain");
        let mut missing = settings("component = 'a.wasm'\nsecrets = { token = 'env:TOKEN' }");
        assert_eq!(missing.resolve(|_| None).unwrap_err().0, "secrets.token");
    }

    #[test]
    fn what_makes_no_sense_is_named_by_its_key() {
        let cases = [
            ("component = ''", "component"),
            ("component = 'a'\ndeadline_ms = 0", "deadline_ms"),
            ("component = 'a'\nmemory_mib = 65", "memory_mib"),
            ("component = 'a'\nsecrets = { token = '' }", "secrets.token"),
        ];
        for (text, key) in cases {
            assert_eq!(settings(text).check().unwrap_err().0, key);
        }
        assert_eq!(settings("component = 'builtin:telegram'").check(), Ok(()));
    }
}
