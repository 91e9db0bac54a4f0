//! What an operator writes under `[[plugins]]` and `[plugin_host]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fetching::AllowedHost;
use super::registry::{Access, Reference, SCHEME};

/// The most memory that any plugin may be given, in MiB.
pub(super) const MAX_MEMORY_MIB: usize = 64;
/// The longest deadline, in milliseconds.
const MAX_DEADLINE_MS: u32 = 60_000;
/// The longest answer to a fetch that may be asked for.
const MAX_FETCH_BYTES: usize = 16 * 1024 * 1024;
/// A shorter secret could not be told from the rest of an answer that repeats it.
const SHORTEST_SECRET: usize = 8;
/// How a secret names the environment variable that holds it.
const VARIABLE: &str = "env:";

/// What an operator writes under `[plugin_host]`: what all plugins share.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostSettings {
    /// The folder where compiled components are kept. Empty: they are compiled at each start.
    pub cache: PathBuf,
}

impl HostSettings {
    pub fn cache(&self) -> Option<&Path> {
        Some(self.cache.as_path()).filter(|path| !path.as_os_str().is_empty())
    }
}

/// What an operator writes under `[plugin_files]`: where plugins are found beside the settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// A folder whose components are plugins, too, after those of the settings.
    pub folder: PathBuf,
    /// How often files are looked at for changes, in seconds. 0 is never.
    pub watch_s: u32,
    /// How many recorded messages a change is tried on before it is put in force. 0 is none.
    pub after_replay: u32,
    /// The most of them that may be treated differently, in per cent.
    pub max_changed: f64,
    /// A folder where components from registries are kept.
    pub fetched: PathBuf,
}

/// What an operator writes under `[[plugins]]`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub name: String,
    /// `builtin:NAME`, the path of a component, or `oci://REGISTRY/REPOSITORY:TAG`.
    pub component: String,
    /// The component's SHA-256, in hex, where no other shall be taken.
    #[serde(default)]
    pub sha256: Option<String>,
    /// How to get at a component that is in a registry.
    #[serde(default)]
    pub registry: Access,
    /// Where it is kept then: of `[plugin_files]`.
    #[serde(skip)]
    pub fetched: PathBuf,
    #[serde(default)]
    pub on_error: OnError,
    /// Left out: `reuse` for the plugins that come with Recado, `call` for others.
    #[serde(default)]
    pub isolation: Option<Isolation>,
    /// The longest that the plugin itself may run in one call, in milliseconds.
    #[serde(default = "default_deadline")]
    pub deadline_ms: u32,
    /// The most memory of one instance, in MiB.
    #[serde(default = "default_memory")]
    pub memory_mib: usize,
    /// Whom the plugin may ask, at public addresses.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Whom the plugin may ask at whatever address.
    #[serde(default)]
    pub private_hosts: Vec<String>,
    /// The most requests of one call.
    #[serde(default = "default_fetches")]
    pub fetches: u32,
    /// The longest that one request may take, in milliseconds.
    #[serde(default = "default_fetch_timeout")]
    pub fetch_timeout_ms: u32,
    /// The longest that all requests of one call may take, in milliseconds.
    #[serde(default = "default_fetch_budget")]
    pub fetch_budget_ms: u32,
    /// The longest answer, in bytes.
    #[serde(default = "default_fetch_bytes")]
    pub fetch_max_bytes: usize,
    /// What goes into headers in place of `{{secret:NAME}}`.
    #[serde(default)]
    pub secrets: BTreeMap<String, Secret>,
    #[serde(default)]
    pub config: Value,
}

/// What happens to the chain when a plugin gives no decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnError {
    /// The next plugin is asked as if this one were not there.
    #[default]
    Skip,
    /// The chain ends here.
    Stop,
}

/// How long an instance of a plugin lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// For one call: nothing that one person's message leaves in its memory is there for another's.
    Call,
    /// For many calls, until anything goes wrong in one.
    Reuse,
}

/// A secret of a plugin.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Secret {
    /// For any of the plugin's hosts.
    Plain(SecretString),
    /// For these of them alone.
    Bound { value: SecretString, hosts: Vec<String> },
}

/// Whether a reload finds it as it was.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.value().expose_secret() == other.value().expose_secret() && self.hosts() == other.hosts()
    }
}

impl Secret {
    pub(super) fn value(&self) -> &SecretString {
        match self {
            Self::Plain(value) | Self::Bound { value, .. } => value,
        }
    }

    /// None: any.
    pub(super) fn hosts(&self) -> Option<&[String]> {
        match self {
            Self::Plain(_) => None,
            Self::Bound { hosts, .. } => Some(hosts),
        }
    }

    fn set(&mut self, new: SecretString) {
        match self {
            Self::Plain(value) | Self::Bound { value, .. } => *value = new,
        }
    }
}

