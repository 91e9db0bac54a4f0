//! Times to leave, queues, templates, keys, and the people who want no messages.

use super::*;

fn with_service() -> Settings {
    Settings { messaging_service_sid: Some(SERVICE.to_owned()), ..settings() }
}

async fn set_up(client: &Client, number: Value) {
    let (status, answer) = client.page(Method::PUT, "/sandbox/number", number).await;
    assert_eq!(status, 200, "{answer}");
}

async fn skip(client: &Client, seconds: u32) {
    let (status, answer) = client.page(Method::POST, "/sandbox/skip", json!({ "seconds": seconds })).await;
    assert_eq!(status, 200, "{answer}");
}

async fn ends(client: &Client, sid: &str) -> (Value, Value) {
    let message = client.message(sid, |message| message.status.is_final()).await;
    (message["status"].clone(), message["error_code"].clone())
}

#[tokio::test]
async fn a_scheduled_message_waits_for_its_time_or_is_canceled() {
    let application = Application::start(|_| twiml("")).await;
    let client = Client::start(with_service()).await;
    let form = [
        ("MessagingServiceSid", SERVICE),
        ("To", ANA),
        ("Body", "hi"),
        ("StatusCallback", application.url.as_str()),
        ("ScheduleType", "fixed"),
        ("SendAt", "2026-11-23T00:47:22Z"),
    ];
    let (kept, canceled) = (client.create(&form).await, client.create(&form).await);
    let seen = ["status", "from", "num_segments", "date_sent"].map(|name| kept[name].clone());
    assert_eq!(seen, [json!("scheduled"), Value::Null, json!("0"), Value::Null]);
    let [kept, canceled] = [kept, canceled].map(|message| message["sid"].as_str().unwrap().to_owned());
    let path = format!("/Messages/{canceled}.json");
    let (status, answer) = client.api(Method::POST, &path, &[("Status", "canceled")]).await;
    assert_eq!((status, &answer["status"]), (200, &json!("canceled")));
    let report = application.next().await;
    assert_eq!((report.get("MessageSid"), report.get("MessageStatus")), (Some(&*canceled), Some("canceled")));
    let (status, answer) = client.api(Method::POST, &path, &[("Status", "canceled")]).await;
    assert_eq!((status, &answer["code"]), (400, &json!(30409)));
    skip(&client, 599).await;
    assert_eq!(client.message(&kept, |_| true).await["status"], "scheduled");
    skip(&client, 1).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        let report = application.next().await;
        assert_eq!(report.get("MessageSid"), Some(&*kept));
        statuses.push(report.get("MessageStatus").unwrap().to_owned());
    }
    assert_eq!(statuses, ["queued", "sent", "delivered"]);
    assert_eq!(client.message(&canceled, |_| true).await["status"], "canceled");
    assert_eq!(client.message(&kept, |_| true).await["sent"], "2026-11-23T00:47:22Z");

    // Whether the person wants messages counts when they leave.
    let later = form.map(|(name, value)| (name, if name == "SendAt" { "2026-11-23T00:57:22Z" } else { value }));
    let later = client.create(&later).await["sid"].as_str().unwrap().to_owned();
    client.text(ANA, "stop").await;
    skip(&client, 600).await;
    assert_eq!(ends(&client, &later).await, (json!("failed"), json!(21610)));
}

