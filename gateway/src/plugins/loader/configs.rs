//! Configurations that people changed while the gateway runs: what is kept of a plugin stands in the place of the
//! `config` that its settings have, whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::{Loaded, Loader, ReloadError, Shared, chain};
use crate::plugins::load::{self, ChainError};
use crate::plugins::wasm::{LoadError, Misfit, WasmPlugin};
use crate::plugins::{Chain, Link, Settings};

/// What is kept of a plugin's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// More at each change.
    pub version: u32,
    /// None: that of the settings is meant again.
    pub config: Option<Value>,
}

/// What is kept now, by the plugins' names.
pub type Keeping = Box<dyn Fn() -> BoxFuture<'static, Result<BTreeMap<String, Kept>, String>> + Send + Sync>;

/// Where the configuration in force comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigOrigin {
    Settings,
    Kept,
    /// From the settings, though another is kept: that does not fit, and why.
    Unfit(String),
}

/// A plugin's configuration that is in force.
#[derive(Clone, Debug)]
pub struct Configured {
    pub config: Value,
    pub origin: ConfigOrigin,
    /// Of what is kept; 0: nothing ever was.
    pub version: u32,
    /// The JSON Schema that it fits, as the plugin wrote it.
    pub schema: String,
}

impl Configured {
    /// The schema as a value; one that can't be read marks nothing and was not loaded.
    pub fn schema(&self) -> Value {
        serde_json::from_str(&self.schema).unwrap_or_default()
    }
}

/// Why a plugin can't have that configuration.
#[derive(Debug, thiserror::Error)]
pub enum NotConfigured {
    #[error("there is no such plugin")]
    Unknown,
    #[error("{}", .0.first().map(|misfit| misfit.problem.as_str()).unwrap_or_default())]
    Misfits(Vec<Misfit>),
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl Loader {
    /// What is in force of a plugin.
    pub async fn configured(&self, name: &str) -> Option<Configured> {
        let current = self.0.current.lock().await;
        let one = current.plugins.iter().find(|loaded| loaded.settings.name == name)?;
        Some(Configured {
            config: given(&one.settings.config),
            origin: one.origin.clone(),
            version: one.version,
            schema: one.plugin.schema().to_owned(),
        })
    }

    /// The chain in force, but for this plugin's configuration: that one, or with none that of the settings. It is put
    /// in force by nobody.
    pub async fn with_config(&self, name: &str, config: Option<Value>) -> Result<Chain, NotConfigured> {
        let mut next = self.0.current.lock().await.plugins.clone();
        let one = next.iter_mut().find(|loaded| loaded.settings.name == name).ok_or(NotConfigured::Unknown)?;
        let config = config.unwrap_or_else(|| one.of_settings.clone());
        let misfits = one.plugin.misfits(&given(&config)).map_err(|reason| failed(&one.settings, reason))?;
        if !misfits.is_empty() {
            return Err(NotConfigured::Misfits(misfits));
        }
        *one = self.0.again(one, config).await?;
        Ok(chain(&next)?)
    }

    /// Whether what is in force goes by what is kept in these versions. That somebody has read them says nothing: it may
    /// not have fitted, or was only tried.
    pub async fn goes_by(&self, versions: &BTreeMap<String, u32>) -> bool {
        let current = self.0.current.lock().await;
        current.plugins.iter().all(|one| versions.get(&one.settings.name).copied().unwrap_or(0) == one.version)
    }

    /// Puts in force what was changed of configurations, and nothing else that may have changed meanwhile. What does not
    /// fit a plugin leaves it as it was.
    pub async fn take_up(&self) -> Result<(), ReloadError> {
        let shared = &self.0;
        let mut current = shared.current.lock().await;
        // Under the lock, so that nothing older is put in the place of something newer.
        let kept = shared.kept().await?;
        let (mut next, mut problem) = (current.plugins.clone(), None);
        for one in &mut next {
            let kept = kept.get(&one.settings.name);
            let version = kept.map_or(0, |kept| kept.version);
            if version == one.version {
                continue;
            }
            let config = kept.and_then(|kept| kept.config.clone());
            let origin = if config.is_some() { ConfigOrigin::Kept } else { ConfigOrigin::Settings };
            match shared.again(one, config.unwrap_or_else(|| one.of_settings.clone())).await {
                Ok(again) => {
                    tracing::info!(plugin = %one.settings.name, version, "another config of a plugin is in force");
                    *one = Loaded { origin, version, ..again };
                }
                Err(error) => problem = Some(error),
            }
        }
        if next.iter().zip(&current.plugins).any(|(new, old)| new.version != old.version) {
            shared.put_in_force(&mut current, next)?;
        }
        problem.map_or(Ok(()), |error| Err(error.into()))
    }
}

impl Shared {
    pub(super) async fn kept(&self) -> Result<BTreeMap<String, Kept>, ReloadError> {
        let kept = (self.keeping)().await;
        kept.map_err(|error| ReloadError::Away(format!("what is kept of plugins' configs: {error}")))
    }

