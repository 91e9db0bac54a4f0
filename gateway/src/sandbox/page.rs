//! The phone page and its own routes: no part of Twilio, and without a password, since it is a tool for
//! whoever sits at this machine.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::{Stream, StreamExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio_stream::wrappers::BroadcastStream;

use super::account::Account;
use super::controls;
use super::create::{MAX_BODY, MAX_MEDIA, http_url, is_e164};
use super::guard;
use super::inbound::{self, Delivered, Settled};
use super::ledger::{Change, Held};
use super::media;

/// The longest JSON body that is read.
const MAX_JSON: usize = 64 * 1024;
/// How many of the newest messages the page starts with.
const SHOWN: usize = 500;

/// Only what comes with the page runs; pictures may also come from other servers on this machine.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' blob: http://127.0.0.1:* http://localhost:*; \
    media-src 'self' http://127.0.0.1:* http://localhost:*; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn router(account: &Arc<Account>) -> Router {
    let html = "text/html; charset=utf-8";
    let script = "text/javascript; charset=utf-8";
    Router::new()
        .route("/", asset(html, include_str!("page/index.html")))
        .route("/sandbox/page/page.css", asset("text/css; charset=utf-8", include_str!("page/page.css")))
        .route("/sandbox/page/bubbles.css", asset("text/css; charset=utf-8", include_str!("page/bubbles.css")))
        .route("/sandbox/page/panel.css", asset("text/css; charset=utf-8", include_str!("page/panel.css")))
        .route("/sandbox/page/icon.svg", asset("image/svg+xml", include_str!("page/icon.svg")))
        .route("/sandbox/page/bunting.svg", asset("image/svg+xml", include_str!("page/bunting.svg")))
        .route("/sandbox/page/page.js", asset(script, include_str!("page/page.js")))
        .route("/sandbox/page/phone.js", asset(script, include_str!("page/phone.js")))
        .route("/sandbox/page/bubble.js", asset(script, include_str!("page/bubble.js")))
        .route("/sandbox/page/composer.js", asset(script, include_str!("page/composer.js")))
        .route("/sandbox/page/panel.js", asset(script, include_str!("page/panel.js")))
        .route("/sandbox/page/words.js", asset(script, include_str!("page/words.js")))
        .route("/sandbox/page/segments.js", asset(script, include_str!("page/segments.js")))
        .route("/sandbox/state", get(state))
        .route("/sandbox/messages", post(send))
        .route("/sandbox/messages/{sid}/again", post(again))
        .merge(controls::router())
        .route("/sandbox/events", get(events))
        .route("/sandbox/media/{id}", get(file))
        .layer(DefaultBodyLimit::max(MAX_JSON))
        .route("/sandbox/media", post(upload).layer(DefaultBodyLimit::max(media::MAX_FILE)))
        .layer(middleware::from_fn(guard::same_site))
        .with_state(Arc::clone(account))
}

/// An error answer of the page's routes.
#[derive(Debug)]
pub(super) struct Trouble(StatusCode, String);

impl Trouble {
    pub(super) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self(status, reason.into())
    }

    pub(super) fn unusable(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, reason)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