#[tokio::test]
async fn a_slow_number_queues_until_messages_expire_or_the_queue_is_full() {
    let client = Client::start(with_service()).await;
    set_up(&client, json!({ "segments_per_second": 1, "queue_seconds": 4 })).await;
    let create = async |body: &str, more: &[(&str, &str)]| {
        let form = [&[("From", NUMBER), ("To", ANA), ("Body", body)], more].concat();
        client.create(&form).await["sid"].as_str().unwrap().to_owned()
    };
    let first = create("1", &[]).await;
    assert_eq!(ends(&client, &first).await.0, "delivered");
    // Its turn comes with the second second, when it has expired.
    let (second, third) = (create(&"x".repeat(161), &[]).await, create("3", &[("ValidityPeriod", "2")]).await);
    let form = [("From", NUMBER), ("To", ANA), ("Body", "too many")];
    let (status, refusal) = client.api(Method::POST, "/Messages.json", &form).await;
    assert_eq!((status, &refusal["code"]), (429, &json!(21611)));
    // By the other status, which was seen as well.
    let form = [("From", "+15005550008"), ("To", ANA), ("Body", "too many")];
    let (status, refusal) = client.api(Method::POST, "/Messages.json", &form).await;
    assert_eq!((status, &refusal["code"]), (400, &json!(21611)));
    let overflow = create("too many", &[("MessagingServiceSid", SERVICE)]).await;
    assert_eq!(ends(&client, &overflow).await, (json!("failed"), json!(30001)));
    assert_eq!(client.message(&second, |_| true).await["status"], "queued");
    skip(&client, 1).await;
    assert_eq!(ends(&client, &second).await.0, "delivered");
    assert_eq!(client.message(&third, |_| true).await["status"], "queued");
    skip(&client, 1).await;
    assert_eq!(ends(&client, &third).await, (json!("failed"), json!(30036)));
}

#[tokio::test]
async fn too_many_messages_to_one_person_are_a_loop_where_that_is_guarded() {
    let client = Client::start(settings()).await;
    let send = async |count: usize| {
        let mut failed = 0;
        for _ in 0..count {
            let created = client.create(&[("From", NUMBER), ("To", ANA), ("Body", "hi")]).await;
            let end = ends(&client, created["sid"].as_str().unwrap()).await;
            failed += usize::from(end == (json!("failed"), json!(14107)));
        }
        failed
    };
    assert_eq!(send(20).await, 0);
    set_up(&client, json!({ "loop_guard": true })).await;
    assert_eq!(send(17).await, 2);
    skip(&client, 30).await;
    assert_eq!(send(15).await, 0);
}

#[tokio::test]
async fn who_stops_gets_nothing_until_they_start() {
    let application = Application::start(|heard| match heard.get("Body") {
        Some("pedido") => twiml("<Message>listo</Message>"),
        _ => twiml(""),
    })
    .await;
    let client = Client::start(Settings { inbound_url: Some(application.url.clone()), ..with_service() }).await;
    let create = async |form: &[(&str, &str)]| {
        let form = [&[("To", ANA), ("Body", "hi")], form].concat();
        client.api(Method::POST, "/Messages.json", &form).await
    };
    let told = || -> Vec<String> {
        let all = client.sandbox.account.ledger.all();
        all.iter().filter(|message| message.in_reply_to.is_some()).map(|message| message.body.clone()).collect()
    };
    assert_eq!(client.text(ANA, " Stop ").await["webhook"]["status"], 200);
    let webhook = application.next().await;
    assert_eq!((webhook.get("Body"), webhook.get("OptOutType")), (Some(" Stop "), None));
    assert!(told()[0].starts_with("You have successfully been unsubscribed."), "{:?}", told());
    client.text(ANA, "STOPALL").await;
    assert_eq!(told().len(), 1);
    let (status, refusal) = create(&[("From", NUMBER)]).await;
    assert_eq!((status, &refusal["code"]), (400, &json!(21610)));
    let (status, message) = create(&[("MessagingServiceSid", SERVICE)]).await;
    assert_eq!(status, 201, "{message}");
    assert_eq!(ends(&client, message["sid"].as_str().unwrap()).await, (json!("failed"), json!(21610)));
    let answer = client.text(ANA, "pedido").await;
    assert_eq!(ends(&client, answer["replies"][0].as_str().unwrap()).await, (json!("failed"), json!(21610)));
    let (_, state) = client.page(Method::GET, "/sandbox/state", Value::Null).await;
    assert_eq!(state["opted_out"], json!([ANA]));

    client.text(ANA, "help").await;
    client.text(ANA, "YES").await;
    client.text(ANA, "yes").await;
    let told = told();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[2].starts_with("Reply STOP") && told[3].contains("re-subscribed"), "{told:?}");
    assert_eq!(create(&[("From", NUMBER)]).await.0, 201);
}

