//! What a refusal looks like of a body that can't be taken as it comes.

use std::time::Duration;

use axum::http::StatusCode;

use super::Problem;

impl Problem {
    pub(in crate::web) fn too_large(limit: usize) -> Self {
        let detail = format!("a body may have {limit} bytes at the most");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", detail)
    }

    pub(in crate::web) fn too_slow(most: Duration) -> Self {
        let detail = format!("the rest of the body did not come within {} s: send it again", most.as_secs());
        Self::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "The request came too slowly", detail)
    }

    pub(in crate::web) fn unreadable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "unreadable", "The request can't be read", detail)
    }
}
