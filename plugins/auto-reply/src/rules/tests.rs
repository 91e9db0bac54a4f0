//! Which rule decides, and what follows.

use recado_conditions::Matching;
use recado_sdk::testing::{Host, context, conversation, message};
use recado_sdk::{ConversationStatus, Media};
use serde_json::{Value, json};

use super::*;

fn decide_message(config: &Value, message: &InboundMessage) -> Decision {
    let config: Config = serde_json::from_value(config.clone()).unwrap();
    Host::new().run(|| decide(&config, message, &conversation(), &context())).unwrap()
}

fn decide_text(config: &Value, text: &str) -> Decision {
    decide_message(config, &message(text))
}

#[test]
fn whole_words_are_what_is_meant_unless_told_otherwise() {
    let rules = json!({ "text": "", "rules": [{ "keywords": ["precio"], "reply": "sí" }] });
    assert_eq!(decide_text(&rules, "el precio"), Decision::proceed().reply("sí"));
    assert_eq!(decide_text(&rules, "aprecio"), Decision::proceed());
    for (matching, answered) in [("word", false), ("exact", false), ("contains", true)] {
        let rules = json!({ "text": "", "rules": [{ "keywords": ["precio"], "match": matching, "reply": "sí" }] });
        assert_eq!(!decide_text(&rules, "los aprecios").actions.is_empty(), answered, "{matching}");
    }
    assert_eq!(Matching::default(), Matching::Word);
}

#[test]
fn the_first_matching_rule_decides_alone() {
    let rules = json!({ "text": "default", "rules": [
        { "keywords": ["horario", "hora"], "reply": "9 a 18" },
        { "keywords": ["precio"], "reply": "$450" },
        { "keywords": ["precio", "hola"], "reply": "¡Hola!" },
        { "keywords": ["nada", "*"], "reply": "¿Mande?" },
        { "keywords": ["luego"], "reply": "never" },
    ] });
    let cases = [
        ("¿a qué hora?", "9 a 18"),
        ("precio y hora", "9 a 18"),
        ("precio", "$450"),
        ("hola", "¡Hola!"),
        ("gracias", "¿Mande?"),
        ("luego", "¿Mande?"),
    ];
    for (text, reply) in cases {
        assert_eq!(decide_text(&rules, text), Decision::proceed().reply(reply), "{text:?}");
    }
}

#[test]
fn a_rule_may_send_media_label_move_and_stop() {
    let rules = json!({ "rules": [{
        "keywords": ["carta"], "reply": "La carta:", "media": ["https://example.com/a.jpg", "https://example.com/b.jpg"],
        "tags": ["menu", "ventas"], "status": "active", "stop": true,
    }] });
    let reply = Reply::new("La carta:").with_media("https://example.com/a.jpg").with_media("https://example.com/b.jpg");
    let expected = Decision::stop().reply(reply).tag("menu").tag("ventas").set_status(ConversationStatus::Active);
    assert_eq!(decide_text(&rules, "carta"), expected);
}

#[test]
fn a_rule_without_reply_keeps_the_default_text_away() {
    let rules = json!({ "rules": [
        { "keywords": ["gracias"] },
        { "keywords": ["queja"], "tags": ["quejas"] },
        { "keywords": ["foto"], "media": ["https://example.com/a.jpg"] },
    ] });
    assert_eq!(decide_text(&rules, "Gracias"), Decision::proceed());
    assert_eq!(decide_text(&rules, "Una queja"), Decision::proceed().tag("quejas"));
    let picture = Reply::new("").with_media("https://example.com/a.jpg");
    assert_eq!(decide_text(&rules, "foto"), Decision::proceed().reply(picture));
}

#[test]
fn a_picture_without_text_is_answered_and_nothing_at_all_is_not() {
    let picture = Media { url: "https://example.com/a.jpg".to_owned(), content_type: "image/jpeg".to_owned() };
    let cases = [("", vec![], false), (" \n", vec![], false), ("", vec![picture], true), ("…", vec![], true)];
    for config in [json!({ "text": "default" }), json!({ "rules": [{ "keywords": ["*"], "reply": "default" }] })] {
        for (text, media, answered) in cases.clone() {
            let message = InboundMessage { media, ..message(text) };
            let decision = decide_message(&config, &message);
            assert_eq!(!decision.actions.is_empty(), answered, "{text:?} {:?}", message.media);
        }
    }
}

#[test]
fn an_empty_default_text_answers_nothing() {
    assert_eq!(decide_text(&json!({ "text": "" }), "hola"), Decision::proceed());
}
