//! The plugin as plain Rust; its cases are run on the component itself.

use std::time::Duration;

use recado_sdk::testing::{Gateway, outbound_message};
use recado_sdk::{Flow, Origin, OutboundMessage};

use super::Handover;

const CONFIG: &str = r#"{
    "people": [{ "name": "ana", "number": "+529981110001" }, { "name": "luis" }],
    "manager": { "name": "eva", "number": "+529981110009" }
}"#;

fn gateway() -> Gateway<Handover> {
    Gateway::new().config(CONFIG)
}

#[test]
fn whoever_asks_for_a_person_gets_one() {
    let mut gateway = gateway();
    let outcome = gateway.receive("Quiero hablar con una PERSONA");
    assert_eq!(outcome.replies(), ["Un momento, te atiende ana."]);
    assert_eq!(outcome.sent[0].recipient, "+529981110001");
    assert!(outcome.sent[0].text.contains("«Quiero hablar con una PERSONA»"));
    assert_eq!(gateway.conversation().unwrap().assignee.as_deref(), Some("ana"));
    assert_eq!(outcome.result.unwrap().flow, Flow::Stop);
}

#[test]
fn a_manager_hears_of_it_unless_somebody_took_it() {
    let mut waiting = gateway();
    waiting.receive("asesor");
    let fired = waiting.advance(Duration::from_secs(15 * 60));
    assert_eq!(fired[0].sent[0].recipient, "+529981110009");

    let mut answered = gateway();
    answered.receive("asesor");
    let reply = OutboundMessage { origin: Origin::Console, ..outbound_message("Hola, soy Ana") };
    answered.send(reply).unwrap();
    let fired = answered.advance(Duration::from_secs(15 * 60));
    assert!(fired.iter().all(|outcome| outcome.sent.is_empty()), "{fired:?}");
}

#[test]
fn the_schema_is_json_and_names_each_key() {
    let with_all = r#"{
        "keywords": [], "tags": [], "give_back": [], "people": [{ "name": "ana" }], "manager": { "name": "eva" },
        "escalate_after_minutes": 1, "reply": "", "given_back": "", "tell": "", "escalate": "", "tag": "a",
        "escalated_tag": "b", "quiet": false
    }"#;
    let mut gateway = Gateway::<Handover>::new().config(with_all);
    assert!(gateway.receive("hola").result.is_ok());
    for key in ["keywords", "give_back", "escalate_after_minutes", "escalated_tag", "quiet"] {
        assert!(super::config::SCHEMA.contains(&format!("\"{key}\": {{")), "{key}");
    }
}
