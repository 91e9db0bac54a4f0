//! Many texts at once, and the same text again: as Twilio sends it when it got no answer.

use recado_tests::{Behaviour, Plugin, TestGateway, at_once, form};
use serde_json::{Value, json};

use super::{going, message_sid};

const CUSTOMER: &str = "+529981122334";
const NOTHING: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";

#[test]
fn twenty_texts_at_once_are_one_conversation_and_twenty_answers() {
    let gateway = TestGateway::start();
    let answers = at_once(20, |number| {
        gateway.signed_webhook("sms/inbound", &form(&message_sid(), CUSTOMER, &format!("Mensaje {number}")))
    });
    for answer in &answers {
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text().matches("<Message ").count(), 1, "{}", answer.text());
    }
    let conversations = gateway.conversations();
    assert_eq!(conversations.len(), 1, "{conversations:#?}");
    assert_eq!((&conversations[0]["inbound_count"], &conversations[0]["unread"]), (&json!(20), &json!(20)));
    let messages = gateway.messages();
    let (inbound, replies) = (going(&messages, "inbound"), going(&messages, "outbound"));
    assert_eq!((inbound.len(), replies.len()), (20, 20));
    for message in inbound {
        assert!(message["processed_at"].is_string(), "{message}");
        assert_eq!(replies.iter().filter(|reply| reply["in_reply_to"] == message["id"]).count(), 1, "{message}");
    }
}

#[test]
fn the_same_text_many_times_is_one_message_with_one_answer() {
    let mut gateway = TestGateway::builder().plugin(Plugin::that("helper", Behaviour::Reply("Aqui estamos"))).start();
    let parameters = form(&message_sid(), CUSTOMER, "Hola");
    let answers = at_once(20, |_| gateway.signed_webhook("sms/inbound", &parameters));
    let first = answers[0].text();
    assert!(first.contains("<Body>Aqui estamos</Body>"), "{first}");
    for answer in answers {
        assert_eq!((answer.status(), answer.text()), (200, first.clone()));
    }
    let once = |messages: &[Value]| {
        assert_eq!((going(messages, "inbound").len(), going(messages, "outbound").len()), (1, 1), "{messages:#?}");
    };
    once(&gateway.messages());
    assert_eq!(gateway.conversations()[0]["unread"], 1);

    assert_eq!(gateway.signed_webhook("sms/inbound", &parameters).text(), first, "later");
    let url = gateway.webhook_url("sms/inbound");
    gateway.restart();
    assert_eq!(gateway.webhook_url("sms/inbound"), url);
    assert_eq!(gateway.signed_webhook("sms/inbound", &parameters).text(), first, "after a restart");
    once(&gateway.messages());
}

#[test]
fn a_repeat_of_a_text_that_got_no_reply_gets_none_again() {
    let gateway = TestGateway::builder().plugin(Plugin::builtin("auto-reply").config(&json!({ "text": "" }))).start();
    let parameters = form(&message_sid(), CUSTOMER, "Hola");
    for time in ["the first time", "again", "and again"] {
        let answer = gateway.signed_webhook("sms/inbound", &parameters);
        assert_eq!((answer.status(), answer.text().as_str()), (200, NOTHING), "{time}");
    }
    assert_eq!(gateway.messages().len(), 1);
}
