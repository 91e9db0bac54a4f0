//! Calls that send: refused, repeated, cut to size, and what the carriers make of them.

use recado_tests::{TestGateway, at_once};
use serde_json::{Value, json};

const CUSTOMER: &str = "+529981122334";

#[test]
fn a_call_that_is_made_again_under_its_key_sends_nothing_again() {
    let gateway = TestGateway::builder().no_plugins().start();
    let body = json!({ "to": CUSTOMER, "text": "Su cita es mañana" });
    let post = |key: &str, body: &Value| gateway.post_with("/v1/messages", &[("idempotency-key", key)], body);

    let answers = at_once(10, |_| post("order-1", &body));
    let id = answers[0].expect(202)["id"].clone();
    for answer in &answers {
        assert_eq!(answer.expect(202)["id"], id);
    }
    let fresh = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_none()).count();
    assert_eq!(fresh, 1, "one call sent, nine were told so");

    let again = post("order-1", &body);
    assert_eq!((&again.expect(202)["id"], again.header("idempotency-replayed")), (&id, Some("true")));
    let other = post("order-1", &json!({ "to": CUSTOMER, "text": "Otra cosa" }));
    assert_eq!(other.expect(409)["type"], "urn:recado:problem:idempotency-key-reused");
    assert_eq!(other.header("content-type"), Some("application/problem+json"));
    for bad in ["", &"k".repeat(256)] {
        assert_eq!(post(bad, &body).expect(422)["errors"][0]["pointer"], "Idempotency-Key");
    }

    let second = post("order-2", &body).expect(202);
    assert_ne!(second["id"], id, "another key is another call");
    gateway.wait_for_messages("delivery", |all| all.iter().all(|message| message["status"] == "delivered"));
    assert_eq!(gateway.messages().len(), 2);
    assert_eq!(gateway.twilio_messages().len(), 2);
}

#[test]
fn segments_are_counted_as_the_channel_is_set() {
    let text = "Dijo “hola” ".repeat(10);
    for (smart, options, expected) in
        [(true, json!({}), 1), (true, json!({ "smart_encoded": false }), 2), (false, json!({}), 2)]
    {
        let settings = format!("[channels.sms]\nsmart_encoded = {smart}");
        let gateway = TestGateway::builder().no_plugins().config_toml(&settings).start();
        // It waits here, so that nobody else has counted yet.
        let later = json!({ "to": CUSTOMER, "text": text, "options": options, "send_at": in_an_hour() });
        let taken = gateway.post("/v1/messages", &later).expect(202);
        assert_eq!(taken["segments"], expected, "{smart} {options}");
        gateway.post(&format!("/v1/messages/{}/cancel", taken["id"].as_str().unwrap()), &json!({})).expect(200);
    }
}

fn in_an_hour() -> String {
    let now = recado::clock::Clock::now(&recado::clock::SystemClock);
    (now + jiff::SignedDuration::from_hours(1)).to_string()
}

