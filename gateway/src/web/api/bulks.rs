//! `/v1/bulks`

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::bulk_check::Checked;
use super::messages::{REPLAYED, idempotency, negotiate};
use super::{List, Paging, id, read};
use crate::bulks::{Content, NewBulk, Recipient, TemplateOf};
use crate::message::{MessageId, Options, Priority};
use crate::store::{BulkCounts, BulkState, KnownBulk, KnownRecipient, Page, RecipientState};
use crate::web::auth::{Caller, MessagesRead, MessagesWrite};
use crate::web::files::read_body;
use crate::web::openapi::{Conflict, Invalid, NotFound, TooLarge, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::query::Query;
use crate::web::{App, BULK_BODY};

/// What a caller wants sent to many.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = NewBulk)]
#[serde(deny_unknown_fields)]
struct New {
    /// For people to know it by.
    name: Option<String>,
    channel: Option<String>,
    from: Option<String>,
    text: Option<String>,
    /// What the texts are made of, instead; its variables are for everybody.
    template: Option<TemplateOf>,
    #[serde(default)]
    media: Vec<String>,
    #[serde(default)]
    options: Options,
    priority: Option<Priority>,
    send_at: Option<Timestamp>,
    recipients: Vec<Recipient>,
    /// Only says what would be refused, and sends nothing.
    #[serde(default)]
    dry_run: bool,
}

/// The longest name, in characters.
const LONGEST_NAME: usize = 200;

/// A bulk send as others see it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Bulk)]
pub(in crate::web) struct Shown {
    id: Uuid,
    name: Option<String>,
    state: BulkState,
    /// What its messages share.
    #[serde(flatten)]
    #[schema(value_type = Content)]
    content: Value,
    total: u32,
    send_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// Since when nothing of it waits any more.
    finished_at: Option<Timestamp>,
}

impl From<KnownBulk> for Shown {
    fn from(known: KnownBulk) -> Self {
        let KnownBulk { id, name, state, content, total, send_at, created_at, updated_at, finished_at } = known;
        Self { id, name, state, content, total, send_at, created_at, updated_at, finished_at }
    }
}

/// A bulk send, and how far it has come.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = BulkProgress)]
pub(in crate::web) struct Progress {
    #[serde(flatten)]
    shown: Shown,
    /// How many recipients stand where; together they are all.
    counts: Counts,
    /// How many are refused for what.
    refused_for: BTreeMap<String, u64>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = BulkCounts)]
pub(super) struct Counts {
    waiting: u64,
    submitted: u64,
    sent: u64,
    delivered: u64,
    failed: u64,
    refused: u64,
    duplicate: u64,
    canceled: u64,
}

impl Counts {
    pub(super) fn of(counts: &BulkCounts) -> Self {
        let of = |state| counts.of.get(&state).copied().unwrap_or(0);
        Self {
            waiting: of(RecipientState::Waiting),
            submitted: of(RecipientState::Submitted),
            sent: of(RecipientState::Sent),
            delivered: of(RecipientState::Delivered),
            failed: of(RecipientState::Failed),
            refused: of(RecipientState::Refused),
            duplicate: of(RecipientState::Duplicate),
            canceled: of(RecipientState::Canceled),
        }
    }
}

impl Progress {
    fn of(known: KnownBulk, counts: BulkCounts) -> Self {
        Self { shown: known.into(), counts: Counts::of(&counts), refused_for: counts.refused }
    }
}

