//! What applications are to be told: which changes, in which order, and how often.

use sea_orm::EntityTrait;

use super::*;
use crate::store::Aged;
use crate::store::entities::callbacks;

on_both!(
    changes_of_interest_are_told_in_order,
    a_service_is_news_when_it_has_queued,
    nobody_is_told_who_did_not_ask,
    what_was_not_told_is_told_again,
    what_waits_for_another_try_is_due_no_sooner,
    a_callback_goes_to_one_worker,
    whoever_lost_a_callback_ends_nothing,
    what_the_report_said_goes_along,
    what_was_told_may_go_before_the_rest_is_known,
);

const HASH: &str = "aa";

async fn message_callback(store: &Store, database: &Database) -> Option<Callback> {
    let key = database.id();
    store.create_key(new_key(key, "app", HASH), act(0)).await.unwrap();
    let api_key_id = store.key_by_hash(HASH).await.unwrap().unwrap().id;
    Some(Callback { url: "https://app.example.com/status".to_owned(), api_key_id, account: "AC1".to_owned() })
}

pub(super) async fn asking(store: &Store, database: &Database, sender: Option<&str>) -> Submission {
    let mut submission = database.submission(ANA, &["hola"]);
    submission.message.sender = Sender::Own(sender.map(Address::received));
    submission.message.service = sender.is_none().then(|| "MG1".to_owned());
    submission.message.callback = message_callback(store, database).await;
    store.submit(submission.clone()).await.unwrap();
    submission
}

async fn told(store: &Store, seconds: i64) -> Vec<ClaimedCallback> {
    store.claim_callbacks(at(seconds), at(seconds + 20), 10).await.unwrap()
}

async fn settle(store: &Store, callback: &ClaimedCallback, seconds: i64, result: CallbackResult) {
    let ClaimedCallback { message_id, position, tries, .. } = *callback;
    store.settle_callback(CallbackSettlement { message_id, position, tries, at: at(seconds), result }).await.unwrap();
}

/// What is told at this moment, when the application answers.
pub(super) async fn heard(store: &Store, seconds: i64) -> Vec<Status> {
    let mut statuses = Vec::new();
    loop {
        let told = told(store, seconds).await;
        if told.is_empty() {
            return statuses;
        }
        for callback in told {
            settle(store, &callback, seconds, CallbackResult::Done).await;
            statuses.push(callback.status);
        }
    }
}

async fn report(store: &Store, database: &Database, part: PartId, status: Status, seconds: i64) {
    store.observe(database.report(Some(part), "SM1", status, seconds)).await.unwrap();
}

async fn changes_of_interest_are_told_in_order(database: Database) {
    let store = database.store().await;
    let asking = asking(&store, &database, Some(OURS)).await;
    assert!(!store.callbacks_due(at(1)).await.unwrap());
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    store.settle(settled(&part, 2, accepted("SM1"))).await.unwrap();
    assert!(!store.callbacks_due(at(2)).await.unwrap(), "that it waits is no news");
    // The same report twice, and one that comes too late.
    for status in [Status::Sent, Status::Sent, Status::Delivered, Status::Sent, Status::Read] {
        report(&store, &database, part.id, status, 3).await;
    }
    assert!(store.callbacks_due(at(3)).await.unwrap());

    let [first] = told(&store, 3).await.try_into().unwrap();
    assert_eq!((first.status, first.position, first.tries), (Status::Sent, 0, 1));
    assert_eq!((first.message_id, first.key_hash.as_str()), (asking.message.id, HASH));
    assert_eq!(Some(&first.callback), asking.message.callback.as_ref());
    assert_eq!((first.from.as_ref(), &first.to), (asking.message.sender.address(), &asking.message.recipient));
    assert_eq!(first.service, None);
    assert_eq!(told(&store, 3).await, [], "the next one waits for it");
    settle(&store, &first, 3, CallbackResult::Done).await;
    assert_eq!(heard(&store, 3).await, [Status::Delivered, Status::Read]);
    assert!(!store.callbacks_due(at(1000)).await.unwrap());
}

async fn a_service_is_news_when_it_has_queued(database: Database) {
    let store = database.store().await;
    asking(&store, &database, None).await;
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    store.settle(settled(&part, 2, accepted("SM1"))).await.unwrap();
    let [queued] = told(&store, 2).await.try_into().unwrap();
    assert_eq!((queued.status, queued.from.as_ref(), queued.service.as_deref()), (Status::Queued, None, Some("MG1")));
    settle(&store, &queued, 2, CallbackResult::Done).await;
    let chosen = Some(Address::received(OURS));
    let sent =
        NewObservation { sender: chosen.clone(), ..database.report(Some(part.id), "SM1", Status::Undelivered, 3) };
    store.observe(sent).await.unwrap();
    let [ended] = told(&store, 3).await.try_into().unwrap();
    assert_eq!((ended.status, ended.from, ended.service.as_deref()), (Status::Undelivered, chosen, Some("MG1")));
}

async fn nobody_is_told_who_did_not_ask(database: Database) {
    let store = database.store().await;
    store.submit(database.submission(ANA, &["hola"])).await.unwrap();
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    report(&store, &database, part.id, Status::Delivered, 3).await;
    assert_eq!(told(&store, 1000).await, []);
}

