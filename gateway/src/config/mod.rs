//! Settings: the built-in defaults, a file, the environment, flags; each over the one before.
//!
//! Every room owns its settings; this room only puts them together, remembers where each value
//! came from, and makes a message out of what is wrong with one.

mod environment;
mod reference;
mod show;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::Deserialize;

use crate::channels::Channels;
use crate::message::{Locale, Place, phone};
use crate::{
    callbacks, channels, conversations, delivery, events, followups, gate, inbound, journal, lookup, media, plugins,
    reconcile, retention, spans, store, telemetry, web,
};

pub use environment::Environment;
pub use reference::{Kind, Reference};
pub use show::{Shown, show};

/// All settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: web::Settings,
    pub database: store::Settings,
    pub defaults: Defaults,
    pub inbound: inbound::Settings,
    pub journal: journal::Settings,
    pub followups: followups::Settings,
    pub gate: gate::Settings,
    pub delivery: delivery::Settings,
    pub media: media::Settings,
    pub reconcile: reconcile::Settings,
    pub callbacks: callbacks::Settings,
    #[serde(default)]
    pub endpoints: BTreeMap<String, events::Settings>,
    pub stream: events::StreamSettings,
    pub lookup: lookup::Settings,
    pub retention: retention::Settings,
    pub conversations: conversations::Settings,
    pub log: telemetry::Settings,
    pub console: web::ConsoleSettings,
    pub telemetry: spans::Settings,
    pub channels: BTreeMap<String, channels::Settings>,
    pub plugin_host: plugins::HostSettings,
    #[serde(default)]
    pub plugins: Vec<plugins::Settings>,
    pub plugin_files: plugins::Files,
}

/// `[defaults]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    pub region: String,
    pub locale: String,
    pub time_zone: String,
    pub subject: Option<String>,
}

impl Defaults {
    pub fn place(&self) -> Place {
        Place { locale: self.locale.clone(), time_zone: self.time_zone.clone(), subject: self.subject.clone() }
    }

    /// What the gate takes where nobody says more.
    pub fn home(&self) -> gate::Home<'_> {
        gate::Home { locale: Locale::from_tag(&self.locale), time_zone: &self.time_zone, region: &self.region }
    }
}

/// What is wrong with the settings, where, and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{origin}: `{key}`: {problem}")]
    Value { origin: String, key: String, problem: String },
    #[error("{0}")]
    File(String),
}

/// The built-in defaults, which are also the reference.
pub const DEFAULTS: &str = include_str!("../../../config/recado.toml");
/// Where a file of the operator's own is looked for.
const USUAL_FILE: &str = "config/recado.toml";

/// The channel that the defaults have, and its kind.
const USUAL_CHANNEL: &str = "sms";
const USUAL_KIND: &str = "twilio";
/// How the defaults are called.
const OF_DEFAULTS: &str = "the built-in defaults";

/// A provider under a name that an operator understands.
struct Named<P>(String, P);

impl<P: Provider> Provider for Named<P> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.0.clone()).interpolater(|_, keys| keys.join("."))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        self.1.data()
    }
}

/// Where settings come from, in rising order.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A file that must be there. None: the usual one, if it is there.
    pub file: Option<PathBuf>,
    pub environment: Environment,
    /// What flags say: a key with dots, and its value.
    pub flags: Vec<(String, Value)>,
}

impl Sources {
    /// The file that is read, if there is one.
    pub fn path(&self) -> Option<PathBuf> {
        self.file.clone().or_else(|| Some(PathBuf::from(USUAL_FILE)).filter(|path| path.is_file()))
    }

    /// Puts the sources together without judging them.
    pub fn figment(&self) -> Result<Figment, Error> {
        let figment = self.over(DEFAULTS)?;
        let kind = figment.find_value(&format!("channels.{USUAL_CHANNEL}.kind"));
        if kind.is_ok_and(|kind| kind.as_str() != Some(USUAL_KIND)) {
            // A channel of another kind under that name has nothing to do with what the defaults say of it.
            return self.over(&without_usual_channel());
        }
        Ok(figment)
    }

    fn over(&self, defaults: &str) -> Result<Figment, Error> {
        let mut figment = Figment::new().merge(Named(OF_DEFAULTS.to_owned(), Toml::string(defaults)));
        if let Some(path) = self.path() {
            let text = read(&path)?;
            figment = figment.merge(Named(path.display().to_string(), Toml::string(&text)));
        }
        for (name, key, value) in self.environment.settings(&figment) {
            figment =
                figment.merge(Named(format!("the environment variable {name}"), Serialized::default(&key, value)));
        }
        for (key, value) in &self.flags {
            figment = figment.merge(Named("a flag".to_owned(), Serialized::default(key, value)));
        }
        Ok(figment)
    }

