//! A gateway under test: `recado serve`, its data, its key, and who is on the other side.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::Value;
use tempfile::TempDir;
use toml::Table;

use crate::postgres::FreshDatabase;
use crate::twilio::LocalTwilio;
use crate::{
    AUTH_TOKEN, Answer, Builder, Log, Must, Outside, Plugin, Process, SOON, builder, call, json_request, sign,
    wait_for, wait_up_to,
};

/// A gateway that runs, with the same data from start to start.
pub struct TestGateway {
    // Dropped in this order: the process before what it works with.
    pub(crate) process: Process,
    pub(crate) twilio: Option<LocalTwilio>,
    pub(crate) database: Option<FreshDatabase>,
    pub(crate) folder: TempDir,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    pub(crate) account_sid: String,
    pub(crate) callback_token: String,
    pub(crate) settings: Table,
    pub(crate) log: Log,
    pub(crate) allow_errors: bool,
    pub(crate) allow_unsent: bool,
}

/// Starts the gateway, and gives the address that it says it listens on.
pub(crate) fn serve(folder: &Path, listen: &str, log: &Log) -> Result<(Process, SocketAddr), String> {
    let before = log.lines().len();
    let mut process = Process::start(folder, &["--config", "test.toml", "serve", "--listen", listen], log);
    let listening = wait_up_to(SOON, || {
        let line = log.lines().into_iter().skip(before).find(|line| line["message"] == "listening");
        line.map(Some).or_else(|| process.has_ended().then_some(None))
    });
    let address = listening.flatten().and_then(|line| line["address"].as_str()?.parse().ok());
    address.map(|address| (process, address)).ok_or_else(|| log.text())
}

