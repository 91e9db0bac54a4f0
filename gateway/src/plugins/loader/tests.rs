//! Reloading: what changes, what stays, and what is refused.

use std::path::Path;
use std::sync::Mutex as Held;

use super::*;
use crate::plugins::chain::tests::{call, surroundings};
use crate::plugins::wasm::tests::guest::{Guest, TEXT, reply};

fn says(text: &'static str) -> Vec<u8> {
    Guest { text, ..Guest::running(reply(TEXT, text.len())) }.component()
}

/// A loader of the components in this folder, as they are when they are looked at.
async fn loader(folder: &Path, names: &Arc<Held<Vec<&'static str>>>) -> Loader {
    let (folder, names) = (folder.to_owned(), Arc::clone(names));
    let source = Box::new(move || {
        let names = names.lock().map_err(|error| error.to_string())?;
        let settings = names.iter().map(|name| Settings::from_file(&folder.join(format!("{name}.wasm"))));
        Ok(Wanted { settings: settings.collect(), files: Vec::new() })
    });
    Loader::start(Engine::new().unwrap(), source).await.unwrap()
}

async fn texts(loader: &Loader) -> Vec<String> {
    let plan = loader.in_force().chain().on_inbound(call("hola"), &surroundings()).await.outcome;
    plan.replies.into_iter().map(|reply| reply.text).collect()
}

fn changes(reloaded: &Reloaded) -> Vec<(&str, Change)> {
    reloaded.plugins.iter().map(|plugin| (plugin.name.as_str(), plugin.change)).collect()
}

#[tokio::test]
async fn a_reload_loads_what_changed_and_keeps_what_did_not() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("a.wasm", says("uno"));
    write("b.wasm", says("dos"));
    let names = Arc::new(Held::new(vec!["a", "b"]));
    let loader = loader(folder.path(), &names).await;
    assert_eq!(texts(&loader).await, ["uno", "dos"]);
    let kept = Arc::clone(&loader.plugins().await[0].1.health);
    write("b.wasm", says("tres"));
    let old = loader.in_force().chain();
    let reloaded = loader.reload().await.unwrap();
    assert_eq!(changes(&reloaded), [("a", Change::Unchanged), ("b", Change::Replaced)]);
    assert_eq!(texts(&loader).await, ["uno", "tres"]);
    assert!(Arc::ptr_eq(&kept, &loader.plugins().await[0].1.health), "what did not change goes on as it was");
    let plan = old.on_inbound(call("hola"), &surroundings()).await.outcome;
    assert_eq!(plan.replies[1].text, "dos", "whoever began with the old chain ends with it");
    write("c.wasm", says("cuatro"));
    *names.lock().unwrap() = vec!["c", "b"];
    let reloaded = loader.reload().await.unwrap();
    assert_eq!(changes(&reloaded), [("c", Change::Added), ("b", Change::Unchanged), ("a", Change::Removed)]);
    assert_eq!(texts(&loader).await, ["cuatro", "tres"]);
}

#[tokio::test]
async fn what_cannot_be_loaded_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("a.wasm", says("uno"));
    write("b.wasm", says("dos"));
    let names = Arc::new(Held::new(vec!["a", "b"]));
    let loader = loader(folder.path(), &names).await;
    write("a.wasm", says("otro"));
    write("b.wasm", b"no component".to_vec());
    let told = loader.reload().await.unwrap_err().to_string();
    assert!(told.contains("the plugin `b`") && told.contains("not a WebAssembly component"), "{told}");
    assert_eq!(texts(&loader).await, ["uno", "dos"]);
    *names.lock().unwrap() = vec!["a", "gone"];
    let told = loader.reload().await.unwrap_err().to_string();
    assert!(told.contains("gone.wasm"), "{told}");
    assert_eq!(texts(&loader).await, ["uno", "dos"]);
    *names.lock().unwrap() = vec!["a"];
    loader.reload().await.unwrap();
    assert_eq!(texts(&loader).await, ["otro"]);
}

#[tokio::test]
async fn a_component_that_is_pinned_is_no_other() {
    let bytes = says("uno");
    let settings = Settings::from_file(Path::new("a.wasm"));
    let found = load::digest(&settings, &bytes).unwrap();
    let pinned = Settings { sha256: Some("ab".repeat(32)), ..settings.clone() };
    let told = load::digest(&pinned, &bytes).unwrap_err().to_string();
    assert!(told.contains(&found) && told.contains("`sha256`"), "{told}");
    let pinned = Settings { sha256: Some(found.to_uppercase()), ..settings };
    assert_eq!(load::digest(&pinned, &bytes).unwrap(), found);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_is_loaded_once_it_has_settled() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wasm");
    std::fs::write(&path, says("uno")).unwrap();
    let loader = loader(folder.path(), &Arc::new(Held::new(vec!["a"]))).await;
    let (stop, stopping) = watch::channel(false);
    let watching = tokio::spawn(loader.clone().watch(Duration::from_secs(2), stopping));
    // Time that stands still passes while everybody waits.
    tokio::time::advance(Duration::from_secs(3)).await;
    std::fs::write(&path, says("dos y algo")).unwrap();
    while texts(&loader).await != ["dos y algo"] {
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    stop.send_replace(true);
    watching.await.unwrap();
}
