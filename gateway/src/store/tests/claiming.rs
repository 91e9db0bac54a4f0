//! Leases on parts that are due.

use sea_orm::{ConnectionTrait, EntityTrait, TransactionTrait};

use super::*;
use crate::message::ProviderError;
use crate::store::entities;

mod apart {
    use super::*;

    on_postgres!(a_part_that_another_has_just_now_is_left_for_the_next_look);
}

on_both!(
    a_claim_tells_all_that_sending_needs,
    a_conversation_is_sent_one_part_after_the_other,
    a_claim_takes_no_more_than_asked_for_and_nothing_before_its_time,
    what_waits_for_its_time_holds_nobody_up,
    a_lease_that_ends_leaves_its_part_unknown,
    a_lease_that_ends_undoes_no_report,
);

fn texts(claimed: &[Claimed]) -> Vec<&str> {
    claimed.iter().map(|part| part.text.as_str()).collect()
}

async fn a_claim_tells_all_that_sending_needs(database: Database) {
    let store = database.store().await;
    let mut submission = database.submission(ANA, &["hola"]);
    submission.message.parts[0].media = vec!["https://example.mx/a".to_owned()];
    let options = Options { validity: Some(60), smart_encoded: Some(true), ..Options::default() };
    submission.message.options = options.clone();
    submission.message.service = Some("MG1".to_owned());
    submission.message.schedule = Schedule::AtProvider(at(4000));
    store.submit(submission.clone()).await.unwrap();
    let claimed = claim(&store, &database, 1, 3).await;
    let expected = Claimed {
        id: submission.message.parts[0].id,
        attempt_id: claimed[0].attempt_id,
        message_id: submission.message.id,
        channel: "sms".to_owned(),
        sender: Some(Address::received(OURS)),
        service: Some("MG1".to_owned()),
        own_sender: false,
        recipient: Address::received(ANA),
        text: "hola".to_owned(),
        media: vec!["https://example.mx/a".to_owned()],
        options,
        send_at: Some(at(4000)),
        priority: Priority::Normal,
        segments: 1,
        due_at: at(0),
        attempts: 1,
        until: at(61),
    };
    assert_eq!(claimed, [expected]);
    // On record before the request is written.
    let [attempt] = entities::attempts::Entity::find().all(&store.reads).await.unwrap().try_into().unwrap();
    assert_eq!((attempt.id, attempt.part_id, attempt.number), (claimed[0].attempt_id, claimed[0].id.0, 1));
    assert_eq!((attempt.started_at, attempt.finished_at), (at(1).as_millisecond(), None));
    assert_eq!(claim(&store, &database, 2, 3).await, [], "it is leased already");
    assert_eq!(claim(&store, &database, 2, 0).await, []);
}

async fn a_conversation_is_sent_one_part_after_the_other(database: Database) {
    let store = database.store().await;
    for (recipient, parts) in [(ANA, &["a1", "a2"][..]), (LUIS, &["l1"]), (ANA, &["a3"])] {
        store.submit(database.submission(recipient, parts)).await.unwrap();
    }
    let claimed = claim(&store, &database, 1, 10).await;
    assert_eq!(texts(&claimed), ["a1", "l1"]);
    assert_eq!(claim(&store, &database, 1, 10).await, [], "a2 waits for a1, a3 for both");

    // One that is to be tried again keeps its place.
    let retry = Settled::Retry { due_at: at(30), error: ProviderError::default() };
    store.settle(settled(&claimed[0], 2, retry)).await.unwrap();
    assert_eq!(claim(&store, &database, 29, 10).await, []);
    let claimed = claim(&store, &database, 30, 10).await;
    assert_eq!((texts(&claimed), claimed[0].attempts), (vec!["a1"], 2));

    // One that is unknown may have arrived, so the next does not wait for it.
    store.settle(settled(&claimed[0], 31, Settled::Unknown { error: ProviderError::default() })).await.unwrap();
    let claimed = claim(&store, &database, 32, 10).await;
    assert_eq!(texts(&claimed), ["a2"]);
    store.settle(settled(&claimed[0], 33, accepted("SM2"))).await.unwrap();
    assert_eq!(texts(&claim(&store, &database, 34, 10).await), ["a3"]);
}