/// Takes a bulk send. 202 once it is on disk, with what is wrong with each recipient.
#[utoipa::path(
    post,
    path = "/v1/bulks",
    tag = "bulks",
    operation_id = "bulks_create",
    security(("key" = ["messages:write"])),
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes the same call again harmless")),
    request_body = New,
    responses((status = 200, description = "With `dry_run`: what would come of it", body = Checked), (status = 202, description = "It is on disk", body = Progress, headers(("Location", description = "Where it is"), ("Idempotency-Replayed" = bool, description = "That the same call was made before"))), Usual, Unread, Invalid, TooLarge, Conflict)
)]
pub(in crate::web) async fn create(
    State(app): State<App>,
    caller: Caller<MessagesWrite>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let body = read_body(body, BULK_BODY).await?;
    let new: New = read(&body)?;
    let idempotency = idempotency(&headers, caller.key_id, &body)?;
    let locale = negotiate(&headers, app.locale);
    if new.text.is_some() == new.template.is_some() {
        let detail = "a bulk send has a `text` or a `template`: give one of them";
        return Err(Problem::invalid("/template", "both-or-none", detail));
    }
    if new.name.as_ref().is_some_and(|name| name.chars().count() > LONGEST_NAME) {
        return Err(Problem::invalid("/name", "too-long", format!("`name` has {LONGEST_NAME} characters at the most")));
    }
    let New { name, channel, from, text, template, media, options, priority, send_at, recipients, dry_run } = new;
    let priority = priority.unwrap_or(Priority::Bulk);
    let content = Content { channel, from, text, template, media, options, priority };
    let new = NewBulk { name, content, send_at, recipients, idempotency };
    if dry_run {
        let looked = app.bulks.check(new).await.map_err(|error| Problem::bulk(&error, locale))?;
        return Ok(Json(Checked::of(looked)).into_response());
    }
    let taken = app.bulks.take(new, caller.act(&app, "bulk.created", &"")).await;
    let (id, before) = taken.map_err(|error| Problem::bulk(&error, locale))?;
    let mut response = (StatusCode::ACCEPTED, Json(progress(&app, id).await?)).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/bulks/{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if before {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Wanted {
    #[param(inline)]
    state: Option<BulkState>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    #[param(value_type = Option<Uuid>)]
    cursor: Option<String>,
}

/// Newest first; all, or those in a state.
#[utoipa::path(
    get,
    path = "/v1/bulks",
    tag = "bulks",
    operation_id = "bulks_list",
    security(("key" = ["messages:read"])),
    params(Wanted),
    responses((status = 200, description = "A page", body = List<Shown>), Usual, Unread, Invalid)
)]
pub(in crate::web) async fn list(
    State(app): State<App>,
    _: Caller<MessagesRead>,
    Query(Wanted { state, limit, cursor }): Query<Wanted>,
) -> Result<Json<List<Shown>>, Problem> {
    let (cursor, limit) = Paging { limit, cursor }.read()?;
    let page = app.store.bulks(state, cursor, limit).await.map_err(|error| Problem::store(&error))?;
    Ok(List::of(Page { items: page.items.into_iter().map(Shown::from).collect(), next: page.next }))
}

/// How far it has come.
#[utoipa::path(
    get,
    path = "/v1/bulks/{id}",
    tag = "bulks",
    operation_id = "bulks_one",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path)),
    responses((status = 200, description = "As it is now", body = Progress), Usual, NotFound)
)]
pub(in crate::web) async fn one(
    State(app): State<App>,
    _: Caller<MessagesRead>,
    Path(text): Path<String>,
) -> Result<Json<Progress>, Problem> {
    Ok(Json(progress(&app, find(&text)?).await?))
}

