//! What the gateway stopped trying to send is listed, and tried again by one command; never twice.

use recado_tests::{Ran, ScriptedProvider, Step, TestGateway, run};
use serde_json::{Value, json};

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

fn recado(gateway: &TestGateway, arguments: &[&str]) -> Ran {
    let (url, key) = (gateway.url(), gateway.key());
    let all: Vec<&str> = arguments.iter().copied().chain(["--json", "--gateway", &url, "--key", key]).collect();
    run(gateway.folder(), &all, &[])
}

fn submit(gateway: &TestGateway, to: &str, text: &str) -> String {
    let new = json!({ "to": to, "text": text });
    gateway.post("/v1/messages", &new).expect(202)["id"].as_str().unwrap().to_owned()
}

fn given_up(gateway: &TestGateway) -> Vec<String> {
    let listed = gateway.all("/v1/messages?given_up=true&channel=sms&since=2020-01-01T00:00:00Z");
    listed.iter().map(|message| message["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_given_up_is_listed_and_sent_by_one_command() {
    let mut provider = ScriptedProvider::closed([]);
    let gateway = TestGateway::builder()
        .provider(&provider)
        .no_plugins()
        .config_toml("[delivery]\ngive_up_after_s = 1\nbackoff_s = 1\nbackoff_max_s = 1")
        .start();
    let [first, second] = ["+529985550001", "+529985550002"].map(|to| submit(&gateway, to, "Su pedido"));
    for id in [&first, &second] {
        let failed = gateway.wait_for_status(id, "failed");
        assert!(failed["given_up_at"].is_string() && failed["error_message"].is_string(), "{failed}");
    }
    let mut listed = given_up(&gateway);
    listed.sort();
    let mut both = vec![first.clone(), second.clone()];
    both.sort();
    assert_eq!(listed, both);
    assert_eq!(gateway.all("/v1/messages?given_up=true&channel=other").len(), 0);
    assert_eq!(gateway.all("/v1/messages?given_up=true&since=2090-01-01T00:00:00Z").len(), 0);
    assert_eq!(
        recado(&gateway, &["retry", "--all", "--dry-run"]).good().json()["messages"].as_array().unwrap().len(),
        2
    );

    provider.open();
    let one = gateway.post(&format!("/v1/messages/{first}/retry"), &Value::Null).expect(200);
    assert_eq!(one["given_up_at"], Value::Null, "{one}");
    gateway.wait_for_status(&first, "queued");
    let told =
        recado(&gateway, &["retry", "--all", "--channel", "sms", "--since", "2020-01-01T00:00:00Z"]).good().json();
    assert_eq!(told["messages"].as_array().unwrap().len(), 1, "the other one was sent: {told}");
    gateway.wait_for_status(&second, "queued");
    assert_eq!(recado(&gateway, &["retry", "--all"]).good().json()["messages"], json!([]));
    let again = gateway.post(&format!("/v1/messages/{first}/retry"), &Value::Null).expect(409);
    assert_eq!(again["type"], "urn:recado:problem:handed-over", "{again}");
    assert_eq!(provider.received().len(), 2, "each was sent once");
}

#[test]
fn what_may_have_been_sent_or_was_refused_is_not_tried_again() {
    const REFUSED: &str =
        r#"{"code": 21211, "message": "The 'To' number is not a valid phone number.", "status": 400}"#;
    let provider = ScriptedProvider::start([Step::Cut, Step::Answer(400, JSON, REFUSED)]);
    let gateway = TestGateway::builder().provider(&provider).no_plugins().allow_errors().start();
    let unknown = submit(&gateway, "+529985550001", "uno");
    gateway.wait_for_status(&unknown, "unknown");
    let refused = submit(&gateway, "+529985550002", "dos");
    gateway.wait_for_status(&refused, "failed");
    for (id, kind) in [(&unknown, "outcome-unknown"), (&refused, "final")] {
        let problem = gateway.post(&format!("/v1/messages/{id}/retry"), &Value::Null).expect(409);
        assert_eq!(problem["type"], format!("urn:recado:problem:{kind}"), "{problem}");
    }
    assert_eq!(given_up(&gateway), [""; 0]);
    let ran = recado(&gateway, &["retry", &unknown, &refused]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(
        ran.json()["messages"][0]["refused"].as_str().is_some_and(|why| why.contains("may have been sent")),
        "{ran:?}"
    );
    gateway.post("/v1/messages/none/retry", &Value::Null).expect(404);
    assert_eq!(provider.received().len(), 2);
}
