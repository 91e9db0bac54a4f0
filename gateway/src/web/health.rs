//! Whether the gateway is alive, and whether it can work.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::App;
use super::api::channels::paused;
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
///
/// A channel that can't send does not make it unready: without this gateway the load balancer would
/// have nobody to give the provider's webhooks to, and what people write would be lost.
pub(super) async fn ready(State(app): State<App>) -> Response {
    if *app.stopping.borrow() {
        return Problem::unavailable().into_response();
    }
    match app.store.ping().await {
        Ok(()) => {
            let paused = match paused(&app, app.locale).await {
                Ok(paused) => paused,
                Err(error) => return Problem::store(&error).into_response(),
            };
            if paused.is_empty() {
                return Json(json!({ "status": "ready" })).into_response();
            }
            Json(json!({ "status": "degraded", "channels": paused })).into_response()
        }
        Err(error) => Problem::store(&error).into_response(),
    }
}
