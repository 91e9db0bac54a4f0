//! How an operator brings plugins up to date and looks at them: by signal, by command, by pins.

use recado_tests::{Behaviour, Plugin, Ran, TestGateway, run, wait_for};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::plugin_hooks::says;

const ANA: &str = "+529981122334";

/// Nobody looks at the files but who is asked to.
fn gateway(text: &'static str) -> TestGateway {
    TestGateway::builder().config_toml("[plugin_files]\nwatch_s = 0").plugin(greeter(text)).start()
}

fn greeter(text: &'static str) -> Plugin {
    Plugin::that("greeter", Behaviour::Reply(text))
}

fn recado(gateway: &TestGateway, arguments: &[&str]) -> Ran {
    let url = gateway.url();
    let reach = ["--gateway", url.as_str(), "--key", gateway.key()];
    run(gateway.folder(), &[&["--config", "test.toml"], arguments, &reach].concat(), &[])
}

/// The SHA-256 of the greeter's component, and of the file as it is named.
fn digest(gateway: &TestGateway) -> (String, String) {
    let path = gateway.folder().join("greeter.wasm");
    (hex::encode(Sha256::digest(std::fs::read(&path).unwrap())), path.display().to_string())
}

#[test]
fn a_hang_up_reloads_and_what_cannot_be_loaded_changes_nothing() {
    let mut gateway =
        TestGateway::builder().config_toml("[plugin_files]\nwatch_s = 0").plugin(greeter("uno")).allow_errors().start();
    greeter("dos").install(gateway.folder());
    assert_eq!(says(&gateway, ANA, "hola"), "uno", "nobody has looked yet");
    gateway.process().hang_up();
    wait_for("the other text", || (says(&gateway, ANA, "hola") == "dos").then_some(()));
    let line = wait_for("a line in the log", || gateway.log().find("a plugin changed"));
    assert_eq!(
        (&line["plugin"], &line["why"], &line["change"]),
        (&json!("greeter"), &json!("SIGHUP"), &json!("Replaced"))
    );
    assert_eq!(line["digest"], digest(&gateway).0);

    std::fs::write(gateway.folder().join("greeter.wasm"), "no component").unwrap();
    gateway.process().hang_up();
    let refused =
        wait_for("the refusal", || gateway.log().find("the plugins were not reloaded; the ones before stay in force"));
    let reason = refused["error"].as_str().unwrap();
    assert!(reason.contains("the plugin `greeter`") && reason.contains("not a WebAssembly component"), "{reason}");
    assert_eq!(says(&gateway, ANA, "hola"), "dos");
}

#[test]
fn the_commands_show_and_reload_the_plugins_of_a_running_gateway() {
    let gateway = gateway("uno");
    assert_eq!(says(&gateway, ANA, "hola"), "uno");
    let listed = recado(&gateway, &["plugin", "list"]).good().stdout;
    let (_, file) = digest(&gateway);
    for part in ["greeter  test 1.0.0  active", file.as_str(), "hooks inbound, 1 calls, 0 failures"] {
        assert!(listed.contains(part), "{part:?} in {listed}");
    }
    let listed = recado(&gateway, &["--json", "plugin", "list"]).good().json();
    assert_eq!(listed["items"][0], gateway.get("/v1/plugins").expect(200)["items"][0]);

    assert_eq!(recado(&gateway, &["plugin", "reload"]).good().stdout.trim(), "unchanged  greeter 1.0.0");
    greeter("dos").install(gateway.folder());
    assert_eq!(recado(&gateway, &["plugin", "reload"]).good().stdout.trim(), "replaced   greeter 1.0.0");
    assert_eq!(says(&gateway, ANA, "hola"), "dos");

    std::fs::write(gateway.folder().join("greeter.wasm"), "no component").unwrap();
    let refused = recado(&gateway, &["plugin", "reload"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("the plugin `greeter`") && refused.stderr.contains("stay in force"), "{refused:?}");
    assert_eq!(says(&gateway, ANA, "hola"), "dos");
    let stranger = run(gateway.folder(), &["plugin", "list", "--gateway", &gateway.url(), "--key", "nobody's"], &[]);
    assert_eq!((stranger.code, stranger.stdout.as_str()), (Some(1), ""), "{stranger:?}");
}

/// What does harm before it has said what it is, or is nothing at all, never comes into force: not at a reload,
/// and not at a start.
#[test]
fn what_cannot_say_what_it_is_is_refused_and_named() {
    let mut gateway = gateway("uno");
    let swell = "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    let hostile = [
        (Some("unreachable"), "its trial call failed: it trapped: wasm `unreachable` instruction executed"),
        (Some("(loop $again (br $again))"), "its trial call failed: it took longer than its deadline of 5s"),
        (Some(swell), "its trial call failed: it wanted more memory than its limit of 16777216 bytes"),
        (None, "it can't be compiled: "),
    ];
    for (code, reason) in hostile {
        let plugin = Plugin::that("hostile", Behaviour::Describing(code.unwrap_or_default()));
        gateway.set_plugins(&[greeter("uno"), plugin]);
        let file = gateway.folder().join("hostile.wasm");
        if code.is_none() {
            // It begins as a component does, and is noise.
            let noise = (0..4_000_u32).map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()[0]);
            let bytes: Vec<u8> = b"\0asm\x0d\0\x01\0".iter().copied().chain(noise).collect();
            std::fs::write(&file, bytes).unwrap();
        }
        let names_it = |text: &str| {
            let file = file.display().to_string();
            [reason, "the plugin `hostile`", &file].iter().all(|part| text.contains(part))
        };
        let refused = gateway.post("/v1/plugins/reload", &Value::Null).expect(422);
        assert!(names_it(refused["detail"].as_str().unwrap()), "{refused}");
        assert_eq!(says(&gateway, ANA, "hola"), "uno", "what was in force still is");
        let ended = run(gateway.folder(), &["--config", "test.toml", "serve", "--listen", "127.0.0.1:0"], &[]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(names_it(&ended.stderr), "{ended:?}");
    }
    gateway.set_plugins(&[greeter("uno")]);
}

