//! A stop: within its time, with nothing lost and nothing twice, and so that the next start need not wait.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::http::Method;
use recado_tests::{Behaviour, Plugin, ScriptedProvider, Step, TestGateway, form, run, wait_for};
use serde_json::{Value, json};

use super::{going, message_sid, number};

/// More than the seconds that the settings say, for a busy machine; less than anything else would take.
const MARGIN: Duration = Duration::from_secs(5);

/// How long it takes to end, which must be well.
fn ends_well(gateway: &mut TestGateway) -> Duration {
    let began = Instant::now();
    let ended = gateway.process().ended();
    assert_eq!(ended.code(), Some(0), "{ended}");
    began.elapsed()
}

fn leased(gateway: &TestGateway) -> i64 {
    number(gateway, "SELECT COUNT(*) AS number FROM parts WHERE state = 'sending'")
}

#[test]
fn a_stop_under_load_loses_nothing_sends_nothing_twice_and_leaves_no_lease() {
    let mut gateway =
        TestGateway::builder().config_toml("[server]\ndrain_s = 10\n[delivery]\nparallel = 4").no_plugins().start();
    // Slow enough that much is under way, and more waits.
    gateway.set_faults(&json!({ "create_late": { "every": 1, "millis": 150 } }));
    let stopped = AtomicBool::new(false);
    let (taken, texts) = std::thread::scope(|scope| {
        let (running, stopped) = (&gateway, &stopped);
        let bearer = format!("Bearer {}", running.key());
        let senders: Vec<_> = (0..2)
            .map(|sender| {
                let bearer = bearer.clone();
                scope.spawn(move || {
                    let mut taken = Vec::new();
                    for count in 0..200 {
                        let body = json!({ "to": format!("+5299855{sender}{count:04}"), "text": format!("Mensaje {sender}-{count}") });
                        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
                        match running.try_request(Method::POST, "/v1/messages", &headers, body.to_string()) {
                            Ok(answer) if answer.status() == 202 => {
                                taken.push(answer.json()["id"].as_str().unwrap().to_owned());
                            }
                            _ if stopped.load(Ordering::SeqCst) => break,
                            refused => panic!("refused before the stop: {refused:?}"),
                        }
                    }
                    taken
                })
            })
            .collect();
        let customers: Vec<_> = (0..2)
            .map(|customer| {
                scope.spawn(move || {
                    let mut texts = Vec::new();
                    for count in 0..200 {
                        let (sid, from) = (message_sid(), format!("+5299811{customer}{count:04}"));
                        let (signature, body) =
                            recado_tests::sign(&running.webhook_url("sms/inbound"), &form(&sid, &from, "Hola"));
                        match running.try_webhook("sms/inbound", &signature, &body) {
                            Ok(answer) if answer.status() == 200 => texts.push(sid),
                            _ if stopped.load(Ordering::SeqCst) => break,
                            refused => panic!("refused before the stop: {refused:?}"),
                        }
                    }
                    texts
                })
            })
            .collect();
        wait_for("some to be sent", || (running.twilio_messages().len() > 20).then_some(()));
        stopped.store(true, Ordering::SeqCst);
        running.terminate();
        let taken: Vec<String> = senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect();
        let texts: Vec<String> = customers.into_iter().flat_map(|customer| customer.join().unwrap()).collect();
        (taken, texts)
    });
    let took = ends_well(&mut gateway);
    assert!(took < Duration::from_secs(10) + MARGIN, "{took:?}");
    assert_eq!(leased(&gateway), 0, "nothing stays leased");
    assert_eq!(
        number(&gateway, "SELECT COUNT(*) AS number FROM parts WHERE state = 'unknown'"),
        0,
        "all were waited for"
    );
    let waiting = number(&gateway, "SELECT COUNT(*) AS number FROM parts WHERE state = 'queued'");
    assert!(waiting > 0, "the test is about a stop while something waits");

    gateway.set_faults(&json!({}));
    gateway.restart();
    let open = "SELECT COUNT(*) AS number FROM parts WHERE state IN ('queued', 'sending')";
    wait_for("all to be sent", || (number(&gateway, open) == 0).then_some(()));
    assert!(!taken.is_empty() && !texts.is_empty());
    assert_eq!(count(&gateway, "outbound"), taken.len());
    assert_eq!(count(&gateway, "inbound"), texts.len());
    let unprocessed = "SELECT COUNT(*) AS number FROM messages WHERE direction = 'inbound' AND processed_at IS NULL";
    assert_eq!(number(&gateway, unprocessed), 0);
    let creates = gateway.creates();
    assert_eq!(creates["accepted"], json!(taken.len()), "{creates}");
    assert_eq!(creates["doubles"], json!(0), "{creates}");
}

fn count(gateway: &TestGateway, direction: &str) -> usize {
    let sql = format!("SELECT COUNT(*) AS number FROM messages WHERE direction = '{direction}'");
    usize::try_from(number(gateway, &sql)).unwrap()
}

