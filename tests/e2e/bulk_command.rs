//! `recado bulk`: sending to a list from the command line, and watching, stopping and ending it.

use std::fs;

use recado_tests::{Log, Process, Ran, TestGateway, run, wait_for};
use serde_json::{Value, json};

/// A list as a spreadsheet writes it; with somebody who has no number, somebody twice, and a line of nothing.
const LIST: &str = "\u{feff}To,name,locale\r\n998 115 0001,\"Ana, la de hoy\",es\r\n12,Bob,\r\n\r\n+529981150002,Eva,en\r\n\
                    9981150001,Ana otra vez,\r\n998 115 0003,,\r\n";

fn recado(gateway: &TestGateway, arguments: &[&str]) -> Ran {
    let (url, key) = (gateway.url(), gateway.key());
    let all: Vec<&str> = arguments.iter().copied().chain(["--gateway", url.as_str(), "--key", key]).collect();
    run(gateway.folder(), &all, &[])
}

fn with_template() -> TestGateway {
    let gateway = TestGateway::builder().no_plugins().start();
    let template = json!({
        "name": "sale", "default_locale": "es",
        "variables": { "name": { "example": "Ana" }, "shop": { "example": "Centro" } },
        "bodies": { "es": { "text": "Hola {{ name }}, oferta en {{ shop }}" },
                    "en": { "text": "Hi {{ name }}, a sale at {{ shop }}" } },
    });
    gateway.post("/v1/templates", &template).expect(201);
    fs::write(gateway.folder().join("may.csv"), LIST).unwrap();
    gateway
}

/// Who gets nothing, by line and what for.
fn without(came: &Value) -> Vec<(u64, String)> {
    let all = came["recipients"].as_array().unwrap().iter();
    all.map(|one| (one["line"].as_u64().unwrap(), one["problem"]["code"].as_str().unwrap().to_owned())).collect()
}

const WRONG: [(u64, &str); 3] = [(3, "too-short"), (6, "duplicate"), (7, "missing-variable")];

fn wrong() -> Vec<(u64, String)> {
    WRONG.map(|(line, code)| (line, code.to_owned())).to_vec()
}

#[test]
fn a_list_is_tried_sent_watched_and_not_sent_twice() {
    let gateway = with_template();
    let send = ["bulk", "send", "may.csv", "--template", "sale", "--set", "shop=Centro"];
    let with = |more: &[&str]| recado(&gateway, &[&send, more].concat());

    let tried = with(&["--dry-run", "--json"]);
    assert_eq!((tried.code, without(&tried.json())), (Some(1), wrong()), "{tried:?}");
    assert_eq!((&tried.json()["counts"]["waiting"], &tried.json()["total"]), (&json!(2), &json!(5)));
    assert!(gateway.all("/v1/bulks").is_empty() && gateway.twilio_messages().is_empty(), "a dry run sends nothing");
    let people = with(&["--dry-run"]);
    assert!(people.stdout.starts_with("line 3: 12: ") && people.stdout.contains("2 waiting, 2 refused"), "{people:?}");

    // Some of it is wrong: nothing is sent, so that who mends it does not send to the others twice.
    let held = with(&["--json"]);
    assert_eq!((held.code, without(&held.json())), (Some(1), wrong()), "{held:?}");
    assert!(held.stderr.contains("2 of 5 would get nothing") && held.stderr.contains("--skip-refused"), "{held:?}");
    assert!(gateway.all("/v1/bulks").is_empty(), "nothing is sent");

    let taken = with(&["--skip-refused", "--json"]).good();
    assert_eq!(without(&taken.json()), wrong(), "{taken:?}");
    let id = taken.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(taken.json()["name"], "may");

    let watched = recado(&gateway, &["bulk", "show", &id, "--watch", "--refused"]).good();
    assert!(watched.stderr.contains("done: "), "{watched:?}");
    assert!(watched.stdout.contains(&format!("{id}  ")) && watched.stdout.contains("refused: 1 for too-short"));
    assert!(watched.stdout.lines().any(|line| line.starts_with("12  ")), "{watched:?}");
    let texts = || {
        let mut all: Vec<String> =
            gateway.twilio_messages().iter().map(|message| message["body"].as_str().unwrap().to_owned()).collect();
        all.sort();
        all
    };
    let expected = ["Hi Eva, a sale at Centro", "Hola Ana, la de hoy, oferta en Centro"];
    wait_for("both texts", || (texts() == expected).then_some(()));
    let is_delivered = || gateway.get(&format!("/v1/bulks/{id}")).expect(200)["counts"]["delivered"] == 2;
    wait_for("both to be delivered", || is_delivered().then_some(()));

    // The same again, by mistake or since the answer was lost, is none; on purpose it is.
    let again = with(&["--skip-refused"]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains(&id) && again.stderr.contains("--again"), "{again:?}");
    assert_eq!((gateway.all("/v1/bulks").len(), texts().len()), (1, 2));
    with(&["--skip-refused", "--again"]).good();
    assert_eq!(gateway.all("/v1/bulks").len(), 2);
    wait_for("both texts once more", || (texts().len() == 4).then_some(()));
    let listed = recado(&gateway, &["bulk", "list"]).good().stdout;
    assert!(listed.lines().count() == 2 && listed.lines().all(|line| line.ends_with("  may")), "{listed}");
}

