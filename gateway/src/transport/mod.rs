//! The only place that speaks HTTP to others.
//!
//! One request in, one response out, with time-outs and a size cap. What matters to a caller
//! that must not send twice is told apart: a request that certainly never left, and one that may
//! have arrived.

mod guard;
mod silence;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

pub use guard::is_private;

/// How the text of a failure begins where the other side took too long.
const TIMED_OUT: &str = "timed out";

/// Carries one request to another machine.
#[async_trait]
pub trait Transport: Send + Sync {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Failure>;
}

/// Why there is no response. The text never holds the URL's query, a header or a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The request certainly never reached the other side: safe to send again.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request was written, wholly or in part, and no answer came: it may have been carried
    /// out.
    #[error("no answer: {0}")]
    Unanswered(String),
    /// There was an answer, but a longer one than is read.
    #[error("no answer: the response is longer than {0} bytes")]
    TooLong(usize),
}

impl Failure {
    /// Whether the other side took too long, rather than ending the exchange.
    pub fn is_timed_out(&self) -> bool {
        matches!(self, Self::Unanswered(text) if text.starts_with(TIMED_OUT))
    }

    /// Whether the address was refused because it is not a public one.
    pub fn is_private(&self) -> bool {
        matches!(self, Self::NotSent(text) if text.ends_with(guard::NOT_PUBLIC))
    }
}

/// Limits of one [`HttpTransport`].
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Until the connection, TLS included, stands.
    pub connect: Duration,
    /// For the other side to say nothing, once the connection stands: until the answer begins, and
    /// between its pieces. Without it, only the whole is limited. With it, each exchange has a
    /// connection of its own.
    pub silence: Option<Duration>,
    /// For the whole exchange.
    pub total: Duration,
    /// The longest response body, in bytes.
    pub response: usize,
    pub body: Body,
    /// Whom it connects to.
    pub reach: Reach,
}

/// What the body of an answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Without all of it there is no answer.
    Needed,
    /// The head is the answer. A short body is read, so that the connection can be used again; whatever becomes of
    /// that, and of a longer one, there is an answer, without a body.
    Unneeded,
}

/// Whom a transport connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Whoever is named: for addresses that the operator chose.
    Anyone,
    /// Public addresses alone: for addresses that come from elsewhere.
    Public,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            silence: None,
            total: Duration::from_secs(15),
            response: 1024 * 1024,
            body: Body::Needed,
            reach: Reach::Anyone,
        }
    }
}

impl Limits {
    /// For telling somebody something: that they have it is said by the head of their answer.
    pub fn of_telling(total: Duration, reach: Reach) -> Self {
        Self { total, reach, response: 16 * 1024, body: Body::Unneeded, ..Self::default() }
    }
}

/// HTTP/1.1 and HTTP/2 over TCP and TLS. Follows no redirects: a provider's API does not
/// redirect, and a credential must not travel on.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: reqwest::Client,
    limits: Limits,
}

impl HttpTransport {
    pub fn new(limits: Limits) -> Result<Self, Failure> {
        // Whoever is first decides; all ask for the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder();
        if limits.reach == Reach::Public {
            builder = builder.dns_resolver(Arc::new(guard::PublicOnly));
        }
        if limits.silence.is_some() {
            builder = builder.pool_max_idle_per_host(0).connector_layer(silence::Announce);
        }
        let client = builder
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            .redirect(reqwest::redirect::Policy::none())
            .tcp_nodelay(true)
            .no_proxy()
            .user_agent(concat!("recado/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::NotSent(describe(&error)))?;
        Ok(Self { client, limits })
    }
}

impl HttpTransport {
    /// The head of the answer.
    async fn answer(&self, request: reqwest::Request) -> Result<reqwest::Response, Failure> {
        let exchange = self.client.execute(request);
        let answer = match self.limits.silence {
            None => exchange.await,
            Some(longest) => silence::answer(longest, exchange).await.ok_or_else(silent)?,
        };
        answer.map_err(|error| {
            let text = describe(&error);
            if error.is_connect() || error.is_builder() { Failure::NotSent(text) } else { Failure::Unanswered(text) }
        })
    }

    /// All of the answer's body.
    async fn body(&self, response: reqwest::Response) -> Result<Bytes, Failure> {
        let most = u64::try_from(self.limits.response).unwrap_or(u64::MAX);
        if response.content_length().is_some_and(|length| length > most) {
            return Err(Failure::TooLong(self.limits.response));
        }
        let mut body = BytesMut::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = self.heard(chunks.next()).await? {
            let chunk = chunk.map_err(|error| Failure::Unanswered(describe(&error)))?;
            if body.len() + chunk.len() > self.limits.response {
                return Err(Failure::TooLong(self.limits.response));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// A piece of the answer, if it comes in time.
    async fn heard<T>(&self, piece: impl Future<Output = T>) -> Result<T, Failure> {
        match self.limits.silence {
            None => Ok(piece.await),
            Some(longest) => silence::next(longest, piece).await.ok_or_else(silent),
        }
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Failure> {
        let request = reqwest::Request::try_from(request).map_err(|error| Failure::NotSent(describe(&error)))?;
        // Addresses in figures are resolved by nobody.
        if self.limits.reach == Reach::Public && guard::names_private(request.url()) {
            return Err(Failure::NotSent(guard::NOT_PUBLIC.to_owned()));
        }
        let response = self.answer(request).await?;
        let mut answer = http::Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            headers.clone_from(response.headers());
        }
        let body = match (self.limits.body, self.body(response).await) {
            (Body::Needed, body) => body?,
            (Body::Unneeded, _) => Bytes::new(),
        };
        answer.body(body).map_err(|error| Failure::Unanswered(error.to_string()))
    }
}

fn silent() -> Failure {
    Failure::Unanswered(format!("{TIMED_OUT}: nothing was heard for too long"))
}

/// The error and its causes in one line, without the URL, which may hold a number or a secret.
fn describe(error: &reqwest::Error) -> String {
    let mut text = match error {
        error if error.is_timeout() => TIMED_OUT.to_owned(),
        error if error.is_connect() => "could not connect".to_owned(),
        _ => "the exchange broke off".to_owned(),
    };
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
