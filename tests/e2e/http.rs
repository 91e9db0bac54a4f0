//! The HTTP face: who is let in, what a refusal looks like, pages, and how it stops.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ::http::Method;
use recado_tests::{Behaviour, Plugin, TestGateway, form, run, wait_for};
use serde_json::{Value, json};

use super::message_sid;

#[test]
fn only_a_valid_key_opens_the_api() {
    let gateway = TestGateway::builder().no_plugins().start();
    let made = run(gateway.folder(), &["--config", "test.toml", "--json", "key", "create", "--name", "other"], &[])
        .good()
        .json();
    let (id, other) = (made["id"].as_str().unwrap(), format!("Bearer {}", made["key"].as_str().unwrap()));
    let paths = ["/v1/messages", "/v1/conversations", "/v1/messages/0192f3a4-5b6c-7d8e-9f00-112233445566"];
    let ask = |path: &str, authorization: Option<&str>| {
        let headers: Vec<_> = authorization.map(|value| ("authorization", value)).into_iter().collect();
        gateway.request(Method::GET, path, &headers, "")
    };
    assert_eq!(ask(paths[0], Some(&other)).status(), 200);
    assert_eq!(ask(paths[0], Some(&other.replace("Bearer", "bearer"))).status(), 200);
    run(gateway.folder(), &["--config", "test.toml", "key", "revoke", id], &[]).good();
    wait_for("the key to be locked out", || (ask(paths[0], Some(&other)).status() == 401).then_some(()));

    let basic = format!("Basic {}", gateway.key());
    let bearer = format!("Bearer {}", gateway.key());
    let cases = [
        (None, "no-key"),
        (Some(basic.as_str()), "no-key"),
        (Some("Bearer recado_0000"), "wrong-key"),
        (Some("Bearer"), "no-key"),
        (Some(other.as_str()), "wrong-key"),
    ];
    for path in paths {
        for (authorization, name) in cases {
            let answer = ask(path, authorization);
            let problem = answer.expect(401);
            assert_eq!(problem["type"], format!("urn:recado:problem:{name}"), "{path} {authorization:?}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    let unread = gateway.request(Method::POST, "/v1/messages", &[], "nonsense");
    assert_eq!(unread.status(), 401, "who has no key learns nothing of the body");
    assert_eq!(ask(paths[0], Some(&bearer)).status(), 200);
}

#[test]
fn every_refusal_is_a_problem_document() {
    let gateway = TestGateway::builder().no_plugins().start();
    let bearer = format!("Bearer {}", gateway.key());
    let nobody = "0192f3a4-5b6c-7d8e-9f00-112233445566";
    let cases = [
        (Method::GET, "/nowhere".to_owned(), 404),
        (Method::GET, "/v1/nowhere".to_owned(), 404),
        (Method::DELETE, "/v1/messages".to_owned(), 405),
        (Method::POST, "/v1/conversations".to_owned(), 405),
        (Method::POST, "/healthz".to_owned(), 405),
        (Method::GET, format!("/v1/messages/{nobody}"), 404),
        (Method::GET, "/v1/messages/nonsense".to_owned(), 404),
        (Method::GET, format!("/v1/messages/{nobody}/trace"), 404),
        (Method::GET, format!("/v1/conversations/{nobody}"), 404),
        (Method::GET, format!("/v1/conversations/{nobody}/messages"), 404),
        (Method::GET, "/v1/messages?limit=0".to_owned(), 422),
        (Method::GET, "/v1/messages?limit=201".to_owned(), 422),
        (Method::GET, "/v1/messages?cursor=nonsense".to_owned(), 422),
        (Method::GET, "/v1/messages?conversation=nonsense".to_owned(), 422),
    ];
    for (method, path, status) in cases {
        let answer = gateway.request(method.clone(), &path, &[("authorization", &bearer)], "");
        let problem = answer.expect(status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{method} {path}");
        assert_eq!(problem["status"], status, "{method} {path}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
    }
    let long = json!({ "to": "998 112 2334", "text": "a".repeat(300_000) });
    assert_eq!(gateway.post("/v1/messages", &long).expect(413)["type"], "urn:recado:problem:too-large");
}

#[test]
fn queries_that_can_not_be_read_are_problem_documents_too() {
    let gateway = TestGateway::builder().no_plugins().start();
    for path in ["/v1/messages?limit=many", "/v1/messages?direction=sideways", "/v1/conversations?limit=-1"] {
        let answer = gateway.get(path);
        assert!([400, 422].contains(&answer.status()), "{path}: {}", answer.status());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{path}: {}", answer.text());
    }
    let wait = gateway.post("/v1/messages?wait=forever", &json!({ "to": "998 112 2334", "text": "a" }));
    assert_eq!(wait.header("content-type"), Some("application/problem+json"), "{}", wait.text());
}

#[test]
fn lists_come_in_pages_newest_first_without_gaps_or_repeats() {
    let gateway = TestGateway::builder().no_plugins().start();
    for number in 0..7 {
        let from = format!("+52998555010{}", number % 2);
        let parameters = form(&message_sid(), &from, &format!("Texto {number}"));
        assert_eq!(gateway.signed_webhook("sms/inbound", &parameters).status(), 200);
    }
    let walk = |path: &str| {
        let (mut texts, mut pages, mut next) = (Vec::new(), 0, path.to_owned());
        loop {
            let page = gateway.get(&next).expect(200);
            texts.extend(page["items"].as_array().unwrap().iter().map(|item| item["text"].clone()));
            pages += 1;
            match page["next_cursor"].as_str() {
                Some(cursor) => next = format!("{path}&cursor={cursor}"),
                None => return (texts, pages),
            }
        }
    };
    let newest_first =
        |numbers: &[u32]| numbers.iter().map(|number| json!(format!("Texto {number}"))).collect::<Vec<_>>();
    assert_eq!(walk("/v1/messages?limit=3"), (newest_first(&[6, 5, 4, 3, 2, 1, 0]), 3));
    assert_eq!(walk("/v1/messages?limit=7"), (newest_first(&[6, 5, 4, 3, 2, 1, 0]), 1));
    assert_eq!(walk("/v1/messages?limit=3&direction=outbound"), (vec![], 1));
    let conversations = gateway.conversations();
    let id = conversations[0]["id"].as_str().unwrap();
    assert_eq!(walk(&format!("/v1/messages?limit=2&conversation={id}")), (newest_first(&[6, 4, 2, 0]), 2));
    assert_eq!(walk(&format!("/v1/conversations/{id}/messages?limit=3")), (newest_first(&[6, 4, 2, 0]), 2));
    assert_eq!(walk("/v1/conversations?limit=1").1, 2);
}

#[test]
fn health_is_told_to_everyone_and_every_answer_has_an_id() {
    let gateway = TestGateway::builder().no_plugins().start();
    let get = |path: &str, headers: &[(&str, &str)]| gateway.request(Method::GET, path, headers, "");
    assert_eq!(get("/healthz", &[]).expect(200), json!({ "status": "ok" }));
    assert_eq!(get("/readyz", &[]).expect(200), json!({ "status": "ready" }));
    assert_eq!(get("/", &[]).expect(200)["name"], "Recado");
    let (first, second) = (get("/healthz", &[]), get("/nowhere", &[]));
    let ids = [first.header("x-request-id"), second.header("x-request-id")];
    assert!(ids.iter().all(Option::is_some) && ids[0] != ids[1], "{ids:?}");
    let given = get("/v1/messages", &[("x-request-id", "my-own-id")]);
    assert_eq!(given.header("x-request-id"), Some("my-own-id"));
}

#[test]
fn a_client_that_never_finishes_its_head_is_cut_off() {
    let gateway = TestGateway::builder().no_plugins().start();
    let connect = |bytes: &[u8]| {
        let mut socket = TcpStream::connect(gateway.address()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(25))).unwrap();
        socket.write_all(bytes).unwrap();
        socket
    };
    let started = Instant::now();
    let slow = [
        connect(b"GET /healthz HTTP/1.1\r\nhost: a\r\nx-slow: "),
        connect(b""),
        connect(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n"),
    ];
    let mut too_long = connect(b"GET /healthz HTTP/1.1\r\nhost: a\r\nx-long: ");
    // The other end may close before all is written.
    let _ = too_long.write_all(&vec![b'a'; 256 * 1024]);
    let mut answer = String::new();
    let _ = too_long.read_to_string(&mut answer);
    assert!(!answer.contains("200 OK"), "a head of 64 kB is refused: {answer}");
    assert!(started.elapsed() < Duration::from_secs(5), "at once");
    for mut socket in slow {
        let mut answer = Vec::new();
        let read = socket.read_to_end(&mut answer);
        assert!(read.is_ok(), "cut off, and not left open: {read:?}");
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    }
    assert_eq!(gateway.get("/healthz").status(), 200);
}

#[test]
fn a_stop_lets_what_is_under_way_finish() {
    let mut gateway = TestGateway::builder()
        .plugin(Plugin::that("slow", Behaviour::Loop).setting("deadline_ms", 1500))
        .plugin(Plugin::that("answers", Behaviour::Reply("Hola")))
        .start();
    let answer = std::thread::scope(|scope| {
        let running = &gateway;
        let webhook =
            scope.spawn(move || running.signed_webhook("sms/inbound", &form(&message_sid(), "+529981122334", "Hola")));
        wait_for("the text to be recorded", || (!running.messages().is_empty()).then_some(()));
        running.terminate();
        webhook.join().unwrap()
    });
    assert_eq!(answer.status(), 200);
    assert!(answer.text().contains("<Body>Hola</Body>"), "{}", answer.text());
    let ended = gateway.process().ended();
    assert_eq!(ended.code(), Some(0), "{ended}");
    assert!(gateway.log().find("stopping").is_some());
    let refused = gateway.try_request(Method::GET, "/healthz", &[], "");
    assert!(refused.is_err(), "nobody listens any more: {refused:?}");

    gateway.restart();
    let messages: Vec<Value> = gateway.messages();
    assert_eq!(messages.len(), 2, "the text and its one reply: {messages:#?}");
}
