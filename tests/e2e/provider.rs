//! A provider that does not do what it should: nothing is sent twice, and nothing is given up that
//! could still be sent.

use recado_tests::{Builder, Received, ScriptedProvider, Step, TestGateway, wait_for};
use serde_json::{Value, json};

use super::going;

const CUSTOMER: &str = "+529981122334";
const OTHER: &str = "+529985550100";
/// What the provider calls a message whose creation it never got to answer.
const SID: &str = "SM00000000000000000000000000000abc";

fn hasty(provider: &ScriptedProvider) -> Builder {
    TestGateway::builder().provider(provider).no_plugins().config_toml("[delivery]\ntimeout_s = 1\nlease_s = 7")
}

fn post(gateway: &TestGateway, to: &str, text: &str) -> String {
    let taken = gateway.post("/v1/messages", &json!({ "to": to, "text": text })).expect(202);
    taken["id"].as_str().unwrap().to_owned()
}

fn bodies(provider: &ScriptedProvider) -> Vec<String> {
    provider.received().iter().map(|request| request.get("Body").to_owned()).collect()
}

/// Sends something else and sees it arrive: whatever was due before has had its turn by then.
fn send_another(gateway: &TestGateway) {
    gateway.post("/v1/messages?wait=sent", &json!({ "to": OTHER, "text": "Otra cosa" })).expect(200);
}

/// Tells the gateway what became of a request, as the provider does.
fn report(gateway: &TestGateway, received: &Received, sid: &str, status: &str, code: &str) {
    let (_, tail) = received.get("StatusCallback").split_once("/webhooks/").unwrap();
    let pairs = [
        ("MessageSid", sid),
        ("MessageStatus", status),
        ("SmsStatus", status),
        ("To", received.get("To")),
        ("ErrorCode", code),
    ];
    let parameters = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(gateway.signed_webhook(tail, &parameters).status(), 200);
}

#[test]
fn a_message_whose_answer_never_came_is_unknown_and_not_sent_again_until_a_report_settles_it() {
    let provider = ScriptedProvider::start([Step::Hold]);
    let mut gateway = hasty(&provider).start();
    let id = post(&gateway, CUSTOMER, "Hola");
    let unknown = gateway.wait_for_status(&id, "unknown");
    assert!(unknown["provider_id"].is_null(), "{unknown}");
    assert!(unknown["error_message"].as_str().is_some_and(|text| text.contains("timed out")), "{unknown}");

    gateway.restart();
    send_another(&gateway);
    assert_eq!(bodies(&provider), ["Hola", "Otra cosa"]);

    // The report names our own part, which is how it is known although the provider's id is not.
    let received = provider.received();
    assert!(received[0].get("StatusCallback").contains(unknown["parts"][0]["id"].as_str().unwrap()));
    let report = |status: &str| {
        report(&gateway, &received[0], SID, status, "");
        gateway.message(&id)
    };
    let sent = report("sent");
    assert_eq!((&sent["status"], &sent["provider_id"]), (&json!("sent"), &json!(SID)));
    assert!(sent["sent_at"].is_string());
    let delivered = report("delivered");
    assert_eq!(delivered["status"], "delivered");
    assert_eq!(report("sent")["status"], "delivered", "a late report undoes nothing");
    send_another(&gateway);
    assert_eq!(bodies(&provider), ["Hola", "Otra cosa", "Otra cosa"]);
}

