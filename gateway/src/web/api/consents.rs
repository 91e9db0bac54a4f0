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
use crate::web::auth::Caller;
use crate::web::problem::Problem;
use crate::web::query::Query;

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Of {
    address: String,
}

/// `GET /v1/consents?address=`: what an address allows, on each channel where it ever opted out.
pub(in crate::web) async fn list(
    State(app): State<App>,
    _: Caller,
    Query(of): Query<Of>,
    headers: HeaderMap,
) -> Result<Json<List<KnownConsent>>, Problem> {
    let locale = negotiate(&headers, app.locale);
    let address = Address::recipient(&of.address, &app.region)
        .map_err(|refusal| Problem::invalid("address", refusal.code(), refusal.reason(locale)))?;
    let items = app.store.consents(&address).await.map_err(|error| Problem::store(&error))?;
    Ok(List::of(Page { items, next: None }))
}
