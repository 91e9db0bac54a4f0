//! What goes wrong by order.

use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

async fn set(client: &Client, faults: Value) {
    let (status, answer) = client.page(Method::PUT, "/sandbox/faults", faults).await;
    assert_eq!(status, 200, "{answer}");
}

async fn happened(client: &Client, fault: &str) -> Value {
    let (_, faults) = client.page(Method::GET, "/sandbox/faults", Value::Null).await;
    faults[fault]["happened"].clone()
}

async fn creates(client: &Client) -> Value {
    client.page(Method::GET, "/sandbox/creates", Value::Null).await.1
}

#[tokio::test]
async fn creates_are_refused_and_fail_before_or_after_they_are_accepted() {
    let client = Client::start(settings()).await;
    let form = [("From", NUMBER), ("To", ANA), ("Body", "hi")];
    for (fault, expected) in [
        ("create_refused", [(201, Value::Null), (429, json!(20429)), (201, Value::Null), (429, json!(20429))]),
        ("create_failed_before", [(201, Value::Null), (503, json!(20503)), (201, Value::Null), (503, json!(20503))]),
        ("create_failed_after", [(201, Value::Null), (500, json!(20500)), (201, Value::Null), (500, json!(20500))]),
    ] {
        set(&client, json!({ fault: { "every": 2 } })).await;
        let before = creates(&client).await["accepted"].as_u64().unwrap();
        for expected in expected {
            let (status, answer) = client.api(Method::POST, "/Messages.json", &form).await;
            assert_eq!((status, answer["code"].clone()), expected, "{fault}");
        }
        assert_eq!(happened(&client, fault).await, 2);
        let accepted = creates(&client).await["accepted"].as_u64().unwrap() - before;
        assert_eq!(accepted, if fault == "create_failed_after" { 4 } else { 2 }, "{fault}");
    }
    // Who tries again after an answer that was lost sends twice, and that shows.
    client.create(&[("From", NUMBER), ("To", LUIS), ("Body", "once")]).await;
    let told = creates(&client).await;
    assert_eq!((&told["accepted"], &told["doubles"]), (&json!(9), &json!(7)));
    let counts: Vec<_> = told["creates"].as_array().unwrap().iter().map(|entry| entry["count"].clone()).collect();
    assert_eq!(counts, [json!(8), json!(1)]);
    assert_eq!(told["creates"][1]["body"], "once");
}

