//! Applications are told what happens to messages, conversations, channels and endpoints, if they subscribe:
//! each once, in order, also across a crash; and what becomes of an endpoint that fails.

use std::collections::BTreeMap;
use std::time::Duration;

use recado_tests::{
    Builder, Plugin, Ran, Received, ScriptedProvider, Step, TestGateway, form, run, wait_for, wait_up_to,
};
use serde_json::{Value, json};

use super::plugin_crashes::insist;
use super::{message_sid, number};

const ANA: &str = "+529981122331";
/// The statuses on the way of a message, in the order of that way.
const WAY: [&str; 7] = ["pending", "unknown", "accepted", "queued", "sending", "sent", "delivered"];

/// Settings of an endpoint; a test has no secret to keep.
fn endpoint(name: &str, application: &ScriptedProvider, more: &str) -> String {
    format!(
        "[endpoints.{name}]\nurl = \"{}/{name}\"\nsecret = \"whsec_{}\"\nprivate_addresses = true\n{more}\n",
        application.url(),
        "A".repeat(32)
    )
}

fn builder(endpoints: &str) -> Builder {
    TestGateway::builder().plugin(Plugin::obedient()).config_toml(endpoints)
}

fn recado(gateway: &TestGateway, arguments: &[&str]) -> Ran {
    let (url, key) = (gateway.url(), gateway.key());
    let all: Vec<&str> = arguments.iter().copied().chain(["--gateway", url.as_str(), "--key", key]).collect();
    run(gateway.folder(), &all, &[])
}

/// What an application was told, each event once however often it came; and it came the same each time.
fn told(application: &ScriptedProvider) -> Vec<Value> {
    once(&application.received())
}

fn once(received: &[Received]) -> Vec<Value> {
    let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
    let mut all = Vec::new();
    for told in received {
        let id = told.header("webhook-id");
        match bodies.insert(id, &told.body) {
            None => all.push(serde_json::from_str(&told.body).unwrap()),
            Some(before) => assert_eq!(before, told.body, "{id}"),
        }
    }
    all
}

fn of_kind<'a>(told: &'a [Value], kind: &str) -> Vec<&'a Value> {
    told.iter().filter(|event| event["type"] == kind).map(|event| &event["data"]).collect()
}

/// The statuses that were told of each message, in order.
fn statuses(told: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for data in of_kind(told, "message.status") {
        let [id, status] = ["id", "status"].map(|name| data["message"][name].as_str().unwrap().to_owned());
        let before = all.entry(id).or_default();
        let previous = data["previous"].as_str().unwrap();
        assert!(before.last().is_none_or(|last| last == previous), "{previous} after {before:?}");
        before.push(status);
    }
    all
}

#[test]
fn each_kind_of_event_arrives_once_and_tells_what_is_there() {
    let application = ScriptedProvider::start([]);
    let gateway = builder(&endpoint("app", &application, "events = [\"*\"]")).start();
    let done = gateway.text(ANA, "tag precio; assign eva; forward app; say hola");
    let reply = done["replies"][0].as_str().unwrap();
    let of_reply = |told: &[Value]| {
        let all = of_kind(told, "message.status");
        all.iter().any(|data| data["message"]["provider_id"] == reply && data["message"]["status"] == "delivered")
    };
    wait_for("the reply's delivery", || of_reply(&told(&application)).then_some(()));
    recado(&gateway, &["channel", "pause", "sms", "--reason", "una revisión"]).good();
    recado(&gateway, &["channel", "resume", "sms"]).good();
    let resumed = |told: &[Value]| !of_kind(told, "channel.resumed").is_empty();
    wait_for("the channel", || resumed(&told(&application)).then_some(()));

    let received = application.received();
    let all = once(&received);
    assert_eq!(all.len(), received.len(), "each came once");
    let conversation = gateway.conversations()[0].clone();
    let [data] = of_kind(&all, "message.received").try_into().unwrap();
    let message = gateway.message(data["message"]["id"].as_str().unwrap());
    assert_eq!((&data["message"], &data["conversation"]["tags"]), (&message, &json!(["precio"])));
    assert_eq!(data["message"]["text"], "tag precio; assign eva; forward app; say hola");
    let [data] = of_kind(&all, "message.forwarded").try_into().unwrap();
    assert_eq!(data["message"], message);
    let [data] = of_kind(&all, "conversation.updated").try_into().unwrap();
    assert_eq!((&data["changed"], &data["conversation"]["id"]), (&json!(["tags", "assignee"]), &conversation["id"]));
    assert_eq!(data["conversation"]["assignee"], "eva");
    let [paused] = of_kind(&all, "channel.paused").try_into().unwrap();
    assert_eq!(paused, &json!({ "channel": "sms", "by": "hand", "reason": "una revisión" }));

    // Monotone, and no text in it.
    for (id, statuses) in statuses(&all) {
        let places: Vec<usize> =
            statuses.iter().map(|status| WAY.iter().position(|of| of == status).unwrap()).collect();
        assert!(places.is_sorted_by(|before, after| before < after), "{id}: {statuses:?}");
        assert_eq!(statuses.last(), gateway.message(&id)["status"].as_str().map(str::to_owned).as_ref());
    }
    assert!(of_kind(&all, "message.status").iter().all(|data| data["message"]["text"].is_null()), "{all:#?}");
    // And the explanation of a message shows what was told of it.
    let trace = gateway.get(&format!("/v1/messages/{}/trace", message["id"].as_str().unwrap())).expect(200);
    let kinds: Vec<_> = trace["events"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds, ["message.forwarded", "message.received"]);
}

