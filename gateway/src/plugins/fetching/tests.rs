//! Who may ask whom, and what goes over the wire, against a server on this machine.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::plugins::Secret;

const KEY: &str = "s3cr3t-k3y-0123456789";

/// Answers one connection with `answer`, or never; gives what came.
async fn serve(answer: Option<&str>) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer.map(str::to_owned);
    let came = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 4096];
        let mut read = 0;
        // All tests' bodies end so.
        while !buffer[..read].ends_with(b"\r\n\r\n") && !buffer[..read].ends_with(b"}") {
            let more = socket.read(&mut buffer[read..]).await.unwrap();
            assert!(more > 0, "cut off");
            read += more;
        }
        match answer {
            Some(answer) => socket.write_all(answer.as_bytes()).await.unwrap(),
            None => std::future::pending().await,
        }
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    });
    (origin, came)
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn settings(private: &str) -> Settings {
    let secrets = BTreeMap::from([("api-key".to_owned(), Secret::Plain(SecretString::from(KEY)))]);
    Settings {
        hosts: vec!["https://api.example.com".to_owned(), "http://plain.example.com".to_owned()],
        private_hosts: vec![private.to_owned()],
        secrets,
        ..Settings::new("asks", "asks.wasm")
    }
}

fn get(url: impl Into<String>) -> FetchRequest {
    FetchRequest { method: "GET".to_owned(), url: url.into(), headers: Vec::new(), body: None, timeout: None }
}

fn with(request: FetchRequest, name: &str, value: &str) -> FetchRequest {
    FetchRequest { headers: vec![(name.to_owned(), value.to_owned())], ..request }
}

async fn fetch(settings: Settings, request: FetchRequest) -> Result<FetchResponse, FetchFailure> {
    LiveFetcher::new(&[settings]).unwrap().fetch("asks", request).await
}

#[tokio::test]
async fn a_request_goes_out_as_it_was_asked_with_the_secret_in_its_place() {
    let (origin, came) = serve(Some(&ok("hola"))).await;
    let request = FetchRequest {
        method: "post".to_owned(),
        body: Some("{\"text\":\"{{secret:api-key}}\"}".to_owned()),
        ..with(get(format!("{origin}/v1/things?q=1#part")), "Authorization", "Bearer {{secret:api-key}}")
    };
    let response = fetch(settings(&origin), request).await.unwrap();
    assert_eq!((response.status, response.body.as_str()), (200, "hola"));
    let came = came.await.unwrap();
    assert!(came.starts_with("POST /v1/things?q=1 HTTP/1.1\r\n"), "{came}");
    assert!(came.contains(&format!("authorization: Bearer {KEY}\r\n")), "{came}");
    assert!(came.contains("content-length: 29\r\n"), "{came}");
    assert!(came.ends_with("{\"text\":\"{{secret:api-key}}\"}"), "only headers are filled in: {came}");
}

/// Whoever repeats what it was sent does not hand the secret to the plugin.
#[tokio::test]
async fn an_echo_of_the_secret_is_taken_out() {
    let echo = format!(
        "HTTP/1.1 401 Unauthorized\r\nx-you-sent: Bearer {KEY}\r\ncontent-length: 29\r\n\r\nno such key {KEY}!"
    );
    let echo = echo.replace("content-length: 29", &format!("content-length: {}", 12 + KEY.len() + 1));
    let (origin, _) = serve(Some(&echo)).await;
    let request = with(get(&origin), "authorization", "Bearer {{secret:api-key}}");
    let response = fetch(settings(&origin), request).await.unwrap();
    assert_eq!(response.status, 401);
    assert_eq!(response.body, "no such key {{secret:api-key}}!");
    assert!(response.headers.contains(&("x-you-sent".to_owned(), "Bearer {{secret:api-key}}".to_owned())));
    // Nor is it in the words about an answer that is none.
    let (origin, _) = serve(Some(&format!("{KEY} is no HTTP\r\n\r\n"))).await;
    let request = with(get(&origin), "authorization", "Bearer {{secret:api-key}}");
    let failure = fetch(settings(&origin), request).await.unwrap_err();
    assert_eq!(failure, FetchFailure::Failed("there was no answer, or no whole one".to_owned()));
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (origin, _) =
        serve(Some("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")).await;
    let response = fetch(settings(&origin), get(&origin)).await.unwrap();
    assert_eq!(response.status, 302);
    assert!(response.headers.contains(&("location".to_owned(), "http://127.0.0.1:1/".to_owned())));
}

