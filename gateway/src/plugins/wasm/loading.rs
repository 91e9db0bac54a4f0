//! From a component's bytes to a plugin that can be called, or the reason why not.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use wasmtime::component::{Component, InstancePre, Linker};

use super::configuring::{check_config, config};
use super::engine::Compiled;
use super::failures::{check_beginning, trial_failed, wrong_contract};
use super::host::{About, Host};
use super::instances::Instances;
use super::limits::Limits;
use super::versions::{Contract, Said};
use super::{Engine, LoadError, WasmPlugin, wasi};
use crate::plugins::{Manifest, Nothing, Settings, Surroundings};

/// The largest component that is compiled.
pub(in crate::plugins) const MAX_COMPONENT_BYTES: usize = 32 * 1024 * 1024;
/// How long the trial call at load may take: an interpreter may need a while to wake up.
pub(super) const LOAD_DEADLINE: Duration = Duration::from_secs(5);

impl WasmPlugin {
    /// Compiles off the message path, instantiates once, reads what the plugin says of itself,
    /// and checks the operator's configuration against the plugin's schema.
    pub async fn load(engine: &Engine, settings: &Settings, bytes: Vec<u8>) -> Result<Self, LoadError> {
        Self::load_within(LOAD_DEADLINE, engine, settings, bytes).await
    }

    pub(super) async fn load_within(
        deadline: Duration,
        engine: &Engine,
        settings: &Settings,
        bytes: Vec<u8>,
    ) -> Result<Self, LoadError> {
        let (plugin, said) = Self::open(deadline, engine, settings, bytes).await?;
        plugin.fitting(&said, settings)
    }

    /// The same component with another configuration: nothing is read or compiled anew.
    pub async fn again(&self, engine: &Engine, settings: &Settings) -> Result<Self, LoadError> {
        let (digest, compiled) = (self.manifest.digest.clone(), Arc::clone(&self.compiled));
        let (plugin, said) = Self::tried(LOAD_DEADLINE, engine, settings, digest, compiled).await?;
        plugin.fitting(&said, settings)
    }

    fn fitting(self, said: &Said, settings: &Settings) -> Result<Self, LoadError> {
        check_config(&said.config_schema, &config(settings))?;
        if let Some(interface) = self.instances.contract().missing(said.hooks) {
            return Err(LoadError::MissingHook(interface));
        }
        Ok(self)
    }

    /// All but what depends on the configuration and on the exports of the hooks.
    pub(super) async fn open(
        deadline: Duration,
        engine: &Engine,
        settings: &Settings,
        bytes: Vec<u8>,
    ) -> Result<(Self, Said), LoadError> {
        if bytes.len() > MAX_COMPONENT_BYTES {
            return Err(LoadError::TooLarge(bytes.len()));
        }
        check_beginning(&bytes)?;
        let digest = hex::encode(Sha256::digest(&bytes));
        let compiled = engine.compile(&digest, bytes).await?;
        Self::tried(deadline, engine, settings, digest, compiled).await
    }

    /// Linked, with an instance made of it that was asked what it is.
    async fn tried(
        deadline: Duration,
        engine: &Engine,
        settings: &Settings,
        digest: String,
        compiled: Compiled,
    ) -> Result<(Self, Said), LoadError> {
        let component = compiled.get().ok_or_else(|| LoadError::Engine("nothing was compiled".to_owned()))?;
        let about = Arc::new(About {
            plugin: settings.name.clone(),
            config: config(settings).to_string(),
            limits: Limits::of(settings),
            wasi: wasi::is_needed(component, engine.inner()),
        });
        let pre = link(engine, component, about.wasi)?;
        let contract = Contract::of(&pre).ok_or_else(|| wrong_contract(engine, component, None))?;
        let instances = Instances::new(engine, Arc::clone(&about), pre, contract, settings.isolation());
        let manifest = Manifest { digest, ..Manifest::default() };
        let kept = Arc::clone(&compiled);
        let mut plugin = Self { about, manifest, instances, schema: String::new(), compiled: kept };
        let said =
            plugin.describe(&trial(), deadline).await.map_err(|failure| trial_failed(engine, component, failure))?;
        plugin.manifest.hooks = said.hooks;
        plugin.manifest.name.clone_from(&said.name);
        plugin.manifest.version.clone_from(&said.version);
        plugin.manifest.description.clone_from(&said.description);
        plugin.schema.clone_from(&said.config_schema);
        Ok((plugin, said))
    }
}

/// WASI is linked for those alone that want it, so that others stay as cheap as they are.
fn link(engine: &Engine, component: &Component, wasi: bool) -> Result<InstancePre<Host>, LoadError> {
    let mut linker = Linker::<Host>::new(engine.inner());
    Contract::link(&mut linker).map_err(|error| LoadError::Engine(error.to_string()))?;
    if wasi {
        wasi::link(&mut linker).map_err(|error| LoadError::Engine(error.to_string()))?;
    }
    linker.instantiate_pre(component).map_err(|error| wrong_contract(engine, component, Some(&format!("{error:#}"))))
}

/// What the trial call meets: nothing.
fn trial() -> Surroundings {
    Surroundings {
        now: Timestamp::UNIX_EPOCH,
        seed: 0,
        locale: "en".to_owned(),
        time_zone: "UTC".to_owned(),
        state: Arc::new(Nothing),
        fetcher: Arc::new(Nothing),
    }
}