impl Settings {
    /// A component, with everything else as usual.
    pub fn new(name: impl Into<String>, component: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            component: component.into(),
            sha256: None,
            registry: Access::default(),
            fetched: PathBuf::new(),
            on_error: OnError::default(),
            isolation: None,
            deadline_ms: default_deadline(),
            memory_mib: default_memory(),
            hosts: Vec::new(),
            private_hosts: Vec::new(),
            fetches: default_fetches(),
            fetch_timeout_ms: default_fetch_timeout(),
            fetch_budget_ms: default_fetch_budget(),
            fetch_max_bytes: default_fetch_bytes(),
            secrets: BTreeMap::new(),
            config: Value::Null,
        }
    }

    /// A component in a file, with everything else as usual, named after the file.
    pub fn from_file(path: &Path) -> Self {
        let stem = path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy();
        Self::new(stem, path.display().to_string())
    }

    /// Whether it comes with Recado.
    pub(super) fn builtin(&self) -> Option<&str> {
        self.component.strip_prefix("builtin:")
    }

    /// Whether it is in a registry.
    pub(super) fn is_remote(&self) -> bool {
        self.component.starts_with(SCHEME)
    }

    pub fn isolation(&self) -> Isolation {
        let usual = if self.builtin().is_some() { Isolation::Reuse } else { Isolation::Call };
        self.isolation.unwrap_or(usual)
    }

    /// Takes the secrets that stand in environment variables from there. The error is the key below the
    /// plugin's, and the problem.
    pub fn resolve<'a>(&mut self, variable: impl Fn(&str) -> Option<&'a str>) -> Result<(), (String, String)> {
        for (name, secret) in &mut self.secrets {
            let Some(wanted) = secret.value().expose_secret().strip_prefix(VARIABLE) else { continue };
            let Some(found) = variable(wanted) else {
                return Err((
                    format!("secrets.{name}"),
                    format!("the environment variable {wanted} is not set, or empty"),
                ));
            };
            secret.set(SecretString::from(found));
        }
        if let Some(password) = &mut self.registry.password
            && let Some(wanted) = password.expose_secret().strip_prefix(VARIABLE)
        {
            let problem = format!("the environment variable {wanted} is not set, or empty");
            *password = variable(wanted).map(SecretString::from).ok_or(("registry.password".to_owned(), problem))?;
        }
        Ok(())
    }

    /// What makes no sense, whatever the component: its key below the plugin's, and the problem.
    pub fn check(&self) -> Result<(), (String, String)> {
        let within = |key: &str, found: usize, least: usize, most: usize| {
            if (least..=most).contains(&found) {
                return Ok(());
            }
            Err((key.to_owned(), format!("is {found}, but must be {least} to {most}")))
        };
        let millis = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        within("deadline_ms", millis(self.deadline_ms), 1, millis(MAX_DEADLINE_MS))?;
        within("memory_mib", self.memory_mib, 1, MAX_MEMORY_MIB)?;
        within("fetch_timeout_ms", millis(self.fetch_timeout_ms), 1, millis(MAX_DEADLINE_MS))?;
        within("fetch_budget_ms", millis(self.fetch_budget_ms), 1, millis(MAX_DEADLINE_MS))?;
        within("fetch_max_bytes", self.fetch_max_bytes, 1, MAX_FETCH_BYTES)?;
        for (key, hosts) in [("hosts", &self.hosts), ("private_hosts", &self.private_hosts)] {
            parse_all(key, hosts)?;
        }
        if self.is_remote() {
            self.check_remote()?;
        }
        self.secrets.iter().try_for_each(|(name, secret)| check_secret(name, secret))
    }

    /// What a registry has under a name today, it may not have tomorrow.
    fn check_remote(&self) -> Result<(), (String, String)> {
        let reference =
            Reference::parse(&self.component).map_err(|problem| ("component".to_owned(), problem.to_string()))?;
        let remedy = format!("`recado plugin fetch {}` says which", self.component);
        match &self.sha256 {
            None if !reference.is_pinned() => {
                let problem =
                    format!("is missing, but a component from a registry must be pinned by its SHA-256; {remedy}");
                Err(("sha256".to_owned(), problem))
            }
            Some(pin) if pin.len() != 64 || !pin.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
                Err(("sha256".to_owned(), format!("is not 64 hexadecimal digits; {remedy}")))
            }
            _ => Ok(()),
        }
    }
}

fn parse_all(key: &str, hosts: &[String]) -> Result<(), (String, String)> {
    hosts.iter().try_for_each(|host| AllowedHost::parse(host).map(drop).map_err(|problem| (key.to_owned(), problem)))
}

fn check_secret(name: &str, secret: &Secret) -> Result<(), (String, String)> {
    let key = format!("secrets.{name}");
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
        return Err((key, "a secret's name is of letters, digits, _ and -".to_owned()));
    }
    let value = secret.value().expose_secret();
    if value.len() < SHORTEST_SECRET {
        return Err((key, format!("is shorter than {SHORTEST_SECRET} characters")));
    }
    if value.chars().any(char::is_control) {
        return Err((key, "has a line break or another control character in it".to_owned()));
    }
    parse_all(&key, secret.hosts().unwrap_or_default())
}

fn default_deadline() -> u32 {
    500
}

fn default_memory() -> usize {
    16
}

fn default_fetches() -> u32 {
    4
}

fn default_fetch_timeout() -> u32 {
    3_000
}

fn default_fetch_budget() -> u32 {
    5_000
}

fn default_fetch_bytes() -> usize {
    256 * 1024
}
