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
    /// A form with its files; how many bytes it may have, and the language of whoever sent it by a script of the page.
    TooLarge {
        longest: usize,
        partial: Option<Locale>,
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
        let mut most = None;
        let (status, text): (_, fn(&More) -> &'static str) = match self {
            Self::SignIn { to, partial } => return redirect(&to, partial),
            Self::Forbidden => (StatusCode::FORBIDDEN, |more| more.forbidden),
            Self::Forged => (StatusCode::FORBIDDEN, |more| more.forged),
            Self::NotFound => (StatusCode::NOT_FOUND, |more| more.not_found),
            Self::Unreadable => (StatusCode::BAD_REQUEST, |more| more.unreadable),
            Self::TooLarge { longest, partial: Some(locale) } => return beside(locale, longest),
            Self::TooLarge { longest, partial: None } => {
                most = Some(longest);
                (StatusCode::PAYLOAD_TOO_LARGE, |more| more.too_large)
            }
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, |more| more.unavailable),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, |more| more.internal),
        };
        // Whoever it is, and whether they are signed in, may be what is not known.
        let texts = [Locale::Es, Locale::En].map(|locale| {
            let more = More::of(locale);
            let said = most.map_or_else(|| text(more).to_owned(), |longest| too_large(more, longest));
            (Words::of(locale).language, said)
        });
        let page = Bare { title: More::of(Locale::Es).trouble_title, texts };
        html(status, &page).unwrap_or_else(|_| status.into_response())
    }
}

/// For the place that a form has for it: the form stays as it is.
#[derive(Template)]
#[template(path = "too_large.html")]
struct Beside {
    said: String,
}

/// With how much there is room for.
fn too_large(more: &More, longest: usize) -> String {
    let (size, unit) = if longest < 1 << 20 { (longest >> 10, "KB") } else { (longest >> 20, "MB") };
    format!("{} {} {size} {unit}.", more.too_large, more.room)
}

fn beside(locale: Locale, longest: usize) -> Response {
    let headers = [("hx-retarget", "#too-large"), ("hx-reswap", "innerHTML")];
    let page = html(StatusCode::UNPROCESSABLE_ENTITY, &Beside { said: too_large(More::of(locale), longest) });
    page.map_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response(), |page| (headers, page).into_response())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_too_large_is_told_beside_the_form_that_a_script_sent_and_on_a_page_of_its_own_else() {
        let too_large = |longest, partial| Trouble::TooLarge { longest, partial }.into_response();
        let (aside, page) = (too_large(33 << 20, Some(Locale::En)), too_large(64 << 10, None));
        assert_eq!(
            (aside.status(), aside.headers()["hx-retarget"].to_str().unwrap()),
            (StatusCode::UNPROCESSABLE_ENTITY, "#too-large")
        );
        assert_eq!((page.status(), page.headers().get("hx-retarget")), (StatusCode::PAYLOAD_TOO_LARGE, None));
        let text = async |response: Response| {
            let text = axum::body::to_bytes(response.into_body(), 2_000).await.unwrap();
            String::from_utf8_lossy(&text).into_owned()
        };
        let aside = text(aside).await;
        assert!(aside.contains("It is too large") && !aside.contains("demasiado"), "{aside}");
        assert!(aside.contains("There is room for 33 MB."), "{aside}");
        let page = text(page).await;
        assert!(page.contains("There is room for 64 KB.") && page.contains("En total caben 64 KB."), "{page}");
    }
}
