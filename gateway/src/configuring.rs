//! Flow: a plugin's configuration, changed while the gateway runs: look whether it fits → keep it → put it in force.
//!
//! What is kept in the database stands in the place of what the settings have for that plugin, at all gateways on it.
//! Knows nothing of who asks, and of what a configuration looks like to them.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::plugins::wasm::Misfit;
use crate::plugins::{
    Chain, ChainError, ConfigOrigin, Configured, Failed, Keeping, Kept, Loader, NotConfigured, hidden,
};
use crate::store::{self, Act, ChangedBy, KnownPluginConfig, NewPluginConfig, PluginConfigChange, Store};

/// How often a gateway looks whether another one changed something.
const LOOK: Duration = Duration::from_secs(1);

/// Cheap to clone.
#[derive(Clone)]
pub struct Configuring {
    pub store: Store,
    pub plugins: Loader,
}

/// How a plugin is configured.
#[derive(Clone, Debug)]
pub struct Standing {
    pub configured: Configured,
    /// When what is kept was last changed, and by whom; also if that was to go back to the settings.
    pub changed: Option<(Timestamp, ChangedBy)>,
    /// Another one after every change.
    pub mark: String,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such plugin")]
    Unknown,
    /// It is not as whoever asks has seen it.
    #[error("it was changed meanwhile")]
    Changed,
    #[error("it does not fit the plugin's schema")]
    Misfits(Vec<Misfit>),
    #[error(transparent)]
    Chain(ChainError),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<NotConfigured> for Error {
    fn from(error: NotConfigured) -> Self {
        match error {
            NotConfigured::Unknown => Self::Unknown,
            NotConfigured::Misfits(misfits) => Self::Misfits(misfits),
            NotConfigured::Chain(error) => Self::Chain(error),
        }
    }
}

impl Standing {
    fn of(configured: Configured, known: Option<KnownPluginConfig>) -> Self {
        let schema = configured.schema();
        // What is hidden has no part in it: a mark is shown to others.
        let shown = hidden::bare(&schema, &configured.config).config.to_string();
        let digest: String = hex::encode(Sha256::digest(shown)).chars().take(12).collect();
        let mark = format!("{}-{digest}", known.as_ref().map_or(0, |known| known.version));
        Self { configured, changed: known.map(|known| (known.changed_at, known.changed_by)), mark }
    }

    pub fn is_kept(&self) -> bool {
        self.configured.origin == ConfigOrigin::Kept
    }

    /// What somebody wants who was not shown all.
    pub fn filled(&self, wanted: Value) -> Value {
        hidden::filled(&self.configured.schema(), wanted, &self.configured.config)
    }
}

impl Configuring {
    /// How a plugin is configured now.
    pub async fn look(&self, plugin: &str) -> Result<Standing, Error> {
        self.stands(plugin).await.map(|(standing, _)| standing)
    }

    async fn stands(&self, plugin: &str) -> Result<(Standing, u32), Error> {
        let mut configured = self.plugins.configured(plugin).await.ok_or(Error::Unknown)?;
        let known = self.store.plugin_config(plugin).await?;
        let version = known.as_ref().map_or(0, |known| known.version);
        if configured.version != version {
            // Another gateway changed it just now.
            self.take_up().await;
            configured = self.plugins.configured(plugin).await.ok_or(Error::Unknown)?;
        }
        Ok((Standing::of(configured, known), version))
    }

    /// The plugins as they would be with that configuration. Nothing is kept.
    pub async fn trial(&self, plugin: &str, wanted: Value) -> Result<Chain, Error> {
        let config = self.look(plugin).await?.filled(wanted);
        Ok(self.plugins.with_config(plugin, Some(config)).await?)
    }

    /// Keeps a configuration, if it fits and what is there has the mark that is expected, if any is. It is in force when
    /// this returns.
    pub async fn save(&self, plugin: &str, wanted: Value, expected: Option<&str>, act: Act) -> Result<Standing, Error> {
        self.change(plugin, Some(wanted), expected, act).await
    }

    /// Goes back to the configuration of the settings.
    pub async fn reset(&self, plugin: &str, expected: Option<&str>, act: Act) -> Result<Standing, Error> {
        self.change(plugin, None, expected, act).await
    }

    async fn change(
        &self,
        plugin: &str,
        wanted: Option<Value>,
        expected: Option<&str>,
        act: Act,
    ) -> Result<Standing, Error> {
        let (standing, version) = self.stands(plugin).await?;
        if expected.is_some_and(|expected| expected != standing.mark) {
            return Err(Error::Changed);
        }
        let config = wanted.map(|wanted| standing.filled(wanted));
        // Loaded once, so that nothing is kept that can't be.
        self.plugins.with_config(plugin, config.clone()).await?;
        let new = NewPluginConfig { plugin: plugin.to_owned(), config, expected: expected.map(|_| version) };
        match self.store.change_plugin_config(new, act).await? {
            PluginConfigChange::Done(version) => tracing::info!(plugin, version, "the config of a plugin was changed"),
            PluginConfigChange::Same => return Ok(standing),
            PluginConfigChange::Mismatch => return Err(Error::Changed),
        }
        self.take_up().await;
        self.look(plugin).await
    }

    /// What is kept and can't be put in force now is tried again. False if there is such a thing.
    async fn take_up(&self) -> bool {
        let taken = self.plugins.take_up().await;
        if let Err(error) = &taken {
            tracing::error!(%error, "what was changed of plugins' configs is not in force");
        }
        taken.is_ok()
    }
}

/// What is kept, for loading plugins.
pub fn kept(store: Store) -> Keeping {
    Box::new(move || {
        let store = store.clone();
        Box::pin(async move {
            let kept = store.plugin_configs().await.map_err(|error| error.to_string())?;
            Ok(kept.into_iter().map(|(plugin, (version, config))| (plugin, Kept { version, config })).collect())
        })
    })
}

/// Takes up what other gateways on the same database change, until told to stop.
pub async fn follow(parts: Configuring, mut stop: watch::Receiver<bool>) {
    let mut failed = Failed::default();
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        match parts.store.plugin_config_versions().await {
            Ok(versions) if failed.rests(&versions, Instant::now()) => {}
            Ok(versions) => {
                if parts.plugins.goes_by(&versions).await || parts.take_up().await {
                    failed = Failed::default();
                } else {
                    failed.note(versions, Instant::now());
                }
            }
            Err(error) => tracing::debug!(%error, "whether plugins' configs were changed is not known for now"),
        }
    }
}
