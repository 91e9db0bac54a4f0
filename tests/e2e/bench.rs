//! `recado bench`: on a gateway of its own and on one that runs; never by a provider that somebody pays.

use recado_tests::{FreshDatabase, Log, Process, Ran, ScriptedProvider, TestGateway, folder, run, wait_for};
use serde_json::{Value, json};

use super::going;

/// What must hold of every measurement: all that was sent was measured, found and sent once, in times that grow.
#[track_caller]
fn is_sensible(report: &Value, messages: u64, warm_up: u64) {
    assert_eq!(report["good"], true, "{report}");
    for way in ["inbound", "outbound"] {
        let one = &report[way];
        assert_eq!((&one["messages"], &one["errors"]), (&json!(messages), &json!({})), "{way}: {report}");
        let checked = &one["checked"];
        assert_eq!(checked["acknowledged"], messages + warm_up, "{way}: {report}");
        for none in ["lost", "doubled", "unfinished", "failed"] {
            assert_eq!(checked[none], 0, "{way}, {none}: {report}");
        }
        is_spread(&one["latency_ms"], report);
        assert!(one["per_second"].as_f64().unwrap() > 1.0, "{way}: {report}");
    }
    let outbound = &report["outbound"];
    assert_eq!((&outbound["checked"]["sent_twice"], &outbound["checked"]["sent_never"]), (&json!(0), &json!(0)));
    is_spread(&outbound["sent_ms"], report);
    is_spread(&outbound["delivered_ms"], report);
    // By whole milliseconds.
    let (accepted, delivered) = (&outbound["latency_ms"]["p50"], &outbound["delivered_ms"]["p50"]);
    assert!(accepted.as_f64().unwrap() < delivered.as_f64().unwrap() + 1.0, "{report}");
}

#[track_caller]
fn is_spread(spread: &Value, report: &Value) {
    let [p50, p90, p99, max] = ["p50", "p90", "p99", "max"].map(|name| spread[name].as_f64().unwrap());
    assert!(
        0.0 <= p50 && p50 <= p90 && p90 <= p99 && p99 <= max && 0.0 < max && max < 60_000.0,
        "{spread} of {report}"
    );
}

#[track_caller]
fn is_measured(cost: &Value) {
    let number = |pointer: &str| cost.pointer(pointer).and_then(Value::as_f64).unwrap();
    assert!(number("/processor_us") > 1.0 && number("/load_us") > 0.0, "{cost}");
    assert!(number("/memory/now") > 1e6 && number("/memory/most") >= number("/memory/now"), "{cost}");
}

fn own(arguments: &[&str]) -> Value {
    let (home, temporary) = (folder(), folder());
    let below = temporary.path().to_str().unwrap();
    let all: Vec<&str> = ["--json", "bench", "--folder", below].iter().chain(arguments).copied().collect();
    let report = run(home.path(), &all, &[]).good().json();
    for left in [home.path(), temporary.path()] {
        assert_eq!(std::fs::read_dir(left).unwrap().count(), 0, "something is left in {}", left.display());
    }
    report
}

#[test]
fn a_gateway_of_its_own_is_measured_and_leaves_nothing() {
    let report = own(&["--messages", "200", "--connections", "8", "--phones", "20"]);
    is_sensible(&report, 200, 20);
    let limit = &report["limit"];
    assert_eq!((&limit["messages"], &limit["errors"]), (&json!(200), &json!({})), "{report}");
    let (inbound, most) = (&report["inbound"], limit["per_second"].as_f64().unwrap());
    let share = inbound["per_second"].as_f64().unwrap() / most;
    assert!((inbound["of_limit"].as_f64().unwrap() - share).abs() < 1e-9 && share < 1.0, "{report}");
    assert!(report["disk"]["syncs_per_second"].as_f64().unwrap() > 0.0, "{report}");
    if cfg!(target_os = "linux") {
        for one in [inbound, &report["outbound"]] {
            is_measured(&one["cost"]);
        }
    }
}

#[test]
fn a_rate_is_kept_plugins_reply_and_settings_count() {
    let rate = ["--rate", "100", "--seconds", "2", "--connections", "8", "--plugins", "auto-reply,router"];
    let report = own(&[&rate[..], &["--inbound", "--set", "inbound.parallel=2"]].concat());
    let inbound = &report["inbound"];
    assert_eq!((&inbound["messages"], &report["outbound"], &report["good"]), (&json!(200), &Value::Null, &json!(true)));
    let seconds = inbound["seconds"].as_f64().unwrap();
    assert!((1.9..10.0).contains(&seconds), "200 at 100 a second took {seconds} s");
    assert_eq!(report["plugins"], json!(["auto-reply", "router"]));

    let few = ["--outbound", "--messages", "40", "--connections", "4", "--set", "delivery.parallel=16"];
    let slow = own(&[&few[..], &["--provider-latency", "150"]].concat());
    assert_eq!((&slow["inbound"], &slow["good"]), (&Value::Null, &json!(true)), "{slow}");
    let outbound = &slow["outbound"];
    // A report may be faster than the answer, but whoever waited for others waited for their answers.
    assert!(outbound["delivered_ms"]["max"].as_f64().unwrap() >= 149.0, "{slow}");
    assert!(outbound["latency_ms"]["p50"].as_f64().unwrap() < outbound["delivered_ms"]["p50"].as_f64().unwrap());

    let home = folder();
    let wrong = run(home.path(), &["bench", "--set", "delivery.parallel=0"], &[]);
    assert_eq!(wrong.code, Some(1));
    assert!(wrong.stderr.contains("delivery.parallel"), "{wrong:?}");
}

