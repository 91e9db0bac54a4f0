//! Loading a component, and calling it.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use sha2::{Digest, Sha256};
use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Linker};

use super::engine::{MAX_MEMORY, Weight};
use super::failures::{check_beginning, finish, shorten, trial_failed, uncompilable, wrong_contract};
use super::host::Host;
use super::host::bindings::recado::plugin::types;
use super::host::bindings::{Plugin as Instance, PluginPre};
use super::limits::{HOST_COPY_BYTES, arm};
use super::{Engine, LoadError};
use crate::actions::{Action, Decision, Flow};
use crate::message::ConversationStatus;
use crate::plugins::{Failure, InboundCall, Manifest, Plugin, Settings};

/// The largest component that is compiled.
pub(super) const MAX_COMPONENT_BYTES: usize = 32 * 1024 * 1024;
/// How long the trial call at load may take: an interpreter may need a while to wake up.
const LOAD_DEADLINE: Duration = Duration::from_secs(5);

/// A compiled component, linked and tried once.
pub struct WasmPlugin {
    name: String,
    manifest: Manifest,
    config: String,
    deadline: Duration,
    memory: usize,
    engine: Engine,
    weight: Weight,
    pre: PluginPre<Host>,
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
        Instance::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host)
            .map_err(|error| LoadError::Engine(error.to_string()))?;
        let pre = linker
            .instantiate_pre(&component)
            .and_then(PluginPre::new)
            .map_err(|error| wrong_contract(engine, &component, &error))?;
        let config =
            if settings.config.is_null() { Value::Object(serde_json::Map::new()) } else { settings.config.clone() };
        let mut plugin = Self {
            name: settings.name.clone(),
            manifest: Manifest {
                name: String::new(),
                version: String::new(),
                description: String::new(),
                digest,
                wants_inbound: false,
            },
            config: config.to_string(),
            deadline: Duration::from_millis(u64::from(settings.deadline_ms)),
            memory: settings.memory_mib.saturating_mul(1024 * 1024).min(MAX_MEMORY),
            engine: engine.clone(),
            weight: Weight::of(&component),
            pre,
        };
        let said = plugin.describe(deadline).await.map_err(trial_failed)?;
        check_config(&said.config_schema, &config)?;
        plugin.manifest.wants_inbound = said.hooks.contains(types::Hooks::INBOUND);
        // Of a length that fits a log and every trace.
        plugin.manifest.name = shorten(&said.name);
        plugin.manifest.version = shorten(&said.version);
        plugin.manifest.description = shorten(&said.description);
        Ok(plugin)
    }

    fn store(&self, deadline: Duration) -> Store<Host> {
        let host = Host::new(self.name.clone(), self.config.clone(), self.memory);
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
        let mut store = self.store(deadline);
        let call = async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            instance.recado_plugin_about().call_describe(&mut store).await
        };
        let result = tokio::time::timeout(deadline * 2, call).await;
        finish(result, &store, deadline)
    }
}

#[async_trait]
impl Plugin for WasmPlugin {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn on_inbound(&self, call: &InboundCall) -> Result<Decision, Failure> {
        // Given back after the store is gone; the deadline counts from here.
        let _place = self.engine.place(self.weight).await;
        let mut store = self.store(self.deadline);
        let (message, conversation) = to_guest(call);
        let context = types::Context {
            locale: call.locale.clone(),
            time_zone: call.time_zone.clone(),
            deadline: u32::try_from(self.deadline.as_millis()).unwrap_or(u32::MAX),
        };
        let called = async {
            let instance = self.pre.instantiate_async(&mut store).await?;
            instance.recado_plugin_inbound().call_on_inbound(&mut store, &message, &conversation, &context).await
        };
        let result = tokio::time::timeout(self.deadline * 2, called).await;
        match finish(result, &store, self.deadline)? {
            Ok(decision) => Ok(from_guest(decision)),
            Err(types::Failure::BadConfig(text)) => Err(Failure::BadConfig(shorten(&text))),
            Err(types::Failure::Failed(text)) => Err(Failure::Failed(shorten(&text))),
        }
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

#[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit 53 bits for 280,000 years")]
fn millis(time: jiff::Timestamp) -> f64 {
    time.as_millisecond() as f64
}

fn to_guest(call: &InboundCall) -> (types::InboundMessage, types::Conversation) {
    let message = types::InboundMessage {
        id: call.id.to_string(),
        channel: call.channel.clone(),
        sender: call.sender.as_str().to_owned(),
        recipient: call.recipient.as_str().to_owned(),
        text: call.text.clone(),
        media: call
            .media
            .iter()
            .map(|media| types::Media {
                url: media.url.clone(),
                content_type: media.content_type.clone().unwrap_or_default(),
            })
            .collect(),
        received_at: millis(call.received_at),
        extra: call.extra.clone(),
    };
    let seen = &call.conversation;
    let conversation = types::Conversation {
        id: seen.id.to_string(),
        status: match seen.status {
            ConversationStatus::Pending => types::ConversationStatus::Pending,
            ConversationStatus::Active => types::ConversationStatus::Active,
            ConversationStatus::Closed => types::ConversationStatus::Closed,
        },
        subject: seen.subject.clone(),
        tags: seen.tags.clone(),
        inbound_count: seen.inbound_count,
        previous_inbound_at: seen.previous_inbound_at.map(millis),
    };
    (message, conversation)
}

/// NUL is in no text that a person could read, and Postgres takes none.
fn clean(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
}

fn from_guest(decision: types::Decision) -> Decision {
    let flow = match decision.flow {
        types::Flow::Proceed => Flow::Proceed,
        types::Flow::Stop => Flow::Stop,
    };
    Decision { actions: decision.actions.into_iter().map(action).collect(), flow }
}

fn action(action: types::Action) -> Action {
    match action {
        types::Action::Reply(reply) => {
            Action::Reply { text: clean(reply.text), media: reply.media.into_iter().map(clean).collect() }
        }
        types::Action::Tag(tag) => Action::Tag { tag: clean(tag) },
        types::Action::Untag(tag) => Action::Untag { tag: clean(tag) },
        types::Action::SetStatus(status) => Action::SetStatus {
            status: match status {
                types::ConversationStatus::Pending => ConversationStatus::Pending,
                types::ConversationStatus::Active => ConversationStatus::Active,
                types::ConversationStatus::Closed => ConversationStatus::Closed,
            },
        },
        types::Action::Custom((name, json)) => Action::Custom { name: clean(name), json: clean(json) },
    }
}
