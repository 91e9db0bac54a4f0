//! Harm in every hook: it is contained, and named in the log and in the message's trace.

use recado_tests::{Plugin, TestGateway, basic, wait_for};
use serde_json::{Value, json};

use super::plugin_hooks::says;

const ANA: &str = "+529981122334";
const NEIGHBOURS: [&str; 2] = ["http://127.0.0.1:1/", "http://169.254.169.254/latest/meta-data"];

/// What ends a call, by the plugin's word for it, and how its failure begins.
const ENDINGS: [(&str, &str); 5] = [
    ("loop", "it took longer than its deadline of 300ms"),
    ("swell", "it wanted more memory than its limit of 16777216 bytes"),
    ("dive", "it trapped"),
    ("trap", "it trapped"),
    ("bloat", "it gave more than the host takes"),
];

/// What a call survives, and what the trace says of it.
const FLOODS: [(&str, &str); 2] = [
    ("chatter", "the plugin logs too much; the rest of this call is dropped"),
    ("hoard", "64 changes in one call are the most"),
];

fn hostile() -> Plugin {
    Plugin::obedient().named("hostile").setting("deadline_ms", 300)
}

/// The plugin that does harm, and one that must not suffer from it.
fn gateway() -> TestGateway {
    let builder = TestGateway::builder().plugin(hostile().setting("hosts", NEIGHBOURS.map(origin).to_vec()));
    builder.plugin(Plugin::builtin("auto-reply").named("healthy")).start()
}

