//! Timers run out once: at their time, late after a crash, and not at all once they are taken back.

use std::time::Duration;

use recado::clock::{Clock, SystemClock};
use recado_tests::{Behaviour, Plugin, TestGateway, wait_for, wait_up_to};
use serde_json::{Value, json};

use super::going;
use super::plugin_hooks::says;

const ANA: &str = "+529981122334";

fn gateway() -> TestGateway {
    TestGateway::builder().plugin(Plugin::obedient()).start()
}

fn outbound(gateway: &TestGateway) -> Vec<String> {
    let messages = gateway.messages();
    going(&messages, "outbound").iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect()
}

/// Waits until a moment is over.
fn until(millis: i64) {
    wait_for("the time", || (SystemClock.now().as_millisecond() > millis).then_some(()));
}

#[test]
fn a_timer_runs_out_at_its_time_and_once() {
    let mut gateway = gateway();
    let started = SystemClock.now().as_millisecond();
    let answer = says(&gateway, ANA, "timer nudge 700 count fired/say sigues ahi; timer gone 300 say nunca; say vale");
    assert_eq!(answer, "vale");
    assert_eq!(says(&gateway, ANA, "cancel gone; timer moved 200 say temprano"), "");
    says(&gateway, ANA, "timer moved 900 say tarde");
    let sent = gateway.wait_for_messages("both timers", |messages| going(messages, "outbound").len() == 3);
    assert!(SystemClock.now().as_millisecond() - started >= 900, "not before their time");
    let sent = going(&sent, "outbound");
    let texts: Vec<&Value> = sent.iter().map(|message| &message["text"]).collect();
    assert_eq!(texts, ["vale", "fired=1, sigues ahi", "tarde"]);
    // It is explained by the message that started it, and so are those that were moved.
    let cause = sent[1]["caused_by"].as_str().unwrap();
    let trace = gateway.get(&format!("/v1/messages/{cause}/trace")).expect(200);
    let hooks: Vec<&Value> = trace["plugins"].as_array().unwrap().iter().map(|trace| &trace["hook"]).collect();
    assert_eq!(hooks, ["inbound", "timer"]);
    assert_ne!(sent[2]["caused_by"], sent[1]["caused_by"]);
    gateway.wait_for_status(sent[2]["id"].as_str().unwrap(), "delivered");
    gateway.restart();
    assert_eq!(says(&gateway, ANA, "look fired"), "fired=1");
    assert_eq!(outbound(&gateway).len(), 4);
}

#[test]
fn a_timer_that_ran_out_while_nobody_was_there_runs_out_at_the_next_start() {
    let mut gateway = gateway();
    says(&gateway, ANA, "timer nudge 400 count fired/say aqui estamos; timer again 600 say otra vez");
    let started = SystemClock.now().as_millisecond();
    gateway.kill();
    until(started + 700);
    gateway.restart();
    // Sent, too: the next crash is not to meet one on its way.
    gateway.wait_for_messages("both timers", |messages| {
        let sent = going(messages, "outbound");
        sent.len() == 2 && sent.iter().all(|message| message["status"] == "delivered")
    });
    assert_eq!(outbound(&gateway), ["fired=1, aqui estamos", "otra vez"]);
    gateway.restart();
    assert_eq!(says(&gateway, ANA, "look fired"), "fired=1");
    assert_eq!(outbound(&gateway).len(), 3);
}

#[test]
fn a_timer_whose_plugin_is_gone_is_dropped_and_explained() {
    let mut gateway = gateway();
    says(&gateway, ANA, "timer nudge 300 say nunca");
    let id = gateway.messages()[0]["id"].as_str().unwrap().to_owned();
    gateway.kill();
    gateway.set_plugins(&[Plugin::that("helper", Behaviour::Reply("Aqui estamos"))]);
    gateway.restart();
    let dropped = wait_for("the timer's end", || {
        let trace = gateway.get(&format!("/v1/messages/{id}/trace")).expect(200);
        trace["plugins"].as_array().unwrap().get(1).cloned()
    });
    assert_eq!((&dropped["hook"], &dropped["plugin"]), (&json!("timer"), &json!("obedient")));
    let why = dropped["decision"]["left_out"][0].as_str().unwrap();
    assert!(why.contains("`nudge`"), "{why}");
    wait_for("a line in the log", || gateway.log().find("a timer was dropped: its plugin is gone, or takes none"));
    // It does not come back with its plugin.
    gateway.set_plugins(&[Plugin::obedient()]);
    gateway.restart();
    let came = wait_up_to(Duration::from_secs(1), || (!outbound(&gateway).is_empty()).then_some(()));
    assert_eq!(came, None);
}

/// Whoever must see what goes out, and can't for now: what a timer was to send waits for them.
#[test]
fn what_a_timer_sends_waits_for_a_plugin_that_must_see_it() {
    let strict = Plugin::obedient().named("strict").setting("on_error", "stop");
    let mut gateway = TestGateway::builder().plugin(Plugin::obedient()).plugin(strict).start();
    says(&gateway, ANA, "timer nudge 100 send +529981122335 [trap] hola");
    wait_for("a first try", || gateway.log().find("following up waits for what fails"));
    assert_eq!(outbound(&gateway), Vec::<String>::new());
    // Nothing of hers is processed meanwhile, and all of others.
    assert_eq!(says(&gateway, "+529981122336", "say hola"), "hola");
    gateway.set_plugins(&[Plugin::obedient()]);
    gateway.process().hang_up();
    let text = "[trap] hola";
    let sent = gateway.wait_for_messages("what waited", |messages| messages.iter().any(|sent| sent["text"] == text));
    let sent = sent.iter().find(|sent| sent["text"] == text).unwrap();
    gateway.wait_for_status(sent["id"].as_str().unwrap(), "delivered");
}
