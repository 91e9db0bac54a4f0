//! What a provider keeps until its time for somebody who opts out meanwhile is taken back there.

use recado_tests::{TestGateway, wait_for};
use serde_json::{Value, json};

const ANA: &str = "+529981122334";
const LUIS: &str = "+529981122335";
const SERVICE: &str = "MG00000000000000000000000000000001";

fn in_hours(hours: i64) -> String {
    (recado::clock::Clock::now(&recado::clock::SystemClock) + jiff::SignedDuration::from_hours(hours)).to_string()
}

fn planned(gateway: &TestGateway, to: &str, text: &str) -> String {
    let body = json!({ "to": to, "text": text, "send_at": in_hours(2) });
    let kept = gateway.post("/v1/messages?wait=sent", &body).expect(200);
    assert_eq!(kept["status"], "scheduled", "Twilio keeps it");
    kept["id"].as_str().unwrap().to_owned()
}

fn at_twilio(gateway: &TestGateway, text: &str) -> Value {
    gateway.twilio_messages().into_iter().find(|message| message["body"] == text).unwrap()["status"].clone()
}

#[test]
fn who_opts_out_gets_nothing_of_what_was_planned_for_them() {
    let gateway = TestGateway::builder().no_plugins().messaging_service(SERVICE).start();
    let theirs = [planned(&gateway, ANA, "Mañana"), planned(&gateway, ANA, "Pasado mañana")];
    let other = planned(&gateway, LUIS, "Para Luis");
    // A word that Twilio does not know.
    gateway.text(ANA, "BAJA");
    for (id, text) in theirs.iter().zip(["Mañana", "Pasado mañana"]) {
        gateway.wait_for_status(id, "canceled");
        // Twilio's own report of it may come before the answer, and gives no reason.
        wait_for("the reason", || {
            (gateway.message(id)["error_message"] == "the recipient has opted out").then_some(())
        });
        assert_eq!(at_twilio(&gateway, text), "canceled");
    }
    // By hand it is the same.
    assert_eq!(
        (gateway.message(&other)["status"].as_str(), at_twilio(&gateway, "Para Luis")),
        (Some("scheduled"), json!("scheduled"))
    );
    let consent = json!({ "address": LUIS, "state": "opted_out", "source": "console", "note": "por teléfono" });
    gateway.post("/v1/consents", &consent).expect(201);
    gateway.wait_for_status(&other, "canceled");
    assert_eq!(at_twilio(&gateway, "Para Luis"), "canceled");
}

#[test]
fn what_opts_out_for_the_whole_business_reaches_what_others_keep() {
    let gateway = TestGateway::builder()
        .no_plugins()
        .messaging_service(SERVICE)
        .config_toml("[gate]\nscope = \"business\"")
        .start();
    let id = planned(&gateway, ANA, "Mañana");
    let consent = json!({ "address": format!("whatsapp:{ANA}"), "channel": "sms", "state": "opted_out" });
    gateway.post("/v1/consents", &consent).expect(201);
    gateway.wait_for_status(&id, "canceled");
    wait_for("Twilio", || (at_twilio(&gateway, "Mañana") == "canceled").then_some(()));
}
