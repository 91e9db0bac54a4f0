//! How fast a sender sends, and who goes first.

use jiff::Timestamp;
use recado_tests::{ScriptedProvider, TestGateway, at_once, run, wait_for};
use serde_json::{Value, json};

fn submit(gateway: &TestGateway, to: &str, priority: &str) -> String {
    let new = json!({ "to": to, "text": format!("Aviso {priority}"), "priority": priority });
    gateway.post("/v1/messages", &new).expect(202)["id"].as_str().unwrap().to_owned()
}

/// When the first try of each message began, in milliseconds, in order.
fn began(gateway: &TestGateway, ids: &[String]) -> Vec<i64> {
    let first = |id: &String| {
        let trace = gateway.get(&format!("/v1/messages/{id}/trace")).expect(200);
        let at: Timestamp = trace["attempts"][0]["started_at"].as_str().unwrap().parse().unwrap();
        at.as_millisecond()
    };
    let mut times: Vec<i64> = ids.iter().map(first).collect();
    times.sort_unstable();
    times
}

#[test]
fn a_sender_keeps_to_its_rate_and_what_is_urgent_goes_before_what_waits() {
    const RATE: i64 = 4;
    let rates = format!("[channels.sms.rates]\nsegments_per_s = {RATE}");
    let gateway = TestGateway::builder().no_plugins().config_toml(&rates).start();
    let channel = &gateway.all("/v1/channels")[0];
    assert_eq!(channel["segments_per_s"], 4.0, "{channel}");
    gateway.post("/v1/channels/sms/pause", &json!({})).expect(200);
    let bulk = at_once(12, |number| submit(&gateway, &format!("+5299855521{number:02}"), "bulk"));
    let normal = submit(&gateway, "+529985552200", "normal");
    let high = submit(&gateway, "+529985552201", "high");
    gateway.post("/v1/channels/sms/resume", &json!({})).expect(200);
    let waits = wait_for("somebody to wait for the sender", || {
        // Some of them have left by then; which, nobody knows.
        let waits = |id: &String| gateway.get(&format!("/v1/messages/{id}/trace")).expect(200)["waits"].clone();
        bulk.iter().map(waits).find(|waits| waits["for"] == "sender")
    });
    assert_eq!(waits["segments_per_s"], 4.0, "{waits}");
    let all: Vec<String> = bulk.iter().chain([&normal, &high]).cloned().collect();
    for id in &all {
        gateway.wait_for_status(id, "delivered");
    }
    let first: Vec<String> = gateway.twilio_messages().iter().take(4).map(|sent| sent["body"].to_string()).collect();
    for text in ["Aviso high", "Aviso normal"] {
        assert!(first.iter().any(|body| body.contains(text)), "{text} is among the first four: {first:?}");
    }
    let times = began(&gateway, &all);
    for (index, from) in times.iter().enumerate() {
        let within = times[index..].iter().filter(|time| *time - from < 1000).count();
        assert!(within <= 8, "a second has its own four, and what was saved up before: {times:?}");
    }
    // The first four were saved up; ten more take their time, by the clock that the rate goes by.
    assert!(times[13] - times[0] >= 2400, "{times:?}");
    let message = gateway.message(&high);
    assert_eq!((&message["priority"], &gateway.message(&bulk[0])["priority"]), (&json!("high"), &json!("bulk")));
}

#[test]
fn a_sender_that_gets_429_is_slowed_down_and_nothing_is_sent_twice() {
    const COUNT: usize = 20;
    let rates = "[channels.sms.rates]\nsegments_per_s = 50\n[delivery]\npause_max_s = 1\npause_s = 1";
    let gateway = TestGateway::builder().no_plugins().config_toml(rates).start();
    gateway.set_faults(&json!({ "create_refused": { "every": 4 } }));
    let ids = at_once(COUNT, |number| submit(&gateway, &format!("+5299855531{number:02}"), "normal"));
    let channel = wait_for("a sender that is slowed down", || {
        let channel = gateway.all("/v1/channels")[0].clone();
        channel["slowed_to"].is_number().then_some(channel)
    });
    assert!(channel["slowed_to"].as_f64() < channel["segments_per_s"].as_f64(), "{channel}");
    assert_eq!(channel["state"], "active");
    for id in &ids {
        gateway.wait_for_status(id, "delivered");
    }
    let creates = gateway.creates();
    assert_eq!((&creates["accepted"], &creates["doubles"]), (&json!(COUNT), &json!(0)));
}

#[test]
fn a_report_that_a_sender_was_too_fast_slows_it_down() {
    let provider = ScriptedProvider::start([]);
    let rates = "[channels.sms.rates]\nsegments_per_s = 10";
    let gateway = TestGateway::builder().provider(&provider).no_plugins().config_toml(rates).start();
    let id = submit(&gateway, "+529985554001", "normal");
    let received = provider.wait_for(1);
    gateway.wait_for_status(&id, "queued");
    assert_eq!(gateway.all("/v1/channels")[0]["slowed_to"], Value::Null);
    let (_, tail) = received[0].get("StatusCallback").split_once("/webhooks/").unwrap();
    let report = [
        ("MessageSid", "SM00000000000000000000000000000001"),
        ("MessageStatus", "failed"),
        ("SmsStatus", "failed"),
        ("To", "+529985554001"),
        ("ErrorCode", "30022"),
    ];
    let report = report.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(gateway.signed_webhook(tail, &report).status(), 200);
    let slowed = gateway.all("/v1/channels")[0]["slowed_to"].as_f64();
    assert!(slowed.is_some_and(|rate| (5.0..6.0).contains(&rate)), "{slowed:?}");
}

#[test]
fn the_reply_to_a_person_is_urgent_and_others_say_it_themselves() {
    let gateway = TestGateway::builder().start();
    gateway.text("+529981122334", "Hola");
    let reply = gateway.messages().into_iter().find(|message| message["direction"] == "outbound").unwrap();
    assert_eq!(reply["priority"], "high");
    let to = ["--to", "+529981122335", "--text", "Su código", "--priority", "high", "--json"];
    let (url, key) = (gateway.url(), gateway.key().to_owned());
    let arguments: Vec<&str> = ["send"].into_iter().chain(to).chain(["--gateway", &url, "--key", &key]).collect();
    let sent = run(gateway.folder(), &arguments, &[]).good().json();
    let id = sent["id"].as_str().unwrap();
    assert_eq!(gateway.message(id)["priority"], "high");
    gateway.wait_for_status(id, "delivered");
    let plain = gateway.post("/v1/messages", &json!({ "to": "+529981122336", "text": "Hola" })).expect(202);
    assert_eq!(plain["priority"], "normal");
    let wrong = json!({ "to": "+529981122336", "text": "Hola", "priority": "urgent" });
    let problem: Value = gateway.post("/v1/messages", &wrong).expect(422);
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("bulk")), "{problem}");
}