#[test]
fn what_the_provider_does_not_answer_in_time_is_unknown_at_once_and_what_waits_for_it_goes_on() {
    let provider = ScriptedProvider::start([Step::Hold]);
    let mut gateway = TestGateway::builder()
        .config_toml("[server]\ndrain_s = 1\n[reconcile]\nask_after_s = 600")
        .no_plugins()
        .provider(&provider)
        .allow_unsent()
        .start();
    let send = |text: &str| -> Value {
        gateway.post("/v1/messages", &json!({ "to": "+529985550100", "text": text })).expect(202)
    };
    let first = send("Uno");
    provider.wait_for(1);
    let second = send("Dos");
    gateway.terminate();
    let took = ends_well(&mut gateway);
    assert!(took < Duration::from_secs(3) + MARGIN, "{took:?}");
    assert!(took < Duration::from_secs(15), "not as long as the provider may take");
    assert_eq!(leased(&gateway), 0);

    // The lease would have lasted for a minute more, and the second of the conversation with it.
    gateway.restart();
    gateway.wait_for_status(second["id"].as_str().unwrap(), "queued");
    let first = gateway.message(first["id"].as_str().unwrap());
    assert_eq!(first["status"], "unknown", "{first}");
    assert_eq!(provider.received().len(), 2, "the first is not sent again blindly");
}

#[test]
fn a_client_that_takes_its_time_does_not_hold_up_a_stop() {
    let mut gateway = TestGateway::builder().config_toml("[server]\ndrain_s = 2").no_plugins().start();
    let mut slow = TcpStream::connect(gateway.address()).unwrap();
    slow.write_all(b"POST /webhooks/sms/inbound HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nFrom=").unwrap();
    let mut idle = TcpStream::connect(gateway.address()).unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut answer = [0; 12];
    idle.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
    gateway.terminate();
    let took = ends_well(&mut gateway);
    assert!(took >= Duration::from_secs(1), "it was given its time: {took:?}");
    assert!(took < Duration::from_secs(3) + MARGIN, "{took:?}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let provider = ScriptedProvider::start([Step::Hold]);
    let mut gateway = TestGateway::builder().no_plugins().provider(&provider).allow_errors().allow_unsent().start();
    gateway.post("/v1/messages", &json!({ "to": "+529985550100", "text": "Uno" })).expect(202);
    provider.wait_for(1);
    gateway.terminate();
    wait_for("the stop to begin", || gateway.log().find("stopping"));
    gateway.terminate();
    let began = Instant::now();
    let ended = gateway.process().ended();
    assert_eq!(ended.code(), Some(1), "it says that it was not done: {ended}");
    assert!(began.elapsed() < MARGIN, "{:?}", began.elapsed());
    assert!(gateway.log().text().contains("stopped at once"), "{}", gateway.log().text());
}

#[test]
fn a_gateway_that_is_about_to_stop_says_so_and_goes_on_meanwhile() {
    let mut gateway = TestGateway::builder()
        .config_toml("[server]\nannounce_s = 6")
        // What `/readyz` says then is in the log.
        .allow_errors()
        .plugin(Plugin::that("answers", Behaviour::Reply("Hola")))
        .start();
    let ready = |gateway: &TestGateway| gateway.request(Method::GET, "/readyz", &[], "").status();
    assert_eq!(ready(&gateway), 200);
    let url = gateway.url();
    let asked = |code| {
        let ran = run(gateway.folder(), &["ready", "--gateway", &url], &[]);
        assert_eq!(ran.code, Some(code), "{ran:?}");
    };
    asked(0);
    gateway.terminate();
    wait_for("the gateway to say so", || (ready(&gateway) == 503).then_some(()));
    asked(1);
    let answer = gateway.signed_webhook("sms/inbound", &form(&message_sid(), "+529981122334", "Hola"));
    assert!(answer.text().contains("<Body>Hola</Body>"), "{}", answer.text());
    assert!(gateway.log().find("listening").is_some());
    ends_well(&mut gateway);
    assert!(gateway.try_request(Method::GET, "/readyz", &[], "").is_err(), "nobody listens any more");
    gateway.restart();
    assert_eq!(going(&gateway.messages(), "inbound").len(), 1);
}

#[test]
fn others_see_it_at_work_until_what_it_processes_is_done() {
    // Longer than others wait for it to count on.
    let slow = Plugin::that("slow", Behaviour::Loop).setting("deadline_ms", 14_000);
    let settings = "[server]\ndrain_s = 20\n[inbound]\nlease_s = 1\nreply_within_ms = 100";
    let Some(builder) = TestGateway::builder().config_toml(settings).plugin(slow).allow_errors().postgres() else {
        eprintln!("skipped: no Postgres");
        return;
    };
    let mut gateway = builder.start();
    gateway.text("+529981122334", "Hola");
    gateway.terminate();
    wait_for("the stop to begin", || gateway.try_request(Method::GET, "/healthz", &[], "").is_err().then_some(()));
    let beats = || number(&gateway, "SELECT beats AS number FROM gateways WHERE gone_at IS NULL");
    let before = beats();
    wait_for("it to count on", || (beats() > before + 5).then_some(()));
    assert_eq!(number(&gateway, "SELECT COUNT(*) AS number FROM messages WHERE processed_at IS NOT NULL"), 0);
    ends_well(&mut gateway);
    let rest = "SELECT COUNT(*) AS number FROM messages WHERE processed_at IS NULL AND direction = 'inbound'";
    assert_eq!(number(&gateway, rest), 0);
    assert_eq!(number(&gateway, "SELECT COUNT(*) AS number FROM gateways WHERE gone_at IS NULL"), 0);
}
