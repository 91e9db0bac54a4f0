//! While the database can't be written to, webhooks are acknowledged all the same, and nothing of them
//! is lost, doubled or out of order.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use recado_tests::{Answer, Behaviour, Builder, Plugin, TestGateway, at_once, form, wait_for, wait_up_to};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{going, message_sid};

const CUSTOMER: &str = "+529981122334";
const NOTHING: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";

/// How long a wait for the database may be at the end of an outage: the gateway tries ever less often.
const RECOVERY: Duration = Duration::from_secs(90);

/// Keeps the gateway from writing to its SQLite database until it is let go.
struct Locked {
    runtime: Runtime,
    connection: DatabaseConnection,
}

impl Locked {
    fn take(gateway: &TestGateway) -> Self {
        let locked = Self::open(gateway);
        locked.execute("BEGIN IMMEDIATE");
        locked
    }

    fn open(gateway: &TestGateway) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut options = ConnectOptions::new(format!("sqlite://{}", gateway.folder().join("recado.db").display()));
        options.max_connections(1);
        let connection = runtime.block_on(Database::connect(options)).unwrap();
        Self { runtime, connection }
    }

    fn execute(&self, sql: &str) {
        self.runtime.block_on(self.connection.execute_unprepared(sql)).unwrap();
    }

    fn release(self) {
        self.execute("ROLLBACK");
    }
}

/// A gateway that does not wait long for its database.
fn builder() -> Builder {
    TestGateway::builder()
        .plugin(Plugin::that("helper", Behaviour::Reply("Aqui estamos")))
        .config_toml("[journal]\nafter_ms = 200")
}

fn text(gateway: &TestGateway, from: &str, text: &str) -> Answer {
    gateway.signed_webhook("sms/inbound", &form(&message_sid(), from, text))
}

/// The number of one of several customers.
pub(super) fn customer(number: usize) -> String {
    format!("+52998555{number:04}")
}

fn journal_files(gateway: &TestGateway) -> Vec<String> {
    let files = std::fs::read_dir(gateway.folder().join("data/journal")).unwrap();
    let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn waiting(gateway: &TestGateway) -> u64 {
    gateway.get("/readyz").json()["journal"]["waiting"].as_u64().unwrap_or(0)
}

/// All messages, from as many pages as it takes, oldest first.
pub(super) fn everything(gateway: &TestGateway) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = gateway.get(&format!("/v1/messages?limit=200{cursor}")).expect(200);
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    all.reverse();
    all
}

/// Waits until every customer's texts, which are numbers, were processed once each and in their order,
/// and each has its one reply.
pub(super) fn each_was_processed_once_and_in_order(gateway: &TestGateway, expected: &BTreeMap<String, u32>) {
    let total: u32 = expected.values().sum();
    let processed = |all: &[Value]| going(all, "inbound").iter().filter(|one| one["processed_at"].is_string()).count();
    let mut all = Vec::new();
    let done = wait_up_to(RECOVERY, || {
        all = everything(gateway);
        (processed(&all) >= total as usize).then_some(())
    });
    assert!(done.is_some(), "{} of {total} were processed", processed(&all));
    // Its pages were read while the last ones were still being answered.
    let all = everything(gateway);
    for (number, count) in expected {
        let theirs: Vec<&Value> = going(&all, "inbound").into_iter().filter(|one| one["from"] == **number).collect();
        let texts: Vec<&str> = theirs.iter().map(|one| one["text"].as_str().unwrap()).collect();
        assert_eq!(texts, (0..*count).map(|text| text.to_string()).collect::<Vec<_>>(), "{number}");
        let times: Vec<Timestamp> =
            theirs.iter().map(|one| one["processed_at"].as_str().unwrap().parse().unwrap()).collect();
        assert!(times.is_sorted(), "{number} was not processed in order: {times:?}");
        for message in theirs {
            let replies = going(&all, "outbound").iter().filter(|one| one["in_reply_to"] == message["id"]).count();
            assert_eq!(replies, 1, "{message}");
        }
    }
    assert_eq!(going(&all, "inbound").len(), total as usize);
}

fn is_ready(gateway: &TestGateway) {
    wait_for("the gateway is ready", || (gateway.get("/readyz").json() == json!({ "status": "ready" })).then_some(()));
}

