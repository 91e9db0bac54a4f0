//! Webhooks of providers. Both addresses take both kinds: what a webhook means is read from the
//! webhook.

use axum::body::HttpBody;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::files::read_body;
use super::problem::Problem;
use super::{App, WEBHOOK_BODY};
use crate::channels::{Answer, Channels, Refused, Webhook};
use crate::{inbound, metrics, store};

/// The longest body of which as many are read at once as come. Twilio's are some kilobytes.
const SMALL: u64 = 16 * 1024;
/// How many others are read at once, in the whole process: what is read is in memory, and nobody knows yet who sends it.
static LARGE: Semaphore = Semaphore::const_new(256);

pub(super) async fn receive(State(app): State<App>, Path(channel): Path<String>, request: Request) -> Response {
    let began = std::time::Instant::now();
    let answered = answer(&app, &channel, request).await;
    metrics::WEBHOOK_SECONDS.took(counted_as(&app.channels, &channel), [], began.elapsed());
    match answered {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn answer(app: &App, channel: &str, request: Request) -> Result<Response, Problem> {
    let webhook = read(&app.public_url, request).await?;
    let answer = app.inbound.receive(channel, webhook).await;
    answer.map(told).map_err(|error| refused(&app.channels, channel, &error))
}

pub(super) async fn read(public_url: &str, request: Request) -> Result<Webhook, Problem> {
    read_in_turn(public_url, request, &LARGE).await
}

async fn read_in_turn(public_url: &str, request: Request, large: &Semaphore) -> Result<Webhook, Problem> {
    let (parts, body) = request.into_parts();
    let is_small = body.size_hint().upper().is_some_and(|most| most <= SMALL);
    let turn = if is_small { None } else { large.acquire().await.ok() };
    let body = read_body(body, WEBHOOK_BODY).await?;
    drop(turn);
    // The provider signed the public URL; the raw request target is part of it.
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    Ok(Webhook { method: parts.method, url: format!("{public_url}{target}"), headers: parts.headers, body })
}

pub(super) fn told(answer: Answer) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, answer.content_type.into_owned())], answer.body).into_response()
}

/// Counted under a name from the settings, since anybody may call any other.
pub(super) fn refused(channels: &Channels, channel: &str, error: &inbound::Error) -> Problem {
    let outcome = match error {
        inbound::Error::UnknownChannel => "unknown-channel",
        inbound::Error::Refused(Refused::Unsigned | Refused::Forged | Refused::Foreign) => "forged",
        inbound::Error::Refused(Refused::Malformed(_)) => "malformed",
        inbound::Error::Refused(Refused::Broken(_)) | inbound::Error::Store(store::Error::Refused(_)) => "failed",
        inbound::Error::Store(store::Error::Unavailable(_) | store::Error::Overtaken(_))
        | inbound::Error::Journal(_) => "busy",
    };
    metrics::WEBHOOKS.add(counted_as(channels, channel), ["unread", outcome]);
    Problem::webhook(channel, error)
}

/// A kind that channels share has a name, too; all else is nobody's.
fn counted_as<'a>(channels: &Channels, channel: &'a str) -> &'a str {
    let is_known = channels.iter().any(|(name, it)| name == channel || it.kind() == channel);
    if is_known { channel } else { "unknown" }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use bytes::Bytes;
    use futures::{FutureExt, stream};

    use super::*;

    #[test]
    fn few_long_bodies_are_read_at_once_and_hold_up_no_short_one() {
        let large = Semaphore::new(1);
        let read = |body: Body| read_in_turn("https://example.com", Request::new(body), &large);
        let long = || Body::from(vec![b'a'; 20_000]);
        let mut endless = Box::pin(read(Body::from_stream(stream::pending::<Result<Bytes, Infallible>>())));
        assert!((&mut endless).now_or_never().is_none());
        assert!(read(long()).now_or_never().is_none(), "it waits for its turn");
        assert!(matches!(read(Body::from("a=b")).now_or_never(), Some(Ok(_))));
        drop(endless);
        assert!(matches!(read(long()).now_or_never(), Some(Ok(webhook)) if webhook.body.len() == 20_000));
        assert!(matches!(read(Body::from(vec![b'a'; 300_000])).now_or_never(), Some(Err(_))));
        assert_eq!(large.available_permits(), 1);
    }
}
