//! What an application redacts or deletes is forgotten at the provider as well, whatever happens there.

use std::time::Duration;

use http::Method;
use recado_tests::{NUMBER, Received, ScriptedProvider, Step, TestGateway, form, wait_for, wait_up_to};
use serde_json::{Value, json};

use super::{going, message_sid};

const CUSTOMER: &str = "+529981122334";
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
/// With time enough for a crash before the next try.
const LATER: &[(&str, &str)] = &[("content-type", "application/json"), ("retry-after", "3")];
const INCOMPLETE: &str = r#"{"code":20009,"message":"Cannot delete message: not complete","status":409}"#;
const MISSING: &str = r#"{"code":20404,"message":"The requested resource was not found","status":404}"#;

/// The ids by which the door knows the messages, newest first.
fn sids(gateway: &TestGateway) -> Vec<String> {
    let page = gateway.door(Method::GET, "Messages.json", &[]).expect(200);
    let messages = page["messages"].as_array().unwrap().iter();
    messages.map(|message| message["sid"].as_str().unwrap().to_owned()).collect()
}

fn change(gateway: &TestGateway, method: Method, sid: &str, form: &[(&str, &str)]) -> u16 {
    gateway.door(method, &format!("Messages/{sid}.json"), form).status()
}

fn removals(gateway: &TestGateway, id: &str) -> Vec<Value> {
    let trace = gateway.get(&format!("/v1/messages/{id}/trace")).expect(200);
    trace["removals"].as_array().cloned().unwrap_or_default()
}

/// What its provider was told to forget of a message, once it has. What a crash cut off is held for
/// as long as its request may have taken.
fn wait_for_removals(gateway: &TestGateway, id: &str) -> Vec<Value> {
    let removed = wait_up_to(Duration::from_secs(90), || {
        let removals = removals(gateway, id);
        (!removals.is_empty() && removals.iter().all(|one| one["removed_at"].is_string())).then_some(removals)
    });
    removed.unwrap_or_else(|| panic!("the provider has not forgotten it: {:?}", removals(gateway, id)))
}

#[test]
fn a_text_or_a_message_is_gone_at_twilio_too() {
    let gateway = TestGateway::builder().no_plugins().start();
    let body = json!({ "to": CUSTOMER, "text": "Un secreto entre los dos. ".repeat(70) });
    let sent = gateway.post("/v1/messages", &body).expect(202)["id"].as_str().unwrap().to_owned();
    gateway.wait_for_status(&sent, "delivered");
    gateway.text(CUSTOMER, "Otro secreto entre los dos");
    let came = going(&gateway.messages(), "inbound")[0]["id"].as_str().unwrap().to_owned();
    let bodies = || gateway.twilio_messages().iter().map(|message| message["body"].clone()).collect::<Vec<_>>();
    assert_eq!(bodies().iter().filter(|body| body.as_str().unwrap().contains("secreto")).count(), 3);

    let sids = sids(&gateway);
    for sid in &sids {
        assert_eq!(change(&gateway, Method::POST, sid, &[("Body", "")]), 200);
    }
    let redacted = [wait_for_removals(&gateway, &sent), wait_for_removals(&gateway, &came)];
    assert_eq!(redacted.each_ref().map(Vec::len), [2, 1], "each part of it");
    assert!(redacted.iter().flatten().all(|one| one["removal"] == "text"), "{redacted:?}");
    assert_eq!(bodies(), ["", "", ""]);

    for sid in &sids {
        assert_eq!(change(&gateway, Method::DELETE, sid, &[]), 204);
    }
    wait_for("Twilio to have nothing left", || gateway.twilio_messages().is_empty().then_some(()));
    for id in [sent, came] {
        assert!(wait_for_removals(&gateway, &id).iter().all(|one| one["removal"] == "message"));
    }
}

/// A message that was delivered, as the provider's first.
fn delivered(gateway: &TestGateway) -> (String, String) {
    let made = gateway.door_send(&[("To", CUSTOMER), ("From", NUMBER), ("Body", "Un secreto")]).expect(201);
    let id = gateway.messages()[0]["id"].as_str().unwrap().to_owned();
    gateway.wait_for_status(&id, "queued");
    let mut report = form(&format!("SM{:032x}", 1), NUMBER, "");
    report.push(("MessageStatus".to_owned(), "delivered".to_owned()));
    assert_eq!(gateway.signed_webhook("sms/status", &report).status(), 200);
    gateway.wait_for_status(&id, "delivered");
    (id, made["sid"].as_str().unwrap().to_owned())
}

fn methods(received: &[Received]) -> Vec<&str> {
    received.iter().map(|request| request.method.as_str()).collect()
}

#[test]
fn a_deletion_outlives_refusals_silence_and_a_crash() {
    let refusals = [Step::Answer(409, LATER, INCOMPLETE), Step::Cut, Step::Answer(503, JSON, "{}")];
    let steps = [Step::Accept].into_iter().chain(refusals).chain([Step::Answer(404, JSON, MISSING)]);
    let provider = ScriptedProvider::start(steps);
    let mut gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let (id, sid) = delivered(&gateway);
    assert_eq!(change(&gateway, Method::DELETE, &sid, &[]), 204);
    assert_eq!(change(&gateway, Method::GET, &sid, &[]), 404, "for the application it is gone at once");
    let told =
        wait_for("Twilio's answer on record", || removals(&gateway, &id)[0]["problem"].as_str().map(str::to_owned));
    assert!(told.starts_with("20009"), "{told}");
    gateway.restart();
    let [removal] = wait_for_removals(&gateway, &id).try_into().unwrap();
    assert_eq!((&removal["removal"], &removal["problem"]), (&json!("message"), &Value::Null), "{removal}");
    let received = provider.received();
    assert_eq!(methods(&received), ["POST", "DELETE", "DELETE", "DELETE", "DELETE"]);
    assert!(received[4].path.ends_with(&format!("/Messages/SM{:032x}.json", 1)), "{}", received[4].path);
    assert_eq!(removal["tries"], 4);
}

#[test]
fn what_is_redacted_just_before_a_crash_is_redacted_after_it() {
    let provider = ScriptedProvider::start([Step::Accept, Step::Answer(200, JSON, r#"{"sid":"SM1","body":""}"#)]);
    let mut gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let (id, sid) = delivered(&gateway);
    assert_eq!(change(&gateway, Method::POST, &sid, &[("Body", "")]), 200);
    gateway.kill();
    gateway.restart();
    wait_for_removals(&gateway, &id);
    let received = provider.received();
    let redaction = received.last().unwrap();
    assert_eq!((redaction.method.as_str(), redaction.form.as_slice()), ("POST", [pair("Body", "")].as_slice()));
}

#[test]
fn what_came_in_is_forgotten_by_the_id_of_its_webhook() {
    let provider = ScriptedProvider::start([Step::Answer(204, &[], "")]);
    let gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let theirs = message_sid();
    assert_eq!(gateway.signed_webhook("sms/inbound", &form(&theirs, CUSTOMER, "Un secreto")).status(), 200);
    let ours = sids(&gateway);
    assert_eq!(change(&gateway, Method::DELETE, &ours[0], &[]), 204);
    let [deletion] = provider.wait_for(1).try_into().unwrap();
    assert_eq!(deletion.method, "DELETE");
    assert!(deletion.path.ends_with(&format!("/Messages/{theirs}.json")), "{}", deletion.path);
    let id = gateway.messages()[0]["id"].as_str().unwrap().to_owned();
    wait_for_removals(&gateway, &id);
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}
