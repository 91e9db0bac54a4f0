//! The plugin as the gateway sees it.

use std::time::Duration;

use recado_sdk::testing::{Gateway, Outcome};
use recado_sdk::{ConversationStatus, Hooks};
use serde_json::{Value, json};

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const DEFAULT: &str = "Gracias por tu mensaje. Te responderemos pronto. Para emergencias llama al +52 998 316 2438";

fn gateway(config: &Value) -> Gateway<AutoReply> {
    // A Monday.
    Gateway::new().config(config.to_string()).at("2026-08-03 12:00")
}

/// A dialogue: what comes in, and what is answered.
fn holds(gateway: &mut Gateway<AutoReply>, dialogue: &[(&str, &[&str])]) {
    for (text, replies) in dialogue {
        assert_eq!(gateway.receive(*text).replies(), *replies, "{text:?}");
    }
}

#[test]
fn the_manifest_names_the_plugin_and_its_hook() {
    let manifest = AutoReply::describe();
    assert_eq!(manifest.name, "auto-reply");
    assert_eq!(manifest.hooks, Hooks::INBOUND);
    assert_eq!(manifest.config_schema, config::SCHEMA);
}

#[test]
fn without_a_configuration_the_default_text_is_sent() {
    for config in ["", "null", "{}"] {
        let mut gateway = Gateway::<AutoReply>::new().config(config);
        assert_eq!(gateway.receive("Hola").replies(), [DEFAULT], "{config:?}");
        assert_eq!(gateway.receive("Hola").replies(), [DEFAULT], "{config:?}");
    }
}

#[test]
fn a_configuration_that_cant_be_read_is_a_failure_not_a_panic() {
    let times = r#"{"hours":{"open":[{"from":"9:00","to":"18:00"}]}}"#;
    let zone = r#"{"hours":{"time_zone":"Mars/Base","holidays":["12-25"]}}"#;
    for config in ["nonsense", "[1]", r#"{"text":1}"#, r#"{"texto":"Hola"}"#, times, zone] {
        let outcome = Gateway::<AutoReply>::new().config(config).receive("Hola");
        assert!(matches!(outcome.result, Err(Failure::BadConfig(_))), "{config}");
    }
}

