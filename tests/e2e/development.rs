//! `recado dev`: everything on one machine, and the same again tomorrow.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use ::http::{Method, Request};
use bytes::Bytes;
use recado_tests::{Answer, Behaviour, Log, Plugin, Process, TestGateway, call, folder, json_request, run, wait_for};
use serde_json::{Value, json};

const ACCOUNT: [(&str, &str); 2] =
    [("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"), ("TWILIO_AUTH_TOKEN", "token")];

fn start(folder: &Path, arguments: &[&str]) -> Process {
    let common = ["dev", "--port", "0", "--data", "here"];
    Process::start(folder, &[&common, arguments].concat(), &Log::default())
}

/// What it prints for programs.
fn told(process: &Process) -> Value {
    serde_json::from_str(&process.wait_for_stdout(|text| text.ends_with('\n'))).unwrap()
}

fn get(url: &str, key: &str) -> Answer {
    call(Request::get(url).header("authorization", format!("Bearer {key}")).body(Bytes::new()).unwrap()).unwrap()
}

fn stop(mut process: Process) {
    process.terminate();
    let ended = process.ended();
    assert_eq!(ended.code(), Some(0), "{ended}\n{}", process.log().text());
    assert_eq!(process.log().errors(), [] as [Value; 0]);
}

#[test]
fn it_starts_with_nothing_and_what_it_prints_works_as_printed() {
    let folder = folder();
    let process = start(folder.path(), &[]);
    let printed = process.wait_for_stdout(|text| text.contains("Ctrl-C"));
    let after = |label: &str| {
        let line = printed.lines().find_map(|line| line.trim().strip_prefix(label)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    let (phones, gateway, key) = (after("Phones"), after("Gateway"), after("API key"));
    let page = call(Request::get(&phones).body(Bytes::new()).unwrap()).unwrap();
    assert_eq!(page.status(), 200);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    assert_eq!(get(&format!("{gateway}/v1/messages"), &key).status(), 200);

    let line = printed.lines().find(|line| line.trim().starts_with("curl ")).unwrap();
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("skipped: there is no curl here");
    } else {
        let ran = Command::new("sh").args(["-c", line]).output().unwrap();
        let sent: Value = serde_json::from_slice(&ran.stdout).unwrap_or_default();
        assert_eq!((&sent["to"], &sent["text"]), (&json!("+529981234567"), &json!("Hola")), "{line}: {ran:?}");
        assert!(sent["provider_id"].is_string(), "{sent}");
    }
    let private = std::fs::metadata(folder.path().join("here/dev.json")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&private.permissions()) & 0o077, 0, "the key is its owner's");
    stop(process);
}

#[test]
fn a_phone_texts_and_is_answered_and_a_restart_keeps_it_all() {
    let folder = folder();
    let process = start(folder.path(), &["--json"]);
    let first = told(&process);
    let (gateway, key) = (first["gateway"].as_str().unwrap(), first["key"].as_str().unwrap());
    let phones = first["phones"].as_str().unwrap();
    let text = json!({ "from": "+529981122334", "text": "Hola" });
    let url = format!("{phones}/sandbox/messages?wait=true");
    let done = call(json_request(Method::POST, &url, &[], &text)).unwrap().expect(201);
    assert_eq!(done["replies"].as_array().map(Vec::len), Some(1), "{done}");
    let messages = |gateway: &str, key: &str| get(&format!("{gateway}/v1/messages"), key).expect(200);
    wait_for("the reply to arrive", || (messages(gateway, key)["items"][0]["status"] == "delivered").then_some(()));
    // Commands in the same folder need no key and no address.
    let sent = run(folder.path(), &["send", "--data", "here", "--to", "998 112 2334", "--text", "a", "--json"], &[]);
    let sent = sent.good().json();
    wait_for("delivery", || {
        let message = get(&format!("{gateway}/v1/messages/{}", sent["id"].as_str().unwrap()), key).expect(200);
        (message["status"] == "delivered").then_some(())
    });
    let before = messages(gateway, key);
    stop(process);

    let process = start(folder.path(), &["--json"]);
    let second = told(&process);
    assert_eq!(second["key"], key);
    let (gateway, phones) = (second["gateway"].as_str().unwrap(), second["phones"].as_str().unwrap());
    assert_eq!(messages(gateway, key), before);
    assert_eq!(before["items"].as_array().map(Vec::len), Some(3));
    let state = get(&format!("{phones}/sandbox/state"), key).expect(200);
    assert_eq!(state["messages"].as_array().map(Vec::len), Some(3), "the phones remember, too");
    stop(process);
}