#[test]
fn a_status_that_is_bad_says_what_to_do() {
    let application = ScriptedProvider::start([]);
    let gateway = builder(&endpoint("app", &application, "events = [\"message.status\"]")).no_plugins().start();
    let sent = gateway.post("/v1/messages", &json!({ "to": "998 113 0003", "text": "Hola" })).expect(202);
    let last = wait_for("the bad news", || {
        let all = told(&application);
        let [.., last] = &of_kind(&all, "message.status")[..] else { return None };
        (last["message"]["status"] == "undelivered").then(|| (*last).clone())
    });
    assert_eq!((&last["message"]["id"], &last["message"]["error_code"]), (&sent["id"], &json!(30003)));
    let shown = gateway.message(sent["id"].as_str().unwrap());
    assert!(shown["error"]["advice"].is_string());
    assert_eq!(last["message"]["error"], shown["error"]);
}

#[test]
fn nobody_pays_for_what_nobody_wants() {
    let application = ScriptedProvider::start([]);
    let gateway = builder(&endpoint("app", &application, "")).start();
    gateway.text(ANA, "tag precio; say hola");
    recado(&gateway, &["channel", "pause", "sms"]).good();
    recado(&gateway, &["channel", "resume", "sms"]).good();
    gateway.text(ANA, "forward app");
    assert_eq!(of_kind(&once(&application.wait_for(1)), "message.forwarded").len(), 1);
    assert_eq!(number(&gateway, "SELECT COUNT(*) AS number FROM events"), 1);
}

