//! Moving to another database, and backups: nothing is lost, and what comes again is known.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use recado_tests::{Behaviour, FreshDatabase, Log, Plugin, Process, Ran, TestGateway, at_once, form, run, wait_for};
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};

use super::message_sid;

const CUSTOMER: &str = "+529981122334";

fn file(gateway: &TestGateway, name: &str) -> String {
    format!("sqlite://{}", gateway.folder().join(name).display())
}

fn copy(gateway: &TestGateway, from: &str, to: &str) -> Ran {
    run(gateway.folder(), &["--config", "test.toml", "--json", "store", "copy", "--from", from, "--to", to], &[])
}

fn serve_from(gateway: &mut TestGateway, url: &str) {
    gateway.set_config(&format!("[database]\nurl = \"{url}\""));
    gateway.restart();
}

/// Runs a statement on a database that nobody uses; what its first column has, if it is a question.
fn on(url: &str, sql: &str) -> Option<i64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let database = Database::connect(url).await.unwrap();
        let statement = Statement::from_string(database.get_database_backend(), sql);
        let row = database.query_one_raw(statement).await.unwrap();
        let number = row.map(|row| row.try_get_by_index(0).unwrap());
        database.close().await.unwrap();
        number
    })
}

/// A text that was answered, one that was sent, and how they look.
fn traffic(gateway: &TestGateway, sid: &str) -> (String, Vec<Value>) {
    let answer = gateway.signed_webhook("sms/inbound", &form(sid, CUSTOMER, "Hola \u{1F600} 'ñ'"));
    let sent = gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "text": "Otra cosa" })).expect(202);
    gateway.wait_for_status(sent["id"].as_str().unwrap(), "delivered");
    // What rode the answer is reported as well.
    (answer.text(), gateway.messages())
}

/// A repeat is answered as the first was, and all is as it was; what is new goes its way.
fn knows_it_all(gateway: &TestGateway, sid: &str, (answer, messages): &(String, Vec<Value>)) {
    let again = gateway.signed_webhook("sms/inbound", &form(sid, CUSTOMER, "Hola \u{1F600} 'ñ'"));
    assert_eq!((again.status(), &again.text()), (200, answer));
    let plain = |messages: &[Value]| -> Vec<Value> {
        messages.iter().map(|message| json!([message["id"], message["text"], message["extra"]])).collect()
    };
    assert_eq!(plain(&gateway.messages()), plain(messages));
}

#[test]
fn a_gateway_moves_to_postgres_and_back() {
    let Some(server) = FreshDatabase::create() else {
        eprintln!("skipped: no Postgres");
        return;
    };
    let mut gateway = TestGateway::builder().plugin(Plugin::that("helper", Behaviour::Reply("Aqui estamos"))).start();
    let sid = message_sid();
    let first = traffic(&gateway, &sid);
    assert!(first.0.contains("Aqui estamos"), "{}", first.0);
    let (from, back) = (file(&gateway, "recado.db"), file(&gateway, "back.db"));

    let refused = copy(&gateway, &from, &server.url());
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("the source is in use"), "{refused:?}");
    gateway.terminate();
    gateway.process().ended();

    let over = copy(&gateway, &from, &server.url()).good().json();
    let rows = |copied: &Value, table: &str| {
        let tables = copied["tables"].as_array().unwrap();
        tables.iter().find(|one| one["table"] == table).unwrap()["rows"].as_u64().unwrap()
    };
    assert_eq!((rows(&over, "messages"), rows(&over, "parts")), (3, 2), "{over}");
    assert!(!over["to"].as_str().unwrap().contains('@'), "no user and no password: {over}");
    serve_from(&mut gateway, &server.url());
    knows_it_all(&gateway, &sid, &first);
    let second_sid = message_sid();
    let second = traffic(&gateway, &second_sid);
    assert_eq!(second.1.len(), 6);
    let refused = copy(&gateway, &server.url(), &back);
    assert!(refused.stderr.contains("the source is in use"), "{refused:?}");
    gateway.terminate();
    gateway.process().ended();

    let returned = copy(&gateway, &server.url(), &back).good().json();
    assert_eq!(rows(&returned, "messages"), 6, "{returned}");
    let refused = copy(&gateway, &from, &back);
    assert!(refused.stderr.contains("name a new, empty database"), "{refused:?}");
    serve_from(&mut gateway, &back);
    knows_it_all(&gateway, &sid, &(first.0, second.1.clone()));
    knows_it_all(&gateway, &second_sid, &second);
}

