//! The rules as an Extism plugin: the same message as JSON, and the decision as JSON.
#![cfg(target_family = "wasm")]

use extism_pdk::{plugin_fn, FnResult, Json};
use serde::{Deserialize, Serialize};

/// What Recado tells a plugin, in its order.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is read, as a component's call is")]
struct Call {
    id: String,
    channel: String,
    sender: String,
    recipient: String,
    text: String,
    media: Vec<String>,
    received_at: f64,
    extra: Vec<(String, String)>,
    conversation: Conversation,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "it is read, as a component's call is")]
struct Conversation {
    id: String,
    channel: String,
    address: String,
    status: String,
    subject: String,
    tags: Vec<String>,
    inbound_count: u32,
    previous_inbound_at: Option<f64>,
}

#[derive(Serialize)]
struct Decision {
    reply: Option<String>,
    tags: Vec<String>,
}

#[plugin_fn]
pub fn on_inbound(Json(call): Json<Call>) -> FnResult<Json<Decision>> {
    let decided = rules::decide(&call.text);
    let (reply, tags) = decided.map_or((None, Vec::new()), |(text, tag)| (Some(text), vec![tag.to_owned()]));
    Ok(Json(Decision { reply, tags }))
}