impl TestGateway {
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A gateway as it comes, with the local Twilio.
    pub fn start() -> Self {
        Self::builder().start()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// The account that the key is, to an SDK of Twilio's.
    pub fn account_sid(&self) -> &str {
        &self.account_sid
    }

    /// What callbacks to the application with the key are signed with.
    pub fn callback_token(&self) -> &str {
        &self.callback_token
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Where its database is.
    pub fn database_url(&self) -> String {
        let url = self.settings.get("database").and_then(|database| database.get("url")?.as_str());
        url.must("the database's URL").to_owned()
    }

    /// What its database takes on the disk: on SQLite with the write-ahead log, which is the second number.
    pub fn database_bytes(&self) -> (u64, u64) {
        if let Some(database) = &self.database {
            return (database.bytes(), 0);
        }
        let bytes = |name: &str| std::fs::metadata(self.folder.path().join(name)).map_or(0, |file| file.len());
        let log = bytes("recado.db-wal");
        (bytes("recado.db") + log, log)
    }

    /// Asks the process to stop, as a service manager does.
    pub fn terminate(&self) {
        self.process.terminate();
    }

    /// Ends the process at once, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same data and the same port, killing it first if it runs.
    pub fn restart(&mut self) {
        self.kill();
        let listen = self.address.to_string();
        // Meanwhile somebody's connection may have been given our port.
        let started = wait_up_to(SOON, || match serve(self.folder.path(), &listen, &self.log) {
            Err(log) if log.contains("can't listen") => None,
            other => Some(other),
        });
        (self.process, self.address) = started.must("the port stays taken").must("the gateway does not start again");
    }

    /// Settings over those that there are, from the next start on.
    pub fn set_config(&mut self, text: &str) {
        builder::merge(&mut self.settings, text.parse().must("settings"));
        builder::write(&self.settings, self.folder.path());
    }

    /// Other plugins, from the next start on.
    pub fn set_plugins(&mut self, plugins: &[Plugin]) {
        builder::install(&mut self.settings, plugins, self.folder.path());
        builder::write(&self.settings, self.folder.path());
    }

    /// A request without a key.
    pub fn request(&self, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        self.try_request(method, path, headers, body).must("the gateway")
    }

    /// The same, where there may be no answer.
    pub fn try_request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, String> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url()));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        call(request.body(body.into()).must("a request"))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, &[("authorization", &format!("Bearer {}", self.key))], "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_with(path, &[], body)
    }

    pub fn post_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.key);
        let headers: Vec<_> = headers.iter().copied().chain([("authorization", bearer.as_str())]).collect();
        call(json_request(Method::POST, &format!("{}{path}", self.url()), &headers, body)).must("the gateway")
    }

    /// Puts a JSON body in place of what is there.
    pub fn put_with(&self, path: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let bearer = format!("Bearer {}", self.key);
        let headers: Vec<_> = headers.iter().copied().chain([("authorization", bearer.as_str())]).collect();
        call(json_request(Method::PUT, &format!("{}{path}", self.url()), &headers, body)).must("the gateway")
    }

    /// Takes away what is there.
    pub fn delete_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let bearer = format!("Bearer {}", self.key);
        let headers: Vec<_> = headers.iter().copied().chain([("authorization", bearer.as_str())]).collect();
        self.request(Method::DELETE, path, &headers, "")
    }

    /// Where a provider calls the gateway, as it is signed: `sms/inbound`, `sms/status?part=…`.
    pub fn webhook_url(&self, tail: &str) -> String {
        let public_url = self.settings.get("server").and_then(|server| server.get("public_url")?.as_str());
        format!("{}/webhooks/{tail}", public_url.map_or_else(|| self.url(), str::to_owned))
    }

    /// A webhook with this signature and body.
    pub fn post_webhook(&self, tail: &str, signature: &str, body: &str) -> Answer {
        self.try_webhook(tail, signature, body).must("the gateway")
    }

    pub fn try_webhook(&self, tail: &str, signature: &str, body: &str) -> Result<Answer, String> {
        let headers = [("x-twilio-signature", signature), ("content-type", "application/x-www-form-urlencoded")];
        self.try_request(Method::POST, &format!("/webhooks/{tail}"), &headers, body.to_owned())
    }

    /// A webhook as Twilio would sign it.
    pub fn signed_webhook(&self, tail: &str, parameters: &[(String, String)]) -> Answer {
        let (signature, body) = sign(&self.webhook_url(tail), parameters);
        self.post_webhook(tail, &signature, &body)
    }

    /// The gateway as customers and applications see it, whether it runs or not.
    pub fn outside(&self) -> Outside {
        Outside { twilio: self.twilio().url().to_owned(), gateway: self.url(), key: self.key.clone() }
    }

    /// Texts the gateway through the local Twilio, and waits for what came of it.
    pub fn text(&self, from: &str, text: &str) -> Value {
        self.twilio().text(from, text)
    }

    /// Where the local Twilio is.
    pub fn twilio_url(&self) -> &str {
        self.twilio().url()
    }

    /// Sets the local Twilio's faults, and takes back those that are not named.
    pub fn set_faults(&self, faults: &Value) {
        let url = format!("{}/sandbox/faults", self.twilio().url());
        call(json_request(Method::PUT, &url, &[], faults)).must("the local Twilio").expect(200);
    }

    /// Which API keys the local Twilio takes besides the token, and their secrets.
    pub fn set_twilio_keys(&self, keys: &Value) {
        let url = format!("{}/sandbox/keys", self.twilio().url());
        call(json_request(Method::PUT, &url, &[], keys)).must("the local Twilio").expect(200);
    }

    /// Whether the local Twilio calls the gateway when somebody texts it.
    pub fn set_inbound(&self, on: bool) {
        let url = if on { self.webhook_url("sms/inbound") } else { "http://127.0.0.1:1/nobody".to_owned() };
        self.twilio().set_inbound_url(url);
    }

    /// What the local Twilio accepted: how many creates, and how many of them twice.
    pub fn creates(&self) -> Value {
        let url = format!("{}/sandbox/creates", self.twilio().url());
        let request = Request::get(url).body(Bytes::new()).must("a request");
        call(request).must("the local Twilio").expect(200)
    }

    /// The messages that the local Twilio has, oldest first.
    pub fn twilio_messages(&self) -> Vec<Value> {
        self.twilio().messages()
    }

    fn twilio(&self) -> &LocalTwilio {
        self.twilio.as_ref().must("this test has no local Twilio")
    }

    /// All messages, oldest first.
    pub fn messages(&self) -> Vec<Value> {
        self.all("/v1/messages?limit=200")
    }

    /// All conversations, oldest first.
    pub fn conversations(&self) -> Vec<Value> {
        self.all("/v1/conversations?limit=200")
    }

    /// The first page of a list, which must be the only one, oldest first.
    pub fn all(&self, path: &str) -> Vec<Value> {
        let page = self.get(path).expect(200);
        let more = page["next_cursor"].as_str();
        more.map_or(Ok(()), Err).must("the list goes on");
        page["items"].as_array().must("a list").iter().rev().cloned().collect()
    }

    pub fn message(&self, id: &str) -> Value {
        self.get(&format!("/v1/messages/{id}")).expect(200)
    }

    /// A message once it has this status.
    pub fn wait_for_status(&self, id: &str, status: &str) -> Value {
        let mut last = Value::Null;
        let found = wait_up_to(SOON, || {
            last = self.message(id);
            (last["status"] == status).then(|| last.clone())
        });
        found.must(&format!("the message did not become {status}: {last}"))
    }

    /// All messages, once they are as wanted.
    pub fn wait_for_messages(&self, what: &str, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        wait_for(what, || Some(self.messages()).filter(|messages| wanted(messages)))
    }

    /// The newest messages, if the gateway runs.
    fn newest(&self) -> Vec<Value> {
        let bearer = format!("Bearer {}", self.key);
        let answer = self.try_request(Method::GET, "/v1/messages?limit=200", &[("authorization", &bearer)], "");
        let page = answer.map(|answer| answer.json()).unwrap_or_default();
        page["items"].as_array().cloned().unwrap_or_default()
    }

    /// What the gateway still has to send.
    fn unsent(&self) -> Vec<Value> {
        self.newest().into_iter().filter(|message| message["status"] == "pending").collect()
    }

    /// What must not stand in a log: secrets, numbers, and texts that could not be there by chance.
    fn private(&self) -> BTreeSet<String> {
        let messages = self.newest();
        let numbers = messages.iter().flat_map(|message| [&message["from"], &message["to"]]);
        let numbers = numbers.filter_map(Value::as_str).map(|number| number.trim_start_matches('+').to_owned());
        let texts = messages.iter().filter_map(|message| message["text"].as_str());
        let texts = texts.filter(|text| text.chars().count() > 8).map(str::to_owned);
        [self.key.clone(), self.callback_token.clone(), AUTH_TOKEN.to_owned()]
            .into_iter()
            .chain(numbers)
            .chain(texts)
            .collect()
    }
}

impl Drop for TestGateway {
    /// Nothing may be left undone, and nothing may have gone wrong in silence.
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the gateway's log:\n{}", self.log.text());
            return;
        }
        let unsent = if self.allow_unsent || self.process.has_ended() {
            Vec::new()
        } else {
            let empty = wait_up_to(SOON, || self.unsent().is_empty().then_some(()));
            empty.map_or_else(|| self.unsent(), |()| Vec::new())
        };
        let private = self.private();
        self.kill();
        let log = self.log.text();
        for text in private {
            assert!(!log.contains(&text), "the log holds {text:?}, which is nobody's business:\n{log}");
        }
        let errors = if self.allow_errors { Vec::new() } else { self.log.errors() };
        assert!(unsent.is_empty(), "left in the outbox: {unsent:#?}\n{}", self.log.text());
        assert!(errors.is_empty(), "errors in the log: {errors:#?}");
    }
}