#[test]
fn a_message_that_was_under_way_when_the_gateway_crashed_is_unknown_and_never_sent_again() {
    let provider = ScriptedProvider::start([Step::Hold, Step::Hold]);
    let mut gateway = hasty(&provider).config_toml("[delivery]\ntimeout_s = 2\nlease_s = 8").start();
    let id = post(&gateway, CUSTOMER, "Hola");
    provider.wait_for(1);
    let reported = post(&gateway, "+529985550101", "Con reporte");
    let received = provider.wait_for(2);
    gateway.kill();
    gateway.restart();
    report(&gateway, &received[1], SID, "delivered", "");
    let behind = post(&gateway, CUSTOMER, "Sigo aqui");
    send_another(&gateway);
    assert_eq!(bodies(&provider), ["Hola", "Con reporte", "Otra cosa"], "neither again, nor what comes after it");
    let unknown = gateway.wait_for_status(&id, "unknown");
    assert!(unknown["error_message"].is_string(), "{unknown}");
    gateway.wait_for_status(&behind, "queued");
    send_another(&gateway);
    assert_eq!(bodies(&provider), ["Hola", "Con reporte", "Otra cosa", "Sigo aqui", "Otra cosa"]);
    assert_eq!(gateway.message(&id)["parts"][0]["attempts"], 1);
    let delivered = gateway.message(&reported);
    assert_eq!((&delivered["status"], &delivered["provider_id"]), (&json!("delivered"), &json!(SID)));
    assert_eq!(delivered["parts"][0]["attempts"], 1);
}

#[test]
fn a_report_that_overtakes_the_answer_is_not_lost() {
    let provider = ScriptedProvider::start([Step::Hold, Step::Hold]);
    let gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let cases = [(CUSTOMER, "failed", "30001"), (OTHER, "delivered", "")];
    let mut ids = Vec::new();
    for (number, (to, status, code)) in (1..).zip(cases) {
        ids.push(post(&gateway, to, "Hola"));
        let received = provider.wait_for(number);
        report(&gateway, &received[number - 1], &format!("SM{number:032x}"), status, code);
    }
    provider.release();
    for (id, (to, status, code)) in ids.iter().zip(cases) {
        // The next of the conversation goes out when this one has come to its end.
        gateway.post("/v1/messages?wait=sent", &json!({ "to": to, "text": "Otra cosa" })).expect(200);
        let message = gateway.message(id);
        assert_eq!(message["status"], status, "{message}");
        assert_eq!(message["error_code"], code.parse::<i32>().map_or(Value::Null, Value::from), "{message}");
    }
}

#[test]
fn a_stop_waits_for_the_send_that_is_under_way_and_leaves_the_rest_for_the_next_start() {
    let provider = ScriptedProvider::start([Step::Hold]);
    let mut gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let id = post(&gateway, CUSTOMER, "Hola");
    provider.wait_for(1);
    let behind = post(&gateway, CUSTOMER, "Sigo aqui");
    gateway.terminate();
    wait_for("the stop to begin", || gateway.log().find("stopping"));
    provider.release();
    assert_eq!(gateway.process().ended().code(), Some(0));
    assert_eq!(bodies(&provider), ["Hola"]);
    gateway.restart();
    let sent = gateway.message(&id);
    assert_eq!((&sent["status"], &sent["parts"][0]["attempts"]), (&json!("queued"), &json!(1)), "{sent}");
    gateway.wait_for_status(&behind, "queued");
    assert_eq!(bodies(&provider), ["Hola", "Sigo aqui"]);
}

#[test]
fn a_provider_that_can_not_be_reached_is_tried_until_it_can() {
    let mut provider = ScriptedProvider::closed([]);
    let gateway = hasty(&provider).start();
    let id = post(&gateway, CUSTOMER, "Hola");
    let waiting =
        wait_for("the first try", || Some(gateway.message(&id)).filter(|message| message["error_message"].is_string()));
    assert_eq!(waiting["status"], "pending", "{waiting}");
    assert!(waiting["error_message"].as_str().is_some_and(|text| text.starts_with("not sent")), "{waiting}");
    provider.open();
    let sent = gateway.wait_for_status(&id, "queued");
    assert!(sent["parts"][0]["attempts"].as_u64() >= Some(2), "{sent}");
    assert!(sent["error_message"].is_null(), "what is over is no longer shown: {sent}");
    assert_eq!(bodies(&provider), ["Hola"]);
}

