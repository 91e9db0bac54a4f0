//! `/v1/messages`, but for the list of them

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::waits::Waits;
use super::{id, read};
use crate::channels::Explanation;
use crate::message::{Locale, MessageId, Options, Priority};
use crate::outbound;
use crate::store::{History, Idempotency, KnownEvent, KnownRemoval, Message, Trace, UsedTemplate};
use crate::web::auth::{Caller, MessagesRead, MessagesWrite};
use crate::web::files::read_body;
use crate::web::openapi::{Conflict, Invalid, NotFound, TooLarge, Unread, Usual};
use crate::web::problem::Problem;
use crate::web::query::Query;
use crate::web::{API_BODY, App};

/// What a caller wants sent.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMessage {
    to: String,
    #[serde(default)]
    text: String,
    /// What the text is made of, instead.
    template: Option<MadeOf>,
    #[serde(default)]
    media: Vec<String>,
    from: Option<String>,
    channel: Option<String>,
    /// RFC 3339; at once where it is not set or over.
    send_at: Option<Timestamp>,
    #[serde(default)]
    options: Options,
    #[serde(default)]
    priority: Priority,
}

/// Which template, and what is put into it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = TemplateUse)]
#[serde(deny_unknown_fields)]
pub(super) struct MadeOf {
    pub(super) name: String,
    /// The current one, where it is not set.
    pub(super) version: Option<u32>,
    pub(super) locale: Option<String>,
    #[serde(default)]
    pub(super) variables: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct Wait {
    #[param(inline)]
    wait: Option<WaitFor>,
}

#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum WaitFor {
    /// Until the provider has answered.
    Sent,
}

/// The longest that `?wait=sent` waits. A retry may take longer; then the message is returned as
/// it stands.
const LONGEST_WAIT: Duration = Duration::from_secs(25);
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY: usize = 255;

/// A message, with what its error means and what can be done about it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Message)]
pub(in crate::web) struct Explained {
    #[serde(flatten)]
    message: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Explanation>,
}

impl Explained {
    pub(super) fn of(app: &App, locale: Locale, mut message: Message) -> Self {
        super::media::show(&mut message);
        let channel = app.channels.get(&message.channel);
        let error = message.error_code.and_then(|code| channel?.explain(code, locale));
        Self { message, error }
    }
}

