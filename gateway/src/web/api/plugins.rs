//! `/v1/plugins`

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use super::List;
use crate::plugins::health::Fares;
use crate::plugins::{Hooks, Link, OnError, Reloaded, Settings};
use crate::store::Page;
use crate::web::App;
use crate::web::auth::Caller;
use crate::web::problem::Problem;

/// A plugin as others see it.
#[derive(Serialize)]
pub(in crate::web) struct Shown {
    /// As the operator named it.
    name: String,
    component: String,
    /// What the plugin says of itself.
    title: String,
    version: String,
    description: String,
    /// SHA-256 of the component, in hex.
    digest: String,
    hooks: Hooks,
    on_error: OnError,
    deadline_ms: u32,
    memory_mib: usize,
    #[serde(flatten)]
    fares: Fares,
}

impl Shown {
    fn of((settings, link): (Settings, Link)) -> Self {
        let manifest = link.plugin.manifest();
        Self {
            name: settings.name,
            component: settings.component,
            title: manifest.name.clone(),
            version: manifest.version.clone(),
            description: manifest.description.clone(),
            digest: manifest.digest.clone(),
            hooks: manifest.hooks,
            on_error: settings.on_error,
            deadline_ms: settings.deadline_ms,
            memory_mib: settings.memory_mib,
            fares: link.health.fares(),
        }
    }
}

/// `GET /v1/plugins`: those in force, in the order they are asked.
pub(in crate::web) async fn list(State(app): State<App>, _: Caller) -> Json<List<Shown>> {
    let shown = app.plugins.plugins().await.into_iter().map(Shown::of);
    List::of(Page { items: shown.collect(), next: None })
}

/// `POST /v1/plugins/reload`: loads what changed, or changes nothing and says why.
pub(in crate::web) async fn reload(State(app): State<App>, _: Caller) -> Result<Json<Reloaded>, Problem> {
    app.plugins.reload().await.map(Json).map_err(|error| Problem::reload(&error))
}
