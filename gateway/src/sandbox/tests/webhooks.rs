//! Messages that customers send, and what the webhook makes of them.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::*;

#[tokio::test]
async fn a_text_reaches_the_webhook_and_the_twiml_is_carried_out() {
    let application = Application::start(|heard| {
        if heard.url.ends_with("/status") {
            StatusCode::NO_CONTENT.into_response()
        } else {
            twiml("<Message statusCallback='/status' action='/status'>uno</Message><Message>dos</Message>")
        }
    })
    .await;
    let client = Client::start(settings()).await;
    client.sandbox.set_inbound_url(format!("{}/in?tenant=1#rc=2", application.url));
    let answer = client.text(ANA, "hola á").await;
    let sid = answer["sid"].as_str().unwrap();
    let webhook = application.next().await;
    assert_eq!(webhook.url, format!("{}/in?tenant=1", application.url));
    assert!(webhook.is_signed() && webhook.headers.contains_key("i-twilio-idempotency-token"));
    assert_eq!(webhook.headers["content-type"], "application/x-www-form-urlencoded");
    let expected = [
        ("ToCountry", "MX"),
        ("ToState", ""),
        ("SmsMessageSid", sid),
        ("NumMedia", "0"),
        ("ToCity", ""),
        ("FromZip", ""),
        ("SmsSid", sid),
        ("FromState", ""),
        ("SmsStatus", "received"),
        ("FromCity", ""),
        ("Body", "hola á"),
        ("FromCountry", "MX"),
        ("To", NUMBER),
        ("ToZip", ""),
        ("NumSegments", "1"),
        ("MessageSid", sid),
        ("AccountSid", SID),
        ("From", ANA),
        ("ApiVersion", "2010-04-01"),
    ];
    assert_eq!(webhook.form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));

    assert_eq!((&answer["webhook"]["status"], &answer["warnings"]), (&json!(200), &json!([])));
    let replies: Vec<_> = answer["replies"].as_array().unwrap().iter().map(|sid| sid.as_str().unwrap()).collect();
    // The first has its statuses reported, once each, though both attributes name the place.
    assert_eq!(application.statuses(replies[0]).await, ["sent", "delivered"]);
    let second = client.message(replies[1], |message| message.status.as_str() == "delivered").await;
    let seen = ["direction", "from", "to", "body", "in_reply_to"].map(|name| second[name].as_str().unwrap());
    assert_eq!(seen, ["outbound-reply", NUMBER, ANA, "dos", sid]);
    assert_eq!(client.sandbox.account.ledger.all().len(), 3);
}

#[tokio::test]
async fn a_webhook_that_came_to_nothing_is_called_again_with_the_same_message() {
    let down = AtomicBool::new(true);
    let application = Application::start(move |_| {
        if down.swap(false, Ordering::Relaxed) {
            StatusCode::BAD_GATEWAY.into_response()
        } else {
            twiml("<Message>uno</Message>")
        }
    })
    .await;
    let client = Client::start(Settings { inbound_url: Some(application.url.clone()), ..settings() }).await;
    let first = client.text(ANA, "hola").await;
    assert_eq!((&first["webhook"]["status"], &first["replies"]), (&json!(502), &json!([])));
    let sid = first["sid"].as_str().unwrap();
    let again = |sid: &str| format!("/sandbox/messages/{sid}/again");
    let (status, second) = client.page(Method::POST, &again(sid), Value::Null).await;
    assert_eq!((status, &second["sid"], &second["webhook"]["status"]), (200, &first["sid"], &json!(200)));
    let (one, two) = (application.next().await, application.next().await);
    assert_eq!((one.get("MessageSid"), &one.form), (Some(sid), &two.form));
    // What was answered is not called again, and a reply is no message from a phone.
    assert_eq!(client.page(Method::POST, &again(sid), Value::Null).await.0, 409);
    let reply = second["replies"][0].as_str().unwrap();
    assert_eq!(client.page(Method::POST, &again(reply), Value::Null).await.0, 404);
    assert_eq!(client.sandbox.account.ledger.all().len(), 2);
}

#[tokio::test]
async fn an_action_takes_over_after_the_message_was_sent() {
    let application = Application::start(|heard| match heard.url.rsplit('/').next().unwrap() {
        "in" => twiml("<Message action='then'>uno</Message><Message>never</Message>"),
        "then" => twiml("<Redirect method='GET'>last?x=1</Redirect>"),
        _ => twiml("<Message>tres</Message>"),
    })
    .await;
    let client = Client::start(Settings { inbound_url: Some(format!("{}/in", application.url)), ..settings() }).await;
    let answer = client.text(ANA, "hola").await;
    application.next().await;
    let action = application.next().await;
    assert_eq!(action.get("MessageSid"), answer["replies"][0].as_str());
    assert!(matches!(action.get("MessageStatus"), Some("sent" | "delivered")) && action.is_signed(), "{action:?}");
    let last = application.next().await;
    assert!(last.method == Method::GET && last.is_signed() && last.get("Body") == Some("hola"), "{last:?}");
    let messages = client.sandbox.account.ledger.all();
    let bodies: Vec<_> = messages.iter().map(|message| message.body.as_str()).collect();
    assert_eq!(bodies, ["hola", "uno", "tres"]);
}

