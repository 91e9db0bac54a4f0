//! What a refusal looks like of whoever wants to listen.

use axum::http::StatusCode;

use super::Problem;

impl Problem {
    pub(in crate::web) fn no_stream() -> Self {
        let detail = "events are not kept for listeners: set `stream.keep_h` in the settings, for example to 24, and \
            start again; or have them told to an endpoint";
        Self::new(StatusCode::CONFLICT, "no-stream", "Nobody can listen", detail)
    }

    pub(in crate::web) fn too_many_listeners() -> Self {
        let detail = "there are as many streams as this gateway, or this key, may have";
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-listeners", "Too many streams", detail);
        Self { retry_after: Some(30), ..problem }
    }
}