#[tokio::test]
async fn a_cut_connection_is_closed_without_a_word_after_the_message_was_accepted() {
    let client = Client::start(settings()).await;
    set(&client, json!({ "create_cut_after": { "every": 1 } })).await;
    let host = client.sandbox.url().strip_prefix("http://").unwrap().to_owned();
    let basic = STANDARD.encode(format!("{SID}:{TOKEN}"));
    let body = "From=%2B529983162438&To=%2B525512345678&Body=hi";
    let mut stream = TcpStream::connect(&host).await.unwrap();
    let request = format!(
        "POST /2010-04-01/Accounts/{SID}/Messages.json HTTP/1.1\r\nhost: {host}\r\nauthorization: Basic {basic}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Whether it ends or is reset, nothing comes.
    let _ = soon(stream.read_to_end(&mut answer)).await;
    assert_eq!(answer, b"");
    assert_eq!(creates(&client).await["accepted"], 1);
    assert_eq!(happened(&client, "create_cut_after").await, 1);
    set(&client, json!({})).await;
    client.create(&[("From", NUMBER), ("To", ANA), ("Body", "hi")]).await;
}

#[tokio::test]
async fn an_answer_can_be_late() {
    let client = Client::start(settings()).await;
    set(&client, json!({ "create_late": { "every": 1, "millis": 60 } })).await;
    let started = Instant::now();
    client.create(&[("From", NUMBER), ("To", ANA), ("Body", "hi")]).await;
    assert!(started.elapsed() >= Duration::from_millis(60));
}

#[tokio::test]
async fn a_callback_can_be_late_and_those_behind_it_keep_their_order() {
    let application = Application::start(|_| StatusCode::NO_CONTENT.into_response()).await;
    let client = Client::start(settings()).await;
    set(&client, json!({ "callback_late": { "every": 2, "millis": 60 } })).await;
    let started = Instant::now();
    client.create(&[("From", NUMBER), ("To", ANA), ("Body", "hi"), ("StatusCallback", &application.url)]).await;
    for status in ["sent", "delivered"] {
        assert_eq!(application.next().await.get("MessageStatus"), Some(status));
    }
    assert!(started.elapsed() >= Duration::from_millis(60));
    assert_eq!(happened(&client, "callback_late").await, 1);
}

#[tokio::test]
async fn callbacks_are_lost_doubled_and_out_of_order() {
    let application = Application::start(|_| StatusCode::NO_CONTENT.into_response()).await;
    let client = Client::start(settings()).await;
    let form = [("From", NUMBER), ("To", ANA), ("Body", "hi"), ("StatusCallback", application.url.as_str())];
    for (fault, expected) in [
        (json!({ "callback_reordered": { "every": 1 } }), &["delivered", "sent"][..]),
        (json!({ "callback_duplicated": { "every": 2 } }), &["sent", "delivered", "delivered"]),
        (json!({ "callback_lost": { "every": 2 } }), &["sent"]),
        (json!({}), &["sent", "delivered"]),
    ] {
        set(&client, fault.clone()).await;
        client.create(&form).await;
        let mut tokens = Vec::new();
        for status in expected {
            let report = application.next().await;
            assert_eq!(report.get("MessageStatus"), Some(*status), "{fault}");
            tokens.push(report.headers["i-twilio-idempotency-token"].clone());
        }
        tokens.dedup();
        assert_eq!(tokens.len(), 2.min(expected.len()), "{fault}");
        if let Some(name) = fault.as_object().unwrap().keys().next() {
            assert_eq!(happened(&client, name).await, 1, "{fault}");
        }
    }
}

#[tokio::test]
async fn signatures_are_over_another_port_or_by_another_token() {
    let application = Application::start(|_| twiml("")).await;
    let client = Client::start(Settings { inbound_url: Some(application.url.clone()), ..settings() }).await;
    let tokens = |secrets: &[&str]| secrets.iter().map(|secret| SecretString::from(*secret)).collect::<Vec<_>>();
    let verify = |heard: &Heard, token: &str| {
        let signature = heard.headers["x-twilio-signature"].as_bytes();
        signature::verify(&tokens(&[token]), &heard.url, &heard.form, signature)
    };
    for (fault, exact, accepted) in
        [("signature_port_toggled", false, true), ("signature_port_wrong", false, false), ("create_late", true, true)]
    {
        set(&client, json!({ fault: { "every": 1 } })).await;
        client.text(ANA, "hola").await;
        let heard = application.next().await;
        assert_eq!((heard.is_signed(), verify(&heard, TOKEN)), (exact, accepted), "{fault}");
    }
    set(&client, json!({ "signature_token_rotated": { "every": 1 } })).await;
    client.text(ANA, "hola").await;
    let heard = application.next().await;
    assert!(!verify(&heard, TOKEN) && verify(&heard, &format!("{TOKEN}-rotated")));
    set(&client, json!({})).await;
    let rotated = json!({ "auth_token": "54321" });
    assert_eq!(client.page(Method::PUT, "/sandbox/token", rotated).await, (200, json!({ "promoted": true })));
    client.text(ANA, "hola").await;
    let heard = application.next().await;
    assert!(!verify(&heard, TOKEN) && verify(&heard, "54321"));
    assert_eq!(client.page(Method::PUT, "/sandbox/token", json!({ "auth_token": "" })).await.0, 422);
    client.page(Method::PUT, "/sandbox/token", json!({ "auth_token": null })).await;
    client.text(ANA, "hola").await;
    assert!(application.next().await.is_signed());
}

#[tokio::test]
async fn faults_are_told_as_they_change_and_bad_ones_refused() {
    let client = Client::start(settings()).await;
    let mut changes = client.sandbox.account.ledger.subscribe();
    set(&client, json!({ "create_refused": { "every": 1 } })).await;
    client.api(Method::POST, "/Messages.json", &[]).await;
    for _ in 0..2 {
        let change = soon(changes.recv()).await.unwrap();
        assert!(matches!(change, ledger::Change::Faults), "{change:?}");
    }
    let (status, answer) = client.page(Method::PUT, "/sandbox/faults", json!({ "gremlins": { "every": 1 } })).await;
    assert_eq!(status, 422, "{answer}");
    let (_, state) = client.page(Method::GET, "/sandbox/state", Value::Null).await;
    assert_eq!(state["faults"]["create_refused"]["rule"], json!({ "every": 1 }));
}
