//! Webhooks of providers. Both addresses take both kinds: what a webhook means is read from the
//! webhook.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::problem::Problem;
use super::{App, WEBHOOK_BODY};
use crate::channels::{Answer, Channels, Refused, Webhook};
use crate::{inbound, metrics, store};

/// The longest body of which as many are read at once as come. Twilio's are some kilobytes.
const SMALL: usize = 16 * 1024;
/// How many others are read at once, in the whole process: what is read is in memory, and nobody knows yet who sends it.
static LARGE: Semaphore = Semaphore::const_new(256);
/// How long the rest of one may take then.
const TURN: Duration = Duration::from_secs(5);

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
    let body = read_body(body, large).await?;
    // The provider signed the public URL; the raw request target is part of it.
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    Ok(Webhook { method: parts.method, url: format!("{public_url}{target}"), headers: parts.headers, body })
}

/// The whole body. What is long takes a turn once its beginning has come, and keeps it for a moment only: who sends nothing,
/// or bit by bit, keeps nobody out.
async fn read_body(mut body: Body, large: &Semaphore) -> Result<Bytes, Problem> {
    let mut read = BytesMut::new();
    while read.len() <= SMALL {
        let Some(piece) = next(&mut body).await? else { return Ok(read.freeze()) };
        read.extend_from_slice(&piece);
    }
    let _turn = large.acquire().await;
    let rest = async {
        while let Some(piece) = next(&mut body).await? {
            if read.len() + piece.len() > WEBHOOK_BODY {
                return Err(Problem::too_large(WEBHOOK_BODY));
            }
            read.extend_from_slice(&piece);
        }
        Ok(read)
    };
    let read = timeout(TURN, rest).await.map_err(|_| Problem::too_slow(TURN))??;
    if read.len() > WEBHOOK_BODY { Err(Problem::too_large(WEBHOOK_BODY)) } else { Ok(read.freeze()) }
}

async fn next(body: &mut Body) -> Result<Option<Bytes>, Problem> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Problem::unreadable("the body broke off"))?;
        // What is no data is a trailer.
        if let Ok(piece) = frame.into_data() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
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

    use futures::{FutureExt, StreamExt, stream};

    use super::*;

    /// So many bytes, and then nothing for ever.
    fn endless(bytes: usize) -> Body {
        let begun = stream::iter([Ok::<_, Infallible>(Bytes::from(vec![b'a'; bytes]))]);
        Body::from_stream(begun.chain(stream::pending()))
    }

    #[tokio::test(start_paused = true)]
    async fn few_long_bodies_are_read_at_once_and_hold_up_no_short_one() {
        let large = Semaphore::new(1);
        let read = |body: Body| read_in_turn("https://example.com", Request::new(body), &large);
        let long = || Body::from(vec![b'a'; 20_000]);
        let mut slow = Box::pin(read(endless(20_000)));
        assert!((&mut slow).now_or_never().is_none());
        let mut second = Box::pin(read(long()));
        assert!((&mut second).now_or_never().is_none(), "it waits for its turn");
        assert!(matches!(read(Body::from("a=b")).now_or_never(), Some(Ok(_))));
        let Err(problem) = slow.await else { panic!("it never ends") };
        assert_eq!(problem.into_response().status(), StatusCode::REQUEST_TIMEOUT);
        assert!(matches!(second.await, Ok(webhook) if webhook.body.len() == 20_000));
        assert!(matches!(read(Body::from(vec![b'a'; 300_000])).now_or_never(), Some(Err(_))));
        assert_eq!(large.available_permits(), 1);
    }

    #[tokio::test]
    async fn what_has_hardly_begun_takes_no_turn() {
        let large = Semaphore::new(1);
        let read = |body: Body| read_in_turn("https://example.com", Request::new(body), &large);
        let mut silent: Vec<_> = [0, 10_000].map(|bytes| Box::pin(read(endless(bytes)))).into();
        assert!(silent.iter_mut().all(|silent| silent.now_or_never().is_none()));
        let pieces = stream::iter([10_000, 10_000].map(|bytes| Ok::<_, Infallible>(vec![b'a'; bytes])));
        let webhook = read(Body::from_stream(pieces)).now_or_never();
        assert!(matches!(webhook, Some(Ok(webhook)) if webhook.body.len() == 20_000));
    }
}