#[tokio::test]
async fn opt_outs_are_handled_by_the_service_or_not_at_all_and_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let keep = Some(folder.path().join("journal"));
    let application = Application::start(|_| twiml("")).await;
    let start = || Settings { keep: keep.clone(), inbound_url: Some(application.url.clone()), ..settings() };
    let client = Client::start(start()).await;
    set_up(&client, json!({ "opt_out": "off" })).await;
    client.text(ANA, "stop").await;
    assert_eq!(client.sandbox.account.ledger.all().len(), 1);
    set_up(&client, json!({ "opt_out": "advanced" })).await;
    application.next().await;
    client.text(LUIS, "stop").await;
    assert_eq!(application.next().await.get("OptOutType"), Some("STOP"));
    client.sandbox.stop().await;

    let client = Client::start(start()).await;
    set_up(&client, json!({ "opt_out": "advanced" })).await;
    let created = client.create(&[("From", NUMBER), ("To", LUIS), ("Body", "hi")]).await;
    assert_eq!(ends(&client, created["sid"].as_str().unwrap()).await, (json!("failed"), json!(21610)));
}

#[tokio::test]
async fn api_keys_and_both_tokens_are_let_in() {
    let client = Client::start(settings()).await;
    let key = "SK0123456789abcdef0123456789abcdef";
    let ask = async |user: &str, password: &str| {
        let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
        let path = format!("/2010-04-01/Accounts/{SID}/Messages.json");
        let response = client.request(Method::GET, &path, &[("authorization", &basic)], Bytes::new()).await;
        response.status().as_u16()
    };
    assert_eq!(ask(key, "hush").await, 401);
    assert_eq!(client.page(Method::PUT, "/sandbox/keys", json!({ "SK1": "x" })).await.0, 422);
    assert_eq!(client.page(Method::PUT, "/sandbox/keys", json!({ key: "hush" })).await.0, 200);
    assert_eq!((ask(key, "hush").await, ask(key, "other").await), (200, 401));
    client.page(Method::PUT, "/sandbox/token", json!({ "auth_token": "54321" })).await;
    assert_eq!((ask(SID, TOKEN).await, ask(SID, "54321").await, ask(key, "54321").await), (200, 200, 401));
}

#[tokio::test]
async fn bad_settings_are_told_and_change_nothing() {
    let client = Client::start(Settings { inbound_url: Some("http://127.0.0.1:1/".to_owned()), ..settings() }).await;
    for (path, body) in [
        ("number", json!({ "inbound_url": "file:///etc" })),
        ("number", json!({ "fallback_url": "nowhere" })),
        ("number", json!({ "segments_per_second": 0 })),
        ("number", json!({ "opt_out": "sometimes" })),
        ("number", json!({ "speed": 1 })),
        ("number", json!({ "queue_seconds": null })),
    ] {
        let (status, answer) = client.page(Method::PUT, &format!("/sandbox/{path}"), body.clone()).await;
        assert!(status == 422 && answer["error"].is_string(), "{body}: {status} {answer}");
    }
    let (status, _) = client.page(Method::POST, "/sandbox/skip", json!({ "seconds": u32::MAX })).await;
    assert_eq!(status, 422);
    set_up(&client, json!({ "segments_per_second": 5 })).await;
    let (_, state) = client.page(Method::GET, "/sandbox/state", Value::Null).await;
    let setup = &state["setup"];
    assert_eq!((&setup["inbound_url"], &setup["segments_per_second"]), (&json!("http://127.0.0.1:1/"), &json!(5)));
    set_up(&client, json!({ "inbound_url": "", "segments_per_second": null })).await;
    let (_, state) = client.page(Method::GET, "/sandbox/state", Value::Null).await;
    let setup = &state["setup"];
    assert_eq!((&setup["inbound_url"], &setup["segments_per_second"]), (&Value::Null, &Value::Null));
}
