//! A text's conversation comes along with it, and is used as long as nothing else was committed.

use std::time::{Duration, Instant};

use super::*;
use crate::store::Recorded;

on_both!(
    a_text_brings_its_conversation_as_it_was_committed,
    what_was_committed_since_counts,
    each_of_several_at_once_brings_it_as_it_was_after_all_of_them,
    another_process_may_have_changed_what_is_not_used_at_once,
);

fn comes_along(text: &Recorded, database: &Database) {
    assert_eq!(text.fresh.is_some(), !database.is_postgres(), "Postgres is asked when it is needed");
}

async fn a_text_brings_its_conversation_as_it_was_committed(database: Database) {
    let (store, mut recordings) = database.open().await;
    for number in 1..=2 {
        store.record(database.inbound(&format!("SM{number}"), ANA)).await.unwrap();
        let text = recordings.recv().await.unwrap();
        comes_along(&text, &database);
        let brought = store.thread_of(&text).await.unwrap().unwrap();
        assert_eq!(brought.conversation.inbound_count, number);
        assert_eq!(brought, store.thread(text.conversation_id).await.unwrap().unwrap());
    }
}

async fn what_was_committed_since_counts(database: Database) {
    let (store, mut recordings) = database.open().await;
    for number in 1..=2 {
        store.record(database.inbound(&format!("SM{number}"), ANA)).await.unwrap();
    }
    let first = recordings.recv().await.unwrap();
    comes_along(&first, &database);
    assert_eq!(store.thread_of(&first).await.unwrap().unwrap().conversation.inbound_count, 2);
}

async fn each_of_several_at_once_brings_it_as_it_was_after_all_of_them(database: Database) {
    let (store, mut recordings) = database.open().await;
    let texts = [("SM1", ANA), ("SM2", LUIS), ("SM3", ANA)].map(|(id, sender)| database.inbound(id, sender));
    store.record_all(texts.to_vec()).await.unwrap();
    for (address, count) in [(ANA, 2), (LUIS, 1), (ANA, 2)] {
        let text = recordings.recv().await.unwrap();
        comes_along(&text, &database);
        let Conversation { address: with, inbound_count, .. } =
            store.thread_of(&text).await.unwrap().unwrap().conversation;
        assert_eq!((with.as_str(), inbound_count), (address, count));
    }
}

async fn another_process_may_have_changed_what_is_not_used_at_once(database: Database) {
    let (store, mut recordings) = database.open().await;
    store.record(database.inbound("SM1", ANA)).await.unwrap();
    let Some(fresh) = recordings.recv().await.unwrap().fresh else { return assert!(database.is_postgres()) };
    let (commits, now) = (store.reporting.commits_so_far(), Instant::now());
    assert!(!fresh.holds(commits, now + Duration::from_secs(1)) && !fresh.holds(commits + 1, now));
    store.record(database.inbound("SM2", ANA)).await.unwrap();
    let fresh = recordings.recv().await.unwrap().fresh.unwrap();
    assert!(fresh.holds(store.reporting.commits_so_far(), now));
}
