//! Who is let in by signature, and what is kept out.

use recado_tests::{Builder, TestGateway, form, sign, wait_for};
use serde_json::Value;

use super::{going, message_sid};

const TABLE: &str = include_str!("../tables/signatures.json");
const CUSTOMER: &str = "+529981122334";

/// A webhook that Twilio's own library signed.
struct Signed {
    name: String,
    /// What comes after `/webhooks/`.
    tail: String,
    body: String,
    signature: String,
    /// The text, of an inbound message.
    text: Option<String>,
}

fn gateway() -> Builder {
    TestGateway::builder().public_url("https://sms.example.mx").no_plugins()
}

fn table() -> Vec<Signed> {
    let table: Value = serde_json::from_str(TABLE).unwrap();
    let cases = table["cases"].as_array().unwrap().iter().filter(|case| case["kind"] != "plain");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    cases
        .map(|case| Signed {
            name: text(&case["name"]),
            tail: text(&case["url"]).strip_prefix("https://sms.example.mx/webhooks/").unwrap().to_owned(),
            body: text(&case["body"]),
            signature: text(&case["signature"]),
            text: (case["kind"] == "inbound").then(|| {
                let parameters = case["params"].as_array().unwrap();
                text(&parameters.iter().find(|pair| pair[0] == "Body").unwrap()[1])
            }),
        })
        .collect()
}

/// The same with its last character changed.
fn altered(text: &str) -> String {
    let mut altered = text.to_owned();
    let last = altered.pop();
    altered.push(if last == Some('A') { 'B' } else { 'A' });
    altered
}

fn holds_nothing(gateway: &TestGateway) {
    assert_eq!(gateway.messages(), [] as [Value; 0]);
    assert_eq!(gateway.conversations(), [] as [Value; 0]);
}