#[derive(Deserialize)]
struct Draft {
    from: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    media: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Options {
    #[serde(default)]
    wait: bool,
}

fn asset(kind: &'static str, text: &'static str) -> axum::routing::MethodRouter<Arc<Account>> {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    get(async move || (headers, text))
}

async fn state(State(account): State<Arc<Account>>) -> Json<Value> {
    let mut state = about(&account);
    let messages = account.ledger.all();
    let newest = messages.get(messages.len().saturating_sub(SHOWN)..).unwrap_or_default();
    if let Some(state) = state.as_object_mut() {
        state.insert("faults".to_owned(), account.faults.report());
        state.insert("messages".to_owned(), newest.iter().map(|message| json!(**message)).collect());
    }
    Json(state)
}

pub(super) fn about(account: &Account) -> Value {
    let setup = account.number_setup();
    json!({
        "account_sid": account.sid,
        "number": account.number,
        "messaging_service_sid": account.messaging_service_sid,
        "inbound_url": setup.inbound_url,
        "setup": setup,
        "other_token": account.has_promoted(),
        "opted_out": account.ledger.opted_out(),
        "now": account.now(),
    })
}

async fn send(
    State(account): State<Arc<Account>>,
    Query(options): Query<Options>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Trouble> {
    let draft: Draft = read(&headers, body)?;
    if !is_e164(&draft.from) || draft.from == account.number {
        return Err(Trouble::unusable("`from` is a customer's number in E.164, such as +525512345678"));
    }
    if draft.text.encode_utf16().count() > MAX_BODY {
        return Err(Trouble::unusable(format!("`text` has at most {MAX_BODY} characters")));
    }
    if draft.text.is_empty() && draft.media.is_empty() {
        return Err(Trouble::unusable("a message has text or media"));
    }
    if draft.media.len() > MAX_MEDIA {
        return Err(Trouble::unusable(format!("`media` has at most {MAX_MEDIA} files")));
    }
    let attached: Vec<_> = draft.media.iter().map(|media| media::attach(&account, media)).collect();
    if let Some(media) = attached.iter().filter_map(|media| media.source.as_ref()).find(|url| http_url(url).is_none()) {
        return Err(Trouble::unusable(format!("`{media}` is neither a URL nor a file that was sent here before")));
    }
    let (sid, delivered) = inbound::receive(&account, draft.from, draft.text, attached);
    if !options.wait {
        return Ok((StatusCode::CREATED, Json(json!({ "sid": sid }))).into_response());
    }
    Ok((StatusCode::CREATED, Json(outcome(&sid, delivered).await?)).into_response())
}

/// Calls the webhook of a message again that nobody took, with the same `MessageSid`.
async fn again(State(account): State<Arc<Account>>, Path(sid): Path<String>) -> Result<Json<Value>, Trouble> {
    let delivered = inbound::again(&account, &sid).map_err(|settled| match settled {
        Settled::Nobody => Trouble::new(StatusCode::NOT_FOUND, "no phone has sent such a message"),
        Settled::Answered => Trouble::new(StatusCode::CONFLICT, "its webhook was answered"),
    })?;
    Ok(Json(outcome(&sid, delivered).await?))
}

/// What the webhook of a message came to, once it was answered.
async fn outcome(sid: &str, delivered: oneshot::Receiver<Delivered>) -> Result<Value, Trouble> {
    let stopping = |_| Trouble::new(StatusCode::SERVICE_UNAVAILABLE, "the local Twilio is stopping");
    let Delivered { webhook, done } = delivered.await.map_err(stopping)?;
    Ok(json!({ "sid": sid, "webhook": webhook, "replies": done.replies, "warnings": done.warnings }))
}

async fn upload(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Trouble> {
    let content_type = media::accepted(&headers).ok_or_else(|| {
        Trouble::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "a message carries pictures, sounds, films, contacts or PDFs")
    })?;
    let data = whole(body)?;
    if data.is_empty() {
        return Err(Trouble::unusable("the file is empty"));
    }
    let id = account.new_sid("ME");
    let full = |full: super::ledger::Full| Trouble::new(StatusCode::INSUFFICIENT_STORAGE, full.to_string());
    account.ledger.hold(&id, Held { content_type, data }).map_err(full)?;
    let url = format!("{}/sandbox/media/{id}", account.url);
    Ok((StatusCode::CREATED, Json(json!({ "id": id, "url": url }))).into_response())
}

async fn file(State(account): State<Arc<Account>>, Path(id): Path<String>) -> Result<Response, Trouble> {
    let held = account.ledger.held(&id);
    held.as_ref().map(media::serve).ok_or_else(|| Trouble::new(StatusCode::NOT_FOUND, "there is no such file"))
}

/// Every change as it happens, from now on.
async fn events(State(account): State<Arc<Account>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let stopping = Arc::clone(&account);
    let changes = BroadcastStream::new(account.ledger.subscribe()).map(move |change| {
        Ok(match change {
            Ok(Change::Created(message)) => event("created", &json!(*message)),
            Ok(Change::Updated(message)) => event("updated", &json!(*message)),
            Ok(Change::Deleted(sid)) => event("deleted", &json!({ "sid": sid })),
            Ok(Change::Number) => event("number", &about(&account)),
            Ok(Change::Faults) => event("faults", &account.faults.report()),
            // Too far behind: the page must look again at everything.
            Err(_) => event("reload", &Value::Null),
        })
    });
    let ends = async move { stopping.stopping.cancelled().await };
    Sse::new(changes.take_until(Box::pin(ends))).keep_alive(KeepAlive::default())
}

fn event(name: &str, data: &Value) -> Event {
    Event::default().event(name).data(data.to_string())
}

/// The body as JSON. The type must be told, because a browser then asks before it sends for another site.
pub(super) fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<T, Trouble> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(Trouble::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body is application/json"));
    }
    serde_json::from_slice(&whole(body)?).map_err(|error| Trouble::new(StatusCode::BAD_REQUEST, error.to_string()))
}

fn whole(body: Result<Bytes, BytesRejection>) -> Result<Bytes, Trouble> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Trouble::new(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long"),
        status => Trouble::new(status, "the body can't be read"),
    })
}
