//! Twilio's messaging API: who may call it, its routes, and the requests for messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use serde_json::Value;
use subtle::ConstantTimeEq;

use super::account::Account;
use super::create::Create;
use super::errors::Refusal;
use super::lifecycle;
use super::listing::Listing;
use super::media;
use super::message::{Direction, Message, Status};

/// The longest form that is read.
const MAX_FORM: usize = 256 * 1024;

pub(super) fn router(account: &Arc<Account>) -> Router {
    let messages = "/2010-04-01/Accounts/{account}/Messages";
    let refuse = async || Refusal::method_not_allowed();
    Router::new()
        .route(&format!("{messages}.json"), post(create).get(list).fallback(refuse))
        .route(&format!("{messages}/{{file}}"), get(fetch).fallback(refuse))
        .route(&format!("{messages}/{{sid}}/Media.json"), get(media::list).fallback(refuse))
        .route(&format!("{messages}/{{sid}}/Media/{{file}}"), get(media::one).fallback(refuse))
        .route("/2010-04-01/{*rest}", any(missing))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(middleware::from_fn_with_state(Arc::clone(account), authorize))
        .layer(middleware::from_fn_with_state((Arc::clone(account), Arc::new(AtomicUsize::new(0))), describe))
        .with_state(Arc::clone(account))
}

async fn create(State(account): State<Arc<Account>>, body: Bytes) -> Result<Response, Refusal> {
    let form: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
    let create = Create::read(&form, account.senders())?;
    let media = create.media.iter().map(|url| media::attach(&account, url)).collect();
    let draft = account.draft(Direction::OutboundApi, create.to, create.body, media);
    let accepted = create.messaging_service_sid.is_some();
    let message = account.ledger.add(Message {
        status: if accepted { Status::Accepted } else { draft.status },
        // A Messaging Service picks the sender later, and until then nothing is counted either.
        num_segments: if create.from.is_some() { draft.num_segments } else { "0".to_owned() },
        from: create.from,
        messaging_service_sid: create.messaging_service_sid,
        status_callback: create.status_callback,
        ..draft
    });
    lifecycle::start(&account, &message.sid);
    Ok((StatusCode::CREATED, Json(message.resource(&account.sid))).into_response())
}

async fn list(
    State(account): State<Arc<Account>>,
    uri: Uri,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    let query: Vec<_> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    Listing::read(&query)?.page(&account.ledger.all(), uri.path(), &account.sid).map(Json)
}

async fn fetch(
    State(account): State<Arc<Account>>,
    uri: Uri,
    Path((_, file)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let message = file.strip_suffix(".json").and_then(|sid| account.ledger.get(sid));
    let message = message.ok_or_else(|| Refusal::not_found(uri.path()))?;
    Ok(Json(message.resource(&account.sid)))
}

async fn missing(uri: Uri) -> Refusal {
    Refusal::not_found(uri.path())
}

/// Lets in who knows the account's id and token, and only to that account.
async fn authorize(State(account): State<Arc<Account>>, request: Request, next: Next) -> Result<Response, Refusal> {
    if !is_authorized(&account, request.headers()) {
        return Err(Refusal::unauthorized());
    }
    let path = request.uri().path();
    if path.split('/').nth(3).is_none_or(|sid| sid != account.sid) {
        return Err(Refusal::not_found(path));
    }
    Ok(next.run(request).await)
}

fn is_authorized(account: &Account, headers: &HeaderMap) -> bool {
    let Some((scheme, credentials)) = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
    else {
        return false;
    };
    let expected = format!("{}:{}", account.sid, account.token.expose_secret());
    let given = STANDARD.decode(credentials.trim()).unwrap_or_default();
    scheme.eq_ignore_ascii_case("basic") && bool::from(given.ct_eq(expected.as_bytes()))
}

/// Adds the headers that Twilio's answers carry.
async fn describe(
    State((account, running)): State<(Arc<Account>, Arc<AtomicUsize>)>,
    request: Request,
    next: Next,
) -> Response {
    let concurrent = running.fetch_add(1, Ordering::SeqCst) + 1;
    let mut response = next.run(request).await;
    running.fetch_sub(1, Ordering::SeqCst);
    let headers = response.headers_mut();
    headers.insert("twilio-concurrent-requests", concurrent.into());
    if let Ok(id) = HeaderValue::from_str(&account.new_sid("RQ")) {
        headers.insert("twilio-request-id", id);
    }
    response
}
