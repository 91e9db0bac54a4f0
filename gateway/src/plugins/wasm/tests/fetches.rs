//! What a plugin reaches by its import `fetch`, with the fetcher that runs in a gateway.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::guest::{ALL_HOOKS, Guest, SCRATCH, TEXT, reject_found_by, reply_found_by};
use super::hooks::{HOOKS, all_in};
use super::imports::FETCH;
use super::*;
use crate::plugins::{LiveFetcher, load as load_chain};

/// Asks for the URL that it is sent, and replies with the body, or with why there is none.
fn asking() -> Guest {
    let word = |place: usize| format!("(i32.load (i32.const {}))", SCRATCH + place);
    let send = format!(
        "(call $send (i32.const {TEXT}) (i32.const 3) (i32.load offset=32 (local.get 0))
           (i32.load offset=36 (local.get 0)) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const {SCRATCH}))"
    );
    // A failure has its text where an answer has its headers.
    let either = |ok: usize, failed: usize| {
        format!("(if (result i32) (i32.load8_u (i32.const {SCRATCH})) (then {}) (else {}))", word(failed), word(ok))
    };
    Guest {
        text: "GET",
        imports: &[FETCH],
        ..Guest::running(format!("{send} {}", reply_found_by(&either(16, 8), &either(20, 12))))
    }
}

/// What comes of asking for each URL.
async fn ask(hosts: Settings, urls: &[String]) -> Vec<String> {
    let engine = Engine::new().unwrap();
    let plugin = WasmPlugin::load(&engine, &hosts, asking().component()).await.unwrap();
    let here = Surroundings { fetcher: Arc::new(LiveFetcher::new(&[hosts]).unwrap()), ..surroundings() };
    let mut came = Vec::new();
    for url in urls {
        let called = decide_in(&plugin, url, &here).await;
        assert_eq!(called.effects.fetches.len(), 1);
        came.push(replies(&called.result.unwrap()).concat());
    }
    came
}

/// Listed by the operator, even: what is not public is for `private_hosts` to name.
#[tokio::test]
async fn this_machine_and_its_neighbours_are_out_of_reach() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hosts = ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "0.0.0.0"];
    let origins = hosts.map(|host| format!("http://{host}:{port}"));
    let allowed = Settings { hosts: origins.to_vec(), ..settings(PATIENT, Value::Null) };
    let urls = origins.map(|origin| format!("{origin}/latest/meta-data"));
    for (url, came) in urls.iter().zip(ask(allowed, &urls).await) {
        assert!(came.starts_with("the host is at an address that is not public"), "{url}: {came}");
    }
    // Not listed, nothing is even looked up.
    let unlisted = Settings { hosts: vec!["api.example.com".to_owned()], ..settings(PATIENT, Value::Null) };
    for (url, came) in urls.iter().zip(ask(unlisted, &urls).await) {
        assert!(came.starts_with("the plugin's settings do not name http://"), "{url}: {came}");
    }
    let none = ask(settings(PATIENT, Value::Null), &urls[..1]).await;
    assert_eq!(none, ["the plugin's settings name no `hosts`"]);
    let connected = tokio::time::timeout(Duration::from_millis(10), listener.accept()).await;
    assert!(connected.is_err(), "nobody came");
}

/// One that asks for a URL in each hook, and replies, or refuses, with the reason that it was given.
fn asking_always(url: &str) -> Guest {
    let word = |place: usize| format!("(i32.load (i32.const {}))", SCRATCH + place);
    let send = format!(
        "(call $send (i32.const {TEXT}) (i32.const 3) (i32.const {}) (i32.const {}) (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {SCRATCH}))",
        TEXT + 3,
        url.len()
    );
    Guest {
        text: format!("GET{url}").leak(),
        hooks: ALL_HOOKS,
        on_outbound: format!("{send} {}", reject_found_by(&word(8), &word(12))),
        imports: &[FETCH],
        ..Guest::running_always(format!("{send} {}", reply_found_by(&word(8), &word(12))))
    }
}

#[tokio::test]
async fn no_hook_reaches_further_than_another() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let engine = Engine::new().unwrap();
    for host in ["127.0.0.1", "169.254.169.254"] {
        let origin = format!("http://{host}:{port}");
        let component = asking_always(&format!("{origin}/latest/meta-data")).component();
        for (hosts, expected) in [
            (vec![origin], "the host is at an address that is not public"),
            (vec!["api.example.com".to_owned()], "the plugin's settings do not name http://"),
            (Vec::new(), "the plugin's settings name no `hosts`"),
        ] {
            let allowed = Settings { hosts, ..settings(PATIENT, Value::Null) };
            let plugin = WasmPlugin::load(&engine, &allowed, component.clone()).await.unwrap();
            let here = Surroundings { fetcher: Arc::new(LiveFetcher::new(&[allowed]).unwrap()), ..surroundings() };
            for (hook, called) in HOOKS.iter().zip(all_in(&plugin, &here).await) {
                let came = called.result.unwrap();
                assert!(came.starts_with(expected), "{host} from {hook}: {came}");
                assert!(called.effects.fetches[0].error.as_ref().is_some_and(|told| told.contains(&came)), "{hook}");
            }
        }
    }
    let connected = tokio::time::timeout(Duration::from_millis(10), listener.accept()).await;
    assert!(connected.is_err(), "nobody came");
}

#[tokio::test]
async fn a_private_host_that_is_named_is_asked() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let answering = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 1024];
        let read = socket.read(&mut buffer).await.unwrap();
        socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nhola").await.unwrap();
        String::from_utf8_lossy(&buffer[..read]).into_owned()
    });
    let allowed = Settings { private_hosts: vec![origin.clone()], ..settings(PATIENT, Value::Null) };
    assert_eq!(ask(allowed, &[format!("{origin}/a?b=c")]).await, ["hola"]);
    assert!(answering.await.unwrap().starts_with("GET /a?b=c HTTP/1.1\r\n"));
}

/// The chain of a gateway brings the fetcher along that its settings make.
#[tokio::test]
async fn a_chain_reaches_whom_its_settings_name() {
    let engine = Engine::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("asking.wasm");
    std::fs::write(&path, asking().component()).unwrap();
    let settings = Settings { hosts: vec!["http://127.0.0.1:1".to_owned()], ..Settings::from_file(&path) };
    let chain = load_chain(&engine, &[settings]).await.unwrap();
    let here = Surroundings { fetcher: chain.fetcher(), ..surroundings() };
    let asked = chain.on_inbound(call("http://127.0.0.1:1/"), &here).await;
    assert!(asked.outcome.replies[0].text.starts_with("the host is at an address that is not public"));
    assert_eq!(chain.fetch_counts()[0].1.refused, 1);
}
