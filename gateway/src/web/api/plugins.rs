//! `/v1/plugins`

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{List, read};
use crate::message::ConversationId;
use crate::plugins::health::Fares;
use crate::plugins::{Check, FetchCounts, Hooks, Link, OnError, Reloaded, Settings};
use crate::replay::{Report, Wanted};
use crate::store::{Page, PastFilter};
use crate::web::App;
use crate::web::auth::{Caller, PluginsRead, PluginsWrite};
use crate::web::openapi::{Conflict, Invalid, TooLarge, Unread, Usual};
use crate::web::problem::Problem;

/// A plugin as others see it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Plugin)]
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
    /// How often it asked other hosts since plugins were last loaded; nothing where it may ask none.
    #[serde(skip_serializing_if = "Option::is_none")]
    fetches: Option<FetchCounts>,
}

impl Shown {
    fn of((settings, link): (Settings, Link), counts: &[(&str, FetchCounts)]) -> Self {
        let fetches = counts.iter().find(|(name, _)| *name == settings.name).map(|(_, counts)| *counts);
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
            fetches,
        }
    }
}

/// Those in force, in the order they are asked.
#[utoipa::path(
    get,
    path = "/v1/plugins",
    tag = "plugins",
    operation_id = "plugins_list",
    security(("key" = ["plugins:read"])),
    responses((status = 200, description = "As it is now", body = List<Shown>), Usual)
)]
pub(in crate::web) async fn list(State(app): State<App>, _: Caller<PluginsRead>) -> Json<List<Shown>> {
    let chain = app.plugins.in_force().chain();
    let counts = chain.fetch_counts();
    let shown = app.plugins.plugins().await.into_iter().map(|plugin| Shown::of(plugin, &counts));
    List::of(Page { items: shown.collect(), next: None })
}

/// On what a change is tried before it is put in force.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = ReloadRequest)]
#[serde(deny_unknown_fields)]
struct Trial {
    /// So many of the last messages.
    #[schema(maximum = 5000)]
    after_replay: u64,
    /// The most of them that may be treated differently, in per cent.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 100)]
    max_changed: f64,
}

/// Loads what changed, or changes nothing and says why.
#[utoipa::path(
    post,
    path = "/v1/plugins/reload",
    tag = "plugins",
    operation_id = "plugins_reload",
    security(("key" = ["plugins:write"])),
    request_body = Option<Trial>,
    responses((status = 200, description = "As it is now", body = Reloaded), Usual, Unread, Invalid, TooLarge, Conflict)
)]
pub(in crate::web) async fn reload(
    State(app): State<App>,
    caller: Caller<PluginsWrite>,
    body: Bytes,
) -> Result<Json<Reloaded>, Problem> {
    let trial = if body.is_empty() { None } else { read::<Option<Trial>>(&body)? };
    let reloaded = match trial {
        Some(Trial { after_replay, max_changed }) => {
            if after_replay > MOST {
                let detail = format!("`after_replay` is {MOST} at the most");
                return Err(Problem::invalid("/after_replay", "too-many", detail));
            }
            if !(0.0..=100.0).contains(&max_changed) {
                let detail = "`max_changed` is a share in per cent, from 0 to 100";
                return Err(Problem::invalid("/max_changed", "invalid", detail));
            }
            let replay = app.replay.clone();
            let check: Check = Arc::new(move |chain| {
                let replay = replay.clone();
                Box::pin(async move { replay.check(&chain, after_replay, max_changed).await.map(drop) })
            });
            app.plugins.reload_if(Some(check)).await
        }
        None => app.plugins.reload().await,
    };
    let reloaded = reloaded.map_err(|error| Problem::reload(&error))?;
    // They are in force by now, so that this fails nothing.
    if let Err(error) = app.store.audit(caller.act(&app, "plugins.reloaded", &"plugins")).await {
        tracing::warn!(%error, "that plugins were reloaded is not on record");
    }
    Ok(Json(reloaded))
}

/// The most messages that are replayed for one request.
const MOST: u64 = 5_000;

/// Which messages are put to the plugins as a reload would load them.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = ReplayRequest)]
#[serde(deny_unknown_fields)]
struct Recorded {
    #[serde(default = "usual")]
    #[schema(maximum = 5000)]
    last: u64,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    conversation: Option<Uuid>,
}

fn usual() -> u64 {
    100
}

impl Default for Recorded {
    fn default() -> Self {
        Self { last: usual(), since: None, until: None, conversation: None }
    }
}

/// What would be different if plugins were reloaded now. Changes nothing, but shows texts and takes their time.
#[utoipa::path(
    post,
    path = "/v1/plugins/replay",
    tag = "plugins",
    operation_id = "plugins_replay",
    security(("key" = ["plugins:write"])),
    request_body = Option<Recorded>,
    responses((status = 200, description = "As it is now", body = Report), Usual, Unread, Invalid, TooLarge)
)]
pub(in crate::web) async fn replay(
    State(app): State<App>,
    _: Caller<PluginsWrite>,
    body: Bytes,
) -> Result<Json<Report>, Problem> {
    let wanted = if body.is_empty() { None } else { read::<Option<Recorded>>(&body)? };
    let wanted = wanted.unwrap_or_default();
    let filter =
        PastFilter { since: wanted.since, until: wanted.until, conversation: wanted.conversation.map(ConversationId) };
    let chain = app.plugins.candidate().await.map_err(|error| Problem::reload(&error))?;
    if wanted.last > MOST {
        return Err(Problem::invalid("/last", "too-many", format!("`last` is {MOST} at the most")));
    }
    let wanted = Wanted { last: wanted.last, filter };
    app.replay.run(&chain, &wanted, |_| ()).await.map(Json).map_err(|error| Problem::store(&error))
}
