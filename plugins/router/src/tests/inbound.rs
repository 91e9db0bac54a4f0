//! What comes in.

use std::time::Duration;

use recado_sdk::{ConversationStatus, Media};

use super::*;

/// The tags that a lone message gets from one route with these conditions, which gives `yes`.
fn holds(when: &Value, message: InboundMessage) -> bool {
    let routes = json!([{ "when": when, "then": { "tag": ["yes"] } }]);
    let mut gateway = gateway(&inbound_table(&routes, &json!({ "tag": ["no"] })));
    match gateway.receive_message(message).actions() {
        [Action::Tag(tag)] => tag == "yes",
        actions => panic!("{actions:?}"),
    }
}

#[test]
fn each_condition_is_looked_at() {
    // From +52 55, to +52 998, on `sms`, at noon of a Monday.
    let cases = [
        (json!({}), "hola", true),
        (json!({ "keywords": ["precio", "hola"] }), "¡Hola!", true),
        (json!({ "keywords": ["precio"] }), "¡Hola!", false),
        (json!({ "keywords": ["hola"], "match": "exact" }), "hola, buenas", false),
        (json!({ "regex": "^pedido [0-9]+$" }), " pedido 42 ", true),
        (json!({ "regex": "^pedido [0-9]+$" }), "mi pedido 42", false),
        (json!({ "tags": ["vip"] }), "hola", false),
        (json!({ "without_tags": ["vip"] }), "hola", true),
        (json!({ "sender": ["+1", "+52 55"] }), "hola", true),
        (json!({ "sender": ["+1"] }), "hola", false),
        (json!({ "recipient": ["+52998"] }), "hola", true),
        (json!({ "recipient": ["+5255"] }), "hola", false),
        (json!({ "country": ["US", "MX"] }), "hola", true),
        (json!({ "country": ["US"] }), "hola", false),
        (json!({ "channel": ["sms"] }), "hola", true),
        (json!({ "channel": ["whatsapp"] }), "hola", false),
        (json!({ "language": ["es-MX"] }), "ok", true),
        (json!({ "language": ["en"] }), "good morning", true),
        (json!({ "language": ["en"] }), "buenos días", false),
        (json!({ "times": [{ "days": ["mon"], "from": "12:00", "to": "13:00" }] }), "hola", true),
        (json!({ "times": [{ "days": ["tue"], "from": "12:00", "to": "13:00" }] }), "hola", false),
        (json!({ "hours": "open" }), "hola", true),
        (json!({ "hours": "closed" }), "hola", false),
        (json!({ "status": ["pending"] }), "hola", true),
        (json!({ "status": ["active", "closed"] }), "hola", false),
        (json!({ "assigned": false }), "hola", true),
        (json!({ "assigned": true }), "hola", false),
        (json!({ "keywords": ["hola"], "country": ["US"] }), "hola", false),
        (json!({ "keywords": ["adiós"], "country": ["MX"] }), "hola", false),
    ];
    for (when, text, expected) in cases {
        assert_eq!(holds(&when, message(text)), expected, "{when} {text:?}");
    }
    let picture = Media { url: "https://example.com/a.jpg".to_owned(), content_type: "image/jpeg".to_owned() };
    assert!(holds(&json!({}), InboundMessage { media: vec![picture], ..message("") }));
}

#[test]
fn the_first_route_decides_unless_it_goes_on_and_the_default_if_none_does() {
    let routes = json!([
        { "when": { "keywords": ["urgente"] }, "then": { "tag": ["urgente"] }, "continue": true },
        { "when": { "tags": ["urgente"], "keywords": ["precio"] }, "then": { "tag": ["primero"] } },
        { "when": { "keywords": ["precio"] }, "then": { "tag": ["ventas"] } },
        { "when": { "keywords": ["precio", "hola"] }, "then": { "tag": ["otros"] } },
    ]);
    let cases = [
        ("precio", vec!["ventas"]),
        ("hola", vec!["otros"]),
        ("urgente: precio", vec!["urgente", "primero"]),
        ("urgente", vec!["urgente", "nadie"]),
        ("ok", vec!["nadie"]),
    ];
    for (text, tags) in cases {
        let mut gateway = gateway(&inbound_table(&routes, &json!({ "tag": ["nadie"] })));
        gateway.receive(text);
        assert_eq!(gateway.conversation().unwrap().tags, tags, "{text}");
    }
}

#[test]
fn all_results_follow_in_order() {
    let routes = json!([{
        "then": {
            "tag": ["a", "b"], "untag": ["c"], "assign": { "to": ["ana"] }, "status": "active",
            "attributes": { "tier": "gold", "trial": "" }, "forward": ["crm", "alerts"], "discard": "spam", "stop": true,
        },
    }]);
    let expected = Decision::stop()
        .tag("a")
        .tag("b")
        .untag("c")
        .set_status(ConversationStatus::Active)
        .set_attribute("tier", "gold")
        .remove_attribute("trial")
        .forward("crm")
        .forward("alerts")
        .discard("spam")
        .assign("ana");
    assert_eq!(gateway(&inbound_table(&routes, &json!({}))).receive("hola").result, Ok(expected));
}