fn origin(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

/// What the hostile plugin came to about a message in a hook, once there is something that is as wanted: a
/// message has several reports.
fn ran(gateway: &TestGateway, message: &Value, hook: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let path = format!("/v1/messages/{}/trace", message["id"].as_str().unwrap());
    wait_for(&format!("what came of {hook}"), || {
        let trace = gateway.get(&path).expect(200);
        let mut ran = trace["plugins"].as_array()?.iter().filter(|ran| ran["plugin"] == "hostile");
        ran.find(|ran| ran["hook"] == hook && wanted(ran)).cloned()
    })
}

fn with_text(gateway: &TestGateway, text: &str) -> Value {
    gateway.messages().into_iter().rev().find(|message| message["text"] == text).unwrap()
}

/// The log names the plugin and the reason, with what it was about.
fn assert_logged(gateway: &TestGateway, before: usize, reason: &str, about: (&str, &Value)) {
    let names_it = |line: &Value| {
        line["plugin"] == "hostile"
            && line[about.0] == *about.1
            && line["reason"].as_str().is_some_and(|text| text.starts_with(reason))
    };
    wait_for(&format!("a line about {reason:?} in the log"), || {
        gateway.log().lines().into_iter().skip(before).find(names_it)
    });
}

fn assert_failed(gateway: &TestGateway, before: usize, message: &Value, hook: &str, reason: &str) {
    let came = ran(gateway, message, hook, |ran| ran["error"].is_string());
    assert!(came["error"].as_str().is_some_and(|error| error.starts_with(reason)), "{hook}: {came}");
    assert_eq!(came["decision"].get("state"), None, "nothing of it is kept: {came}");
    let about = if hook == "timer" { "conversation_id" } else { "message_id" };
    let id = if hook == "timer" { &message["conversation_id"] } else { &message["id"] };
    assert_logged(gateway, before, reason, (about, id));
}

#[test]
fn what_ends_a_call_is_named_in_log_and_trace_whatever_the_hook() {
    let gateway = gateway();
    for (word, reason) in ENDINGS {
        let before = gateway.log().lines().len();
        assert!(says(&gateway, ANA, word).starts_with("Gracias"), "the next plugin answers");
        assert_failed(&gateway, before, &with_text(&gateway, word), "inbound", reason);

        let before = gateway.log().lines().len();
        says(&gateway, ANA, &format!("on delivered {word}"));
        let text = format!("[{word}] hola");
        let sent = gateway.post("/v1/messages", &json!({ "to": ANA, "text": text })).expect(202);
        assert_failed(&gateway, before, &sent, "outbound", reason);
        gateway.wait_for_status(sent["id"].as_str().unwrap(), "delivered");
        assert_failed(&gateway, before, &sent, "status", reason);
        says(&gateway, ANA, "on delivered");

        let before = gateway.log().lines().len();
        let text = format!("timer nudge 10 {word}");
        says(&gateway, ANA, &text);
        assert_failed(&gateway, before, &with_text(&gateway, &text), "timer", reason);
    }
}

#[test]
fn a_flood_is_cut_and_told_whatever_the_hook() {
    let gateway = gateway();
    let told = |message: &Value, hook: &str, note: &str| {
        let came = ran(&gateway, message, hook, |ran| ran["decision"]["log"].is_array());
        let log = came["decision"]["log"].as_array().unwrap();
        assert!(log.iter().any(|line| line["text"] == note), "{hook}: {log:?}");
        assert!(log.len() <= 65, "{hook}: {} lines", log.len());
        let kept = came["decision"]["state"].as_array().map_or(0, Vec::len);
        assert!(kept <= 64, "{hook}: {kept} changes");
        let named = |line: &Value| line["plugin"] == "hostile" && line["message"] == note;
        wait_for("a line in the log", || gateway.log().lines().into_iter().find(named));
    };
    for (word, note) in FLOODS {
        says(&gateway, ANA, word);
        told(&with_text(&gateway, word), "inbound", note);
        let text = format!("timer nudge 10 {word}");
        says(&gateway, ANA, &text);
        told(&with_text(&gateway, &text), "timer", note);
        says(&gateway, ANA, &format!("on delivered {word}"));
        let sent = gateway.post("/v1/messages", &json!({ "to": ANA, "text": format!("hola {word}") })).expect(202);
        told(&sent, "status", note);
        says(&gateway, ANA, "on delivered");
        // It says so in its reason to refuse.
        let refused = gateway.post("/v1/messages", &json!({ "to": ANA, "text": format!("[{word}]") })).expect(422);
        told(&gateway.message(refused["message_id"].as_str().unwrap()), "outbound", note);
    }
}

/// Allowed by the operator's `hosts`, even: what is not public is for `private_hosts` to name.
#[test]
fn neighbours_are_out_of_reach_whatever_the_hook() {
    let gateway = gateway();
    for url in NEIGHBOURS {
        let refused = |message: &Value, hook: &str| {
            let came = ran(&gateway, message, hook, |ran| ran["decision"]["fetches"].is_array());
            let fetch = &came["decision"]["fetches"][0];
            assert!(fetch["error"].as_str().is_some_and(|error| error.contains("not public")), "{hook}: {came}");
            assert_eq!(fetch["url"], url, "{hook}");
        };
        let command = format!("fetch {url}");
        assert!(says(&gateway, ANA, &command).contains("not fetched: the host is at an address that is not public"));
        refused(&with_text(&gateway, &command), "inbound");
        let sent = gateway.post("/v1/messages", &json!({ "to": ANA, "text": format!("[{command}]") })).expect(422);
        assert!(sent["detail"].as_str().unwrap().contains("not public"), "{sent}");
        refused(&gateway.message(sent["message_id"].as_str().unwrap()), "outbound");
    }
    let plugins = gateway.get("/v1/plugins").expect(200);
    assert_eq!(plugins["items"][0]["fetches"]["refused"], 4, "{plugins}");
}

/// Whoever must see what goes out, and can't, holds it up: nothing is sent unseen, and nothing is stored that
/// nobody asked for again.
#[test]
fn without_the_verdict_of_a_plugin_that_stops_nothing_is_sent_or_stored() {
    // The log calls each 503 an error.
    let gateway = TestGateway::builder().plugin(hostile().setting("on_error", "stop")).allow_errors().start();
    for (word, reason) in ENDINGS {
        let before = gateway.log().lines().len();
        let body = json!({ "to": ANA, "text": format!("[{word}] hola") });
        let refused = gateway.post_with("/v1/messages", &[("idempotency-key", "1")], &body).expect(503);
        assert_eq!(refused["type"], "urn:recado:problem:no-verdict");
        let detail = refused["detail"].as_str().unwrap();
        assert!(detail.starts_with("the plugin `hostile` must look at what is sent"), "{detail}");
        assert!(detail.contains(reason), "{detail}");
        let named = |line: &Value| {
            line["plugin"] == "hostile"
                && line["message"] == "a plugin gave no verdict"
                && line["reason"].as_str().is_some_and(|text| text.starts_with(reason))
        };
        wait_for("a line in the log", || gateway.log().lines().into_iter().skip(before).find(named));
    }
    // An application of Twilio's hears the plugin's name as well.
    let account = gateway.account_sid();
    let authorization = basic(account, gateway.key());
    let headers = [("authorization", authorization.as_str()), ("content-type", "application/x-www-form-urlencoded")];
    let path = format!("/2010-04-01/Accounts/{account}/Messages.json");
    let form = "To=%2B529981122334&From=%2B529983162438&Body=%5Btrap%5D";
    let refused = gateway.request(::http::Method::POST, &path, &headers, form).expect(503);
    assert_eq!(refused["code"], 20503);
    assert!(refused["message"].as_str().unwrap().contains("the plugin `hostile` must look at"), "{refused}");

    assert_eq!(gateway.messages(), Vec::<Value>::new());
    assert_eq!(gateway.conversations(), Vec::<Value>::new());
    assert_eq!(gateway.twilio_messages(), Vec::<Value>::new());
    // The key was not used up: the same call may be made again, also with another text.
    let body = json!({ "to": ANA, "text": "hola" });
    let sent = gateway.post_with("/v1/messages", &[("idempotency-key", "1")], &body).expect(202);
    gateway.wait_for_status(sent["id"].as_str().unwrap(), "delivered");
}
