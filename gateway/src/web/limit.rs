//! The longest that a request may take. Whoever waited so long is told that nobody knows what came of it: it may have been
//! stored just then.

use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use futures::future::Map;
use tokio::time::error::Elapsed;
use tokio::time::{Timeout, timeout};
use tower_layer::Layer;
use tower_service::Service;

use super::problem::Problem;

/// Gives each request so much time.
#[derive(Clone, Copy, Debug)]
pub(super) struct LimitLayer(pub(super) Duration);

#[derive(Clone, Debug)]
pub(super) struct Limited<S> {
    inner: S,
    limit: Duration,
}

type Done<E> = Result<Result<Response, E>, Elapsed>;

impl<S> Layer<S> for LimitLayer {
    type Service = Limited<S>;

    fn layer(&self, inner: S) -> Limited<S> {
        Limited { inner, limit: self.0 }
    }
}

impl<S: Service<Request, Response = Response>> Service<Request> for Limited<S> {
    type Response = Response;
    type Error = S::Error;
    type Future = Map<Timeout<S::Future>, fn(Done<S::Error>) -> Result<Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        timeout(self.limit, self.inner.call(request))
            .map(|done| done.unwrap_or_else(|_| Ok(Problem::slow().into_response())))
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::http::StatusCode;
    use axum::routing::get;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_waited_too_long_is_told_what_is_known() {
        let router = Router::new()
            .route("/soon", get(|| async { "done" }))
            .route("/never", get(std::future::pending::<()>))
            .layer(LimitLayer(Duration::from_mins(1)));
        let ask = async |path: &str| {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            let answer = router.clone().call(request).await.unwrap();
            let (status, headers) = (answer.status(), answer.headers().clone());
            let body = to_bytes(answer.into_body(), 10_000).await.unwrap();
            (status, headers, String::from_utf8(body.to_vec()).unwrap())
        };
        assert_eq!(ask("/soon").await.0, StatusCode::OK);
        let (status, headers, body) = ask("/never").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(headers["content-type"], "application/problem+json");
        assert!(body.contains("urn:recado:problem:slow"), "{body}");
        assert!(body.contains("Idempotency-Key"), "{body}");
    }
}