    /// The plugins of the settings, then those of their folder; and the files that say which they are.
    pub fn plugins(&self) -> Result<plugins::Wanted, Error> {
        self.load()?.wanted_plugins(self)
    }

    /// The settings, checked.
    pub fn load(&self) -> Result<Config, Error> {
        let figment = self.figment()?;
        let mut config: Config = figment.extract().map_err(|errors| explain(&errors))?;
        for plugin in &mut config.plugins {
            let resolved = plugin.resolve(|name| self.environment.get(name));
            resolved.map_err(|wrong| wrong_plugin(&figment, &plugin.name, wrong))?;
            plugin.fetched.clone_from(&config.plugin_files.fetched);
        }
        for (name, endpoint) in &mut config.endpoints {
            let resolved = endpoint.resolve(|name| self.environment.get(name));
            resolved.map_err(|(key, problem)| wrong(&figment, format!("endpoints.{name}.{key}"), problem))?;
        }
        // The defaults have it, and who uses other channels need not know.
        if config.channels.len() > 1 && is_of_the_defaults(&figment, &format!("channels.{USUAL_CHANNEL}")) {
            config.channels.remove(USUAL_CHANNEL);
        }
        for (name, channel) in &mut config.channels {
            channel.resolve(|name| self.environment.get(name)).map_err(|(key, problem)| {
                let key = format!("channels.{name}.{key}");
                let origin =
                    figment.find_metadata(&key).map_or_else(|| "the settings".to_owned(), |data| data.name.to_string());
                Error::Value { origin, key, problem }
            })?;
        }
        config.check(&figment)?;
        Ok(config)
    }
}

/// Whether nobody but the defaults says anything below this key.
fn is_of_the_defaults(figment: &Figment, key: &str) -> bool {
    let below = |figment: &Figment| figment.extract_inner::<serde_json::Value>(key).ok();
    below(figment) == below(&Figment::from(Toml::string(DEFAULTS)))
}

/// The defaults, but for the channel that they have.
fn without_usual_channel() -> String {
    let mut defaults: toml::Table = toml::from_str(DEFAULTS).unwrap_or_default();
    if let Some(toml::Value::Table(channels)) = defaults.get_mut("channels") {
        channels.remove(USUAL_CHANNEL);
    }
    defaults.to_string()
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| Error::File(format!("{} can't be read: {error}", path.display())))
}

/// The first of what is wrong, as an operator reads it.
fn explain(errors: &figment::Error) -> Error {
    use figment::error::Kind;
    let error = errors.clone().into_iter().next().unwrap_or_else(|| errors.clone());
    let mut path = error.path.clone();
    let problem = match &error.kind {
        Kind::UnknownField(name, allowed) => {
            if path.last() != Some(name) {
                path.push(name.clone());
            }
            format!("there is no such key; there are: {}", allowed.join(", "))
        }
        Kind::UnknownVariant(found, allowed) => format!("is `{found}`, but must be one of: {}", allowed.join(", ")),
        Kind::MissingField(name) => {
            path.push(name.to_string());
            "is missing".to_owned()
        }
        Kind::InvalidType(found, wanted) | Kind::InvalidValue(found, wanted) => {
            format!("is {found}, but must be {wanted}")
        }
        other => other.to_string(),
    };
    let origin = error.metadata.as_ref().map_or_else(|| "the settings".to_owned(), |data| data.name.to_string());
    Error::Value { origin, key: path.join("."), problem }
}

impl Config {
    /// The plugins that there shall be, and the files that say so.
    pub fn wanted_plugins(&self, sources: &Sources) -> Result<plugins::Wanted, Error> {
        let folder = &self.plugin_files.folder;
        let dropped = plugins::folder::read(folder).map_err(|error| Error::File(error.to_string()))?;
        let mut settings = self.plugins.clone();
        for mut plugin in dropped {
            let sound = plugin.resolve(|name| sources.environment.get(name)).and_then(|()| plugin.check());
            sound.map_err(|(key, problem)| Error::Value {
                origin: folder.join(format!("{}.toml", plugin.name)).display().to_string(),
                key,
                problem,
            })?;
            if settings.iter().any(|known| known.name == plugin.name) {
                let text = format!("{}: there is another plugin of the name `{}`", folder.display(), plugin.name);
                return Err(Error::File(text));
            }
            settings.push(plugin);
        }
        let beside = settings.iter().map(|plugin| Path::new(&plugin.component).with_extension("toml"));
        let files = sources.path().into_iter().chain([folder.clone()]).chain(beside).collect();
        Ok(plugins::Wanted { settings, files })
    }

