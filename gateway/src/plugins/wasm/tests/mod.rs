//! What plugins can do to each other and to the gateway: nothing.

mod guest;
mod hostile;
mod memory;
mod readme;
mod refused;
mod shipped;

use std::time::Duration;

use serde_json::{Value, json};

use super::{Engine, LoadError, WasmPlugin};
use crate::actions::{Action, Decision, Flow};
use crate::plugins::chain::tests::{call, surroundings};
use crate::plugins::{Failure, Plugin, Settings};

/// The component that comes with Recado.
const AUTO_REPLY: &[u8] = include_bytes!("../../../../../plugins/auto-reply.wasm");

/// Long enough for whatever ends by itself, also on a machine that is busy.
const PATIENT: Duration = Duration::from_secs(10);

fn settings(deadline: Duration, config: Value) -> Settings {
    Settings {
        name: "guest".to_owned(),
        component: "guest.wasm".to_owned(),
        on_error: crate::plugins::OnError::Skip,
        deadline_ms: u32::try_from(deadline.as_millis()).unwrap(),
        memory_mib: 16,
        config,
    }
}

async fn load(engine: &Engine, deadline: Duration, component: Vec<u8>) -> Result<WasmPlugin, LoadError> {
    WasmPlugin::load(engine, &settings(deadline, Value::Null), component).await
}

async fn auto_reply(engine: &Engine, config: Value) -> Result<WasmPlugin, LoadError> {
    WasmPlugin::load(engine, &settings(PATIENT, config), AUTO_REPLY.to_vec()).await
}

/// What the hook for what came in decides about a text.
async fn decide(plugin: &WasmPlugin, text: &str) -> Result<Decision, Failure> {
    plugin.on_inbound(&call(text), &surroundings()).await.result
}

fn replies(decision: &Decision) -> Vec<&str> {
    let texts = decision.actions.iter().filter_map(|action| match action {
        Action::Reply { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}
