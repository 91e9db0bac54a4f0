//! The front door for applications that speak Twilio's API: they change base URL and credentials,
//! and go on as before.
//!
//! What is answered here is read from the store and written to it by the same flows as `/v1`; this
//! folder only knows the forms. It must know nothing of the local Twilio, which is the other side.

mod access;
mod answer;
mod change;
mod create;
mod dates;
mod feedback;
mod list;
mod media;
mod options;
mod parameters;
mod refusal;
mod resource;
mod schedule;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;
use axum::routing::any;
use sha2::{Digest, Sha256};
use tower_http::request_id::RequestId;

use super::{API_BODY, App};
use crate::channels::twilio::resource::API_VERSION;
use access::Access;
use answer::{Answer, Format};
use parameters::Parameters;
use refusal::Refusal;

/// What the handlers here share.
#[derive(Clone)]
struct Door {
    app: App,
    /// Requests that are being answered.
    concurrent: Arc<AtomicUsize>,
}

/// A request that was let in.
struct Call {
    access: Access,
    method: Method,
    headers: HeaderMap,
    /// As it was written.
    path: String,
    format: Format,
    query: Parameters,
    form: Parameters,
}

/// One address for all: Twilio's paths end in `.json` or do not, which is no matter of a route.
pub(super) fn router(app: &App) -> Router<App> {
    let door = Door { app: app.clone(), concurrent: Arc::default() };
    Router::new().route(&format!("/{API_VERSION}/{{*path}}"), any(serve)).with_state(door)
}

async fn serve(State(door): State<Door>, request: Request) -> Response {
    let started = Instant::now();
    let request_id = request_id(&request);
    let concurrent = Concurrent::begin(&door.concurrent);
    let (format, _) = Format::of(request.uri().path());
    let mut response = match answer(&door.app, request).await {
        Ok(answer) => answer.written(format),
        Err(refusal) => refusal.written(format),
    };
    let duration = format!("{:.3}", started.elapsed().as_secs_f64());
    describe(
        response.headers_mut(),
        &[
            ("twilio-request-id", request_id),
            ("twilio-concurrent-requests", concurrent.count.to_string()),
            ("twilio-request-duration", duration),
            ("x-api-version", API_VERSION.to_owned()),
        ],
    );
    response
}

/// One of the requests that are being answered, until it is, or until its client has left.
struct Concurrent<'a> {
    all: &'a AtomicUsize,
    /// How many there were with it.
    count: usize,
}

impl<'a> Concurrent<'a> {
    fn begin(all: &'a AtomicUsize) -> Self {
        Self { all, count: all.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for Concurrent<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

fn describe(headers: &mut HeaderMap, named: &[(&'static str, String)]) {
    for (name, value) in named {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(*name, value);
        }
    }
}

/// The id that stands in the log, in Twilio's form; a caller's own id may be of any form.
fn request_id(request: &Request) -> String {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok());
    let digits = id.unwrap_or_default().replace('-', "").to_ascii_lowercase();
    if digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return format!("RQ{digits}");
    }
    let mut digits = hex::encode(Sha256::digest(digits.as_bytes()));
    digits.truncate(32);
    format!("RQ{digits}")
}

async fn answer(app: &App, request: Request) -> Result<Answer, Refusal> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let (format, resource) = Format::of(&path);
    let segments: Vec<&str> = resource.split('/').skip(2).collect();
    let ["Accounts", account, rest @ ..] = segments.as_slice() else {
        return Err(Refusal::not_found(&path));
    };
    let writes = !matches!(parts.method, Method::GET | Method::HEAD);
    let access = access::let_in(app, &parts.headers, account, &path, writes).await?;
    let call = Call {
        access,
        method: parts.method,
        headers: parts.headers,
        query: Parameters::read(parts.uri.query().unwrap_or_default().as_bytes()),
        form: Parameters::read(&read(body).await?),
        path: path.clone(),
        format,
    };
    match rest {
        ["Messages"] => match call.method {
            Method::POST => create::create(app, &call).await,
            Method::GET | Method::HEAD => list::list(app, &call).await,
            _ => Err(Refusal::method_not_allowed()),
        },
        ["Messages", sid] => change::one(app, &call, sid).await,
        ["Messages", sid, "Feedback"] => feedback::give(app, &call, sid).await,
        ["Messages", sid, "Media"] => media::list(app, &call, sid).await,
        ["Messages", sid, "Media", medium] => media::one(app, &call, sid, medium).await,
        _ => Err(Refusal::not_found(&path)),
    }
}

async fn read(body: Body) -> Result<bytes::Bytes, Refusal> {
    to_bytes(body, API_BODY).await.map_err(|_| Refusal::too_large(API_BODY))
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures::FutureExt;

    use super::*;

    #[test]
    fn who_leaves_before_the_answer_is_not_counted_any_more() {
        let all = AtomicUsize::new(0);
        let mut first = Box::pin(async {
            let _one = Concurrent::begin(&all);
            pending::<()>().await;
        });
        assert!((&mut first).now_or_never().is_none());
        assert_eq!(Concurrent::begin(&all).count, 2);
        drop(first);
        assert_eq!(Concurrent::begin(&all).count, 1);
    }
}
