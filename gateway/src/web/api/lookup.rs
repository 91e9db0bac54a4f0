//! `/v1/lookup`

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use serde::Deserialize;

use super::messages::negotiate;
use crate::lookup::{Report, Request};
use crate::web::App;
use crate::web::auth::Caller;
use crate::web::problem::Problem;
use crate::web::query::Query;

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Wanted {
    region: Option<String>,
    channel: Option<String>,
    #[serde(default)]
    fresh: bool,
}

/// `GET /v1/lookup/{number}`
pub(in crate::web) async fn one(
    State(app): State<App>,
    _: Caller,
    Path(number): Path<String>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Json<Report>, Problem> {
    let locale = negotiate(&headers, app.locale);
    let Wanted { region, channel, fresh } = wanted;
    let request = Request { number, region, channel, fresh, locale };
    app.lookup.look_up(request).await.map(Json).map_err(|error| Problem::lookup(&error, locale))
}
