//! One file, through a lookup and all redirects, each of them judged by the channel.

use bytes::Bytes;
use url::Url;

use crate::channels::{Channel, Hop, MediaRequest, NotFound};
use crate::transport::{Failure, Transport};

/// The most redirects that are followed.
pub(super) const MOST_HOPS: u64 = 5;

/// What was fetched.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) body: Bytes,
    /// As whoever keeps it tells.
    pub(super) content_type: Option<String>,
}

/// Why there is no file, in words for whoever waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// Another try may help.
    Passing(String),
    Final(String),
}

/// Fetches a file. `chosen` reaches what the operator named, `public` what others did.
pub(super) async fn fetch(
    channel: &dyn Channel,
    chosen: &dyn Transport,
    public: &dyn Transport,
    url: &str,
) -> Result<Contents, Problem> {
    let mut asked = channel.media_request(url, Hop::First).map_err(|reason| not_found(reason, Hop::First))?;
    for _ in 0..=MOST_HOPS {
        let MediaRequest { request, chosen: to_chosen, lookup } = asked;
        let url = request.uri().to_string();
        let transport = if to_chosen { chosen } else { public };
        let response = transport.send(request).await.map_err(|failure| failed(&failure))?;
        asked = if lookup {
            channel.media_found(&response).map_err(|reason| not_found(reason, Hop::First))?
        } else if let Some(next) = next(&response, &url) {
            let led = channel.media_request(&next, Hop::Redirected);
            led.map_err(|reason| not_found(reason, Hop::Redirected))?
        } else {
            return read(response);
        };
    }
    Err(Problem::Final(format!("more than {MOST_HOPS} redirects")))
}

fn refused(hop: Hop) -> String {
    match hop {
        Hop::First => "its address is none of this account's media at the provider",
        Hop::Redirected => "the provider led to a place that media are not fetched from",
    }
    .to_owned()
}

fn not_found(reason: NotFound, hop: Hop) -> Problem {
    match reason {
        NotFound::Elsewhere => Problem::Final(refused(hop)),
        NotFound::Passing(reason) => Problem::Passing(reason),
        NotFound::Final(reason) => Problem::Final(reason),
    }
}

fn failed(failure: &Failure) -> Problem {
    match failure {
        Failure::TooLong(limit) => {
            Problem::Final(format!("it is larger than {limit} bytes, the most that is kept (`media.max_bytes`)"))
        }
        Failure::NotSent(_) | Failure::Unanswered(_) => Problem::Passing(failure.to_string()),
    }
}

/// Where a redirect leads; none when the answer is no redirect.
fn next(response: &http::Response<Bytes>, url: &str) -> Option<String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(http::header::LOCATION)?.to_str().ok()?;
    Some(Url::parse(url).ok()?.join(location).ok()?.into())
}

fn read(response: http::Response<Bytes>) -> Result<Contents, Problem> {
    let status = response.status().as_u16();
    match status {
        200 if response.body().is_empty() => Err(Problem::Final("the provider has an empty file".to_owned())),
        200 => {
            let told = response.headers().get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let content_type = told.map(str::to_owned);
            Ok(Contents { body: response.into_body(), content_type })
        }
        // Shortly after the webhook, the file may not be there yet.
        404 => Err(Problem::Passing("the provider does not have it (HTTP 404)".to_owned())),
        408 | 425 | 429 | 500.. => Err(Problem::Passing(format!("the provider is not able to now (HTTP {status})"))),
        401 | 403 => {
            let text = format!("the provider does not let the channel's credential have it (HTTP {status})");
            Err(Problem::Final(text))
        }
        410 => Err(Problem::Final("the provider has deleted it (HTTP 410)".to_owned())),
        _ => Err(Problem::Final(format!("the provider gave no file (HTTP {status})"))),
    }
}
