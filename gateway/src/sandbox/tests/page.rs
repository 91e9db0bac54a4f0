//! The page's own routes, and the server as a whole.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// Opens the stream of changes.
async fn listen(client: &Client) -> TcpStream {
    let host = client.sandbox.url().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&host).await.unwrap();
    stream.write_all(format!("GET /sandbox/events HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes()).await.unwrap();
    read_until(&mut stream, Some("\r\n\r\n")).await;
    stream
}

/// What comes until some text does, or until the end.
async fn read_until(stream: &mut TcpStream, wanted: Option<&str>) -> String {
    let mut told = String::new();
    while !wanted.is_some_and(|wanted| told.contains(wanted)) {
        let mut chunk = [0; 4096];
        let length = soon(stream.read(&mut chunk)).await.unwrap();
        if length == 0 {
            break;
        }
        told.push_str(std::str::from_utf8(&chunk[..length]).unwrap());
    }
    told
}

#[tokio::test]
async fn bad_requests_of_the_page_are_told_in_json() {
    let client = Client::start(settings()).await;
    for (body, status) in [
        (json!({ "from": "555", "text": "hi" }), 422),
        (json!({ "from": NUMBER, "text": "hi" }), 422),
        (json!({ "from": ANA }), 422),
        (json!({ "from": ANA, "text": "x".repeat(1601) }), 422),
        (json!({ "from": ANA, "media": ["ME1"] }), 422),
        (json!({ "from": ANA, "media": vec!["http://a/"; 11] }), 422),
        (json!({ "from": ANA, "text": 7 }), 400),
        (json!({ "from": ANA, "text": "x".repeat(70_000) }), 413),
    ] {
        let (seen, answer) = client.page(Method::POST, "/sandbox/messages", body).await;
        assert!(seen == status && answer["error"].is_string(), "{seen} {answer}");
    }
    let (status, _) = client.page(Method::PUT, "/sandbox/number", json!({ "inbound_url": "file:///etc" })).await;
    assert_eq!(status, 422);
    for (kind, size, status) in
        [("image/svg+xml", 9, 415), ("text/html", 9, 415), ("image/png", 0, 422), ("image/png", 6_000_000, 413)]
    {
        let body = Bytes::from(vec![0; size]);
        let response = client.request(Method::POST, "/sandbox/media", &[("content-type", kind)], body).await;
        assert_eq!(response.status().as_u16(), status, "{kind} {size}");
    }
    let foreign = [("content-type", "application/json"), ("origin", "https://evil.example")];
    let body = json!({ "from": ANA, "text": "hi" }).to_string();
    let response = client.request(Method::POST, "/sandbox/messages", &foreign, body.clone().into()).await;
    assert_eq!(response.status().as_u16(), 403);
    let form = [("content-type", "text/plain")];
    assert_eq!(client.request(Method::POST, "/sandbox/messages", &form, body.into()).await.status().as_u16(), 415);
}

#[tokio::test]
async fn the_page_and_its_parts_are_served_with_a_policy() {
    let client = Client::start(settings()).await;
    let page = client.request(Method::GET, "/", &[], Bytes::new()).await;
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let html = String::from_utf8(page.body().to_vec()).unwrap();
    let parts: Vec<_> = html.split('"').filter(|part| part.starts_with("/sandbox/page/")).collect();
    assert!(parts.len() >= 3, "{parts:?}");
    let mut seen: Vec<String> = parts.into_iter().map(str::to_owned).collect();
    let mut next = 0;
    while let Some(part) = seen.get(next).cloned() {
        next += 1;
        let response = client.request(Method::GET, &part, &[], Bytes::new()).await;
        assert_eq!(response.status().as_u16(), 200, "{part}");
        let text = String::from_utf8(response.body().to_vec()).unwrap();
        let imports = text.split("from \"./").skip(1).filter_map(|rest| rest.split_once('"'));
        for path in imports.map(|(file, _)| format!("/sandbox/page/{file}")) {
            if !seen.contains(&path) {
                seen.push(path);
            }
        }
    }
    assert!(seen.contains(&"/sandbox/page/panel.js".to_owned()), "{seen:?}");
}

#[tokio::test]
async fn changes_are_told_as_they_happen() {
    let client = Client::start(settings()).await;
    let mut events = listen(&client).await;
    let created = client.create(&[("From", NUMBER), ("To", ANA), ("Body", "hi")]).await;
    client.sandbox.set_inbound_url("http://127.0.0.1:1/".to_owned());
    let told = read_until(&mut events, Some("event: number")).await;
    let names: Vec<_> = told.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(names, ["created", "updated", "updated", "number"]);
    assert!(told.contains(created["sid"].as_str().unwrap()), "{told}");
    let (_, state) = client.page(Method::GET, "/sandbox/state", Value::Null).await;
    assert_eq!(state["messages"][0]["status"], "delivered");
    assert_eq!((&state["number"], &state["inbound_url"]), (&json!(NUMBER), &json!("http://127.0.0.1:1/")));
    // An open stream does not hold up the end.
    soon(client.sandbox.stop()).await;
    read_until(&mut events, None).await;
}

#[tokio::test]
async fn messages_survive_a_restart_and_go_on_from_where_they_stood() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Some(folder.path().join("journal"));
    let application = Application::start(|_| twiml("")).await;
    let client = Client::start(Settings { keep: keep.clone(), pace: Pace::Lively, ..settings() }).await;
    let created =
        client.create(&[("From", NUMBER), ("To", ANA), ("Body", "hi"), ("StatusCallback", &application.url)]).await;
    let response = client
        .request(Method::POST, "/sandbox/media", &[("content-type", "image/png")], Bytes::from_static(b"p"))
        .await;
    let uploaded: Value = serde_json::from_slice(response.body()).unwrap();
    client.sandbox.stop().await;

    let client = Client::start(Settings { keep, ..settings() }).await;
    let sid = created["sid"].as_str().unwrap();
    assert_eq!(application.statuses(sid).await, ["sent", "delivered"]);
    assert_eq!(client.message(sid, |_| true).await["body"], "hi");
    let path = format!("/sandbox/media/{}", uploaded["id"].as_str().unwrap());
    assert_eq!(client.request(Method::GET, &path, &[], Bytes::new()).await.body(), "p");
}

#[tokio::test]
async fn a_taken_port_is_told_with_its_address() {
    let bound = Bound::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    assert_eq!(bound.url(), format!("http://{}", bound.address()));
    let error = Bound::bind(bound.address()).await.unwrap_err();
    assert!(error.to_string().contains(&bound.address().to_string()), "{error}");
}

#[tokio::test]
async fn a_stop_answers_whoever_waits_for_a_webhook() {
    let application = Application::scripted(Arc::new(|_| Box::pin(std::future::pending()))).await;
    let client = Client::start(Settings { inbound_url: Some(application.url.clone()), ..settings() }).await;
    let url = format!("{}/sandbox/messages?wait=true", client.sandbox.url());
    let request = http::Request::post(url).header("content-type", "application/json");
    let request = request.body(json!({ "from": ANA, "text": "hi" }).to_string().into()).unwrap();
    let waiting = tokio::spawn(async move { HttpTransport::new(Limits::default()).unwrap().send(request).await });
    application.next().await;
    soon(client.sandbox.stop()).await;
    assert_eq!(soon(waiting).await.unwrap().unwrap().status().as_u16(), 503);
}
