//! The commands, as they are called.

use std::path::Path;

use recado_tests::{Ran, ScriptedProvider, Step, TestGateway, folder, run};
use serde_json::{Value, json};

const PHONES: &str = include_str!("../tables/phones.json");
const SEGMENTS: &str = include_str!("../tables/segments.json");

/// Some of a table's cases, spread over all of it: the tests of the rooms go through every one.
fn sample(table: &str, count: usize, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
    let table: Value = serde_json::from_str(table).unwrap();
    let cases: Vec<&Value> = table["cases"].as_array().unwrap().iter().filter(|case| wanted(case)).collect();
    let step = (cases.len() / count).max(1);
    cases.into_iter().step_by(step).take(count).cloned().collect()
}

/// Of the segments that Twilio's calculator counts.
pub(crate) fn segments_cases() -> Vec<Value> {
    sample(SEGMENTS, 25, |case| case["text"].is_string())
}

fn recado(arguments: &[&str]) -> Ran {
    run(&std::env::temp_dir(), arguments, &[])
}

#[test]
fn phone_agrees_with_googles_library() {
    let known = sample(PHONES, 7, |case| case["valid"] == true && case["today"].is_null());
    let former = sample(PHONES, 2, |case| case["today"].is_string());
    let not_valid = sample(PHONES, 2, |case| case["valid"] == false);
    for case in known.iter().chain(&former).chain(&not_valid) {
        let (input, region) = (case["input"].as_str().unwrap(), case["region"].as_str().unwrap_or("MX"));
        let ran = recado(&["phone", "--json", "--region", region, "--", input]);
        let (valid, said) = (case["valid"] == true, ran.json());
        assert_eq!(ran.code, Some(i32::from(!valid)), "{input:?} in {region}: {ran:?}");
        let mut keys = vec!["valid", "possible", "country", "kind"];
        keys.extend(valid.then_some(["e164", "national", "international"]).into_iter().flatten());
        for key in keys {
            assert_eq!(said[key], case[key], "{key} of {input:?} in {region}: {said}");
        }
        assert_eq!(said["input"], input);
    }
    for case in sample(PHONES, 2, |case| case["error"].is_string()) {
        let input = case["input"].as_str().unwrap();
        let ran = recado(&["phone", "--json", "--region", case["region"].as_str().unwrap_or("MX"), "--", input]);
        assert_eq!((ran.code, &ran.json()["valid"]), (Some(1), &json!(false)), "{input:?}: {ran:?}");
    }
}

#[test]
fn phone_speaks_to_people_in_their_language() {
    let good = recado(&["phone", "998 316 2438"]).good();
    assert!(good.stdout.starts_with("+529983162438\n") && good.stdout.contains("998 316 2438"), "{good:?}");
    for (locale, expected) in [("es", "Al número le faltan dígitos."), ("en", "The number is too short.")] {
        let ran = recado(&["phone", "--locale", locale, "998 112"]);
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains(expected), "{ran:?}");
    }
}

#[test]
fn segments_agrees_with_twilios_calculator() {
    // An argument can't hold a NUL character.
    for case in sample(SEGMENTS, 25, |case| case["text"].as_str().is_some_and(|text| !text.contains('\0'))) {
        let text = case["text"].as_str().unwrap();
        let said = recado(&["segments", "--json", "--", text]).good().json();
        let keys = ["encoding", "segments", "units", "units_per_segment", "remaining", "characters", "non_gsm"];
        for key in keys {
            assert_eq!(said[key], case[key], "{key} of {text:?}");
        }
    }
    let people = recado(&["segments", "Mañana"]).good().stdout;
    assert!(people.starts_with("1 segment(s), GSM-7"), "{people}");
}

#[test]
fn a_wrong_call_ends_with_2_and_says_how_it_is_right() {
    let folder = folder();
    let cases: [(&[&str], &str); 6] = [
        (&[], "Usage"),
        (&["fly"], "unrecognized subcommand"),
        (&["phone"], "<NUMBER>"),
        (&["phone", "--colour", "red", "1"], "unexpected argument"),
        (&["key", "revoke", "nonsense"], "invalid value"),
        (&["send", "--to", "998 112 2334", "--text", "Hola"], "recado key create"),
    ];
    for (arguments, expected) in cases {
        let ran = run(folder.path(), arguments, &[]);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(expected), "{arguments:?}: {ran:?}");
    }
    assert!(run(folder.path(), &["--help"], &[]).good().stdout.contains("recado"));
    assert_eq!(
        run(folder.path(), &["--version"], &[]).good().stdout,
        format!("recado {}\n", env!("CARGO_PKG_VERSION"))
    );
}

/// A command on a database of its own.
fn on_database(folder: &Path, arguments: &[&str]) -> Ran {
    let url = format!("sqlite://{}", folder.join("deep/er/recado.db").display());
    let arguments: Vec<&str> = [&["--json"], arguments].concat();
    run(folder, &arguments, &[("RECADO_DATABASE__URL", &url)])
}

#[test]
fn migrations_go_up_and_down() {
    let folder = folder();
    let applied = |ran: Ran| -> Vec<bool> {
        ran.good().json()["steps"].as_array().unwrap().iter().map(|step| step["applied"] == true).collect()
    };
    let before = applied(on_database(folder.path(), &["migrate", "status"]));
    assert!(before.len() >= 3 && before.iter().all(|applied| !applied), "{before:?}");
    let all = vec![true; before.len()];
    assert_eq!(applied(on_database(folder.path(), &["migrate", "up"])), all);
    assert_eq!(applied(on_database(folder.path(), &["migrate", "up"])), all, "again changes nothing");
    let mut one_less = all.clone();
    one_less.pop();
    one_less.push(false);
    assert_eq!(applied(on_database(folder.path(), &["migrate", "down"])), one_less);
    assert_eq!(applied(on_database(folder.path(), &["migrate", "status"])), one_less);
    let count = (before.len() - 1).to_string();
    assert_eq!(applied(on_database(folder.path(), &["migrate", "down", "--steps", &count])), before);
    assert_eq!(applied(on_database(folder.path(), &["migrate", "up"])), all);
}