#[test]
fn conditions_see_the_conversation_as_it_is() {
    let routes = json!([
        { "when": { "assigned": true, "status": ["active"] }, "then": { "tag": ["en curso"], "stop": true } },
        { "when": { "tags": ["vip"] }, "then": { "tag": ["primero"] } },
    ]);
    let mut gateway = gateway(&inbound_table(&routes, &json!({})));
    gateway.receive("hola");
    let person = message("").sender;
    gateway.change(&person, |conversation| conversation.tags.push("vip".to_owned()));
    assert_eq!(gateway.receive("hola").actions(), [Action::tag("primero")]);
    gateway.change(&person, |conversation| {
        conversation.assignee = Some("ana".to_owned());
        conversation.status = ConversationStatus::Active;
    });
    let outcome = gateway.receive("hola");
    assert_eq!((outcome.actions(), outcome.stopped()), ([Action::tag("en curso")].as_slice(), true));
}

fn assigning(assign: &Value) -> Gateway<Router> {
    gateway(&inbound_table(&json!([]), &json!({ "assign": assign })))
}

/// Who has the conversation with somebody after one more text.
fn assignee(gateway: &mut Gateway<Router>, person: &str) -> Option<String> {
    gateway.receive_from(person, "hola");
    gateway.conversation_with(person).unwrap().assignee.clone()
}

#[test]
fn several_take_turns_conversation_by_conversation() {
    let mut gateway = assigning(&json!({ "to": ["ana", "luis", "eva"] }));
    for (person, name) in
        [("+521", "ana"), ("+522", "luis"), ("+521", "ana"), ("+523", "eva"), ("+524", "ana"), ("+522", "luis")]
    {
        assert_eq!(assignee(&mut gateway, person).as_deref(), Some(name), "{person}");
    }
}

#[test]
fn one_name_is_given_everything_and_needs_no_turn() {
    let mut gateway = assigning(&json!({ "to": ["ana"] }));
    assert_eq!(assignee(&mut gateway, "+521").as_deref(), Some("ana"));
    assert_eq!(assignee(&mut gateway, "+522").as_deref(), Some("ana"));
    // Somebody else of no list had it; the route gives it back.
    gateway.change("+521", |conversation| conversation.assignee = Some("jefa".to_owned()));
    assert_eq!(assignee(&mut gateway, "+521").as_deref(), Some("ana"));
}

#[test]
fn who_is_assigned_by_a_person_keeps_it_where_the_route_says_so() {
    let routes = json!([{ "when": { "assigned": false }, "then": { "assign": { "to": ["ana", "luis"] } } }]);
    let mut gateway = gateway(&inbound_table(&routes, &json!({})));
    assert_eq!(assignee(&mut gateway, "+521").as_deref(), Some("ana"));
    gateway.change("+521", |conversation| conversation.assignee = Some("jefa".to_owned()));
    assert_eq!(assignee(&mut gateway, "+521").as_deref(), Some("jefa"));
}

fn close(gateway: &mut Gateway<Router>, person: &str) {
    gateway.change(person, |conversation| conversation.status = ConversationStatus::Closed);
}

#[test]
fn sticky_is_who_had_the_person_before() {
    let mut gateway = assigning(&json!({ "to": ["ana", "luis"], "sticky": true }));
    assert_eq!(assignee(&mut gateway, "+521").as_deref(), Some("ana"));
    assert_eq!(assignee(&mut gateway, "+522").as_deref(), Some("luis"));
    for _ in 0..3 {
        close(&mut gateway, "+522");
        gateway.advance(Duration::from_secs(3600));
        assert_eq!(assignee(&mut gateway, "+522").as_deref(), Some("luis"));
    }
    assert_eq!(assignee(&mut gateway, "+523").as_deref(), Some("ana"), "nobody lost a turn");
}

#[test]
fn without_it_the_next_conversation_takes_the_next_turn() {
    let mut gateway = assigning(&json!({ "to": ["ana", "luis"] }));
    assert_eq!(assignee(&mut gateway, "+521").as_deref(), Some("ana"));
    close(&mut gateway, "+521");
    assert_eq!(assignee(&mut gateway, "+521").as_deref(), Some("luis"));
}

#[test]
fn only_the_last_route_that_assigns_takes_a_turn() {
    let routes = json!([
        { "then": { "assign": { "to": ["ana", "luis"] } }, "continue": true },
        { "when": { "sender": ["+522"] }, "then": { "assign": { "to": ["eva"] } } },
    ]);
    let mut gateway = gateway(&inbound_table(&routes, &json!({})));
    assert_eq!(assignee(&mut gateway, "+521").as_deref(), Some("ana"));
    assert_eq!(assignee(&mut gateway, "+522").as_deref(), Some("eva"));
    assert_eq!(assignee(&mut gateway, "+523").as_deref(), Some("luis"));
}
