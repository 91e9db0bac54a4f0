//! The main flows again, on Postgres; skipped where `RECADO_TEST_POSTGRES` names no server.

use std::collections::BTreeSet;

use recado_tests::{Behaviour, Builder, Plugin, TestGateway, at_once, form, run, wait_for};
use serde_json::{Value, json};

use super::plugin_hooks::{said, says};
use super::{going, message_sid};

const CUSTOMER: &str = "+529981122334";

fn start(prepare: impl FnOnce(Builder) -> Builder) -> Option<TestGateway> {
    let Some(builder) = TestGateway::builder().postgres() else {
        eprintln!("skipped: no Postgres");
        return None;
    };
    Some(prepare(builder).start())
}

#[test]
fn a_text_is_answered_and_the_answer_arrives() {
    let Some(gateway) = start(|builder| builder) else { return };
    let done = gateway.text(CUSTOMER, "Hola 😀");
    assert_eq!(done["replies"].as_array().map(Vec::len), Some(1), "{done}");
    let messages = gateway.messages();
    let (inbound, replies) = (going(&messages, "inbound"), going(&messages, "outbound"));
    assert_eq!((inbound.len(), replies.len()), (1, 1), "{messages:#?}");
    assert_eq!(inbound[0]["text"], "Hola 😀");
    let reply = gateway.wait_for_status(replies[0]["id"].as_str().unwrap(), "delivered");
    assert_eq!(reply["provider_id"], done["replies"][0]);
    let trace = gateway.get(&format!("/v1/messages/{}/trace", inbound[0]["id"].as_str().unwrap())).expect(200);
    assert_eq!(trace["plugins"][0]["plugin"], "auto-reply");
    let conversations = gateway.conversations();
    assert_eq!((conversations.len(), &conversations[0]["subject"]), (1, &json!("SMS desde +529981122334")));
}

#[test]
fn many_texts_at_once_and_repeats_of_them_are_each_taken_once() {
    let Some(gateway) = start(|builder| builder) else { return };
    let sids: Vec<String> = (0..10).map(|_| message_sid()).collect();
    // Every text comes three times, all at the same moment.
    let answers = at_once(30, |number| {
        gateway.signed_webhook("sms/inbound", &form(&sids[number % 10], CUSTOMER, &format!("Mensaje {}", number % 10)))
    });
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!((answer.status(), answer.text()), (200, answers[number % 10].text()));
        assert!(answer.text().contains("<Body>Gracias"), "{}", answer.text());
    }
    let messages = gateway.messages();
    assert_eq!((going(&messages, "inbound").len(), going(&messages, "outbound").len()), (10, 10));
    let conversations = gateway.conversations();
    assert_eq!((conversations.len(), &conversations[0]["unread"]), (1, &json!(10)));
}

#[test]
fn messages_are_sent_once_in_order_and_followed() {
    let Some(gateway) = start(Builder::no_plugins) else { return };
    let post = |key: &str, text: &str| {
        gateway.post_with("/v1/messages", &[("idempotency-key", key)], &json!({ "to": CUSTOMER, "text": text }))
    };
    let same = at_once(5, |_| post("first", "Paso 0").expect(202)["id"].clone());
    assert!(same.iter().all(|id| *id == same[0]), "{same:?}");
    assert_eq!(post("first", "Otra cosa").status(), 409);
    for number in 1..6 {
        post(&number.to_string(), &format!("Paso {number}")).expect(202);
    }
    gateway.wait_for_messages("delivery", |all| all.iter().all(|message| message["status"] == "delivered"));
    let bodies: Vec<Value> = gateway.twilio_messages().iter().map(|message| message["body"].clone()).collect();
    assert_eq!(bodies, (0..6).map(|number| format!("Paso {number}")).collect::<Vec<_>>());
    let lost = gateway.post("/v1/messages", &json!({ "to": "998 113 0003", "text": "Hola" })).expect(202);
    let lost = gateway.wait_for_status(lost["id"].as_str().unwrap(), "undelivered");
    assert_eq!(lost["error_code"], 30003);
}

