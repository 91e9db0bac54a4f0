//! What happens is heard by whoever listens, and by whoever comes back, each event once and in order.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use recado_tests::{Builder, TestGateway, form, run, wait_for};
use serde_json::{Value, json};

use super::message_sid;

const ANA: &str = "+529981122351";

fn builder() -> Builder {
    TestGateway::builder().config_toml("[stream]\nkeep_h = 1\n")
}

/// A key for these scopes.
fn key(gateway: &TestGateway, scopes: &[&str]) -> String {
    let mut arguments = vec!["--config", "test.toml", "--json", "key", "create", "--name", "listener"];
    arguments.extend(scopes.iter().flat_map(|scope| ["--scope", *scope]));
    run(gateway.folder(), &arguments, &[]).good().json()["key"].as_str().unwrap().to_owned()
}

fn says(gateway: &TestGateway, text: &str) {
    gateway.signed_webhook("sms/inbound", &form(&message_sid(), ANA, text));
}

/// An event as it was heard.
#[derive(Clone, Debug, PartialEq)]
struct Heard {
    id: String,
    kind: String,
    data: Value,
}

/// Somebody who listens.
struct Listener {
    stream: BufReader<TcpStream>,
}

impl Listener {
    fn start(gateway: &TestGateway, query: &str, key: &str, last: Option<&str>) -> Self {
        let address = gateway.url().replace("http://", "");
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        // Of HTTP 1.0, so that the answer is not in chunks.
        write!(
            stream,
            "GET /v1/events{query} HTTP/1.0\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n{last}\r\n"
        )
        .unwrap();
        let mut listener = Self { stream: BufReader::new(stream) };
        let head: Vec<String> = std::iter::from_fn(|| listener.line().filter(|line| !line.is_empty())).collect();
        assert!(head[0].contains(" 200 "), "{head:?}");
        assert!(head.iter().any(|line| line.eq_ignore_ascii_case("content-type: text/event-stream")), "{head:?}");
        listener
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).expect("nothing was heard for a minute");
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// The next event; none, if the gateway ends it.
    fn next(&mut self) -> Option<Heard> {
        let mut fields = BTreeMap::new();
        loop {
            let line = self.line()?;
            if let Some((name, value)) = line.split_once(':').filter(|(name, _)| !name.is_empty()) {
                fields.insert(name.to_owned(), value.trim_start().to_owned());
            } else if line.is_empty() && fields.contains_key("data") {
                let take = |name: &str| fields.get(name).cloned().unwrap_or_default();
                let data = serde_json::from_str(&take("data")).unwrap();
                return Some(Heard { id: take("id"), kind: take("event"), data });
            }
        }
    }

    /// By what whoever heard nothing yet goes on.
    fn mark(&mut self) -> String {
        loop {
            let line = self.line().unwrap();
            if let Some(id) = line.strip_prefix("id:") {
                return id.trim().to_owned();
            }
        }
    }

    /// The next ones, up to the text of this reply being delivered.
    fn up_to_delivered(&mut self, replies: usize) -> Vec<Heard> {
        let (mut all, mut delivered) = (Vec::new(), 0);
        while delivered < replies {
            let event = self.next().unwrap();
            delivered += usize::from(event.data["data"]["message"]["status"] == "delivered");
            all.push(event);
        }
        all
    }
}

fn kinds(heard: &[Heard]) -> Vec<&str> {
    heard.iter().map(|event| event.kind.as_str()).collect()
}

