//! `/v1/consents`

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Deserialize;

use super::List;
use super::messages::negotiate;
use crate::message::Address;
use crate::store::{KnownConsent, Page};
use crate::web::App;
use crate::web::auth::{Caller, ConsentsRead};
use crate::web::openapi::{Invalid, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::query::Query;

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(in crate::web) struct Of {
    address: String,
}

/// What an address allows, on each channel where it ever opted out.
#[utoipa::path(
    get,
    path = "/v1/consents",
    tag = "consents",
    operation_id = "consents_list",
    security(("key" = ["consents:read"])),
    params(Of),
    responses((status = 200, description = "As it is now", body = List<KnownConsent>), Usual, Unread, Invalid)
)]
pub(in crate::web) async fn list(
    State(app): State<App>,
    _: Caller<ConsentsRead>,
    Query(of): Query<Of>,
    headers: HeaderMap,
) -> Result<Json<List<KnownConsent>>, Problem> {
    let locale = negotiate(&headers, app.locale);
    let address = Address::recipient(&of.address, &app.region)
        .map_err(|refusal| Problem::invalid("address", refusal.code(), refusal.reason(locale)))?;
    let items = app.store.consents(&address).await.map_err(|error| Problem::store(&error))?;
    Ok(List::of(Page { items, next: None }))
}