#[test]
fn a_provider_that_can_not_be_reached_at_all_is_given_up_after_a_time() {
    let provider = ScriptedProvider::closed([]);
    let gateway = hasty(&provider).config_toml("[delivery]\ntries = 1\ngive_up_after_s = 3").start();
    let id = post(&gateway, CUSTOMER, "Hola");
    let failed = gateway.wait_for_status(&id, "failed");
    assert!(failed["parts"][0]["attempts"].as_u64() >= Some(2), "{failed}");
    assert!(failed["failed_at"].is_string() && failed["error_message"].is_string(), "{failed}");
    assert!(gateway.log().find("a part is given up: it was not taken in time").is_some());
}

#[test]
fn what_is_certainly_not_processed_is_tried_as_long_as_it_is_wanted_however_often() {
    const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
    let busy = Step::Answer(429, JSON, r#"{"code": 20429, "message": "Too Many Requests", "status": 429}"#);
    let full = Step::Answer(400, &[("retry-after", "1")], r#"{"code": 21611, "message": "SMS queue is full."}"#);
    let refusals = [busy.clone(), full, busy.clone()];
    let provider = ScriptedProvider::start(refusals.into_iter().chain([Step::Accept]).chain(vec![busy; 50]));
    let gateway = hasty(&provider).config_toml("[delivery]\ntries = 1").start();
    let id = post(&gateway, CUSTOMER, "Hola");
    let sent = gateway.wait_for_status(&id, "queued");
    assert_eq!((&sent["parts"][0]["attempts"], &sent["error_code"]), (&json!(4), &json!(null)), "{sent}");
    // This one is soon of no use.
    let body = json!({ "to": CUSTOMER, "text": "Su clave es 1234", "options": { "validity": 3 } });
    let taken = gateway.post("/v1/messages", &body).expect(202);
    let failed = gateway.wait_for_status(taken["id"].as_str().unwrap(), "failed");
    assert_eq!((&failed["error_code"], failed["error"]["title"].is_string()), (&json!(20429), true), "{failed}");
}

#[test]
fn a_busy_provider_is_left_alone_by_all_of_its_channel_and_by_no_other() {
    const WAIT: &[(&str, &str)] = &[("content-type", "application/json"), ("retry-after", "4")];
    let provider = ScriptedProvider::start([Step::Answer(429, WAIT, r#"{"code": 20429, "message": "x"}"#)]);
    let beside = ScriptedProvider::start([]);
    let (account, token, url) = (recado_tests::ACCOUNT_SID, recado_tests::AUTH_TOKEN, beside.url());
    let other = format!(
        "[channels.other]\nkind = \"twilio\"\naccount_sid = \"{account}\"\nauth_token = \"{token}\"\n\
         from = \"+529980000000\"\nbase_url = \"{url}\""
    );
    let gateway = hasty(&provider).config_toml(&other).start();
    let post = |channel: &str, to: &str| {
        let body = json!({ "to": to, "text": "Hola", "channel": channel });
        gateway.post("/v1/messages", &body).expect(202)["id"].as_str().unwrap().to_owned()
    };
    let first = post("sms", CUSTOMER);
    wait_for("the refusal", || (gateway.message(&first)["error_code"] == 20429).then_some(()));
    let ids: Vec<String> = (10..22).map(|number| post("sms", &format!("+5299855501{number}"))).collect();
    // Whoever was due before this one has had its turn when it is sent.
    gateway.wait_for_status(&post("other", OTHER), "queued");
    assert_eq!(provider.received().len(), 1, "nobody else tried meanwhile");
    let ready = gateway.request(::http::Method::GET, "/readyz", &[], "").expect(200);
    assert_eq!(ready, json!({ "status": "ready" }), "that is no fault");
    for id in [&first].into_iter().chain(&ids) {
        gateway.wait_for_status(id, "queued");
    }
    assert_eq!(provider.received().len(), 14, "each went once, but for the first");
    assert!(gateway.log().find("the provider is busy: nothing more is sent until then").is_some());
}

#[test]
fn every_answer_of_a_provider_comes_to_the_right_end() {
    const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
    const AT_ONCE: &[(&str, &str)] = &[("content-type", "application/json"), ("retry-after", "0")];
    let busy = r#"{"code": 20429, "message": "Too Many Requests", "status": 429}"#;
    let cases: [(Vec<Step>, &str, Value); 7] = [
        (vec![Step::Answer(429, AT_ONCE, busy), Step::Accept], "queued", json!(null)),
        (vec![Step::Answer(429, AT_ONCE, ""), Step::Answer(429, AT_ONCE, busy), Step::Accept], "queued", json!(null)),
        (vec![Step::Answer(500, JSON, "")], "unknown", json!(null)),
        (vec![Step::Answer(503, AT_ONCE, r#"{"code": 20503}"#)], "unknown", json!(20503)),
        (vec![Step::Answer(201, JSON, "{}")], "unknown", json!(null)),
        (vec![Step::Cut], "unknown", json!(null)),
        (vec![Step::Answer(400, JSON, r#"{"code": 21408, "message": "no permission"}"#)], "failed", json!(21408)),
    ];
    let provider = ScriptedProvider::start(cases.iter().flat_map(|(steps, ..)| steps.clone()));
    let gateway = hasty(&provider).start();
    let mut expected = Vec::new();
    for (number, (steps, status, code)) in cases.iter().enumerate() {
        let text = format!("Caso {number}");
        let id = post(&gateway, CUSTOMER, &text);
        let message = gateway.wait_for_status(&id, status);
        assert_eq!(message["error_code"], *code, "{steps:?}: {message}");
        assert_eq!(message["parts"][0]["attempts"], steps.len(), "{steps:?}: {message}");
        assert_eq!(message["error_message"].is_null(), *status == "queued", "{steps:?}: {message}");
        expected.extend(steps.iter().map(|_| text.clone()));
        assert_eq!(bodies(&provider), expected, "{steps:?}");
    }
    let told = || gateway.log().lines().iter().filter(|line| line["message"] == "sent a part").count();
    wait_for("a line in the log for each try", || (told() == expected.len()).then_some(()));
}

#[test]
fn a_slow_send_holds_up_its_own_conversation_and_no_other() {
    let provider = ScriptedProvider::start([Step::Hold]);
    let gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let first = post(&gateway, CUSTOMER, "Uno");
    provider.wait_for(1);
    let second = post(&gateway, CUSTOMER, "Dos");
    send_another(&gateway);
    assert_eq!(bodies(&provider), ["Uno", "Otra cosa"]);
    assert_eq!(gateway.message(&second)["status"], "pending");
    provider.release();
    gateway.wait_for_status(&second, "queued");
    gateway.wait_for_status(&first, "queued");
    assert_eq!(bodies(&provider), ["Uno", "Otra cosa", "Dos"]);
    assert_eq!(going(&gateway.messages(), "outbound").len(), 3);
}

#[test]
fn messages_of_one_conversation_go_out_in_the_order_they_were_taken_even_when_tries_fail() {
    let mut provider = ScriptedProvider::closed([]);
    let gateway = hasty(&provider).start();
    let texts: Vec<String> = (0..6).map(|number| format!("Paso {number}")).collect();
    for text in &texts {
        for to in [CUSTOMER, OTHER] {
            post(&gateway, to, text);
        }
    }
    // The first of each waits for its second try, and the others behind it.
    wait_for("the first tries", || {
        let messages = gateway.messages();
        (messages.iter().filter(|message| message["error_message"].is_string()).count() == 2).then_some(())
    });
    provider.open();
    let received = provider.wait_for(12);
    for to in [CUSTOMER, OTHER] {
        let bodies: Vec<&str> =
            received.iter().filter(|request| request.get("To") == to).map(|request| request.get("Body")).collect();
        assert_eq!(bodies, texts, "{to}");
    }
}
