//! What was acknowledged survives the end of the process at any moment.

use recado_tests::{Behaviour, Plugin, TestGateway, form, wait_for};
use serde_json::{Value, json};

use super::{going, message_sid};

const CUSTOMER: &str = "+529981122334";

#[test]
fn an_answered_text_is_still_there_after_a_crash() {
    let mut gateway = TestGateway::builder().plugin(Plugin::that("helper", Behaviour::Reply("Aqui estamos"))).start();
    for round in 1..=3 {
        let parameters = form(&message_sid(), CUSTOMER, &format!("Ronda {round}"));
        let answer = gateway.signed_webhook("sms/inbound", &parameters);
        gateway.kill();
        assert!(answer.text().contains("<Body>Aqui estamos</Body>"), "{}", answer.text());
        gateway.restart();
        let messages = gateway.messages();
        let texts: Vec<_> = going(&messages, "inbound").iter().map(|message| message["text"].clone()).collect();
        assert_eq!(texts, (1..=round).map(|round| format!("Ronda {round}")).collect::<Vec<_>>());
        assert_eq!(going(&messages, "outbound").len(), round, "each has its one reply");
    }
}

#[test]
fn a_text_whose_processing_a_crash_cut_off_is_processed_once_after_it() {
    let hangs = Plugin::that("helper", Behaviour::Loop).setting("deadline_ms", 20_000);
    let mut gateway = TestGateway::builder().config_toml("[inbound]\nreply_within_ms = 100").plugin(hangs).start();
    let done = gateway.text(CUSTOMER, "Hola");
    assert_eq!((&done["webhook"]["status"], &done["replies"]), (&json!(200), &json!([])), "{done}");
    assert!(gateway.messages()[0]["processed_at"].is_null(), "it is recorded, and still being processed");
    gateway.kill();

    gateway.set_plugins(&[Plugin::that("helper", Behaviour::Reply("Aqui estamos"))]);
    gateway.restart();
    let replies = |gateway: &TestGateway| -> Vec<Value> {
        going(&gateway.twilio_messages(), "outbound").into_iter().cloned().collect()
    };
    let there = wait_for("the reply", || Some(replies(&gateway)).filter(|replies| !replies.is_empty()));
    assert_eq!((&there[0]["body"], &there[0]["to"]), (&json!("Aqui estamos"), &json!(CUSTOMER)));
    assert_eq!(there[0]["direction"], "outbound-api", "through the outbox: nobody waits for it any more");
    let messages = gateway.messages();
    let (inbound, sent) = (going(&messages, "inbound"), going(&messages, "outbound"));
    assert_eq!((inbound.len(), sent.len()), (1, 1), "{messages:#?}");
    assert!(inbound[0]["processed_at"].is_string());
    assert_eq!(sent[0]["in_reply_to"], inbound[0]["id"]);
    gateway.wait_for_status(sent[0]["id"].as_str().unwrap(), "delivered");

    // Nothing is left to do for the next start: what is sent now is all that goes out.
    gateway.restart();
    gateway.post("/v1/messages?wait=sent", &json!({ "to": "+529985550100", "text": "Otra cosa" })).expect(200);
    let bodies: Vec<Value> = replies(&gateway).iter().map(|message| message["body"].clone()).collect();
    assert_eq!(bodies, ["Aqui estamos", "Otra cosa"]);
}
