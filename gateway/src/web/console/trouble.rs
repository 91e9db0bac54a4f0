//! What a page looks like that can't be shown, and its status. The only place of the console that chooses one.

use askama::Template;
use axum::http::{HeaderValue, Method, StatusCode, header, request};
use axum::response::{IntoResponse, Response};

use super::page::{Bare, html};
use super::posted::is_partial;
use super::words::{More, Words};
use crate::message::Locale;
use crate::store;
use crate::web::App;

/// Why a page is not shown, or nothing was done.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nobody is signed in; where to go then.
    SignIn {
        to: String,
        partial: bool,
    },
    Forbidden,
    /// It did not come from a page of ours.
    Forged,
    NotFound,
    Unreadable,
    /// A form with its files; whether a script of the page sent it.
    TooLarge {
        partial: bool,
    },
    Unavailable,
    Internal,
}

impl From<store::Error> for Trouble {
    fn from(error: store::Error) -> Self {
        tracing::error!(%error, "the store did not do it");
        match error {
            store::Error::Unavailable(_) | store::Error::Overtaken(_) => Self::Unavailable,
            store::Error::Refused(_) => Self::Internal,
        }
    }
}

impl From<askama::Error> for Trouble {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page could not be made");
        Self::Internal
    }
}

impl Trouble {
    /// To the sign-in page, and from there to where somebody wanted to go.
    pub(super) fn sign_in(app: &App, parts: &request::Parts) -> Self {
        let base = &app.console.0.base;
        let partial = is_partial(&parts.headers);
        let path = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
        let wanted = path.strip_prefix("/console").filter(|rest| !rest.is_empty());
        let next = wanted.filter(|_| parts.method == Method::GET && !partial);
        let query = next.map(|next| {
            let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            format!("?next={next}")
        });
        Self::SignIn { to: format!("{base}/sign-in{}", query.unwrap_or_default()), partial }
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let (status, text): (_, fn(&More) -> &'static str) = match self {
            Self::SignIn { to, partial } => return redirect(&to, partial),
            Self::Forbidden => (StatusCode::FORBIDDEN, |more| more.forbidden),
            Self::Forged => (StatusCode::FORBIDDEN, |more| more.forged),
            Self::NotFound => (StatusCode::NOT_FOUND, |more| more.not_found),
            Self::Unreadable => (StatusCode::BAD_REQUEST, |more| more.unreadable),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, |more| more.too_large),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, |more| more.unavailable),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, |more| more.internal),
        };
        // Whoever it is, and whether they are signed in, may be what is not known.
        let texts = [Locale::Es, Locale::En].map(|locale| (Words::of(locale).language, text(More::of(locale))));
        if matches!(self, Self::TooLarge { partial: true }) {
            return beside(&Beside { texts }).unwrap_or_else(|_| status.into_response());
        }
        let page = Bare { title: More::of(Locale::Es).trouble_title, texts };
        html(status, &page).unwrap_or_else(|_| status.into_response())
    }
}

/// For the place that a form has for it: the form stays as it is.
#[derive(Template)]
#[template(path = "too_large.html")]
struct Beside {
    texts: [(&'static str, &'static str); 2],
}

fn beside(said: &Beside) -> Result<Response, Trouble> {
    let headers = [("hx-retarget", "#too-large"), ("hx-reswap", "innerHTML")];
    Ok((headers, html(StatusCode::UNPROCESSABLE_ENTITY, said)?).into_response())
}

/// To another page: by the browser, or by the page's script.
pub(super) fn redirect(to: &str, partial: bool) -> Response {
    let Ok(to) = HeaderValue::from_str(to) else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    if partial {
        let name = header::HeaderName::from_static("hx-redirect");
        return (StatusCode::OK, [(name, to)]).into_response();
    }
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}