/// Three people write, and others are written to, while the gateway is killed again and again.
#[test]
fn what_happened_is_told_in_order_however_often_the_gateway_is_killed() {
    const PEOPLE: usize = 3;
    const EACH: usize = 8;
    let application = ScriptedProvider::start([]);
    // Soon after a crash it is known what became of what was under way.
    let hasty = "[delivery]\ntimeout_s = 1\nlease_s = 7\n[reconcile]\nask_after_s = 1\nask_max_s = 1\n\
                 resend_after_s = 6\npoll_s = [1, 1, 2, 4, 8, 8, 8]\n";
    let settings = hasty.to_owned() + &endpoint("app", &application, "events = [\"*\"]");
    let mut gateway = builder(&settings).start();
    let url = gateway.webhook_url("sms/inbound");
    std::thread::scope(|scope| {
        for person in 0..PEOPLE {
            let url = &url;
            scope.spawn(move || {
                for number in 0..EACH {
                    let text = format!("tag {number}; send +52998112244{person} {number}");
                    insist(url, &format!("+52998112234{person}"), &message_sid(), &text);
                }
            });
        }
        for crash in 1..=3 {
            wait_for("some progress", || (application.received().len() >= crash * 12).then_some(()));
            gateway.kill();
            gateway.restart();
        }
    });
    let received = |told: &[Value]| of_kind(told, "message.received").len();
    wait_for("all that came in", || (received(&told(&application)) == PEOPLE * EACH).then_some(()));
    let outbound = |all: Vec<Value>| -> Vec<Value> {
        all.into_iter().filter(|message| message["direction"] == "outbound").collect()
    };
    // What was told last of each is what is.
    let all = wait_up_to(Duration::from_secs(90), || {
        let all = told(&application);
        let statuses = statuses(&all);
        let sent = outbound(gateway.messages());
        let settled = sent.iter().all(|message| {
            let told = statuses.get(message["id"].as_str().unwrap()).and_then(|told| told.last());
            told.is_some_and(|told| message["status"] == told.as_str())
                && ["delivered", "sent", "unknown"].iter().any(|status| message["status"] == *status)
        });
        (settled && sent.len() == PEOPLE * EACH).then_some(all)
    });
    let all = all.unwrap_or_else(|| panic!("told: {:?}", statuses(&told(&application))));
    let mut of_person: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for data in of_kind(&all, "message.received") {
        let [from, text] = ["from", "text"].map(|name| data["message"][name].as_str().unwrap().to_owned());
        of_person.entry(from).or_default().push(text);
    }
    assert_eq!(of_person.len(), PEOPLE);
    for (person, texts) in of_person {
        let to = person.replace("34", "44");
        let expected: Vec<String> = (0..EACH).map(|number| format!("tag {number}; send {to} {number}")).collect();
        assert_eq!(texts, expected, "{person}");
    }
    // Each label was news once.
    assert_eq!(of_kind(&all, "conversation.updated").len(), PEOPLE * EACH);
    let mut tags: BTreeMap<String, usize> = BTreeMap::new();
    for data in of_kind(&all, "conversation.updated") {
        let count = data["conversation"]["tags"].as_array().unwrap().len();
        let before = tags.insert(data["conversation"]["id"].as_str().unwrap().to_owned(), count).unwrap_or(0);
        assert_eq!(count, before + 1, "in order");
    }
}

fn state_of(gateway: &TestGateway, name: &str) -> Value {
    let all = gateway.all("/v1/endpoints");
    all.into_iter().find(|endpoint| endpoint["name"] == name).unwrap()
}

#[test]
fn an_endpoint_that_fails_is_tried_again_disabled_and_enabled_by_hand() {
    let fails = || Step::Answer(503, &[], "");
    let application = ScriptedProvider::start([fails(), fails(), fails()]);
    let watching = ScriptedProvider::start([]);
    let retry = "events = [\"message.received\"]\nretry_s = [1, 1]\ndisable_after_s = 2";
    let settings = endpoint("app", &application, retry) + &endpoint("watch", &watching, "events = [\"endpoint.*\"]");
    let mut gateway = builder(&settings).start();
    gateway.text(ANA, "uno");
    gateway.text(ANA, "dos");
    let disabled = wait_for("the end of patience", || {
        let shown = state_of(&gateway, "app");
        (shown["state"] == "disabled").then_some(shown)
    });
    assert!(disabled["disabled_at"].is_string() && disabled["failing_since"].is_string(), "{disabled}");
    assert_eq!((&disabled["waiting"], &disabled["last_failure"]), (&json!(2), &json!("answered 503")));
    assert_eq!(application.received().len(), 3, "by its schedule, and no more");
    // Others are told, the log says it, the doctor and the command know.
    let notice = once(&watching.wait_for(1));
    assert_eq!(notice[0]["type"], "endpoint.disabled");
    assert_eq!((&notice[0]["data"]["endpoint"], &notice[0]["data"]["by"]), (&json!("app"), &json!("failures")));
    wait_for("a line in the log", || {
        let lines = gateway.log().lines();
        let said = |line: &Value| line["message"].as_str().is_some_and(|text| text.contains("is disabled"));
        lines.iter().any(said).then_some(())
    });
    let examined = run(gateway.folder(), &["--config", "test.toml", "--json", "doctor"], &[]).stdout;
    assert!(examined.contains("endpoints.app") && examined.contains("recado endpoint enable app"), "{examined}");
    gateway.restart();
    let listed = recado(&gateway, &["endpoint", "list"]).good().stdout;
    assert!(listed.contains("app  disabled  2 waiting") && listed.contains("answered 503"), "{listed}");
    assert_eq!(application.received().len(), 3, "a restart changes nothing");

    let enabled = recado(&gateway, &["endpoint", "enable", "app", "--json"]).good().json();
    assert_eq!(enabled["state"], "active");
    let texts = |received: &[Received]| -> Vec<Value> {
        once(received).iter().map(|event| event["data"]["message"]["text"].clone()).collect()
    };
    assert_eq!(texts(&application.wait_for(5)), ["uno", "dos"], "nothing was lost, nor the order");
    let events = wait_for("both on record", || {
        let events = gateway.all("/v1/endpoints/app/events?state=delivered");
        (events.len() == 2).then_some(events)
    });

    // Told again by hand, under the same id.
    let id = events[0]["id"].as_str().unwrap();
    let replayed = recado(&gateway, &["endpoint", "replay", "app", id, "--json"]).good().json();
    assert_eq!(replayed["items"][0]["id"], id);
    assert_eq!(application.wait_for(6)[5].header("webhook-id"), id);
    let unknown = recado(&gateway, &["endpoint", "replay", "app", "0190a5b1-7e6f-7abc-8def-0123456789ab"]);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    assert_eq!(recado(&gateway, &["endpoint", "enable", "nobody"]).code, Some(1));
}