/// Nothing more of it is sent until it is resumed, but for what is just being sent.
#[utoipa::path(
    post,
    path = "/v1/bulks/{id}/pause",
    tag = "bulks",
    operation_id = "bulks_pause",
    security(("key" = ["messages:write"])),
    params(("id" = String, Path)),
    responses((status = 200, description = "As it is now", body = Progress), Usual, NotFound, Conflict)
)]
pub(in crate::web) async fn pause(
    State(app): State<App>,
    caller: Caller<MessagesWrite>,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Progress>, Problem> {
    let id = find(&text)?;
    let act = caller.act(&app, "bulk.paused", &id);
    app.bulks.pause(id, act).await.map_err(|error| Problem::bulk(&error, negotiate(&headers, app.locale)))?;
    Ok(Json(progress(&app, id).await?))
}

/// Goes on where it was paused.
#[utoipa::path(
    post,
    path = "/v1/bulks/{id}/resume",
    tag = "bulks",
    operation_id = "bulks_resume",
    security(("key" = ["messages:write"])),
    params(("id" = String, Path)),
    responses((status = 200, description = "As it is now", body = Progress), Usual, NotFound, Conflict)
)]
pub(in crate::web) async fn resume(
    State(app): State<App>,
    caller: Caller<MessagesWrite>,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Progress>, Problem> {
    let id = find(&text)?;
    let act = caller.act(&app, "bulk.resumed", &id);
    app.bulks.resume(id, act).await.map_err(|error| Problem::bulk(&error, negotiate(&headers, app.locale)))?;
    Ok(Json(progress(&app, id).await?))
}

/// Gives up what was not sent.
#[utoipa::path(
    post,
    path = "/v1/bulks/{id}/cancel",
    tag = "bulks",
    operation_id = "bulks_cancel",
    security(("key" = ["messages:write"])),
    params(("id" = String, Path)),
    responses((status = 200, description = "As it is now", body = Progress), Usual, NotFound, Conflict)
)]
pub(in crate::web) async fn cancel(
    State(app): State<App>,
    caller: Caller<MessagesWrite>,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Progress>, Problem> {
    let id = find(&text)?;
    let act = caller.act(&app, "bulk.canceled", &id);
    app.bulks.cancel(id, act).await.map_err(|error| Problem::bulk(&error, negotiate(&headers, app.locale)))?;
    Ok(Json(progress(&app, id).await?))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Filter {
    #[param(inline)]
    state: Option<RecipientState>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u64>,
    #[param(value_type = Option<Uuid>)]
    cursor: Option<String>,
}

/// Whom a bulk send is to reach, as others see it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = BulkRecipient)]
pub(in crate::web) struct ShownRecipient {
    /// From 0, as in the call.
    pub(super) position: u32,
    pub(super) to: String,
    pub(super) state: RecipientState,
    pub(super) message_id: Option<MessageId>,
    /// Why nothing is sent.
    pub(super) problem: Option<ShownProblem>,
    /// Of the message.
    pub(super) error_code: Option<i32>,
    pub(super) error_message: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = RecipientProblem)]
pub(super) struct ShownProblem {
    pub(super) code: String,
    pub(super) detail: String,
}

impl From<KnownRecipient> for ShownRecipient {
    fn from(known: KnownRecipient) -> Self {
        let KnownRecipient { position, to, state, message_id, problem, error_code, error_message } = known;
        let problem = problem.map(|problem| ShownProblem { code: problem.code, detail: problem.detail });
        Self { position, to, state, message_id, problem, error_code, error_message }
    }
}

/// In the order of the call; all, or those in a state.
#[utoipa::path(
    get,
    path = "/v1/bulks/{id}/recipients",
    tag = "bulks",
    operation_id = "bulks_recipients",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path), Filter),
    responses((status = 200, description = "A page", body = List<ShownRecipient>), Usual, Unread, Invalid, NotFound)
)]
pub(in crate::web) async fn recipients(
    State(app): State<App>,
    _: Caller<MessagesRead>,
    Path(text): Path<String>,
    Query(Filter { state, limit, cursor }): Query<Filter>,
) -> Result<Json<List<ShownRecipient>>, Problem> {
    let id = find(&text)?;
    known(&app, id).await?;
    let (cursor, limit) = Paging { limit, cursor }.read()?;
    let after = cursor.map(|cursor| u32::try_from(cursor.as_u128()).unwrap_or(u32::MAX));
    let page = app.store.bulk_recipients(id, state, after, limit).await;
    let page = page.map_err(|error| Problem::store(&error))?;
    Ok(List::of(Page { items: page.items.into_iter().map(ShownRecipient::from).collect(), next: page.next }))
}

fn find(text: &str) -> Result<Uuid, Problem> {
    id(text).ok_or_else(|| Problem::not_found("bulk send"))
}

async fn known(app: &App, id: Uuid) -> Result<KnownBulk, Problem> {
    let known = app.store.bulk(id).await.map_err(|error| Problem::store(&error))?;
    known.ok_or_else(|| Problem::not_found("bulk send"))
}

async fn progress(app: &App, id: Uuid) -> Result<Progress, Problem> {
    let known = known(app, id).await?;
    let counts = app.store.bulk_counts(id).await.map_err(|error| Problem::store(&error))?;
    Ok(Progress::of(known, counts))
}
