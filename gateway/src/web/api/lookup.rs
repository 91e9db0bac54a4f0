//! `/v1/lookup`

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::Deserialize;

use super::messages::negotiate;
use crate::lookup::{Report, Request};
use crate::web::App;
use crate::web::auth::{Caller, LookupRead};
use crate::web::openapi::{BadGateway, Invalid, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::query::Query;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Wanted {
    region: Option<String>,
    channel: Option<String>,
    #[serde(default)]
    fresh: bool,
}

/// What is known of a number.
#[utoipa::path(
    get,
    path = "/v1/lookup/{number}",
    tag = "lookup",
    operation_id = "lookup_one",
    security(("key" = ["lookup:read"])),
    params(("number" = String, Path, description = "In E.164, or as dialled in `region`"), Wanted),
    responses((status = 200, description = "As it is now", body = Report), Usual, Unread, Invalid, BadGateway)
)]
pub(in crate::web) async fn one(
    State(app): State<App>,
    _: Caller<LookupRead>,
    Path(number): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Json<Report>, Problem> {
    let locale = negotiate(&headers, app.locale);
    let Wanted { region, channel, fresh } = wanted;
    let request = Request { number, region, channel, fresh, locale };
    app.lookup.look_up(request).await.map(Json).map_err(|error| Problem::lookup(&error, locale))
}
