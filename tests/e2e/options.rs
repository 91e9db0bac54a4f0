//! What callers may wish for a message: it reaches the provider in its own words, from either API.

use http::Method;
use recado_tests::{NUMBER, Received, ScriptedProvider, TestGateway};
use serde_json::{Value, json};

const CUSTOMER: &str = "+529981122334";
const SERVICE: &str = "MG00000000000000000000000000000001";

/// All wishes in Twilio's words, but for those that exclude each other.
const WISHES: [(&str, &str); 14] = [
    ("ValidityPeriod", "600"),
    ("SmartEncoded", "true"),
    ("ShortenUrls", "true"),
    ("RiskCheck", "disable"),
    ("ProvideFeedback", "true"),
    ("ContentRetention", "discard"),
    ("SendAsMms", "true"),
    ("ForceDelivery", "true"),
    ("TrafficType", "free"),
    ("FallbackFrom", "+15005550006"),
    ("PersistentAction", "geo:20.2,-87.4|Recado"),
    ("PersistentAction", "other"),
    ("Tags", r#"{"campaign":"mayo"}"#),
    ("Body", "Hola"),
];

fn by_service(provider: &ScriptedProvider) -> TestGateway {
    TestGateway::builder().provider(provider).no_plugins().messaging_service(SERVICE).start()
}

#[track_caller]
fn has_all(sent: &Received) {
    for (name, value) in WISHES {
        let values: Vec<&str> =
            sent.form.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect();
        assert!(values.contains(&value), "{name}: {values:?}");
    }
}

#[test]
fn wishes_come_through_from_the_front_door() {
    let provider = ScriptedProvider::start([]);
    let gateway = by_service(&provider);
    let way = [("To", CUSTOMER), ("MessagingServiceSid", SERVICE)];
    // What has no effect at Twilio either is taken and not passed on.
    let idle = [("Attempt", "2"), ("MaxPrice", "0.05"), ("AddressRetention", "retain")];
    gateway.door_send(&[&way[..], &WISHES, &idle].concat()).expect(201);
    let sent = &provider.wait_for(1)[0];
    has_all(sent);
    assert_eq!(idle.map(|(name, _)| sent.get(name)), [""; 3]);
}

#[test]
fn wishes_come_through_from_the_gateways_own_api() {
    let provider = ScriptedProvider::start([]);
    let gateway = by_service(&provider);
    let options = json!({
        "validity": 600, "smart_encoded": true, "shorten_urls": true, "risk_check": false, "provide_feedback": true,
        "discard_content": true, "send_as_mms": true, "force_delivery": true, "traffic_type": "free",
        "fallback_from": "+15005550006", "persistent_action": ["geo:20.2,-87.4|Recado", "other"],
        "labels": { "campaign": "mayo" },
    });
    let made = gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "text": "Hola", "options": options })).expect(202);
    has_all(&provider.wait_for(1)[0]);
    assert_eq!(made["options"], options, "as it was asked for");
    for (wrong, pointer) in [
        (json!({ "labels": { "": "x" } }), "/options/labels"),
        (json!({ "traffic_type": "paid" }), "/options/traffic_type"),
        (json!({ "persistent_action": [""] }), "/options/persistent_action"),
        (json!({ "fallback_from": "no sender!" }), "/options/fallback_from"),
    ] {
        let refused =
            gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "text": "Hola", "options": wrong })).expect(422);
        assert_eq!(refused["errors"][0]["pointer"], pointer, "{refused}");
    }
}

#[test]
fn what_can_not_be_had_is_refused_with_the_reason() {
    let gateway = TestGateway::builder().no_plugins().start();
    for (name, value, code, word) in [
        ("ApplicationSid", "AP00000000000000000000000000000001", 20001, "StatusCallback"),
        ("AddressRetention", "obfuscate", 30030, "AddressRetention"),
        ("ContentRetention", "forget", 30029, "ContentRetention"),
        ("FallbackFrom", "+15005550006", 20001, "FallbackFrom needs"),
        ("ShortenUrls", "true", 20001, "ShortenUrls needs"),
        ("TrafficType", "paid", 20001, "TrafficType"),
        ("Tags", "no json", 20001, "Tags"),
        ("MaxPrice", "cheap", 21627, "Price"),
    ] {
        let refused = gateway.door_send(&[("To", CUSTOMER), ("From", NUMBER), ("Body", "Hola"), (name, value)]);
        let refused = refused.expect(400);
        assert_eq!(refused["code"], code, "{refused}");
        assert!(refused["message"].as_str().unwrap().contains(word), "{refused}");
    }
    assert_eq!(gateway.messages(), [] as [Value; 0]);
}

#[test]
fn a_text_that_is_not_to_be_kept_is_sent_and_forgotten() {
    let gateway = TestGateway::builder().no_plugins().start();
    let secret = [("To", CUSTOMER), ("From", NUMBER), ("Body", "Su clave es 1234"), ("ContentRetention", "discard")];
    let made = gateway.door_send(&secret).expect(201);
    assert_eq!(made["body"], "Su clave es 1234");
    let id = gateway.messages()[0]["id"].as_str().unwrap().to_owned();
    let delivered = gateway.wait_for_status(&id, "delivered");
    assert_eq!(delivered["text"], "");
    let shown = gateway.door(Method::GET, made["uri"].as_str().unwrap(), &[]).expect(200);
    assert_eq!((&shown["body"], &shown["status"]), (&json!(""), &json!("delivered")));
}
