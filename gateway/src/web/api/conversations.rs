//! `/v1/conversations`

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;

use super::messages::{Explained, negotiate, page_of};
use super::{List, Paging, id};
use crate::message::ConversationId;
use crate::store::{Conversation, MessageFilter};
use crate::web::App;
use crate::web::auth::{Caller, ConversationsRead};
use crate::web::openapi::{Invalid, NotFound, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::query::Query;

/// The newest first.
#[utoipa::path(
    get,
    path = "/v1/conversations",
    tag = "conversations",
    operation_id = "conversations_list",
    security(("key" = ["conversations:read"])),
    params(Paging),
    responses((status = 200, description = "A page", body = List<Conversation>), Usual, Unread, Invalid)
)]
pub(in crate::web) async fn list(
    State(app): State<App>,
    _: Caller<ConversationsRead>,
    Query(paging): Query<Paging>,
) -> Result<Json<List<Conversation>>, Problem> {
    let (cursor, limit) = paging.read()?;
    let page = app.store.conversations(cursor, limit).await.map_err(|error| Problem::store(&error))?;
    Ok(List::of(page))
}

/// One conversation.
#[utoipa::path(
    get,
    path = "/v1/conversations/{id}",
    tag = "conversations",
    operation_id = "conversations_one",
    security(("key" = ["conversations:read"])),
    params(("id" = String, Path)),
    responses((status = 200, description = "As it is now", body = Conversation), Usual, NotFound)
)]
pub(in crate::web) async fn one(
    State(app): State<App>,
    _: Caller<ConversationsRead>,
    Path(text): Path<String>,
) -> Result<Json<Conversation>, Problem> {
    find(&app, &text).await.map(Json)
}

/// Newest first.
#[utoipa::path(
    get,
    path = "/v1/conversations/{id}/messages",
    tag = "conversations",
    operation_id = "conversations_messages",
    security(("key" = ["conversations:read"])),
    params(("id" = String, Path), Paging),
    responses((status = 200, description = "A page", body = List<Explained>), Usual, Unread, Invalid, NotFound)
)]
pub(in crate::web) async fn messages(
    State(app): State<App>,
    _: Caller<ConversationsRead>,
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
