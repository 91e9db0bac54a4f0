//! How webhooks are called: again, elsewhere, or by another way; and how the application says where.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use futures::StreamExt;

use super::*;

fn answer(status: u16) -> Response {
    StatusCode::from_u16(status).unwrap().into_response()
}

#[tokio::test]
async fn a_webhook_is_called_again_by_the_rules_in_its_url() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    // Every third answer is a good one.
    let application = Application::start(move |heard| match count.fetch_add(1, Ordering::SeqCst) % 3 {
        2 => twiml(""),
        _ if heard.url.ends_with("4xx") => answer(404),
        _ => answer(503),
    })
    .await;
    let client = Client::start(settings()).await;
    for (path, expected, warnings) in [
        ("/5xx", 1, &[11200][..]),
        ("/5xx#rc=2", 1, &[11200]),
        ("/5xx#rp=5xx", 2, &[11200]),
        ("/5xx#rc=2&rp=5xx", 3, &[]),
        ("/4xx#rc=5&rp=5xx", 1, &[11200]),
        ("/4xx#rc=5&rp=4xx", 3, &[]),
        ("/5xx#rc=0&rp=all", 1, &[11200]),
        ("/5xx#rc=5&rp=all", 3, &[]),
    ] {
        calls.store(0, Ordering::SeqCst);
        client.sandbox.set_inbound_url(format!("{}{path}", application.url));
        let answer = client.text(ANA, "hola").await;
        assert_eq!((calls.load(Ordering::SeqCst), codes(&answer["warnings"])), (expected, warnings.to_vec()), "{path}");
        let mut tokens = Vec::new();
        for _ in 0..expected {
            let heard = application.next().await;
            assert!(heard.is_signed() && heard.get("Body") == Some("hola"), "{heard:?}");
            tokens.push(heard.headers["i-twilio-idempotency-token"].clone());
        }
        tokens.dedup();
        assert_eq!(tokens.len(), 1, "{path}");
    }
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_not_waited_for() {
    let application = Application::scripted(Arc::new(|_| Box::pin(std::future::pending()))).await;
    let client = Client::start(settings()).await;
    for (rules, expected) in [("#tt=100", 1), ("#ct=100&rt=100&rc=1&rp=rt&tt=15000", 2)] {
        client.sandbox.set_inbound_url(format!("{}/{rules}", application.url));
        let answer = client.text(ANA, "hola").await;
        assert_eq!(codes(&answer["warnings"]), [11200], "{rules}");
        for _ in 0..expected {
            application.next().await;
        }
    }
}

#[tokio::test]
async fn the_answer_is_waited_for_from_the_connection_on_and_piece_by_piece() {
    let application = Application::start(|heard| {
        let pieces = ["<Response>", "<Message>", "poco a poco", "</Message>", "</Response>"]
            .map(|piece| Bytes::from_static(piece.as_bytes()));
        let slowly = futures::stream::iter(pieces).then(async |piece| {
            tokio::time::sleep(Duration::from_millis(250)).await;
            Ok::<_, std::convert::Infallible>(piece)
        });
        let stuck =
            futures::stream::once(async { Ok::<_, std::convert::Infallible>(Bytes::from_static(b"<Response>")) })
                .chain(futures::stream::pending());
        let body = if heard.url.ends_with("stuck") { Body::from_stream(stuck) } else { Body::from_stream(slowly) };
        ([(header::CONTENT_TYPE, "text/xml")], body).into_response()
    })
    .await;
    let client = Client::start(settings()).await;
    // All pieces together take longer than each may.
    client.sandbox.set_inbound_url(format!("{}/slowly#rt=1000", application.url));
    let answer = client.text(ANA, "hola").await;
    assert_eq!(answer["warnings"], json!([]), "{answer}");
    let reply = client.message(answer["replies"][0].as_str().unwrap(), |_| true).await;
    assert_eq!(reply["body"], "poco a poco");
    for (rules, least, most) in [("#rt=100&ct=10000", 100, 8000), ("#rt=1000&tt=300", 300, 1000)] {
        client.sandbox.set_inbound_url(format!("{}/stuck{rules}", application.url));
        let answer = client.text(ANA, "hola").await;
        let millis = answer["webhook"]["millis"].as_u64().unwrap();
        assert_eq!(codes(&answer["warnings"]), [11200], "{rules}");
        assert!((least..most).contains(&millis), "{rules}: {answer}");
    }
}

