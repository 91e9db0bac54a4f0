//! A form that somebody who is signed in has sent from a page of ours.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::HeaderMap;
use subtle::ConstantTimeEq;

use super::session::Visitor;
use super::trouble::Trouble;
use crate::web::App;
use crate::web::files::read_body;

/// The longest form, in bytes, where nothing else is said.
const USUAL: usize = 64 * 1024;

/// The fields of a form by name; of several of the same name, the last.
#[derive(Default)]
pub(super) struct Fields(BTreeMap<String, String>);

impl Fields {
    pub(super) fn read(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    pub(super) fn of(fields: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(fields.into_iter().collect())
    }

    /// Without blanks around it; empty where it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// As it was written, with the line breaks of this side.
    pub(super) fn text(&self, name: &str) -> String {
        self.raw(name).replace("\r\n", "\n")
    }

    #[cfg(test)]
    pub(super) fn set(&mut self, name: &str, text: &str) {
        self.0.insert(name.to_owned(), text.to_owned());
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn raw(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// Such a form, with its secret checked, and so many bytes at the most.
pub(super) struct Posted<const LONGEST: usize = USUAL> {
    pub(super) visitor: Visitor,
    pub(super) fields: Fields,
    /// A script of the page sent it, and puts the answer into the page.
    pub(super) is_partial: bool,
}

impl<const LONGEST: usize> FromRequest<App> for Posted<LONGEST> {
    type Rejection = Trouble;

    async fn from_request(request: Request, app: &App) -> Result<Self, Trouble> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        let body = read_body(body, LONGEST).await.map_err(|_| Trouble::Unreadable)?;
        let fields = Fields::read(&body);
        let header = parts.headers.get("x-csrf-token").and_then(|value| value.to_str().ok());
        let given = header.unwrap_or_else(|| fields.raw("csrf"));
        if !bool::from(given.as_bytes().ct_eq(visitor.session.csrf.as_bytes())) {
            return Err(Trouble::Forged);
        }
        Ok(Self { visitor, fields, is_partial: is_partial(&parts.headers) })
    }
}

/// Whether a script of the page asks, and not the browser itself.
pub(super) fn is_partial(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}
