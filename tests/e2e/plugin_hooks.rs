//! Plugins that remember, act, look at what goes out and hear what became of it.

use std::collections::BTreeSet;

use recado_tests::{Answer, Plugin, TestGateway, at_once, basic, form, wait_for};
use serde_json::{Value, json};

use super::{going, message_sid};

const ANA: &str = "+529981122334";
const LUIS: &str = "+529981122335";

fn gateway() -> TestGateway {
    TestGateway::builder().plugin(Plugin::obedient()).start()
}

/// What the webhook of a text is answered.
pub(crate) fn said(answer: &Answer) -> String {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let text = answer.text();
    let body = text.split_once("<Body>").and_then(|(_, rest)| rest.split_once("</Body>"));
    body.map(|(body, _)| body.to_owned()).unwrap_or_default()
}

pub(crate) fn says(gateway: &TestGateway, from: &str, text: &str) -> String {
    said(&gateway.signed_webhook("sms/inbound", &form(&message_sid(), from, text)))
}

fn trace(gateway: &TestGateway, message: &Value) -> Vec<Value> {
    let path = format!("/v1/messages/{}/trace", message["id"].as_str().unwrap());
    gateway.get(&path).expect(200)["plugins"].as_array().unwrap().clone()
}

/// The newest message with this text.
fn with_text(gateway: &TestGateway, text: &str) -> Value {
    gateway.messages().into_iter().rev().find(|message| message["text"] == text).unwrap()
}

#[test]
fn what_a_plugin_remembers_is_there_the_next_time_and_is_nobody_elses() {
    let mut gateway = gateway();
    assert_eq!(says(&gateway, ANA, "recall color"), "nothing");
    assert_eq!(says(&gateway, ANA, "remember color azul; recall color"), "azul");
    assert_eq!(says(&gateway, ANA, "count all; next all"), "all=1, all=2");
    gateway.restart();
    assert_eq!(says(&gateway, ANA, "recall color; count all"), "azul, all=3");
    assert_eq!(says(&gateway, LUIS, "recall color; count all"), "nothing, all=4");
    let state =
        trace(&gateway, &with_text(&gateway, "remember color azul; recall color"))[0]["decision"]["state"].clone();
    assert_eq!((&state[0]["key"], &state[0]["change"]["set"]["value"]), (&json!("color"), &json!("azul")), "{state}");
    // Another plugin from the same file has a memory of its own.
    gateway.set_plugins(&[Plugin::obedient().named("other")]);
    gateway.restart();
    assert_eq!(says(&gateway, ANA, "recall color; look all"), "nothing, all=nothing");
}

#[test]
fn all_who_change_the_same_value_at_once_are_answered_with_the_right_one() {
    const MANY: usize = 24;
    let gateway = gateway();
    let answers = at_once(MANY, |number| {
        let from = format!("+52998555{:04}", 100 + number);
        said(&gateway.signed_webhook("sms/inbound", &form(&message_sid(), &from, "next ticket")))
    });
    let tickets: BTreeSet<String> = answers.into_iter().collect();
    assert_eq!(tickets, (1..=MANY).map(|number| format!("ticket={number}")).collect::<BTreeSet<_>>());
    assert_eq!(going(&gateway.messages(), "outbound").len(), MANY, "each answer once, also if decided twice");
}

/// The shipped plugin gives each of a burst to the next in turn, and nobody gets two.
#[test]
fn all_who_come_at_once_are_shared_out_evenly() {
    const EACH: usize = 6;
    let names = ["ana", "eva", "luis"];
    let config = json!({ "inbound": { "default": { "assign": { "to": names } } } });
    let gateway = TestGateway::builder().plugin(Plugin::builtin("router").config(&config)).start();
    at_once(names.len() * EACH, |number| {
        let from = format!("+52998555{:04}", 100 + number);
        said(&gateway.signed_webhook("sms/inbound", &form(&message_sid(), &from, "hola")))
    });
    let conversations = gateway.conversations();
    let of = |name: &str| conversations.iter().filter(|conversation| conversation["assignee"] == name).count();
    assert_eq!(names.map(of), [EACH; 3]);
}

#[test]
fn a_plugin_assigns_notes_and_discards() {
    let gateway = gateway();
    assert_eq!(says(&gateway, ANA, "assign beto; note city Cancun; note size M; who"), "nobody");
    assert_eq!(says(&gateway, ANA, "note size; who"), "beto city=Cancun size=M");
    assert_eq!(says(&gateway, ANA, "assign; who"), "beto city=Cancun");
    assert_eq!(says(&gateway, ANA, "say hola; discard publicidad"), "");
    let conversation = &gateway.conversations()[0];
    assert_eq!((&conversation["assignee"], &conversation["unread"]), (&Value::Null, &json!(3)));
    assert_eq!(with_text(&gateway, "say hola; discard publicidad")["discarded"], "publicidad");
}

