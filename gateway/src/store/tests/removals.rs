//! What providers are to forget: under which ids, when, how often, and when that has an end.

use super::*;
use crate::message::Removal;
use crate::store::{ClaimedRemoval, Questions, RemovalResult, RemovalSettlement};

on_both!(
    every_id_that_a_provider_has_is_put_down,
    a_provider_is_not_asked_while_the_message_is_on_its_way,
    an_id_that_comes_late_is_put_down_as_well,
    to_delete_is_more_than_to_redact,
    what_was_not_removed_is_tried_again,
    what_was_given_up_can_be_wanted_again,
    what_nobody_asks_about_any_more_can_go,
    a_removal_goes_to_one_worker,
);

/// A message that was delivered in these parts, as `SM1` and so on.
async fn delivered(store: &Store, database: &Database, texts: &[&str]) -> NewOutbound {
    let submission = database.submission(ANA, texts);
    store.submit(submission.clone()).await.unwrap();
    for number in 1..=texts.len() {
        let [part] = claim(store, database, 0, 10).await.try_into().unwrap();
        let provider_id = format!("SM{number}");
        store.settle(settled(&part, 1, accepted(&provider_id))).await.unwrap();
        store.observe(database.report(None, &provider_id, Status::Delivered, 2)).await.unwrap();
    }
    submission.message
}

async fn taken(store: &Store, seconds: i64) -> Vec<ClaimedRemoval> {
    let mut taken = store.claim_removals(at(seconds), at(seconds + 40), 10).await.unwrap();
    taken.sort_by(|one, other| one.provider_id.cmp(&other.provider_id));
    taken
}

/// What is to go now, by the provider's ids.
async fn to_go(store: &Store, seconds: i64) -> Vec<(String, Removal)> {
    taken(store, seconds).await.into_iter().map(|claimed| (claimed.provider_id, claimed.removal)).collect()
}

async fn settle(store: &Store, claimed: &ClaimedRemoval, seconds: i64, result: RemovalResult) {
    let settlement = RemovalSettlement { claimed: claimed.clone(), at: at(seconds), result };
    store.settle_removal(settlement).await.unwrap();
}

fn pair(provider_id: &str, removal: Removal) -> (String, Removal) {
    (provider_id.to_owned(), removal)
}

async fn every_id_that_a_provider_has_is_put_down(database: Database) {
    let store = database.store().await;
    let message = delivered(&store, &database, &["uno", "dos"]).await;
    let new = database.inbound("SM9", LUIS);
    store.record(new.clone()).await.unwrap();
    let conversations = store.conversations_of(&InboxFilter::default(), None, 10).await.unwrap().items;
    let conversation = conversations.iter().find(|conversation| conversation.address.as_str() == LUIS).unwrap().id;
    store.commit(processed(&new, conversation)).await.unwrap();
    assert!(!store.removals_due(at(10)).await.unwrap());

    assert_eq!(store.redact(message.id, at(10)).await.unwrap(), Redaction::Done);
    assert_eq!(store.delete(new.id, at(10)).await.unwrap(), Redaction::Done);
    assert!(store.removals_due(at(10)).await.unwrap());
    let expected = [pair("SM1", Removal::Text), pair("SM2", Removal::Text), pair("SM9", Removal::Message)];
    assert_eq!(to_go(&store, 10).await, expected);
    assert_eq!(store.removals(message.id).await.unwrap().len(), 2);
}

async fn a_provider_is_not_asked_while_the_message_is_on_its_way(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["hola"]);
    store.submit(submission.clone()).await.unwrap();
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    store.settle(settled(&part, 2, accepted("SM1"))).await.unwrap();
    assert_eq!(store.redact(submission.message.id, at(3)).await.unwrap(), Redaction::Done);
    assert!(!store.removals_due(at(1000)).await.unwrap());
    assert_eq!(to_go(&store, 1000).await, []);
    store.observe(database.report(Some(part.id), "SM1", Status::Delivered, 1001)).await.unwrap();
    assert_eq!(to_go(&store, 1001).await, [pair("SM1", Removal::Text)]);
}

async fn an_id_that_comes_late_is_put_down_as_well(database: Database) {
    let store = database.store().await;
    let error = || crate::message::ProviderError { code: Some(21610), message: None };
    for (recipient, removal) in [(ANA, Removal::Text), (LUIS, Removal::Message)] {
        let submission = database.submission(recipient, &["hola"]);
        store.submit(submission.clone()).await.unwrap();
        let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
        store.settle(settled(&part, 2, Settled::Failed { error: error() })).await.unwrap();
        let removed = match removal {
            Removal::Text => store.redact(submission.message.id, at(3)).await,
            Removal::Message => store.delete(submission.message.id, at(3)).await,
        };
        assert_eq!(removed.unwrap(), Redaction::Done);
        assert_eq!(to_go(&store, 3).await, [], "the provider has nothing, as far as is known");
        let provider_id = format!("SM{recipient}");
        let late = database.report(Some(part.id), &provider_id, Status::Delivered, 60);
        store.observe(late).await.unwrap();
        store.observe(database.report(Some(part.id), &provider_id, Status::Delivered, 61)).await.unwrap();
        let [claimed] = taken(&store, 62).await.try_into().unwrap();
        assert_eq!((claimed.provider_id.clone(), claimed.removal), (provider_id, removal));
        settle(&store, &claimed, 63, RemovalResult::Done).await;
    }
}

