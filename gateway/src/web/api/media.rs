//! `/v1/media`, and the files of messages.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;

use super::id;
use crate::media::{Upload, kind};
use crate::message::MessageId;
use crate::store::{MediaState, Message, StoredFile};
use crate::web::App;
use crate::web::auth::{Caller, MessagesRead, MessagesWrite};
use crate::web::files::{read_body, serve};
use crate::web::openapi::{Conflict, Invalid, NotFound, TooLarge, Unread, Usual};
use crate::web::problem::Problem;

/// Says of each medium that is here where it is.
pub(super) fn show(message: &mut Message) {
    let id = message.id;
    for (position, medium) in message.media.iter_mut().enumerate() {
        medium.href = (medium.state == MediaState::Stored).then(|| format!("/v1/messages/{id}/media/{position}"));
    }
}

/// Takes a file for messages to come.
#[utoipa::path(
    post,
    path = "/v1/media",
    tag = "media",
    operation_id = "media_upload",
    security(("key" = ["messages:write"])),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file's bytes, with their `Content-Type`"),
    responses((status = 201, description = "It is here", body = Upload), Usual, Unread, Invalid, TooLarge)
)]
pub(in crate::web) async fn upload(
    State(app): State<App>,
    _: Caller<MessagesWrite>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<Upload>), Problem> {
    let declared = headers.get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap_or_default());
    let contents = read_body(body, app.uploads.max_bytes()).await?;
    let upload = app.uploads.take(contents, declared).await.map_err(|error| Problem::upload(&error))?;
    Ok((StatusCode::CREATED, Json(upload)))
}

/// The bytes, with the first medium as number 0.
#[utoipa::path(
    get,
    path = "/v1/messages/{id}/media/{number}",
    tag = "media",
    operation_id = "media_one",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path), ("number" = u8, Path, description = "From 0")),
    responses((status = 200, description = "The file", content_type = "*/*"), (status = 206, description = "A range of it", content_type = "*/*"), (status = 304, description = "It is as it was"), (status = 416, description = "There is no such range"), Usual, NotFound, Conflict)
)]
pub(in crate::web) async fn one(
    State(app): State<App>,
    _: Caller<MessagesRead>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found("medium");
    let Path((message, number)) = path.map_err(|_| missing())?;
    let message = MessageId(id(&message).ok_or_else(missing)?);
    let number: u8 = number.parse().map_err(|_| missing())?;
    let found = app.store.medium(message, i32::from(number)).await.map_err(|error| Problem::store(&error))?;
    let medium = found.ok_or_else(missing)?;
    let (MediaState::Stored, Some(digest), Some(bytes)) = (medium.state, &medium.digest, medium.bytes) else {
        return Err(Problem::no_bytes(&medium));
    };
    let content_type = medium.content_type.clone().unwrap_or_else(|| kind::UNKNOWN.to_owned());
    let file = StoredFile { digest: digest.clone(), bytes, content_type };
    serve(app.uploads.files(), &file, &headers).await
}
