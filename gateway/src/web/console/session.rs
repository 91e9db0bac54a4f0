//! Who is signed in: a cookie that holds a random token, of which the store knows the SHA-256 alone.

use axum::extract::FromRequestParts;
use axum::http::{HeaderMap, HeaderValue, header, request};
use jiff::SignedDuration;

use super::Console;
use super::trouble::Trouble;
use crate::store::{Act, Actor, Role, Session};
use crate::web::App;
use crate::web::auth::hash_key;

/// The name of the cookie.
const COOKIE: &str = "recado_session";
/// A sign of life is put down no more often than this.
const SEEN: SignedDuration = SignedDuration::from_mins(1);

/// Somebody who is signed in.
pub(super) struct Visitor {
    pub(super) session: Session,
}

impl Visitor {
    /// That they may do what this role may.
    pub(super) fn must_be(&self, role: Role) -> Result<(), Trouble> {
        if self.session.user.role >= role { Ok(()) } else { Err(Trouble::Forbidden) }
    }

    /// Something that they do now, for the record.
    pub(super) fn act(&self, app: &App, action: &'static str, subject: &dyn std::fmt::Display) -> Act {
        let at = app.clock.now();
        let actor = Actor::User(self.session.user.id);
        Act { id: app.ids.next(at), at, actor, action, subject: subject.to_string() }
    }

    /// Who sent this, if they are signed in.
    pub(super) async fn of(app: &App, headers: &HeaderMap) -> Result<Option<Self>, Trouble> {
        let Some(token) = token(headers) else { return Ok(None) };
        let Some(session) = app.store.session(&hash_key(token)).await? else { return Ok(None) };
        let now = app.clock.now();
        if now >= session.expires_at || now.duration_since(session.seen_at) >= app.console.0.settings.idle() {
            return Ok(None);
        }
        if now.duration_since(session.seen_at) >= SEEN {
            app.store.see_session(&session.hash, now).await?;
        }
        Ok(Some(Self { session }))
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Trouble;

    async fn from_request_parts(parts: &mut request::Parts, app: &App) -> Result<Self, Trouble> {
        Self::of(app, &parts.headers).await?.ok_or_else(|| Trouble::sign_in(app, parts))
    }
}

fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut tokens = pairs.filter(|(name, _)| *name == COOKIE).map(|(_, token)| token);
    // Two of the name: somebody planted one.
    tokens.next().filter(|token| !token.is_empty() && tokens.next().is_none())
}

impl Console {
    /// The cookie with this token, for as long as the browser is open; with none, the one that removes it.
    pub(super) fn cookie(&self, token: Option<&str>) -> HeaderValue {
        let (value, age) = token.map_or(("", "; Max-Age=0"), |token| (token, ""));
        let secure = if self.0.secure { "; Secure" } else { "" };
        let text = format!("{COOKIE}={value}; HttpOnly; SameSite=Lax; Path={}{secure}{age}", self.0.base);
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_that_of_our_cookie_alone() {
        let cases = [
            ("recado_session=abc", Some("abc")),
            ("a=b; recado_session=abc; c=d", Some("abc")),
            ("recado_session=", None),
            ("xrecado_session=abc", None),
            ("recado_session=abc; recado_session=def", None),
            ("", None),
        ];
        for (cookies, expected) in cases {
            let headers = HeaderMap::from_iter([(header::COOKIE, cookies.parse().unwrap())]);
            assert_eq!(token(&headers), expected, "{cookies}");
        }
    }
}