#[tokio::test]
async fn an_answer_has_a_length_and_a_time() {
    let (origin, _) = serve(Some(&ok(&"x".repeat(65)))).await;
    let small = Settings { fetch_max_bytes: 64, ..settings(&origin) };
    assert_eq!(fetch(small, get(&origin)).await, Err(FetchFailure::TooLarge(64)));
    let (origin, _) = serve(None).await;
    let short = Settings { fetch_timeout_ms: 50, ..settings(&origin) };
    let patient = FetchRequest { timeout: Some(Duration::from_hours(1)), ..get(&origin) };
    assert_eq!(fetch(short, patient).await, Err(FetchFailure::Timeout), "no longer than the operator says");
    let (origin, _) = serve(None).await;
    let impatient = FetchRequest { timeout: Some(Duration::from_millis(50)), ..get(&origin) };
    assert_eq!(fetch(settings(&origin), impatient).await, Err(FetchFailure::Timeout), "or shorter, if it likes");
}

/// The request, and what the plugin is told.
#[tokio::test]
async fn what_is_not_allowed_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let own = || get(&origin);
    let many = (0..65).map(|number| (format!("x-{number}"), String::new())).collect();
    let cases = [
        (get("ftp://api.example.com/"), "the URL is neither http nor https"),
        (get("nonsense"), "the URL is none"),
        (get("https://user:pass@api.example.com/"), "the URL has a user or a password in it"),
        (get(format!("{origin}/{}", "x".repeat(9000))), "the URL is longer than 8192 bytes"),
        (
            get("https://other.example.com/?token=x"),
            "the plugin's settings do not name https://other.example.com among its `hosts`",
        ),
        (get("http://api.example.com/"), "the plugin's settings do not name http://api.example.com among"),
        (FetchRequest { method: "CONNECT".to_owned(), ..own() }, "the method is none of GET, HEAD,"),
        (with(own(), "Host", "a"), "the header host is for the gateway to set"),
        (with(own(), "Content-Length", "1"), "the header content-length is for the gateway to set"),
        (with(own(), "transfer-encoding", "chunked"), "the header transfer-encoding is for the gateway to set"),
        (with(own(), "x a", "1"), "the header 1 has characters that none has in its name"),
        (with(own(), "x-a", "1\r\nx-b: 2"), "the header x-a has a line break"),
        (FetchRequest { headers: many, ..own() }, "64 headers of 16384 bytes together are the most"),
        (with(own(), "x-a", "{{secret:other}}"), "the secret `other` is not in the plugin's settings"),
        (
            with(get("http://plain.example.com/"), "x-a", "{{secret:api-key}}"),
            "the secret `api-key` goes over https alone",
        ),
    ];
    let expected = u64::try_from(cases.len()).unwrap();
    let fetcher = LiveFetcher::new(&[settings(&origin)]).unwrap();
    for (request, said) in cases {
        let told = fetcher.fetch("asks", request).await.unwrap_err();
        assert!(matches!(&told, FetchFailure::NotAllowed(text) if text.starts_with(said)), "{told}\nshould be {said}");
        assert!(!told.to_string().contains(KEY) && !told.to_string().contains("token"));
    }
    let counts = FetchCounts { refused: expected, ..FetchCounts::default() };
    assert_eq!(fetcher.counts(), [("asks", counts)]);
    assert!(fetcher.fetch("other", own()).await.is_err(), "another plugin");
    let connected = tokio::time::timeout(Duration::from_millis(10), listener.accept()).await;
    assert!(connected.is_err(), "nobody came");
}

#[tokio::test]
async fn a_secret_can_be_for_some_hosts_alone() {
    let (origin, came) = serve(Some(&ok("hola"))).await;
    let bound = |hosts: &str| {
        let secret = Secret::Bound { value: SecretString::from(KEY), hosts: vec![hosts.to_owned()] };
        Settings { secrets: BTreeMap::from([("api-key".to_owned(), secret)]), ..settings(&origin) }
    };
    let request = with(get(&origin), "x-key", "{{secret:api-key}}");
    let told = fetch(bound("api.example.com"), request.clone()).await.unwrap_err();
    assert_eq!(told.to_string(), "not allowed: the secret `api-key` is not for this host");
    assert!(fetch(bound(&origin), request).await.is_ok());
    assert!(came.await.unwrap().contains(&format!("x-key: {KEY}\r\n")));
}

#[tokio::test]
async fn what_came_is_counted() {
    let (origin, _) = serve(Some(&ok("hola"))).await;
    let fetcher = LiveFetcher::new(&[settings(&origin), Settings::new("asks-nobody", "a.wasm")]).unwrap();
    assert!(fetcher.fetch("asks", get(&origin)).await.is_ok());
    let failure = fetcher.fetch("asks", get(&origin)).await.unwrap_err();
    assert!(failure.to_string().starts_with("nothing was sent: "), "{failure}");
    let counts = FetchCounts { answered: 1, failed: 1, bytes: 4, ..FetchCounts::default() };
    assert_eq!(fetcher.counts(), [("asks", counts)]);
}
