//! How a message is sent: at its time, by whom, and in the words that the caller chose.

use recado::clock::{Clock, SystemClock};
use recado_tests::{Behaviour, Plugin, TestGateway, wait_for};
use serde_json::{Value, json};

use super::going;

const CUSTOMER: &str = "+529981122334";
const SERVICE: &str = "MG00000000000000000000000000000001";

fn in_minutes(minutes: i64) -> String {
    let now = SystemClock.now();
    (now + jiff::SignedDuration::from_mins(minutes)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn by_service() -> TestGateway {
    let settings = format!("[channels.sms]\nmessaging_service_sid = \"{SERVICE}\"");
    TestGateway::builder().no_plugins().messaging_service(SERVICE).config_toml(&settings).start()
}

#[test]
fn every_wish_reaches_the_provider() {
    let gateway = by_service();
    let options = json!({
        "validity": 600, "smart_encoded": true, "shorten_urls": true, "risk_check": false, "provide_feedback": true,
    });
    let body = json!({ "to": CUSTOMER, "text": "“Hola”", "options": options });
    let sent = gateway.post("/v1/messages?wait=sent", &body).expect(200);
    assert_eq!(sent["options"], options);
    assert_eq!((&sent["segments"], &sent["parts"][0]["attempts"]), (&json!(1), &json!(1)));
    let id = sent["id"].as_str().unwrap();
    gateway.wait_for_status(id, "delivered");
}

#[test]
fn a_message_for_later_waits_here_where_the_provider_keeps_none() {
    let gateway = TestGateway::builder().no_plugins().allow_unsent().start();
    let at = in_minutes(30);
    let later = gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "text": "Después", "send_at": at })).expect(202);
    assert_eq!(later["send_at"], at.as_str());
    // What is written to the same person now does not wait for it, and what is over is now.
    let over = json!({ "to": CUSTOMER, "text": "Ahora", "send_at": "2020-01-01T00:00:00Z" });
    let now = gateway.post("/v1/messages?wait=sent", &over).expect(200);
    gateway.wait_for_status(now["id"].as_str().unwrap(), "delivered");
    assert_eq!(gateway.twilio_messages().len(), 1);

    let id = later["id"].as_str().unwrap();
    assert_eq!(gateway.message(id)["status"], "pending");
    let canceled = gateway.post(&format!("/v1/messages/{id}/cancel"), &Value::Null).expect(200);
    assert_eq!((&canceled["status"], &canceled["parts"][0]["attempts"]), (&json!("canceled"), &json!(0)));
    let again = gateway.post(&format!("/v1/messages/{id}/cancel"), &Value::Null);
    assert_eq!(again.expect(409)["type"], "urn:recado:problem:too-late");
    let id = now["id"].as_str().unwrap();
    assert_eq!(gateway.post(&format!("/v1/messages/{id}/cancel"), &Value::Null).status(), 409);
    let nobody = gateway.post("/v1/messages/00000000-0000-7000-8000-000000000000/cancel", &Value::Null);
    assert_eq!(nobody.status(), 404);
}

#[test]
fn a_reply_does_not_overtake_what_waits_for_the_same_person() {
    let helper = Plugin::that("helper", Behaviour::Reply("Aqui estamos"));
    let gateway = TestGateway::builder().plugin(helper).start();
    gateway.set_faults(&json!({ "create_refused": { "every": 1 } }));
    let first = gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "text": "Primero" })).expect(202);
    let id = first["id"].as_str().unwrap();
    wait_for("a try", || (gateway.message(id)["parts"][0]["attempts"].as_u64() > Some(0)).then_some(()));
    // Somebody else is answered at once.
    let other = gateway.text("+529985550100", "Hola");
    assert_eq!(other["replies"].as_array().map(Vec::len), Some(1), "{other}");
    let own = gateway.text(CUSTOMER, "Hola");
    assert_eq!((&own["webhook"]["status"], &own["replies"]), (&json!(200), &json!([])), "{own}");
    gateway.set_faults(&json!({}));
    gateway.wait_for_messages("delivery", |all| going(all, "outbound").iter().all(|one| one["status"] == "delivered"));
    let sent = gateway.twilio_messages();
    let to_them: Vec<&Value> =
        going(&sent, "outbound").into_iter().filter(|one| one["to"] == CUSTOMER).map(|one| &one["body"]).collect();
    assert_eq!(to_them, ["Primero", "Aqui estamos"]);
}

#[test]
fn a_messaging_service_keeps_a_message_until_its_time_and_gives_it_back() {
    let gateway = by_service();
    let body = json!({ "to": CUSTOMER, "text": "Mañana", "send_at": in_minutes(60) });
    let kept = gateway.post("/v1/messages?wait=sent", &body).expect(200);
    assert_eq!(kept["status"], "scheduled");
    assert_eq!(gateway.twilio_messages()[0]["status"], "scheduled");
    let id = kept["id"].as_str().unwrap();
    let canceled = gateway.post(&format!("/v1/messages/{id}/cancel"), &Value::Null).expect(200);
    assert_eq!(canceled["status"], "canceled");
    assert_eq!(gateway.twilio_messages()[0]["status"], "canceled");
    // Too close for the provider, and several parts that must keep their order: these wait here.
    let long = "a".repeat(1700);
    for body in [
        json!({ "to": CUSTOMER, "text": "Pronto", "send_at": in_minutes(5) }),
        json!({ "to": CUSTOMER, "text": long, "send_at": in_minutes(60) }),
    ] {
        let waits = gateway.post("/v1/messages", &body).expect(202);
        let id = waits["id"].as_str().unwrap();
        gateway.post(&format!("/v1/messages/{id}/cancel"), &Value::Null).expect(200);
    }
    assert_eq!(gateway.twilio_messages().len(), 1);
}

#[test]
fn a_template_of_the_provider_is_sent_by_its_id() {
    let gateway = by_service();
    let content = json!({ "sid": "HX00000000000000000000000000000001", "variables": { "1": "Ana" } });
    let body = json!({ "to": CUSTOMER, "options": { "content": content } });
    let sent = gateway.post("/v1/messages?wait=sent", &body).expect(200);
    gateway.wait_for_status(sent["id"].as_str().unwrap(), "delivered");
    let with_text = json!({ "to": CUSTOMER, "text": "Hola", "options": { "content": content } });
    let refused = gateway.post("/v1/messages", &with_text).expect(422);
    assert_eq!(refused["errors"][0]["pointer"], "/options/content");
}

#[test]
fn a_sender_may_be_a_short_code_or_a_name_and_a_recipient_on_whatsapp() {
    let gateway = TestGateway::builder().no_plugins().start();
    for (from, to) in [("22395", CUSTOMER), ("RECADO", CUSTOMER), ("whatsapp:+14155550100", "whatsapp:+5219981122334")]
    {
        let body = json!({ "to": to, "from": from, "text": "Hola" });
        let sent = gateway.post("/v1/messages?wait=sent", &body).expect(200);
        assert_eq!((&sent["from"], &sent["to"]), (&json!(from), &json!(to)));
        // The local account owns none of these senders, and says so in Twilio's number.
        assert_eq!((&sent["status"], sent["error_code"].as_i64().is_some()), (&json!("failed"), true), "{sent}");
    }
}