#[test]
fn a_text_whose_processing_a_crash_cut_off_is_processed_once_after_it() {
    let hangs = Plugin::that("helper", Behaviour::Loop).setting("deadline_ms", 20_000);
    let prepare = |builder: Builder| builder.config_toml("[inbound]\nreply_within_ms = 100").plugin(hangs);
    let Some(mut gateway) = start(prepare) else { return };
    gateway.text(CUSTOMER, "Hola");
    gateway.kill();
    gateway.set_plugins(&[Plugin::that("helper", Behaviour::Reply("Aqui estamos"))]);
    gateway.restart();
    let sent = |gateway: &TestGateway| going(&gateway.twilio_messages(), "outbound").len();
    wait_for("the reply", || (sent(&gateway) > 0).then_some(()));
    gateway.wait_for_messages("delivery", |all| all.iter().any(|message| message["status"] == "delivered"));
    gateway.restart();
    gateway.post("/v1/messages?wait=sent", &json!({ "to": "+529985550100", "text": "Otra cosa" })).expect(200);
    assert_eq!(sent(&gateway), 2);
    assert_eq!(gateway.messages().len(), 3);
}

#[test]
fn plugins_remember_wait_hear_and_look_at_what_goes_out() {
    let Some(mut gateway) = start(|builder| builder.plugin(Plugin::obedient())) else { return };
    let tickets = at_once(8, |number| {
        let from = format!("+52998555{:04}", 100 + number);
        said(&gateway.signed_webhook("sms/inbound", &form(&message_sid(), &from, "next ticket")))
    });
    let expected = (1..=8).map(|number| format!("ticket={number}")).collect::<BTreeSet<_>>();
    assert_eq!(tickets.into_iter().collect::<BTreeSet<_>>(), expected);
    says(&gateway, CUSTOMER, "on delivered tag heard; timer nudge 300 say sigues ahi; note city Cancun");
    gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "text": "[shout] hola" })).expect(202);
    gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "text": "[refuse] hola" })).expect(422);
    gateway.wait_for_messages("the timer and the message", |all| {
        let arrived = |text: &str| all.iter().any(|one| one["text"] == text && one["status"] == "delivered");
        arrived("HOLA") && arrived("sigues ahi")
    });
    wait_for("both reports", || {
        (says(&gateway, CUSTOMER, "look status delivered") == "status delivered=2").then_some(())
    });
    gateway.restart();
    assert_eq!(says(&gateway, CUSTOMER, "look ticket; who"), "ticket=8, nobody city=Cancun");
}

#[test]
fn characters_that_postgres_can_not_hold_are_no_error() {
    let Some(gateway) = start(Builder::no_plugins) else { return };
    let taken = gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "text": "uno\u{0}dos" }));
    assert!([202, 422].contains(&taken.status()), "{}: {}", taken.status(), taken.text());
    let picture = "https://example.com/a\u{0}.png";
    let taken = gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "text": "uno", "media": [picture] }));
    assert!([202, 422].contains(&taken.status()), "{}: {}", taken.status(), taken.text());
    let parameters = form(&message_sid(), CUSTOMER, "uno\u{0}dos");
    assert_eq!(gateway.signed_webhook("sms/inbound", &parameters).status(), 200);
}

#[test]
fn commands_work_on_it_and_pages_have_no_gaps() {
    let Some(gateway) = start(Builder::no_plugins) else { return };
    let recado = |arguments: &[&str]| {
        run(gateway.folder(), &[&["--config", "test.toml", "--json"], arguments].concat(), &[]).good().json()
    };
    let steps = recado(&["migrate", "status"]);
    assert!(steps["steps"].as_array().unwrap().iter().all(|step| step["applied"] == true), "{steps}");
    assert_eq!(recado(&["key", "list"])[0]["name"], "test");
    for number in 0..5 {
        gateway.signed_webhook("sms/inbound", &form(&message_sid(), CUSTOMER, &format!("Texto {number}")));
    }
    let first = gateway.get("/v1/messages?limit=3").expect(200);
    let path = format!("/v1/messages?limit=3&cursor={}", first["next_cursor"].as_str().unwrap());
    let second = gateway.get(&path).expect(200);
    let items = [&first, &second].map(|page| page["items"].as_array().unwrap().clone()).concat();
    let texts: Vec<Value> = items.iter().map(|message| message["text"].clone()).collect();
    assert_eq!(texts, (0..5).rev().map(|number| format!("Texto {number}")).collect::<Vec<_>>());
}

#[test]
fn migrations_go_down_and_up_again() {
    let Some(mut gateway) = start(Builder::no_plugins) else { return };
    gateway.kill();
    let migrate = |arguments: &[&str]| {
        let ran = run(gateway.folder(), &[&["--config", "test.toml", "--json", "migrate"], arguments].concat(), &[]);
        let steps = ran.good().json();
        steps["steps"].as_array().unwrap().iter().filter(|step| step["applied"] == true).count()
    };
    let all = migrate(&["status"]);
    assert_eq!(migrate(&["down", "--steps", &all.to_string()]), 0);
    assert_eq!(migrate(&["up"]), all);
}