#[tokio::test]
async fn cookies_come_back_with_the_next_webhook_of_the_same_two_numbers() {
    let application = Application::start(|heard| {
        let set = |cookie: &str| [(header::SET_COOKIE, cookie.to_owned())];
        match heard.url.rsplit('/').next().unwrap() {
            "in" => (set("step=1; Path=/"), twiml("<Message action='sent'>a</Message>")).into_response(),
            "sent" => (set("step=2; Path=/"), twiml("<Redirect>last</Redirect>")).into_response(),
            "last" => twiml(""),
            _ => (set("report=1; Path=/"), StatusCode::NO_CONTENT).into_response(),
        }
    })
    .await;
    let client = Client::start(Settings { inbound_url: Some(format!("{}/in", application.url)), ..settings() }).await;
    let cookie = async || {
        let heard = application.next().await;
        heard.headers.get("cookie").map(|cookie| cookie.to_str().unwrap().to_owned())
    };
    client.text(ANA, "hola").await;
    assert_eq!(
        (cookie().await, cookie().await.as_deref(), cookie().await.as_deref()),
        (None, Some("step=1"), Some("step=2"))
    );
    client.sandbox.set_inbound_url(format!("{}/last", application.url));
    client.text(LUIS, "hola").await;
    assert_eq!(cookie().await, None, "another conversation");
    client.text(ANA, "hola").await;
    assert_eq!(cookie().await.as_deref(), Some("step=2"));
    // What is reported belongs to no conversation.
    let callback = format!("{}/status", application.url);
    for _ in 0..2 {
        client.create(&[("From", NUMBER), ("To", ANA), ("Body", "hi"), ("StatusCallback", &callback)]).await;
        assert_eq!((cookie().await, cookie().await), (None, None));
    }
    client.sandbox.account.timeline.skip(4 * 3600 - 1);
    client.text(ANA, "hola").await;
    assert_eq!(cookie().await.as_deref(), Some("step=2"));
    client.sandbox.account.timeline.skip(4 * 3600);
    client.text(ANA, "hola").await;
    assert_eq!(cookie().await, None, "too long ago");
}

#[tokio::test]
async fn a_policy_that_makes_no_sense_is_told() {
    let application = Application::start(|_| twiml("<Message>a</Message>")).await;
    let client =
        Client::start(Settings { inbound_url: Some(format!("{}/#rp=5XX", application.url)), ..settings() }).await;
    let answer = client.text(ANA, "hola").await;
    assert_eq!((codes(&answer["warnings"]), answer["replies"].as_array().unwrap().len()), (vec![11243], 1));
    let callback = format!("{}/#rp=often", application.url);
    let form = [("From", NUMBER), ("To", ANA), ("Body", "hi"), ("StatusCallback", callback.as_str())];
    let created = client.create(&form).await;
    let reported = client.message(created["sid"].as_str().unwrap(), |message| message.warnings.len() == 2).await;
    assert_eq!(codes(&reported["warnings"]), [11243, 11243]);
}

#[tokio::test]
async fn a_client_that_hangs_up_is_counted_no_more() {
    let client = Client::start(settings()).await;
    let late = json!({ "create_late": { "every": 1, "millis": 60_000 } });
    assert_eq!(client.page(Method::PUT, "/sandbox/faults", late).await.0, 200);
    let host = client.sandbox.url().strip_prefix("http://").unwrap().to_owned();
    let basic = STANDARD.encode(format!("{SID}:{TOKEN}"));
    let path = format!("/2010-04-01/Accounts/{SID}/Messages.json");
    let mut stream = tokio::net::TcpStream::connect(&host).await.unwrap();
    let request =
        format!("POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Basic {basic}\r\ncontent-length: 0\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    let authorization = format!("Basic {basic}");
    let until = async |count: &str| loop {
        let headers = [("authorization", authorization.as_str())];
        let response = client.request(Method::GET, &path, &headers, Bytes::new()).await;
        assert!(response.headers()["twilio-request-duration"].to_str().unwrap().parse::<f64>().is_ok());
        if response.headers()["twilio-concurrent-requests"] == count {
            return;
        }
    };
    soon(until("2")).await;
    drop(stream);
    soon(until("1")).await;
}

#[tokio::test]
async fn the_fallback_stands_in_and_hears_why() {
    let application = Application::start(|heard| match heard.url.rsplit('/').next().unwrap() {
        "down" => answer(502),
        "json" => axum::Json(json!({})).into_response(),
        "broken" => ([(header::CONTENT_TYPE, "text/xml")], "<Response>").into_response(),
        "good" => twiml("<Message>bien</Message>"),
        _ => twiml("<Message>perdón</Message>"),
    })
    .await;
    let client = Client::start(settings()).await;
    let fallback = json!({ "fallback_url": format!("{}/fallback", application.url) });
    assert_eq!(client.page(Method::PUT, "/sandbox/number", fallback).await.0, 200);
    for (path, code) in [("good", None), ("down", Some(11200)), ("json", Some(12300)), ("broken", Some(12100))] {
        let url = format!("{}/{path}", application.url);
        client.sandbox.set_inbound_url(url.clone());
        let answer = client.text(ANA, "hola").await;
        assert_eq!(application.next().await.get("ErrorCode"), None);
        assert_eq!(codes(&answer["warnings"]), code.into_iter().collect::<Vec<_>>(), "{path}");
        let reply = client.message(answer["replies"][0].as_str().unwrap(), |_| true).await;
        assert_eq!(reply["body"], if code.is_some() { "perdón" } else { "bien" }, "{path}");
        if let Some(code) = code {
            let heard = application.next().await;
            let seen = ["ErrorCode", "ErrorUrl", "Body"].map(|name| heard.get(name).unwrap().to_owned());
            assert_eq!(seen, [code.to_string(), url, "hola".to_owned()]);
            assert!(heard.is_signed() && heard.method == Method::POST, "{heard:?}");
        }
    }
}

#[tokio::test]
async fn redirects_are_followed_and_signed_anew() {
    let application = Application::start(|heard| {
        let to = |status: u16, place: &str| {
            (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, place.to_owned())]).into_response()
        };
        match heard.url.split(['/', '?']).nth(3).unwrap() {
            "kept" => to(307, "/end?x=1"),
            "changed" => to(302, "end"),
            "forever" => to(308, "/forever"),
            _ => twiml("<Message>bien</Message>"),
        }
    })
    .await;
    let client = Client::start(settings()).await;
    for (path, method) in [("kept", Method::POST), ("changed", Method::GET)] {
        client.sandbox.set_inbound_url(format!("{}/{path}", application.url));
        let answer = client.text(ANA, "hola").await;
        assert_eq!((codes(&answer["warnings"]), answer["replies"].as_array().unwrap().len()), (vec![], 1));
        application.next().await;
        let heard = application.next().await;
        assert!(heard.is_signed() && heard.method == method && heard.get("Body") == Some("hola"), "{heard:?}");
    }
    client.sandbox.set_inbound_url(format!("{}/forever", application.url));
    assert_eq!(codes(&client.text(ANA, "hola").await["warnings"]), [11215]);
}

