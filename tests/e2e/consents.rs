//! People who want no messages get none, by whatever way they said so, until they say otherwise.

use recado_tests::{Received, ScriptedProvider, Step, TestGateway, form, wait_for};
use serde_json::{Value, json};

use super::{going, message_sid};

const CUSTOMER: &str = "+529981122334";

fn post(gateway: &TestGateway, text: &str) -> recado_tests::Answer {
    gateway.post_with("/v1/messages", &[("accept-language", "en")], &json!({ "to": CUSTOMER, "text": text }))
}

fn says(gateway: &TestGateway, text: &str, kind: Option<&str>) -> String {
    let mut parameters = form(&message_sid(), CUSTOMER, text);
    parameters.extend(kind.map(|kind| ("OptOutType".to_owned(), kind.to_owned())));
    let answer = gateway.signed_webhook("sms/inbound", &parameters);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.text()
}

fn consents(gateway: &TestGateway) -> Vec<Value> {
    let items = gateway.get("/v1/consents?address=%2B529981122334").expect(200)["items"].clone();
    items.as_array().unwrap().clone()
}

fn is_refused(gateway: &TestGateway) {
    let problem = post(gateway, "Aviso").expect(422);
    assert_eq!(problem["type"], "urn:recado:problem:opted-out", "{problem}");
    assert_eq!(problem["errors"][0]["code"], "opted-out");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("START")), "{problem}");
    let kept = gateway.message(problem["message_id"].as_str().unwrap());
    assert_eq!((&kept["status"], &kept["refused_for"]), (&json!("failed"), &json!("opted-out")), "{kept}");
}

#[test]
fn stop_gets_no_reply_and_ends_all_sending_until_start() {
    let gateway = TestGateway::start();
    gateway.text(CUSTOMER, "Hola");
    assert_eq!(going(&gateway.messages(), "outbound").len(), 1, "the auto-reply");
    gateway.text(CUSTOMER, " stop ");
    let messages = gateway.messages();
    assert_eq!(going(&messages, "outbound").len(), 1, "Twilio has confirmed already");
    let stop = going(&messages, "inbound")[1]["id"].as_str().unwrap().to_owned();
    let trace = gateway.get(&format!("/v1/messages/{stop}/trace")).expect(200);
    let left_out = trace["plugins"][0]["decision"]["left_out"].to_string();
    assert!(left_out.contains("opted out"), "{trace:#}");
    let known = consents(&gateway);
    assert_eq!((known.len(), &known[0]["state"], &known[0]["source"]), (1, &json!("opted_out"), &json!("message")));
    assert_eq!((&known[0]["channel"], &known[0]["message_id"]), (&json!("sms"), &json!(stop)));
    is_refused(&gateway);
    gateway.text(CUSTOMER, "Perdón, ¿sigue abierto?");
    assert_eq!(going(&gateway.messages(), "outbound").len(), 2, "nor any later reply; the other is kept, and not sent");

    gateway.text(CUSTOMER, "START");
    assert_eq!(consents(&gateway)[0]["state"], "opted_in");
    assert_eq!(going(&gateway.messages(), "outbound").len(), 3);
    let id = post(&gateway, "Aviso").expect(202)["id"].as_str().unwrap().to_owned();
    gateway.wait_for_status(&id, "delivered");
}

#[test]
fn twilios_own_reading_of_a_word_counts() {
    let gateway = TestGateway::start();
    assert!(says(&gateway, "Hola", None).contains("<Message"));
    assert!(!says(&gateway, "ya no quiero", Some("STOP")).contains("<Message"));
    assert_eq!(consents(&gateway)[0]["source"], "provider");
    is_refused(&gateway);
    assert!(!says(&gateway, "ayuda", Some("HELP")).contains("<Message"));
    assert!(says(&gateway, "alta", Some("START")).contains("<Message"));
    assert_eq!(consents(&gateway)[0]["state"], "opted_in");
}

#[test]
fn what_waits_for_somebody_who_opts_out_is_not_sent() {
    let provider = ScriptedProvider::start([Step::Hold]);
    let gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let ids = ["uno", "dos"].map(|text| post(&gateway, text).expect(202)["id"].as_str().unwrap().to_owned());
    provider.wait_for(1);
    says(&gateway, "STOP", None);
    let ended = gateway.message(&ids[1]);
    assert_eq!((&ended["status"], &ended["error_code"]), (&json!("failed"), &json!(21610)), "{ended}");
    assert!(ended["error"]["remedy"].is_string() && ended["failed_at"].is_string(), "{ended}");
    assert_eq!((&ended["error"]["advice"], &ended["error"]["retry_after_s"]), (&json!("opted_out"), &json!(null)));
    provider.release();
    gateway.wait_for_status(&ids[0], "queued");
    assert_eq!(provider.received().len(), 1);
}

fn report(gateway: &TestGateway, received: &Received, sid: &str) {
    let (_, tail) = received.get("StatusCallback").split_once("/webhooks/").unwrap();
    let pairs = [("MessageSid", sid), ("MessageStatus", "failed"), ("ErrorCode", "21610"), ("To", CUSTOMER)];
    let parameters = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(gateway.signed_webhook(tail, &parameters).status(), 200);
}

#[test]
fn twilios_refusal_counts_at_once_or_later() {
    const BLOCKED: &str = r#"{"code": 21610, "message": "Attempt to send to unsubscribed recipient", "status": 400}"#;
    let provider = ScriptedProvider::start([Step::Answer(400, &[], BLOCKED)]);
    let gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    for round in 1..=2 {
        let id = post(&gateway, "Aviso").expect(202)["id"].as_str().unwrap().to_owned();
        if round == 2 {
            let sid = gateway.wait_for_status(&id, "queued")["provider_id"].as_str().unwrap().to_owned();
            report(&gateway, &provider.wait_for(2)[1], &sid);
        }
        assert_eq!(gateway.wait_for_status(&id, "failed")["error_code"], 21610);
        wait_for("the consent", || (consents(&gateway)[0]["state"] == "opted_out").then_some(()));
        assert_eq!(consents(&gateway)[0]["source"], "provider");
        is_refused(&gateway);
        says(&gateway, "unstop", None);
    }
}

#[test]
fn contradictory_final_reports_show() {
    let provider = ScriptedProvider::start([]);
    let gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let id = post(&gateway, "Aviso").expect(202)["id"].as_str().unwrap().to_owned();
    let sent = gateway.wait_for_status(&id, "queued");
    let sid = sent["provider_id"].as_str().unwrap();
    for (status, conflict) in [("sent", false), ("delivered", false), ("sent", false), ("failed", true)] {
        let pairs = [("MessageSid", sid), ("MessageStatus", status), ("To", CUSTOMER)];
        let parameters = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(gateway.signed_webhook("sms/status", &parameters).status(), 200);
        assert_eq!(gateway.message(&id)["conflict"], conflict, "{status}");
    }
    assert_eq!(gateway.message(&id)["status"], "delivered");
}
