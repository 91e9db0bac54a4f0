//! Files that come in with messages and are kept, and files that are uploaded to go out.

use std::io::{Read, Write};
use std::net::TcpStream;

use bytes::Bytes;
use http::{Method, Request};
use recado_tests::{ACCOUNT_SID, Answer, Builder, ScriptedProvider, Step, TestGateway, call, form, json_request, run};
use recado_tests::{wait_for, wait_up_to};
use serde_json::{Value, json};

use super::message_sid;

const CUSTOMER: &str = "+529981122334";
/// No text by any reading of it.
const GIF: &[u8] =
    b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
/// What a scripted provider can answer with.
const SMALL: &str = "GIF89a\u{1}\0\u{1}\0;";
const SCHEDULE: &str = "[media]\nbackoff_s = 1\nbackoff_max_s = 1";

/// The first medium of the only message, once it is as far.
fn wait_for_medium(gateway: &TestGateway, state: &str) -> Value {
    let mut last = Value::Null;
    let found = wait_up_to(recado_tests::SOON, || {
        last = gateway.messages().first()?.clone();
        (last["media"][0]["state"] == state).then(|| last["media"][0].clone())
    });
    found.unwrap_or_else(|| panic!("the medium did not become {state}: {last}"))
}

/// A webhook with one medium, which a scripted provider has.
fn receive(gateway: &TestGateway, provider: &ScriptedProvider, content_type: &str) {
    let sid = message_sid();
    let url = format!("{}{}", provider.url(), path(&sid));
    let mut parameters = form(&sid, CUSTOMER, "Mira");
    parameters.extend([("MediaUrl0", url.as_str()), ("MediaContentType0", content_type)].map(owned));
    assert_eq!(gateway.signed_webhook("sms/inbound", &parameters).status(), 200);
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn path(message_sid: &str) -> String {
    format!("/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{message_sid}/Media/ME00000000000000000000000000000001")
}

fn with(gateway: &TestGateway, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let bearer = format!("Bearer {}", gateway.key());
    let headers: Vec<_> = headers.iter().copied().chain([("authorization", bearer.as_str())]).collect();
    gateway.request(method, path, &headers, "")
}

fn upload(gateway: &TestGateway, content_type: &str, contents: impl Into<Bytes>) -> Answer {
    let bearer = format!("Bearer {}", gateway.key());
    let headers = [("authorization", bearer.as_str()), ("content-type", content_type)];
    gateway.request(Method::POST, "/v1/media", &headers, contents)
}

fn a_picture_from_a_phone_is_kept(builder: Builder) {
    let mut gateway = builder.no_plugins().start();
    let twilio = gateway.twilio_url();
    let request = Request::post(format!("{twilio}/sandbox/media")).header("content-type", "image/gif");
    let kept = call(request.body(GIF.into()).unwrap()).unwrap().expect(201);
    let text = json!({ "from": CUSTOMER, "text": "Mira", "media": [kept["id"]] });
    call(json_request(Method::POST, &format!("{twilio}/sandbox/messages?wait=true"), &[], &text)).unwrap().expect(201);

    let medium = wait_for_medium(&gateway, "stored");
    assert_eq!((&medium["content_type"], &medium["bytes"]), (&json!("image/gif"), &json!(GIF.len())));
    let href = medium["href"].as_str().unwrap().to_owned();
    let id = gateway.messages()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(href, format!("/v1/messages/{id}/media/0"));
    gateway.restart();

    let answer = gateway.get(&href);
    assert_eq!((answer.status(), answer.bytes()), (200, GIF));
    let headers = [
        ("content-type", "image/gif"),
        ("content-disposition", "inline; filename=\"image.gif\""),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
    ];
    for (name, value) in headers {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let etag = answer.header("etag").unwrap();
    let same = with(&gateway, Method::GET, &href, &[("if-none-match", &format!("\"a\", W/{etag}"))]);
    assert_eq!((same.status(), same.bytes().len(), same.header("etag")), (304, 0, Some(etag)));
    assert_eq!(with(&gateway, Method::GET, &href, &[("if-none-match", "\"a\"")]).status(), 200);
    let head = with(&gateway, Method::HEAD, &href, &[]);
    let length = GIF.len().to_string();
    assert_eq!((head.status(), head.header("content-length")), (200, Some(length.as_str())));
    let part = with(&gateway, Method::GET, &href, &[("range", "bytes=2-5")]);
    assert_eq!((part.status(), part.bytes()), (206, &GIF[2..6]));
    assert_eq!(part.header("content-range"), Some(format!("bytes 2-5/{length}").as_str()));
    assert_eq!(with(&gateway, Method::GET, &href, &[("range", "bytes=999-")]).status(), 416);

    assert_eq!(gateway.request(Method::GET, &href, &[], "").status(), 401, "only with a key");
    let others = ["1", "-1", "256", "a", "", "..%2f0", "%2e%2e", "%ff", "0/.."];
    for number in others {
        let answer = gateway.get(&format!("/v1/messages/{id}/media/{number}"));
        assert_eq!(answer.status(), 404, "{number}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{number}");
    }
    assert_eq!(gateway.get("/v1/messages/..%2f..%2fetc/media/passwd").status(), 404);
}

#[test]
fn a_picture_from_a_phone_is_kept_and_served() {
    a_picture_from_a_phone_is_kept(TestGateway::builder());
}

#[test]
fn a_picture_from_a_phone_is_kept_and_served_on_postgres() {
    let Some(builder) = TestGateway::builder().postgres() else {
        eprintln!("skipped: no Postgres");
        return;
    };
    a_picture_from_a_phone_is_kept(builder);
}

#[test]
fn a_file_that_comes_late_is_fetched_and_the_credential_is_shown_once() {
    let provider = ScriptedProvider::start([
        Step::Answer(404, &[], "not yet"),
        Step::Answer(503, &[], ""),
        Step::Answer(307, &[("location", "/files/a?signature=hush")], ""),
        Step::Answer(200, &[("content-type", "image/gif")], SMALL),
    ]);
    let gateway = TestGateway::builder().provider(&provider).config_toml(SCHEDULE).no_plugins().start();
    receive(&gateway, &provider, "image/png");
    let medium = wait_for_medium(&gateway, "stored");
    assert_eq!(medium["content_type"], "image/gif", "by its bytes, and not as it was declared");
    assert_eq!(gateway.get(medium["href"].as_str().unwrap()).text(), SMALL);
    let received = provider.received();
    let with_credential: Vec<bool> = received.iter().map(|request| request.authorization.is_some()).collect();
    assert_eq!(with_credential, [true, true, true, false]);
    assert!(received[0].authorization.as_ref().is_some_and(|value| value.starts_with("Basic ")));
    assert_eq!(received[3].path, "/files/a?signature=hush");
    assert!(!gateway.log().text().contains("hush"), "no signed URL in the log");
}

#[test]
fn what_is_not_to_be_had_says_why() {
    const LOCATION: &str = "http://169.254.169.254/latest/meta-data/";
    let cases = [
        (vec![Step::Answer(302, &[("location", LOCATION)], "")], "led to a place"),
        (vec![Step::Answer(302, &[("location", "https://mms.twiliocdn.com@127.0.0.1/")], "")], "led to a place"),
        (vec![Step::Answer(200, &[], "12345678901234567890123456789012345678901")], "media.max_bytes"),
        (vec![Step::Answer(401, &[], "")], "HTTP 401"),
        (vec![Step::Answer(404, &[], ""), Step::Answer(404, &[], "")], "given up: the provider does not have it"),
    ];
    for (steps, reason) in cases {
        let provider = ScriptedProvider::start(steps.clone());
        let settings = format!("{SCHEDULE}\ntries = 2\nmax_bytes = 40");
        let gateway = TestGateway::builder().provider(&provider).config_toml(&settings).no_plugins().start();
        receive(&gateway, &provider, "image/png");
        let medium = wait_for_medium(&gateway, "failed");
        assert!(medium["error"].as_str().is_some_and(|error| error.contains(reason)), "{steps:?}: {medium}");
        assert!(medium["href"].is_null(), "{medium}");
        assert_eq!(provider.received().len(), steps.len(), "{steps:?}");
        let id = gateway.messages()[0]["id"].as_str().unwrap().to_owned();
        let problem = gateway.get(&format!("/v1/messages/{id}/media/0")).expect(404);
        assert_eq!(problem["type"], "urn:recado:problem:media-failed");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(reason)), "{problem}");
    }
}

