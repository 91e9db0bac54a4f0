//! What is on record about one message: its tries, and how much of them.

use serde_json::json;

use super::reconciling::{found, listing, unknown};
use super::*;
use crate::message::consent::{Choice, Source};
use crate::message::{Consent, ProviderError};
use crate::store::{Fate, Hold, Repeated};

on_both!(
    each_try_keeps_what_went_over_the_wire,
    words_of_the_provider_are_shown_without_numbers,
    what_went_over_the_wire_goes_with_the_text,
    what_comes_late_is_not_kept_of_a_removed_text,
    what_the_gate_said_is_kept_as_it_was,
    what_the_gate_refused_is_kept_with_the_decision,
    each_look_at_the_providers_list_is_kept,
    webhooks_that_come_again_are_counted,
);

fn exchanged(part: &Claimed, seconds: i64, result: Settled, status: u16) -> Settlement {
    Settlement { exchange: Some(json!({ "status": status })), ..settled(part, seconds, result) }
}

fn error(message: &str) -> ProviderError {
    ProviderError { code: Some(20429), message: Some(message.to_owned()) }
}

async fn exchanges(store: &Store, id: MessageId) -> Vec<Option<serde_json::Value>> {
    store.history(id).await.unwrap().attempts.into_iter().map(|attempt| attempt.exchange).collect()
}

