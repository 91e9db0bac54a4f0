//! Plugins that misbehave harm only themselves.

use std::time::{Duration, Instant};

use recado_tests::{Behaviour, Plugin, TestGateway, at_once, form, wait_for};
use serde_json::{Value, json};

use super::message_sid;

#[test]
fn plugins_that_loop_allocate_or_trap_are_cut_off_named_and_passed_over() {
    let hostile = [
        ("loops", Behaviour::Loop, "it took longer than its deadline of 200ms"),
        ("allocates", Behaviour::Allocate, "it wanted more memory than its limit of 16777216 bytes"),
        ("traps", Behaviour::Trap, "it trapped"),
    ];
    let builder = hostile.iter().fold(TestGateway::builder(), |builder, (name, behaviour, _)| {
        builder.plugin(Plugin::that(name, *behaviour).setting("deadline_ms", 200))
    });
    let gateway = builder.plugin(Plugin::that("answers", Behaviour::Reply("Hola"))).start();

    for round in 1..=2 {
        let started = Instant::now();
        let answer = gateway.signed_webhook("sms/inbound", &form(&message_sid(), "+529981122334", "Hola"));
        assert!(started.elapsed() < Duration::from_secs(4), "round {round} took {:?}", started.elapsed());
        assert_eq!(answer.status(), 200);
        assert!(answer.text().contains("<Body>Hola</Body>"), "the next plugin is asked: {}", answer.text());
    }

    let messages = gateway.messages();
    let inbound: Vec<_> = messages.iter().filter(|message| message["direction"] == "inbound").collect();
    assert_eq!(inbound.len(), 2);
    for message in inbound {
        let trace = gateway.get(&format!("/v1/messages/{}/trace", message["id"].as_str().unwrap())).expect(200);
        let ran = trace["plugins"].as_array().unwrap();
        assert_eq!(ran.len(), 4, "{trace:#}");
        for (ran, (name, _, reason)) in ran.iter().zip(&hostile) {
            assert_eq!(ran["plugin"], *name);
            assert!(ran["error"].as_str().is_some_and(|error| error.starts_with(reason)), "{ran}");
        }
        assert_eq!((&ran[3]["plugin"], &ran[3]["error"]), (&json!("answers"), &json!(null)));
        for (name, _, reason) in &hostile {
            let names_it = |line: &Value| {
                line["plugin"] == *name
                    && line["message_id"] == message["id"]
                    && line["reason"].as_str().is_some_and(|text| text.starts_with(reason))
            };
            wait_for(&format!("a line of {name} in the log"), || gateway.log().lines().into_iter().find(names_it));
        }
    }
}

#[test]
fn plugins_that_loop_in_many_conversations_leave_room_for_everything_else() {
    let gateway = TestGateway::builder()
        .plugin(Plugin::that("loops", Behaviour::Loop).setting("deadline_ms", 1000))
        .plugin(Plugin::that("answers", Behaviour::Reply("Hola")))
        // The first is not asked any more after a while, and the log says so.
        .allow_errors()
        .start();
    // The last of them is somebody who asks how the gateway is.
    let answers = at_once(17, |number| {
        let started = Instant::now();
        let answer = if number < 16 {
            let from = format!("+52998555{:04}", 100 + number);
            gateway.signed_webhook("sms/inbound", &form(&message_sid(), &from, "Hola"))
        } else {
            std::thread::sleep(Duration::from_millis(200));
            gateway.get("/v1/conversations")
        };
        (answer, started.elapsed())
    });
    for (answer, elapsed) in &answers {
        assert_eq!(answer.status(), 200);
        assert!(*elapsed < Duration::from_secs(5), "{elapsed:?}: {}", answer.text());
    }
    for (answer, _) in &answers[..16] {
        assert!(answer.text().contains("<Body>Hola</Body>"), "{}", answer.text());
    }
    assert!(answers[16].1 < Duration::from_millis(900), "answered while they loop: {:?}", answers[16].1);
}
