//! Reloading: what changes, what stays, and what is refused.

use std::path::Path;
use std::sync::Mutex as Held;

use serde_json::json;

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
    let nothing = Box::new(|| Box::pin(async { Ok(BTreeMap::new()) }) as BoxFuture<'static, _>);
    Loader::start(Engine::new().unwrap(), source, nothing).await.unwrap()
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

#[tokio::test(start_paused = true)]
async fn settings_that_can_not_be_read_are_not_tried_at_every_look() {
    let folder = tempfile::tempdir().unwrap();
    let (path, settings) = (folder.path().join("a.wasm"), folder.path().join("settings"));
    std::fs::write(&path, says("uno")).unwrap();
    std::fs::write(&settings, "good").unwrap();
    let asked = Arc::new(Held::new(0_usize));
    let (counted, read) = (Arc::clone(&asked), settings.clone());
    let source = Box::new(move || {
        *counted.lock().unwrap() += 1;
        let is_good = std::fs::read_to_string(&read).unwrap() == "good";
        let wanted = Wanted { settings: vec![Settings::from_file(&path)], files: vec![read.clone()] };
        if is_good { Ok(wanted) } else { Err("a typo".to_owned()) }
    });
    let nothing = Box::new(|| Box::pin(async { Ok(BTreeMap::new()) }) as BoxFuture<'static, _>);
    let loader = Loader::start(Engine::new().unwrap(), source, nothing).await.unwrap();
    std::fs::write(&settings, "not so good").unwrap();
    *asked.lock().unwrap() = 0;
    let (_stop, stopping) = watch::channel(false);
    let watching = loader.watch(Duration::from_secs(2), stopping);
    tokio::time::timeout(Duration::from_secs(121), watching).await.unwrap_err();
    // Once for each look, and once for each try.
    let tries = *asked.lock().unwrap() - 60;
    assert!((3..=6).contains(&tries), "{tries} tries in two minutes");
}

/// Fails as often as it is told to.
fn fails(times: &Held<usize>) -> Result<(), String> {
    let mut times = times.lock().unwrap();
    let left = times.checked_sub(1);
    *times = left.unwrap_or(0);
    left.map_or(Ok(()), |_| Err("the database is away".to_owned()))
}

#[tokio::test(start_paused = true)]
async fn what_changes_while_the_database_is_away_is_loaded_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wasm");
    std::fs::write(&path, says("uno")).unwrap();
    let [kept, looked_at] = [(), ()].map(|()| Arc::new(Held::new(0_usize)));
    let (read, file) = (Arc::clone(&kept), path.clone());
    let source = Box::new(move || Ok(Wanted { settings: vec![Settings::from_file(&file)], files: Vec::new() }));
    let keeping = Box::new(move || {
        let kept = fails(&read).map(|()| BTreeMap::new());
        Box::pin(async { kept }) as BoxFuture<'static, _>
    });
    let loader = Loader::start(Engine::new().unwrap(), source, keeping).await.unwrap();
    let look = Arc::clone(&looked_at);
    loader.checked_by(Arc::new(move |_| {
        let looked = fails(&look).map_err(Objection::Away);
        Box::pin(async { looked })
    }));
    let (_stop, stopping) = watch::channel(false);
    tokio::spawn(loader.clone().watch(Duration::from_secs(2), stopping));
    for (away, text) in [(kept, "dos y algo"), (looked_at, "tres y algo más")] {
        *away.lock().unwrap() = 1;
        std::fs::write(&path, says(text)).unwrap();
        let loading = async {
            while texts(&loader).await != [text] {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), loading).await.expect(text);
        assert_eq!(*away.lock().unwrap(), 0);
    }
}

/// What is kept of a plugin's configuration, as a test has it.
type Keeps = Arc<Held<BTreeMap<String, Kept>>>;

/// A loader of one component `a`, with what is kept.
async fn keeping(folder: &Path, kept: &Keeps) -> Result<Loader, ReloadError> {
    let (path, kept) = (folder.join("a.wasm"), Arc::clone(kept));
    let source = Box::new(move || {
        let settings = Settings { config: json!({ "n": 1 }), ..Settings::from_file(&path) };
        Ok(Wanted { settings: vec![settings], files: Vec::new() })
    });
    let keeping = Box::new(move || {
        let kept = kept.lock().map(|kept| kept.clone()).map_err(|error| error.to_string());
        Box::pin(async { kept }) as BoxFuture<'static, _>
    });
    Loader::start(Engine::new().unwrap(), source, keeping).await
}

fn keep(kept: &Keeps, version: u32, config: Option<Value>) {
    kept.lock().unwrap().insert("a".to_owned(), Kept { version, config });
}

async fn in_force(loader: &Loader) -> (Value, bool, u32) {
    let Configured { config, origin, version, .. } = loader.configured("a").await.unwrap();
    (config["n"].clone(), origin == ConfigOrigin::Kept, version)
}

async fn goes_by(loader: &Loader, version: u32) -> bool {
    loader.goes_by(&BTreeMap::from([("a".to_owned(), version)])).await
}

fn limited(schema: &'static str) -> Vec<u8> {
    Guest { schema, ..Guest::running(reply(TEXT, 4)) }.component()
}

const TO_TEN: &str = r#"{"properties":{"n":{"maximum":10}}}"#;
const TO_FIVE: &str = r#"{"properties":{"n":{"maximum":5}}}"#;

#[tokio::test]
async fn what_is_kept_stands_in_the_place_of_what_the_settings_say() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.wasm"), limited(TO_TEN)).unwrap();
    let kept = Keeps::default();
    let loader = keeping(folder.path(), &kept).await.unwrap();
    assert_eq!(in_force(&loader).await, (json!(1), false, 0));
    keep(&kept, 1, Some(json!({ "n": 7 })));
    assert!(!goes_by(&loader, 1).await);
    loader.take_up().await.unwrap();
    assert!(goes_by(&loader, 1).await);
    assert_eq!(in_force(&loader).await, (json!(7), true, 1));
    assert_eq!(changes(&loader.reload().await.unwrap()), [("a", Change::Unchanged)], "a reload changes nothing of it");
    assert_eq!(in_force(&loader).await, (json!(7), true, 1));
    // What does not fit leaves it as it was.
    keep(&kept, 2, Some(json!({ "n": 70 })));
    assert!(loader.take_up().await.is_err() && loader.reload().await.is_err());
    assert_eq!((in_force(&loader).await, goes_by(&loader, 2).await), ((json!(7), true, 1), false));
    keep(&kept, 3, None);
    loader.take_up().await.unwrap();
    assert_eq!(in_force(&loader).await, (json!(1), false, 3));
    keep(&kept, 4, Some(json!({ "n": 9 })));
    let again = keeping(folder.path(), &kept).await.unwrap();
    assert_eq!(in_force(&again).await, (json!(9), true, 4), "at a start, too");
}

