//! Recorded messages are put to other plugins, and nothing comes of it but a report.

use recado_tests::{Behaviour, Plugin, Ran, TestGateway, run};
use serde_json::{Value, json};

use super::plugin_hooks::says;

const ANA: &str = "+529981122334";
const LUIS: &str = "+529981122335";

/// A command beside the gateway, on its settings.
fn replay(gateway: &TestGateway, arguments: &[&str]) -> Ran {
    let arguments: Vec<&str> = ["--config", "test.toml", "--json", "replay"].iter().chain(arguments).copied().collect();
    run(gateway.folder(), &arguments, &[])
}

/// Answers by keyword, labels, and remembers.
fn busy() -> TestGateway {
    let rules = json!({
        "text": "Gracias",
        "cool_down_minutes": 60,
        "rules": [{ "keywords": ["precio"], "reply": "Cuesta $450.", "tags": ["ventas"] }],
    });
    let gateway = TestGateway::builder()
        .plugin(Plugin::builtin("auto-reply").config(&rules))
        .plugin(Plugin::obedient())
        .config_toml("[plugin_files]\nwatch_s = 0")
        .start();
    for (from, text) in [
        (ANA, "hola"),
        (ANA, "count visits"),
        (LUIS, "¿precio?"),
        (LUIS, "next ticket; who; tag vip; note plan oro"),
        (ANA, "next ticket; recall word"),
        (ANA, "remember word casa; assign ana"),
        (ANA, "recall word; who"),
        (LUIS, "precio otra vez"),
        (LUIS, "timer nudge 3600000 say sigues ahi"),
    ] {
        says(&gateway, from, text);
    }
    gateway
}

fn everything(gateway: &TestGateway) -> Value {
    let mut traces = Vec::new();
    let messages = gateway.messages();
    for message in &messages {
        let id = message["id"].as_str().unwrap();
        traces.push(gateway.get(&format!("/v1/messages/{id}/trace")).expect(200));
    }
    let conversations = gateway.get("/v1/conversations").expect(200);
    json!({ "messages": messages, "traces": traces, "conversations": conversations })
}

