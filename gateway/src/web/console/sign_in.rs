//! Letting people in and out. What is wrong with an attempt is not told, and takes as long whatever it is.

use askama::Template;
use axum::body::Body;
use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;

use super::attempts::Origin;
use super::is_name;
use super::page::{self, asset, shown};
use super::posted::{Fields, Posted};
use super::session::Visitor;
use super::trouble::{Trouble, redirect};
use super::words::Words;
use crate::message::Locale;
use crate::store::{NewSession, Role};
use crate::web::App;
use crate::web::auth::hash_key;
use crate::web::files::read_body;
use crate::web::server::Peer;

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    words: &'static Words,
    base: String,
    css: String,
    icon: String,
    next: String,
    name: String,
    error: Option<&'static str>,
    /// Nobody is there who could.
    nobody: bool,
}

impl SignIn {
    fn new(app: &App, words: &'static Words, next: &str) -> Self {
        let base = app.console.0.base.clone();
        Self {
            words,
            css: asset(&base, "console.css"),
            icon: asset(&base, "icon.svg"),
            base,
            next: next.to_owned(),
            name: String::new(),
            error: None,
            nobody: false,
        }
    }
}

/// `GET /console/sign-in`
pub(super) async fn page(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let fields = Fields::read(query.unwrap_or_default().as_bytes());
    let next = safe(fields.get("next"));
    if Visitor::of(&app, &headers).await?.is_some() {
        return Ok(redirect(&format!("{}{next}", app.console.0.base), false));
    }
    let nobody = app.store.users().await?.is_empty();
    shown(&SignIn { nobody, ..SignIn::new(&app, words(&app, &headers), next) })
}

/// `POST /console/sign-in`: a new session for whoever has the name's password.
pub(super) async fn enter(
    State(app): State<App>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Trouble> {
    let body = read_body(body, 8 * 1024).await.map_err(|_| Trouble::Unreadable)?;
    let fields = Fields::read(&body);
    let (name, origin) = (fields.get("name").to_owned(), Origin::Address(app.proxies.client(peer.ip(), &headers)));
    let next = safe(fields.get("next"));
    let words = words(&app, &headers);
    let again = |error| SignIn { name: name.clone(), error: Some(error), ..SignIn::new(&app, words, next) };
    let console = &app.console.0;
    // What can be nobody's name is one for all, however long.
    let counted = if is_name(&name) { name.as_str() } else { "" };
    if !console.attempts.may_try(counted, origin, app.clock.now()) {
        if headers.contains_key("x-forwarded-for") && !app.proxies.trusts(peer.ip()) {
            tracing::warn!("a proxy that `server.trusted_proxies` does not name brings people who sign in");
        }
        tracing::warn!("somebody tried to sign in too often");
        return page::too_many(&again(words.too_often));
    }
    let user = app.store.user_named(&name).await?;
    let stored = user.as_ref().map(|user| user.password.clone());
    let right = console.passwords.is_right(fields.raw("password").to_owned(), stored).await;
    let Some(user) = user.filter(|user| right && user.disabled_at.is_none()) else {
        tracing::warn!("somebody did not get in");
        return page::refused(&again(words.wrong));
    };
    console.attempts.succeeded(&name, origin);
    // Whatever was in the cookie before is worth nothing from here on.
    if let Some(before) = Visitor::of(&app, &headers).await? {
        app.store.end_session(&before.session.hash).await?;
    }
    let (Some(token), Some(csrf)) = ((console.random)(), (console.random)()) else {
        tracing::error!("the system gives no random bytes");
        return Err(Trouble::Internal);
    };
    let (token, now) = (hex::encode(token), app.clock.now());
    let session = NewSession {
        hash: hash_key(&token),
        user_id: user.id,
        csrf: hex::encode(csrf),
        at: now,
        expires_at: now.checked_add(console.settings.longest()).unwrap_or(now),
    };
    app.store.begin_session(session, console.settings.idle()).await?;
    tracing::info!(user_id = %user.id, "signed in");
    let mut response = redirect(&format!("{}{next}", console.base), false);
    response.headers_mut().insert(header::SET_COOKIE, app.console.cookie(Some(&token)));
    Ok(response)
}

/// `POST /console/sign-out`
pub(super) async fn leave(State(app): State<App>, posted: Posted) -> Result<Response, Trouble> {
    app.store.end_session(&posted.visitor.session.hash).await?;
    posted.visitor.must_be(Role::Viewer)?;
    let mut response = redirect(&format!("{}/sign-in", app.console.0.base), posted.is_partial);
    response.headers_mut().insert(header::SET_COOKIE, app.console.cookie(None));
    Ok(response)
}

/// The language of somebody who is not known yet.
fn words(app: &App, headers: &HeaderMap) -> &'static Words {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    Words::of(wanted.map_or(app.locale, |wanted| Locale::negotiate(wanted, app.locale)))
}

/// A place in the console, and none anywhere else.
fn safe(next: &str) -> &str {
    let inside = next.starts_with(['/', '?']) && !next.starts_with("//") && !next.contains('\\');
    if inside && !next.contains(|c: char| c.is_control()) { next } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere_after_signing_in() {
        for (next, expected) in [
            ("/conversations/1?a=b", "/conversations/1?a=b"),
            ("?status=all", "?status=all"),
            ("", ""),
            ("//evil.example", ""),
            ("/\\evil.example", ""),
            ("https://evil.example", ""),
            ("@evil.example", ""),
            (".evil.example", ""),
            ("/a\r\nset-cookie: b", ""),
        ] {
            assert_eq!(safe(next), expected, "{next:?}");
        }
    }
}
