//! Keeping the chain in force up to date with the settings and the components.
//!
//! A reload loads what changed, keeps what did not, and puts the new chain in place at once. If
//! anything can't be loaded, the chain that is in force stays.

mod configs;
mod failed;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{Mutex, watch};

use super::load::{self, ChainError};
use super::wasm::{Engine, WasmPlugin};
use super::{Chain, InForce, Link, LiveFetcher, Settings};

pub use configs::{ConfigOrigin, Configured, Keeping, Kept, NotConfigured};
pub use failed::Failed;

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
    /// They could be loaded, and whoever looks at them first said no.
    #[error("{0}")]
    Refused(String),
    /// The database does not answer; later it may.
    #[error("{0}")]
    Away(String),
    #[error("others were put in force again and again while these were looked at; reload once more")]
    Overtaken,
}

/// Why what is about to be put in force must not be.
#[derive(Debug, thiserror::Error)]
pub enum Objection {
    #[error("{0}")]
    Refused(String),
    /// It can't be looked at for now.
    #[error("{0}")]
    Away(String),
}

impl From<Objection> for ReloadError {
    fn from(objection: Objection) -> Self {
        match objection {
            Objection::Refused(reason) => Self::Refused(reason),
            Objection::Away(reason) => Self::Away(reason),
        }
    }
}

/// Looks at what is about to be put in force, and may object to it.
pub type Check = Arc<dyn Fn(Chain) -> BoxFuture<'static, Result<(), Objection>> + Send + Sync>;

/// What a reload changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Reloaded {
    pub plugins: Vec<PluginReloaded>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PluginReloaded {
    pub name: String,
    pub version: String,
    pub digest: String,
    pub change: Change,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = PluginChange)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Added,
    /// Another component, or other settings.
    Replaced,
    Unchanged,
    Removed,
}

/// A plugin that is in force, with what it was made of.
#[derive(Clone)]
struct Loaded {
    /// With the configuration that is in force.
    settings: Settings,
    /// The configuration that the settings have.
    of_settings: Value,
    origin: ConfigOrigin,
    /// Of what was kept of its configuration when it was loaded; 0: nothing ever was.
    version: u32,
    digest: String,
    plugin: Arc<WasmPlugin>,
    link: Link,
}

/// The plugins that are in force, in their order.
#[derive(Default)]
struct Current {
    plugins: Vec<Loaded>,
    /// How often they were replaced, so that whoever looked at others meanwhile puts nothing older in their place.
    replaced: u64,
}

/// How often a reload looks at what it has loaded, if something else is put in force each time meanwhile.
const LOOKS: usize = 5;

/// Loads plugins. Cheap to clone.
#[derive(Clone)]
pub struct Loader(Arc<Shared>);

struct Shared {
    engine: Engine,
    source: Source,
    keeping: Keeping,
    in_force: InForce,
    current: Mutex<Current>,
    /// What the files were like just before they were last read.
    read: std::sync::Mutex<Look>,
    check: OnceLock<Check>,
}

/// What files are like: when each was written, and how long it is.
type Look = BTreeMap<PathBuf, Option<(SystemTime, u64)>>;

impl Loader {
    /// Loads what the source names. A plugin that can't be loaded is an error: a rule that silently
    /// does not apply is worse than a gateway that does not start.
    pub async fn start(engine: Engine, source: Source, keeping: Keeping) -> Result<Self, ReloadError> {
        let in_force = InForce::default();
        let loader = Self(Arc::new(Shared {
            engine,
            source,
            keeping,
            in_force,
            current: Mutex::default(),
            read: std::sync::Mutex::default(),
            check: OnceLock::new(),
        }));
        loader.reload().await?;
        Ok(loader)
    }

    pub fn in_force(&self) -> InForce {
        self.0.in_force.clone()
    }

    /// The plugins that are in force, with their settings.
    pub async fn plugins(&self) -> Vec<(Settings, Link)> {
        let current = self.0.current.lock().await;
        current.plugins.iter().map(|loaded| (loaded.settings.clone(), loaded.link.clone())).collect()
    }

    /// A chain of what the source names now, without putting it in force.
    pub async fn candidate(&self) -> Result<Chain, ReloadError> {
        self.0.fetch().await?;
        let current = self.0.current.lock().await;
        let next = self.0.load(&current.plugins).await?;
        Ok(chain(&next)?)
    }

    /// From now on, changes are looked at before they are put in force.
    pub fn checked_by(&self, check: Check) {
        // The first stays.
        let _ = self.0.check.set(check);
    }

    /// Brings the chain in force up to date.
    pub async fn reload(&self) -> Result<Reloaded, ReloadError> {
        self.reload_if(self.0.check.get().cloned()).await
    }

    /// The same, unless a look at what has changed says no.
    pub async fn reload_if(&self, check: Option<Check>) -> Result<Reloaded, ReloadError> {
        self.0.fetch().await?;
        let before = self.0.before_reading();
        let reloaded = self.reload_looking(check.as_ref()).await;
        if matches!(reloaded, Err(ReloadError::Away(_) | ReloadError::Overtaken)) {
            // Nothing was wrong with what was read: whoever watches the files is to see that it is still to be loaded.
            self.0.was_read(before);
        }
        reloaded
    }

    async fn reload_looking(&self, check: Option<&Check>) -> Result<Reloaded, ReloadError> {
        for _ in 0..LOOKS {
            let Some(plugins) = self.0.reload_once(check).await? else { continue };
            // What people changed of configs while it was looked at is not checked.
            if check.is_some()
                && let Err(error) = self.take_up().await
            {
                tracing::error!(%error, "what was changed of plugins' configs is not in force");
            }
            return Ok(Reloaded { plugins });
        }
        Err(ReloadError::Overtaken)
    }

