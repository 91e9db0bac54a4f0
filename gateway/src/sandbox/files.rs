//! Where the files of messages are: a place without a password, whose addresses are signed and end.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use form_urlencoded::Serializer;
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use crate::channels::twilio::signature;

use super::account::Account;
use super::create::value;
use super::media;

/// How long an address is good for.
const VALID: SignedDuration = SignedDuration::from_hours(4);

/// Where a kept file is from now on, for a while: at the host by which the client knows this server.
pub(super) fn address(account: &Account, sid: &str, asked: &HeaderMap) -> String {
    let expires = account.now().checked_add(VALID).map_or(i64::MAX, Timestamp::as_second);
    let signature = sign(account, sid, expires);
    let mut query = Serializer::new(String::new());
    query.append_pair("Expires", &expires.to_string()).append_pair("Signature", &signature);
    let host = asked.get(header::HOST).and_then(|host| host.to_str().ok());
    let base = host.map_or_else(|| account.url.clone(), |host| format!("http://{host}"));
    format!("{base}{}?{}", path(account, sid), query.finish())
}

/// `GET /media/{account}/{sid}`.
pub(super) async fn fetch(
    State(account): State<Arc<Account>>,
    Path((_, sid)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Response, StatusCode> {
    let query: Vec<_> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let expires = value(&query, "Expires").and_then(|expires| expires.parse::<i64>().ok()).unwrap_or(0);
    let signature = value(&query, "Signature").unwrap_or_default();
    let signed = bool::from(sign(&account, &sid, expires).as_bytes().ct_eq(signature.as_bytes()));
    if !signed || expires <= account.now().as_second() {
        return Err(StatusCode::FORBIDDEN);
    }
    account.ledger.held(&sid).as_ref().map(media::serve).ok_or(StatusCode::NOT_FOUND)
}

fn path(account: &Account, sid: &str) -> String {
    format!("/media/{}/{sid}", account.sid)
}

fn sign(account: &Account, sid: &str, expires: i64) -> String {
    let signed = format!("{}?Expires={expires}", path(account, sid));
    signature::sign(account.signing_token().expose_secret(), &signed, &[])
}