#[test]
fn a_page_is_no_picture_whatever_it_is_called_and_nothing_waits_for_the_fetch() {
    let provider = ScriptedProvider::start([Step::Hold, Step::Answer(200, &[("content-type", "image/png")], "<svg/>")]);
    let gateway = TestGateway::builder().provider(&provider).config_toml(SCHEDULE).no_plugins().start();
    // The webhook is answered although the provider says nothing.
    receive(&gateway, &provider, "image/png");
    provider.wait_for(1);
    let id = gateway.messages()[0]["id"].as_str().unwrap().to_owned();
    let problem = gateway.get(&format!("/v1/messages/{id}/media/0")).expect(409);
    assert_eq!(problem["type"], "urn:recado:problem:media-not-here-yet");
    receive(&gateway, &provider, "image/png");
    let page = wait_for("the other file", || {
        gateway.messages().iter().map(|message| message["media"][0].clone()).find(|one| one["state"] == "stored")
    });
    let answer = gateway.get(page["href"].as_str().unwrap());
    assert_eq!((answer.text().as_str(), answer.header("content-type")), ("<svg/>", Some("application/octet-stream")));
    assert_eq!(answer.header("content-disposition"), Some("attachment; filename=\"file.bin\""));
    provider.release();
}

#[test]
fn a_file_that_was_wanted_when_the_gateway_died_is_fetched_after_it() {
    let provider = ScriptedProvider::start([
        Step::Answer(404, &[], ""),
        Step::Answer(200, &[("content-type", "image/gif")], SMALL),
    ]);
    let mut gateway = TestGateway::builder().provider(&provider).config_toml(SCHEDULE).no_plugins().start();
    receive(&gateway, &provider, "image/gif");
    wait_for("the first try to be on record", || gateway.messages()[0]["media"][0]["error"].is_string().then_some(()));
    gateway.kill();
    gateway.restart();
    let medium = wait_for_medium(&gateway, "stored");
    assert_eq!(gateway.get(medium["href"].as_str().unwrap()).text(), SMALL);
}

