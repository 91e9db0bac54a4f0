//! Bearer keys. Only their SHA-256 is stored, so the database does not let anybody in.

use axum::extract::FromRequestParts;
use axum::http::{header, request};
use sha2::{Digest, Sha256};
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
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = header.and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
        });
        let key = key.ok_or_else(Problem::no_key)?;
        let found = app.store.key_by_hash(&hash_key(key)).await.map_err(|error| Problem::store(&error))?;
        found.map(|key_id| Self { key_id }).ok_or_else(Problem::wrong_key)
    }
}

/// What is stored of a key. Keys are random and long, so one round of hashing is enough.
pub fn hash_key(key: &str) -> String {
    hex::encode(Sha256::digest(key.as_bytes()))
}

/// A new key from 24 random bytes; the prefix lets a leak be found by search.
pub fn new_key(random: [u8; 24]) -> String {
    format!("recado_{}", hex::encode(random))
}
