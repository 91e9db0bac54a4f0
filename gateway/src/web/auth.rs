//! Bearer keys. Only their SHA-256 is stored, so the database does not let anybody in.

use axum::extract::FromRequestParts;
use axum::http::{header, request};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::App;
use super::problem::Problem;

/// A caller with a valid key.
pub(super) struct Caller {
    pub(super) key_id: Uuid,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, app: &App) -> Result<Self, Problem> {
        let key = bearer(parts).ok_or_else(Problem::no_key)?;
        let found = app.store.key_by_hash(&hash_key(key)).await.map_err(|error| Problem::store(&error))?;
        found.map(|key_id| Self { key_id }).ok_or_else(Problem::wrong_key)
    }
}

/// Somebody who may see the metrics: with their own token, which needs no database, or with a key. That a
/// request comes from this machine says nothing, since a proxy on it brings those of everybody.
pub(super) struct Watcher;

impl FromRequestParts<App> for Watcher {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, app: &App) -> Result<Self, Problem> {
        if app.metrics_token.as_ref().is_some_and(|token| is_same(bearer(parts), token)) {
            return Ok(Self);
        }
        Caller::from_request_parts(parts, app).await.map(|_| Self)
    }
}

fn bearer(parts: &request::Parts) -> Option<&str> {
    let header = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Their hashes are compared, so that not even the length shows.
fn is_same(given: Option<&str>, token: &SecretString) -> bool {
    let hash = |text: &str| Sha256::digest(text.as_bytes());
    given.is_some_and(|given| hash(given).ct_eq(&hash(token.expose_secret())).into())
}

/// What is stored of a key. Keys are random and long, so one round of hashing is enough.
pub fn hash_key(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

/// A new key from 24 random bytes; the prefix lets a leak be found by search.
pub fn new_key(random: [u8; 24]) -> String {
    format!("recado_{}", hex::encode(random))
}