async fn to_delete_is_more_than_to_redact(database: Database) {
    let store = database.store().await;
    let message = delivered(&store, &database, &["hola"]).await;
    store.redact(message.id, at(10)).await.unwrap();
    let [redaction] = taken(&store, 10).await.try_into().unwrap();
    // While the provider is being asked for the one, the other is wanted.
    store.delete(message.id, at(11)).await.unwrap();
    settle(&store, &redaction, 12, RemovalResult::Done).await;
    let [deletion] = taken(&store, 12).await.try_into().unwrap();
    assert_eq!((deletion.removal, deletion.asked_at), (Removal::Message, at(11)));
    settle(&store, &deletion, 13, RemovalResult::Done).await;
    assert_eq!(to_go(&store, 10_000).await, []);
    let [known] = store.removals(message.id).await.unwrap().try_into().unwrap();
    assert_eq!((known.removal, known.removed_at, known.due_at), (Removal::Message, Some(at(13)), None));
}

async fn what_was_not_removed_is_tried_again(database: Database) {
    let store = database.store().await;
    let message = delivered(&store, &database, &["hola"]).await;
    store.delete(message.id, at(10)).await.unwrap();
    let [first] = taken(&store, 10).await.try_into().unwrap();
    let problem = "20009: not complete".to_owned();
    settle(&store, &first, 11, RemovalResult::Retry { due_at: at(20), problem: problem.clone() }).await;
    assert_eq!(to_go(&store, 19).await, [], "not before its time");
    let [second] = taken(&store, 20).await.try_into().unwrap();
    assert_eq!((first.tries, second.tries), (1, 2));
    // The gateway is killed now; the lease ends, and another start goes on.
    let other = database.store().await;
    assert_eq!(to_go(&other, 59).await, []);
    let [third] = taken(&other, 60).await.try_into().unwrap();
    settle(&store, &second, 61, RemovalResult::GivenUp { problem: problem.clone() }).await;
    let [known] = store.removals(message.id).await.unwrap().try_into().unwrap();
    assert_eq!(known.due_at, Some(at(100)), "who was too slow decides nothing");
    assert_eq!((known.tries, known.problem), (3, Some(problem)));
    settle(&other, &third, 62, RemovalResult::Done).await;
    let [known] = store.removals(message.id).await.unwrap().try_into().unwrap();
    assert_eq!((known.removed_at, known.problem), (Some(at(62)), None));
}

async fn what_was_given_up_can_be_wanted_again(database: Database) {
    let store = database.store().await;
    let message = delivered(&store, &database, &["hola"]).await;
    store.redact(message.id, at(10)).await.unwrap();
    let [first] = taken(&store, 10).await.try_into().unwrap();
    settle(&store, &first, 11, RemovalResult::GivenUp { problem: "no way to".to_owned() }).await;
    assert_eq!(to_go(&store, 10_000).await, []);
    store.redact(message.id, at(10_001)).await.unwrap();
    let [again] = taken(&store, 10_001).await.try_into().unwrap();
    settle(&store, &again, 10_002, RemovalResult::Done).await;
    store.redact(message.id, at(10_003)).await.unwrap();
    assert_eq!(to_go(&store, 10_003).await, [], "it is gone already");
}

async fn what_nobody_asks_about_any_more_can_go(database: Database) {
    let store = database.store().await.asking(Questions { accepted: None, ..Questions::default() });
    let submission = database.submission(ANA, &["hola"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    let error = crate::message::ProviderError::default();
    store.settle(settled(&part, 2, Settled::Unknown { error })).await.unwrap();
    assert_eq!(store.redact(id, at(3)).await.unwrap(), Redaction::UnderWay, "its text may still find it");
    assert_eq!(store.delete(id, at(3)).await.unwrap(), Redaction::UnderWay);
    store.ask_again(vec![part.id], None, 9).await.unwrap();
    assert_eq!(store.redact(id, at(4)).await.unwrap(), Redaction::Done);
    assert_eq!(to_go(&store, 4).await, []);
    // A report after all, and no other: the carrier sends none.
    store.observe(database.report(Some(part.id), "SM1", Status::Sent, 5)).await.unwrap();
    assert_eq!(to_go(&store, 5).await, [pair("SM1", Removal::Text)]);
    assert_eq!(store.delete(id, at(6)).await.unwrap(), Redaction::Done);
}

async fn a_removal_goes_to_one_worker(database: Database) {
    let stores = [database.store().await, database.store().await];
    let message = delivered(&stores[0], &database, &["uno", "dos", "tres"]).await;
    stores[1].redact(message.id, at(10)).await.unwrap();
    let claims = (0..6).map(|number| stores[number % 2].claim_removals(at(10), at(50), 2));
    let claims = futures::future::join_all(claims).await;
    let mut claimed: Vec<String> =
        claims.into_iter().flat_map(Result::unwrap).map(|claimed| claimed.provider_id).collect();
    claimed.sort();
    assert_eq!(claimed, ["SM1", "SM2", "SM3"]);
}