#[tokio::test]
async fn what_is_kept_and_does_not_fit_any_more_keeps_nothing_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let write = |schema| std::fs::write(folder.path().join("a.wasm"), limited(schema)).unwrap();
    write(TO_TEN);
    let kept = Keeps::default();
    keep(&kept, 1, Some(json!({ "n": 7 })));
    let loader = keeping(folder.path(), &kept).await.unwrap();
    write(TO_FIVE);
    let told = loader.reload().await.unwrap_err().to_string();
    assert!(told.contains("DELETE /v1/plugins/a/config") && told.contains("`config/n`"), "{told}");
    assert_eq!(in_force(&loader).await, (json!(7), true, 1), "what runs goes on");

    let started = keeping(folder.path(), &kept).await.unwrap();
    let Configured { config, origin, .. } = started.configured("a").await.unwrap();
    let ConfigOrigin::Unfit(problem) = origin else { panic!("{origin:?}") };
    assert!(problem.contains("`config/n`"), "{problem}");
    assert_eq!(config, json!({ "n": 1 }));
    started.reload().await.unwrap();
    keep(&kept, 2, Some(json!({ "n": 2 })));
    started.take_up().await.unwrap();
    assert_eq!(in_force(&started).await, (json!(2), true, 2));
}

#[tokio::test]
async fn a_config_is_looked_at_before_it_is_anybodys() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.wasm"), limited(TO_TEN)).unwrap();
    let loader = keeping(folder.path(), &Keeps::default()).await.unwrap();
    let refused = loader.with_config("a", Some(json!({ "n": 11 }))).await.err().unwrap();
    let NotConfigured::Misfits(misfits) = refused else { panic!("{refused:?}") };
    assert_eq!((misfits.len(), misfits[0].pointer.as_str()), (1, "/n"));
    assert!(matches!(loader.with_config("b", None).await.err().unwrap(), NotConfigured::Unknown));
    for config in [None, Some(json!({ "n": 10 }))] {
        assert_eq!(loader.with_config("a", config).await.unwrap().links().len(), 1);
    }
    assert_eq!(in_force(&loader).await, (json!(1), false, 0), "nothing is in force by that");
}

