//! What is done for many in one transaction comes to what it would have come to one by one.

use std::collections::BTreeMap;

use sea_orm::{EntityTrait, TransactionTrait};

use super::callbacks::{asking, heard};
use super::*;
use crate::message::consent::{Choice, Source};
use crate::message::{Consent, ProviderError};
use crate::store::entities;
use crate::store::operations::learned::{self, About, Learned};
use crate::store::operations::submit;
use crate::store::{ContactMade, NewContact};

on_both!(
    what_becomes_of_a_part_at_once_is_told_step_by_step,
    the_same_report_twice_at_once_is_one_that_came_twice,
    an_attempt_that_is_settled_twice_at_once_counts_once,
    whoever_opts_out_is_sent_nothing_that_comes_back_with_it,
    a_part_that_is_not_there_spoils_only_itself,
    calls_with_one_key_at_once_make_one_message,
    what_is_urgent_hurries_what_comes_before_it_and_nothing_else,
    many_parts_of_many_messages_go_where_they_belong,
    all_addresses_of_one_person_count_for_one_cap,
);

/// All in one transaction.
async fn learn(store: &Store, database: &Database, all: Vec<About>) -> Vec<Option<Observed>> {
    let all: Vec<Learned> = all.into_iter().map(|about| Learned { about, questions: store.questions }).collect();
    let transaction = database.directly().await.begin().await.unwrap();
    let done = learned::apply(&transaction, &all.iter().collect::<Vec<_>>(), &store.reporting).await.unwrap();
    transaction.commit().await.unwrap();
    done
}

/// Likewise.
async fn submit_all(store: &Store, database: &Database, all: &[Submission]) -> Vec<Submitted> {
    let transaction = database.directly().await.begin().await.unwrap();
    let done = submit::apply(&transaction, &all.iter().collect::<Vec<_>>(), &store.reporting).await.unwrap();
    transaction.commit().await.unwrap();
    done
}

async fn all_addresses_of_one_person_count_for_one_cap(database: Database) {
    let store = database.store().await;
    store.gate_by(gate::rules("[caps]\nper_day = 1"));
    let addresses = [ANA, LUIS].map(Address::received).to_vec();
    let ana =
        NewContact { id: ContactId(database.id()), name: None, attributes: BTreeMap::new(), addresses, at: at(0) };
    assert!(matches!(store.create_contact(ana, act(0)).await.unwrap(), ContactMade::Done(_)));
    let all = [ANA, LUIS].map(|recipient| database.submission(recipient, &["promo"]));
    let done = submit_all(&store, &database, &all).await;
    assert!(matches!(done[..], [Submitted::Stored(_), Submitted::Refused { .. }]), "{done:?}");
}

fn reported(database: &Database, part: &Claimed, provider_id: &str, status: Status, seconds: i64) -> About {
    About::Report(database.report(Some(part.id), provider_id, status, seconds))
}

fn unavailable() -> ProviderError {
    ProviderError { code: Some(503), message: None }
}

async fn what_becomes_of_a_part_at_once_is_told_step_by_step(database: Database) {
    let store = database.store().await;
    let submission = asking(&store, &database, Some(OURS)).await;
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    let all = vec![
        About::Try(settled(&part, 2, accepted("SM1"))),
        reported(&database, &part, "SM1", Status::Sent, 3),
        reported(&database, &part, "SM1", Status::Delivered, 4),
        reported(&database, &part, "SM1", Status::Sent, 5),
    ];
    let id = submission.message.id;
    let moved = |status| Some(Observed::Message { id, status, conflict: false });
    let done = learn(&store, &database, all).await;
    assert_eq!(done, [None, moved(Status::Sent), moved(Status::Delivered), moved(Status::Delivered)]);
    let stored = message(&store, id).await;
    assert_eq!((stored.status, stored.sent_at, stored.delivered_at), (Status::Delivered, Some(at(3)), Some(at(4))));
    assert_eq!(stored.parts[0].provider_id.as_deref(), Some("SM1"));
    assert_eq!(heard(&store, 6).await, [Status::Sent, Status::Delivered]);
    // Those that follow are told after those that there are.
    learn(&store, &database, vec![reported(&database, &part, "SM1", Status::Read, 7)]).await;
    assert_eq!(heard(&store, 8).await, [Status::Read]);
}

async fn the_same_report_twice_at_once_is_one_that_came_twice(database: Database) {
    let store = database.store().await;
    store.submit(database.submission(ANA, &["hola"])).await.unwrap();
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    let report = |seconds| reported(&database, &part, "SM1", Status::Sent, seconds);
    for (all, times, repeated_at) in [(vec![report(2), report(3)], 2, at(3)), (vec![report(4), report(5)], 4, at(5))] {
        learn(&store, &database, all).await;
        let [kept] = entities::observations::Entity::find().all(&store.reads).await.unwrap().try_into().unwrap();
        assert_eq!((kept.times, kept.repeated_at), (times, Some(repeated_at.as_millisecond())));
        assert_eq!((kept.received_at, kept.part_id), (at(2).as_millisecond(), Some(part.id.0)));
    }
}

/// A stop that does not wait says that the outcome is unknown, and the answer may come at the same moment.
async fn an_attempt_that_is_settled_twice_at_once_counts_once(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["hola"]);
    store.submit(submission.clone()).await.unwrap();
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    let unknown = About::Try(settled(&part, 2, Settled::Unknown { error: unavailable() }));
    let sent = About::Try(settled(&part, 2, accepted("SM1")));
    learn(&store, &database, vec![unknown.clone(), sent.clone(), unknown, sent]).await;
    let attempt = entities::attempts::Entity::find_by_id(part.attempt_id).one(&store.reads).await.unwrap().unwrap();
    assert_eq!(attempt.outcome.as_deref(), Some("accepted"));
    assert_eq!(status(&store, submission.message.id).await, Status::Queued);
}

