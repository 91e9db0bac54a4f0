//! From settings to a channel, or the reason why not.

use std::io::Read;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use super::builtin::{BUILTINS, builtin};
use super::guest::bindings::recado::channel::types;
use super::guest::{About, Failure, Guest, shorten};
use super::hosts::Hosts;
use super::reading::Reader;
use super::secrets::Secrets;
use super::turns::{Caller, Turns};
use super::{ComponentChannel, Engine};
use crate::channels::component::Settings;
use crate::channels::{Capabilities, Channel};
use crate::images;

/// The largest component that is compiled.
const MAX_COMPONENT_BYTES: usize = 32 * 1024 * 1024;
/// How every component begins.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// Why a component is no channel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    #[error("the WebAssembly engine can't start: {0}")]
    Engine(String),
    #[error("the system does not keep what its memories begin with: {0}")]
    Image(String),
    #[error("can't be read: {0}")]
    Unreadable(String),
    #[error("has the SHA-256 {0}, which is not the one of `sha256`")]
    OtherBytes(String),
    #[error("is no channel: {0}; `recado plugin build` makes one of a crate that uses `recado_sdk::channel`")]
    NoChannel(String),
    #[error("can't say what it is: {0}")]
    Trial(String),
    #[error("says of itself what makes no sense: {0}")]
    BadDescription(String),
    #[error("{0}")]
    BadConfig(String),
    #[error("is missing: the component needs it")]
    MissingSecret(String),
    #[error("has `{0}`, which is no http URL")]
    BadHost(String),
    #[error("must have \"{0}\": the component sends there, secrets included")]
    UnnamedHost(String),
    #[error("is none that the component knows; it has: {known}")]
    UnknownSecret { name: String, known: String },
}

impl LoadError {
    /// The key below the channel's that is wrong.
    pub fn key(&self) -> String {
        match self {
            Self::BadConfig(_) => "config".to_owned(),
            Self::BadHost(_) | Self::UnnamedHost(_) => "hosts".to_owned(),
            Self::OtherBytes(_) => "sha256".to_owned(),
            Self::MissingSecret(name) | Self::UnknownSecret { name, .. } => format!("secrets.{name}"),
            _ => "component".to_owned(),
        }
    }
}

/// Makes channels of components, on one engine that is there once it is needed.
#[derive(Default)]
pub struct Loader {
    engine: OnceLock<Result<Engine, LoadError>>,
    /// What makes a placeholder one; without it there are none, and so nothing goes out with a secret.
    mark: String,
    any_host: bool,
}

impl Loader {
    /// For channels that send: with random bytes that nobody guesses. One by `default` only looks.
    pub fn new(random: &[u8]) -> Self {
        Self { mark: hex::encode(random), ..Self::default() }
    }

    /// Takes components whose hosts no operator has named, to look at them.
    #[must_use]
    pub fn of_any_host(self) -> Self {
        Self { any_host: true, ..self }
    }

    /// What [`crate::channels::Channels::build`] asks for.
    pub fn load(&self, name: &str, settings: &Settings) -> Result<Arc<dyn Channel>, (String, String)> {
        let channel = self.channel(name, settings).map_err(|error| (error.key(), error.to_string()))?;
        Ok(Arc::new(channel))
    }

    /// The channel itself.
    pub fn channel(&self, name: &str, settings: &Settings) -> Result<ComponentChannel, LoadError> {
        let engine = self.engine.get_or_init(Engine::new).clone()?;
        let channel = load(&engine, name, settings, &self.mark)?;
        // Of those that come with Recado it is known whom they send to.
        if !self.any_host && settings.builtin().is_none() {
            approve(&channel, settings)?;
        }
        Ok(channel)
    }
}

/// The secrets go to the component's hosts, so the operator has the last word on them.
fn approve(channel: &ComponentChannel, settings: &Settings) -> Result<(), LoadError> {
    let approved = Hosts::parse(&settings.hosts).map_err(LoadError::BadHost)?;
    channel
        .hosts
        .origins()
        .find(|origin| !approved.has(origin))
        .map_or(Ok(()), |origin| Err(LoadError::UnnamedHost(origin.ascii_serialization())))
}