#[test]
fn an_upload_goes_out_by_a_link_that_needs_no_key() {
    let gateway = TestGateway::builder().no_plugins().start();
    let made = upload(&gateway, "image/gif", GIF).expect(201);
    assert_eq!((&made["content_type"], &made["bytes"]), (&json!("image/gif"), &json!(GIF.len())));
    let name = format!("media:{}", made["id"].as_str().unwrap());
    assert_eq!(made["media"], name);
    let body = json!({ "to": CUSTOMER, "media": [name, "https://example.com/a.png"] });
    let sent = gateway.post("/v1/messages?wait=sent", &body).expect(200);
    let link = sent["media"][0]["url"].as_str().unwrap();
    let [ours, theirs] = [&sent["media"][0], &sent["media"][1]];
    assert_eq!((&ours["state"], &ours["content_type"]), (&json!("stored"), &json!("image/gif")));
    assert_eq!((&theirs["state"], &theirs["url"]), (&json!("linked"), &body["media"][1]));
    assert_eq!(gateway.get(ours["href"].as_str().unwrap()).bytes(), GIF, "also when the link has ended");
    // As the provider was told it.
    assert_eq!(gateway.twilio_messages()[0]["media"][0]["source"], link);
    let tail = link.strip_prefix(&gateway.url()).unwrap();
    let (token, file) = tail.strip_prefix("/media/").unwrap().split_once('/').unwrap();
    assert!(token.len() >= 32 && file == "image.gif", "{tail}");

    let answer = gateway.request(Method::GET, tail, &[], "");
    assert_eq!((answer.status(), answer.bytes(), answer.header("content-type")), (200, GIF, Some("image/gif")));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let head = gateway.request(Method::HEAD, tail, &[], "");
    let length = GIF.len().to_string();
    assert_eq!((head.status(), head.header("content-length")), (200, Some(length.as_str())));
    assert_eq!(head.header("content-type"), Some("image/gif"));
    let again = gateway.post("/v1/messages?wait=sent", &body).expect(200);
    assert_ne!(again["media"][0]["url"], link, "each message has a link of its own");
    assert!(!gateway.log().text().contains(token), "no link in the log");

    let wrong = [
        format!("/media/{token}/image.png"),
        format!("/media/{}/image.gif", "0".repeat(token.len())),
        "/media/..%2f..%2f..%2fetc/passwd".to_owned(),
        "/media/%2e%2e%2f%2e%2e/recado.db".to_owned(),
        "/media/%ff/%00".to_owned(),
        format!("/media/{token}"),
        format!("/media/{token}/image.gif/.."),
    ];
    for path in wrong {
        let answer = gateway.request(Method::GET, &path, &[], "");
        assert_eq!(
            (answer.status(), answer.json()["type"].as_str()),
            (404, Some("urn:recado:problem:not-found")),
            "{path}"
        );
    }
    // As no client writes it that tidies up first.
    for path in ["/media/../../../etc/passwd", "/media/../recado.db", "//media/a/b", "/media/a\\..\\b/c"] {
        let mut socket = TcpStream::connect(gateway.address()).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 40"), "{path}: {answer}");
    }
}

