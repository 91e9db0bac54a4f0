//! `/v1/plugins/{name}/config`

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::marks::{expected, marked};
use super::read;
use crate::configuring::Standing;
use crate::plugins::{ConfigOrigin, hidden};
use crate::store::ChangedBy;
use crate::web::auth::{Caller, PluginsWrite};
use crate::web::files::read_body;
use crate::web::openapi::{Changed, Invalid, NotFound, TooLarge, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::{API_BODY, App};

/// A plugin's configuration as others see it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PluginConfig)]
pub(in crate::web) struct Shown {
    plugin: String,
    /// What is in force, but for what the schema marks with `writeOnly` or gives the format `password`.
    #[schema(value_type = Object)]
    config: Value,
    source: Source,
    /// Where something is set that is not shown, as JSON pointers.
    hidden: Vec<String>,
    /// Why the settings' is in force though another is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// When it was last changed by hand, be it back to that of the settings.
    changed_at: Option<Timestamp>,
    changed_by: Option<ChangedBy>,
    /// The JSON Schema that the plugin has for it.
    #[schema(value_type = Object)]
    schema: Value,
}

/// Where a configuration comes from.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PluginConfigSource)]
#[serde(rename_all = "lowercase")]
enum Source {
    /// From the settings file, or that beside the component.
    Settings,
    /// From the database, where somebody put it by hand.
    Kept,
}

fn shown(plugin: String, standing: Standing) -> Response {
    let Standing { configured, changed, mark } = standing;
    let schema = configured.schema();
    let hidden::Bare { config, hidden } = hidden::bare(&schema, &configured.config);
    let (source, problem) = match configured.origin {
        ConfigOrigin::Settings => (Source::Settings, None),
        ConfigOrigin::Kept => (Source::Kept, None),
        ConfigOrigin::Unfit(problem) => (Source::Settings, Some(problem)),
    };
    let (changed_at, changed_by) = changed.unzip();
    let shown = Shown { plugin, config, source, hidden, problem, changed_at, changed_by, schema };
    marked(StatusCode::OK, &mark, &shown)
}

/// With the schema that it fits. Its `ETag` is another one after every change.
#[utoipa::path(
    get,
    path = "/v1/plugins/{name}/config",
    tag = "plugins",
    operation_id = "plugins_config",
    security(("key" = ["plugins:write"])),
    params(("name" = String, Path)),
    responses((status = 200, description = "As it is now", body = Shown, headers(("ETag", description = "Of this state of it; `If-Match` takes it"))), Usual, NotFound)
)]
pub(in crate::web) async fn one(
    State(app): State<App>,
    _: Caller<PluginsWrite>,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let standing = app.configuring.look(&name).await.map_err(|error| Problem::configuring(&error))?;
    Ok(shown(name, standing))
}

/// Puts another one in force at once, and in the place of the settings' from then on, whole. What is hidden and left out
/// stays as it is; null takes it away. With `If-Match`, only if it is still as it was when it got that `ETag`.
#[utoipa::path(
    put,
    path = "/v1/plugins/{name}/config",
    tag = "plugins",
    operation_id = "plugins_configure",
    security(("key" = ["plugins:write"])),
    params(("name" = String, Path), ("If-Match" = Option<String>, Header)),
    request_body = Object,
    responses((status = 200, description = "As it is now", body = Shown, headers(("ETag", description = "Of this state of it; `If-Match` takes it"))), Usual, Unread, Invalid, TooLarge, NotFound, Changed)
)]
pub(in crate::web) async fn save(
    State(app): State<App>,
    caller: Caller<PluginsWrite>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let mark = expected(&headers);
    let wanted: Map<String, Value> = read(&read_body(body, API_BODY).await?)?;
    let act = caller.act(&app, "plugin.configured", &name);
    let saved = app.configuring.save(&name, Value::Object(wanted), mark.as_deref(), act).await;
    Ok(shown(name, saved.map_err(|error| Problem::configuring(&error))?))
}

/// Goes back to that of the settings, at once.
#[utoipa::path(
    delete,
    path = "/v1/plugins/{name}/config",
    tag = "plugins",
    operation_id = "plugins_reset_config",
    security(("key" = ["plugins:write"])),
    params(("name" = String, Path), ("If-Match" = Option<String>, Header)),
    responses((status = 200, description = "As it is now", body = Shown, headers(("ETag", description = "Of this state of it; `If-Match` takes it"))), Usual, Invalid, NotFound, Changed)
)]
pub(in crate::web) async fn reset(
    State(app): State<App>,
    caller: Caller<PluginsWrite>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let act = caller.act(&app, "plugin.config_reset", &name);
    let reset = app.configuring.reset(&name, expected(&headers).as_deref(), act).await;
    Ok(shown(name, reset.map_err(|error| Problem::configuring(&error))?))
}