/// Takes a message. 202 once it is on disk; with `?wait=sent` 200 once the
/// provider has answered.
#[utoipa::path(
    post,
    path = "/v1/messages",
    tag = "messages",
    operation_id = "messages_create",
    security(("key" = ["messages:write"])),
    params(Wait, ("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255, description = "Makes the same call again harmless; what the gate refused is judged anew")),
    request_body = NewMessage,
    responses((status = 202, description = "It is on disk and will be sent", body = Explained, headers(("Location", description = "Where it is"), ("Idempotency-Replayed" = bool, description = "That the same call was made before"))), (status = 200, description = "With `wait=sent`: the provider has answered, or the time is up", body = Explained), Usual, Unread, Invalid, TooLarge, Conflict)
)]
pub(in crate::web) async fn create(
    State(app): State<App>,
    caller: Caller<MessagesWrite>,
    Query(wait): Query<Wait>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let body = read_body(body, API_BODY).await?;
    let new: NewMessage = read(&body)?;
    let idempotency = idempotency(&headers, caller.key_id, &body)?;
    let locale = negotiate(&headers, app.locale);
    if new.template.is_some() && !new.text.is_empty() {
        let detail = "a message has a `text` or a `template`: leave one of them out";
        return Err(Problem::invalid("/template", "both", detail));
    }
    let request = outbound::Request {
        to: new.to,
        from: new.from,
        by_service: true,
        channel: new.channel,
        text: new.text,
        media: new.media,
        send_at: new.send_at,
        options: new.options,
        priority: new.priority,
        idempotency,
        callback: None,
        origin: outbound::Origin::Api,
        template: None,
        bulk: None,
    };
    let taken = match new.template {
        None => app.outbound.submit(request).await,
        Some(MadeOf { name, version, locale, variables }) => {
            app.outbound.submit_made(request, outbound::Wish { name, version, locale, variables }).await
        }
    };
    let outbound::Taken { id, message } = taken.map_err(|error| Problem::outbound(&error, locale))?;
    let before = message.is_none();
    let (status, message) = match (wait.wait, message) {
        (None, Some(message)) => (StatusCode::ACCEPTED, Ok(Some(*message))),
        (None, None) => (StatusCode::ACCEPTED, app.store.message(id).await),
        (Some(WaitFor::Sent), _) => (StatusCode::OK, app.outbound.wait_sent(id, LONGEST_WAIT).await),
    };
    let message = message.map_err(|error| Problem::store(&error))?.ok_or_else(|| Problem::not_found("message"))?;
    let mut response = (status, Json(Explained::of(&app, locale, message))).into_response();
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/messages/{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    if before {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

pub(super) fn idempotency(headers: &HeaderMap, key_id: Uuid, body: &[u8]) -> Result<Option<Idempotency>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > MAX_KEY {
        let detail = format!("`Idempotency-Key` must be 1 to {MAX_KEY} visible ASCII characters");
        return Err(Problem::invalid("Idempotency-Key", "invalid", detail));
    }
    let fingerprint = hex::encode(Sha256::digest(body));
    Ok(Some(Idempotency { api_key_id: key_id, key: key.to_owned(), fingerprint }))
}

pub(super) fn negotiate(headers: &HeaderMap, fallback: Locale) -> Locale {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    wanted.map_or(fallback, |wanted| Locale::negotiate(wanted, fallback))
}

/// One message.
#[utoipa::path(
    get,
    path = "/v1/messages/{id}",
    tag = "messages",
    operation_id = "messages_one",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path, description = "Its id, or the provider's")),
    responses((status = 200, description = "As it is now", body = Explained), Usual, NotFound)
)]
pub(in crate::web) async fn one(
    State(app): State<App>,
    _: Caller<MessagesRead>,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Explained>, Problem> {
    let message = find(&app, &text).await?;
    Ok(Json(Explained::of(&app, negotiate(&headers, app.locale), message)))
}

/// By its own id, or by the provider's.
async fn find(app: &App, text: &str) -> Result<Message, Problem> {
    let read = async {
        let own = id(text).map(MessageId);
        let channels: Vec<&str> = app.channels.names().collect();
        let id = if own.is_some() { own } else { app.store.message_of_provider(&channels, text).await? };
        match id {
            Some(id) => app.store.message(id).await,
            None => Ok(None),
        }
    };
    let found = read.await.map_err(|error| Problem::store(&error))?;
    found.ok_or_else(|| Problem::not_found("message"))
}

/// Takes back what has not been sent yet, here or at the provider. What may have been sent stays as it is until that is
/// known, and is canceled if it was not, or if the provider turns out to keep it for later: such a message has
/// `taken_back_at`.
#[utoipa::path(
    post,
    path = "/v1/messages/{id}/cancel",
    tag = "messages",
    operation_id = "messages_cancel",
    security(("key" = ["messages:write"])),
    params(("id" = String, Path, description = "Its id, or the provider's")),
    responses((status = 200, description = "As it is now", body = Explained), Usual, NotFound, Conflict)
)]
pub(in crate::web) async fn cancel(
    State(app): State<App>,
    _: Caller<MessagesWrite>,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Explained>, Problem> {
    let message = find(&app, &text).await?;
    app.outbound.cancel(message.id).await.map_err(|error| Problem::cancel(&error))?;
    let message = find(&app, &text).await?;
    Ok(Json(Explained::of(&app, negotiate(&headers, app.locale), message)))
}

/// Tries again what was given up of it. The same again changes nothing.
#[utoipa::path(
    post,
    path = "/v1/messages/{id}/retry",
    tag = "messages",
    operation_id = "messages_retry",
    security(("key" = ["messages:write"])),
    params(("id" = String, Path, description = "Its id, or the provider's")),
    responses((status = 200, description = "As it is now", body = Explained), Usual, NotFound, Conflict)
)]
pub(in crate::web) async fn retry(
    State(app): State<App>,
    _: Caller<MessagesWrite>,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Explained>, Problem> {
    let message = find(&app, &text).await?;
    app.outbound.retry(message.id).await.map_err(|error| Problem::retry(&error))?;
    let message = find(&app, &text).await?;
    Ok(Json(Explained::of(&app, negotiate(&headers, app.locale), message)))
}

/// The explanation of one message.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Trace)]
pub(in crate::web) struct Decisions {
    message_id: MessageId,
    /// What it was made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    template: Option<UsedTemplate>,
    /// Why it was not sent yet, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits: Option<Waits>,
    /// What each plugin decided, in the order they were asked.
    plugins: Vec<Trace>,
    /// Its tries, the reports of it, what followed from it, and the timers that are still to come.
    #[serde(flatten)]
    rest: History,
    /// What endpoints are told of it, and what came of that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<KnownEvent>,
    /// What its provider was told to forget, and whether it did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removals: Vec<KnownRemoval>,
}

/// All that happened to a message, and why.
#[utoipa::path(
    get,
    path = "/v1/messages/{id}/trace",
    tag = "messages",
    operation_id = "messages_trace",
    security(("key" = ["messages:read"])),
    params(("id" = String, Path, description = "Its id, or the provider's")),
    responses((status = 200, description = "As it is now", body = Decisions), Usual, NotFound)
)]
pub(in crate::web) async fn trace(
    State(app): State<App>,
    _: Caller<MessagesRead>,
    Path(text): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Decisions>, Problem> {
    let message = find(&app, &text).await?;
    let message_id = message.id;
    let template = message.template.clone();
    let locale = negotiate(&headers, app.locale);
    let plugins = app.store.traces(message_id).await.map_err(|error| Problem::store(&error))?;
    let rest = app.store.history(message_id).await.map_err(|error| Problem::store(&error))?;
    let waits = Waits::of(&app, &message, rest.gate.as_ref(), locale).await;
    let waits = waits.map_err(|error| Problem::store(&error))?;
    let events = app.store.events_of(message_id).await.map_err(|error| Problem::store(&error))?;
    let removals = app.store.removals(message_id).await.map_err(|error| Problem::store(&error))?;
    Ok(Json(Decisions { message_id, template, waits, plugins, rest, events, removals }))
}