#[test]
fn a_large_file_comes_over_whole() {
    let gateway = TestGateway::builder().no_plugins().start();
    let mut contents = GIF.to_vec();
    contents.extend((0..4_000_000_u32).map(|number| u8::try_from(number % 251).unwrap()));
    let made = upload(&gateway, "image/gif", contents.clone()).expect(201);
    let body = json!({ "to": CUSTOMER, "media": [made["media"]] });
    let sent = gateway.post("/v1/messages?wait=sent", &body).expect(200);
    let link = sent["media"][0]["url"].as_str().unwrap().strip_prefix(&gateway.url()).unwrap();
    let length = contents.len().to_string();
    for path in [link, sent["media"][0]["href"].as_str().unwrap()] {
        let answer = gateway.get(path);
        assert_eq!((answer.status(), answer.header("content-length")), (200, Some(length.as_str())), "{path}");
        assert!(answer.bytes() == contents, "{path}");
        let part = with(&gateway, Method::GET, path, &[("range", "bytes=65530-200000")]);
        assert_eq!((part.status(), part.header("content-length")), (206, Some("134471")), "{path}");
        assert!(part.bytes() == &contents[65_530..=200_000], "{path}");
    }
}

#[test]
fn an_upload_that_can_not_be_sent_is_refused_with_the_remedy() {
    let gateway = TestGateway::builder().config_toml("[media]\nmax_bytes = 64").no_plugins().start();
    let cases: [(&str, &[u8], u16, &str); 7] = [
        ("image/gif", b"", 422, "empty"),
        ("image/png", GIF, 422, "it is image/gif"),
        ("image/png", b"hola", 422, "declared as image/png"),
        ("application/octet-stream", b"hola", 422, "say so in `Content-Type`"),
        ("text/html", b"<html>", 422, "carriers do not take"),
        ("a picture", GIF, 422, "as in image/jpeg"),
        ("image/gif", &[b'a'; 65], 413, "64 bytes"),
    ];
    for (content_type, contents, status, reason) in cases {
        let problem = upload(&gateway, content_type, contents).expect(status);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(reason)), "{content_type}: {problem}");
    }
    let nobody = gateway.request(Method::POST, "/v1/media", &[("content-type", "image/gif")], GIF);
    assert_eq!(nobody.status(), 401);
    for name in ["media:", "media:nonsense", "media:0192f3a4-5b6c-7d8e-9f00-112233445566"] {
        let problem = gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "media": [name] })).expect(422);
        assert_eq!(problem["errors"][0]["pointer"], "/media", "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("POST /v1/media")), "{problem}");
    }
    assert_eq!(gateway.messages().len(), 0);
}

#[test]
fn send_uploads_files() {
    let gateway = TestGateway::builder().no_plugins().start();
    std::fs::write(gateway.folder().join("foto de ana.gif"), GIF).unwrap();
    let call = |media: &str| {
        let url = gateway.url();
        let arguments =
            ["send", "--gateway", &url, "--key", gateway.key(), "--json", "--to", CUSTOMER, "--media", media];
        run(gateway.folder(), &arguments, &[])
    };
    let sent = call("foto de ana.gif").good().json();
    let message = gateway.message(sent["id"].as_str().unwrap());
    let link = message["media"][0]["url"].as_str().unwrap();
    let answer = call_link(link);
    assert_eq!((answer.status(), answer.bytes()), (200, GIF));
    let missing = call("nowhere.gif");
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("nowhere.gif"), "{missing:?}");
}

fn call_link(link: &str) -> Answer {
    call(Request::get(link).body(Bytes::new()).unwrap()).unwrap()
}
