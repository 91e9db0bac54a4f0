//! The plugin as the gateway sees it.

mod inbound;
mod outbound;

use recado_sdk::testing::{Gateway, Outcome, message, outbound_message};
use recado_sdk::{Action, InboundMessage};
use serde_json::{Value, json};

use super::*;

fn gateway(config: &Value) -> Gateway<Router> {
    // A Monday.
    Gateway::new().config(config.to_string()).at("2026-08-03 12:00")
}

/// A table of what comes in, with this default.
fn inbound_table(routes: &Value, default: &Value) -> Value {
    json!({ "inbound": { "routes": routes, "default": default } })
}

#[test]
fn the_manifest_names_the_plugin_and_its_hooks() {
    let manifest = Router::describe();
    assert_eq!(manifest.name, "router");
    assert_eq!(manifest.hooks, Hooks::INBOUND | Hooks::OUTBOUND);
    assert_eq!(manifest.config_schema, config::SCHEMA);
}

#[test]
fn without_a_configuration_nothing_is_asked_for() {
    for config in ["", "null", "{}"] {
        let mut gateway = Gateway::<Router>::new().config(config);
        assert_eq!(gateway.receive("hola").result, Ok(Decision::proceed()));
        let before = outbound_message("hola");
        let after = gateway.send(before.clone()).unwrap();
        assert_eq!((after.text, after.channel, after.sender), (before.text, before.channel, before.sender));
    }
}

#[test]
fn a_configuration_that_cant_be_used_is_a_failure_that_names_the_route() {
    let bad = |config: &Value| match gateway(config).receive("hola").result {
        Err(Failure::BadConfig(reason)) => reason,
        result => panic!("{result:?}"),
    };
    let regex = json!([{ "then": { "tag": ["a"] }, "continue": true }, { "when": { "regex": "(" } }]);
    assert!(bad(&inbound_table(&regex, &json!({}))).starts_with("route 2: the regular expression `(`"));
    let zone = json!({
        "hours": { "time_zone": "Mars/Base" },
        "inbound": { "routes": [{ "name": "noche", "when": { "times": [{ "from": "22:00", "to": "06:00" }] } }] },
    });
    assert_eq!(bad(&zone), "noche: `Mars/Base` is no time zone (IANA)");
    for config in
        [json!([1]), json!({ "routes": [] }), json!({ "inbound": { "routes": [{ "when": { "texto": 1 } }] } })]
    {
        bad(&config);
    }
}

#[test]
fn the_log_says_which_routes_were_taken() {
    let routes = json!([
        { "name": "saluda", "when": { "keywords": ["hola"] }, "continue": true },
        { "when": { "keywords": ["adiós"] } },
        { "then": { "tag": ["todo"] } },
    ]);
    let lines = |outcome: &Outcome| outcome.log.iter().map(|(_, line)| line.clone()).collect::<Vec<_>>();
    let mut gateway = gateway(&inbound_table(&routes, &json!({})));
    assert_eq!(lines(&gateway.receive("hola")), ["takes saluda", "takes route 3"]);
    assert_eq!(lines(&gateway.receive("adiós")), ["takes route 2"]);
}

/// With `isolation = "reuse"` one instance serves many people, one after the other: what it decided
/// before must not matter, but for what the gateway remembers.
#[test]
fn an_instance_that_served_others_decides_as_a_fresh_one() {
    let config = json!({ "inbound": {
        "routes": [
            { "when": { "language": ["en"] }, "then": { "tag": ["english"] }, "continue": true },
            { "when": { "keywords": ["precio", "price"] }, "then": { "tag": ["ventas"] } },
            { "when": { "tags": ["english"] }, "then": { "assign": { "to": ["john"] } } },
        ],
        "default": { "assign": { "to": ["ana"], "sticky": true } },
    } });
    let texts = ["hello", "1", "price", "hola", "precio", "ok"];
    let people = ["+525500000001", "+525500000002", "+525500000003"];
    let alone: Vec<Vec<_>> = people
        .iter()
        .enumerate()
        .map(|(skip, person)| {
            let (config, person) = (config.clone(), (*person).to_owned());
            let talk = move || {
                let mut gateway = gateway(&config);
                texts.iter().skip(skip).map(|text| gateway.receive_from(&person, *text).result).collect()
            };
            std::thread::spawn(talk).join().unwrap()
        })
        .collect();
    let mut together = gateway(&config);
    let mut mixed = vec![Vec::new(); people.len()];
    for round in 0..texts.len() {
        for (skip, person) in people.iter().enumerate() {
            if let Some(text) = texts.get(round + skip) {
                mixed[skip].push(together.receive_from(person, *text).result);
            }
        }
    }
    assert_eq!(mixed, alone);
}
