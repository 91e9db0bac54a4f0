//! `/v1/endpoints`

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{List, Paging, id};
use crate::events::Endpoint;
use crate::store::{EventState, KnownEndpoint, KnownEvent, Page};
use crate::web::App;
use crate::web::auth::{Caller, EndpointsRead, EndpointsWrite};
use crate::web::openapi::{Invalid, NotFound, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::query::Query;

/// An endpoint as others see it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Endpoint)]
pub(in crate::web) struct Shown {
    name: String,
    /// Without what may be a secret in it.
    url: String,
    /// What it is told besides what plugins forward to it, as the settings have it.
    events: Vec<String>,
    state: Telling,
    /// When it said that it is gone for good.
    #[serde(skip_serializing_if = "Option::is_none")]
    gone_at: Option<Timestamp>,
    /// When it had failed for too long.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<Timestamp>,
    /// Since when no try has succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<Timestamp>,
    /// How many events it is still to be told.
    waiting: u64,
    last_success_at: Option<Timestamp>,
    last_failure_at: Option<Timestamp>,
    /// What the last try came to that came to nothing good.
    last_failure: Option<String>,
}

/// Whether it is told anything.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = EndpointState)]
#[serde(rename_all = "lowercase")]
enum Telling {
    Active,
    /// The settings say no, or it failed for too long: then there is `disabled_at`.
    Disabled,
    /// It answered 410.
    Gone,
}

impl Shown {
    fn of(endpoint: &Endpoint, known: KnownEndpoint) -> Self {
        Self {
            name: endpoint.name.clone(),
            url: endpoint.shown_url(),
            events: endpoint.settings.events.clone(),
            state: match known {
                _ if endpoint.settings.disabled => Telling::Disabled,
                KnownEndpoint { gone_at: Some(_), .. } => Telling::Gone,
                KnownEndpoint { disabled_at: Some(_), .. } => Telling::Disabled,
                KnownEndpoint { .. } => Telling::Active,
            },
            gone_at: known.gone_at,
            disabled_at: known.disabled_at,
            failing_since: known.failing_since,
            waiting: known.waiting,
            last_success_at: known.last_success_at,
            last_failure_at: known.last_failure_at,
            last_failure: known.last_failure,
        }
    }
}

/// All of them, by name.
#[utoipa::path(
    get,
    path = "/v1/endpoints",
    tag = "endpoints",
    operation_id = "endpoints_list",
    security(("key" = ["endpoints:read"])),
    responses((status = 200, description = "As it is now", body = List<Shown>), Usual)
)]
pub(in crate::web) async fn list(
    State(app): State<App>,
    _: Caller<EndpointsRead>,
) -> Result<Json<List<Shown>>, Problem> {
    let mut known = app.store.endpoints().await.map_err(|error| Problem::store(&error))?;
    let shown =
        app.endpoints.iter().map(|endpoint| Shown::of(endpoint, known.remove(&endpoint.name).unwrap_or_default()));
    Ok(List::of(Page { items: shown.collect(), next: None }))
}

/// It is there again, although it had failed for too long or answered 410.
/// All that waits is told.
#[utoipa::path(
    post,
    path = "/v1/endpoints/{name}/enable",
    tag = "endpoints",
    operation_id = "endpoints_enable",
    security(("key" = ["endpoints:write"])),
    params(("name" = String, Path)),
    responses((status = 200, description = "As it is now", body = Shown), Usual, NotFound)
)]
pub(in crate::web) async fn enable(
    State(app): State<App>,
    caller: Caller<EndpointsWrite>,
    Path(name): Path<String>,
) -> Result<Json<Shown>, Problem> {
    let endpoint = find(&app, &name)?;
    app.store
        .enable_endpoint(&name, caller.act(&app, "endpoint.enabled", &name))
        .await
        .map_err(|error| Problem::store(&error))?;
    tracing::info!(endpoint = name, "enabled by hand");
    app.endpoints.wake(&name);
    let known = app.store.endpoints().await.map_err(|error| Problem::store(&error))?.remove(&name);
    Ok(Json(Shown::of(endpoint, known.unwrap_or_default())))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Filter {
    #[param(inline)]
    state: Option<EventState>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    #[param(value_type = Option<Uuid>)]
    cursor: Option<String>,
}

/// The newest first; all, or those in a state.
#[utoipa::path(
    get,
    path = "/v1/endpoints/{name}/events",
    tag = "endpoints",
    operation_id = "endpoints_events",
    security(("key" = ["endpoints:read"])),
    params(("name" = String, Path), Filter),
    responses((status = 200, description = "A page", body = List<KnownEvent>), Usual, Unread, Invalid, NotFound)
)]
pub(in crate::web) async fn events(
    State(app): State<App>,
    _: Caller<EndpointsRead>,
    Path(name): Path<String>,
    Query(Filter { state, limit, cursor }): Query<Filter>,
) -> Result<Json<List<KnownEvent>>, Problem> {
    find(&app, &name)?;
    let (cursor, limit) = Paging { limit, cursor }.read()?;
    let page = app.store.events(&name, state, cursor, limit).await.map_err(|error| Problem::store(&error))?;
    Ok(List::of(page))
}

/// Tells it again, or now. 202 once that is on record.
#[utoipa::path(
    post,
    path = "/v1/endpoints/{name}/events/{id}/replay",
    tag = "endpoints",
    operation_id = "endpoints_replay",
    security(("key" = ["endpoints:write"])),
    params(("name" = String, Path), ("id" = String, Path)),
    responses((status = 202, description = "It will be told", body = KnownEvent), Usual, NotFound)
)]
pub(in crate::web) async fn replay(
    State(app): State<App>,
    caller: Caller<EndpointsWrite>,
    Path((name, text)): Path<(String, String)>,
) -> Result<(StatusCode, Json<KnownEvent>), Problem> {
    find(&app, &name)?;
    let id = id(&text).ok_or_else(|| Problem::not_found("event"))?;
    let act = caller.act(&app, "event.replayed", &id);
    app.store.replay_event(&name, id, act).await.map_err(|error| Problem::store(&error))?;
    let event = app.store.event(&name, id).await.map_err(|error| Problem::store(&error))?;
    let event = event.ok_or_else(|| Problem::not_found("event"))?;
    app.endpoints.wake(&name);
    Ok((StatusCode::ACCEPTED, Json(event)))
}

fn find<'a>(app: &'a App, name: &str) -> Result<&'a Endpoint, Problem> {
    app.endpoints.get(name).map(AsRef::as_ref).ok_or_else(|| Problem::not_found("endpoint"))
}