    fn check(&self, figment: &Figment) -> Result<(), Error> {
        let wrong = |key: String, problem: String| wrong(figment, key, problem);
        self.server.check().map_err(|(key, problem)| wrong(format!("server.{key}"), problem))?;
        self.console.check().map_err(|(key, problem)| wrong(format!("console.{key}"), problem))?;
        self.telemetry.check().map_err(|(key, problem)| wrong(format!("telemetry.{key}"), problem))?;
        self.delivery.check().map_err(|(key, problem)| wrong(format!("delivery.{key}"), problem))?;
        self.inbound.check().map_err(|(key, problem)| wrong(format!("inbound.{key}"), problem))?;
        self.followups.check().map_err(|(key, problem)| wrong(format!("followups.{key}"), problem))?;
        self.gate.check().map_err(|(key, problem)| wrong(format!("gate.{key}"), problem))?;
        self.database.check().map_err(|(key, problem)| wrong(format!("database.{key}"), problem))?;
        self.journal.check().map_err(|(key, problem)| wrong(format!("journal.{key}"), problem))?;
        self.media.check().map_err(|(key, problem)| wrong(format!("media.{key}"), problem))?;
        self.retention.check().map_err(|(key, problem)| wrong(format!("retention.{key}"), problem))?;
        self.conversations.check().map_err(|(key, problem)| wrong(format!("conversations.{key}"), problem))?;
        let timeout_s = self.delivery.timeout_s;
        self.reconcile.check(timeout_s).map_err(|(key, problem)| wrong(format!("reconcile.{key}"), problem))?;
        self.stream.check().map_err(|(key, problem)| wrong(format!("stream.{key}"), problem))?;
        self.callbacks.check().map_err(|(key, problem)| wrong(format!("callbacks.{key}"), problem))?;
        for (name, endpoint) in &self.endpoints {
            events::check_name(name).map_err(|problem| wrong(format!("endpoints.{name}"), problem))?;
            endpoint.check().map_err(|(key, problem)| wrong(format!("endpoints.{name}.{key}"), problem))?;
        }
        Channels::check(&self.channels)
            .map_err(|bad| wrong(format!("channels.{}.{}", bad.channel, bad.key), bad.problem))?;
        if let Some(url) = &self.server.public_url {
            check_public_url(url).map_err(|problem| wrong("server.public_url".to_owned(), problem))?;
        }
        if jiff::tz::TimeZone::get(&self.defaults.time_zone).is_err() {
            let problem = format!("`{}` is no time zone; write one as in America/Cancun", self.defaults.time_zone);
            return Err(wrong("defaults.time_zone".to_owned(), problem));
        }
        if !phone::is_region(&self.defaults.region) {
            let problem = format!("`{}` is no country code; write two capitals, as in MX", self.defaults.region);
            return Err(wrong("defaults.region".to_owned(), problem));
        }
        if self.plugin_files.fetched.as_os_str().is_empty() {
            let problem = "is empty, but components from registries must be kept somewhere".to_owned();
            return Err(wrong("plugin_files.fetched".to_owned(), problem));
        }
        let mut names = std::collections::BTreeSet::new();
        for plugin in &self.plugins {
            if !names.insert(&plugin.name) {
                return Err(wrong("plugins".to_owned(), format!("there are two of the name `{}`", plugin.name)));
            }
            plugin.check().map_err(|wrong| wrong_plugin(figment, &plugin.name, wrong))?;
        }
        Ok(())
    }
}

/// What makes no sense, with where it stands.
fn wrong(figment: &Figment, key: String, problem: String) -> Error {
    let origin = figment.find_metadata(&key).map_or_else(|| "the settings".to_owned(), |data| data.name.to_string());
    Error::Value { origin, key, problem }
}

/// One of several plugins is named by its name.
fn wrong_plugin(figment: &Figment, name: &str, (key, problem): (String, String)) -> Error {
    let origin =
        figment.find_metadata("plugins").map_or_else(|| "the settings".to_owned(), |data| data.name.to_string());
    Error::Value { origin, key: format!("plugins.{name}.{key}"), problem }
}

fn check_public_url(text: &str) -> Result<(), String> {
    let url = url::Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("must begin with https:// (or http://) and a host".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must have no ? or # part".to_owned());
    }
    if text.ends_with('/') {
        return Err("must not end with a slash".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