#[test]
fn a_plugin_writes_to_others_and_what_is_not_done_is_explained() {
    let gateway = gateway();
    says(&gateway, LUIS, "STOP");
    let text = format!("send 9981122336 Hola; send {LUIS} No; send 12 Nadie; forward crm; say listo");
    assert_eq!(says(&gateway, ANA, &text), "listo");
    let cause = with_text(&gateway, &text);
    let sent = with_text(&gateway, "Hola");
    assert_eq!((&sent["to"], &sent["plugin"]), (&json!("+529981122336"), &json!("obedient")));
    assert_eq!((&sent["caused_by"], &sent["in_reply_to"]), (&cause["id"], &Value::Null));
    assert_ne!(sent["conversation_id"], cause["conversation_id"]);
    gateway.wait_for_status(sent["id"].as_str().unwrap(), "delivered");
    let decision = trace(&gateway, &cause)[0]["decision"].clone();
    let left_out: Vec<&str> = decision["left_out"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(left_out.len(), 3, "{left_out:?}");
    for (reason, word) in left_out.iter().zip(["crm", "is not a number", "opted out"]) {
        assert!(reason.contains(word), "{left_out:?}");
    }
    assert_eq!(gateway.twilio_messages().iter().filter(|message| message["to"] == LUIS).count(), 0);
    let hooks: Vec<Value> = trace(&gateway, &sent).iter().map(|trace| trace["hook"].clone()).collect();
    assert_eq!(hooks.first(), Some(&json!("outbound")), "{hooks:?}");
}

#[test]
fn what_goes_out_is_changed_or_refused_and_the_same_call_is_not_asked_again() {
    let gateway = gateway();
    let post = |key: &str, text: &str| {
        gateway.post_with("/v1/messages", &[("idempotency-key", key)], &json!({ "to": ANA, "text": text }))
    };
    let loud = post("1", "[shout] hola").expect(202);
    assert_eq!(loud["text"], "HOLA");
    assert_eq!(post("1", "[shout] hola").expect(202)["id"], loud["id"]);
    assert_eq!(gateway.conversations()[0]["tags"], json!(["loud"]));
    gateway.wait_for_status(loud["id"].as_str().unwrap(), "delivered");

    let refused = post("2", "[refuse] hola").expect(422);
    assert_eq!(refused["type"], "urn:recado:problem:rejected-by-plugin");
    assert_eq!(refused["detail"], "refused by the plugin `obedient`: the text says so");
    assert_eq!(post("2", "[refuse] hola").expect(422)["message_id"], refused["message_id"]);
    let kept = gateway.message(refused["message_id"].as_str().unwrap());
    assert_eq!((&kept["status"], &kept["rejected_by"]), (&json!("failed"), &json!("obedient")));
    assert_eq!(kept["error_message"], refused["detail"]);
    let verdict = &trace(&gateway, &kept)[0];
    assert_eq!((&verdict["hook"], &verdict["decision"]["verdict"]), (&json!("outbound"), &json!("reject")));
    assert_eq!(says(&gateway, LUIS, "look outbound"), "outbound=2");

    // An application of Twilio's hears of it in Twilio's way.
    let account = gateway.account_sid();
    let authorization = basic(account, gateway.key());
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let body = "To=%2B529981122334&From=%2B529983162438&Body=%5Brefuse%5D%20hola";
    let path = format!("/2010-04-01/Accounts/{account}/Messages.json");
    let answer = gateway.request(::http::Method::POST, &path, &headers, body);
    assert_eq!(answer.expect(400)["code"], 30007);
    let bodies: Vec<Value> = gateway.twilio_messages().iter().map(|message| message["body"].clone()).collect();
    assert_eq!(bodies, ["HOLA"]);
}

#[test]
fn what_became_of_messages_is_told_once_each_and_chains_of_it_come_to_an_end() {
    let mut gateway = gateway();
    says(&gateway, ANA, "on delivered say llegó/tag entregado");
    gateway.post("/v1/messages?wait=sent", &json!({ "to": ANA, "text": "Su pedido" })).expect(200);
    // Each "llegó" is delivered in its turn, which is told again: that ends after the third.
    let arrived = |messages: &[Value]| {
        messages.iter().filter(|message| message["text"] == "llegó" && message["status"] == "delivered").count()
    };
    let messages = gateway.wait_for_messages("three in a row", |messages| arrived(messages) == 3);
    let last = messages.iter().rev().find(|message| message["text"] == "llegó").unwrap();
    let ended = wait_for("the end of it", || {
        let of_status: Vec<Value> =
            trace(&gateway, last).into_iter().filter(|trace| trace["hook"] == "status").collect();
        of_status.last().filter(|last| last["decision"]["left_out"][0].is_string()).cloned()
    });
    let why = ended["decision"]["left_out"][0].as_str().unwrap();
    assert!(why.contains("in a row"), "{why}");
    assert_eq!(gateway.conversations()[0]["tags"], json!(["entregado"]));
    assert_eq!(says(&gateway, LUIS, "look status delivered"), "status delivered=4");
    gateway.restart();
    assert_eq!(says(&gateway, LUIS, "look status delivered"), "status delivered=4", "nothing is told again");
    assert_eq!(arrived(&gateway.messages()), 3);
}
