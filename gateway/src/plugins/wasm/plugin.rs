//! Loading a component, and calling it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::time::error::Elapsed;
use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use super::engine::{MAX_MEMORY, Weight};
use super::failures::{check_beginning, finish, shorten, trial_failed, uncompilable, wrong_contract};
use super::hooks::Indices;
use super::host::bindings::Plugin as World;
use super::host::bindings::recado::plugin::types;
use super::host::{Host, Subjects};
use super::limits::{HOST_COPY_BYTES, arm};
use super::{Engine, LoadError, convert};
use crate::actions::{Decision, Verdict};
use crate::plugins::{
    Called, Effects, Failure, Hooks, InboundCall, Manifest, Nothing, OutboundCall, Plugin, Settings, StatusCall,
    Surroundings, TimerCall,
};

/// The largest component that is compiled.
pub(super) const MAX_COMPONENT_BYTES: usize = 32 * 1024 * 1024;
/// How long the trial call at load may take: an interpreter may need a while to wake up.
const LOAD_DEADLINE: Duration = Duration::from_secs(5);

/// A compiled component, linked and tried once.
pub struct WasmPlugin {
    name: Arc<str>,
    manifest: Manifest,
    config: Arc<str>,
    deadline: Duration,
    memory: usize,
    engine: Engine,
    weight: Weight,
    pre: InstancePre<Host>,
    indices: Indices,
}

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
        if bytes.len() > MAX_COMPONENT_BYTES {
            return Err(LoadError::TooLarge(bytes.len()));
        }
        check_beginning(&bytes)?;
        let digest = hex::encode(Sha256::digest(&bytes));
        let component = compile(engine.clone(), bytes).await?;
        let mut linker = Linker::<Host>::new(engine.inner());
        World::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host)
            .map_err(|error| LoadError::Engine(error.to_string()))?;
        let pre =
            linker.instantiate_pre(&component).map_err(|error| wrong_contract(engine, &component, Some(&error)))?;
        let indices = Indices::of(&pre).ok_or_else(|| wrong_contract(engine, &component, None))?;
        let config =
            if settings.config.is_null() { Value::Object(serde_json::Map::new()) } else { settings.config.clone() };
        let mut plugin = Self {
            name: settings.name.as_str().into(),
            manifest: Manifest { digest, ..Manifest::default() },
            config: config.to_string().into(),
            deadline: Duration::from_millis(u64::from(settings.deadline_ms)),
            memory: settings.memory_mib.saturating_mul(1024 * 1024).min(MAX_MEMORY),
            engine: engine.clone(),
            weight: Weight::of(&component),
            pre,
            indices,
        };
        let said = plugin.describe(deadline).await.map_err(trial_failed)?;
        check_config(&said.config_schema, &config)?;
        plugin.manifest.hooks = Hooks {
            inbound: said.hooks.contains(types::Hooks::INBOUND),
            outbound: said.hooks.contains(types::Hooks::OUTBOUND),
            status: said.hooks.contains(types::Hooks::STATUS),
            timer: said.hooks.contains(types::Hooks::TIMER),
        };
        if let Some(interface) = plugin.indices.missing(plugin.manifest.hooks) {
            return Err(LoadError::MissingHook(interface));
        }
        // Of a length that fits a log and every trace.
        plugin.manifest.name = shorten(&said.name);
        plugin.manifest.version = shorten(&said.version);
        plugin.manifest.description = shorten(&said.description);
        Ok(plugin)
    }

    fn store(&self, deadline: Duration, surroundings: &Surroundings, subjects: Subjects) -> Store<Host> {
        let host = Host::new(Arc::clone(&self.name), Arc::clone(&self.config), self.memory, surroundings, subjects);
        let mut store = Store::new(self.engine.inner(), host);
        store.limiter(|host| &mut host.memory);
        store.set_hostcall_fuel(HOST_COPY_BYTES);
        // Before the instance is made: its start code runs against the deadline, too.
        arm(&mut store, deadline);
        store
    }

    async fn describe(&self, deadline: Duration) -> Result<types::Manifest, Failure> {
        let deadline = self.deadline.max(deadline);
        let _place = self.engine.place(self.weight).await;
        let mut store = self.store(deadline, &trial(), Subjects::default());
        let call = async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            // A hook of another type shows here, not with the first message.
            self.indices.check(&mut store, &instance)?;
            self.indices.about.load(&mut store, &instance)?.call_describe(&mut store).await
        };
        let result = tokio::time::timeout(deadline * 2, call).await;
        finish(result, &store, deadline)
    }

    fn context(&self, surroundings: &Surroundings) -> types::Context {
        types::Context {
            plugin: self.name.as_ref().to_owned(),
            locale: surroundings.locale.clone(),
            time_zone: surroundings.time_zone.clone(),
            deadline: u32::try_from(self.deadline.as_millis()).unwrap_or(u32::MAX),
            extra: Vec::new(),
        }
    }

    /// What a call came to, with what the plugin did on the way.
    fn end<T, U>(
        &self,
        result: Result<wasmtime::Result<Result<T, types::Failure>>, Elapsed>,
        store: Store<Host>,
        convert: impl FnOnce(T) -> U,
    ) -> Called<U> {
        let result = match finish(result, &store, self.deadline) {
            Ok(Ok(value)) => Ok(convert(value)),
            Ok(Err(types::Failure::BadConfig(text))) => Err(Failure::BadConfig(shorten(&text))),
            Ok(Err(types::Failure::Failed(text))) => Err(Failure::Failed(shorten(&text))),
            Err(failure) => Err(failure),
        };
        Called { result, effects: store.into_data().effects }
    }
}

