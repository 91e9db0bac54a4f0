//! What keeps a gateway from working, here and at the provider, and what to do about it.
//!
//! Works from the settings alone, whether the gateway runs or not, and changes nothing by looking. Owns the
//! order of the checks and their words; what is to be seen at a provider is known to its channel.

mod address;
mod channel;
mod clock;
mod database;
mod plugins;

use std::sync::Arc;

use bytes::Bytes;

use crate::channels::{Channels, Finding, Fix, State};
use crate::clock::Clock;
use crate::config::Config;
use crate::plugins::Settings;
use crate::transport::Transport;

/// What a look around needs.
pub struct Doctor {
    config: Config,
    channels: Channels,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl Doctor {
    /// Of these settings, and the channels that they make.
    pub fn new(config: Config, channels: Channels, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { config, channels, transport, clock }
    }

    /// Looks at everything, these plugins included, or why nobody can tell which they are.
    pub async fn examine(&self, plugins: &Result<Vec<Settings>, String>) -> Vec<Finding> {
        let endpoints: Vec<&str> = self.config.endpoints.keys().map(String::as_str).collect();
        let (mut findings, kept) = database::examine(&self.config.database, &endpoints).await;
        findings.extend(plugins::examine(plugins, &kept).await);
        let mut skew = clock::Skew::default();
        findings.extend(self.address(&mut skew).await);
        for name in self.channels.names() {
            findings.extend(self.channel(name, &mut skew).await);
        }
        findings.push(skew.finding());
        findings
    }

    /// Looks at one channel alone: whether its webhooks come through, and what its provider has to say.
    pub async fn examine_channel(&self, name: &str) -> Vec<Finding> {
        let mut skew = clock::Skew::default();
        let mut findings = Vec::new();
        if let Some(url) = self.public_url() {
            findings.extend(self.signatures(name, url, &mut skew).await);
        }
        findings.extend(self.channel(name, &mut skew).await);
        // The clock is no matter of the channel's, unless it is wrong.
        findings.extend(Some(skew.finding()).filter(|found| matches!(found.state, State::Warning | State::Failed)));
        findings
    }

    /// Makes a change at a channel's provider; an error says why it was not made.
    pub async fn fix(&self, check: &str, fix: &Fix) -> Result<(), String> {
        let name = check.split('.').nth(1).unwrap_or_default();
        let checkup = self.channels.get(name).and_then(|channel| channel.checkup(self.target(name)));
        let checkup = checkup.ok_or_else(|| format!("there is no channel `{name}`"))?;
        let response = self.transport.send(fix.request.clone()).await.map_err(|failure| failure.to_string())?;
        checkup.fixed(&response)
    }

    /// Where providers reach the gateway, if that was said.
    fn public_url(&self) -> Option<&str> {
        self.config.server.public_url.as_deref()
    }

    /// One exchange with somebody, whose clock is looked at on the way.
    async fn ask(
        &self,
        request: http::Request<Bytes>,
        skew: &mut clock::Skew,
    ) -> Result<http::Response<Bytes>, String> {
        let before = self.clock.now();
        let response = self.transport.send(request).await.map_err(|failure| failure.to_string())?;
        skew.see(before, self.clock.now(), &response);
        Ok(response)
    }
}
