//! The channels that an operator has set up.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;
use serde::Deserialize;

use super::{Channel, Rates, Webhook, component, twilio};

/// What an operator writes under `[channels.NAME]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Settings {
    Twilio(twilio::Settings),
    Component(component::Settings),
}

/// What is wrong with a channel's settings: the key below `channels.NAME`, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`channels.{channel}.{key}` {problem}")]
pub struct BadSettings {
    pub channel: String,
    pub key: String,
    pub problem: String,
}

/// All configured channels, by name.
#[derive(Clone, Default)]
pub struct Channels(BTreeMap<String, Arc<dyn Channel>>);

/// Makes a channel of a component, by the channel's name and settings. The error is a key below the
/// channel's, and the problem.
pub type Load<'a> = dyn Fn(&str, &component::Settings) -> Result<Arc<dyn Channel>, (String, String)> + 'a;

/// For where there are none.
pub fn no_components(_: &str, _: &component::Settings) -> Result<Arc<dyn Channel>, (String, String)> {
    Err(("kind".to_owned(), "can't be `component` here".to_owned()))
}

fn one(name: &str, settings: &Settings, load: &Load<'_>) -> Result<Arc<dyn Channel>, BadSettings> {
    match settings {
        Settings::Twilio(settings) => match twilio::Twilio::build(settings) {
            Ok(channel) => Ok(Arc::new(channel)),
            Err((key, problem)) => Err(bad(name, (key.to_owned(), problem))),
        },
        Settings::Component(settings) => load(name, settings).map_err(|wrong| bad(name, wrong)),
    }
}

fn bad(name: &str, (key, problem): (String, String)) -> BadSettings {
    BadSettings { channel: name.to_owned(), key, problem }
}

impl Settings {
    /// What must not be seen anywhere.
    pub fn secrets(&self) -> Vec<SecretString> {
        match self {
            Self::Twilio(settings) => {
                let tokens = settings.auth_token.iter().chain(&settings.auth_tokens);
                tokens.chain(&settings.api_key_secret).cloned().collect()
            }
            Self::Component(settings) => settings.secrets.values().cloned().collect(),
        }
    }

    /// How fast its senders may send.
    pub fn rates(&self) -> &Rates {
        match self {
            Self::Twilio(settings) => &settings.rates,
            Self::Component(settings) => &settings.rates,
        }
    }

    /// Takes the secrets that stand in environment variables from there. The error is the key below the
    /// channel's, and the problem.
    pub fn resolve<'a>(&mut self, variable: impl Fn(&str) -> Option<&'a str>) -> Result<(), (String, String)> {
        match self {
            Self::Twilio(_) => Ok(()),
            Self::Component(settings) => settings.resolve(variable),
        }
    }
}

impl Channels {
    /// Builds them all; `load` makes a channel of a component, since this room runs none.
    pub fn build(settings: &BTreeMap<String, Settings>, load: &Load<'_>) -> Result<Self, BadSettings> {
        let mut channels: BTreeMap<String, Arc<dyn Channel>> = BTreeMap::new();
        for (name, settings) in settings {
            channels.insert(name.clone(), one(name, settings, load)?);
        }
        Ok(Self(channels))
    }

    /// Says what is wrong with the settings, as far as that can be seen without running a component.
    pub fn check(settings: &BTreeMap<String, Settings>) -> Result<(), BadSettings> {
        settings.iter().try_for_each(|(name, settings)| {
            settings.rates().check().map_err(|wrong| bad(name, wrong))?;
            match settings {
                Settings::Twilio(_) => one(name, settings, &no_components).map(drop),
                Settings::Component(settings) => settings.check().map_err(|wrong| bad(name, wrong)),
            }
        })
    }

    pub fn get(&self, name: &str) -> Option<&Arc<dyn Channel>> {
        self.0.get(name)
    }

    /// The channel of a webhook: that of this name, or else, when the name is a kind of channel,
    /// the one of that kind which has the strongest claim.
    pub fn of(&self, name: &str, webhook: &Webhook) -> Option<(&str, &Arc<dyn Channel>)> {
        if let Some((name, channel)) = self.0.get_key_value(name) {
            return Some((name, channel));
        }
        let of_kind = self.0.iter().filter(|(_, channel)| channel.kind() == name);
        let claims = of_kind.filter_map(|(name, channel)| Some((channel.claims(webhook)?, name, channel)));
        claims.min_by_key(|(claim, ..)| *claim).map(|(_, name, channel)| (name.as_str(), channel))
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<dyn Channel>)> {
        self.0.iter().map(|(name, channel)| (name.as_str(), channel))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