#[test]
fn while_the_database_is_locked_texts_are_taken_and_later_processed_in_order() {
    let gateway = builder().start();
    let first = text(&gateway, &customer(0), "0");
    assert!(first.text().contains("Aqui estamos"), "{}", first.text());
    let locked = Locked::take(&gateway);
    let answers = at_once(6, |number| {
        let from = customer(number);
        let first = u32::from(number == 0);
        (first..8).map(|count| text(&gateway, &from, &count.to_string())).collect::<Vec<_>>()
    });
    for answer in answers.iter().flatten() {
        assert_eq!((answer.status(), answer.text().as_str()), (200, NOTHING));
    }
    let ready = gateway.get("/readyz");
    assert_eq!((ready.status(), &ready.json()["status"]), (200, &json!("degraded")), "{}", ready.text());
    assert_eq!((waiting(&gateway), journal_files(&gateway).len()), (47, 1));
    assert!(ready.json()["journal"]["oldest"].is_string(), "{}", ready.text());
    locked.release();
    each_was_processed_once_and_in_order(&gateway, &(0..6).map(|number| (customer(number), 8)).collect());
    is_ready(&gateway);
    wait_for("the journal is gone", || journal_files(&gateway).is_empty().then_some(()));
    // A reply overtakes none that waits for the same person.
    wait_for("the replies have left", || {
        going(&everything(&gateway), "outbound").iter().all(|reply| reply["status"] != "pending").then_some(())
    });
    let again = text(&gateway, &customer(0), "8");
    assert!(again.text().contains("Aqui estamos"), "the way leads to the database again: {}", again.text());
    // Nothing was counted as a repeat of the provider's: it repeated nothing.
    assert_eq!(super::number(&gateway, "SELECT COUNT(*) AS number FROM messages WHERE repeats > 0"), 0);
}

#[test]
fn a_text_that_comes_again_while_it_waits_is_one_message() {
    let gateway = builder().start();
    let before = form(&message_sid(), CUSTOMER, "0");
    assert_eq!(gateway.signed_webhook("sms/inbound", &before).status(), 200);
    let locked = Locked::take(&gateway);
    let waits = form(&message_sid(), CUSTOMER, "1");
    for parameters in [&waits, &before, &waits, &waits] {
        assert_eq!(gateway.signed_webhook("sms/inbound", parameters).status(), 200);
    }
    locked.release();
    each_was_processed_once_and_in_order(&gateway, &BTreeMap::from([(CUSTOMER.to_owned(), 2)]));
    is_ready(&gateway);
}

#[test]
fn what_waits_survives_a_crash_and_is_processed_once_after_it() {
    let mut gateway = builder().start();
    let locked = Locked::take(&gateway);
    for round in 0..3 {
        for number in 0..4 {
            assert_eq!(text(&gateway, &customer(number), &round.to_string()).status(), 200);
        }
        // In between, what an earlier process left is taken up, and waits on.
        if round == 1 {
            gateway.kill();
            assert_eq!(journal_files(&gateway).len(), 1);
            locked.execute("ROLLBACK");
            gateway.restart();
            each_was_processed_once_and_in_order(&gateway, &(0..4).map(|number| (customer(number), 2)).collect());
            is_ready(&gateway);
            locked.execute("BEGIN IMMEDIATE");
        }
    }
    gateway.kill();
    locked.release();
    gateway.restart();
    each_was_processed_once_and_in_order(&gateway, &(0..4).map(|number| (customer(number), 3)).collect());
    is_ready(&gateway);
    gateway.restart();
    each_was_processed_once_and_in_order(&gateway, &(0..4).map(|number| (customer(number), 3)).collect());
}

#[test]
fn reports_wait_in_the_journal_too() {
    let gateway = builder().start();
    // Nobody tells what becomes of it, but for this test.
    gateway.set_faults(&json!({ "callback_lost": { "every": 1 } }));
    let sent = gateway.post("/v1/messages?wait=sent", &json!({ "to": CUSTOMER, "text": "Tu pedido" })).expect(200);
    let (id, sid) = (sent["id"].as_str().unwrap(), sent["provider_id"].as_str().unwrap());
    let locked = Locked::take(&gateway);
    for status in ["sent", "delivered"] {
        let report = [("MessageSid", sid), ("MessageStatus", status), ("From", recado_tests::NUMBER), ("To", CUSTOMER)];
        let mut report = report.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        report.push(("AccountSid".to_owned(), recado_tests::ACCOUNT_SID.to_owned()));
        assert_eq!(gateway.signed_webhook("sms/status", &report).status(), 200);
    }
    assert_eq!(waiting(&gateway), 2);
    assert_ne!(gateway.message(id)["status"], "delivered");
    locked.release();
    gateway.wait_for_status(id, "delivered");
    is_ready(&gateway);
}

