//! One connection that is kept, and one request after the other on it: as cheap as it gets, since the client
//! takes its time from the same processors.

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

/// A server that is reached by `http://`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    authority: String,
    address: (String, u16),
    /// What stands before every path.
    prefix: String,
}

impl Target {
    /// None where it is no such URL.
    pub fn of(url: &str) -> Option<Self> {
        let uri: Uri = url.parse().ok()?;
        let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        Some(Self {
            authority: authority.as_str().to_owned(),
            address: (host.to_owned(), authority.port_u16().unwrap_or(80)),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Whether it is on this machine, so that what it uses can be seen here.
    pub fn is_here(&self) -> bool {
        let host = &self.address.0;
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// A request to it, still without a body.
    pub fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder().method(method).uri(format!("{}{path}", self.prefix)).header("host", &self.authority)
    }
}

/// A connection, made when it is needed and again after it broke.
pub struct Client {
    target: Target,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub fn new(target: Target) -> Self {
        Self { target, open: None }
    }

    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Connects, unless it is connected.
    pub async fn connect(&mut self) -> Result<(), String> {
        if self.open.as_ref().is_some_and(|open| !open.is_closed()) {
            return Ok(());
        }
        let (host, port) = &self.target.address;
        let failed = |error: &dyn std::fmt::Display| format!("no connection: {error}");
        let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(|error| failed(&error))?;
        // Where it can't be set, requests just wait for more to come.
        let _ = stream.set_nodelay(true);
        let (open, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
        tokio::spawn(async move {
            // The request that it breaks says so.
            let _ = connection.await;
        });
        self.open = Some(open);
        Ok(())
    }

    /// Sends a request and reads the whole answer. The error is in words, the same for the same trouble.
    pub async fn call(&mut self, request: Request<Full<Bytes>>) -> Result<(StatusCode, Bytes), String> {
        self.connect().await?;
        let Some(open) = self.open.as_mut() else { return Err("no connection".to_owned()) };
        let answer = async {
            open.ready().await?;
            let (head, body) = open.send_request(request).await?.into_parts();
            Ok::<_, hyper::Error>((head.status, body.collect().await?.to_bytes()))
        };
        match answer.await {
            Ok(answer) => Ok(answer),
            Err(error) => {
                self.open = None;
                Err(format!("the connection broke: {error}"))
            }
        }
    }

    /// The JSON that is there.
    pub async fn get<T: DeserializeOwned>(&mut self, path: &str, key: Option<&str>) -> Result<T, String> {
        let mut request = self.target.request(Method::GET, path);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(Full::default()).map_err(|error| error.to_string())?;
        let (status, body) = self.call(request).await?;
        if status != StatusCode::OK {
            return Err(format!("GET {path} was answered {status}"));
        }
        serde_json::from_slice(&body).map_err(|error| format!("GET {path} was answered something else: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_server_by_http() {
        let target = Target::of("http://127.0.0.1:8080/below/").unwrap();
        assert!(target.is_here());
        let request = target.request(Method::GET, "/v1/messages").body(()).unwrap();
        assert_eq!(
            (request.uri().path(), &request.headers()["host"]),
            ("/below/v1/messages", &"127.0.0.1:8080".parse().unwrap())
        );
        assert!(Target::of("http://[::1]:80").unwrap().is_here());
        assert!(!Target::of("http://sms.example.mx").unwrap().is_here());
        assert_eq!(["https://sms.example.mx", "sms.example.mx", ""].map(Target::of), [None, None, None]);
    }
}
