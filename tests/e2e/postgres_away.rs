//! Postgres is stopped under load and comes back: no webhook is refused, none is lost, all are processed
//! once and in order. Skipped where `RECADO_TEST_POSTGRES` names no server; `RECADO_TEST_OUTAGE_S` says
//! how long the outage is.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use recado_tests::{Behaviour, Plugin, PostgresServer, TestGateway, at_once, folder, form, run, wait_for, wait_up_to};
use serde_json::json;

use super::journal::{customer, each_was_processed_once_and_in_order};
use super::message_sid;

const CUSTOMERS: usize = 8;
/// How many texts each sends before and after the outage.
const AROUND: u32 = 10;
/// How many each sends in all while the server is away: the journal takes far more
/// than a slow machine brings to the database and processes in time.
const DURING: u32 = 100;

fn start(server: &PostgresServer) -> TestGateway {
    TestGateway::builder()
        .plugin(Plugin::that("helper", Behaviour::Reply("Aqui estamos")))
        .config_toml(&format!("[database]\nurl = \"{}\"\n[journal]\nafter_ms = 500", server.url()))
        // What is under way when the server goes is told, and done later.
        .allow_errors()
        .start()
}

#[expect(clippy::disallowed_methods, reason = "how long a test runs is no setting")]
fn outage() -> Duration {
    let seconds = std::env::var("RECADO_TEST_OUTAGE_S").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(3))
}

/// Sends a customer's texts one after the other while `more` says so; how many were taken.
fn send(gateway: &TestGateway, number: usize, from: u32, more: impl Fn(u32) -> bool) -> u32 {
    let mut count = from;
    while more(count) {
        let parameters = form(&message_sid(), &customer(number), &count.to_string());
        let answer = gateway.signed_webhook("sms/inbound", &parameters);
        assert_eq!(answer.status(), 200, "{}", answer.text());
        count += 1;
    }
    count
}

#[test]
fn no_text_is_refused_lost_doubled_or_overtaken_while_the_server_is_away() {
    let Some(server) = PostgresServer::start() else { return };
    let gateway = start(&server);
    let back = AtomicBool::new(false);
    // Around and during the outage each customer sends without a pause, and the server goes in the middle of it.
    let counts = std::thread::scope(|scope| {
        let control = scope.spawn(|| {
            let processed = || gateway.get("/v1/messages?limit=200").json()["items"].as_array().map_or(0, Vec::len);
            wait_for("the load", || (processed() > CUSTOMERS * 2).then_some(()));
            server.stop();
            let degraded = wait_for("the outage shows", || {
                let ready = gateway.get("/readyz");
                assert_eq!(ready.status(), 200, "{}", ready.text());
                (ready.json()["status"] == "degraded").then(|| ready.json())
            });
            assert_eq!(degraded["database"], "away", "{degraded}");
            let until = Instant::now() + outage();
            wait_up_to(outage() * 2, || (Instant::now() >= until).then_some(()));
            server.resume();
            back.store(true, Ordering::Relaxed);
        });
        let counts = at_once(CUSTOMERS, |number| {
            let is_back = || back.load(Ordering::Relaxed);
            let during = send(&gateway, number, 0, |count| {
                if count == DURING {
                    wait_up_to(outage() * 3 + Duration::from_secs(30), || is_back().then_some(()));
                }
                count < AROUND || (count < DURING && !is_back())
            });
            send(&gateway, number, during, |count| count < during + AROUND)
        });
        control.join().unwrap();
        counts
    });
    let expected = counts.iter().enumerate().map(|(number, count)| (customer(number), *count)).collect();
    eprintln!("{} texts", counts.iter().sum::<u32>());
    each_was_processed_once_and_in_order(&gateway, &expected);
    wait_for("ready", || (gateway.get("/readyz").json() == json!({ "status": "ready" })).then_some(()));
}

#[test]
fn what_waits_for_the_server_survives_a_crash() {
    let Some(server) = PostgresServer::start() else { return };
    let mut gateway = start(&server);
    server.stop();
    at_once(CUSTOMERS, |number| send(&gateway, number, 0, |count| count < 5));
    gateway.kill();
    server.resume();
    gateway.restart();
    at_once(CUSTOMERS, |number| send(&gateway, number, 5, |count| count < 8));
    each_was_processed_once_and_in_order(&gateway, &(0..CUSTOMERS).map(|number| (customer(number), 8)).collect());
}

#[test]
fn a_gateway_that_starts_while_the_server_is_away_takes_webhooks_and_brings_them_to_it_later() {
    let Some(server) = PostgresServer::start() else { return };
    let mut gateway = start(&server);
    at_once(CUSTOMERS, |number| send(&gateway, number, 0, |count| count < 2));
    gateway.kill();
    server.stop();
    // Twice, so that what an earlier start kept is there after the next one, too.
    for from in [2, 4] {
        gateway.restart();
        let ready = gateway.get("/readyz").expect(200);
        assert_eq!((&ready["status"], &ready["database"]), (&json!("degraded"), &json!("away")), "{ready}");
        at_once(CUSTOMERS, |number| send(&gateway, number, from, |count| count < from + 2));
        assert!(gateway.get("/readyz").json()["journal"]["waiting"].as_u64() >= Some(2 * CUSTOMERS as u64));
        gateway.kill();
    }
    gateway.restart();
    // What reloads plugins ends no gateway that still starts.
    gateway.process().hang_up();
    assert_eq!(gateway.post_webhook("sms/inbound", "forged", "Body=hola").status(), 403);
    let refused = gateway.get("/v1/messages");
    assert_eq!((refused.status(), refused.header("retry-after").is_some()), (503, true), "{}", refused.text());
    server.resume();
    wait_for("the way to the database", || (gateway.get("/v1/messages").status() == 200).then_some(()));
    at_once(CUSTOMERS, |number| send(&gateway, number, 6, |count| count < 8));
    each_was_processed_once_and_in_order(&gateway, &(0..CUSTOMERS).map(|number| (customer(number), 8)).collect());
    wait_for("ready", || (gateway.get("/readyz").json() == json!({ "status": "ready" })).then_some(()));
}

#[test]
fn a_database_that_nobody_made_is_told_at_once() {
    let Some(server) = PostgresServer::start() else { return };
    let url = server.url().replace("/postgres", "/nobody_made_this");
    let variables = [
        ("RECADO_DATABASE__URL", url.as_str()),
        ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
        ("TWILIO_AUTH_TOKEN", "hush-hush-token"),
    ];
    let ran = run(folder().path(), &["serve", "--listen", "127.0.0.1:0"], &variables);
    assert!(ran.code.is_some_and(|code| code != 0), "{ran:?}");
    assert!(ran.stderr.contains("nobody_made_this"), "{ran:?}");
}
