//! Plugins come and go while the gateway runs.

use std::sync::atomic::{AtomicBool, Ordering};

use recado_tests::{Behaviour, Plugin, TestGateway, form, wait_for};
use serde_json::{Value, json};

use super::message_sid;

const ONE: &str = "la primera";
const OTHER: &str = "la segunda";

/// How often plugins are reloaded under load: enough for the usual run, or as many as asked for.
#[expect(clippy::disallowed_methods, reason = "how long a test runs is no setting")]
fn rounds() -> u32 {
    std::env::var("RECADO_TEST_RELOADS").ok().and_then(|count| count.parse().ok()).unwrap_or(40)
}

fn answers(gateway: &TestGateway, from: &str) -> (u16, String) {
    let answer = gateway.signed_webhook("sms/inbound", &form(&message_sid(), from, "Hola"));
    (answer.status(), answer.text())
}

/// Two plugins of one component: both replies to a message are of the same version.
#[test]
fn a_reload_under_load_fails_no_webhook_and_mixes_no_versions() {
    let gateway = TestGateway::builder()
        .plugin(Plugin::that("first", Behaviour::Reply(ONE)))
        .plugin(Plugin::that("second", Behaviour::Reply(ONE)))
        .start();
    let done = AtomicBool::new(false);
    let seen: Vec<(u16, String)> = std::thread::scope(|scope| {
        let (gateway, done) = (&gateway, &done);
        let texting: Vec<_> = (0..4)
            .map(|phone| {
                scope.spawn(move || {
                    let from = format!("+52998700{phone:04}");
                    let mut seen = Vec::new();
                    while !done.load(Ordering::Relaxed) {
                        seen.push(answers(gateway, &from));
                    }
                    seen
                })
            })
            .collect();
        for round in 0..rounds() {
            let text = if round % 2 == 0 { OTHER } else { ONE };
            for name in ["first", "second"] {
                Plugin::that(name, Behaviour::Reply(text)).install(gateway.folder());
            }
            let reloaded = gateway.post("/v1/plugins/reload", &Value::Null).expect(200);
            let changes: Vec<_> = reloaded["plugins"].as_array().unwrap().iter().map(|p| &p["change"]).collect();
            assert_eq!(changes, ["replaced", "replaced"]);
        }
        done.store(true, Ordering::Relaxed);
        texting.into_iter().flat_map(|texting| texting.join().unwrap()).collect()
    });
    let mut versions = [0, 0];
    for (status, text) in seen {
        assert_eq!(status, 200, "{text}");
        let counts = [ONE, OTHER].map(|version| text.matches(&format!("<Body>{version}</Body>")).count());
        match counts {
            [2, 0] => versions[0] += 1,
            [0, 2] => versions[1] += 1,
            _ => panic!("{text}"),
        }
    }
    assert!(versions.iter().all(|count| *count > 0), "{versions:?}");
}

#[test]
fn a_component_put_into_the_folder_is_a_plugin_and_a_broken_one_changes_nothing() {
    let gateway = TestGateway::builder().no_plugins().start();
    let folder = gateway.folder().join("data/plugins");
    std::fs::create_dir_all(&folder).unwrap();
    assert_eq!(gateway.get("/v1/plugins").expect(200)["items"], json!([]));
    Plugin::that("greeter", Behaviour::Reply(ONE)).install(&folder);
    let plugin = wait_for("the plugin in the folder", || {
        let plugins = gateway.get("/v1/plugins").expect(200);
        plugins["items"].as_array()?.first().cloned()
    });
    assert_eq!(
        (&plugin["name"], &plugin["version"], &plugin["state"]),
        (&json!("greeter"), &json!("1.0.0"), &json!("active"))
    );
    assert_eq!(plugin["digest"].as_str().map(str::len), Some(64));
    assert_eq!(plugin["hooks"], json!({ "inbound": true, "outbound": false, "status": false, "timer": false }));
    assert!(answers(&gateway, "+529981122334").1.contains(ONE));
    std::fs::write(folder.join("broken.wasm"), "no component").unwrap();
    let refused = gateway.post("/v1/plugins/reload", &Value::Null).expect(422);
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("the plugin `broken`") && detail.contains("stay in force"), "{detail}");
    assert!(answers(&gateway, "+529981122334").1.contains(ONE));
    let listed = gateway.get("/v1/plugins").expect(200);
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["items"][0]["calls"], 2);
}

#[test]
fn a_plugin_that_fails_for_everybody_is_left_alone_and_named() {
    let gateway = TestGateway::builder()
        .plugin(Plugin::that("traps", Behaviour::Trap))
        .plugin(Plugin::that("answers", Behaviour::Reply(ONE)))
        .allow_errors()
        .start();
    for number in 0..6 {
        assert!(answers(&gateway, &format!("+52998800{number:04}")).1.contains(ONE));
    }
    let plugins = gateway.get("/v1/plugins").expect(200);
    let traps = &plugins["items"][0];
    assert_eq!((&traps["state"], &traps["calls"], &traps["failures"]), (&json!("tripped"), &json!(5), &json!(5)));
    assert!(traps["last_failure"].as_str().unwrap().starts_with("it trapped"), "{traps}");
    assert!(traps["tripped_until"].is_string());
    let named = |line: &Value| line["plugin"] == "traps" && line["level"] == "ERROR";
    wait_for("a line in the log", || gateway.log().lines().into_iter().find(named));
}
