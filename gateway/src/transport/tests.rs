//! The transport against servers that behave in one way or another.

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
async fn a_body_that_nobody_needs_may_be_anything() {
    let limits = Limits { response: 64, ..Limits::of_telling(Duration::from_secs(20), Reach::Anyone) };
    let telling = HttpTransport::new(limits).unwrap();
    let long = format!("HTTP/1.1 201 Created\r\nretry-after: 7\r\n\r\n{}", "0123456789".repeat(10)).leak();
    for answer in [
        "HTTP/1.1 201 Created\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\nhi",
        "HTTP/1.1 201 Created\r\nretry-after: 7\r\ncontent-length: 65\r\n\r\n",
        "HTTP/1.1 201 Created\r\nretry-after: 7\r\ncontent-length: 5\r\n\r\nhi",
        long,
    ] {
        let url = serve(Some(answer)).await;
        let response = telling.send(get(&url)).await.unwrap();
        assert_eq!((response.status().as_u16(), response.body().len()), (201, 0), "{answer}");
        assert_eq!(response.headers()["retry-after"], "7");
    }
    // Without a head there is no answer.
    let url = serve(Some("HTTP/1.1 20")).await;
    assert!(matches!(telling.send(get(&url)).await, Err(Failure::Unanswered(_))));
}

#[tokio::test]
async fn the_guard_keeps_from_private_addresses_however_they_are_written() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let guarded = HttpTransport::new(Limits { reach: Reach::Public, ..Limits::default() }).unwrap();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0"] {
        let failure = guarded.send(get(&format!("http://{host}:{port}/"))).await.unwrap_err();
        assert!(failure.is_private(), "{host}: {failure}");
        assert!(matches!(&failure, Failure::NotSent(text) if text.contains(guard::NOT_PUBLIC)), "{host}: {failure}");
    }
    let came = tokio::time::timeout(Duration::from_millis(10), listener.accept()).await;
    assert!(came.is_err(), "nobody connected");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let url = serve(Some("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")).await;
    assert_eq!(short().send(get(&url)).await.unwrap().status().as_u16(), 302);
}

/// Answers one connection piece by piece, and then says no more.
async fn dribble(pieces: &'static [&'static str], pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 1024];
        let _ = socket.read(&mut buffer).await;
        for piece in pieces {
            tokio::time::sleep(pause).await;
            socket.write_all(piece.as_bytes()).await.unwrap();
        }
        std::future::pending::<()>().await;
    });
    url
}

fn patient(silence: u64) -> HttpTransport {
    let silence = Some(Duration::from_millis(silence));
    HttpTransport::new(Limits { silence, connect: Duration::from_millis(600), ..Limits::default() }).unwrap()
}

#[tokio::test]
async fn an_answer_may_take_its_time_while_something_is_heard() {
    let pieces = &["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\na", "b", "c", "d", "e"];
    let url = dribble(pieces, Duration::from_millis(300)).await;
    assert_eq!(patient(1200).send(get(&url)).await.unwrap().body(), "abcde");
}

#[tokio::test]
async fn silence_ends_the_waiting_for_the_answer_and_for_its_pieces() {
    for pieces in [&[][..], &["HTTP/1.1 200 OK\r\n"], &["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "hi"]] {
        let url = dribble(pieces, Duration::ZERO).await;
        let failure = patient(100).send(get(&url)).await.unwrap_err();
        assert!(matches!(&failure, Failure::Unanswered(text) if text.contains("nothing was heard")), "{failure}");
    }
}

#[tokio::test]
async fn connecting_is_no_silence() {
    // Who asks for TLS never gets to the end of connecting here.
    let url = serve(None).await.replace("http:", "https:");
    let failure = patient(50).send(get(&url)).await.unwrap_err();
    assert!(matches!(failure, Failure::NotSent(_)), "{failure}");
}
