//! Writing a plugin, as far as that needs no compiler: a new folder, checking, calling, testing.

use std::path::Path;

use recado_tests::{Ran, folder, run};
use serde_json::json;

/// The plugin that does what the messages say.
const OBEDIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/harness/obedient.wasm");

/// What is compiled is kept from test to test.
fn recado(folder: &Path, arguments: &[&str]) -> Ran {
    run(folder, &[&["plugin"], arguments].concat(), &[("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"))])
}

#[test]
fn a_new_plugin_has_all_that_it_needs_and_nothing_is_written_over() {
    let folder = folder();
    let begun = recado(folder.path(), &["new", "my-plugin", "--lang", "rust", "--json"]).good().json();
    assert_eq!(begun["language"], "rust");
    let read = |path: &str| std::fs::read_to_string(folder.path().join("my-plugin").join(path)).unwrap();
    assert!(read("Cargo.toml").contains("path = \"vendor/recado-sdk\""));
    assert!(read("vendor/recado-sdk/src/lib.rs").contains("Write [Recado]"));
    assert!(read("src/lib.rs").contains("Manifest::new(\"my-plugin\""));
    assert!(read("wit/plugin.wit").contains("package recado:plugin@"));
    let people = recado(folder.path(), &["new", "other", "--lang", "js"]).good().stdout;
    assert!(people.contains("npm install") && people.contains("recado plugin test"), "{people}");
    let again = recado(folder.path(), &["new", "other", "--lang", "python"]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("other is there already"), "{again:?}");
    let named = recado(folder.path(), &["new", "My_Plugin", "--lang", "c"]);
    assert_eq!(named.code, Some(2));
    assert!(named.stderr.contains("as in `my-plugin`"), "{named:?}");
}

#[test]
fn what_is_missing_for_a_build_is_said() {
    let folder = folder();
    recado(folder.path(), &["new", "mine", "--lang", "js"]).good();
    let ran = recado(&folder.path().join("mine"), &["build"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("npm install --save-dev componentize-qjs"), "{ran:?}");
    let ran = recado(folder.path(), &["build"]);
    assert!(ran.stderr.contains("holds no plugin") && ran.stderr.contains("recado plugin new"), "{ran:?}");
    let ran = recado(&folder.path().join("mine"), &["run", "--text", "hola"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("recado plugin build"), "{ran:?}");
}

#[test]
fn check_tells_what_a_component_is_and_what_is_wrong_with_it() {
    let folder = folder();
    let told = recado(folder.path(), &["check", OBEDIENT, "--json"]).good().json();
    assert_eq!((&told["ok"], &told["name"], &told["wasi"]), (&json!(true), &json!("obedient"), &json!(false)));
    assert_eq!(told["hooks"], json!({ "inbound": true, "outbound": true, "status": true, "timer": true }));
    assert!(told["imports"].as_array().unwrap().contains(&json!("recado:plugin/state@0.1.0")));
    assert!(told["compile_ms"].is_u64() && told["bytes"].as_u64() > Some(10_000), "{told}");
    let people = recado(folder.path(), &["check", "builtin:auto-reply"]).good().stdout;
    assert!(people.contains("auto-reply") && people.contains("it is a plugin for recado:plugin@0.1.0"), "{people}");

    let wrong = |name: &str, wat: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, wat::parse_str(wat).unwrap()).unwrap();
        let ran = recado(folder.path(), &["check", name, "--json"]);
        assert_eq!((ran.code, &ran.json()["ok"]), (Some(1), &json!(false)), "{ran:?}");
        ran.json()["problems"][0].as_str().unwrap().to_owned()
    };
    let newer = wrong("newer.wasm", "(component (import \"recado:plugin/moon@0.9.0\" (instance)))");
    assert!(newer.contains("built for recado:plugin@0.9.0; this gateway offers recado:plugin@0.1.0"), "{newer}");
    assert!(newer.contains("`recado:plugin/moon@0.9.0`"), "{newer}");
    let module = wrong("module.wasm", "(module)");
    assert!(module.contains("core module") && module.contains("recado plugin build"), "{module}");
}

