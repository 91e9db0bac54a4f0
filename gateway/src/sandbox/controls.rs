//! What whoever sits at this machine can set by HTTP: faults, the token, API keys, the number, and the
//! time; and how many creates were accepted.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::account::Account;
use super::ledger::Change;
use super::page::{Trouble, about, read};

/// A year: the most that is skipped at once.
const MAX_SKIP: u32 = 366 * 24 * 60 * 60;

type Body = Result<Bytes, BytesRejection>;

pub(super) fn router() -> Router<Arc<Account>> {
    Router::new()
        .route("/sandbox/faults", get(faults).put(set_faults))
        .route("/sandbox/creates", get(creates))
        .route("/sandbox/token", put(set_token))
        .route("/sandbox/keys", put(set_keys))
        .route("/sandbox/number", put(set_number))
        .route("/sandbox/skip", post(skip))
}

async fn faults(State(account): State<Arc<Account>>) -> Json<Value> {
    Json(account.faults.report())
}

/// `{"create_refused": {"every": 3}, …}`: all rules at once.
async fn set_faults(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Trouble> {
    let rules: Map<String, Value> = read(&headers, body)?;
    account.faults.set(&rules).map_err(Trouble::unusable)?;
    account.ledger.tell(Change::Faults);
    Ok(Json(account.faults.report()))
}

async fn creates(State(account): State<Arc<Account>>) -> Json<Value> {
    Json(account.creates.report())
}

#[derive(Deserialize)]
struct Token {
    auth_token: Option<SecretString>,
}

/// The token that signs from now on; `null` for the first one.
async fn set_token(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Trouble> {
    let token: Token = read(&headers, body)?;
    if token.auth_token.as_ref().is_some_and(|token| token.expose_secret().is_empty()) {
        return Err(Trouble::unusable("`auth_token` is not empty"));
    }
    let promoted = token.auth_token.is_some();
    account.promote(token.auth_token);
    Ok(Json(json!({ "promoted": promoted })))
}

/// All API keys at once, by their id.
async fn set_keys(State(account): State<Arc<Account>>, headers: HeaderMap, body: Body) -> Result<Json<Value>, Trouble> {
    let keys: BTreeMap<String, SecretString> = read(&headers, body)?;
    let hexadecimal = |rest: &str| rest.len() == 32 && rest.bytes().all(|b| b.is_ascii_hexdigit());
    if let Some(sid) = keys.keys().find(|sid| !sid.strip_prefix("SK").is_some_and(hexadecimal)) {
        return Err(Trouble::unusable(format!("`{sid}` is not SK and 32 hexadecimal digits")));
    }
    let sids: Vec<_> = keys.keys().cloned().collect();
    account.set_keys(keys);
    Ok(Json(json!({ "keys": sids })))
}

async fn set_number(
    State(account): State<Arc<Account>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Trouble> {
    let wanted: Map<String, Value> = read(&headers, body)?;
    account.set_up_number(|number| number.apply(wanted)).map_err(Trouble::unusable)?;
    Ok(Json(about(&account)))
}

#[derive(Deserialize)]
struct Skip {
    seconds: u32,
}

/// Goes ahead in time, for what is scheduled, queued or about to expire.
async fn skip(State(account): State<Arc<Account>>, headers: HeaderMap, body: Body) -> Result<Json<Value>, Trouble> {
    let skip: Skip = read(&headers, body)?;
    if skip.seconds > MAX_SKIP {
        return Err(Trouble::unusable(format!("`seconds` is at most {MAX_SKIP}")));
    }
    account.timeline.skip(skip.seconds);
    Ok(Json(json!({ "now": account.now() })))
}