#[test]
fn what_can_not_be_sent_is_refused_with_a_pointer_to_what_is_wrong() {
    let gateway = TestGateway::builder().no_plugins().start();
    let picture = "https://example.com/a.png";
    let cases = [
        (json!({ "to": CUSTOMER }), "/text", "empty"),
        (json!({ "to": CUSTOMER, "text": " \n " }), "/text", "empty"),
        (json!({ "to": CUSTOMER, "text": "a", "media": vec![picture; 11] }), "/media", "too-many-media"),
        (json!({ "to": CUSTOMER, "text": "a", "media": ["nope"] }), "/media", "invalid-media"),
        (json!({ "to": CUSTOMER, "text": "a", "media": ["ftp://example.com/a.png"] }), "/media", "invalid-media"),
        (json!({ "to": CUSTOMER, "text": "a", "channel": "fax" }), "/channel", "unknown-channel"),
        (json!({ "to": CUSTOMER, "text": "a", "from": "nobody at all" }), "/from", "not-a-sender"),
        (json!({ "to": CUSTOMER, "text": "a", "options": { "validity": 0 } }), "/options/validity", "invalid-option"),
        (json!({ "to": CUSTOMER, "text": "a", "send_at": "2126-01-01T00:00:00Z" }), "/send_at", "too-far-ahead"),
        (json!({ "to": CUSTOMER, "text": "a", "options": { "hurry": true } }), "/options/hurry", "invalid"),
        (json!({ "to": "12", "text": "a" }), "/to", "too-short"),
        (json!({ "to": CUSTOMER, "text": "a", "tex": "b" }), "/tex", "invalid"),
        (json!({ "to": 12, "text": "a" }), "/to", "invalid"),
        (json!({ "text": "a" }), "/to", "invalid"),
    ];
    for (body, pointer, code) in cases {
        let answer = gateway.post("/v1/messages", &body);
        let problem = answer.expect(422);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{body}");
        let error = &problem["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{body}");
        assert!(error["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
    }
    let unreadable = gateway.request(
        ::http::Method::POST,
        "/v1/messages",
        &[("authorization", &format!("Bearer {}", gateway.key()))],
        "{\"to\":",
    );
    assert_eq!(unreadable.expect(400)["type"], "urn:recado:problem:unreadable");
    assert_eq!(gateway.messages(), [] as [Value; 0]);

    let ten = json!({ "to": CUSTOMER, "media": vec![picture; 10] });
    let sent = gateway.post("/v1/messages?wait=sent", &ten).expect(200);
    assert_eq!(sent["media"].as_array().map(Vec::len), Some(10));
    assert_eq!(gateway.twilio_messages()[0]["media"].as_array().map(Vec::len), Some(10));
}

/// `channel` with `settings`, on the account of the others.
fn channel(gateway: &str, name: &str, settings: &str) -> String {
    let account = recado_tests::ACCOUNT_SID;
    let (token, number) = (recado_tests::AUTH_TOKEN, recado_tests::NUMBER);
    format!(
        "[channels.{name}]\nkind = \"twilio\"\naccount_sid = \"{account}\"\nauth_token = \"{token}\"\n\
         from = \"{number}\"\nbase_url = \"{gateway}\"\n{settings}\n"
    )
}

#[test]
fn a_long_text_goes_out_in_parts_in_order_or_as_the_channel_is_set() {
    let provider = recado_tests::ScriptedProvider::start([]);
    let settings = channel(&provider.url(), "short", "long_text = \"truncate\"\nmax_text_units = 20")
        + &channel(&provider.url(), "strict", "long_text = \"reject\"");
    let gateway = TestGateway::builder().provider(&provider).no_plugins().config_toml(&settings).start();

    let words: Vec<String> = (0..400).map(|number| format!("palabra{number}")).collect();
    let text = words.join(" ");
    assert!(text.len() > 3200);
    let body = |channel: &str| json!({ "to": CUSTOMER, "text": text, "channel": channel });
    let sent = gateway.post("/v1/messages?wait=sent", &body("sms")).expect(200);
    let received = provider.received();
    let parts: Vec<&str> = received.iter().map(|request| request.get("Body")).collect();
    assert_eq!(parts.len(), 3);
    assert!(parts.iter().all(|part| part.encode_utf16().count() <= 1600));
    assert_eq!(parts.join(" "), text, "in order, and nothing lost but the spaces at the cuts");
    assert_eq!(sent["parts"].as_array().map(Vec::len), Some(3));
    assert_eq!(sent["provider_id"], sent["parts"][0]["provider_id"]);
    assert_eq!(sent["text"], text, "the message itself stays whole");
    let callbacks: std::collections::BTreeSet<&str> = received.iter().map(|part| part.get("StatusCallback")).collect();
    assert_eq!(callbacks.len(), 3, "each part is reported by itself");

    gateway.post("/v1/messages?wait=sent", &body("short")).expect(200);
    assert_eq!(provider.received()[3].get("Body"), "palabra0 palabra1...");
    let refused = gateway.post("/v1/messages", &body("strict")).expect(422);
    assert_eq!(
        (&refused["errors"][0]["pointer"], &refused["errors"][0]["code"]),
        (&json!("/text"), &json!("too-long"))
    );
    // Now that there are several channels, one must be named.
    let unnamed = gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "text": "a" })).expect(422);
    assert_eq!(unnamed["errors"][0]["pointer"], "/channel");
    assert_eq!(provider.received().len(), 4);
}

#[test]
fn what_the_provider_refuses_or_the_carrier_loses_is_on_record_with_its_reason() {
    let gateway = TestGateway::builder().no_plugins().start();
    // The local Twilio: a number meets the error that it ends in.
    let cases = [
        ("998 112 1610", "failed", 21610, "unsubscribed"),
        ("998 112 1211", "failed", 21211, "not a valid phone number"),
        ("998 112 1408", "failed", 21408, "region"),
        ("998 112 1614", "failed", 21614, "not a mobile number"),
        ("998 113 0001", "failed", 30001, ""),
        ("998 113 0003", "undelivered", 30003, ""),
        ("998 113 0007", "undelivered", 30007, ""),
    ];
    for (to, status, code, reason) in cases {
        let taken = gateway.post("/v1/messages", &json!({ "to": to, "text": "Hola" })).expect(202);
        let lost = gateway.wait_for_status(taken["id"].as_str().unwrap(), status);
        assert_eq!(lost["error_code"], code, "{lost}");
        assert!(lost["error_message"].as_str().unwrap_or_default().contains(reason), "{lost}");
        assert!(lost["failed_at"].is_string() && lost["delivered_at"].is_null(), "{lost}");
        assert_eq!(lost["parts"][0]["attempts"], 1, "never tried again: {lost}");
        assert_eq!(lost["parts"][0]["error_code"], code, "{lost}");
    }
    let refused = gateway.post("/v1/messages?wait=sent", &json!({ "to": "998 112 1211", "text": "Hola" })).expect(200);
    assert_eq!((&refused["status"], &refused["error_code"]), (&json!("failed"), &json!(21211)));
}

#[test]
fn a_message_and_its_parts_are_shown_as_of_one_moment() {
    let gateway = TestGateway::builder().no_plugins().start();
    // While a message goes its way, whoever looks sees all of it before a step or all of it after.
    at_once(4, |caller| {
        for number in 0..15 {
            let body = json!({ "to": format!("+52998555{:04}", caller * 100 + number), "text": "Hola" });
            let mut message = gateway.post("/v1/messages?wait=sent", &body).expect(200);
            loop {
                assert_eq!(message["status"], message["parts"][0]["status"], "{message}");
                if message["status"] == "delivered" {
                    break;
                }
                message = gateway.message(message["id"].as_str().unwrap());
            }
        }
    });
}