async fn what_was_not_told_is_told_again(database: Database) {
    let store = database.store().await;
    asking(&store, &database, Some(OURS)).await;
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    let error = crate::message::ProviderError { code: Some(21610), message: None };
    store.settle(settled(&part, 3, Settled::Failed { error })).await.unwrap();

    let [first] = told(&store, 3).await.try_into().unwrap();
    assert_eq!((first.status, first.error_code, first.tries), (Status::Failed, Some(21610), 1));
    let problem = "answered 500".to_owned();
    settle(&store, &first, 4, CallbackResult::Retry { due_at: at(9), problem: problem.clone() }).await;
    assert_eq!(told(&store, 8).await, [], "not before its time");
    let [second] = told(&store, 9).await.try_into().unwrap();
    assert_eq!((second.status, second.tries), (Status::Failed, 2));
    // The gateway is killed now; the lease ends, and another start goes on.
    let other = database.store().await;
    assert_eq!(told(&other, 28).await, []);
    let [third] = told(&other, 30).await.try_into().unwrap();
    assert_eq!(third.tries, 3);
    settle(&other, &third, 31, CallbackResult::GivenUp { problem }).await;
    assert_eq!(told(&other, 10_000).await, [], "given up");
}

/// A part that was sent and delivered, and the callback that tells the first of it.
async fn delivered(store: &Store, database: &Database) -> (Claimed, ClaimedCallback) {
    asking(store, database, Some(OURS)).await;
    let [part] = claim(store, database, 1, 10).await.try_into().unwrap();
    for (status, seconds) in [(Status::Sent, 2), (Status::Delivered, 3)] {
        report(store, database, part.id, status, seconds).await;
    }
    let [sent] = told(store, 4).await.try_into().unwrap();
    (part, sent)
}

async fn what_waits_for_another_try_is_due_no_sooner(database: Database) {
    let store = database.store().await;
    let (part, sent) = delivered(&store, &database).await;
    let problem = "answered 500".to_owned();
    settle(&store, &sent, 5, CallbackResult::Retry { due_at: at(60), problem }).await;
    // One that was there, and one that comes now.
    report(&store, &database, part.id, Status::Read, 6).await;
    let rows = callbacks::Entity::find().all(&store.reads).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.due_at).collect::<Vec<_>>(), [at(60).as_millisecond(); 3]);
    assert_eq!(heard(&store, 59).await, []);
    assert_eq!(heard(&store, 60).await, [Status::Sent, Status::Delivered, Status::Read]);
}

async fn a_callback_goes_to_one_worker(database: Database) {
    let stores = [database.store().await, database.store().await];
    asking(&stores[0], &database, Some(OURS)).await;
    let [part] = claim(&stores[0], &database, 1, 10).await.try_into().unwrap();
    report(&stores[0], &database, part.id, Status::Delivered, 3).await;
    let both = futures::future::join_all(stores.iter().map(|store| told(store, 3))).await;
    assert_eq!(both.iter().map(Vec::len).sum::<usize>(), 1);
}

async fn whoever_lost_a_callback_ends_nothing(database: Database) {
    let stores = [database.store().await, database.store().await];
    let (_, first) = delivered(&stores[0], &database).await;
    // Its lease has ended, and another gateway tells it.
    let [second] = told(&stores[1], 30).await.try_into().unwrap();
    assert_eq!((second.status, second.tries), (Status::Sent, 2));
    let again = CallbackResult::Retry { due_at: at(31), problem: "answered 500".to_owned() };
    for late in [CallbackResult::Done, again, CallbackResult::GivenUp { problem: "answered 404".to_owned() }] {
        settle(&stores[0], &first, 31, late).await;
        assert_eq!(told(&stores[0], 31).await, [], "what comes behind it waits");
    }
    settle(&stores[1], &second, 32, CallbackResult::Done).await;
    assert_eq!(heard(&stores[0], 32).await, [Status::Delivered]);
}

async fn what_the_report_said_goes_along(database: Database) {
    let store = database.store().await;
    let named = asking(&store, &database, Some(OURS)).await.message.id;
    let mut long = database.submission(LUIS, &["uno", "dos"]);
    long.message.callback = message_callback(&store, &database).await;
    store.submit(long.clone()).await.unwrap();
    let said = |part, provider_id: &str, status, seconds, date: &str| NewObservation {
        raw: vec![("RawDlrDoneDate".to_owned(), date.to_owned())],
        ..database.report(Some(part), provider_id, status, seconds)
    };
    for number in 0..2 {
        for part in claim(&store, &database, number, 10).await {
            let provider_id = format!("SM{}", part.id);
            store.settle(settled(&part, number, accepted(&provider_id))).await.unwrap();
            store.observe(said(part.id, &provider_id, Status::Sent, 10 + number, "")).await.unwrap();
            let date = format!("261123000{number}");
            store.observe(said(part.id, &provider_id, Status::Delivered, 20 + number, &date)).await.unwrap();
        }
    }
    let mut seen = Vec::new();
    while let told @ [_, ..] = told(&store, 1000).await.as_slice() {
        for callback in told {
            settle(&store, callback, 1000, CallbackResult::Done).await;
            seen.push((callback.message_id, callback.status, callback.carrier_date.clone()));
        }
    }
    let date = |date: &str| Some(date.to_owned());
    for expected in [
        (named, Status::Sent, None),
        (named, Status::Delivered, date("2611230000")),
        // The last of its parts is what made it so.
        (long.message.id, Status::Delivered, date("2611230001")),
    ] {
        assert!(seen.contains(&expected), "{expected:?} is not in {seen:#?}");
    }
}

async fn what_was_told_may_go_before_the_rest_is_known(database: Database) {
    let store = database.store().await;
    let (part, sent) = delivered(&store, &database).await;
    settle(&store, &sent, 5, CallbackResult::Done).await;
    assert_eq!(store.age(Aged::Callbacks, at(60), 10, at(60)).await.unwrap().changed, 1);
    report(&store, &database, part.id, Status::Read, 61).await;
    assert_eq!(heard(&store, 62).await, [Status::Delivered, Status::Read]);
}