    /// One plugin, by what is kept or by its settings; as it was, if nothing of it has changed.
    ///
    /// What is kept and does not fit is an error while the plugin runs with another configuration, which then stays:
    /// that is nearer to what people want than what the settings have. Where nothing runs yet, it must not keep the
    /// gateway from starting.
    pub(super) async fn load_one(
        &self,
        settings: Settings,
        kept: Option<&Kept>,
        old: Option<&Loaded>,
    ) -> Result<Loaded, ChainError> {
        let bytes = load::read(&settings).await?;
        let of_settings = settings.config.clone();
        let version = kept.map_or(0, |kept| kept.version);
        let Some(config) = kept.and_then(|kept| kept.config.clone()) else {
            let loaded = self.load_with(settings, bytes, old).await?;
            return Ok(Loaded { of_settings, version, ..loaded });
        };
        let changed = Settings { config, ..settings.clone() };
        match self.load_with(changed, bytes.clone(), old).await {
            Ok(loaded) => Ok(Loaded { of_settings, version, origin: ConfigOrigin::Kept, ..loaded }),
            Err(ChainError::Load { name, component, reason: reason @ LoadError::BadConfig { .. } }) => {
                if old.is_some_and(|old| !matches!(old.origin, ConfigOrigin::Unfit(_))) {
                    return Err(ChainError::Kept { name, component, reason });
                }
                tracing::error!(
                    plugin = %name,
                    version,
                    %reason,
                    "the config that is kept of a plugin does not fit it any more; that of the settings is in force"
                );
                let loaded = self.load_with(settings, bytes, old).await?;
                Ok(Loaded { of_settings, version, origin: ConfigOrigin::Unfit(reason.to_string()), ..loaded })
            }
            Err(error) => Err(error),
        }
    }

    async fn load_with(&self, settings: Settings, bytes: Vec<u8>, old: Option<&Loaded>) -> Result<Loaded, ChainError> {
        let digest = load::digest(&settings, &bytes)?;
        if let Some(old) = old.filter(|old| old.digest == digest && old.settings == settings) {
            return Ok(Loaded { origin: ConfigOrigin::Settings, ..old.clone() });
        }
        let plugin = WasmPlugin::load(&self.engine, &settings, bytes).await;
        Ok(made(plugin.map_err(|reason| failed(&settings, reason))?, settings, digest))
    }

    /// The same component with another configuration.
    async fn again(&self, old: &Loaded, config: Value) -> Result<Loaded, ChainError> {
        let settings = Settings { config, ..old.settings.clone() };
        let plugin = old.plugin.again(&self.engine, &settings).await;
        let plugin = plugin.map_err(|reason| failed(&settings, reason))?;
        Ok(Loaded { of_settings: old.of_settings.clone(), ..made(plugin, settings, old.digest.clone()) })
    }
}

/// By its settings alone.
fn made(plugin: WasmPlugin, settings: Settings, digest: String) -> Loaded {
    let plugin = Arc::new(plugin);
    let link = Link::new(settings.name.clone(), settings.on_error, Arc::<WasmPlugin>::clone(&plugin) as _);
    Loaded {
        of_settings: settings.config.clone(),
        origin: ConfigOrigin::Settings,
        version: 0,
        settings,
        digest,
        plugin,
        link,
    }
}

fn failed(settings: &Settings, reason: LoadError) -> ChainError {
    ChainError::Load { name: settings.name.clone(), component: settings.component.clone(), reason }
}

/// A configuration; without any, an empty one.
fn given(config: &Value) -> Value {
    if config.is_null() { json!({}) } else { config.clone() }
}