#[test]
fn run_calls_the_component_and_shows_what_it_decides() {
    let folder = folder();
    let call = |arguments: &[&str]| {
        let common = ["run", OBEDIENT, "--at", "2026-08-03 12:00", "--from", "998 112 2334"];
        recado(folder.path(), &[&common, arguments].concat())
    };
    let commands = "say hola; tag new; assign ana; note city Cancun; remember key value; timer t 3600000 say later";
    let told = call(&["--text", commands, "--wait", "1h", "--json"]).good().json();
    let calls = told["calls"].as_array().unwrap();
    assert_eq!((&calls[0]["replies"][0]["text"], &calls[0]["person"]), (&json!("hola"), &json!("+529981122334")));
    assert_eq!((&calls[1]["hook"], &calls[1]["replies"][0]["text"]), (&json!("timer"), &json!("later")));
    let afterwards = &told["afterwards"];
    assert_eq!(afterwards["conversation"]["tags"], json!(["new"]));
    assert_eq!(afterwards["contact"]["attributes"], json!({ "city": "Cancun" }));
    assert_eq!(afterwards["state"]["conversation"], json!({ "key": "value" }));

    let people = call(&["--text", "count a", "--repeat", "3", "--state", "state.json"]).good().stdout;
    assert!(people.contains("reply \"a=3\"") && people.contains("remembered (global): a = \"3\""), "{people}");
    let people = call(&["--text", "count a", "--state", "state.json"]).good().stdout;
    assert!(people.contains("reply \"a=4\""), "it goes on: {people}");

    let out =
        |text: &str| call(&["--hook", "outbound", "--to", "998 112 2334", "--text", text, "--json"]).good().json();
    assert_eq!(out("[shout] hola")["calls"][0]["becomes"]["text"], "HOLA");
    assert_eq!(out("[refuse]")["calls"][0]["rejected"], "the text says so");
    let report = call(&["--status", "delivered", "--json"]).good().json();
    assert_eq!(report["afterwards"]["state"]["global"], json!({ "status delivered": "1" }));
    let timer = call(&["--timer", "t", "--payload", "say now", "--json"]).good().json();
    assert_eq!(timer["calls"][0]["replies"][0]["text"], "now");
}

#[test]
fn run_takes_the_settings_beside_the_component() {
    let folder = folder();
    let component = concat!(env!("CARGO_MANIFEST_DIR"), "/../plugins/auto-reply.wasm");
    std::fs::copy(component, folder.path().join("mine.wasm")).unwrap();
    std::fs::write(folder.path().join("mine.toml"), "[config]\ntext = \"Buenas.\"\n").unwrap();
    let people = recado(folder.path(), &["run", "--text", "hola"]).good().stdout;
    assert!(people.contains("reply \"Buenas.\""), "{people}");
    std::fs::write(folder.path().join("other.toml"), "[config]\ntexto = \"Buenas.\"\n").unwrap();
    let refused = recado(folder.path(), &["run", "--text", "hola", "--config", "other.toml"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("texto"), "{refused:?}");
    let none = recado(folder.path(), &["run", "--text", "hola", "--config", "none.toml"]);
    assert_eq!(none.code, Some(2));
    let silent = recado(folder.path(), &["run", "--timer", "t"]);
    assert_eq!(silent.code, Some(1));
    assert!(silent.stderr.contains("does not name the hook `timer`"), "{silent:?}");
}

#[test]
fn test_runs_cases_and_shows_each_difference() {
    let folder = folder();
    let cases = |text: &str| std::fs::write(folder.path().join("cases.toml"), text).unwrap();
    let head = format!("component = \"{OBEDIENT}\"\n[[case]]\nname = \"says what it is told\"\n");
    cases(&format!("{head}steps = [{{ receive = \"say hola\", replies = [\"hola\"] }}]\n"));
    let good = recado(folder.path(), &["test"]).good().stdout;
    assert!(good.contains("ok    says what it is told") && good.contains("1 passed, 0 failed"), "{good}");

    cases(&format!("{head}steps = [{{ receive = \"say hola\", replies = [\"adiós\"], tags = [\"a\"] }}]\n"));
    let ran = recado(folder.path(), &["test"]);
    assert_eq!(ran.code, Some(1));
    for words in
        ["FAIL  says", "step 1, receive \"say hola\": replies", "expected  \"adiós\"", "found     \"hola\"", ": tags"]
    {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    let told = recado(folder.path(), &["test", "--json"]).json();
    assert_eq!((&told["failed"], &told["cases"][0]["differences"][0]["what"]), (&json!(1), &json!("replies")));

    cases(&format!("{head}steps = [{{ receive = \"say hola\", replys = [] }}]\n"));
    let wrong = recado(folder.path(), &["test"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("cases.toml") && wrong.stderr.contains("replys"), "{wrong:?}");
}
