//! What applications are to be told: which changes, in which order, and how often.

use super::*;

on_both!(
    changes_of_interest_are_told_in_order,
    a_service_is_news_when_it_has_queued,
    nobody_is_told_who_did_not_ask,
    what_was_not_told_is_told_again,
    a_callback_goes_to_one_worker,
);

const HASH: &str = "aa";

async fn asking(store: &Store, database: &Database, sender: Option<&str>) -> Submission {
    let key = database.id();
    store.create_key(key, "app".to_owned(), HASH.to_owned(), at(0)).await.unwrap();
    let mut submission = database.submission(ANA, &["hola"]);
    submission.message.sender = Sender::Own(sender.map(Address::received));
    submission.message.callback =
        Some(Callback { url: "https://app.example.com/status".to_owned(), api_key_id: key, account: "AC1".to_owned() });
    store.submit(submission.clone()).await.unwrap();
    submission
}

async fn told(store: &Store, seconds: i64) -> Vec<ClaimedCallback> {
    store.claim_callbacks(at(seconds), at(seconds + 20), 10).await.unwrap()
}

async fn settle(store: &Store, callback: &ClaimedCallback, seconds: i64, result: CallbackResult) {
    let settlement =
        CallbackSettlement { message_id: callback.message_id, position: callback.position, at: at(seconds), result };
    store.settle_callback(settlement).await.unwrap();
}

/// What is told at this moment, when the application answers.
async fn heard(store: &Store, seconds: i64) -> Vec<Status> {
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
    report(&store, &database, part.id, Status::Undelivered, 3).await;
    let told = told(&store, 3).await;
    assert_eq!(
        told.iter().map(|callback| (callback.status, callback.from.clone())).collect::<Vec<_>>(),
        [(Status::Queued, None)]
    );
    settle(&store, &told[0], 3, CallbackResult::Done).await;
    assert_eq!(heard(&store, 3).await, [Status::Undelivered]);
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

async fn a_callback_goes_to_one_worker(database: Database) {
    let stores = [database.store().await, database.store().await];
    asking(&stores[0], &database, Some(OURS)).await;
    let [part] = claim(&stores[0], &database, 1, 10).await.try_into().unwrap();
    report(&stores[0], &database, part.id, Status::Delivered, 3).await;
    let both = futures::future::join_all(stores.iter().map(|store| told(store, 3))).await;
    assert_eq!(both.iter().map(Vec::len).sum::<usize>(), 1);
}
