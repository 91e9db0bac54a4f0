//! What is written down for endpoints that subscribe, with what happened, and for nobody else.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::*;
use crate::message::consent::{Choice, Source};
use crate::message::{Consent, ConversationStatus, ProviderError};
use crate::store::Subscriptions;

on_both!(
    what_came_in_is_told_once_it_was_decided_about,
    each_change_of_a_status_is_told_in_order_and_no_other,
    what_is_different_about_a_conversation_is_told,
    a_channel_that_is_paused_is_told,
    each_is_told_what_it_wants_and_woken_after_the_commit,
    where_nobody_subscribes_nothing_is_written,
    events_are_told_in_order_also_where_clocks_differ,
    many_at_once_are_written_as_one_by_one,
);

const CRM: &str = "crm";

/// Has these endpoints told of these. Whom the store wakes is kept.
pub(super) fn subscribe(
    store: &Store,
    database: &Database,
    wanted: &[(&str, &[EventKind])],
) -> Arc<Mutex<Vec<String>>> {
    let woken: Arc<Mutex<Vec<String>>> = Arc::default();
    let (ids, waking) = (Arc::clone(&database.ids), Arc::clone(&woken));
    let wanted: BTreeMap<_, _> =
        wanted.iter().map(|(name, kinds)| ((*name).to_owned(), kinds.iter().copied().collect())).collect();
    store.subscribe(Subscriptions {
        wanted,
        stream: false,
        id: Box::new(move |now| ids.next(now)),
        explain: Box::new(|channel, code| Some(json!({ "advice": format!("{channel} {code}") }))),
        wake: Box::new(move |endpoint| waking.lock().unwrap().push(endpoint.to_owned())),
    });
    woken
}

async fn open(database: &Database) -> Store {
    let store = database.store().await;
    subscribe(&store, database, &[(CRM, &EventKind::ALL)]);
    store
}

/// All that an endpoint is still to be told, in order, as it is told. It is settled as delivered.
pub(super) async fn told_to(store: &Store, endpoint: &str) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let claimed = store.claim_events(endpoint, at(99_999), at(99_999), 100).await.unwrap();
        if claimed.is_empty() {
            return all;
        }
        for ClaimedEvent { id, body, tries, .. } in claimed {
            let (at, result, patience) = (at(99_999), EventResult::Delivered, None);
            let endpoint = endpoint.to_owned();
            let settlement = EventSettlement { id, endpoint, tries, at, answer: Some(200), result, patience };
            store.settle_event(settlement).await.unwrap();
            all.push(serde_json::from_str(&body).unwrap());
        }
    }
}

async fn told(store: &Store) -> Vec<Value> {
    told_to(store, CRM).await
}