#[test]
fn one_is_paused_resumed_and_canceled() {
    let gateway = with_template();
    let later = recado::clock::Clock::now(&recado::clock::SystemClock) + jiff::SignedDuration::from_hours(1);
    fs::write(gateway.folder().join("all.csv"), "to\n998 115 0001\n998 115 0002\n").unwrap();
    let later = later.to_string();
    let sent = recado(&gateway, &["bulk", "send", "all.csv", "--text", "Hola", "--at", &later, "--json"]).good().json();
    let id = sent["id"].as_str().unwrap();
    let shown = recado(&gateway, &["bulk", "show", id]).good().stdout;
    assert!(shown.contains("  planned for "), "{shown}");
    let state = |wish: &str| recado(&gateway, &["bulk", wish, id, "--json"]).good().json()["state"].clone();
    assert_eq!((state("pause"), state("resume"), state("pause")), (json!("paused"), json!("running"), json!("paused")));

    // Who watches sees it, also while nothing moves, until it is over.
    let (url, key) = (gateway.url(), gateway.key());
    let watch = ["bulk", "show", id, "--watch", "--gateway", url.as_str(), "--key", key];
    let mut watching = Process::start(gateway.folder(), &watch, &Log::default());
    wait_for("what it says", || watching.log().text().contains("paused: 2 waiting").then_some(()));
    assert!(!watching.has_ended());
    let canceled = recado(&gateway, &["bulk", "cancel", id]).good().stdout;
    assert!(canceled.contains("  canceled  all") && canceled.contains("2 canceled"), "{canceled}");
    assert_eq!(watching.ended().code(), Some(0));
    assert!(watching.stdout().contains("2 canceled"), "{}", watching.stdout());

    for wish in ["resume", "pause"] {
        let over = recado(&gateway, &["bulk", wish, id]);
        assert_eq!(over.code, Some(1), "{wish}: {over:?}");
        assert!(over.stderr.contains("409"), "{wish}: {over:?}");
    }
    assert!(gateway.twilio_messages().is_empty());
}

#[test]
fn what_is_wrong_with_a_list_is_said_before_anybody_is_asked() {
    let folder = recado_tests::folder();
    fs::write(folder.path().join("names.csv"), "to,name\n998 115 0001,Ana\n").unwrap();
    fs::write(folder.path().join("none.csv"), "number\n1\n").unwrap();
    // Nobody listens there.
    let nowhere = ["--gateway", "http://127.0.0.1:9", "--key", "recado_none"];
    let cases: [(&[&str], &str); 4] = [
        (&["names.csv", "--text", "Hola"], "names.csv: line 1: the column `name` is for a template"),
        (&["none.csv", "--template", "sale"], "none.csv: line 1: the column `to` is missing"),
        (&["names.csv"], "--template <NAME>|--text <TEXT>"),
        (&["names.csv", "--text", "Hola", "--template", "sale"], "cannot be used with"),
    ];
    for (arguments, expected) in cases {
        let ran = run(folder.path(), &[&["bulk", "send"], arguments, &nowhere].concat(), &[]);
        assert_eq!(ran.code, Some(2), "{arguments:?}: {ran:?}");
        assert!(ran.stderr.contains(expected), "{arguments:?}: {ran:?}");
    }
}