#[test]
fn a_plugin_that_is_being_made_is_asked_first() {
    let folder = folder();
    Plugin::that("mine", Behaviour::Reply("De mi plugin")).install(folder.path());
    let process = start(folder.path(), &["--json", "--plugin", "mine.wasm"]);
    let url = format!("{}/sandbox/messages?wait=true", told(&process)["phones"].as_str().unwrap());
    let text = json!({ "from": "+529981122334", "text": "Hola" });
    let done = call(json_request(Method::POST, &url, &[], &text)).unwrap().expect(201);
    let answer = done["webhook"]["body"].as_str().unwrap();
    let (mine, usual) = (answer.find("De mi plugin"), answer.find("Gracias por tu mensaje"));
    assert!(mine.is_some() && mine < usual, "{answer}");
    stop(process);
}

/// What is in a folder, and what is in its database.
fn contents(folder: &Path) -> (Vec<String>, Vec<u8>) {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().expect("a plain name")).collect();
    names.sort();
    (names, std::fs::read(folder.join("recado.db")).unwrap())
}

#[test]
fn what_another_gateway_keeps_is_not_touched() {
    let mut gateway = TestGateway::builder().no_plugins().start();
    gateway.terminate();
    gateway.process().ended();
    let before = contents(gateway.folder());
    let refused = run(gateway.folder(), &["dev", "--port", "0", "--data", "."], &[]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("./recado.db") && refused.stderr.contains("--data"), "{refused:?}");
    assert_eq!(contents(gateway.folder()), before);
}

#[test]
fn what_it_keeps_is_not_taken_by_another_gateway_and_is_its_own_from_the_first_moment() {
    let folder = folder();
    // It does not come to the end of its start.
    let failed = run(folder.path(), &["dev", "--port", "0", "--data", "here", "--plugin", "none.wasm"], &[]);
    assert!(failed.code != Some(0) && failed.stderr.contains("none.wasm"), "{failed:?}");
    assert!(folder.path().join("here/recado.db").exists(), "the test shows nothing");
    let before = contents(&folder.path().join("here"));
    let database = ("RECADO_DATABASE__URL", "sqlite://here/recado.db");
    let journal = ("RECADO_JOURNAL__PATH", "here/journal");
    for (variable, key) in [(database, "database.url"), (journal, "journal.path")] {
        let variables = [ACCOUNT[0], ACCOUNT[1], ("TWILIO_PHONE_NUMBER", "+529983162438"), variable];
        let refused = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"], &variables);
        assert_eq!(refused.code, Some(2), "{key}: {refused:?}");
        assert!(refused.stderr.contains(key) && refused.stderr.contains("dev.json in here"), "{refused:?}");
    }
    assert_eq!(contents(&folder.path().join("here")), before);
    let again = start(folder.path(), &["--json"]);
    told(&again);
    stop(again);
}

#[test]
fn a_taken_port_is_said_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let folder = folder();
    let listen = format!("127.0.0.1:{port}");
    let cases: [(&[&str], &str); 3] = [
        (&["dev", "--port", &port, "--twilio-port", "0"], "--port"),
        (&["dev", "--port", "0", "--twilio-port", &port], "--twilio-port"),
        (&["serve", "--listen", &listen], "--listen"),
    ];
    for (arguments, remedy) in cases {
        let ran = run(folder.path(), arguments, &ACCOUNT);
        assert_eq!(ran.code, Some(1), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(&listen) && ran.stderr.contains(remedy), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn faults_may_be_there_from_the_start() {
    let folder = folder();
    let process = start(folder.path(), &["--json", "--fault", "create_refused=every:2", "--fault", "callback_lost"]);
    let told = told(&process);
    let faults =
        call(Request::get(format!("{}/sandbox/faults", told["phones"].as_str().unwrap())).body(Bytes::new()).unwrap());
    let faults = faults.unwrap().expect(200);
    assert_eq!(faults["create_refused"]["rule"], json!({ "every": 2 }));
    assert_eq!(faults["callback_lost"]["rule"], json!({ "every": 1 }));
    assert_eq!(faults["create_late"]["rule"], Value::Null);
    stop(process);
    for (wrong, hint) in
        [("lightning", "create_cut_after"), ("create_refused=every:0", "nonzero"), ("create_refused=3", "0 to 1")]
    {
        let ran = run(folder.path(), &["dev", "--port", "0", "--data", "here", "--fault", wrong], &[]);
        assert_eq!(ran.code, Some(2), "{wrong}: {ran:?}");
        assert!(ran.stderr.contains("--fault") && ran.stderr.contains(hint), "{wrong}: {ran:?}");
    }
}
