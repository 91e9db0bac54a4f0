//! Texts that are kept no longer than it takes to send them, where parts do not come to their ends together.

use serde_json::json;

use super::reconciling::{fates, found, listing, unknown};
use super::*;
use crate::message::ProviderError;
use crate::store::{Fate, entities};

on_both!(
    what_waits_is_sent_whole_though_another_part_was_refused,
    what_is_taken_back_takes_the_text_along,
    what_may_be_there_is_found_by_its_text,
    what_is_sent_again_is_sent_whole,
    what_nobody_looks_for_any_more_goes,
    a_report_that_overtakes_the_answer_leaves_nothing_behind,
);

const WHOLE: &str = "uno dos";

/// A message in these parts.
async fn submitted(store: &Store, database: &Database, recipient: &str, texts: &[&str]) -> MessageId {
    let mut submission = database.submission(recipient, texts);
    submission.message.options.discard_content = Some(true);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    id
}

async fn one(store: &Store, database: &Database, seconds: i64) -> Claimed {
    let [part] = claim(store, database, seconds, 10).await.try_into().unwrap();
    part
}

fn exchanged(part: &Claimed, seconds: i64, result: Settled) -> Settlement {
    Settlement { exchange: Some(json!({ "status": 201 })), ..settled(part, seconds, result) }
}

fn refused() -> Settled {
    Settled::Failed { error: ProviderError { code: Some(30003), message: None } }
}

/// What is kept of it: its text, those of its parts, and how much of what went over the wire.
async fn kept(store: &Store, id: MessageId) -> (String, String, usize) {
    use sea_orm::EntityTrait;
    let mut parts = entities::parts::Entity::find().all(&store.reads).await.unwrap();
    parts.retain(|part| part.message_id == id.0);
    parts.sort_by_key(|part| part.position);
    let exchanges = store.history(id).await.unwrap().attempts.into_iter().filter_map(|attempt| attempt.exchange);
    (message(store, id).await.text, parts.into_iter().map(|part| part.text).collect(), exchanges.count())
}

fn whole(exchanges: usize) -> (String, String, usize) {
    (WHOLE.to_owned(), WHOLE.to_owned(), exchanges)
}

fn nothing() -> (String, String, usize) {
    (String::new(), String::new(), 0)
}

/// A message of which the first part was lost, while this of the second is not known.
async fn lost_and_unknown(store: &Store, database: &Database) -> (MessageId, PartId) {
    let id = submitted(store, database, ANA, &["uno ", "dos"]).await;
    let first = one(store, database, 0).await;
    store.settle(exchanged(&first, 1, accepted("SM1"))).await.unwrap();
    let second = one(store, database, 2).await;
    store.observe(database.report(Some(first.id), "SM1", Status::Undelivered, 3)).await.unwrap();
    assert_eq!(status(store, id).await, Status::Undelivered);
    assert_eq!(kept(store, id).await, whole(1), "the second is being sent");
    store.settle(settled(&second, 10, unknown())).await.unwrap();
    assert_eq!(kept(store, id).await, whole(1), "somebody will look for it");
    (id, second.id)
}

async fn what_waits_is_sent_whole_though_another_part_was_refused(database: Database) {
    let store = database.store().await;
    let id = submitted(&store, &database, ANA, &["uno ", "dos"]).await;
    let first = one(&store, &database, 1).await;
    store.settle(exchanged(&first, 2, refused())).await.unwrap();
    assert_eq!((status(&store, id).await, kept(&store, id).await), (Status::Failed, whole(1)));
    let second = one(&store, &database, 3).await;
    assert_eq!(second.text, "dos");
    store.settle(exchanged(&second, 4, accepted("SM2"))).await.unwrap();
    assert_eq!(kept(&store, id).await, nothing());
    store.observe(database.report(Some(second.id), "SM2", Status::Delivered, 5)).await.unwrap();
    assert_eq!((status(&store, id).await, kept(&store, id).await), (Status::Failed, nothing()));
}

async fn what_is_taken_back_takes_the_text_along(database: Database) {
    let store = database.store().await;
    let id = submitted(&store, &database, ANA, &["uno ", "dos"]).await;
    let first = one(&store, &database, 1).await;
    store.settle(exchanged(&first, 2, refused())).await.unwrap();
    assert_eq!(kept(&store, id).await, whole(1));
    assert_eq!(store.cancel(id, at(3)).await.unwrap().map(|canceled| canceled.canceled), Some(1));
    assert_eq!((status(&store, id).await, kept(&store, id).await), (Status::Failed, nothing()));
}

async fn what_may_be_there_is_found_by_its_text(database: Database) {
    let store = database.store().await;
    let (id, part) = lost_and_unknown(&store, &database).await;
    let listed = listing(&[part], vec![found("SM2", "dos", 4)], 60);
    assert_eq!(fates(&store, listed).await, [(part, Fate::Found(Status::Sent))]);
    assert_eq!(kept(&store, id).await, nothing());
}

async fn what_is_sent_again_is_sent_whole(database: Database) {
    let store = database.store().await;
    let (id, part) = lost_and_unknown(&store, &database).await;
    assert_eq!(fates(&store, listing(&[part], vec![], 1000)).await, [(part, Fate::Resent)]);
    let again = one(&store, &database, 1001).await;
    assert_eq!((again.id, again.text.as_str()), (part, "dos"));
    // The gateway stops, and nobody knows again.
    assert_eq!(store.expire_leases(at(2000)).await.unwrap(), [part]);
    assert_eq!(kept(&store, id).await, whole(1));
    assert_eq!(fates(&store, listing(&[part], vec![], 4000)).await, [(part, Fate::Resent)]);
    let last = one(&store, &database, 4001).await;
    store.settle(exchanged(&last, 4002, refused())).await.unwrap();
    assert_eq!(kept(&store, id).await, nothing());
}

async fn what_nobody_looks_for_any_more_goes(database: Database) {
    let store = database.store().await;
    let (id, part) = lost_and_unknown(&store, &database).await;
    let open = submitted(&store, &database, LUIS, &["uno ", "dos"]).await;
    let other = one(&store, &database, 20).await;
    store.settle(settled(&other, 21, unknown())).await.unwrap();
    store.ask_again(vec![part, other.id], None, 9).await.unwrap();
    assert_eq!(kept(&store, id).await, nothing());
    assert_eq!(kept(&store, open).await, whole(0), "it is not at its end");
}

async fn a_report_that_overtakes_the_answer_leaves_nothing_behind(database: Database) {
    let store = database.store().await;
    for (recipient, text) in [(ANA, "hola"), (LUIS, "")] {
        let id = submitted(&store, &database, recipient, &[text]).await;
        let part = one(&store, &database, 1).await;
        let provider_id = format!("SM{}", part.id);
        store.observe(database.report(Some(part.id), &provider_id, Status::Delivered, 2)).await.unwrap();
        store.settle(exchanged(&part, 3, accepted(&provider_id))).await.unwrap();
        assert_eq!((status(&store, id).await, kept(&store, id).await), (Status::Delivered, nothing()));
    }
}
