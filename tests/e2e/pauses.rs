//! An account or a sender that can't send: nothing is lost, little is tried, and it shows.

use recado_tests::{Builder, ScriptedProvider, Step, TestGateway, at_once, wait_for};
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
    assert_eq!(provider.received().len(), 5, "three were sent, and two refused: one of them before the pause");
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

const NO_SENDER: &str = r#"{"code": 21606, "message": "The From phone number is not valid", "status": 400}"#;

fn soon(provider: &ScriptedProvider) -> Builder {
    let pauses = "[delivery]\npause_s = 2\npause_max_s = 2";
    TestGateway::builder().provider(provider).no_plugins().allow_errors().config_toml(pauses)
}

#[test]
fn what_waits_for_a_sender_goes_by_the_right_one_once_that_is_set() {
    const RIGHT: &str = "+529980000000";
    let refusal = Step::Answer(400, JSON, NO_SENDER);
    let provider = ScriptedProvider::start([refusal.clone(), refusal]);
    let mut gateway = soon(&provider).config_toml("[delivery]\npause_s = 600\npause_max_s = 600").start();
    let named = json!({ "to": "+529985550001", "text": "uno", "from": "22395" });
    let failed = gateway.post("/v1/messages?wait=sent", &named).expect(200);
    assert_eq!((&failed["status"], &failed["error_code"]), (&json!("failed"), &json!(21606)), "{failed}");
    assert_eq!(ready(&gateway), json!({ "status": "ready" }), "a sender that somebody named is theirs");

    let own = post(&gateway, "+529985550001", "dos");
    let told = paused(&gateway)["channels"]["sms"].clone();
    assert_eq!(told["code"], 21606, "{told}");
    assert!(told["remedy"].as_str().is_some_and(|remedy| remedy.contains("`from`")), "{told}");
    wait_for("the part back in the queue", || (gateway.message(&own)["error_code"] == 21606).then_some(()));
    assert_eq!(gateway.message(&own)["from"], recado_tests::NUMBER);
    gateway.set_config(&format!("[channels.sms]\nfrom = \"{RIGHT}\""));
    gateway.restart();
    let sent = gateway.wait_for_status(&own, "queued");
    assert_eq!((&sent["from"], &sent["parts"][0]["attempts"]), (&json!(RIGHT), &json!(1)), "{sent}");
    let senders: Vec<String> = provider.received().iter().map(|request| request.get("From").to_owned()).collect();
    assert_eq!(senders, ["22395", recado_tests::NUMBER, RIGHT]);
}

#[test]
fn what_waits_for_a_service_goes_by_the_right_one_once_that_is_set() {
    let [wrong, right] = ["1", "2"].map(|number| format!("MG{number:0>32}"));
    let refusal =
        Step::Answer(400, JSON, r#"{"code": 21705, "message": "The Messaging Service is invalid", "status": 400}"#);
    let provider = ScriptedProvider::start([refusal]);
    let by = |service: &str| format!("[channels.sms]\nmessaging_service_sid = \"{service}\"");
    let mut gateway =
        soon(&provider).config_toml("[delivery]\npause_s = 600\npause_max_s = 600").config_toml(&by(&wrong)).start();
    let own = post(&gateway, "+529985550001", "uno");
    assert_eq!(paused(&gateway)["channels"]["sms"]["code"], 21705);
    wait_for("the part back in the queue", || (gateway.message(&own)["error_code"] == 21705).then_some(()));
    gateway.set_config(&by(&right));
    gateway.restart();
    let sent = gateway.wait_for_status(&own, "queued");
    assert_eq!(sent["service"], right.as_str(), "{sent}");
    let received = provider.received();
    let services: Vec<&str> = received.iter().map(|request| request.get("MessagingServiceSid")).collect();
    assert_eq!(services, [wrong, right]);
}

#[test]
fn an_address_at_which_there_is_no_twilio_loses_nothing() {
    let provider = ScriptedProvider::start([Step::Answer(404, &[], "<html>no such page</html>")]);
    let gateway = soon(&provider).start();
    let id = post(&gateway, "+529985550001", "uno");
    let told = paused(&gateway)["channels"]["sms"].clone();
    assert_eq!(told["code"], 20404, "{told}");
    assert!(told["remedy"].as_str().is_some_and(|remedy| remedy.contains("base_url")), "{told}");
    gateway.wait_for_status(&id, "queued");
    assert_eq!(ready(&gateway), json!({ "status": "ready" }));
}

/// What the provider says of the first message that it took.
fn suspended(to: &str) -> [(&'static str, String); 5] {
    [
        ("MessageSid", "SM00000000000000000000000000000001".to_owned()),
        ("MessageStatus", "failed".to_owned()),
        ("SmsStatus", "failed".to_owned()),
        ("To", to.to_owned()),
        ("ErrorCode", "30002".to_owned()),
    ]
}

fn resumes(gateway: &TestGateway) {
    let told = paused(gateway)["channels"]["sms"].clone();
    assert_eq!((&told["code"], told["remedy"].is_string()), (&json!(30002), true), "{told}");
    let channel = &gateway.all("/v1/channels")[0];
    assert_eq!((&channel["state"], &channel["paused"]["code"]), (&json!("paused"), &json!(30002)));
    let next = post(gateway, "+529985550002", "dos");
    gateway.wait_for_status(&next, "queued");
    assert!(gateway.log().find("the channel can send again").is_some(), "it was sent to try");
    assert_eq!(ready(gateway), json!({ "status": "ready" }));
    let errors = gateway.log().errors();
    assert_eq!((errors.len(), &errors[0]["code"]), (1, &json!(30002)), "{errors:#?}");
}

#[test]
fn an_account_that_is_suspended_after_it_took_a_message_is_paused_by_the_report() {
    let provider = ScriptedProvider::start([]);
    let gateway = soon(&provider).start();
    let to = "+529985550001";
    let id = post(&gateway, to, "uno");
    let received = provider.wait_for(1);
    gateway.wait_for_status(&id, "queued");
    let (_, tail) = received[0].get("StatusCallback").split_once("/webhooks/").unwrap();
    let report = suspended(to).map(|(name, value)| (name.to_owned(), value));
    assert_eq!(gateway.signed_webhook(tail, &report).status(), 200);
    assert_eq!(gateway.message(&id)["status"], "failed");
    resumes(&gateway);
}

#[test]
fn an_account_that_is_suspended_after_it_took_a_message_is_paused_by_the_answer_to_a_question() {
    let provider = ScriptedProvider::start([]);
    let gateway = soon(&provider).config_toml("[reconcile]\npoll_s = [1]").start();
    let to = "+529985550001";
    provider.list(json!([{
        "sid": "SM00000000000000000000000000000001", "direction": "outbound-api", "from": recado_tests::NUMBER,
        "to": to, "body": "uno", "num_media": "0", "num_segments": "1", "status": "failed", "error_code": 30002,
        "error_message": "Account suspended", "date_created": "Tue, 24 Nov 2026 08:00:00 +0000", "date_sent": null,
    }]));
    let id = post(&gateway, to, "uno");
    gateway.wait_for_status(&id, "failed");
    resumes(&gateway);
}
