//! Bearer keys. Only their SHA-256 is stored, so the database does not let anybody in.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::{header, request};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::App;
use super::problem::Problem;
use crate::message::Scope;
use crate::store::{Act, Actor, ApiKey};

/// What a handler asks of its caller: a type for each scope, so that no handler can do without.
pub(super) trait Permission: Send {
    const SCOPE: Scope;
}

macro_rules! permissions {
    ($($name:ident),* $(,)?) => {$(
        /// The scope of the same name.
        pub(super) struct $name;

        impl Permission for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}

permissions![
    MessagesRead,
    MessagesWrite,
    ConversationsRead,
    ConversationsWrite,
    ContactsRead,
    ContactsWrite,
    ConsentsRead,
    ConsentsWrite,
    TemplatesRead,
    TemplatesWrite,
    ChannelsRead,
    ChannelsWrite,
    PluginsRead,
    PluginsWrite,
    EndpointsRead,
    EndpointsWrite,
    LookupRead,
    MetricsRead,
];

/// A caller with a valid key that may do this.
pub(super) struct Caller<P> {
    pub(super) key_id: Uuid,
    key: Arc<ApiKey>,
    permission: PhantomData<fn() -> P>,
}

impl<P> Caller<P> {
    /// Whether this caller may do something else besides.
    pub(super) fn may(&self, scope: Scope) -> bool {
        may(&self.key, scope)
    }

    /// Something that this caller does now, for the record.
    pub(super) fn act(&self, app: &App, action: &'static str, subject: &dyn std::fmt::Display) -> Act {
        let at = app.clock.now();
        Act { id: app.ids.next(at), at, actor: Actor::Key(self.key_id), action, subject: subject.to_string() }
    }
}

impl<P: Permission> FromRequestParts<App> for Caller<P> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, app: &App) -> Result<Self, Problem> {
        let key = bearer(parts).ok_or_else(Problem::no_key)?;
        let key = app.keys.enter(&hash_key(key), app.clock.now()).await.map_err(|why| Problem::no_entry(&why))?;
        if !may(&key, P::SCOPE) {
            return Err(Problem::not_allowed(P::SCOPE));
        }
        Ok(Self { key_id: key.id, key, permission: PhantomData })
    }
}

/// A caller with a valid key, whatever it is for: what they see depends on that.
pub(super) struct Listener {
    pub(super) key: Arc<ApiKey>,
    /// SHA-256 of the key, in hex.
    pub(super) hash: String,
}

impl FromRequestParts<App> for Listener {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut request::Parts, app: &App) -> Result<Self, Problem> {
        let hash = hash_key(bearer(parts).ok_or_else(Problem::no_key)?);
        let key = app.keys.enter(&hash, app.clock.now()).await.map_err(|why| Problem::no_entry(&why))?;
        Ok(Self { key, hash })
    }
}

/// Whether a key may be used for this.
pub(super) fn may(key: &ApiKey, scope: Scope) -> bool {
    key.scopes.as_ref().is_none_or(|scopes| scopes.contains(&scope))
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
        Caller::<MetricsRead>::from_request_parts(parts, app).await.map(|_| Self)
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
