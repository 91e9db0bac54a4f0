//! Whether the gateway is alive, and whether it can work.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::App;
use super::api::channels::paused;
use super::problem::Problem;

/// How long the database may take to answer.
const PING: Duration = Duration::from_secs(1);

/// What this is, for somebody who opens the address in a browser.
pub(super) async fn about() -> Json<Value> {
    Json(json!({
        "name": "Recado",
        "version": env!("CARGO_PKG_VERSION"),
        "api": "/v1/messages",
        "health": ["/healthz", "/readyz"],
        "metrics": "/metrics",
    }))
}

/// The process runs.
pub(super) async fn healthy() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The process can take webhooks, and no stop has begun: the database answers, or else the journal takes
/// them. While what waits in the journal goes before, only the journal counts.
///
/// Neither a database that is away nor a channel that can't send makes it unready: without this gateway
/// the load balancer would have nobody to give the provider's webhooks to, and what people write would
/// be lost. The body tells what does not work.
pub(super) async fn ready(State(app): State<App>) -> Response {
    if *app.stopping.borrow() {
        return Problem::unavailable().into_response();
    }
    let database = answers(&app).await;
    let database_answers = database.is_ok();
    let journalled = app.inbound.journalled();
    if (!database_answers || journalled.in_use)
        && let Err(error) = app.inbound.probe_journal().await
    {
        return Problem::nowhere(&error).into_response();
    }
    let mut told = serde_json::Map::new();
    if let Err(reason) = database {
        tracing::warn!(reason, "the database does not answer; webhooks go to the journal");
        told.insert("database".to_owned(), json!("away"));
    }
    if journalled.waiting.entries > 0 {
        let (waiting, oldest) = (journalled.waiting.entries, journalled.waiting.oldest);
        told.insert("journal".to_owned(), json!({ "waiting": waiting, "oldest": oldest }));
    }
    // Which are paused by hand, only the database knows.
    let paused = if database_answers { paused(&app, app.locale).await.unwrap_or_default() } else { BTreeMap::new() };
    if !paused.is_empty() {
        let paused = paused.into_iter().map(|(name, reason)| (name, reason.for_strangers()));
        told.insert("channels".to_owned(), json!(paused.collect::<BTreeMap<_, _>>()));
    }
    let status = if told.is_empty() { "ready" } else { "degraded" };
    told.insert("status".to_owned(), json!(status));
    Json(told).into_response()
}

/// Whoever asks does not wait as long as the database may take.
async fn answers(app: &App) -> Result<(), String> {
    match timeout(PING, app.store.ping()).await {
        Ok(answered) => answered.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PING.as_secs())),
    }
}