fn load(engine: &Engine, name: &str, settings: &Settings, mark: &str) -> Result<ComponentChannel, LoadError> {
    let bytes = read(settings)?;
    if !bytes.starts_with(COMPONENT) || bytes.len() > MAX_COMPONENT_BYTES {
        return Err(LoadError::NoChannel("it is no WebAssembly component, or a huge one".to_owned()));
    }
    let component = Component::new(engine.inner(), &bytes)
        .map_err(|error| LoadError::NoChannel(shorten(&error.root_cause().to_string())))?;
    images::make(&component).map_err(|error| LoadError::Image(shorten(&format!("{error:#}"))))?;
    let config =
        if settings.config.is_null() { Value::Object(serde_json::Map::new()) } else { settings.config.clone() };
    let about = About {
        channel: name.to_owned(),
        config: config.to_string(),
        secrets: Secrets::new(settings.secrets.clone(), mark.to_owned()),
        deadline: Duration::from_millis(u64::from(settings.deadline_ms)),
        memory: settings.memory_mib * 1024 * 1024,
        turns: Turns::default(),
    };
    let guest =
        Guest::link(engine, &component, about).map_err(|error| LoadError::NoChannel(shorten(&format!("{error:#}"))))?;
    let said = guest
        .call(Caller::Gateway, |provider, store| provider.call_describe(store))
        .map_err(|failure: Failure| LoadError::Trial(failure.to_string()))?;
    check_config(&said.config_schema, &config)?;
    check_secrets(&said.secrets, &guest.about.secrets)?;
    described(guest, said)
}

fn read(settings: &Settings) -> Result<Vec<u8>, LoadError> {
    let bytes = match settings.builtin() {
        Some(name) => builtin(name).map(<[u8]>::to_vec).ok_or_else(|| {
            LoadError::Unreadable(format!("there are: {}", BUILTINS.map(|name| format!("builtin:{name}")).join(", ")))
        })?,
        None => read_capped(&settings.component).map_err(|error| LoadError::Unreadable(error.to_string()))?,
    };
    let found = hex::encode(Sha256::digest(&bytes));
    match &settings.sha256 {
        Some(pinned) if !pinned.eq_ignore_ascii_case(&found) => Err(LoadError::OtherBytes(found)),
        _ => Ok(bytes),
    }
}

/// One byte more than may be is enough to see that a file is too large.
fn read_capped(path: &str) -> std::io::Result<Vec<u8>> {
    let most = u64::try_from(MAX_COMPONENT_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn described(guest: Guest, said: types::Description) -> Result<ComponentChannel, LoadError> {
    let hosts = Hosts::parse(&said.hosts)
        .map_err(|host| LoadError::BadDescription(format!("its host `{}` is no http URL", shorten(&host))))?;
    let reader = Reader { scheme: said.scheme.as_deref() };
    if reader.scheme.is_some() && reader.address("1").is_none() {
        return Err(LoadError::BadDescription("its scheme is no word in lower case".to_owned()));
    }
    let sender = match &said.sender {
        Some(sender) => Some(
            reader.address(sender).ok_or_else(|| LoadError::BadDescription("its sender is no address".to_owned()))?,
        ),
        None => None,
    };
    let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let capabilities = Capabilities {
        max_text_units: size(said.capabilities.max_text_units),
        max_media: size(said.capabilities.max_media),
        receipts: said.capabilities.receipts,
        answer: None,
        schedule: None,
    };
    Ok(ComponentChannel {
        guest,
        name: said.name,
        version: said.version,
        hosts,
        scheme: said.scheme,
        sender,
        capabilities,
    })
}

fn check_config(schema: &str, config: &Value) -> Result<(), LoadError> {
    let bad = |error: String| LoadError::BadDescription(format!("its config schema: {}", shorten(&error)));
    let schema: Value = serde_json::from_str(schema).map_err(|error| bad(error.to_string()))?;
    let validator = jsonschema::validator_for(&schema).map_err(|error| bad(error.to_string()))?;
    match validator.iter_errors(config).next() {
        None => Ok(()),
        Some(error) => {
            let pointer = error.instance_path().to_string();
            let at = if pointer.is_empty() { String::new() } else { format!("`{pointer}`: ") };
            Err(LoadError::BadConfig(format!("{at}{}", shorten(&error.to_string()))))
        }
    }
}

/// A secret under a wrong name would be missed in silence.
fn check_secrets(wanted: &[String], found: &Secrets) -> Result<(), LoadError> {
    if let Some(missing) = wanted.iter().find(|name| found.get(name).is_none()) {
        return Err(LoadError::MissingSecret(missing.clone()));
    }
    match found.names().find(|name| !wanted.iter().any(|wanted| wanted == name)) {
        None => Ok(()),
        Some(name) => Err(LoadError::UnknownSecret { name: name.to_owned(), known: wanted.join(", ") }),
    }
}