#[test]
fn what_twilio_signed_is_let_in_and_nothing_else_is() {
    let gateway = gateway().start();
    let cases = table();
    assert!(cases.len() > 20, "the table is there");
    for Signed { name, tail, body, signature, .. } in &cases {
        let other_tail = if tail.contains('?') { format!("{tail}1") } else { format!("{tail}?a=b") };
        let forgeries = [
            ("a changed body", gateway.post_webhook(tail, signature, &altered(body))),
            ("a parameter more", gateway.post_webhook(tail, signature, &format!("{body}&Extra="))),
            ("a changed signature", gateway.post_webhook(tail, &altered(signature), body)),
            ("no signature", gateway.post_webhook(tail, "", body)),
            ("another address", gateway.post_webhook(&other_tail, signature, body)),
        ];
        for (what, answer) in forgeries {
            assert_eq!(answer.status(), 403, "{name}, {what}: {}", answer.text());
        }
        let path = format!("/webhooks/{tail}");
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let bare = gateway.request(::http::Method::POST, &path, &headers, body.clone());
        assert_eq!(bare.status(), 403, "{name}, without the header: {}", bare.text());
    }
    holds_nothing(&gateway);

    for Signed { name, tail, body, signature, .. } in &cases {
        let answer = gateway.post_webhook(tail, signature, body);
        assert_eq!(answer.status(), 200, "{name}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("text/xml"), "{name}");
    }
    // One of them opts out by a word that is not Twilio's, which the gateway confirms.
    let messages = gateway.messages();
    let stored: Vec<&Value> = going(&messages, "inbound").iter().map(|message| &message["text"]).collect();
    let expected: Vec<&str> = cases.iter().filter_map(|case| case.text.as_deref()).collect();
    assert_eq!(stored, expected);
}

#[test]
fn a_forger_is_told_nothing() {
    let gateway = gateway().start();
    let body = "MessageSid=SM1&From=%2B529981122334&To=%2B529983162438&Body=Hola";
    let forged = gateway.post_webhook("sms/inbound", "bm8=", body).expect(403);
    let unsigned = gateway.request(::http::Method::POST, "/webhooks/sms/inbound", &[], body).expect(403);
    assert_eq!(forged, unsigned);
    // The operator is told.
    for reason in ["does not match", "is missing"] {
        wait_for(reason, || gateway.log().text().contains(reason).then_some(()));
    }
}

#[test]
fn what_can_not_be_read_or_is_too_long_leaves_nothing() {
    let gateway = gateway().start();
    let sms = gateway.webhook_url("sms/inbound");
    let without = |names: &[&str]| {
        let mut parameters = form(&message_sid(), "+529981122334", "Hola");
        parameters.retain(|(name, _)| !names.contains(&name.as_str()));
        sign(&sms, &parameters)
    };
    let (no_sid, no_sid_body) = without(&["MessageSid", "SmsMessageSid", "SmsSid"]);
    let (no_from, no_from_body) = without(&["From"]);
    let (long, long_body) = sign(&sms, &form(&message_sid(), "+529981122334", &"a".repeat(270_000)));
    let (good, good_body) = without(&[]);
    let cases = [
        ("no MessageSid", "sms/inbound", no_sid, no_sid_body, 400),
        ("no From", "sms/inbound", no_from, no_from_body, 400),
        ("a broken escape", "sms/inbound", good.clone(), "Body=%zz".to_owned(), 400),
        ("no UTF-8", "sms/inbound", good.clone(), "Body=%ff%fe".to_owned(), 400),
        ("too long", "sms/inbound", long, long_body, 413),
        ("an unknown channel", "fax/inbound", good.clone(), good_body.clone(), 404),
        ("an unknown hook", "sms/outbound", good, good_body, 404),
    ];
    for (what, tail, signature, body, status) in cases {
        let answer = gateway.post_webhook(tail, &signature, &body);
        assert_eq!(answer.status(), status, "{what}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
    }
    holds_nothing(&gateway);
    // Just short enough is taken.
    let (signature, body) = sign(&sms, &form(&message_sid(), "+529981122334", &"a".repeat(260_000)));
    assert!(body.len() < 256 * 1024);
    gateway.post_webhook("sms/inbound", &signature, &body).expect(200);
    assert_eq!(gateway.messages().len(), 1);
}

#[test]
fn odd_parameters_are_no_reason_to_refuse() {
    let gateway = gateway().start();
    let odd: [&[(&str, &str)]; 8] = [
        &[("Nombre", "José Peña 🦎 中文 עברית")],
        &[("Empty", "")],
        &[("", "a value without a name")],
        &[("Twice", "1"), ("Twice", "2"), ("Twice", "1")],
        &[("Blank", "   "), ("Tab", "\t"), ("Lines", "\r\n\n")],
        &[("Signs", "a+b&c=d%20;'\"<>")],
        &[("ñame", "value"), ("name with space", " x ")],
        &[("Zero", "a\u{200b}\u{a0}b"), ("Decomposed", "n\u{303}")],
    ];
    for (number, extra) in odd.iter().enumerate() {
        let mut parameters = form(&message_sid(), "+529981122334", &format!(" {number} "));
        parameters.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let answer = gateway.signed_webhook("sms/inbound", &parameters);
        assert_eq!(answer.status(), 200, "{extra:?}: {}", answer.text());
    }
    let texts: Vec<Value> = gateway.messages().iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, (0..odd.len()).map(|number| format!(" {number} ")).collect::<Vec<_>>());
}

#[test]
fn what_else_the_provider_told_is_shown_by_name() {
    let gateway = gateway().start();
    let more = [("ButtonPayload", "cita:17:si"), ("Latitude", "21.16"), ("ProfileName", "Zoë"), ("FromCity", "")];
    let more = more.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let parameters = [form(&message_sid(), CUSTOMER, "Confirmar"), more.to_vec()].concat();
    let (signature, body) = sign("https://sms.example.mx/webhooks/sms/inbound", &parameters);
    assert_eq!(gateway.post_webhook("sms/inbound", &signature, &body).status(), 200);
    let [message] = gateway.messages().try_into().unwrap();
    let extra = &message["extra"];
    assert_eq!((&extra["ButtonPayload"], &extra["Latitude"]), (&"cita:17:si".into(), &"21.16".into()), "{message}");
    assert_eq!((&extra["ProfileName"], &extra["FromCity"]), (&"Zoë".into(), &"".into()));
    assert!(extra["Body"].is_null(), "what has a place of its own is not there twice");
    assert_eq!(gateway.message(message["id"].as_str().unwrap())["extra"], *extra);
}

#[test]
fn what_is_of_another_account_is_refused_and_leaves_nothing() {
    let gateway = gateway().start();
    let mut parameters = form(&message_sid(), CUSTOMER, "Hola");
    for (name, value) in &mut parameters {
        if name == "AccountSid" {
            *value = format!("AC{:032x}", 99);
        }
    }
    let (signature, body) = sign("https://sms.example.mx/webhooks/sms/inbound", &parameters);
    assert_eq!(gateway.post_webhook("sms/inbound", &signature, &body).status(), 403);
    wait_for("what is said about it", || gateway.log().find("a webhook was refused"));
    holds_nothing(&gateway);
}
