//! The local Twilio over real sockets, against a scripted application.

mod api;
mod connections;
mod editing;
mod faults;
mod media;
mod page;
mod sending;
mod services;
mod webhooks;
mod wishes;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

use super::message::Message;
use super::*;
use crate::channels::twilio::signature;
use crate::clock::ManualClock;
use crate::transport::{HttpTransport, Limits, Transport};

const SID: &str = "AC0123456789abcdef0123456789abcdef";
const SERVICE: &str = "MG0123456789abcdef0123456789abcdef";
const TOKEN: &str = "12345";
const NUMBER: &str = "+529983162438";
const ANA: &str = "+525512345678";
const LUIS: &str = "+528187654321";

/// A request that the application received.
#[derive(Clone, Debug)]
struct Heard {
    url: String,
    method: Method,
    headers: HeaderMap,
    form: Vec<(String, String)>,
}

impl Heard {
    fn get(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn is_signed(&self) -> bool {
        let signed = if self.method == Method::GET { &[][..] } else { &self.form };
        self.headers["x-twilio-signature"] == signature::sign(TOKEN, &self.url, signed)
    }
}

type Script = Arc<dyn Fn(Heard) -> BoxFuture<'static, Response> + Send + Sync>;

/// The application that Twilio calls.
struct Application {
    url: String,
    heard: Mutex<mpsc::UnboundedReceiver<Heard>>,
}

impl Application {
    /// Answers each request by the script's word on it.
    async fn start(answer: impl Fn(&Heard) -> Response + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        Self::scripted(Arc::new(move |heard| {
            let answer = Arc::clone(&answer);
            Box::pin(async move { answer(&heard) })
        }))
        .await
    }

    async fn scripted(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, heard) = mpsc::unbounded_channel();
        let base = url.clone();
        let app = Router::new().fallback(async move |method: Method, uri: Uri, headers: HeaderMap, body: Bytes| {
            let encoded = if method == Method::GET { uri.query().unwrap_or_default().as_bytes() } else { &body };
            let form = form_urlencoded::parse(encoded).into_owned().collect();
            let heard = Heard { url: format!("{base}{uri}"), method, headers, form };
            sender.send(heard.clone()).unwrap();
            script(heard).await
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, heard: Mutex::new(heard) }
    }

    async fn next(&self) -> Heard {
        soon(async { self.heard.lock().await.recv().await.unwrap() }).await
    }

    /// The statuses reported for a message, up to a final one; each report is checked.
    async fn statuses(&self, sid: &str) -> Vec<String> {
        let mut statuses = Vec::new();
        while !statuses
            .last()
            .is_some_and(|last: &String| ["delivered", "undelivered", "failed"].contains(&last.as_str()))
        {
            let report = self.next().await;
            assert!(report.is_signed(), "{report:?}");
            assert_eq!(report.get("MessageSid"), Some(sid));
            assert_eq!(report.get("MessageStatus"), report.get("SmsStatus"));
            statuses.push(report.get("MessageStatus").unwrap().to_owned());
        }
        statuses
    }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it comes soon")
}

fn twiml(verbs: &str) -> Response {
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], format!("<Response>{verbs}</Response>")).into_response()
}

fn settings() -> Settings {
    Settings {
        account_sid: SID.to_owned(),
        auth_token: SecretString::from(TOKEN),
        number: NUMBER.to_owned(),
        messaging_service_sid: None,
        inbound_url: None,
        keep: None,
        pace: Pace::Immediate,
    }
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at("2026-11-23T00:37:22Z".parse::<Timestamp>().unwrap()))
}

/// A client of the local Twilio.
struct Client {
    sandbox: Sandbox,
    transport: HttpTransport,
}

impl Client {
    async fn start(settings: Settings) -> Self {
        let bound = Bound::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let sandbox = bound.serve(settings, clock()).await.unwrap();
        Self { sandbox, transport: HttpTransport::new(Limits::default()).unwrap() }
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> http::Response<Bytes> {
        let mut request = http::Request::builder().method(method).uri(format!("{}{path}", self.sandbox.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        soon(self.transport.send(request.body(body).unwrap())).await.unwrap()
    }

    /// A request of the account's owner to the API, below the account.
    async fn api(&self, method: Method, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let basic = format!("Basic {}", STANDARD.encode(format!("{SID}:{TOKEN}")));
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let headers = [("authorization", basic.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        let path =
            if path.starts_with("/2010") { path.to_owned() } else { format!("/2010-04-01/Accounts/{SID}{path}") };
        let response = self.request(method, &path, &headers, body.into()).await;
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
    }

    /// Creates a message and returns its resource.
    async fn create(&self, form: &[(&str, &str)]) -> Value {
        let (status, message) = self.api(Method::POST, "/Messages.json", form).await;
        assert_eq!(status, 201, "{message}");
        message
    }

    async fn page(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let headers = [("content-type", "application/json")];
        let response = self.request(method, path, &headers, body.to_string().into()).await;
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
    }

    /// Texts the number and waits for what came of it.
    async fn text(&self, from: &str, text: &str) -> Value {
        let (status, answer) =
            self.page(Method::POST, "/sandbox/messages?wait=true", json!({ "from": from, "text": text })).await;
        assert_eq!(status, 201, "{answer}");
        answer
    }

    /// A message as the page sees it, once it is as wanted.
    async fn message(&self, sid: &str, wanted: impl Fn(&Message) -> bool) -> Value {
        soon(self.sandbox.account.ledger.wait_until(sid, wanted)).await;
        json!(*self.sandbox.account.ledger.get(sid).unwrap())
    }
}

fn codes(warnings: &Value) -> Vec<u64> {
    warnings.as_array().unwrap().iter().map(|warning| warning["code"].as_u64().unwrap()).collect()
}
