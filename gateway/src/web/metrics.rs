//! The page that Prometheus reads. Not for everybody: whoever reaches the webhooks reaches it, too.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::App;
use super::auth::Watcher;
use crate::metrics::CONTENT_TYPE;

pub(super) async fn page(_: Watcher, State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], app.gauges.page().await).into_response()
}
