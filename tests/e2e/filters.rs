//! Lists by what an application knows of what it looks for.

use recado_tests::{NUMBER, TestGateway, form, wait_for};
use serde_json::{Value, json};

use super::message_sid;

const ANA: &str = "+529981122334";
/// Whom the local Twilio does not reach.
const NOBODY: &str = "+529981130003";

fn texts(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()).collect()
}

#[test]
fn messages_are_found_by_what_is_known_of_them() {
    let gateway = TestGateway::builder().no_plugins().start();
    let answer = gateway.signed_webhook("sms/inbound", &form(&message_sid(), ANA, "¿Está?"));
    assert_eq!(answer.status(), 200);
    let sent = gateway.post("/v1/messages", &json!({ "to": ANA, "text": "Sí" })).expect(202);
    gateway.wait_for_status(sent["id"].as_str().unwrap(), "delivered");
    let lost = gateway.post("/v1/messages", &json!({ "to": NOBODY, "text": "Hola" })).expect(202);
    gateway.wait_for_status(lost["id"].as_str().unwrap(), "undelivered");
    let recipients = json!([{ "to": "998 115 0001" }, { "to": "998 115 0002" }]);
    let bulk = gateway.post("/v1/bulks", &json!({ "text": "Oferta", "recipients": recipients })).expect(202);
    let bulk = bulk["id"].as_str().unwrap();
    wait_for("the bulk send to end", || {
        (gateway.get(&format!("/v1/bulks/{bulk}")).expect(200)["counts"]["delivered"] == 2).then_some(())
    });

    let contact = gateway.get("/v1/contacts?address=998%20112%202334").expect(200)["items"][0]["id"].clone();
    let contact = contact.as_str().unwrap();
    let ours = NUMBER.replace('+', "%2B");
    let began = sent["created_at"].as_str().unwrap();
    let nothing: [&str; 0] = [];
    for (query, expected) in [
        ("status=undelivered".to_owned(), &["Hola"][..]),
        ("status=undelivered,%20received".to_owned(), &["Hola", "¿Está?"]),
        ("error_code=30003".to_owned(), &["Hola"]),
        ("error_code=30004".to_owned(), &nothing),
        // However a number is written.
        ("from=998-112-2334".to_owned(), &["¿Está?"]),
        ("to=9981122334".to_owned(), &["Sí"]),
        (format!("from={ours}&status=delivered"), &["Oferta", "Oferta", "Sí"]),
        (format!("to={ours}"), &["¿Está?"]),
        ("from=RECADO".to_owned(), &nothing),
        (format!("contact={contact}"), &["Sí", "¿Está?"]),
        (format!("contact={contact}&direction=inbound"), &["¿Está?"]),
        (format!("bulk={bulk}"), &["Oferta", "Oferta"]),
        (format!("until={began}"), &["¿Está?"]),
        (format!("since={began}&status=received"), &nothing),
    ] {
        let page = gateway.get(&format!("/v1/messages?{query}")).expect(200);
        assert_eq!(texts(&page), expected, "{query}");
        assert!(page["next_cursor"].is_null(), "{query}");
    }
    for (query, pointer) in [
        ("status=lost", "status"),
        ("status=", "status"),
        ("contact=x", "contact"),
        ("bulk=x", "bulk"),
        ("from=12", "from"),
        ("to=", "to"),
    ] {
        let problem = gateway.get(&format!("/v1/messages?{query}")).expect(422);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}: {problem}");
    }
}

#[test]
fn so_are_bulk_sends_people_and_templates() {
    let gateway = TestGateway::builder().no_plugins().start();
    let body = json!({ "text": "Oferta", "recipients": [{ "to": ANA }], "send_at": in_an_hour() });
    let bulk = gateway.post("/v1/bulks", &body).expect(202);
    let listed = |query: &str| gateway.get(query).expect(200)["items"].as_array().unwrap().len();
    assert_eq!((listed("/v1/bulks?state=running"), listed("/v1/bulks?state=paused")), (1, 0));
    gateway.post(&format!("/v1/bulks/{}/pause", bulk["id"].as_str().unwrap()), &json!({})).expect(200);
    assert_eq!((listed("/v1/bulks?state=running"), listed("/v1/bulks?state=paused")), (0, 1));
    assert_eq!(gateway.get("/v1/bulks?state=gone").status(), 400);

    for (address, plan) in [(ANA, "oro:2"), (NOBODY, "plata")] {
        let body = json!({ "addresses": [address], "attributes": { "plan": plan } });
        gateway.post("/v1/contacts", &body).expect(201);
    }
    let named = gateway.get("/v1/contacts?attribute=plan:oro:2").expect(200);
    assert_eq!((&named["items"][0]["addresses"], listed("/v1/contacts?attribute=plan:oro:2")), (&json!([ANA]), 1));
    assert_eq!((listed("/v1/contacts?attribute=plan:oro"), listed("/v1/contacts?attribute=otro:plata")), (0, 0));
    for wrong in ["plan", ":oro", ""] {
        let problem = gateway.get(&format!("/v1/contacts?attribute={wrong}")).expect(422);
        assert_eq!(problem["errors"][0]["pointer"], "attribute", "{wrong}");
    }

    for name in ["order-ready", "order-late", "welcome"] {
        let body = json!({ "name": name, "default_locale": "es", "bodies": { "es": { "text": "Hola" } } });
        gateway.post("/v1/templates", &body).expect(201);
    }
    assert_eq!((listed("/v1/templates?search=ORDER"), listed("/v1/templates?search=_")), (2, 0));
    assert_eq!((listed("/v1/templates?search=%20"), listed("/v1/templates?search=order&archived=true")), (3, 0));
}

fn in_an_hour() -> String {
    let now = recado::clock::Clock::now(&recado::clock::SystemClock);
    (now + jiff::SignedDuration::from_hours(1)).to_string()
}
