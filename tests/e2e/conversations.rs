//! What becomes of conversations by rule: opened again, closed, assigned; and what endpoints are told of it.

use std::path::Path;

use recado::clock::{Clock, SystemClock};
use recado_tests::{Plugin, ScriptedProvider, TestGateway, form, run, wait_for};
use serde_json::{Value, json};

use super::message_sid;

const ANA: &str = "+529981122334";
const LUIS: &str = "+529981122335";

fn with_endpoint(application: &ScriptedProvider, settings: &str) -> String {
    format!(
        "{settings}\n[endpoints.app]\nurl = \"{}/app\"\nsecret = \"whsec_{}\"\nprivate_addresses = true\n\
         events = [\"conversation.updated\"]\n",
        application.url(),
        "A".repeat(32)
    )
}

fn says(gateway: &TestGateway, from: &str, text: &str) {
    let answer = gateway.signed_webhook("sms/inbound", &form(&message_sid(), from, text));
    assert_eq!(answer.status(), 200, "{}", answer.text());
}

/// The status of each conversation and what of it was different, as it was told.
fn told(application: &ScriptedProvider) -> Vec<(String, Value)> {
    let told = |body: &str| {
        let event: Value = serde_json::from_str(body).unwrap();
        let status = event["data"]["conversation"]["status"].as_str().unwrap().to_owned();
        (status, event["data"]["changed"].clone())
    };
    application.received().iter().map(|received| told(&received.body)).collect()
}

#[test]
fn a_quiet_conversation_is_closed_and_opened_again_by_the_next_text() {
    let application = ScriptedProvider::start([]);
    // Two seconds.
    let settings = "[conversations]\nclose_after_h = 0.0006\nreopen_within_h = 1";
    let gateway = TestGateway::builder().no_plugins().config_toml(&with_endpoint(&application, settings)).start();
    says(&gateway, ANA, "Hola");
    let closed = || gateway.conversations().into_iter().find(|one| one["status"] == "closed");
    let id = wait_for("the conversation to be closed", closed)["id"].clone();
    says(&gateway, ANA, "¿Sigue abierto?");
    let [now] = gateway.conversations().try_into().unwrap();
    assert_eq!((&now["id"], &now["inbound_count"]), (&id, &json!(2)), "the same one goes on");
    let told = wait_for("the events", || Some(told(&application)).filter(|told| told.len() >= 2));
    let changed = json!(["status"]);
    assert_eq!(told[..2], [("closed".to_owned(), changed.clone()), ("pending".to_owned(), changed)]);
}

#[test]
fn what_is_planned_keeps_a_conversation_open() {
    let settings = "[conversations]\nclose_after_h = 0.0003";
    let gateway = TestGateway::builder().no_plugins().allow_unsent().config_toml(settings).start();
    let body = json!({ "to": ANA, "text": "Mañana", "send_at": tomorrow() });
    let planned = gateway.post("/v1/messages", &body).expect(202)["conversation_id"].clone();
    says(&gateway, LUIS, "Hola");
    let of = |status: &str| {
        let all = gateway.conversations().into_iter().filter(|one| one["status"] == status);
        all.map(|one| one["id"].clone()).collect::<Vec<_>>()
    };
    wait_for("the other to be closed", || Some(of("closed")).filter(|closed| !closed.is_empty()));
    assert_eq!(of("active"), [planned], "it is older than that one, and stays");
}

fn tomorrow() -> jiff::Timestamp {
    SystemClock.now() + std::time::Duration::from_hours(24)
}

#[test]
fn a_tag_of_a_plugin_names_who_looks_after_a_conversation() {
    let application = ScriptedProvider::start([]);
    let settings = "[[conversations.assign]]\ntag = \"precio\"\nto = \"ana\"";
    let builder = TestGateway::builder().plugin(Plugin::obedient());
    let gateway = builder.config_toml(&with_endpoint(&application, settings)).start();
    gateway.text(ANA, "tag precio");
    assert_eq!(gateway.conversations()[0]["assignee"], "ana");
    gateway.text(LUIS, "tag otra");
    gateway.text(LUIS, "tag precio; assign eva");
    assert_eq!(gateway.conversations()[1]["assignee"], "eva", "the plugin's word counts");
    let told = wait_for("the events", || Some(told(&application)).filter(|told| told.len() == 3));
    assert!(told.contains(&("pending".to_owned(), json!(["tags", "assignee"]))), "{told:?}");
}

#[test]
fn several_take_turns_also_over_a_restart() {
    let settings = "[[conversations.assign]]\ntag = \"precio\"\nto = [\"ana\", \"luis\"]";
    let mut gateway = TestGateway::builder().plugin(Plugin::obedient()).config_toml(settings).start();
    for number in 0..4 {
        gateway.text(&format!("+52998112{number}334"), "tag precio");
        if number == 2 {
            gateway.restart();
        }
    }
    let assigned: Vec<Value> = gateway.conversations().iter().map(|one| one["assignee"].clone()).collect();
    assert_eq!(assigned, ["ana", "luis", "ana", "luis"]);
}

#[test]
fn settings_that_make_no_sense_are_refused_with_their_key() {
    let folder = tempfile::tempdir().unwrap();
    let check = |folder: &Path, text: &str| {
        std::fs::write(folder.join("recado.toml"), text).unwrap();
        run(folder, &["--config", "recado.toml", "config", "check"], &[])
    };
    for (text, key) in [
        ("[conversations]\nclose_after_h = -1", "conversations.close_after_h"),
        ("[conversations]\nreopen_within_h = 99999999", "conversations.reopen_within_h"),
        ("[[conversations.assign]]\ntag = \"\"\nto = \"ana\"", "conversations.assign.0.tag"),
        ("[[conversations.assign]]\ntag = \"a\"\nto = [\"ana\", \"ana\"]", "conversations.assign.0.to"),
    ] {
        let ran = check(folder.path(), text);
        assert!(ran.code == Some(2) && ran.stderr.contains(key), "{key}: {ran:?}");
    }
}
