//! HTTP from the test's side.

use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use recado::transport::{HttpTransport, Limits, Transport};
use serde_json::Value;

use crate::background::block;
use crate::{Must, give_up};

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer(Response<Bytes>);

impl Answer {
    pub fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name).and_then(|value| value.to_str().ok())
    }

    pub fn bytes(&self) -> &[u8] {
        self.0.body()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(self.0.body()).into_owned()
    }

    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(self.0.body()).unwrap_or_default()
    }

    /// The JSON body of an answer that must have this status.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        if self.status() != status {
            give_up(&format!("answered {}, not {status}: {}", self.status(), self.text()));
        }
        self.json()
    }
}

/// Sends a request and waits for the answer; an error if there is none.
pub fn call(request: Request<Bytes>) -> Result<Answer, String> {
    static TRANSPORT: OnceLock<HttpTransport> = OnceLock::new();
    let answer = block(async move {
        let transport = TRANSPORT.get_or_init(|| {
            let limits = Limits { total: Duration::from_mins(1), response: 16 * 1024 * 1024, ..Limits::default() };
            HttpTransport::new(limits).must("an HTTP client")
        });
        transport.send(request).await
    });
    answer.map(Answer).map_err(|failure| failure.to_string())
}

/// A request that carries JSON.
pub fn json_request(method: Method, url: &str, headers: &[(&str, &str)], body: &Value) -> Request<Bytes> {
    let mut request = Request::builder().method(method).uri(url).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.to_string().into()).must("a request")
}
