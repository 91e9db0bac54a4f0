//! Twilio's messaging API: who may call it, its routes, and the requests for messages. Every path may end
//! in `.json`; without, the answer is XML.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::time::Instant;

use super::account::Account;
use super::create::Create;
use super::draft;
use super::editing;
use super::errors::Refusal;
use super::faults::Fault;
use super::ledger::Change;
use super::listing::Listing;
use super::lookup;
use super::media;
use super::message::Message;
use super::numbers;
use super::services;
use super::traffic;
use super::wire::Scissors;
use super::xml;

/// The longest form that is read.
const MAX_FORM: usize = 256 * 1024;

pub(super) fn router(account: &Arc<Account>) -> Router {
    let refuse = async || Refusal::method_not_allowed();
    let mut router = Router::new();
    for ending in ["", ".json"] {
        let messages = "/2010-04-01/Accounts/{account}/Messages";
        let numbers = "/2010-04-01/Accounts/{account}/IncomingPhoneNumbers";
        router = router
            .route(&format!("{messages}{ending}"), post(create).get(list).fallback(refuse))
            .route(&format!("{messages}/{{sid}}/Media{ending}"), get(media::list).fallback(refuse))
            .route(&format!("{messages}/{{sid}}/Feedback{ending}"), post(editing::feedback).fallback(refuse))
            .route(&format!("{numbers}{ending}"), get(numbers::list).fallback(refuse));
    }
    let message = get(fetch).post(editing::update).delete(editing::delete);
    let medium = get(media::one).merge(delete(editing::delete_media));
    let number = get(numbers::fetch).post(numbers::update);
    router
        .route("/2010-04-01/Accounts/{account}/Messages/{file}", message.fallback(refuse))
        .route("/2010-04-01/Accounts/{account}/Messages/{sid}/Media/{file}", medium.fallback(refuse))
        .route("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{file}", number.fallback(refuse))
        .route("/2010-04-01/Accounts/{file}", get(about).fallback(refuse))
        .route("/2010-04-01/{*rest}", any(missing))
        .route("/v1/Services", get(services::list).fallback(refuse))
        .route("/v1/Services/{sid}", get(services::fetch).post(services::update).fallback(refuse))
        .route("/v1/Services/{sid}/PhoneNumbers", get(services::pool).fallback(refuse))
        .route("/v1/Services/{sid}/PhoneNumbers/{number}", get(services::member).fallback(refuse))
        .route("/v1/{*rest}", any(missing))
        .route("/v2/PhoneNumbers/{number}", get(lookup::fetch).fallback(refuse))
        .route("/v2/{*rest}", any(missing))
        .layer(DefaultBodyLimit::max(MAX_FORM))
        .layer(middleware::from_fn_with_state(Arc::clone(account), authorize))
        .layer(middleware::from_fn(translate))
        .layer(middleware::from_fn_with_state((Arc::clone(account), Running::default()), describe))
        .with_state(Arc::clone(account))
}

/// Takes a message to send. What goes wrong by order does so here, where the client can't tell it from the
/// real thing.
async fn create(
    State(account): State<Arc<Account>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    body: Bytes,
) -> Result<Response, Refusal> {
    let delay = account.faults.delay(Fault::CreateLate);
    let answer = accept(&account, &scissors, &body);
    if let Some(millis) = delay {
        account.ledger.tell(Change::Faults);
        tokio::time::sleep(std::time::Duration::from_millis(millis)).await;
    }
    answer
}

fn accept(account: &Arc<Account>, scissors: &Scissors, body: &[u8]) -> Result<Response, Refusal> {
    if account.happens(Fault::CreateRefused) {
        return Err(Refusal::too_many_requests());
    }
    if account.happens(Fault::CreateFailedBefore) {
        return Err(Refusal::unavailable());
    }
    let form: Vec<_> = form_urlencoded::parse(body).into_owned().collect();
    let create = Create::read(&form, account.senders(), account.now())?;
    let message = traffic::send(account, draft::of(account, create))?;
    account.creates.count(&message);
    if account.happens(Fault::CreateCutAfter) {
        scissors.cut();
    }
    if account.happens(Fault::CreateFailedAfter) {
        return Err(Refusal::internal());
    }
    Ok((StatusCode::CREATED, Json(message.created_resource(&account.sid))).into_response())
}

async fn list(
    State(account): State<Arc<Account>>,
    uri: Uri,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Refusal> {
    let newest_first: Vec<_> = account.ledger.all().into_iter().rev().collect();
    let resource = |message: &Arc<Message>| message.resource(&account.sid);
    Listing::read(query.as_deref())?.page(&newest_first, uri.path(), resource).map(Json)
}

async fn fetch(
    State(account): State<Arc<Account>>,
    uri: Uri,
    Path((_, file)): Path<(String, String)>,
) -> Result<Json<Value>, Refusal> {
    let message = account.ledger.get(editing::sid(&file)).ok_or_else(|| Refusal::not_found(uri.path()))?;
    Ok(Json(message.resource(&account.sid)))
}

/// The account itself, which keys don't get to see.
async fn about(State(account): State<Arc<Account>>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    if !credentials(&headers).starts_with(account.sid.as_bytes()) {
        return Err(Refusal::unauthorized());
    }
    Ok(Json(numbers::account_resource(&account)))
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
    if path.starts_with("/2010-04-01/") && path.split('/').nth(3).is_none_or(|file| editing::sid(file) != account.sid) {
        return Err(Refusal::not_found(path));
    }
    Ok(next.run(request).await)
}

fn is_authorized(account: &Account, headers: &HeaderMap) -> bool {
    account.admits(&credentials(headers))
}

/// `user:password`, or nothing.
fn credentials(headers: &HeaderMap) -> Vec<u8> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match header.and_then(|header| header.split_once(' ')) {
        Some((scheme, credentials)) if scheme.eq_ignore_ascii_case("basic") => {
            STANDARD.decode(credentials.trim()).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// Says it in XML to whoever didn't ask for JSON.
async fn translate(request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let wants_json = path.strip_suffix(".json").is_some() || !path.starts_with("/2010-04-01/");
    let response = next.run(request).await;
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if wants_json || !is_json {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
    let document = xml::document(&serde_json::from_slice(&body).unwrap_or_default());
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, document.into())
}

/// Adds the headers that Twilio's answers carry.
async fn describe(State((account, running)): State<(Arc<Account>, Running)>, request: Request, next: Next) -> Response {
    let (started, (concurrent, _running)) = (Instant::now(), running.enter());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert("twilio-concurrent-requests", concurrent.into());
    let told = [
        ("twilio-request-id", account.new_sid("RQ")),
        ("twilio-request-duration", format!("{:.3}", started.elapsed().as_secs_f64())),
    ];
    for (name, value) in told {
        headers.extend(HeaderValue::from_str(&value).ok().map(|value| (HeaderName::from_static(name), value)));
    }
    response
}

/// How many requests are under way.
#[derive(Clone, Debug, Default)]
struct Running(Arc<AtomicUsize>);

/// One of them. A client that hangs up takes its own away, too.
struct Entered(Arc<AtomicUsize>);

impl Running {
    /// How many there are with this one.
    fn enter(&self) -> (usize, Entered) {
        (self.0.fetch_add(1, Ordering::SeqCst) + 1, Entered(Arc::clone(&self.0)))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