/// A component is the one that is pinned, at a reload and at a start.
#[test]
fn a_component_that_is_not_the_pinned_one_is_refused_with_both_hashes() {
    let mut gateway = gateway("uno");
    let (found, file) = digest(&gateway);
    gateway.set_plugins(&[greeter("uno").setting("sha256", found.to_uppercase())]);
    gateway.post("/v1/plugins/reload", &Value::Null).expect(200);
    let pin = "ab".repeat(32);
    gateway.set_plugins(&[greeter("uno").setting("sha256", pin.clone())]);
    let refused = gateway.post("/v1/plugins/reload", &Value::Null).expect(422);
    let names_all = |text: &str| [&file, &found, &pin, "the plugin `greeter`"].iter().all(|part| text.contains(*part));
    assert!(names_all(refused["detail"].as_str().unwrap()), "{refused}");
    assert_eq!(says(&gateway, ANA, "hola"), "uno", "what was in force still is");

    gateway.kill();
    let ended = run(gateway.folder(), &["--config", "test.toml", "serve", "--listen", "127.0.0.1:0"], &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(names_all(&ended.stderr), "{ended:?}");
    gateway.set_plugins(&[greeter("uno").setting("sha256", found)]);
    gateway.restart();
    assert_eq!(says(&gateway, ANA, "hola"), "uno");
}

/// So that one can tell afterwards which code decided.
#[test]
fn a_trace_names_the_version_and_the_component_that_decided() {
    let gateway = gateway("uno");
    let decided = |count: usize| {
        let messages = gateway.messages();
        let inbound: Vec<&Value> = messages.iter().filter(|message| message["direction"] == "inbound").collect();
        assert_eq!(inbound.len(), count);
        let path = format!("/v1/messages/{}/trace", inbound[count - 1]["id"].as_str().unwrap());
        gateway.get(&path).expect(200)["plugins"][0].clone()
    };
    let mut digests = Vec::new();
    for (count, text) in [(1, "uno"), (2, "dos")] {
        greeter(text).install(gateway.folder());
        gateway.post("/v1/plugins/reload", &Value::Null).expect(200);
        assert_eq!(says(&gateway, ANA, "hola"), text);
        let (listed, traced) = (gateway.get("/v1/plugins").expect(200)["items"][0].clone(), decided(count));
        assert_eq!((&traced["version"], &traced["digest"]), (&listed["version"], &listed["digest"]));
        assert_eq!(traced["version"], "1.0.0");
        assert_eq!(traced["digest"], digest(&gateway).0, "that of the file");
        digests.push(traced["digest"].clone());
    }
    assert_ne!(digests[0], digests[1]);
}