async fn each_try_keeps_what_went_over_the_wire(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["hola"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [part] = claim(&store, &database, 10, 1).await.try_into().unwrap();
    assert_eq!(exchanges(&store, id).await, [None], "it is under way");
    let again = Settled::Retry { due_at: at(20), error: error("too many") };
    store.settle(exchanged(&part, 11, again, 429)).await.unwrap();
    let [part] = claim(&store, &database, 20, 1).await.try_into().unwrap();
    store.settle(exchanged(&part, 21, accepted("SM1"), 201)).await.unwrap();
    assert_eq!(exchanges(&store, id).await, [Some(json!({ "status": 429 })), Some(json!({ "status": 201 }))]);
}

async fn words_of_the_provider_are_shown_without_numbers(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["hola"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [part] = claim(&store, &database, 10, 1).await.try_into().unwrap();
    let words = format!("The 'To' number {ANA} is not reachable");
    store.settle(settled(&part, 11, Settled::Failed { error: error(&words) })).await.unwrap();
    let mut report = database.report(Some(part.id), "SM1", Status::Failed, 12);
    report.error = Some(error(&words));
    store.observe(report).await.unwrap();
    let history = store.history(id).await.unwrap();
    let shown = Some("The 'To' number +52…33 is not reachable");
    assert_eq!(history.attempts[0].error_message.as_deref(), shown);
    assert_eq!(history.observations[0].error_message.as_deref(), shown);
}

async fn what_went_over_the_wire_goes_with_the_text(database: Database) {
    let store = database.store().await;
    let kept = database.submission(LUIS, &["hola"]);
    let kept_id = kept.message.id;
    store.submit(kept).await.unwrap();
    let mut submission = database.submission(ANA, &["secreto"]);
    let redacted = submission.message.id;
    store.submit(submission).await.unwrap();
    submission = database.submission("+529981112255", &["no se guarda"]);
    submission.message.options.discard_content = Some(true);
    let discarded = submission.message.id;
    store.submit(submission).await.unwrap();
    for (part, provider_id) in claim(&store, &database, 10, 3).await.iter().zip(["SM1", "SM2", "SM3"]) {
        let delivered = accepted_as(provider_id, Status::Delivered);
        store.settle(exchanged(part, 11, delivered, 201)).await.unwrap();
    }
    assert_eq!(exchanges(&store, discarded).await, [None], "no longer than it takes to send it");
    assert!(exchanges(&store, redacted).await[0].is_some());
    assert_eq!(store.redact(redacted, at(12)).await.unwrap(), Redaction::Done);
    assert_eq!(exchanges(&store, redacted).await, [None]);
    assert!(exchanges(&store, kept_id).await[0].is_some(), "that of another message stays");
}

async fn what_comes_late_is_not_kept_of_a_removed_text(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["hola"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [part] = claim(&store, &database, 10, 1).await.try_into().unwrap();
    // The worker sleeps for longer than its lease.
    store.expire_leases(at(100)).await.unwrap();
    store.ask_again(vec![part.id], None, 1).await.unwrap();
    assert_eq!(store.redact(id, at(101)).await.unwrap(), Redaction::Done);
    store.settle(exchanged(&part, 102, accepted("SM1"), 201)).await.unwrap();
    assert_eq!(status(&store, id).await, Status::Queued);
    assert_eq!(exchanges(&store, id).await, [None]);
}

fn says(database: &Database, provider_id: &str, choice: Choice, seconds: i64) -> NewInbound {
    let consent = Consent { choice, source: Source::Message, code: None };
    NewInbound { consent: Some(consent), received_at: at(seconds), ..database.inbound(provider_id, ANA) }
}

async fn what_the_gate_said_is_kept_as_it_was(database: Database) {
    let store = database.store().await;
    let gate = async |id: MessageId| store.history(id).await.unwrap().gate;
    let first = database.submission(ANA, &["uno"]);
    store.submit(first.clone()).await.unwrap();
    let never = json!({ "verdict": "allowed", "consent": "never_opted_out", "at": at(0) });
    assert_eq!(gate(first.message.id).await, Some(never.clone()));
    store.record(says(&database, "SM1", Choice::OptedOut, 3)).await.unwrap();
    store.record(says(&database, "SM2", Choice::OptedIn, 5)).await.unwrap();
    let mut second = database.submission(ANA, &["dos"]);
    second.message.at = at(6);
    store.submit(second.clone()).await.unwrap();
    store.record(says(&database, "SM3", Choice::OptedOut, 7)).await.unwrap();
    let again = json!({ "verdict": "allowed", "consent": "opted_in", "since": at(5), "at": at(6) });
    assert_eq!(gate(second.message.id).await, Some(again), "whatever came after it");
    assert_eq!(gate(first.message.id).await, Some(never));
    // What a plugin refused came to no gate.
    let mut refused = database.submission(LUIS, &[]);
    refused.message.rejected = Some(Rejection::Plugin { plugin: "checks".to_owned(), problem: "no".to_owned() });
    store.submit(refused.clone()).await.unwrap();
    assert_eq!(gate(refused.message.id).await, None);
}

async fn what_the_gate_refused_is_kept_with_the_decision(database: Database) {
    let store = database.store().await;
    let stop = says(&database, "SM1", Choice::OptedOut, 3);
    store.record(stop.clone()).await.unwrap();
    store.commit(processed(&stop, stop.conversation_id)).await.unwrap();
    let (luis, ana) = (database.inbound("SM2", LUIS), database.inbound("SM3", ANA));
    for (new, allowed) in [(luis, true), (ana, false)] {
        store.record(new.clone()).await.unwrap();
        let conversation = store.message(new.id).await.unwrap().unwrap().conversation_id;
        let reply = NewOutbound {
            plugin: Some("auto-reply".to_owned()),
            in_reply_to: Some(new.id),
            ..database.outbound(new.sender.as_str(), &["hola"])
        };
        let traces = vec![trace(&database, new.id, "auto-reply")];
        let processed = Processed { replies: vec![reply], traces, ..processed(&new, conversation) };
        store.commit(processed).await.unwrap();
        let refused = store.traces(new.id).await.unwrap()[0].decision["gate"].clone();
        let led_to = store.history(new.id).await.unwrap().led_to;
        if allowed {
            assert!(refused.is_null(), "{refused}");
            assert_eq!(led_to[0].gate.as_ref().map(|gate| &gate["verdict"]), Some(&json!("allowed")));
        } else {
            assert_eq!((&refused[0]["verdict"], &refused[0]["message"]), (&json!("refused"), &json!("a reply")));
            assert_eq!((&refused[0]["since"], &refused[0]["to"]), (&json!(at(3)), &json!("+52…33")));
            assert!(led_to.is_empty(), "{led_to:?}");
        }
    }
}

async fn each_look_at_the_providers_list_is_kept(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["hola"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [part] = claim(&store, &database, 0, 1).await.try_into().unwrap();
    store.settle(settled(&part, 10, unknown())).await.unwrap();
    let reconcile = async |listed| {
        let [reconciled] = store.reconcile(listed).await.unwrap().try_into().unwrap();
        reconciled.fate
    };
    store.look_again(vec![part.id], at(20), at(25), 0).await.unwrap();
    assert_eq!(reconcile(listing(&[part.id], vec![], 60)).await, Fate::Open);
    let others = vec![found("SM7", "otra", 4), found("SM8", "otra más", 5)];
    assert_eq!(reconcile(listing(&[part.id], others, 100)).await, Fate::Held(Hold::Unexplained));
    let listed = vec![found("SM9", "hola", 4), found("SM8", "otra más", 5)];
    assert_eq!(reconcile(listing(&[part.id], listed, 140)).await, Fate::Found(Status::Sent));
    let looks = store.history(id).await.unwrap().looks;
    assert!(looks.iter().all(|look| look.part_id == part.id));
    let kept = json!(looks.into_iter().map(|look| look.look).collect::<Vec<_>>());
    let expected = json!([
        { "at": at(20), "found": "no_answer", "listed": 0, "concluded": "open" },
        { "at": at(60), "found": "none", "listed": 0, "concluded": "open" },
        {
            "at": at(100), "found": "several", "listed": 2, "concluded": "held",
            "reason": Hold::Unexplained.reason(),
        },
        { "at": at(140), "found": "one", "listed": 2, "concluded": "found" },
    ]);
    assert_eq!(kept, expected);
    // The question of a status that is not final finds no part whose outcome is unknown.
    store.look_again(vec![part.id], at(200), at(210), 0).await.unwrap();
    assert_eq!(store.history(id).await.unwrap().looks.len(), 4);
}

async fn webhooks_that_come_again_are_counted(database: Database) {
    let store = database.store().await;
    let came = |seconds| NewInbound { received_at: at(seconds), ..database.inbound("SM1", ANA) };
    let repeated = async |id| store.history(id).await.unwrap().repeated;
    let first = came(0);
    // Both in one batch, and one later; another message is not concerned.
    let (_, _, other) = futures::join!(
        store.record(first.clone()),
        store.record(came(1)),
        store.record(database.inbound("SM2", LUIS)),
    );
    assert_eq!(other.unwrap(), Receipt::Recorded);
    let [of] = store
        .unprocessed(10)
        .await
        .unwrap()
        .into_iter()
        .filter(|recorded| recorded.sender.as_str() == ANA)
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    assert_eq!(repeated(of.id).await, Some(Repeated { times: 1, last_at: at(1) }));
    store.record(came(90)).await.unwrap();
    assert_eq!(repeated(of.id).await, Some(Repeated { times: 2, last_at: at(90) }));
    let report = |seconds| database.report(None, "SM5", Status::Sent, seconds);
    let submission = database.submission(ANA, &["hola"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [part] = claim(&store, &database, 2, 1).await.try_into().unwrap();
    store.settle(settled(&part, 3, accepted("SM5"))).await.unwrap();
    store.observe(report(4)).await.unwrap();
    let last = async || {
        let [report] = store.history(id).await.unwrap().observations.try_into().unwrap();
        (report.times, report.received_at, report.repeated_at)
    };
    assert_eq!(last().await, (1, at(4), None));
    store.observe(report(9)).await.unwrap();
    assert_eq!(last().await, (2, at(4), Some(at(9))));
}