#[test]
fn a_full_journal_refuses_and_what_it_took_is_processed() {
    let gateway = builder().config_toml("[journal]\nmax_bytes = 4096").allow_errors().start();
    let locked = Locked::take(&gateway);
    let sids: Vec<String> = (0..30).map(|_| message_sid()).collect();
    let send = |count: usize| gateway.signed_webhook("sms/inbound", &form(&sids[count], CUSTOMER, &count.to_string()));
    let answers: Vec<Answer> = (0..30).map(send).collect();
    let taken = answers.iter().take_while(|answer| answer.status() == 200).count();
    assert!((3..30).contains(&taken), "{taken}");
    for refused in &answers[taken..] {
        assert_eq!((refused.status(), refused.header("retry-after")), (503, Some("5")), "{}", refused.text());
    }
    let ready = gateway.get("/readyz");
    assert_eq!((ready.status(), ready.header("retry-after")), (503, Some("5")), "{}", ready.text());
    assert_eq!(gateway.get("/healthz").status(), 200);
    locked.release();
    // The provider sends again what was refused.
    for count in taken..30 {
        wait_for("the gateway takes it", || (send(count).status() == 200).then_some(()));
    }
    each_was_processed_once_and_in_order(&gateway, &BTreeMap::from([(CUSTOMER.to_owned(), 30)]));
    is_ready(&gateway);
}

#[test]
fn where_the_journal_can_not_be_written_nothing_is_acknowledged_that_is_not_kept() {
    let gateway = builder().allow_errors().start();
    let folder = gateway.folder().join("data/journal");
    std::fs::remove_dir(&folder).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    assert_eq!(text(&gateway, CUSTOMER, "0").status(), 200, "the database works");
    is_ready(&gateway);
    let locked = Locked::take(&gateway);
    let parameters = form(&message_sid(), CUSTOMER, "1");
    let refused = gateway.signed_webhook("sms/inbound", &parameters);
    assert_eq!((refused.status(), refused.header("retry-after")), (503, Some("5")), "{}", refused.text());
    let ready = gateway.get("/readyz");
    assert_eq!((ready.status(), ready.header("retry-after")), (503, Some("5")), "{}", ready.text());
    std::fs::remove_file(&folder).unwrap();
    assert_eq!(gateway.signed_webhook("sms/inbound", &parameters).status(), 200, "the journal works again");
    wait_for("the gateway looks again", || (gateway.get("/readyz").status() == 200).then_some(()));
    locked.release();
    each_was_processed_once_and_in_order(&gateway, &BTreeMap::from([(CUSTOMER.to_owned(), 2)]));
}

#[test]
fn what_the_database_never_takes_is_set_aside_and_holds_up_nothing() {
    let gateway = builder().allow_errors().start();
    let database = Locked::open(&gateway);
    database.execute(
        "CREATE TRIGGER poison BEFORE INSERT ON messages WHEN NEW.text = 'veneno' \
         BEGIN SELECT RAISE(ABORT, 'not this one'); END",
    );
    database.execute("BEGIN IMMEDIATE");
    for words in ["0", "veneno", "1"] {
        assert_eq!(text(&gateway, CUSTOMER, words).status(), 200);
    }
    database.release();
    each_was_processed_once_and_in_order(&gateway, &BTreeMap::from([(CUSTOMER.to_owned(), 2)]));
    is_ready(&gateway);
    let refused = std::fs::read_to_string(gateway.folder().join("data/journal/refused")).unwrap();
    assert_eq!(refused.matches("veneno").count(), 1, "{refused}");
    let told = gateway.log().find("the database refuses what came in; it is set aside").unwrap();
    assert!(refused.contains(told["id"].as_str().unwrap()), "{told}");
}
