//! What decisions come to, and what a report says of it. The whole is tested with a real gateway.

use std::time::Duration;

use serde_json::{Value, json};

use super::effects::{decided, recorded};
use super::*;
use crate::actions::{Decision, Flow, Planner};
use crate::deciding::tests::{ANA, Fixture, counting};
use crate::message::MessageId;
use crate::plugins::Ran;
use crate::store::{Hook, Processed, Snapshot, Trace};

fn trace(plugin: &str, decision: Value, error: Option<&str>) -> Trace {
    Trace {
        id: Uuid::nil(),
        message_id: MessageId(Uuid::nil()),
        hook: Hook::Inbound,
        plugin: plugin.to_owned(),
        version: "1.0.0".to_owned(),
        digest: String::new(),
        decision,
        error: error.map(str::to_owned),
        duration_micros: 1,
        at: jiff::Timestamp::UNIX_EPOCH,
        seed: None,
    }
}

/// Every action that there is, as it is written into a trace, and what is said of it.
fn actions() -> (Value, Vec<&'static str>) {
    let actions = json!([
        { "action": "reply", "text": "Hola", "media": ["https://example.com/a.png"] },
        { "action": "send", "channel": "sms", "sender": null, "recipient": "+529981112244", "text": "Hay uno",
          "media": ["https://example.com/b.pdf"], "send_at": null },
        { "action": "tag", "tag": "ventas" },
        { "action": "untag", "tag": "nuevo" },
        { "action": "assign", "to": "ana" },
        { "action": "set-status", "status": "active" },
        { "action": "set-attribute", "name": "plan", "value": "oro" },
        { "action": "set-attribute", "name": "old", "value": null },
        { "action": "forward", "endpoint": "crm", "payload": null },
        { "action": "start-timer", "name": "nudge", "after_ms": 1500.0, "payload": "x" },
        { "action": "cancel-timer", "name": "other" },
        { "action": "custom", "name": "x", "json": "{}" },
    ]);
    let said = vec![
        "reply \"Hola\" with https://example.com/a.png",
        "send \"Hay uno\" to +529981112244 by sms with https://example.com/b.pdf",
        "tag ventas",
        "untag nuevo",
        "assign to ana",
        "status active",
        "attribute old goes",
        "attribute plan = \"oro\"",
        "forward to crm",
        "cancel timer other",
        "timer nudge in 1500 ms",
    ];
    (actions, said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_recorded_and_what_is_decided_are_said_alike() {
    let fixture = Fixture::new(Vec::new()).await;
    let (mut thread, _) = fixture.recorded(ANA, "hola").await;
    thread.conversation.tags = vec!["nuevo".to_owned()];
    let (actions, said) = actions();
    let of = |key: &str, change: Value| json!({ "plugin": "a", "scope": "conversation", "key": key, "change": change });
    let state = json!([
        of("last", json!({ "set": { "value": "hola", "expires_at": null } })),
        of("asked", json!("delete")),
        of("times", json!({ "add": 2.0 })),
    ]);
    let past = [
        trace("a", json!({ "actions": actions.clone(), "state": state.clone() }), None),
        trace("b", json!({}), Some("it trapped")),
    ];
    let effects = recorded(&thread, &past).unwrap();
    let texts: Vec<String> = effects.iter().map(ToString::to_string).collect();
    assert_eq!(texts[0], "b gives no decision");
    let (rest, remembered) = texts[1..].split_at(texts.len() - 4);
    let remembers =
        ["remember conversation last = \"hola\"", "forget conversation asked", "add 2.0 to conversation times"];
    assert_eq!(remembered, remembers);
    let mut rest = rest.to_vec();
    rest.sort();
    let mut expected = said;
    expected.sort_unstable();
    assert_eq!(rest, expected);

    let mut planner = Planner::new(thread.conversation.tags.clone());
    let actions = serde_json::from_value(actions).unwrap();
    let decision = Decision { actions, flow: Flow::Proceed };
    planner.add("other name", &decision.actions);
    let ran = |plugin: &str, error: Option<&str>| Ran {
        plugin: plugin.to_owned(),
        manifest: crate::plugins::Manifest::default(),
        decision: if error.is_none() { json!({ "state": state }) } else { json!({}) },
        error: error.map(str::to_owned),
        duration: Duration::ZERO,
    };
    let asked = crate::plugins::Asked {
        outcome: planner.finish(),
        ran: vec![ran("other name", None), ran("b", Some("it took too long"))],
        changes: Vec::new(),
    };
    assert_eq!(decided(&thread, asked), effects);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_any_more_is_not_guessed() {
    let fixture = Fixture::new(Vec::new()).await;
    let (thread, _) = fixture.recorded(ANA, "hola").await;
    let tripped = crate::plugins::Failure::Tripped(jiff::Timestamp::UNIX_EPOCH).to_string();
    for past in [
        trace("a", json!({ "redacted": true }), None),
        trace("a", json!({ "actions": [{ "action": "of a later version" }] }), None),
        trace("a", json!({ "actions": [] }), Some(&tripped)),
    ] {
        assert_eq!(recorded(&thread, std::slice::from_ref(&past)), None, "{past:?}");
    }
    assert_eq!(recorded(&thread, &[]), Some(Vec::new()), "there were no plugins");
}

/// A plugin that counts is asked about the only message, now and when what it remembered may be gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_remembered_too_long_ago_is_not_compared() {
    let fixture = Fixture::new(vec![counting()]).await;
    let (thread, call) = fixture.recorded(ANA, "hola").await;
    let id = call.id;
    let decided = fixture.deciding.inbound(call, 5).await;
    let processed = Processed {
        state: decided.state,
        traces: decided.traces,
        seed: Some(5),
        seen: Some(Snapshot::of(&thread)),
        ..Processed::new(store::Cause::Message, id, thread.conversation.id, thread.contact.id, fixture.clock.now())
    };
    assert!(fixture.store.commit(processed).await.unwrap().is_done());
    let replay = Replay {
        store: fixture.store.clone(),
        place: Place { locale: "es-MX".to_owned(), time_zone: "America/Cancun".to_owned(), subject: None },
        history: SignedDuration::from_hours(24),
        clock: fixture.clock.clone(),
        parallel: 1,
    };
    let wanted = Wanted { last: 10, filter: PastFilter::default() };
    let counts = async |chain: &Chain| {
        let report = replay.run(chain, &wanted, |_| ()).await.unwrap();
        [report.same, report.changed, report.not_comparable]
    };
    let (counting, nobody) = (Chain::new(vec![counting().link()]), Chain::new(Vec::new()));
    assert_eq!((counts(&counting).await, counts(&nobody).await), ([1, 0, 0], [0, 1, 0]));
    fixture.clock.advance(Duration::from_hours(25));
    fixture.store.prune_state(fixture.clock.now() - replay.history, 10).await.unwrap();
    assert_eq!((counts(&counting).await, counts(&nobody).await), ([0, 0, 1], [0, 1, 0]), "nobody looks");
}

/// A message that would be answered otherwise.
fn changed() -> Changed {
    let reply = |text: &str| vec![Effect::Reply { text: text.to_owned(), media: Vec::new() }];
    Changed {
        message_id: MessageId(Uuid::nil()),
        conversation_id: crate::message::ConversationId(Uuid::nil()),
        at: jiff::Timestamp::UNIX_EPOCH,
        channel: "sms".to_owned(),
        from: ANA.to_owned(),
        text: "mi clave es 1234".to_owned(),
        before: reply("Gracias"),
        after: reply("Adiós"),
    }
}

#[test]
fn a_refusal_names_messages_and_shows_none() {
    let report = Report { replayed: 5, same: 1, changed: 4, messages: vec![changed(); 4], ..Report::default() };
    assert_eq!(report.refusal(80.0), None);
    let refusal = report.refusal(5.0).unwrap();
    assert!(refusal.contains("4 differently (80.0 %)") && refusal.contains("5 % are the most"), "{refusal}");
    assert_eq!(refusal.matches(&Uuid::nil().to_string()).count(), 3, "{refusal}");
    for private in [ANA, "clave", "Gracias", "Adiós"] {
        assert!(!refusal.contains(private), "{refusal}");
    }
    assert!(report.text(3).contains("clave"), "whoever asks for a replay sees them");
}

#[test]
fn what_could_not_be_compared_at_all_was_not_tried() {
    let report =
        |replayed, not_comparable, redacted| Report { replayed, not_comparable, redacted, ..Report::default() };
    for untried in [report(5, 5, 0), report(5, 0, 5)] {
        let refusal = untried.refusal(5.0).unwrap();
        assert!(refusal.contains("nothing could be compared") && refusal.contains("--after-replay 0"), "{refusal}");
        assert_eq!(untried.refusal(100.0), None, "all may be different");
    }
    assert_eq!(report(0, 0, 0).refusal(0.0), None, "a new gateway has nothing to try it on");
    let some = Report { same: 1, ..report(5, 4, 0) };
    assert_eq!(some.refusal(0.0), None);
}