#[tokio::test]
async fn the_number_is_configured_as_twilios_own_resource() {
    let application = Application::start(|_| twiml("")).await;
    let client = Client::start(settings()).await;
    let (status, list) = client.api(Method::GET, "/IncomingPhoneNumbers.json?PhoneNumber=%2B529983162438", &[]).await;
    let number = &list["incoming_phone_numbers"][0];
    assert_eq!((status, &number["phone_number"], &number["sms_url"]), (200, &json!(NUMBER), &json!("")));
    let (_, none) = client.api(Method::GET, "/IncomingPhoneNumbers.json?PhoneNumber=%2B14155550100", &[]).await;
    assert_eq!(none["incoming_phone_numbers"], json!([]));
    let uri = number["uri"].as_str().unwrap();
    let (url, fallback) = (format!("{}/in", application.url), format!("{}/fallback", application.url));
    let form = [("SmsUrl", url.as_str()), ("SmsMethod", "get"), ("SmsFallbackUrl", &fallback), ("VoiceUrl", "x")];
    let (status, updated) = client.api(Method::POST, uri, &form).await;
    assert_eq!((status, &updated["sms_url"], &updated["sms_method"]), (200, &json!(url), &json!("GET")));
    assert_eq!(client.api(Method::GET, uri, &[]).await, (200, updated));
    client.text(ANA, "hola").await;
    let heard = application.next().await;
    assert!(heard.method == Method::GET && heard.is_signed() && heard.url.starts_with(&url), "{heard:?}");
    for (form, code) in [([("SmsUrl", "nowhere")], 21502), ([("SmsMethod", "PUT")], 21403)] {
        let (status, refusal) = client.api(Method::POST, uri, &form).await;
        assert_eq!((status, &refusal["code"]), (400, &json!(code)));
    }
    let other = format!("/IncomingPhoneNumbers/PN{}.json", "0".repeat(32));
    assert_eq!(client.api(Method::GET, &other, &[]).await.0, 404);
    assert_eq!(client.api(Method::POST, &other, &[]).await.0, 404);
    client.api(Method::POST, uri, &[("SmsUrl", "")]).await;
    assert_eq!(client.text(ANA, "hola").await["webhook"]["failure"], "the number has no webhook");
}

#[tokio::test]
async fn numbers_are_looked_up() {
    let client = Client::start(settings()).await;
    let get = async |path: &str, password: &str| {
        let basic = format!("Basic {}", STANDARD.encode(format!("{SID}:{password}")));
        let response = client.request(Method::GET, path, &[("authorization", &basic)], Bytes::new()).await;
        (response.status().as_u16(), serde_json::from_slice::<Value>(response.body()).unwrap())
    };
    let (status, plain) = get("/v2/PhoneNumbers/%2B525512345678", TOKEN).await;
    let seen = ["phone_number", "valid", "country_code", "line_type_intelligence"].map(|name| plain[name].clone());
    assert_eq!((status, seen), (200, [json!(ANA), json!(true), json!("MX"), Value::Null]));
    let path = "/v2/PhoneNumbers/+529981130006?Fields=line_type_intelligence,caller_name";
    let (_, landline) = get(path, TOKEN).await;
    assert_eq!(landline["line_type_intelligence"]["type"], "landline");
    assert_eq!(landline["caller_name"]["error_code"], 60606);
    let (_, short) = get("/v2/PhoneNumbers/5512?CountryCode=MX", TOKEN).await;
    assert_eq!((&short["valid"], &short["validation_errors"]), (&json!(false), &json!(["TOO_SHORT"])));
    assert_eq!(get("/v2/PhoneNumbers/%2B525512345678", "other").await.0, 401);
    assert_eq!(get("/v2/Services", TOKEN).await.0, 404);
}
