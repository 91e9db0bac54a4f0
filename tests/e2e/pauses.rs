//! An account that can't send: nothing is lost, little is tried, and it shows.

use recado_tests::{ScriptedProvider, Step, TestGateway, at_once, wait_for};
use serde_json::{Value, json};

/// An API key that the local Twilio does not know yet.
const KEY: &str = "SK00000000000000000000000000000001";
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const REFUSAL: &str = r#"{"code": 20003, "message": "Authenticate", "status": 401}"#;

fn ready(gateway: &TestGateway) -> Value {
    gateway.request(::http::Method::GET, "/readyz", &[], "").expect(200)
}

fn paused(gateway: &TestGateway) -> Value {
    wait_for("the pause", || Some(ready(gateway)).filter(|ready| ready["status"] == "degraded"))
}

fn post(gateway: &TestGateway, to: &str, text: &str) -> String {
    let taken = gateway.post("/v1/messages", &json!({ "to": to, "text": text })).expect(202);
    taken["id"].as_str().unwrap().to_owned()
}

#[test]
fn one_part_at_a_time_tries_whether_the_account_can_send_again() {
    let refusal = Step::Answer(401, JSON, REFUSAL);
    let provider = ScriptedProvider::start([refusal.clone(), Step::Answer(401, &[], "<html>no</html>"), Step::Accept]);
    let gateway = TestGateway::builder()
        .provider(&provider)
        .no_plugins()
        .allow_errors()
        .config_toml("[delivery]\npause_s = 2\npause_max_s = 2")
        .start();
    assert_eq!(ready(&gateway), json!({ "status": "ready" }));
    let channel = &gateway.all("/v1/channels")[0];
    assert_eq!(
        (&channel["name"], &channel["kind"], &channel["state"]),
        (&json!("sms"), &json!("twilio"), &json!("active"))
    );
    assert_eq!(channel["sender"], recado_tests::NUMBER);
    assert_eq!(channel["capabilities"]["max_media"], 10);

    let first = post(&gateway, "+529985550001", "uno");
    let told = paused(&gateway)["channels"]["sms"].clone();
    assert_eq!(told["code"], 20003, "{told}");
    assert_eq!(told["title"], "Twilio no aceptó las credenciales");
    assert!(told["remedy"].as_str().is_some_and(|remedy| remedy.contains("auth_token")), "{told}");
    assert!(told["paused_since"].as_str() < told["until"].as_str(), "{told}");
    let channel = &gateway.all("/v1/channels")[0];
    assert_eq!((&channel["state"], &channel["paused"]["code"]), (&json!("paused"), &json!(20003)));
    let held = wait_for("the part back in the queue", || {
        Some(gateway.message(&first)).filter(|message| message["error_code"] == 20003)
    });
    assert_eq!((&held["status"], &held["parts"][0]["attempts"]), (&json!("pending"), &json!(0)), "{held}");

    let others = ["+529985550002", "+529985550003"].map(|to| post(&gateway, to, "otro"));
    for id in [&first].into_iter().chain(&others) {
        let sent = gateway.wait_for_status(id, "queued");
        assert_eq!((&sent["parts"][0]["attempts"], &sent["error_code"]), (&json!(1), &json!(null)), "{sent}");
    }
    let bodies: Vec<String> = provider.received().iter().map(|request| request.get("Body").to_owned()).collect();
    assert_eq!(bodies, ["uno", "uno", "uno", "otro", "otro"], "only the oldest was tried meanwhile");
    wait_for("the end of the pause", || (ready(&gateway) == json!({ "status": "ready" })).then_some(()));
    let errors = gateway.log().errors();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_eq!((&errors[0]["code"], &errors[0]["channel"]), (&json!(20003), &json!("sms")), "{}", errors[0]);
    assert!(errors[0]["remedy"].is_string(), "{}", errors[0]);
    assert!(gateway.log().find("the channel can send again").is_some());
}

#[test]
fn many_that_were_under_way_come_back_and_are_sent_once() {
    const COUNT: usize = 24;
    let gateway = TestGateway::builder()
        .no_plugins()
        .allow_errors()
        .config_toml("[delivery]\npause_s = 1\npause_max_s = 1")
        .config_toml(&format!("[channels.sms]\napi_key = \"{KEY}\"\napi_key_secret = \"hush\""))
        .start();
    at_once(COUNT, |number| post(&gateway, &format!("+5299855511{number:02}"), "Aviso"));
    paused(&gateway);
    assert_eq!(gateway.creates()["accepted"], 0);
    gateway.set_twilio_keys(&json!({ KEY: "hush" }));
    let messages = gateway.wait_for_messages("every message delivered", |messages| {
        messages.iter().filter(|message| message["status"] == "delivered").count() == COUNT
    });
    assert!(messages.iter().all(|message| message["parts"][0]["attempts"] == 1), "{messages:#?}");
    let creates = gateway.creates();
    assert_eq!((&creates["accepted"], &creates["doubles"]), (&json!(COUNT), &json!(0)));
    assert_eq!(gateway.log().errors().len(), 1, "it is said once");
}

#[test]
fn a_restart_tries_anew() {
    let provider = ScriptedProvider::start([Step::Answer(401, JSON, REFUSAL)]);
    let mut gateway = TestGateway::builder().provider(&provider).no_plugins().allow_errors().start();
    let id = post(&gateway, "+529985550001", "uno");
    paused(&gateway);
    wait_for("the part back in the queue", || (gateway.message(&id)["error_code"] == 20003).then_some(()));
    gateway.restart();
    assert_eq!(gateway.wait_for_status(&id, "queued")["parts"][0]["attempts"], 1);
    assert_eq!(ready(&gateway), json!({ "status": "ready" }));
}
