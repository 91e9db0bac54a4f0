//! How an answer is written: in JSON where the path ends in `.json`, and in XML where it does not.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::channels::twilio::xml::{Subject, document};

/// What a handler comes to.
pub(super) enum Answer {
    /// A resource, or a list of some.
    Told(StatusCode, Subject, Value),
    /// A file, the way to one, or nothing.
    Ready(Response),
}

/// What an answer is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Xml,
}

impl Answer {
    /// The usual one.
    pub(super) fn ok(subject: Subject, told: Value) -> Self {
        Self::Told(StatusCode::OK, subject, told)
    }

    pub(super) fn written(self, format: Format) -> Response {
        match self {
            Self::Ready(response) => response,
            Self::Told(status, subject, told) => match format {
                Format::Json => (status, Json(told)).into_response(),
                Format::Xml => {
                    let kind = [(header::CONTENT_TYPE, "application/xml")];
                    (status, kind, document(subject, &told)).into_response()
                }
            },
        }
    }
}

impl Format {
    /// The format that is asked for, and the path of the resource itself.
    pub(super) fn of(path: &str) -> (Self, &str) {
        match path.strip_suffix(".json") {
            Some(resource) => (Self::Json, resource),
            None => (Self::Xml, path),
        }
    }
}