#[test]
fn what_happens_is_heard_once_and_in_order_also_by_whoever_comes_back() {
    let mut gateway = builder().start();
    let key = gateway.key().to_owned();
    let mut listener = Listener::start(&gateway, "", &key, None);
    gateway.text(ANA, "uno");
    let first = listener.up_to_delivered(1);
    assert_eq!(first[0].kind, "message.received", "{first:#?}");
    assert_eq!(first[0].data["data"]["message"]["text"], "uno");
    assert_eq!(first[0].data["type"], "message.received");
    assert!(kinds(&first)[1..].iter().all(|kind| *kind == "message.status"), "{first:#?}");
    drop(listener);

    // While nobody listens, and before the next start.
    gateway.text(ANA, "dos");
    let replies = |gateway: &TestGateway| {
        let all = gateway.messages();
        all.iter().filter(|one| one["direction"] == "outbound" && one["status"] == "delivered").count()
    };
    wait_for("the second reply", || (replies(&gateway) == 2).then_some(()));
    gateway.restart();
    let last = first.last().unwrap().id.clone();
    let mut back = Listener::start(&gateway, "", &key, Some(&last));
    let missed = back.up_to_delivered(1);
    assert_eq!(
        (missed[0].kind.as_str(), &missed[0].data["data"]["message"]["text"]),
        ("message.received", &json!("dos"))
    );
    gateway.text(ANA, "tres");
    let then = back.up_to_delivered(1);
    assert_eq!(then[0].data["data"]["message"]["text"], "tres", "nothing in between");

    // All of it, once more, and from the middle.
    let whole = [first, missed, then].concat();
    let mut again = Listener::start(&gateway, "?after=0", &key, None);
    let read: Vec<Heard> = whole.iter().map(|_| again.next().unwrap()).collect();
    assert_eq!(read, whole);
    let middle = whole.len() / 2;
    let mut rest = Listener::start(&gateway, &format!("?after={}", whole[middle - 1].id), &key, None);
    let read: Vec<Heard> = whole[middle..].iter().map(|_| rest.next().unwrap()).collect();
    assert_eq!(read, whole[middle..]);
}

#[test]
fn a_key_hears_what_it_may_read_and_what_it_wishes() {
    let gateway = builder().no_plugins().start();
    let pause = || {
        gateway.post("/v1/channels/sms/pause", &json!({ "reason": "a test" })).expect(200);
        gateway.post("/v1/channels/sms/resume", &json!({})).expect(200);
    };
    let channels = key(&gateway, &["channels:read"]);
    let messages = key(&gateway, &["messages:read"]);
    let mut of_channels = Listener::start(&gateway, "", &channels, None);
    let mut of_messages = Listener::start(&gateway, "", &messages, None);
    let mut resumed = Listener::start(&gateway, "?types=message.*,channel.resumed", gateway.key(), None);
    pause();
    says(&gateway, "hola");
    pause();
    let heard: Vec<Heard> = (0..4).map(|_| of_channels.next().unwrap()).collect();
    assert_eq!(kinds(&heard), ["channel.paused", "channel.resumed"].repeat(2), "and not of what was said between");
    let alone = of_messages.next().unwrap();
    assert_eq!(alone.kind, "message.received", "and not of what was paused before");
    assert_eq!(alone.data["data"]["conversation"], Value::Null, "that takes conversations:read");
    let heard: Vec<Heard> = (0..3).map(|_| resumed.next().unwrap()).collect();
    assert_eq!(kinds(&heard), ["channel.resumed", "message.received", "channel.resumed"]);
    assert_eq!(heard[1].data["data"]["conversation"]["address"], ANA);

    // The connection is lost before the first event; what happens until the next is not.
    let mark = Listener::start(&gateway, "?types=channel.*", &channels, None).mark();
    pause();
    let mut back = Listener::start(&gateway, "?types=channel.*", &channels, Some(&mark));
    assert_eq!(kinds(&[back.next().unwrap(), back.next().unwrap()]), ["channel.paused", "channel.resumed"]);

    // Of one conversation alone.
    let conversation = gateway.conversations()[0]["id"].as_str().unwrap().to_owned();
    gateway.signed_webhook("sms/inbound", &form(&message_sid(), "+529981122352", "otra persona"));
    says(&gateway, "otra vez");
    let query = format!("?after=0&conversation={conversation}");
    let mut of_one = Listener::start(&gateway, &query, gateway.key(), None);
    let texts = [(); 2].map(|()| of_one.next().unwrap().data["data"]["message"]["text"].clone());
    assert_eq!(texts, [json!("hola"), json!("otra vez")]);

    let refused = |query: &str, key: &str, last: &str| {
        let bearer = format!("Bearer {key}");
        let headers = [("authorization", bearer.as_str()), ("last-event-id", last)];
        let answer = gateway.request(http::Method::GET, &format!("/v1/events{query}"), &headers, "");
        (answer.status(), answer.json()["type"].as_str().unwrap_or_default().to_owned())
    };
    let problem = |name: &str| format!("urn:recado:problem:{name}");
    let none = key(&gateway, &["templates:read"]);
    assert_eq!(refused("", &none, ""), (403, problem("not-allowed")));
    assert_eq!(refused("?types=channel.*", &messages, ""), (403, problem("not-allowed")));
    assert_eq!(refused("?types=message.sung", &messages, ""), (422, problem("invalid")));
    assert_eq!(refused("?types=message.forwarded", &messages, ""), (422, problem("invalid")));
    assert_eq!(refused("?conversation=7", &messages, ""), (422, problem("invalid")));
    assert_eq!(refused("", &messages, "yesterday"), (422, problem("invalid")));
    assert_eq!(refused("?after=yesterday", &messages, ""), (422, problem("invalid")));
    let answer = gateway.get("/v1/events?after=yesterday").expect(422);
    assert_eq!(answer["errors"][0]["pointer"], "after", "{answer}");
    assert_eq!(refused("", "recado_0000", "").0, 401);
}

