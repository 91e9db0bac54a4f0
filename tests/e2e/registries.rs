//! Plugins from an OCI registry: pinned, checked, kept, and never fetched while a message waits.

use recado_tests::{Answer, Behaviour, Builder, Plugin, Ran, Registry, TestGateway, digest, form, run, wait_for};
use serde_json::{Value, json};

use super::message_sid;

const ANA: &str = "+529981122335";

/// A component that answers with this text.
fn component(text: &'static str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let installed = Plugin::that("says", Behaviour::Reply(text)).install(folder.path());
    std::fs::read(installed["component"].as_str().unwrap()).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    digest(bytes).replace("sha256:", "")
}

fn builder(reference: &str, pin: &str) -> Builder {
    let plugin = format!("[[plugins]]\nname = \"says\"\ncomponent = \"{reference}\"\n{pin}\n");
    TestGateway::builder().config_toml(&format!("[plugin_files]\nfetched = \"kept\"\nwatch_s = 0\n{plugin}"))
}

fn pin(bytes: &[u8]) -> String {
    format!("sha256 = \"{}\"", sha256(bytes))
}

/// What the gateway says to a text.
fn said(gateway: &TestGateway) -> String {
    let answer = gateway.signed_webhook("sms/inbound", &form(&message_sid(), ANA, "hola"));
    assert_eq!(answer.status(), 200);
    answer.text()
}

/// Names another component in the settings, and reloads.
fn change(gateway: &TestGateway, registry: &Registry, name: &str, pin: &str) -> Answer {
    let path = gateway.folder().join("test.toml");
    let mut settings: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
    let plugin = settings["plugins"].as_array_mut().unwrap()[0].as_table_mut().unwrap();
    plugin.insert("component".to_owned(), registry.reference(name).into());
    plugin.insert("sha256".to_owned(), pin.into());
    std::fs::write(path, settings.to_string()).unwrap();
    gateway.post("/v1/plugins/reload", &Value::Null)
}

/// Checks settings with one plugin.
fn check(registry: &Registry, name: &str, more: &str) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let settings = format!(
        "[channels.sms]\naccount_sid = \"AC00000000000000000000000000000001\"\nauth_token = \"hush\"\n\
         [plugin_files]\nfetched = \"kept\"\n[[plugins]]\nname = \"says\"\ncomponent = \"{}\"\n{more}\n",
        registry.reference(name)
    );
    std::fs::write(folder.path().join("test.toml"), settings).unwrap();
    run(folder.path(), &["--config", "test.toml", "config", "check"], &[("REGISTRY_PASSWORD", "hush-hush")])
}