#[async_trait]
impl Plugin for WasmPlugin {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn on_inbound(&self, call: &InboundCall, surroundings: &Surroundings) -> Called<Decision> {
        let Some(hook) = &self.indices.inbound else { return absent("inbound") };
        // Given back after the store is gone; the deadline counts from here.
        let _place = self.engine.place(self.weight).await;
        let mut store = self.store(self.deadline, surroundings, convert::subjects(&call.conversation));
        let (message, conversation) = (convert::inbound(call), convert::conversation(&call.conversation));
        let context = self.context(surroundings);
        let called = async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let guest = hook.load(&mut store, &instance)?;
            guest.call_on_inbound(&mut store, &message, &conversation, &context).await
        };
        let result = tokio::time::timeout(self.deadline * 2, called).await;
        self.end(result, store, convert::decision)
    }

    async fn on_outbound(&self, call: &OutboundCall, surroundings: &Surroundings) -> Called<Verdict> {
        let Some(hook) = &self.indices.outbound else { return absent("outbound") };
        let _place = self.engine.place(self.weight).await;
        let subjects = call.conversation.as_ref().map(convert::subjects).unwrap_or_default();
        let mut store = self.store(self.deadline, surroundings, subjects);
        let message = convert::outbound(call);
        let conversation = call.conversation.as_ref().map(convert::conversation);
        let context = self.context(surroundings);
        let called = async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let guest = hook.load(&mut store, &instance)?;
            guest.call_on_outbound(&mut store, &message, conversation.as_ref(), &context).await
        };
        let result = tokio::time::timeout(self.deadline * 2, called).await;
        self.end(result, store, convert::verdict)
    }

    async fn on_status(&self, call: &StatusCall, surroundings: &Surroundings) -> Called<Decision> {
        let Some(hook) = &self.indices.status else { return absent("status") };
        let _place = self.engine.place(self.weight).await;
        let mut store = self.store(self.deadline, surroundings, convert::subjects(&call.conversation));
        let (report, conversation) = (convert::report(call), convert::conversation(&call.conversation));
        let context = self.context(surroundings);
        let called = async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let guest = hook.load(&mut store, &instance)?;
            guest.call_on_status(&mut store, &report, &conversation, &context).await
        };
        let result = tokio::time::timeout(self.deadline * 2, called).await;
        self.end(result, store, convert::decision)
    }

    async fn on_timer(&self, call: &TimerCall, surroundings: &Surroundings) -> Called<Decision> {
        let Some(hook) = &self.indices.timers else { return absent("timers") };
        let _place = self.engine.place(self.weight).await;
        let mut store = self.store(self.deadline, surroundings, convert::subjects(&call.conversation));
        let (timer, conversation) = (convert::timer(call), convert::conversation(&call.conversation));
        let context = self.context(surroundings);
        let called = async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            let guest = hook.load(&mut store, &instance)?;
            guest.call_on_timer(&mut store, &timer, &conversation, &context).await
        };
        let result = tokio::time::timeout(self.deadline * 2, called).await;
        self.end(result, store, convert::decision)
    }
}

/// The chain asks only for hooks that the manifest names, and loading checked that they are there.
fn absent<T>(interface: &str) -> Called<T> {
    let failure = Failure::Failed(format!("it does not export `{interface}`"));
    Called { result: Err(failure), effects: Effects::default() }
}

/// The surroundings of the trial call.
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

async fn compile(engine: Engine, bytes: Vec<u8>) -> Result<Component, LoadError> {
    let compiled = tokio::task::spawn_blocking(move || Component::new(engine.inner(), bytes)).await;
    match compiled {
        Ok(Ok(component)) => Ok(component),
        Ok(Err(error)) => Err(uncompilable(&error)),
        Err(error) => Err(LoadError::Engine(error.to_string())),
    }
}

fn check_config(schema: &str, config: &Value) -> Result<(), LoadError> {
    let schema: Value = serde_json::from_str(schema).map_err(|error| LoadError::BadSchema(error.to_string()))?;
    let validator = jsonschema::validator_for(&schema).map_err(|error| bad_schema(&error))?;
    match validator.iter_errors(config).next() {
        None => Ok(()),
        Some(error) => Err(LoadError::BadConfig {
            pointer: error.instance_path().to_string(),
            problem: shorten(&error.to_string()),
        }),
    }
}

fn bad_schema(error: &jsonschema::ValidationError<'_>) -> LoadError {
    let path = error.instance_path().to_string();
    LoadError::BadSchema(shorten(&if path.is_empty() { error.to_string() } else { format!("at `{path}`: {error}") }))
}
