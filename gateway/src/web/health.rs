//! Whether the gateway is alive, and whether it can work.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::App;
use super::problem::Problem;

/// What this is, for somebody who opens the address in a browser.
pub(super) async fn about() -> Json<Value> {
    Json(json!({
        "name": "Recado",
        "version": env!("CARGO_PKG_VERSION"),
        "api": "/v1/messages",
        "health": ["/healthz", "/readyz"],
    }))
}

/// The process runs.
pub(super) async fn healthy() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The process can take webhooks and calls: the database answers and no stop has begun.
pub(super) async fn ready(State(app): State<App>) -> Response {
    if *app.stopping.borrow() {
        return Problem::unavailable().into_response();
    }
    match app.store.ping().await {
        Ok(()) => Json(json!({ "status": "ready" })).into_response(),
        Err(error) => Problem::store(&error).into_response(),
    }
}