    /// Reloads whenever a file changes, until told to stop. A change counts once it has lasted for one
    /// look: who copies a large file is given the time to finish. What could not even be read, or not be loaded since the
    /// database was away, is tried again when it changes, and else ever more seldom.
    pub async fn watch(self, every: Duration, mut stop: watch::Receiver<bool>) {
        let mut seen = self.0.before_reading();
        let mut failed = Failed::default();
        loop {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let now = self.0.look().await;
            if now == self.0.before_reading() || now != seen {
                seen = now;
                continue;
            }
            let instant = || tokio::time::Instant::now().into_std();
            if failed.rests(&now, instant()) {
                continue;
            }
            if self.reload_telling("a file changed").await {
                failed = Failed::default();
            } else {
                failed.note(now, instant());
            }
        }
    }

    /// Reloads, and tells the log what came of it.
    pub async fn reload_and_tell(&self, why: &str) {
        self.reload_telling(why).await;
    }

    /// The same; whether it was reloaded.
    async fn reload_telling(&self, why: &str) -> bool {
        let reloaded = self.reload().await;
        let is_done = reloaded.is_ok();
        match reloaded {
            Ok(reloaded) => {
                for plugin in reloaded.plugins.iter().filter(|plugin| plugin.change != Change::Unchanged) {
                    let PluginReloaded { name, version, digest, change } = plugin;
                    tracing::info!(plugin = %name, version, digest, ?change, why, "a plugin changed");
                }
            }
            Err(error) => tracing::error!(%error, why, "the plugins were not reloaded; the ones before stay in force"),
        }
        is_done
    }
}

/// The plugins in their order, with whom they may ask.
fn chain(loaded: &[Loaded]) -> Result<Chain, ChainError> {
    let settings: Vec<Settings> = loaded.iter().map(|loaded| loaded.settings.clone()).collect();
    let fetcher = LiveFetcher::new(&settings).map_err(|(name, reason)| ChainError::Fetching { name, reason })?;
    Ok(Chain::new(loaded.iter().map(|loaded| loaded.link.clone()).collect()).reaching(fetcher))
}

/// What is different between two sets of plugins.
fn changes(before: &[Loaded], next: &[Loaded]) -> Vec<PluginReloaded> {
    let told = |loaded: &Loaded, change| PluginReloaded {
        name: loaded.settings.name.clone(),
        version: loaded.link.plugin.manifest().version.clone(),
        digest: loaded.digest.clone(),
        change,
    };
    let find = |among: &[Loaded], name: &str| among.iter().position(|loaded| loaded.settings.name == name);
    let changed = |new: &Loaded| match find(before, &new.settings.name).and_then(|at| before.get(at)) {
        None => Change::Added,
        Some(old) if old.digest == new.digest && old.settings == new.settings => Change::Unchanged,
        Some(_) => Change::Replaced,
    };
    let mut plugins: Vec<PluginReloaded> = next.iter().map(|new| told(new, changed(new))).collect();
    let gone = before.iter().filter(|old| find(next, &old.settings.name).is_none());
    plugins.extend(gone.map(|old| told(old, Change::Removed)));
    plugins
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

    /// What it changed; none if something else was put in force while this was looked at.
    async fn reload_once(&self, check: Option<&Check>) -> Result<Option<Vec<PluginReloaded>>, ReloadError> {
        // First, so that what changes from here on is seen as a change.
        let look = self.look().await;
        self.was_read(look);
        let (check, next, replaced) = {
            let mut current = self.current.lock().await;
            let next = self.load(&current.plugins).await?;
            let is_new = changes(&current.plugins, &next).iter().any(|plugin| plugin.change != Change::Unchanged);
            let Some(check) = check.filter(|_| is_new) else {
                return Ok(Some(self.put_in_force(&mut current, next)?));
            };
            (check, next, current.replaced)
        };
        // Not while others wait.
        check(chain(&next)?).await?;
        let mut current = self.current.lock().await;
        if current.replaced != replaced {
            return Ok(None);
        }
        // It takes what was checked, and not what the files may be like by now.
        Ok(Some(self.put_in_force(&mut current, next)?))
    }

    /// What is different by that.
    fn put_in_force(&self, current: &mut Current, next: Vec<Loaded>) -> Result<Vec<PluginReloaded>, ChainError> {
        self.in_force.replace(chain(&next)?);
        let plugins = changes(&current.plugins, &next);
        *current = Current { plugins: next, replaced: current.replaced + 1 };
        Ok(plugins)
    }

    async fn load(&self, before: &[Loaded]) -> Result<Vec<Loaded>, ReloadError> {
        let wanted = (self.source)().map_err(ReloadError::Settings)?;
        let kept = self.kept().await?;
        let mut next = Vec::with_capacity(wanted.settings.len());
        for settings in wanted.settings {
            let old = before.iter().find(|loaded| loaded.settings.name == settings.name);
            let kept = kept.get(&settings.name);
            next.push(self.load_one(settings, kept, old).await?);
        }
        Ok(next)
    }

    fn before_reading(&self) -> Look {
        self.read.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn was_read(&self, look: Look) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = look;
    }

    async fn look(&self) -> Look {
        let paths: Vec<PathBuf> = match (self.source)() {
            Ok(wanted) => {
                let components = wanted.settings.iter().map(|settings| PathBuf::from(&settings.component));
                wanted.files.iter().cloned().chain(components).collect()
            }
            // Where they were, so that it is seen when somebody mends them.
            Err(_) => self.before_reading().into_keys().collect(),
        };
        let mut seen = BTreeMap::new();
        for path in paths {
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
