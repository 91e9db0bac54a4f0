//! What plugins can do to each other and to the gateway: nothing.

mod caching;
mod fetches;
mod floods;
pub(in crate::plugins) mod guest;
mod hooks;
mod hostile;
pub(in crate::plugins) mod imports;
mod memory;
mod quotas;
mod readme;
mod refused;
mod reuse;
mod shipped;
mod waiting;
mod wasi;

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Engine, LoadError, WasmPlugin};
use crate::actions::{Action, Decision, Flow, Verdict};
use crate::message::{Address, MessageId, Status};
use crate::plugins::chain::tests::{call, conversation, surroundings};
use crate::plugins::{
    Called, Failure, Isolation, Origin, OutboundCall, Plugin, Remembered, Scope, Settings, StateKey, StateSource,
    StatusCall, Surroundings, TimerCall, Usage,
};

/// The component that comes with Recado.
const AUTO_REPLY: &[u8] = include_bytes!("../../../../../plugins/auto-reply.wasm");

const ROUTER: &[u8] = include_bytes!("../../../../../plugins/router.wasm");

/// Long enough for whatever ends by itself, also on a machine that is busy.
const PATIENT: Duration = Duration::from_secs(10);

fn settings(deadline: Duration, config: Value) -> Settings {
    let deadline_ms = u32::try_from(deadline.as_millis()).unwrap();
    Settings { deadline_ms, config, ..Settings::new("guest", "guest.wasm") }
}

async fn load(engine: &Engine, deadline: Duration, component: Vec<u8>) -> Result<WasmPlugin, LoadError> {
    WasmPlugin::load(engine, &settings(deadline, Value::Null), component).await
}

/// One whose instances serve many calls.
async fn load_reusing(engine: &Engine, deadline: Duration, component: Vec<u8>) -> WasmPlugin {
    let settings = Settings { isolation: Some(Isolation::Reuse), ..settings(deadline, Value::Null) };
    WasmPlugin::load(engine, &settings, component).await.unwrap()
}

async fn auto_reply(engine: &Engine, config: Value) -> Result<WasmPlugin, LoadError> {
    WasmPlugin::load(engine, &settings(PATIENT, config), AUTO_REPLY.to_vec()).await
}

/// What the hook for what came in decides about a text.
async fn decide(plugin: &WasmPlugin, text: &str) -> Result<Decision, Failure> {
    decide_in(plugin, text, &surroundings()).await.result
}

async fn decide_in(plugin: &WasmPlugin, text: &str, surroundings: &Surroundings) -> Called<Decision> {
    plugin.on_inbound(&call(text), surroundings).await
}

fn replies(decision: &Decision) -> Vec<&str> {
    let texts = decision.actions.iter().filter_map(|action| match action {
        Action::Reply { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

fn outbound_call() -> OutboundCall {
    OutboundCall {
        id: MessageId(Uuid::nil()),
        channel: "sms".to_owned(),
        sender: None,
        recipient: Address::received("+529981112233"),
        text: "Hola".to_owned(),
        media: vec!["https://example.mx/a.png".to_owned()],
        origin: Origin::Api,
        send_at: None,
        created_at: Timestamp::UNIX_EPOCH,
        conversation: None,
    }
}

fn status_call() -> StatusCall {
    StatusCall {
        message_id: MessageId(Uuid::nil()),
        channel: "sms".to_owned(),
        recipient: Address::received("+529981112233"),
        status: Status::Delivered,
        error: None,
        plugin: None,
        at: Timestamp::UNIX_EPOCH,
        conversation: conversation(),
    }
}

fn timer_call() -> TimerCall {
    TimerCall {
        name: "remind".to_owned(),
        payload: "{}".to_owned(),
        started_at: Timestamp::UNIX_EPOCH,
        due_at: Timestamp::UNIX_EPOCH,
        conversation: conversation(),
    }
}

/// A memory that holds nothing and takes its time to say so.
struct Slow(Duration);

#[async_trait]
impl StateSource for Slow {
    async fn recall(&self, _: &StateKey) -> Result<Option<Remembered>, String> {
        tokio::time::sleep(self.0).await;
        Ok(None)
    }

    async fn usage(&self, _: &str, _: Scope, _: Uuid) -> Result<Usage, String> {
        Ok(Usage::default())
    }
}
