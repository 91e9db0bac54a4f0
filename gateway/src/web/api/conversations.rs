//! `/v1/conversations`

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;

use super::messages::{Explained, negotiate, page_of};
use super::{List, Paging, id};
use crate::message::ConversationId;
use crate::store::{Conversation, MessageFilter};
use crate::web::App;
use crate::web::auth::Caller;
use crate::web::problem::Problem;
use crate::web::query::Query;

/// `GET /v1/conversations`: the newest first.
pub(in crate::web) async fn list(
    State(app): State<App>,
    _: Caller,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Conversation>>, Problem> {
    let (cursor, limit) = paging.read()?;
    let page = app.store.conversations(cursor, limit).await.map_err(|error| Problem::store(&error))?;
    Ok(List::of(page))
}

/// `GET /v1/conversations/{id}`
pub(in crate::web) async fn one(
    State(app): State<App>,
    _: Caller,
    Path(text): Path<String>,
) -> Result<Json<Conversation>, Problem> {
    find(&app, &text).await.map(Json)
}

/// `GET /v1/conversations/{id}/messages`: newest first.
pub(in crate::web) async fn messages(
    State(app): State<App>,
    _: Caller,
    Path(text): Path<String>,
    Query(paging): Query<Paging>,
    headers: HeaderMap,
) -> Result<Json<List<Explained>>, Problem> {
    let conversation = Some(find(&app, &text).await?.id);
    let locale = negotiate(&headers, app.locale);
    page_of(&app, MessageFilter { conversation, ..MessageFilter::default() }, &paging, locale).await
}

async fn find(app: &App, text: &str) -> Result<Conversation, Problem> {
    let id = id(text).ok_or_else(|| Problem::not_found("conversation"))?;
    let found = app.store.conversation(ConversationId(id)).await.map_err(|error| Problem::store(&error))?;
    found.ok_or_else(|| Problem::not_found("conversation"))
}