#[tokio::test]
async fn a_config_that_somebody_only_tries_is_still_to_be_put_in_force() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.wasm"), limited(TO_TEN)).unwrap();
    let kept = Keeps::default();
    keep(&kept, 1, Some(json!({ "n": 7 })));
    let loader = keeping(folder.path(), &kept).await.unwrap();
    keep(&kept, 2, Some(json!({ "n": 9 })));
    loader.candidate().await.unwrap();
    assert_eq!((goes_by(&loader, 1).await, goes_by(&loader, 2).await), (true, false));
    let refusing: Check = Arc::new(|_| Box::pin(async { Err(Objection::Refused("no".to_owned())) }));
    assert!(matches!(loader.reload_if(Some(refusing)).await, Err(ReloadError::Refused(_))));
    assert!(!goes_by(&loader, 2).await, "nor by one that was refused");
    loader.take_up().await.unwrap();
    assert_eq!((in_force(&loader).await, goes_by(&loader, 2).await), ((json!(9), true, 2), true));
    let gone = BTreeMap::from([("a".to_owned(), 2), ("gone".to_owned(), 5)]);
    assert!(loader.goes_by(&gone).await, "what is kept of a plugin that there is not is nothing to put in force");
}

/// What a look at changes does itself before it says yes, each time.
fn doing(act: impl Fn(usize) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> (Check, Arc<Held<usize>>) {
    let looks = Arc::new(Held::new(0));
    let counted = Arc::clone(&looks);
    let check: Check = Arc::new(move |_| {
        let look = {
            let mut looks = counted.lock().unwrap();
            *looks += 1;
            *looks
        };
        let acting = act(look);
        Box::pin(async move {
            acting.await;
            Ok(())
        })
    });
    (check, looks)
}

#[tokio::test]
async fn what_is_put_in_force_while_a_change_is_looked_at_is_not_put_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wasm");
    std::fs::write(&path, says("uno")).unwrap();
    let loader = loader(folder.path(), &Arc::new(Held::new(vec!["a"]))).await;
    std::fs::write(&path, says("dos")).unwrap();
    let (other, there) = (loader.clone(), path.clone());
    let (check, looks) = doing(move |look| {
        let (other, there) = (other.clone(), there.clone());
        Box::pin(async move {
            if look == 1 {
                std::fs::write(&there, says("tres")).unwrap();
                other.reload_if(None).await.unwrap();
            }
        })
    });
    let reloaded = loader.reload_if(Some(check)).await.unwrap();
    assert_eq!((texts(&loader).await, changes(&reloaded)), (vec!["tres".to_owned()], vec![("a", Change::Unchanged)]));
    assert_eq!(*looks.lock().unwrap(), 1, "what is in force already is not looked at");

    // Who changes something each time is not waited for.
    std::fs::write(&path, says("cuatro")).unwrap();
    let other = loader.clone();
    let (check, looks) = doing(move |look| {
        let (other, path) = (other.clone(), path.clone());
        Box::pin(async move {
            let texts = ["cinco", "seis"];
            std::fs::write(&path, says(texts[look % 2])).unwrap();
            other.reload_if(None).await.unwrap();
            std::fs::write(&path, says("siete")).unwrap();
        })
    });
    assert!(matches!(loader.reload_if(Some(check)).await, Err(ReloadError::Overtaken)));
    assert_eq!((texts(&loader).await, *looks.lock().unwrap()), (vec!["seis".to_owned()], LOOKS));
}

#[tokio::test]
async fn a_config_that_is_taken_up_while_a_change_is_looked_at_is_a_part_of_what_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.wasm");
    std::fs::write(&path, limited(TO_TEN)).unwrap();
    let kept = Keeps::default();
    let loader = keeping(folder.path(), &kept).await.unwrap();
    std::fs::write(&path, limited(TO_FIVE)).unwrap();
    let (other, saved) = (loader.clone(), Arc::clone(&kept));
    let (check, looks) = doing(move |look| {
        let (other, saved) = (other.clone(), Arc::clone(&saved));
        Box::pin(async move {
            if look == 1 {
                keep(&saved, 1, Some(json!({ "n": 3 })));
                other.take_up().await.unwrap();
            }
        })
    });
    assert_eq!(changes(&loader.reload_if(Some(check)).await.unwrap()), [("a", Change::Replaced)]);
    assert_eq!((in_force(&loader).await, *looks.lock().unwrap()), ((json!(3), true, 1), 2));
}