#[test]
fn whoever_comes_back_too_late_is_told_so_and_hears_all_that_is_kept() {
    let gateway = builder().no_plugins().start();
    says(&gateway, "hola");
    let unknown = "0192f3a4-5b6c-7d8e-9f00-112233445566";
    let mut listener = Listener::start(&gateway, "", gateway.key(), Some(unknown));
    let missed = listener.next().unwrap();
    assert_eq!((missed.kind.as_str(), missed.id.as_str()), ("stream.missed", ""));
    assert_eq!(missed.data["data"]["after"], unknown);
    assert_eq!(listener.next().unwrap().data["data"]["message"]["text"], "hola");
}

#[test]
fn a_stream_ends_with_its_key_and_none_has_too_many() {
    let gateway = builder().no_plugins().start();
    let listener = key(&gateway, &["messages:read"]);
    let mut streams: Vec<Listener> = (0..16).map(|_| Listener::start(&gateway, "", &listener, None)).collect();
    let bearer = format!("Bearer {listener}");
    let headers = [("authorization", bearer.as_str())];
    let refused = gateway.request(http::Method::GET, "/v1/events", &headers, "");
    assert_eq!(refused.status(), 429);
    assert!(refused.header("retry-after").is_some());
    let mut other = Listener::start(&gateway, "", gateway.key(), None);

    let list = run(gateway.folder(), &["--config", "test.toml", "--json", "key", "list"], &[]).good().json();
    let known = list.as_array().or_else(|| list["items"].as_array()).unwrap();
    let id = known.iter().find(|key| key["name"] == "listener").unwrap()["id"].as_str().unwrap();
    run(gateway.folder(), &["--config", "test.toml", "key", "revoke", id], &[]).good();
    wait_for("the key to let in no more", || {
        let answer = gateway.request(http::Method::GET, "/v1/messages", &headers, "");
        (answer.status() == 401).then_some(())
    });
    says(&gateway, "secreto");
    for stream in &mut streams {
        assert_eq!(stream.next(), None, "what came after it was revoked is not heard");
    }
    assert_eq!(other.next().unwrap().data["data"]["message"]["text"], "secreto");
}

#[test]
fn where_nothing_is_kept_nobody_listens_and_the_remedy_is_told() {
    let gateway = TestGateway::builder().no_plugins().start();
    let problem = gateway.get("/v1/events").expect(409);
    assert_eq!(problem["type"], "urn:recado:problem:no-stream");
    assert!(problem["detail"].as_str().unwrap().contains("stream.keep_h"), "{problem}");
}