#[test]
fn keys_are_made_shown_once_listed_and_revoked() {
    let folder = folder();
    let made = on_database(folder.path(), &["key", "create", "--name", "web"]).good().json();
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    assert!(key.starts_with("recado_") && key.len() > 40, "{key}");
    on_database(folder.path(), &["key", "create", "--name", "shop"]).good();

    let list = || on_database(folder.path(), &["key", "list"]).good();
    let listed = list();
    assert!(!listed.stdout.contains(key), "never shown again");
    let names: Vec<Value> = listed.json().as_array().unwrap().iter().map(|key| key["name"].clone()).collect();
    assert_eq!(names, ["web", "shop"]);
    on_database(folder.path(), &["key", "revoke", id]).good();
    let after = list().json();
    assert!(after[0]["revoked_at"].is_string() && after[1]["revoked_at"].is_null(), "{after}");
    for id in [id, "0192f3a4-5b6c-7d8e-9f00-112233445566"] {
        let again = on_database(folder.path(), &["key", "revoke", id]);
        assert_eq!(again.code, Some(1));
        assert!(again.stderr.contains("recado key list"), "{again:?}");
    }
}

#[test]
fn send_sends_waits_and_tells() {
    let gateway = TestGateway::builder().no_plugins().start();
    let url = gateway.url();
    let call = |arguments: &[&str]| {
        let common = ["send", "--gateway", &url, "--key", gateway.key(), "--json"];
        run(gateway.folder(), &[&common, arguments].concat(), &[])
    };
    let sent = call(&["--to", "998 112 2334", "--text", "-Hola-", "--wait"]).good().json();
    let message = gateway.message(sent["id"].as_str().unwrap());
    assert_eq!((&message["text"], &message["to"]), (&json!("-Hola-"), &json!("+529981122334")));
    assert_eq!((&sent["provider_id"], &sent["segments"]), (&message["provider_id"], &json!(1)));
    assert!(sent["provider_id"].is_string() && sent["status"] != "pending", "{sent}");
    let quick = call(&["--to", "998 112 2334", "--text", "a", "--media", "https://example.com/a.png"]).good().json();
    assert_eq!(gateway.message(quick["id"].as_str().unwrap())["media"][0]["url"], "https://example.com/a.png");

    let lost = call(&["--to", "998 112 1610", "--text", "Hola", "--wait"]);
    assert_eq!((lost.code, &lost.json()["error_code"]), (Some(1), &json!(21610)), "{lost:?}");
    let refused = call(&["--to", "hola", "--text", "Hola"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("422") && refused.stderr.contains("Escríbelo"), "{refused:?}");
    let wrong_key = run(
        gateway.folder(),
        &["send", "--gateway", &url, "--to", "998 112 2334", "--text", "a"],
        &[("RECADO_API_KEY", "recado_wrong")],
    );
    assert_eq!(wrong_key.code, Some(1));
    assert!(wrong_key.stderr.contains("401"), "{wrong_key:?}");
    let nobody = run(
        gateway.folder(),
        &["send", "--gateway", "http://127.0.0.1:1", "--key", "k", "--to", "998 112 2334", "--text", "a"],
        &[],
    );
    assert_eq!(nobody.code, Some(1));
    assert!(nobody.stderr.contains("127.0.0.1:1"), "{nobody:?}");
}

#[test]
fn send_fails_when_nobody_knows_whether_it_was_sent() {
    let provider = ScriptedProvider::start([Step::Cut]);
    let gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let arguments =
        ["send", "--gateway", &gateway.url(), "--key", gateway.key(), "--to", "998 112 2334", "--text", "a"];
    let ran = run(gateway.folder(), &[&arguments[..], &["--wait", "--json"]].concat(), &[]);
    assert_eq!((ran.code, &ran.json()["status"]), (Some(1), &json!("unknown")), "{ran:?}");
}

#[test]
fn a_look_into_a_folder_without_a_database_makes_none() {
    let folder = folder();
    for arguments in [&["audit"][..], &["key", "list"], &["user", "list"], &["store", "retention"]] {
        let ran = run(folder.path(), arguments, &[("RECADO_DATABASE__URL", "sqlite://kept/recado.db")]);
        assert!(ran.code == Some(1) && ran.stderr.contains("there is no database at kept/recado.db"), "{ran:?}");
    }
    assert!(!folder.path().join("kept").exists());
}

#[test]
fn a_look_into_a_database_of_an_older_version_leaves_it_so() {
    let folder = folder();
    on_database(folder.path(), &["migrate", "up"]).good();
    let before = on_database(folder.path(), &["migrate", "down"]).good().json();
    let missing = before["steps"].as_array().unwrap().last().unwrap()["name"].as_str().unwrap();
    for arguments in [&["audit"][..], &["key", "list"], &["user", "list"], &["store", "retention"]] {
        let ran = on_database(folder.path(), arguments);
        assert!(ran.code == Some(1) && ran.stderr.contains(missing), "{ran:?}");
        assert!(ran.stderr.contains("recado migrate up"), "{ran:?}");
    }
    assert_eq!(on_database(folder.path(), &["migrate", "status"]).good().json(), before);
    on_database(folder.path(), &["migrate", "up"]).good();
    on_database(folder.path(), &["audit"]).good();
}