#[test]
fn out_of_hours_another_text_is_sent_once_in_a_while() {
    let mut gateway = gateway(&json!({
        "text": "Ahora te atendemos.",
        "out_of_hours": "Abrimos mañana a las 9.",
        "cool_down_minutes": 60,
        "hours": { "open": [{ "days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "18:00" }] },
    }));
    holds(&mut gateway, &[("hola", &["Ahora te atendemos."]), ("¿hay alguien?", &[])]);
    gateway.set_time("2026-08-03 17:59");
    holds(&mut gateway, &[("hola", &["Ahora te atendemos."])]);
    gateway.advance(HOUR / 60);
    // Closed now: that is another text with a cool-down of its own.
    holds(&mut gateway, &[("hola", &["Abrimos mañana a las 9."]), ("ok", &[])]);
    gateway.advance(HOUR);
    holds(&mut gateway, &[("¿siguen ahí?", &["Abrimos mañana a las 9."])]);
    gateway.set_time("2026-08-08 12:00");
    holds(&mut gateway, &[("hola", &["Abrimos mañana a las 9."])]);
}

#[test]
fn without_a_text_for_out_of_hours_the_default_is_sent_then_too() {
    let hours = json!({ "open": [{ "from": "09:00", "to": "10:00" }] });
    holds(&mut gateway(&json!({ "text": "Gracias.", "hours": hours })), &[("hola", &["Gracias."])]);
}

#[test]
fn a_rule_may_hold_only_while_open_or_closed() {
    let mut gateway = gateway(&json!({
        "text": "",
        "hours": { "open": [{ "from": "09:00", "to": "18:00" }] },
        "rules": [
            { "keywords": ["cita"], "when": "open", "reply": "Te llamamos ahora." },
            { "keywords": ["cita"], "when": "closed", "reply": "Te llamamos mañana." },
            { "keywords": ["precio"], "reply": "$450" },
        ],
    }));
    holds(&mut gateway, &[("una cita", &["Te llamamos ahora."]), ("precio", &["$450"])]);
    gateway.set_time("2026-08-03 20:00");
    holds(&mut gateway, &[("una cita", &["Te llamamos mañana."]), ("precio", &["$450"])]);
}

#[test]
fn a_catch_all_answers_everything_once_a_day_and_labels_it_each_time() {
    let mut gateway = gateway(&json!({
        "rules": [
            { "keywords": ["precio"], "reply": "$450" },
            { "keywords": ["*"], "reply": "Gracias, te llamamos.", "tags": ["nuevo"], "cool_down_minutes": 1440 },
        ],
    }));
    holds(&mut gateway, &[("hola", &["Gracias, te llamamos."]), ("precio", &["$450"]), ("¿hola?", &[])]);
    assert_eq!(gateway.receive("¿hola?").actions(), [recado_sdk::Action::tag("nuevo")]);
    assert_eq!(gateway.receive_from("+525500000000", "hola").replies(), ["Gracias, te llamamos."], "another person");
    gateway.advance(HOUR * 24);
    holds(&mut gateway, &[("hola", &["Gracias, te llamamos."])]);
    // A conversation that was closed is over; the next one is answered again.
    let person = gateway.conversation().unwrap().address.clone();
    gateway.change(&person, |conversation| conversation.status = ConversationStatus::Closed);
    holds(&mut gateway, &[("hola", &["Gracias, te llamamos."])]);
}

#[test]
fn everybody_is_answered_in_their_language() {
    let mut gateway = gateway(&json!({
        "text": { "es": "Gracias por escribir.", "en": "Thanks for your message." },
        "rules": [{ "keywords": ["precio", "price"], "reply": { "es": "Cuesta $450.", "en": "It is $450." } }],
    }));
    holds(
        &mut gateway,
        &[
            ("ok", &["Gracias por escribir."]),
            ("hi, what is the price?", &["It is $450."]),
            ("ok", &["Thanks for your message."]),
            ("¿precio?", &["Cuesta $450."]),
        ],
    );
    let person = gateway.conversation().unwrap().address.clone();
    gateway.change(&person, |conversation| {
        conversation.contact.attributes.push(("language".to_owned(), "en-US".to_owned()));
    });
    holds(&mut gateway, &[("¿precio?", &["It is $450."])]);
}

fn with_menu() -> Value {
    json!({
        "text": { "es": "No te entendí.\n{menu}", "en": "Sorry?\n{menu}" },
        "menu": {
            "keywords": ["menu", "menú", "ayuda"],
            "heading": { "es": "Escribe un número:", "en": "Send a number:" },
            "footer": "Recado",
            "minutes": 30,
        },
        "hours": { "open": [{ "from": "09:00", "to": "18:00" }] },
        "rules": [
            { "keywords": ["precio"], "label": { "es": "Precios", "en": "Prices" }, "reply": "$450" },
            { "keywords": ["gracias"], "reply": "De nada." },
            { "keywords": ["asesor"], "label": "Hablar con alguien", "when": "open", "reply": "Un momento.", "tags": ["asesor"] },
            { "keywords": ["horario"], "label": "Horario", "reply": "9 a 18" },
        ],
    })
}

#[test]
fn a_menu_lists_the_rules_with_a_label_and_numbers_choose_from_it() {
    let mut gateway = gateway(&with_menu());
    let menu = "Escribe un número:\n1. Precios\n2. Hablar con alguien\n3. Horario\nRecado";
    let asked = format!("No te entendí.\n{menu}");
    holds(
        &mut gateway,
        &[
            ("MENÚ", &[menu]),
            ("1", &["$450"]),
            ("2.", &["Un momento."]),
            ("3)", &["9 a 18"]),
            ("4", &[asked.as_str()]),
            ("0", &[asked.as_str()]),
            ("quiero 2", &[asked.as_str()]),
            ("gracias", &["De nada."]),
        ],
    );
    assert!(gateway.conversation().unwrap().has_tag("asesor"));
    gateway.advance(HOUR);
    holds(&mut gateway, &[("1", &[asked.as_str()]), ("1", &["$450"])]);
}

#[test]
fn the_menu_is_that_of_the_hour_and_in_the_persons_language() {
    let mut gateway = gateway(&with_menu());
    gateway.set_time("2026-08-03 22:00");
    let menu = "Send a number:\n1. Prices\n2. Horario\nRecado";
    let asked = format!("Sorry?\n{menu}");
    holds(&mut gateway, &[("hello, what can you do?", &[asked.as_str()]), ("menu", &[menu]), ("2", &["9 a 18"])]);
}

#[test]
fn without_a_menu_numbers_are_texts() {
    let rules = json!([{ "keywords": ["precio"], "label": "Precios", "reply": "$450" }]);
    holds(&mut gateway(&json!({ "text": "¿?", "rules": rules })), &[("menu", &["¿?"]), ("1", &["¿?"])]);
}

/// With `isolation = "reuse"` one instance serves many people, one after the other: what it answered
/// before must not matter, but for what the gateway remembers.
#[test]
fn an_instance_that_served_others_answers_as_a_fresh_one() {
    let texts = ["hola", "menu", "1", "hi, the price please", "precio", "9", "ok", "gracias"];
    let people = ["+525500000001", "+525500000002", "+525500000003"];
    let said = |outcome: Outcome| outcome.result;
    let alone: Vec<Vec<_>> = people
        .iter()
        .enumerate()
        .map(|(skip, person)| {
            // A thread of its own, and a text fewer for each.
            let texts = texts.iter().skip(skip).map(|text| (*text).to_owned()).collect::<Vec<_>>();
            let person = (*person).to_owned();
            let talk = move || {
                let mut gateway = gateway(&with_menu());
                texts.iter().map(|text| said(gateway.receive_from(&person, text))).collect()
            };
            std::thread::spawn(talk).join().unwrap()
        })
        .collect();
    let mut together = gateway(&with_menu());
    let mut mixed = vec![Vec::new(); people.len()];
    for round in 0..texts.len() {
        for (skip, person) in people.iter().enumerate() {
            if let Some(text) = texts.get(round + skip) {
                mixed[skip].push(said(together.receive_from(person, *text)));
            }
        }
    }
    assert_eq!(mixed, alone);
}