#[test]
fn a_copy_that_was_killed_goes_on_and_no_gateway_takes_half_of_one() {
    const MANY: i64 = 60_000;
    let mut gateway = TestGateway::start();
    let sid = message_sid();
    let first = traffic(&gateway, &sid);
    gateway.terminate();
    gateway.process().ended();
    let (from, to) = (file(&gateway, "recado.db"), file(&gateway, "copy.db"));
    let insert = format!(
        "WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {MANY}) \
         INSERT INTO observations (id, channel, provider_id, status, conflict, raw, received_at, times) \
         SELECT randomblob(16), 'sms', 'SM' || number, 'sent', 0, '[]', number, 1 FROM numbers"
    );
    on(&from, &insert);

    let log = Log::default();
    let arguments = ["--config", "test.toml", "store", "copy", "--from", &from, "--to", &to];
    let mut copying = Process::start(gateway.folder(), &arguments, &log);
    wait_for("the copy of the largest table", || log.text().contains("copying observations").then_some(()));
    copying.kill();
    let there = on(&to, "SELECT COUNT(*) FROM observations").unwrap();
    assert!(there < MANY, "it was killed too late to show anything");
    assert!(on(&to, "SELECT COUNT(*) FROM messages").unwrap() > 0);

    let environment = [("RECADO_DATABASE__URL", to.as_str())];
    let refused = run(gateway.folder(), &["--config", "test.toml", "key", "list"], &environment);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("`recado store copy` goes on with it"), "{refused:?}");

    let done = copy(&gateway, &from, &to).good().json();
    assert_eq!(done["resumed"], true);
    let observations = done["tables"].as_array().unwrap().iter().find(|one| one["table"] == "observations").unwrap();
    assert!(observations["rows"].as_i64().unwrap() >= MANY, "{observations}");
    serve_from(&mut gateway, &to);
    knows_it_all(&gateway, &sid, &first);
}

#[test]
fn a_backup_under_load_has_what_was_acknowledged_before_it() {
    let mut gateway = TestGateway::builder().no_plugins().start();
    let acknowledged = Mutex::new(BTreeSet::new());
    let enough = AtomicBool::new(false);
    let backup = |name: &str| run(gateway.folder(), &["--config", "test.toml", "--json", "store", "backup", name], &[]);
    let before: Vec<BTreeSet<String>> = at_once(4, |number| {
        if number > 0 {
            while !enough.load(Ordering::SeqCst) {
                let text = message_sid();
                assert_eq!(gateway.signed_webhook("sms/inbound", &form(&text, CUSTOMER, &text)).status(), 200);
                acknowledged.lock().unwrap().insert(text);
            }
            return BTreeSet::new();
        }
        wait_for("traffic", || (acknowledged.lock().unwrap().len() >= 30).then_some(()));
        let before = acknowledged.lock().unwrap().clone();
        let made = backup("backup.db").good().json();
        assert!(made["bytes"].as_u64() > Some(0), "{made}");
        enough.store(true, Ordering::SeqCst);
        before
    });
    let refused = backup("backup.db");
    assert!(refused.stderr.contains("is there already"), "{refused:?}");
    let url = file(&gateway, "backup.db");
    serve_from(&mut gateway, &url);
    let there: BTreeSet<String> = pages(&gateway).iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect();
    assert!(before[0].len() >= 30 && before[0].is_subset(&there), "{} of {}", there.len(), before[0].len());
}

/// All messages there are.
fn pages(gateway: &TestGateway) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = gateway.get(&format!("/v1/messages?limit=200{cursor}")).expect(200);
        found.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return found };
        cursor = format!("&cursor={next}");
    }
}