#[track_caller]
fn refused(ran: &Ran, words: &[&str]) {
    assert_eq!(ran.code, Some(2), "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{word:?} is not in {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("hush"), "{}", ran.stderr);
}

#[test]
fn a_pinned_plugin_is_fetched_once_and_starts_without_its_registry() {
    let registry = Registry::start();
    let (first, second) = (component("uno"), component("dos"));
    registry.push("team/says:1", &first);
    let mut gateway = builder(&registry.reference("team/says:1"), &pin(&first)).start();
    assert!(said(&gateway).contains("uno"));
    let expected = [
        "/v2/team/says/manifests/1".to_owned(),
        "/token".to_owned(),
        "/v2/team/says/manifests/1".to_owned(),
        format!("/v2/team/says/blobs/{}", digest(&first)),
        format!("/elsewhere/{}", digest(&first)),
    ];
    assert_eq!(registry.requests(), expected);
    let shown = gateway.get("/v1/plugins").expect(200)["items"][0].clone();
    assert_eq!(
        (&shown["component"], &shown["digest"]),
        (&json!(registry.reference("team/says:1")), &json!(sha256(&first)))
    );

    // The tag means something else by now: for this gateway it does not, and nobody is asked.
    registry.push("team/says:1", &second);
    gateway.post("/v1/plugins/reload", &Value::Null).expect(200);
    gateway.restart();
    assert!(said(&gateway).contains("uno"));
    assert_eq!(registry.requests(), expected);
    drop(registry);
    gateway.restart();
    assert!(said(&gateway).contains("uno"));
}

#[test]
fn a_reload_fetches_what_is_new_and_keeps_the_old_where_it_can_not() {
    let registry = Registry::start();
    let (first, second) = (component("uno"), component("dos"));
    registry.push("says:1", &first);
    let mut gateway = builder(&registry.reference("says:1"), &pin(&first)).start();
    assert!(said(&gateway).contains("uno"));
    let problem = change(&gateway, &registry, "says:2", &sha256(&second)).expect(422);
    assert!(problem["detail"].as_str().unwrap().contains("no such component"), "{problem}");
    assert!(said(&gateway).contains("uno"));
    registry.push("says:2", &second);
    let reloaded = change(&gateway, &registry, "says:2", &sha256(&second)).expect(200);
    assert_eq!(reloaded["plugins"][0]["change"], "replaced");
    wait_for("the new one", || said(&gateway).contains("dos").then_some(()));
    gateway.restart();
    assert!(said(&gateway).contains("dos"));
}

#[test]
fn nobody_waits_for_a_registry_that_says_nothing() {
    let registry = Registry::start();
    let (first, second) = (component("uno"), component("dos"));
    registry.push("says:1", &first);
    registry.push("says:2", &second);
    let gateway = builder(&registry.reference("says:1"), &pin(&first)).start();
    let before = registry.requests().len();
    registry.hold(true);
    std::thread::scope(|scope| {
        let reloading = scope.spawn(|| change(&gateway, &registry, "says:2", &sha256(&second)));
        wait_for("the question", || (registry.requests().len() > before).then_some(()));
        assert!(said(&gateway).contains("uno"));
        let shown = gateway.get("/v1/plugins").expect(200);
        assert_eq!(shown["items"][0]["digest"], sha256(&first).as_str());
        assert!(!reloading.is_finished());
        registry.hold(false);
        reloading.join().unwrap().expect(200);
    });
    assert!(said(&gateway).contains("dos"));
}

#[test]
fn a_digest_of_the_manifest_is_a_pin_as_well() {
    let registry = Registry::start();
    let first = component("uno");
    let manifest = registry.push("says:1", &first);
    let reference = registry.reference(&format!("says@{manifest}"));
    let mut gateway = builder(&reference, "").start();
    assert!(said(&gateway).contains("uno"));
    drop(registry);
    gateway.restart();
    assert!(said(&gateway).contains("uno"));
}

#[test]
fn what_is_not_what_was_named_is_refused() {
    let registry = Registry::start();
    let (first, second) = (component("uno"), component("dos"));
    let manifest = registry.push("says:1", &first);
    check(&registry, "says:1", &pin(&first)).good();
    check(&registry, &format!("says@{manifest}"), "").good();

    let remedy = format!("recado plugin fetch {}", registry.reference("says:1"));
    refused(&check(&registry, "says:1", ""), &["`plugins.says.sha256`", "must be pinned", &remedy]);
    refused(&check(&registry, "says:1", "sha256 = \"12\""), &["`plugins.says.sha256`", "64 hexadecimal digits"]);
    refused(&check(&registry, "Says:1", &pin(&first)), &["`plugins.says.component`", "oci://registry.example.com"]);
    // The tag has another one than is pinned: the message says which.
    refused(&check(&registry, "says:1", &pin(&second)), &[&sha256(&first), "by now"]);
    refused(&check(&registry, "says:9", &pin(&first)), &["no such component"]);

    // Of a Docker image nothing is taken, nor of what is too large, nor more than there should be.
    registry.push_as("image:1", "application/vnd.oci.image.layer.v1.tar+gzip", 4, b"hola");
    refused(&check(&registry, "image:1", &pin(b"hola")), &["no component in it", "tar+gzip"]);
    registry.push_as("large:1", "application/wasm", 67_108_865, &first);
    refused(&check(&registry, "large:1", &pin(&first)), &["67108865 bytes", "67108864 are the most"]);
    registry.push_as("longer:1", "application/wasm", 10, &first);
    refused(&check(&registry, "longer:1", &pin(&first)), &["more than the 10 bytes"]);
    // As earlier tools pushed them.
    registry.push_as("older:1", "application/vnd.wasm.content.layer.v1+wasm", first.len(), &first);
    check(&registry, "older:1", &pin(&first)).good();

    // Whatever the registry gives, only what was named is taken.
    let mut spoilt = first.clone();
    *spoilt.last_mut().unwrap() ^= 1;
    registry.spoil(&digest(&first), &spoilt);
    refused(&check(&registry, "says:1", &pin(&first)), &["other bytes than the component"]);
    registry.spoil(&manifest, br#"{"schemaVersion":2,"layers":[]}"#);
    refused(&check(&registry, &format!("says@{manifest}"), ""), &["other bytes than the manifest"]);
}

#[test]
fn a_registry_that_wants_to_know_who_asks_is_told() {
    let registry = Registry::of_user("robot", "hush-hush");
    let first = component("uno");
    registry.push("says:1", &first);
    let with = |user: &str, password: &str| {
        let access = format!("[plugins.registry]\nuser = \"{user}\"\npassword = \"{password}\"");
        check(&registry, "says:1", &format!("{}\n{access}", pin(&first)))
    };
    with("robot", "env:REGISTRY_PASSWORD").good();
    with("robot", "hush-hush").good();
    refused(&with("robot", "hush-wrong"), &["refused (401)", "registry.password"]);
    refused(&check(&registry, "says:1", &pin(&first)), &["refused (401)", "registry.user"]);
    refused(&with("robot", "env:NO_SUCH_PASSWORD"), &["`plugins.says.registry.password`", "NO_SUCH_PASSWORD"]);

    // One that has no tokens.
    let registry = Registry::by_password("robot", "hush-hush");
    registry.push("says:1", &first);
    let access = "[plugins.registry]\nuser = \"robot\"\npassword = \"env:REGISTRY_PASSWORD\"";
    check(&registry, "says:1", &format!("{}\n{access}", pin(&first))).good();
    refused(&check(&registry, "says:1", &pin(&first)), &["refused (401)"]);
}

#[test]
fn fetching_by_hand_says_how_to_pin() {
    let registry = Registry::start();
    let first = component("uno");
    registry.push("says:latest", &first);
    let folder = tempfile::tempdir().unwrap();
    let reference = registry.reference("says");
    let fetch = |more: &[&str]| run(folder.path(), &[&["plugin", "fetch", reference.as_str()], more].concat(), &[]);
    let told = fetch(&[]).good().stdout;
    let lines = format!("component = \"{}\"\n{}", registry.reference("says:latest"), pin(&first));
    assert!(told.contains(&lines), "{told}");
    let kept = folder.path().join("data/cache/components").join(sha256(&first));
    assert_eq!(std::fs::read(kept).unwrap(), first);
    let told = fetch(&["--json"]).good().json();
    assert_eq!((&told["sha256"], &told["bytes"]), (&json!(sha256(&first)), &json!(first.len())));
    assert_eq!(run(folder.path(), &["plugin", "fetch", "says:1"], &[]).code, Some(2));
    // By https alone, but on this machine.
    let ran = run(folder.path(), &["plugin", "fetch", "oci://127.0.0.1.example.invalid/says"], &[]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("can't be asked"), "{}", ran.stderr);
    drop(registry);
    assert!(fetch(&[]).stderr.contains("can't be asked: not sent"));
}
