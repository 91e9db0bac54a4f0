//! What a try to send a part came to.

use sea_orm::EntityTrait;

use super::*;
use crate::message::ProviderError;
use crate::store::entities;

on_both!(
    each_outcome_leaves_its_mark,
    a_report_that_came_first_is_proof,
    an_attempt_is_settled_once,
    the_provider_counts_the_segments,
    a_sender_is_learned_once_and_a_named_one_stays,
);

fn error() -> ProviderError {
    ProviderError { code: Some(21610), message: Some("opted out".to_owned()) }
}

async fn each_outcome_leaves_its_mark(database: Database) {
    let store = database.store().await;
    let told = Some(21610);
    let cases = [
        (accepted("SM1"), "accepted", Status::Queued, None, false),
        (Settled::Retry { due_at: at(30), error: error() }, "retry", Status::Pending, told, true),
        (Settled::Held { until: None, error: error() }, "held", Status::Pending, told, true),
        (Settled::Failed { error: error() }, "rejected", Status::Failed, told, false),
        (Settled::GivenUp { error: error() }, "given-up", Status::Failed, told, false),
        (Settled::OptedOut { error: error() }, "opted-out", Status::Failed, told, false),
        (Settled::Unknown { error: error() }, "unknown", Status::Unknown, told, false),
    ];
    for (number, (result, outcome, status, code, again)) in cases.into_iter().enumerate() {
        let submission = database.submission(&format!("+52998111000{number}"), &["hola"]);
        let id = submission.message.id;
        store.submit(submission).await.unwrap();
        let [part] = claim(&store, &database, 0, 10).await.try_into().unwrap();
        store.settle(settled(&part, 2, result)).await.unwrap();
        let stored = message(&store, id).await;
        assert_eq!((stored.status, stored.parts[0].status), (status, status), "{outcome}");
        assert_eq!((stored.error_code, stored.parts[0].error_code), (code, code), "{outcome}");
        assert_eq!(stored.error_message.is_some(), code.is_some(), "{outcome}");
        assert_eq!(stored.failed_at, (status == Status::Failed).then(|| at(2)), "{outcome}");
        let attempt = entities::attempts::Entity::find_by_id(part.attempt_id).one(&store.reads).await.unwrap().unwrap();
        assert_eq!((attempt.outcome.as_deref(), attempt.error_code), (Some(outcome), code));
        assert_eq!(attempt.finished_at, Some(at(2).as_millisecond()));
        let due = claim(&store, &database, 30, 10).await;
        assert_eq!(
            due.iter().map(|due| (due.id, due.attempts)).collect::<Vec<_>>(),
            Vec::from_iter(again.then_some((part.id, if outcome == "held" { 1 } else { 2 })))
        );
        for part in due {
            store.settle(settled(&part, 31, accepted("SM2"))).await.unwrap();
            assert_eq!(message(&store, id).await.error_code, None, "what went wrong before is over");
        }
    }
}

/// The provider reports only what it has, so whatever the try seemed to come to, it must not be
/// made again.
async fn a_report_that_came_first_is_proof(database: Database) {
    let store = database.store().await;
    let cases = [
        (accepted("SM0"), Status::Delivered),
        (Settled::Retry { due_at: at(3), error: error() }, Status::Sent),
        (Settled::Failed { error: error() }, Status::Queued),
        (Settled::OptedOut { error: error() }, Status::Sent),
        (Settled::Unknown { error: error() }, Status::Sending),
    ];
    for (number, (result, reported)) in cases.into_iter().enumerate() {
        let submission = database.submission(&format!("+52998111000{number}"), &["hola"]);
        let id = submission.message.id;
        store.submit(submission).await.unwrap();
        let [part] = claim(&store, &database, 0, 10).await.try_into().unwrap();
        store.observe(database.report(Some(part.id), &format!("SM{number}"), reported, 1)).await.unwrap();
        store.settle(settled(&part, 2, result)).await.unwrap();
        assert_eq!(status(&store, id).await, reported);
        assert_eq!(claim(&store, &database, 100, 10).await, []);
    }
}

/// A worker that could not see its settlement committed settles again, perhaps after the part was
/// claimed by another.
async fn an_attempt_is_settled_once(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["hola"]);
    store.submit(submission.clone()).await.unwrap();
    let [first] = claim(&store, &database, 0, 10).await.try_into().unwrap();
    let retry = settled(&first, 1, Settled::Retry { due_at: at(2), error: error() });
    store.settle(retry.clone()).await.unwrap();
    let [second] = claim(&store, &database, 2, 10).await.try_into().unwrap();
    store.settle(retry.clone()).await.unwrap();
    assert_eq!(claim(&store, &database, 3, 10).await, [], "the second attempt is under way");
    store.settle(settled(&second, 4, Settled::Failed { error: error() })).await.unwrap();
    store.settle(retry).await.unwrap();
    assert_eq!(claim(&store, &database, 5, 10).await, []);
    assert_eq!(status(&store, submission.message.id).await, Status::Failed);
}

async fn the_provider_counts_the_segments(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["one", "two"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    for (provider_id, segments, sum) in [("SM1", Some(3), 4), ("SM2", None, 4)] {
        let [part] = claim(&store, &database, 0, 10).await.try_into().unwrap();
        let (provider_id, status) = (provider_id.to_owned(), Status::Accepted);
        let result = Settled::Accepted { provider_id, status, segments, sender: None };
        store.settle(settled(&part, 1, result)).await.unwrap();
        assert_eq!(message(&store, id).await.segments, Some(sum));
    }
    assert_eq!(message(&store, id).await.provider_id.as_deref(), Some("SM1"), "that of the first part");
}

async fn a_sender_is_learned_once_and_a_named_one_stays(database: Database) {
    let store = database.store().await;
    let chosen = |number: &str| Settled::Accepted {
        provider_id: "SM1".to_owned(),
        status: Status::Queued,
        segments: None,
        sender: Some(Address::received(number)),
    };
    let from = async |id| message(&store, id).await.from;
    for (recipient, named, expected) in [(ANA, None, "+525500000001"), (LUIS, Some(OURS), OURS)] {
        let mut submission = database.submission(recipient, &["one", "two"]);
        submission.message.sender = Sender::Own(named.map(Address::received));
        submission.message.service = Some("MG1".to_owned());
        let id = submission.message.id;
        store.submit(submission).await.unwrap();
        assert_eq!(from(id).await.as_ref().map(Address::as_str), named);
        for number in ["+525500000001", "+525500000002"] {
            let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
            assert_eq!((part.sender.as_ref().map(Address::as_str), part.service.as_deref()), (named, Some("MG1")));
            store.settle(settled(&part, 2, chosen(number))).await.unwrap();
            assert_eq!(from(id).await, Some(Address::received(expected)), "that of the first part");
        }
        assert_eq!(message(&store, id).await.service.as_deref(), Some("MG1"));
    }
}