#[tokio::test]
async fn bad_answers_leave_warnings() {
    let application = Application::start(|heard| match heard.get("Body").unwrap() {
        "plain" => "OK".into_response(),
        "json" => axum::Json(json!({})).into_response(),
        "down" => StatusCode::BAD_GATEWAY.into_response(),
        "html" => ([(header::CONTENT_TYPE, "text/html")], "<html/>").into_response(),
        "empty" => StatusCode::NO_CONTENT.into_response(),
        "long" => twiml(&format!("<Message>{}</Message>", "x".repeat(1600))),
        "huge" => twiml(&" ".repeat(64 * 1024)),
        "fits" => twiml(&format!("<Message>{}</Message>", "x".repeat(1599))),
        "nested" => twiml("<Message>x<Message>y</Message></Message>"),
        "many" => twiml(&"<Message>x</Message>".repeat(11)),
        "loop" => twiml("<Redirect>/</Redirect>"),
        "to" => twiml("<Message to='nobody'>x</Message>"),
        "from" => twiml("<Message from='+14155550100'>x</Message>"),
        _ => twiml("<Message statusCallback='ftp://x/'>x</Message>"),
    })
    .await;
    let client = Client::start(Settings { inbound_url: Some(application.url.clone()), ..settings() }).await;
    for (text, replies, warnings) in [
        ("plain", 1, &[][..]),
        ("json", 0, &[12300]),
        ("down", 0, &[11200]),
        ("html", 0, &[12102]),
        ("empty", 0, &[]),
        ("long", 0, &[14103]),
        ("fits", 1, &[]),
        ("nested", 1, &[12200]),
        ("huge", 0, &[11750]),
        ("many", 10, &[14109]),
        ("loop", 0, &[14106]),
        ("to", 0, &[14101]),
        ("from", 0, &[14102]),
        ("callback", 1, &[14105]),
    ] {
        let answer = client.text(ANA, text).await;
        assert_eq!(answer["replies"].as_array().unwrap().len(), replies, "{text}: {answer}");
        assert_eq!(codes(&answer["warnings"]), warnings, "{text}");
        let kept = client.message(answer["sid"].as_str().unwrap(), |_| true).await;
        assert_eq!(kept["warnings"], answer["warnings"], "{text}");
    }
    let said = client.sandbox.account.ledger.all().into_iter().find(|message| message.in_reply_to.is_some()).unwrap();
    assert_eq!(said.body, "OK");
    client.sandbox.set_inbound_url("http://127.0.0.1:1/".to_owned());
    assert_eq!(codes(&client.text(ANA, "nobody there").await["warnings"]), [11205]);
    assert_eq!(client.page(Method::PUT, "/sandbox/number", json!({ "inbound_url": null })).await.0, 200);
    let answer = client.text(ANA, "nowhere").await;
    assert_eq!(answer["webhook"]["failure"], "the number has no webhook");
}

/// Refuses connections as often as told, then answers.
struct Refusing(std::sync::Mutex<Vec<Failure>>);

#[async_trait::async_trait]
impl Transport for Refusing {
    async fn send(&self, _: http::Request<Bytes>) -> Result<http::Response<Bytes>, Failure> {
        self.0.lock().unwrap().pop().map_or_else(|| Ok(http::Response::new(Bytes::new())), Err)
    }
}

#[tokio::test]
async fn only_a_connection_that_failed_is_tried_again_and_only_once() {
    let refused = || Failure::NotSent("refused".to_owned());
    let unanswered = || Failure::Unanswered("timed out".to_owned());
    for (failures, code) in [
        (vec![], None),
        (vec![refused()], None),
        (vec![refused(), refused()], Some(11205)),
        (vec![unanswered()], Some(11200)),
    ] {
        let mut account = Account::open(settings(), "http://127.0.0.1:1".to_owned(), clock()).unwrap();
        account.transport = Arc::new(Refusing(failures.clone().into()));
        let exchange = caller::report(&account, "http://127.0.0.1:2/", &[], "once").await;
        assert_eq!(exchange.warning.map(|warning| warning.code), code, "{failures:?}");
    }
}

#[tokio::test]
async fn a_phones_messages_come_in_order_and_phones_do_not_wait_for_each_other() {
    let (luis_came, running) = (Arc::new(Notify::new()), Arc::new(std::sync::Mutex::new(Vec::new())));
    let script: Script = Arc::new(move |heard| {
        let (luis_came, running) = (Arc::clone(&luis_came), Arc::clone(&running));
        Box::pin(async move {
            let from = heard.get("From").unwrap().to_owned();
            assert!(!running.lock().unwrap().contains(&from), "two of one phone at a time");
            running.lock().unwrap().push(from.clone());
            match (from.as_str(), heard.get("Body")) {
                (ANA, Some("0")) => luis_came.notified().await,
                (LUIS, _) => luis_came.notify_one(),
                _ => tokio::task::yield_now().await,
            }
            running.lock().unwrap().retain(|phone| *phone != from);
            twiml("")
        })
    });
    let application = Application::scripted(script).await;
    let client = Client::start(Settings { inbound_url: Some(application.url.clone()), ..settings() }).await;
    for index in 0..20 {
        let body = json!({ "from": ANA, "text": index.to_string() });
        assert_eq!(client.page(Method::POST, "/sandbox/messages", body).await.0, 201);
    }
    client.text(LUIS, "me too").await;
    let mut anas = Vec::new();
    while anas.len() < 20 {
        let heard = application.next().await;
        if heard.get("From") == Some(ANA) {
            anas.push(heard.get("Body").unwrap().parse::<usize>().unwrap());
        }
    }
    assert_eq!(anas, (0..20).collect::<Vec<_>>());
}
