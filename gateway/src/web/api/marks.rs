//! `ETag` and `If-Match` of what others may change meanwhile.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// What is shown, with its mark.
pub(super) fn marked(status: StatusCode, mark: &str, shown: &impl Serialize) -> Response {
    let mut response = (status, Json(shown)).into_response();
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{mark}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// The mark that the caller expects, if any. What is no `ETag` of ours never fits, nor do several.
pub(super) fn expected(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::IF_MATCH)?;
    let value = value.to_str().unwrap_or_default().trim();
    if value == "*" {
        return None;
    }
    let inside = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    Some(inside.unwrap_or_default().to_owned())
}