#[test]
fn what_was_given_up_is_told_again_by_one_command() {
    let application = ScriptedProvider::start([Step::Answer(500, &[], ""), Step::Cut]);
    let settings = "events = [\"message.received\"]\nretry_s = []\ndisable_after_s = 0";
    let gateway = builder(&endpoint("app", &application, settings)).start();
    gateway.text(ANA, "uno");
    gateway.text(ANA, "dos");
    wait_for("the end of both", || (gateway.all("/v1/endpoints/app/events?state=given-up").len() == 2).then_some(()));
    let listed = recado(&gateway, &["endpoint", "events", "app", "--state", "given-up"]).good().stdout;
    assert!(listed.lines().count() == 2 && listed.contains("message.received  given-up  tries: 1"), "{listed}");
    assert_eq!(state_of(&gateway, "app")["state"], "active", "0 is for ever");
    recado(&gateway, &["endpoint", "replay", "app", "--given-up"]).good();
    let received = application.wait_for(4);
    let texts: Vec<Value> = received
        .iter()
        .map(|told| serde_json::from_str::<Value>(&told.body).unwrap()["data"]["message"]["text"].clone())
        .collect();
    assert_eq!(texts, ["uno", "dos", "uno", "dos"]);
    wait_for("nothing given up", || gateway.all("/v1/endpoints/app/events?state=given-up").is_empty().then_some(()));
    gateway.get("/v1/endpoints/app/events?state=lost").expect(400);
}

#[test]
fn events_that_are_none_and_schedules_that_make_no_sense_are_refused_at_the_start() {
    let application = ScriptedProvider::start([]);
    let gateway = TestGateway::builder().no_plugins().start();
    for (more, key, problem) in [
        ("events = [\"message.recieved\"]", "endpoints.app.events", "message.received"),
        ("retry_s = [0]", "endpoints.app.retry_s", "seconds"),
    ] {
        let settings = std::fs::read_to_string(gateway.folder().join("test.toml")).unwrap();
        let settings = format!("{settings}\n{}", endpoint("app", &application, more));
        std::fs::write(gateway.folder().join("app.toml"), settings).unwrap();
        let ran = run(gateway.folder(), &["--config", "app.toml", "config", "check"], &[]);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(key) && ran.stderr.contains(problem), "{ran:?}");
    }
}

/// The main path again, on Postgres; skipped where there is none.
#[test]
fn on_postgres_each_kind_arrives_too() {
    let application = ScriptedProvider::start([]);
    // The crash may come while an event is being told; its lease shall not last longer than the test waits.
    let settings = "events = [\"*\"]\ntimeout_s = 1";
    let Some(builder) = builder(&endpoint("app", &application, settings)).postgres() else {
        eprintln!("skipped: no Postgres");
        return;
    };
    let mut gateway = builder.start();
    let url = gateway.webhook_url("sms/inbound");
    insist(&url, ANA, &message_sid(), "tag precio; send +529981122449 hola");
    gateway.kill();
    gateway.restart();
    gateway.signed_webhook("sms/inbound", &form(&message_sid(), ANA, "tag otra"));
    let all = wait_up_to(Duration::from_mins(1), || {
        let all = told(&application);
        let delivered = of_kind(&all, "message.status").iter().any(|data| data["message"]["status"] == "delivered");
        (delivered && of_kind(&all, "conversation.updated").len() == 2).then_some(all)
    })
    .expect("all of it");
    assert_eq!(of_kind(&all, "message.received").len(), 2);
    assert!(statuses(&all).len() == 1);
}