#[test]
fn a_database_of_its_own_is_made_on_postgres_and_removed() {
    let Some(database) = FreshDatabase::create() else {
        eprintln!("skipped: no Postgres");
        return;
    };
    let report = own(&["--messages", "100", "--connections", "8", "--database", &database.url()]);
    is_sensible(&report, 100, 10);
    assert_eq!((&report["gateway"], &report["disk"]), (&json!("Postgres"), &Value::Null), "{report}");
    assert_eq!(database.beside("recado_bench_"), 0);
    assert_eq!(database.tables(), 0, "the database that was named is as it was");
}

fn running(gateway: &TestGateway, arguments: &[&str]) -> Ran {
    let (url, key) = (gateway.url(), gateway.key());
    let all = ["--config", "test.toml", "--json", "bench", "--gateway", &url, "--key", key];
    run(gateway.folder(), &[&all, arguments].concat(), &[])
}

#[test]
fn a_gateway_that_runs_is_measured_and_keeps_what_it_was_given() {
    let mut gateway = TestGateway::builder().no_plugins().start();
    let pid = gateway.process().id().to_string();
    gateway.text("+529981122334", "Hola");
    let ran = running(&gateway, &["--messages", "60", "--connections", "4", "--pid", &pid]).good();
    assert!(ran.stderr.contains("messages are written into the gateway"), "{ran:?}");
    let report = ran.json();
    is_sensible(&report, 60, 6);
    assert_eq!([&report["limit"], &report["log"], &report["plugins"]], [&Value::Null; 3], "{report}");
    if cfg!(target_os = "linux") {
        is_measured(&report["inbound"]["cost"]);
    }
    let messages = gateway.messages();
    assert_eq!((going(&messages, "inbound").len(), going(&messages, "outbound").len()), (67, 66));
    let again = running(&gateway, &["--messages", "10", "--inbound"]).good().json();
    assert_eq!((&again["inbound"]["messages"], &again["inbound"]["cost"]), (&json!(10), &Value::Null), "{again}");
}

#[test]
fn what_goes_wrong_is_said_and_ends_with_1() {
    let gateway = TestGateway::builder().no_plugins().start();
    std::fs::write(
        gateway.folder().join("other.toml"),
        "[channels.sms]\nauth_token = 'another'\naccount_sid = 'AC00000000000000000000000000000001'",
    )
    .unwrap();
    let (url, key) = (gateway.url(), gateway.key());
    let bad = run(
        gateway.folder(),
        &[
            "--config",
            "other.toml",
            "--json",
            "bench",
            "--gateway",
            &url,
            "--key",
            key,
            "--messages",
            "20",
            "--inbound",
        ],
        &[],
    );
    let report = bad.json();
    assert_eq!(
        (bad.code, &report["good"], &report["inbound"]["messages"]),
        (Some(1), &json!(false), &json!(0)),
        "{bad:?}"
    );
    let errors: u64 =
        report["inbound"]["errors"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(errors, 22, "{report}");
    assert!(gateway.messages().is_empty());
}

#[test]
fn a_provider_that_may_be_real_is_not_written_to() {
    let provider = ScriptedProvider::start([]);
    let gateway = TestGateway::builder().no_plugins().provider(&provider).start();
    for more in [&[][..], &["--inbound"], &["--to", "+529981122334"]] {
        let refused = running(&gateway, &[&["--messages", "5"], more].concat());
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(
            refused.stderr.contains("not the local Twilio") && refused.stderr.contains(&provider.url()),
            "{refused:?}"
        );
    }
    let refused = running(&gateway, &["--yes-really-send"]);
    assert_eq!(refused.code, Some(2), "nobody was named: {refused:?}");
    assert!(gateway.messages().is_empty());
}

#[test]
fn a_run_that_is_killed_leaves_no_process() {
    let (home, temporary) = (folder(), folder());
    let below = temporary.path().to_str().unwrap();
    let log = Log::default();
    let mut process = Process::start(home.path(), &["bench", "--seconds", "600", "--inbound", "--folder", below], &log);
    wait_for("the gateway's own process", || log.text().contains("the limit of this machine").then_some(()));
    let at_work = || {
        let of = |entry: std::fs::DirEntry| std::fs::read_link(entry.path().join("cwd")).ok();
        let folders = std::fs::read_dir("/proc").unwrap().filter_map(|entry| of(entry.unwrap()));
        folders.filter(|folder| folder.starts_with(temporary.path())).count()
    };
    let before = at_work();
    process.kill();
    if cfg!(target_os = "linux") {
        assert_eq!(before, 2, "the gateway and the limit's server");
        wait_for("their end", || (at_work() == 0).then_some(()));
    }
}

#[test]
fn a_run_that_is_stopped_leaves_nothing() {
    let (home, temporary) = (folder(), folder());
    let below = temporary.path().to_str().unwrap();
    let log = Log::default();
    let mut process = Process::start(home.path(), &["bench", "--seconds", "600", "--inbound", "--folder", below], &log);
    wait_for("the gateway's own process", || log.text().contains("the limit of this machine").then_some(()));
    process.terminate();
    assert_eq!(process.ended().code(), Some(1), "{}", log.text());
    assert!(log.text().contains("stopped"), "{}", log.text());
    assert_eq!(std::fs::read_dir(temporary.path()).unwrap().count(), 0);
}