async fn whoever_opts_out_is_sent_nothing_that_comes_back_with_it(database: Database) {
    let store = database.store().await;
    let mut parts = Vec::new();
    for text in ["one", "two", "three"] {
        store.submit(database.submission(ANA, &[text])).await.unwrap();
        let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
        if text != "three" {
            // Out of the way, so that the next one can be claimed.
            store.settle(settled(&part, 1, Settled::Unknown { error: unavailable() })).await.unwrap();
        }
        parts.push(part);
    }
    let consent = Consent { choice: Choice::OptedOut, source: Source::Provider, code: Some(21610) };
    let stopped = NewObservation {
        consent: Some(consent),
        error: Some(ProviderError { code: Some(21610), message: None }),
        ..database.report(Some(parts[0].id), "SM1", Status::Failed, 2)
    };
    let again = settled(&parts[2], 2, Settled::Retry { due_at: at(2), error: unavailable() });
    learn(&store, &database, vec![About::Report(stopped), About::Try(again)]).await;
    assert_eq!(claim(&store, &database, 10, 10).await, []);
    let ended = message(&store, parts[2].message_id).await;
    assert_eq!((ended.status, ended.error_code), (Status::Failed, Some(21610)));
    assert_eq!(status(&store, parts[1].message_id).await, Status::Unknown, "that one may have been sent");
}

async fn a_part_that_is_not_there_spoils_only_itself(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["hola"]);
    store.submit(submission.clone()).await.unwrap();
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    let good = settled(&part, 2, accepted("SM1"));
    let bad = Settlement { part_id: PartId(database.id()), ..good.clone() };
    let (bad, good) = tokio::join!(store.settle(bad), store.settle(good));
    assert!(matches!(bad, Err(crate::store::Error::Refused(_))));
    good.unwrap();
    assert_eq!(status(&store, submission.message.id).await, Status::Queued);
}

async fn calls_with_one_key_at_once_make_one_message(database: Database) {
    let store = database.store().await;
    let api_key_id = database.id();
    store.create_key(new_key(api_key_id, "app", "aa"), act(0)).await.unwrap();
    let call = |key: &str, fingerprint: &str| {
        let idempotency = Idempotency { api_key_id, key: key.to_owned(), fingerprint: fingerprint.to_owned() };
        Submission { idempotency: Some(idempotency), ..database.submission(ANA, &["hola"]) }
    };
    let all = [call("a", "same"), call("a", "same"), call("a", "other"), call("b", "same")];
    let done = submit_all(&store, &database, &all).await;
    let [first, _, _, last] = all.map(|call| call.message.id);
    assert_eq!((done[0].stored(), done[3].stored()), (Some(first), Some(last)));
    assert_eq!(done[1..3], [Submitted::Before(first), Submitted::KeyReused]);
    let stored = store.messages(crate::store::MessageFilter::default(), None, 50).await.unwrap().items;
    assert_eq!(stored.len(), 2);
    assert!(stored.iter().all(|message| message.conversation_id == stored[0].conversation_id), "of one conversation");
}

async fn what_is_urgent_hurries_what_comes_before_it_and_nothing_else(database: Database) {
    use Priority::{Bulk, High, Normal};
    let store = database.store().await;
    let of = |recipient: &str, priority| {
        let mut submission = database.submission(recipient, &["hola"]);
        submission.message.priority = priority;
        submission
    };
    let all = [of(ANA, High), of(ANA, Bulk), of(LUIS, Bulk), of(LUIS, Normal), of(LUIS, High), of(LUIS, Bulk)];
    submit_all(&store, &database, &all).await;
    let mut priorities = Vec::new();
    for submission in &all {
        priorities.push(message(&store, submission.message.id).await.priority.unwrap());
    }
    assert_eq!(priorities, [High, Bulk, High, High, High, Bulk]);
}

async fn many_parts_of_many_messages_go_where_they_belong(database: Database) {
    let store = database.store().await;
    let people: Vec<String> = (10..40).map(|number| format!("+5299811122{number}")).collect();
    let submissions: Vec<Submission> =
        people.iter().map(|person| database.submission(person, &["one", "two"])).collect();
    submit_all(&store, &database, &submissions).await;
    for turn in [1, 2] {
        let parts = claim(&store, &database, turn, 100).await;
        assert_eq!(parts.len(), people.len());
        let id = |part: &Claimed| format!("SM{turn}{}", part.recipient.as_str());
        let mut all: Vec<About> =
            parts.iter().map(|part| About::Try(settled(part, turn, accepted(&id(part))))).collect();
        all.extend(parts.iter().map(|part| reported(&database, part, &id(part), Status::Delivered, turn)));
        learn(&store, &database, all).await;
    }
    for submission in submissions {
        let stored = message(&store, submission.message.id).await;
        assert_eq!((stored.status, stored.delivered_at), (Status::Delivered, Some(at(2))));
        let ids: Vec<Option<&str>> = stored.parts.iter().map(|part| part.provider_id.as_deref()).collect();
        let expected = ["SM1", "SM2"].map(|id| format!("{id}{}", submission.message.recipient.as_str()));
        assert_eq!(ids, expected.iter().map(|id| Some(id.as_str())).collect::<Vec<_>>());
    }
}