async fn what_waits_for_its_time_holds_nobody_up(database: Database) {
    let store = database.store().await;
    let mut later = database.submission(ANA, &["later 1", "later 2"]);
    later.message.schedule = Schedule::At(at(100));
    store.submit(later.clone()).await.unwrap();
    store.submit(database.submission(ANA, &["now"])).await.unwrap();
    let claimed = claim(&store, &database, 1, 10).await;
    assert_eq!(texts(&claimed), ["now"]);
    store.settle(settled(&claimed[0], 2, accepted("SM1"))).await.unwrap();
    assert_eq!(claim(&store, &database, 99, 10).await, []);
    store.submit(database.submission(ANA, &["last"])).await.unwrap();
    // When its time has come it keeps its place, in front of what was written after it.
    assert_eq!(texts(&claim(&store, &database, 100, 10).await), ["later 1"]);
    let stored = message(&store, later.message.id).await;
    assert_eq!((stored.send_at, stored.options), (Some(at(100)), Options::default()));
}

async fn a_claim_takes_no_more_than_asked_for_and_nothing_before_its_time(database: Database) {
    let store = database.store().await;
    for number in 0..7 {
        let mut submission = database.submission(&format!("+5299811100{number:02}"), &[&number.to_string()]);
        // The last two are due a minute later, the first of all before the others.
        submission.message.at = at(if number > 4 { 60 } else { 10 - number });
        store.submit(submission).await.unwrap();
    }
    assert_eq!(texts(&claim(&store, &database, 10, 3).await), ["2", "3", "4"], "the longest due come first");
    assert_eq!(texts(&claim(&store, &database, 10, 3).await), ["0", "1"]);
    assert_eq!(claim(&store, &database, 59, 3).await, []);
    assert_eq!(texts(&claim(&store, &database, 60, 1).await), ["5"]);
    assert_eq!(texts(&claim(&store, &database, 60, 9).await), ["6"]);
}

async fn a_lease_that_ends_leaves_its_part_unknown(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["one", "two"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [part] = claim(&store, &database, 0, 10).await.try_into().unwrap();
    assert_eq!(store.expire_leases(at(60)).await.unwrap(), [], "the lease ends now, not before");
    assert_eq!(store.expire_leases(at(61)).await.unwrap(), [part.id]);
    assert_eq!(store.expire_leases(at(61)).await.unwrap(), []);
    let stored = message(&store, id).await;
    assert_eq!((stored.parts[0].status, stored.parts[1].status), (Status::Unknown, Status::Pending));
    assert_eq!(stored.error_message.as_deref(), Some("the gateway stopped before the provider answered"));
    let [attempt] = entities::attempts::Entity::find().all(&store.reads).await.unwrap().try_into().unwrap();
    assert_eq!((attempt.outcome.as_deref(), attempt.finished_at), (Some("unknown"), Some(at(61).as_millisecond())));
    // It is not sent again, and holds up nothing.
    let [next] = claim(&store, &database, 62, 10).await.try_into().unwrap();
    assert_eq!(next.text, "two");
    store.settle(settled(&next, 63, accepted("SM2"))).await.unwrap();
    assert_eq!(status(&store, id).await, Status::Unknown);
    // The worker was only slow: what it says late still counts.
    store.settle(settled(&part, 64, accepted("SM1"))).await.unwrap();
    let stored = message(&store, id).await;
    assert_eq!((stored.status, stored.provider_id.as_deref()), (Status::Queued, Some("SM1")));
    assert_eq!((stored.error_code, stored.error_message), (None, None));
}

async fn a_lease_that_ends_undoes_no_report(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["hola"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [part] = claim(&store, &database, 0, 10).await.try_into().unwrap();
    store.observe(database.report(Some(part.id), "SM1", Status::Delivered, 5)).await.unwrap();
    store.expire_leases(at(100)).await.unwrap();
    let stored = message(&store, id).await;
    assert_eq!((stored.status, stored.error_message), (Status::Delivered, None));
    assert_eq!(claim(&store, &database, 101, 10).await, []);
}

async fn a_part_that_another_has_just_now_is_left_for_the_next_look(database: Database) {
    let store = database.store().await;
    for recipient in [ANA, LUIS] {
        store.submit(database.submission(recipient, &["hola"])).await.unwrap();
    }
    let [held, other] = claim(&store, &database, 1, 9).await.try_into().unwrap();
    let lock = database.directly().await.begin().await.unwrap();
    lock.execute_unprepared(&format!("SELECT id FROM parts WHERE id = '{}' FOR UPDATE", held.id)).await.unwrap();
    let soon = std::time::Duration::from_secs(10);
    let ended = tokio::time::timeout(soon, store.expire_leases(at(99))).await.expect("nobody waits for it");
    assert_eq!(ended.unwrap(), [other.id]);
    lock.rollback().await.unwrap();
    assert_eq!(store.expire_leases(at(99)).await.unwrap(), [held.id]);
}