fn kinds(told: &[Value]) -> Vec<&str> {
    told.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

async fn recorded(store: &Store, database: &Database, provider_id: &str) -> (NewInbound, Processed) {
    let new = database.inbound(provider_id, ANA);
    store.record(new.clone()).await.unwrap();
    let conversation = message(store, new.id).await.conversation_id;
    let processed = processed(&new, conversation);
    (new, processed)
}

async fn what_came_in_is_told_once_it_was_decided_about(database: Database) {
    let store = open(&database).await;
    let (new, decision) = recorded(&store, &database, "SM1").await;
    assert_eq!(told(&store).await, [] as [Value; 0], "nobody has decided yet");
    let tags = Some(vec!["precio".to_owned()]);
    let forward = NewEvent { id: database.id(), endpoint: CRM.to_owned(), plugin: "router".to_owned(), payload: None };
    let decision = Processed { tags, events: vec![forward], ..decision };
    store.commit(decision.clone()).await.unwrap();
    store.commit(decision).await.unwrap();
    let all = told(&store).await;
    assert_eq!(kinds(&all), ["message.forwarded", "message.received", "conversation.updated"]);
    let received = &all[1];
    let shown = message(&store, new.id).await;
    assert_eq!(received["timestamp"], json!(at(5)));
    let data = json!({ "message": shown, "conversation": only_conversation(&store).await });
    assert_eq!(received["data"], data, "as others see them, with the tags");
    assert_eq!(received["data"]["conversation"]["tags"], json!(["precio"]));
    assert_eq!(all[0]["data"]["plugin"], "router");

    // Also what is of no interest, and says so.
    let (_, decision) = recorded(&store, &database, "SM2").await;
    store.commit(Processed { discarded: Some("spam".to_owned()), ..decision }).await.unwrap();
    let [discarded] = told(&store).await.try_into().unwrap();
    assert_eq!(discarded["data"]["message"]["discarded"], "spam");
}

async fn each_change_of_a_status_is_told_in_order_and_no_other(database: Database) {
    let store = open(&database).await;
    let submission = database.submission(ANA, &["uno", "dos"]);
    store.submit(submission.clone()).await.unwrap();
    assert_eq!(told(&store).await, [] as [Value; 0], "whoever submits it knows");
    let parts = submission.message.parts;
    let error = Some(ProviderError { code: Some(30003), message: Some("gone".to_owned()) });
    let reports = [
        (0, Status::Sent, None),
        // Only now is the whole message sent.
        (1, Status::Sent, None),
        (1, Status::Sent, None),
        (0, Status::Delivered, None),
        // Late ones change nothing.
        (0, Status::Queued, None),
        (1, Status::Undelivered, error),
        (1, Status::Sent, None),
    ];
    for (seconds, (part, status, error)) in (10..).zip(reports) {
        let report = database.report(Some(parts[part].id), &format!("SM{part}"), status, seconds);
        store.observe(NewObservation { error, ..report }).await.unwrap();
    }
    let all = told(&store).await;
    let moves: Vec<_> =
        all.iter().map(|event| (&event["data"]["previous"], &event["data"]["message"]["status"])).collect();
    assert_eq!(moves, [(&json!("pending"), &json!("sent")), (&json!("sent"), &json!("undelivered"))]);
    assert_eq!(all[1]["timestamp"], json!(at(15)));
    let told_of = &all[1]["data"]["message"];
    assert_eq!((&told_of["error_code"], &told_of["error"]["advice"]), (&json!(30003), &json!("sms 30003")));
    assert_eq!((&told_of["sent_at"], &told_of["failed_at"]), (&json!(at(11)), &json!(at(15))));
    assert_eq!(told_of["parts"].as_array().unwrap().len(), 2);
    assert_eq!((told_of.get("text"), all[0]["data"]["message"].get("error")), (None, None), "without what is written");

    // Whatever moves it: a claim that ends, a cancellation, an opting out, a retry by hand.
    let [canceled, ended] = [LUIS, ANA].map(|to| database.submission(to, &["hola"]));
    store.submit(canceled.clone()).await.unwrap();
    store.submit(ended.clone()).await.unwrap();
    store.cancel(canceled.message.id, at(30)).await.unwrap();
    let consent = Consent { choice: Choice::OptedOut, source: Source::Message, code: Some(21610) };
    store.record(NewInbound { consent: Some(consent), ..database.inbound("STOP", ANA) }).await.unwrap();
    let all = told(&store).await;
    let moves: Vec<_> =
        all.iter().map(|event| (&event["data"]["message"]["id"], &event["data"]["message"]["status"])).collect();
    assert_eq!(
        moves,
        [(&json!(canceled.message.id), &json!("canceled")), (&json!(ended.message.id), &json!("failed")),]
    );
    // What a plugin refused to send is there, failed from the start.
    let rejected = Some(Rejection::Plugin { plugin: "check".to_owned(), problem: "no".to_owned() });
    let mut refused = database.submission(LUIS, &[]);
    refused.message = NewOutbound { rejected, ..refused.message };
    store.submit(refused.clone()).await.unwrap();
    let [event] = told(&store).await.try_into().unwrap();
    assert_eq!((&event["data"]["previous"], &event["data"]["message"]["status"]), (&Value::Null, &json!("failed")));
    assert_eq!(event["data"]["message"]["rejected_by"], "check");
}

async fn what_is_different_about_a_conversation_is_told(database: Database) {
    let store = database.store().await;
    subscribe(&store, &database, &[(CRM, &[EventKind::ConversationUpdated])]);
    let (_, decision) = recorded(&store, &database, "SM1").await;
    let status = Some(ConversationStatus::Active);
    let decision = Processed { status, assignee: Some(Some("Eva".to_owned())), ..decision };
    store.commit(decision).await.unwrap();
    let [event] = told(&store).await.try_into().unwrap();
    assert_eq!(event["data"]["changed"], json!(["status", "assignee"]));
    assert_eq!(event["data"]["conversation"], json!(only_conversation(&store).await));
    // Another message, and the same once more: nothing is different.
    let (_, decision) = recorded(&store, &database, "SM2").await;
    let tags = Some(Vec::new());
    let decision = Processed { status, tags, assignee: Some(Some("Eva".to_owned())), ..decision };
    store.commit(decision).await.unwrap();
    assert_eq!(told(&store).await, [] as [Value; 0]);
    // What is sent to somebody may bring tags, from outside and from a decision.
    let submission = database.submission(ANA, &["hola"]);
    store.submit(Submission { tags: vec!["vip".to_owned()], ..submission.clone() }).await.unwrap();
    let (_, decision) = recorded(&store, &database, "SM3").await;
    let new = Submission { tags: vec!["nuevo".to_owned()], ..database.submission(LUIS, &["hola"]) };
    store.commit(Processed { sends: vec![new], ..decision }).await.unwrap();
    let all = told(&store).await;
    let changes: Vec<_> = all
        .iter()
        .map(|event| (&event["data"]["conversation"]["address"], &event["data"]["conversation"]["tags"]))
        .collect();
    assert_eq!(changes, [(&json!(ANA), &json!(["vip"])), (&json!(LUIS), &json!(["nuevo"]))]);
    assert!(all.iter().all(|event| event["data"]["changed"] == json!(["tags"])));
}

async fn a_channel_that_is_paused_is_told(database: Database) {
    let store = open(&database).await;
    for _ in 0..2 {
        store.pause("sms", Some("una revisión".to_owned()), act(1)).await.unwrap();
    }
    for _ in 0..2 {
        store.resume("sms", act(2)).await.unwrap();
    }
    let all = told(&store).await;
    assert_eq!(kinds(&all), ["channel.paused", "channel.resumed"]);
    assert_eq!(all[0]["data"], json!({ "channel": "sms", "by": "hand", "reason": "una revisión" }));
    assert_eq!(all[1]["data"], json!({ "channel": "sms", "by": "hand", "reason": null }));
}

async fn each_is_told_what_it_wants_and_woken_after_the_commit(database: Database) {
    let store = database.store().await;
    let wanted: [(&str, &[EventKind]); 3] = [
        ("all", &[EventKind::MessageReceived, EventKind::MessageStatus]),
        ("statuses", &[EventKind::MessageStatus]),
        ("channels", &[EventKind::ChannelPaused]),
    ];
    let woken = subscribe(&store, &database, &wanted);
    let taken = || std::mem::take(&mut *woken.lock().unwrap());
    let (_, decision) = recorded(&store, &database, "SM1").await;
    store.commit(decision).await.unwrap();
    // The writer wakes right after it has answered.
    let eventually = async |expected: &[&str]| {
        while woken.lock().unwrap().len() < expected.len() {
            tokio::task::yield_now().await;
        }
        assert_eq!(taken(), expected);
    };
    eventually(&["all"]).await;
    let submission = database.submission(LUIS, &["hola"]);
    store.submit(submission.clone()).await.unwrap();
    store.cancel(submission.message.id, at(9)).await.unwrap();
    eventually(&["all", "statuses"]).await;
    assert_eq!(kinds(&told_to(&store, "all").await), ["message.received", "message.status"]);
    assert_eq!(kinds(&told_to(&store, "statuses").await), ["message.status"]);
    assert_eq!(told_to(&store, "channels").await, [] as [Value; 0]);
}

async fn where_nobody_subscribes_nothing_is_written(database: Database) {
    let store = database.store().await;
    store.introduce_endpoint(CRM, "aa".to_owned()).await.unwrap();
    subscribe(&store, &database, &[]);
    let (_, decision) = recorded(&store, &database, "SM1").await;
    store.commit(Processed { tags: Some(vec!["precio".to_owned()]), ..decision }).await.unwrap();
    let submission = database.submission(LUIS, &["hola"]);
    store.submit(Submission { tags: vec!["vip".to_owned()], ..submission.clone() }).await.unwrap();
    store.cancel(submission.message.id, at(9)).await.unwrap();
    store.pause("sms", None, act(1)).await.unwrap();
    assert_eq!(store.events(CRM, None, None, 10).await.unwrap().items, []);
}

/// The clock of one gateway is behind that of the other.
async fn events_are_told_in_order_also_where_clocks_differ(database: Database) {
    let ahead = open(&database).await;
    let behind = database.store().await;
    // Their ids come from different processes.
    let other = Database { ids: Arc::default(), ..database.clone() };
    subscribe(&behind, &other, &[(CRM, &EventKind::ALL)]);
    let submission = database.submission(ANA, &["hola"]);
    ahead.submit(submission.clone()).await.unwrap();
    let report = |status, seconds| database.report(Some(submission.message.parts[0].id), "SM1", status, seconds);
    ahead.observe(report(Status::Sent, 60)).await.unwrap();
    behind.observe(report(Status::Delivered, 30)).await.unwrap();
    ahead.observe(report(Status::Read, 61)).await.unwrap();
    let all = told(&ahead).await;
    let statuses: Vec<_> = all.iter().map(|event| event["data"]["message"]["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["sent", "delivered", "read"]);
}

async fn many_at_once_are_written_as_one_by_one(database: Database) {
    const MANY: usize = 60;
    let store = database.store().await;
    let names: Vec<String> = (0..10).map(|number| format!("endpoint {number}")).collect();
    let kinds: &[EventKind] = &[EventKind::MessageReceived, EventKind::ConversationUpdated];
    let wanted: Vec<(&str, &[EventKind])> = names.iter().map(|name| (name.as_str(), kinds)).collect();
    subscribe(&store, &database, &wanted);
    let new: Vec<NewInbound> =
        (0..MANY).map(|number| database.inbound(&format!("SM{number}"), &format!("+5299811122{number:02}"))).collect();
    store.record_all(new.clone()).await.unwrap();
    let mut decisions = Vec::new();
    for new in &new {
        let conversation = message(&store, new.id).await.conversation_id;
        decisions.push(Processed { tags: Some(vec!["x".to_owned()]), ..processed(new, conversation) });
    }
    let commits = decisions.into_iter().map(|decision| store.commit(decision));
    let done = futures::future::join_all(commits).await;
    assert!(done.into_iter().all(|done| done.unwrap().is_done()));
    for name in &names {
        assert_eq!(told_to(&store, name).await.len(), 2 * MANY, "{name}");
    }
}
