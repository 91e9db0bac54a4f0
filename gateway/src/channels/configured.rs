//! The channels that an operator has set up.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::{Channel, Webhook, twilio};

/// What an operator writes under `[channels.NAME]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Settings {
    Twilio(twilio::Settings),
}

/// What is wrong with a channel's settings: the key below `channels.NAME`, and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`channels.{channel}.{key}` {problem}")]
pub struct BadSettings {
    pub channel: String,
    pub key: &'static str,
    pub problem: String,
}

/// All configured channels, by name.
#[derive(Clone, Default)]
pub struct Channels(BTreeMap<String, Arc<dyn Channel>>);

impl Channels {
    pub fn build(settings: &BTreeMap<String, Settings>) -> Result<Self, BadSettings> {
        let mut channels: BTreeMap<String, Arc<dyn Channel>> = BTreeMap::new();
        for (name, settings) in settings {
            let channel = match settings {
                Settings::Twilio(settings) => twilio::Twilio::build(settings)
                    .map_err(|(key, problem)| BadSettings { channel: name.clone(), key, problem })?,
            };
            channels.insert(name.clone(), Arc::new(channel));
        }
        Ok(Self(channels))
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
