//! What is served while a gateway starts and its database is away: webhooks, which go to the journal, and whether
//! it is alive. Everything else is to come again.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::json;
use tokio::sync::watch;
use tower_service::Service;

use super::problem::Problem;
use super::{health, layered, webhooks};
use crate::inbound::Early;

/// Serves one set of routes, and another one from when that is opened, on the same socket and connections.
pub struct Doors(watch::Sender<Router>);

impl Doors {
    /// Those of a gateway without its database, and what serves whichever routes are open.
    pub fn early(early: Early, public_url: &str) -> (Self, Router) {
        let (doors, open) = watch::channel(router(early, public_url));
        let serve = move |request: Request| {
            let mut router = open.borrow().clone();
            async move { router.call(request).await }
        };
        (Self(doors), Router::new().fallback(serve))
    }

    /// All that comes from now on goes by these.
    pub fn open(self, router: Router) {
        drop(self.0.send_replace(router));
    }
}

#[derive(Clone)]
struct Parts {
    early: Early,
    public_url: Arc<str>,
}

fn router(early: Early, public_url: &str) -> Router {
    let router = Router::new()
        .route("/healthz", get(health::healthy))
        .route("/readyz", get(ready))
        .route("/webhooks/{channel}/inbound", any(receive))
        .route("/webhooks/{channel}/status", any(receive))
        .fallback(later)
        .with_state(Parts { early, public_url: public_url.into() });
    layered(router)
}

async fn receive(State(parts): State<Parts>, Path(channel): Path<String>, request: Request) -> Response {
    match answer(&parts, &channel, request).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn answer(parts: &Parts, channel: &str, request: Request) -> Result<Response, Problem> {
    let webhook = webhooks::read(&parts.public_url, request).await?;
    let answer = parts.early.receive(channel, webhook).await;
    answer.map(webhooks::told).map_err(|error| webhooks::refused(parts.early.channels(), channel, &error))
}

/// As of a gateway whose database has gone: without this one, the provider's webhooks would go nowhere.
async fn ready(State(parts): State<Parts>) -> Response {
    let waiting = parts.early.waiting();
    match parts.early.probe_journal().await {
        Err(error) => Problem::nowhere(&error).into_response(),
        Ok(()) => Json(json!({
            "status": "degraded",
            "database": "away",
            "journal": { "waiting": waiting.entries, "oldest": waiting.oldest },
        }))
        .into_response(),
    }
}

async fn later() -> Problem {
    Problem::unavailable()
}
