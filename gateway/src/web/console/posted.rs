//! A form that somebody who is signed in has sent from a page of ours.

use std::collections::BTreeMap;
use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures::stream;
use http_body_util::BodyExt;
use multer::Multipart;
use subtle::ConstantTimeEq;

use super::session::Visitor;
use super::trouble::Trouble;
use crate::store::Role;
use crate::web::App;
use crate::web::files::read_body;

/// The longest form, in bytes, where nothing else is said.
const USUAL: usize = 64 * 1024;
/// As many bytes are read of a form that is too long.
const PASSED_OVER: usize = 256 * 1024 * 1024;

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

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(super) fn raw(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// A file that came with a form.
pub(super) struct File {
    /// As it was called where it came from.
    pub(super) name: String,
    /// What its sender says it is.
    pub(super) content_type: Option<String>,
    pub(super) contents: Bytes,
}

/// Such a form, with its secret checked, and so many bytes at the most.
pub(super) struct Posted<const LONGEST: usize = USUAL> {
    pub(super) visitor: Visitor,
    pub(super) fields: Fields,
    /// Whatever fields they were chosen in.
    pub(super) files: Vec<File>,
    /// A script of the page sent it, and puts the answer into the page.
    pub(super) is_partial: bool,
}

impl<const LONGEST: usize> FromRequest<App> for Posted<LONGEST> {
    type Rejection = Trouble;

    async fn from_request(request: Request, app: &App) -> Result<Self, Trouble> {
        Self::read(request, app, Role::Viewer, LONGEST).await
    }
}

impl<const LONGEST: usize> Posted<LONGEST> {
    /// A form of this many bytes at the most, of somebody who may do what this role may: others need send nothing.
    pub(super) async fn read(request: Request, app: &App, role: Role, longest: usize) -> Result<Self, Trouble> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await?;
        visitor.must_be(role)?;
        let partial = is_partial(&parts.headers);
        let locale = visitor.session.user.locale;
        let too_large = || Trouble::TooLarge { longest, partial: partial.then_some(locale) };
        if length(&parts.headers).is_some_and(|length| length > longest) {
            pass_over(body).await;
            return Err(too_large());
        }
        let body = read_body(body, longest)
            .await
            .map_err(|problem| if problem.is_too_large() { too_large() } else { Trouble::Unreadable })?;
        let (fields, files) = match boundary(&parts.headers) {
            Some(boundary) => in_pieces(body, boundary).await.map_err(|_| Trouble::Unreadable)?,
            None => (Fields::read(&body), Vec::new()),
        };
        let header = parts.headers.get("x-csrf-token").and_then(|value| value.to_str().ok());
        let given = header.unwrap_or_else(|| fields.raw("csrf"));
        if !bool::from(given.as_bytes().ct_eq(visitor.session.csrf.as_bytes())) {
            return Err(Trouble::Forged);
        }
        Ok(Self { visitor, fields, files, is_partial: partial })
    }
}

/// How long the form is, if its sender says so.
fn length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads what is not taken: a browser that is cut off does not hear why. What is far too long is not read to its end.
async fn pass_over(mut body: Body) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > PASSED_OVER {
            return;
        }
    }
}

/// What is between the pieces of a form that may have files.
fn boundary(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    multer::parse_boundary(kind).ok()
}

async fn in_pieces(body: Bytes, boundary: String) -> Result<(Fields, Vec<File>), multer::Error> {
    let mut pieces = Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    while let Some(piece) = pieces.next_field().await? {
        let name = piece.name().unwrap_or_default().to_owned();
        let Some(file) = piece.file_name().map(str::to_owned) else {
            fields.push((name, String::from_utf8_lossy(&piece.bytes().await?).into_owned()));
            continue;
        };
        let content_type = piece.content_type().map(ToString::to_string);
        let contents = piece.bytes().await?;
        // Where none was chosen, browsers send one without name and contents.
        if !file.is_empty() || !contents.is_empty() {
            files.push(File { name: file, content_type, contents });
        }
    }
    Ok((Fields::of(fields), files))
}

/// Whether a script of the page asks, and not the browser itself.
pub(super) fn is_partial(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_form_in_pieces_has_fields_and_the_files_that_were_chosen() {
        let headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, "multipart/form-data; boundary=xy".parse().unwrap())]);
        let piece = |disposition: &str, kind: &str, contents: &str| {
            format!("--xy\r\nContent-Disposition: form-data; {disposition}\r\n{kind}\r\n{contents}\r\n")
        };
        let body = [
            piece("name=\"text\"", "", "a\r\nñ"),
            piece("name=\"file\"; filename=\"\"", "Content-Type: application/octet-stream\r\n", ""),
            piece("name=\"file\"; filename=\"lista ñ.csv\"", "Content-Type: text/csv\r\n", "to\r\n1"),
            "--xy--\r\n".to_owned(),
        ]
        .concat();
        let (fields, files) = in_pieces(body.clone().into(), boundary(&headers).unwrap()).await.unwrap();
        assert_eq!(fields.text("text"), "a\nñ");
        let [file] = <[File; 1]>::try_from(files).ok().unwrap();
        let File { name, content_type, contents } = file;
        assert_eq!(
            (name.as_str(), content_type.as_deref(), &*contents),
            ("lista ñ.csv", Some("text/csv"), &b"to\r\n1"[..])
        );
        for broken in ["", "--xy", "--xy\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb"] {
            assert!(in_pieces(broken.into(), "xy".to_owned()).await.is_err(), "{broken:?}");
        }
        assert!(boundary(&HeaderMap::new()).is_none());
    }
}
