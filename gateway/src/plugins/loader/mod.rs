//! Keeping the chain in force up to date with the settings and the components.
//!
//! A reload loads what changed, keeps what did not, and puts the new chain in place at once. If
//! anything can't be loaded, the chain that is in force stays.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tokio::sync::{Mutex, watch};

use super::load::{self, ChainError};
use super::wasm::{Engine, WasmPlugin};
use super::{Chain, InForce, Link, LiveFetcher, Settings};

/// Where the settings come from, each time they are looked at.
pub type Source = Box<dyn Fn() -> Result<Wanted, String> + Send + Sync>;

/// The plugins that there shall be.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// In the order they are asked.
    pub settings: Vec<Settings>,
    /// Files and folders whose change may change the settings.
    pub files: Vec<PathBuf>,
}

/// Why there was no reload. What was in force still is.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    #[error("{0}")]
    Settings(String),
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// What a reload changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    pub plugins: Vec<PluginReloaded>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PluginReloaded {
    pub name: String,
    pub version: String,
    pub digest: String,
    pub change: Change,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Added,
    /// Another component, or other settings.
    Replaced,
    Unchanged,
    Removed,
}

/// A plugin that is in force, with what it was made of.
struct Loaded {
    settings: Settings,
    digest: String,
    link: Link,
}

/// Loads plugins. Cheap to clone.
#[derive(Clone)]
pub struct Loader(Arc<Shared>);

struct Shared {
    engine: Engine,
    source: Source,
    in_force: InForce,
    loaded: Mutex<Vec<Loaded>>,
}

impl Loader {
    /// Loads what the source names. A plugin that can't be loaded is an error: a rule that silently
    /// does not apply is worse than a gateway that does not start.
    pub async fn start(engine: Engine, source: Source) -> Result<Self, ReloadError> {
        let in_force = InForce::default();
        let loader = Self(Arc::new(Shared { engine, source, in_force, loaded: Mutex::default() }));
        loader.reload().await?;
        Ok(loader)
    }

    pub fn in_force(&self) -> InForce {
        self.0.in_force.clone()
    }

    /// The plugins that are in force, with their settings.
    pub async fn plugins(&self) -> Vec<(Settings, Link)> {
        let loaded = self.0.loaded.lock().await;
        loaded.iter().map(|loaded| (loaded.settings.clone(), loaded.link.clone())).collect()
    }

    /// A chain of what the source names now, without putting it in force.
    pub async fn candidate(&self) -> Result<Chain, ReloadError> {
        self.0.fetch().await?;
        let loaded = self.0.loaded.lock().await;
        let (next, _) = self.0.load(&loaded).await?;
        Ok(chain(&next)?)
    }

    /// Brings the chain in force up to date.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        self.0.fetch().await?;
        let mut loaded = self.0.loaded.lock().await;
        let (next, plugins) = self.0.load(&loaded).await?;
        self.0.in_force.replace(chain(&next)?);
        *loaded = next;
        Ok(Reloaded { plugins })
    }

    /// Reloads whenever a file changes, until told to stop. A change counts once it has lasted for one
    /// look: who copies a large file is given the time to finish. What the first look sees counts as one,
    /// too, since it may be another than was loaded.
    pub async fn watch(self, every: Duration, mut stop: watch::Receiver<bool>) {
        let mut known = None;
        let mut seen = self.0.look().await;
        loop {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let now = self.0.look().await;
            if known.as_ref() == Some(&now) || now != seen {
                seen = now;
                continue;
            }
            known = Some(now);
            self.reload_and_tell("a file changed").await;
        }
    }

    /// Reloads, and tells the log what came of it.
    pub async fn reload_and_tell(&self, why: &str) {
        match self.reload().await {
            Ok(reloaded) => {
                for plugin in reloaded.plugins.iter().filter(|plugin| plugin.change != Change::Unchanged) {
                    let PluginReloaded { name, version, digest, change } = plugin;
                    tracing::info!(plugin = %name, version, digest, ?change, why, "a plugin changed");
                }
            }
            Err(error) => tracing::error!(%error, why, "the plugins were not reloaded; the ones before stay in force"),
        }
    }
}

/// The plugins in their order, with whom they may ask.
fn chain(loaded: &[Loaded]) -> Result<Chain, ChainError> {
    let settings: Vec<Settings> = loaded.iter().map(|loaded| loaded.settings.clone()).collect();
    let fetcher = LiveFetcher::new(&settings).map_err(|(name, reason)| ChainError::Fetching { name, reason })?;
    Ok(Chain::new(loaded.iter().map(|loaded| loaded.link.clone()).collect()).reaching(fetcher))
}

impl Shared {
    /// Gets what is in registries, so that it is here once it is loaded: nobody who only wants to see the
    /// plugins shall wait for a registry.
    async fn fetch(&self) -> Result<(), ReloadError> {
        let wanted = (self.source)().map_err(ReloadError::Settings)?;
        for settings in wanted.settings.iter().filter(|settings| settings.is_remote()) {
            load::read(settings).await?;
        }
        Ok(())
    }

    async fn load(&self, before: &[Loaded]) -> Result<(Vec<Loaded>, Vec<PluginReloaded>), ReloadError> {
        let wanted = (self.source)().map_err(ReloadError::Settings)?;
        let mut next = Vec::with_capacity(wanted.settings.len());
        let mut plugins = Vec::with_capacity(wanted.settings.len());
        for settings in wanted.settings {
            let old = before.iter().find(|loaded| loaded.settings.name == settings.name);
            let bytes = load::read(&settings).await?;
            let digest = load::digest(&settings, &bytes)?;
            let same = old.filter(|old| old.digest == digest && old.settings == settings);
            let link = match same {
                Some(old) => old.link.clone(),
                None => self.link(&settings, bytes).await?,
            };
            plugins.push(PluginReloaded {
                name: settings.name.clone(),
                version: link.plugin.manifest().version.clone(),
                digest: digest.clone(),
                change: match (old, same) {
                    (None, _) => Change::Added,
                    (Some(_), None) => Change::Replaced,
                    (Some(_), Some(_)) => Change::Unchanged,
                },
            });
            next.push(Loaded { settings, digest, link });
        }
        let gone = before.iter().filter(|old| next.iter().all(|new| new.settings.name != old.settings.name));
        plugins.extend(gone.map(|old| PluginReloaded {
            name: old.settings.name.clone(),
            version: old.link.plugin.manifest().version.clone(),
            digest: old.digest.clone(),
            change: Change::Removed,
        }));
        Ok((next, plugins))
    }

    async fn link(&self, settings: &Settings, bytes: Vec<u8>) -> Result<Link, ChainError> {
        let plugin = WasmPlugin::load(&self.engine, settings, bytes).await.map_err(|reason| ChainError::Load {
            name: settings.name.clone(),
            component: settings.component.clone(),
            reason,
        })?;
        Ok(Link::new(settings.name.clone(), settings.on_error, Arc::new(plugin)))
    }

    /// What the files are like: when each was written, and how long it is.
    async fn look(&self) -> BTreeMap<PathBuf, Option<(SystemTime, u64)>> {
        let wanted = (self.source)().unwrap_or_default();
        let components = wanted.settings.iter().map(|settings| PathBuf::from(&settings.component));
        let mut seen = BTreeMap::new();
        for path in wanted.files.into_iter().chain(components) {
            let state = match tokio::fs::metadata(&path).await {
                Ok(metadata) => metadata.modified().ok().map(|modified| (modified, metadata.len())),
                Err(_) => None,
            };
            seen.insert(path, state);
        }
        seen
    }
}

#[cfg(test)]
mod tests;
