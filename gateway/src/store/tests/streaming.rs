//! What is kept for whoever listens: with what happened, in the order of the commits, for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use sea_orm::TransactionTrait;
use serde_json::{Value, json};

use super::*;
use crate::store::{StreamPlace, Streamed, Subscriptions};

on_both!(
    what_happens_is_kept_in_order_and_read_on_from_any_place,
    where_nobody_may_listen_nothing_is_kept,
    a_redaction_reaches_what_is_kept,
    what_is_old_is_given_up_in_steps,
    nothing_is_shown_beyond_a_transaction_that_is_under_way,
    what_came_along_from_another_server_is_behind_nothing,
);

async fn open(database: &Database, stream: bool) -> Store {
    let store = database.store().await;
    let ids = Arc::clone(&database.ids);
    store.subscribe(Subscriptions {
        wanted: BTreeMap::new(),
        stream,
        id: Box::new(move |now| ids.next(now)),
        explain: Box::new(|_, _| None),
        wake: Box::new(|_| {}),
    });
    store
}

/// A text that came in and was decided about.
async fn says(store: &Store, database: &Database, provider_id: &str) -> MessageId {
    let new = database.inbound(provider_id, ANA);
    store.record(new.clone()).await.unwrap();
    let conversation = message(store, new.id).await.conversation_id;
    let tags = Some(vec![provider_id.to_owned()]);
    store.commit(Processed { tags, ..processed(&new, conversation) }).await.unwrap();
    new.id
}

/// All that is shown, once it is as much. Whoever else writes on the server, in whichever database, holds that up.
async fn shown(store: &Store, from: StreamPlace, count: usize) -> Vec<Streamed> {
    let look = async {
        loop {
            let all = store.stream_from(from, 100).await.unwrap();
            if all.len() >= count {
                return all;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), look).await.expect("what was committed is shown")
}

async fn all(store: &Store, count: usize) -> Vec<(String, Value)> {
    let all = shown(store, StreamPlace::START, count).await;
    all.into_iter().map(|event| (event.kind, serde_json::from_str(&event.body).unwrap())).collect()
}

async fn what_happens_is_kept_in_order_and_read_on_from_any_place(database: Database) {
    let store = open(&database, true).await;
    assert_eq!(store.stream_end().await.unwrap(), StreamPlace::START);
    let first = says(&store, &database, "SM1").await;
    let behind = shown(&store, StreamPlace::START, 2).await[1].place;
    assert_eq!(store.stream_end().await.unwrap(), behind);
    let second = says(&store, &database, "SM2").await;
    let kept = all(&store, 4).await;
    let kinds: Vec<&str> = kept.iter().map(|(kind, _)| kind.as_str()).collect();
    let one = ["message.received", "conversation.updated"];
    assert_eq!(kinds, [one, one].concat());
    assert_eq!(kept[0].1["data"]["message"], json!(message(&store, first).await), "what endpoints are told");
    let later = shown(&store, behind, 2).await;
    assert_eq!(later.len(), 2);
    assert!(later[0].body.contains(&second.to_string()) && later[0].conversation_id.is_some());
    // From behind each, the rest and nothing else.
    let whole = shown(&store, StreamPlace::START, 4).await;
    for (number, event) in whole.iter().enumerate() {
        let place = store.stream_behind(event.id).await.unwrap().unwrap();
        assert_eq!(place, event.place);
        assert_eq!(store.stream_from(place, 100).await.unwrap(), whole[number + 1..]);
    }
    assert_eq!(store.stream_from(behind, 1).await.unwrap(), later[..1]);
    assert_eq!(store.stream_behind(database.id()).await.unwrap(), None);
    assert_eq!(store.stream_end().await.unwrap(), whole[3].place);
    assert_eq!(store.newest_in_stream().await.unwrap(), Some(whole[3].id));
}

async fn where_nobody_may_listen_nothing_is_kept(database: Database) {
    let store = open(&database, false).await;
    says(&store, &database, "SM1").await;
    assert_eq!(all(&store, 0).await, []);
}

async fn a_redaction_reaches_what_is_kept(database: Database) {
    let store = open(&database, true).await;
    let id = says(&store, &database, "SM1").await;
    assert_ne!(all(&store, 2).await[0].1["data"]["message"]["text"], "");
    assert_eq!(store.redact(id, at(9)).await.unwrap(), Redaction::Done);
    let data = &all(&store, 2).await[0].1["data"];
    assert_eq!((&data["redacted"], &data["message"]["text"]), (&json!(true), &json!("")));
}

async fn what_is_old_is_given_up_in_steps(database: Database) {
    let store = open(&database, true).await;
    for provider_id in ["SM1", "SM2"] {
        says(&store, &database, provider_id).await;
    }
    assert_eq!(store.forget_stream(at(1), 3).await.unwrap(), 0, "none is so old");
    assert_eq!(store.forget_stream(at(999), 3).await.unwrap(), 3);
    assert_eq!(all(&store, 1).await.len(), 1);
    assert_eq!(store.forget_stream(at(999), 3).await.unwrap(), 1);
}

async fn nothing_is_shown_beyond_a_transaction_that_is_under_way(database: Database) {
    if !database.is_postgres() {
        return; // One writer, one transaction after the other.
    }
    let store = open(&database, true).await;
    let another = database.directly().await.begin().await.unwrap();
    let begun = "INSERT INTO stream (id, kind, conversation_id, message_id, body) VALUES \
        ('00000000-0000-7000-8000-000000000001', 'channel.paused', '00000000-0000-0000-0000-000000000000', \
        '00000000-0000-0000-0000-000000000000', '{}')";
    another.execute_unprepared(begun).await.unwrap();
    says(&store, &database, "SM1").await;
    assert_eq!(all(&store, 0).await, [], "or whoever goes on behind it would never hear of the other");
    another.commit().await.unwrap();
    let kinds: Vec<String> = all(&store, 3).await.into_iter().map(|(kind, _)| kind).collect();
    assert_eq!(kinds, ["channel.paused", "message.received", "conversation.updated"]);
}

async fn what_came_along_from_another_server_is_behind_nothing(database: Database) {
    if !database.is_postgres() {
        return; // One writer, one transaction after the other.
    }
    let store = open(&database, true).await;
    says(&store, &database, "SM1").await;
    let direct = database.directly().await;
    // Of one of the two, the number is none that this server has given yet.
    direct
        .execute_unprepared("UPDATE stream SET xid = xid + 1000000000 WHERE kind = 'message.received'")
        .await
        .unwrap();
    assert!(all(&store, 0).await.len() < 2);
    store.settle_stream().await.unwrap();
    assert_eq!(all(&store, 2).await.len(), 2);
    says(&store, &database, "SM2").await;
    assert_eq!(all(&store, 4).await.len(), 4);
}