#[test]
fn the_same_plugins_decide_the_same_again_and_nothing_comes_of_it() {
    let gateway = busy();
    let before = everything(&gateway);
    let report = replay(&gateway, &[]).good().json();
    let counts = ["replayed", "same", "changed", "not_comparable"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(counts, [9, 9, 0, 0], "{report}");
    assert_eq!(report["plugins"].as_array().unwrap().len(), 2);
    assert_eq!(everything(&gateway), before);
    // And from the gateway itself.
    let report = gateway.post("/v1/plugins/replay", &json!({ "last": 3 })).expect(200);
    assert_eq!((&report["replayed"], &report["same"]), (&json!(3), &json!(3)));
    assert_eq!(everything(&gateway), before);
    gateway.post("/v1/plugins/replay", &json!({ "last": 1_000_000 })).expect(422);
    gateway.post("/v1/plugins/replay", &json!({ "lost": 1 })).expect(422);
}

#[test]
fn what_other_plugins_would_do_differently_is_shown_message_by_message() {
    let gateway = busy();
    let candidate = std::fs::read_to_string(gateway.folder().join("test.toml")).unwrap().replace("$450", "$500");
    std::fs::write(gateway.folder().join("new.toml"), &candidate).unwrap();
    let report = replay(&gateway, &["--candidate", "new.toml"]).good().json();
    assert_eq!((&report["same"], &report["changed"]), (&json!(7), &json!(2)), "{report}");
    let changed = &report["messages"][0];
    assert_eq!((&changed["from"], &changed["text"]), (&json!(LUIS), &json!("¿precio?")));
    assert_eq!(changed["before"][0], json!({ "effect": "reply", "text": "Cuesta $450.", "media": [] }));
    assert_eq!(changed["after"][0], json!({ "effect": "reply", "text": "Cuesta $500.", "media": [] }));
    // For people, for one conversation, for a time that is over, and as a test of a change.
    let arguments = ["--config", "test.toml", "replay", "--candidate", "new.toml"];
    let text = run(gateway.folder(), &arguments, &[]).good().stdout;
    assert!(text.contains("  - reply \"Cuesta $450.\"\n  + reply \"Cuesta $500.\"\n"), "{text}");
    assert!(text.ends_with("9 messages replayed: 7 as before, 2 differently (22.2 %)\n"), "{text}");
    let conversation =
        gateway.messages().iter().find(|message| message["from"] == ANA).unwrap()["conversation_id"].clone();
    let of_ana = ["--candidate", "new.toml", "--conversation", conversation.as_str().unwrap()];
    assert_eq!(replay(&gateway, &of_ana).good().json()["changed"], 0);
    assert_eq!(replay(&gateway, &["--until", "2026-01-01T00:00:00Z"]).good().json()["replayed"], 0);
    let refused = replay(&gateway, &["--candidate", "new.toml", "--max-changed", "5%"]);
    assert_eq!(refused.code, Some(1));
    assert_eq!(replay(&gateway, &["--candidate", "new.toml", "--max-changed", "30%"]).code, Some(0));
    // What `recado dev` keeps needs no settings.
    std::fs::create_dir(gateway.folder().join("kept")).unwrap();
    let missing = run(gateway.folder(), &["replay", "--data", "kept"], &[]);
    assert!(
        missing.code == Some(1) && missing.stderr.contains("there is no database at kept/recado.db"),
        "{missing:?}"
    );
    // A component in place of another, and one that fails for all.
    let other = Plugin::that("obedient", Behaviour::Trap).install(gateway.folder());
    let report = replay(&gateway, &["--plugin", other["component"].as_str().unwrap()]).good().json();
    assert_eq!(report["changed"], 9, "{report}");
    let failed = json!({ "effect": "no-decision", "plugin": "obedient" });
    assert!(report["messages"].as_array().unwrap().iter().all(|message| message["after"][0] == failed), "{report}");
    let plugins = gateway.get("/v1/plugins").expect(200);
    assert!(plugins["items"].as_array().unwrap().iter().all(|plugin| plugin["failures"] == 0), "{plugins}");
}

#[test]
fn a_reload_that_would_change_too_much_is_refused() {
    let mut gateway = busy();
    let plain = Plugin::builtin("auto-reply").config(&json!({ "text": "Adiós" }));
    gateway.set_plugins(&[plain, Plugin::obedient()]);
    let trial = |max: f64| json!({ "after_replay": 100, "max_changed": max });
    let refused = gateway.post("/v1/plugins/reload", &trial(5.0)).expect(409);
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("9 messages replayed") && detail.contains("`recado replay` shows"), "{detail}");
    assert!(!detail.contains("Adiós") && !detail.contains("+52"), "the log has it, too: {detail}");
    assert_eq!(says(&gateway, "+529981122339", "hola"), "Gracias", "nothing was swapped");
    gateway.post("/v1/plugins/reload", &trial(101.0)).expect(422);
    gateway.post("/v1/plugins/reload", &json!({ "after_replay": 1_000_000 })).expect(422);
    let reloaded = gateway.post("/v1/plugins/reload", &trial(100.0)).expect(200);
    assert_eq!(reloaded["plugins"][0]["change"], "replaced");
    assert_eq!(says(&gateway, "+529981122340", "hola"), "Adiós");
    // Where the settings say so, every change is looked at.
    gateway.set_config("[plugin_files]\nafter_replay = 100\nmax_changed = 0.0");
    gateway.restart();
    gateway.set_plugins(&[Plugin::builtin("auto-reply").config(&json!({ "text": "Buenas" }))]);
    gateway.post("/v1/plugins/reload", &Value::Null).expect(409);
}
