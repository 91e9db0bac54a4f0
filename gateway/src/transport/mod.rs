//! The only place that speaks HTTP to others.
//!
//! One request in, one response out, with time-outs and a size cap. What matters to a caller
//! that must not send twice is told apart: a request that certainly never left, and one that may
//! have arrived.

mod guard;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

pub use guard::is_public;

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
    /// For the whole exchange.
    pub total: Duration,
    /// The longest response body, in bytes.
    pub response: usize,
    /// Whom it connects to.
    pub reach: Reach,
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
            total: Duration::from_secs(15),
            response: 1024 * 1024,
            reach: Reach::Anyone,
        }
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

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Failure> {
        let request = reqwest::Request::try_from(request).map_err(|error| Failure::NotSent(describe(&error)))?;
        // Addresses in figures are resolved by nobody.
        if self.limits.reach == Reach::Public && guard::names_private(request.url()) {
            return Err(Failure::NotSent(guard::NOT_PUBLIC.to_owned()));
        }
        let response = self.client.execute(request).await.map_err(|error| {
            let text = describe(&error);
            if error.is_connect() || error.is_builder() { Failure::NotSent(text) } else { Failure::Unanswered(text) }
        })?;
        let most = u64::try_from(self.limits.response).unwrap_or(u64::MAX);
        if response.content_length().is_some_and(|length| length > most) {
            return Err(Failure::TooLong(self.limits.response));
        }
        let mut answer = http::Response::builder().status(response.status());
        if let Some(headers) = answer.headers_mut() {
            headers.clone_from(response.headers());
        }
        let mut body = BytesMut::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| Failure::Unanswered(describe(&error)))?;
            if body.len() + chunk.len() > self.limits.response {
                return Err(Failure::TooLong(self.limits.response));
            }
            body.extend_from_slice(&chunk);
        }
        answer.body(body.freeze()).map_err(|error| Failure::Unanswered(error.to_string()))
    }
}

/// The error and its causes in one line, without the URL, which may hold a number or a secret.
fn describe(error: &reqwest::Error) -> String {
    let mut text = match error {
        error if error.is_timeout() => "timed out".to_owned(),
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn get(url: &str) -> http::Request<Bytes> {
        http::Request::get(url).body(Bytes::new()).unwrap()
    }

    fn short() -> HttpTransport {
        let limits = Limits { total: Duration::from_millis(200), response: 64, ..Limits::default() };
        HttpTransport::new(limits).unwrap()
    }

    /// Answers one connection with `answer`, or holds it open without a word.
    async fn serve(answer: Option<&'static str>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/secret?token=hush", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 1024];
            let _ = socket.read(&mut buffer).await;
            if let Some(answer) = answer {
                socket.write_all(answer.as_bytes()).await.unwrap();
            } else {
                std::future::pending::<()>().await;
            }
        });
        url
    }

    #[tokio::test]
    async fn a_response_comes_back_whole() {
        let url = serve(Some("HTTP/1.1 201 Created\r\ncontent-length: 2\r\nx-a: b\r\n\r\nhi")).await;
        let response = short().send(get(&url)).await.unwrap();
        assert_eq!((response.status().as_u16(), &response.body()[..]), (201, &b"hi"[..]));
        assert_eq!(response.headers()["x-a"], "b");
    }

    #[tokio::test]
    async fn a_refused_connection_was_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        assert!(matches!(short().send(get(&url)).await, Err(Failure::NotSent(_))));
    }

    #[tokio::test]
    async fn silence_a_cut_and_an_endless_body_may_have_been_carried_out() {
        for answer in [None, Some(""), Some("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhi")] {
            let url = serve(answer).await;
            let failure = short().send(get(&url)).await.unwrap_err();
            assert!(matches!(failure, Failure::Unanswered(_)), "{answer:?}: {failure}");
            assert!(!failure.to_string().contains("hush"), "{failure}");
        }
    }

    #[tokio::test]
    async fn a_body_over_the_cap_is_not_read_to_its_end() {
        let announced = "HTTP/1.1 200 OK\r\ncontent-length: 65\r\n\r\n";
        let endless = "HTTP/1.1 200 OK\r\n\r\n0123456789012345678901234567890123456789012345678901234567890123456789";
        for answer in [announced, endless] {
            let url = serve(Some(answer)).await;
            assert_eq!(short().send(get(&url)).await.unwrap_err(), Failure::TooLong(64), "{answer}");
        }
    }

    #[tokio::test]
    async fn the_guard_keeps_from_private_addresses_however_they_are_written() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let guarded = HttpTransport::new(Limits { reach: Reach::Public, ..Limits::default() }).unwrap();
        for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0"] {
            let failure = guarded.send(get(&format!("http://{host}:{port}/"))).await.unwrap_err();
            assert!(failure.is_private(), "{host}: {failure}");
            assert!(
                matches!(&failure, Failure::NotSent(text) if text.contains(guard::NOT_PUBLIC)),
                "{host}: {failure}"
            );
        }
        let came = tokio::time::timeout(Duration::from_millis(10), listener.accept()).await;
        assert!(came.is_err(), "nobody connected");
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let url = serve(Some("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")).await;
        assert_eq!(short().send(get(&url)).await.unwrap().status().as_u16(), 302);
    }
}
