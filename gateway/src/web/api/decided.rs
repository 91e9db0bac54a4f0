//! `/v1/plugins/{name}/decisions`

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{List, Paging};
use crate::message::MessageId;
use crate::store::{DecidedOn, DecisionFilter, Error, Page, Trace};
use crate::web::App;
use crate::web::auth::{Caller, MessagesRead};
use crate::web::openapi::{Invalid, NotFound, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::query::Query;

/// What a plugin decided about a message.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = DecisionOnMessage)]
pub(in crate::web) struct Decided {
    message_id: MessageId,
    #[serde(flatten)]
    decision: Trace,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Filter {
    /// Only those where it failed.
    #[serde(default)]
    failed: bool,
    /// How many, 1 to 200.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<Uuid>)]
    cursor: Option<String>,
}

/// One page; none of a plugin that nobody knows. One that is gone by now may have decided something.
pub(in crate::web) async fn page(
    app: &App,
    filter: &DecisionFilter,
    before: Option<Uuid>,
    limit: u64,
) -> Result<Option<Page<DecidedOn>>, Error> {
    let found = app.store.decisions_of(filter, before, limit).await?;
    let is_nothing = found.items.is_empty() && found.next.is_none() && before.is_none() && !filter.failed;
    let is_known = || app.plugins.in_force().chain().names().any(|one| one == filter.plugin);
    Ok((!is_nothing || is_known()).then_some(found))
}

/// What it decided lately, whatever about; first what came up last: a text by when it came in, also if it was decided
/// late. A page may be shorter than `limit`, or empty, and have a `next_cursor` all the same: then the last few thousand
/// messages have no more, and older ones may. What is on record of one message, from all plugins, is its trace.
#[utoipa::path(
    get,
    path = "/v1/plugins/{name}/decisions",
    tag = "plugins",
    operation_id = "plugins_decisions",
    security(("key" = ["messages:read"])),
    params(("name" = String, Path), Filter),
    responses((status = 200, description = "A page", body = List<Decided>), Usual, Unread, NotFound, Invalid)
)]
pub(in crate::web) async fn list(
    State(app): State<App>,
    _: Caller<MessagesRead>,
    Path(name): Path<String>,
    Query(Filter { failed, limit, cursor }): Query<Filter>,
) -> Result<Json<List<Decided>>, Problem> {
    let (cursor, limit) = Paging { limit, cursor }.read()?;
    let filter = DecisionFilter { plugin: name, failed };
    let found = page(&app, &filter, cursor, limit).await.map_err(|error| Problem::store(&error))?;
    let found = found.ok_or_else(|| Problem::not_found("plugin"))?;
    let decided = |DecidedOn { trace, .. }: DecidedOn| Decided { message_id: trace.message_id, decision: trace };
    Ok(List::of(Page { items: found.items.into_iter().map(decided).collect(), next: found.next }))
}
