//! What becomes of conversations by rule: opened again, closed, assigned.

use futures::future::join_all;
use jiff::SignedDuration;

use super::subscribing::{subscribe, told_to};
use super::*;
use crate::message::{ConversationStatus, ProviderError};
use crate::store::{Changed, ConversationChange, ConversationRules};

on_both!(
    a_text_opens_what_was_closed_a_short_time_ago,
    nothing_is_opened_again_unless_that_is_wanted,
    two_texts_at_once_open_one_conversation,
    what_is_quiet_is_closed_in_small_steps,
    nothing_is_closed_in_which_something_waits,
    nothing_is_closed_in_which_something_is_still_to_come,
    what_somebody_opened_again_is_not_closed_at_once,
    whoever_is_named_for_a_tag_looks_after_it,
    several_take_turns_whichever_gateway_it_is,
);

const APP: &str = "app";

fn rules(reopen_within_s: i64, assign: &[(&str, &str)]) -> ConversationRules {
    let assign =
        assign.iter().map(|(tag, to)| ((*tag).to_owned(), to.split(", ").map(str::to_owned).collect())).collect();
    ConversationRules { reopen_within: Some(SignedDuration::from_secs(reopen_within_s)), assign }
}

async fn heard(store: &Store, database: &Database, sender: &str, seconds: i64) -> ConversationId {
    let new = NewInbound { received_at: at(seconds), ..database.inbound(&database.id().to_string(), sender) };
    let id = new.id;
    store.record(new).await.unwrap();
    message(store, id).await.conversation_id
}

async fn close(store: &Store, id: ConversationId, seconds: i64) {
    let wanted = ConversationChange { status: Some(ConversationStatus::Closed), ..ConversationChange::of(id) };
    assert_eq!(store.change_conversation(wanted, None, act(seconds)).await.unwrap(), Changed::Done);
}

async fn status_of(store: &Store, id: ConversationId) -> ConversationStatus {
    store.conversation(id).await.unwrap().unwrap().status
}

/// What was told of conversations: their status, and what was different.
async fn told(store: &Store) -> Vec<(String, String)> {
    let told = told_to(store, APP).await;
    let word = |event: &serde_json::Value| event["data"]["conversation"]["status"].as_str().unwrap().to_owned();
    told.iter().map(|event| (word(event), event["data"]["changed"].to_string())).collect()
}

async fn a_text_opens_what_was_closed_a_short_time_ago(database: Database) {
    let store = database.store().await;
    store.handle_by(rules(60, &[]));
    subscribe(&store, &database, &[(APP, &[EventKind::ConversationUpdated])]);
    let first = heard(&store, &database, ANA, 1).await;
    close(&store, first, 10).await;
    // What somebody does with a closed one closes it no later.
    let tag = ConversationChange { tag: vec!["a".to_owned()], ..ConversationChange::of(first) };
    store.change_conversation(tag, None, act(60)).await.unwrap();
    let late = heard(&store, &database, ANA, 70).await;
    assert_ne!(late, first, "it was closed sixty seconds ago");
    let take = ConversationChange { assignee: Some(Some("eva".to_owned())), ..ConversationChange::of(late) };
    store.change_conversation(take, None, act(71)).await.unwrap();
    close(&store, late, 80).await;
    told(&store).await;
    assert_eq!(heard(&store, &database, ANA, 139).await, late);
    let now = store.conversation(late).await.unwrap().unwrap();
    assert_eq!((now.status, now.unread, now.inbound_count), (ConversationStatus::Active, 2, 2), "somebody has it");
    assert_eq!(status_of(&store, first).await, ConversationStatus::Closed, "only the last one");
    assert_eq!(told(&store).await, [("active".to_owned(), r#"["status"]"#.to_owned())]);
    close(&store, late, 150).await;
    assert_ne!(heard(&store, &database, LUIS, 151).await, late, "whoever is somebody else opens nothing");
    assert_eq!(status_of(&store, late).await, ConversationStatus::Closed);
}

async fn nothing_is_opened_again_unless_that_is_wanted(database: Database) {
    let store = database.store().await;
    let first = heard(&store, &database, ANA, 1).await;
    close(&store, first, 2).await;
    assert_ne!(heard(&store, &database, ANA, 3).await, first);
}

async fn two_texts_at_once_open_one_conversation(database: Database) {
    let stores = [database.store().await, database.store().await];
    for store in &stores {
        store.handle_by(rules(1_000, &[]));
    }
    let mut id = heard(&stores[0], &database, ANA, 1).await;
    for round in 0..20 {
        close(&stores[0], id, 2 + round).await;
        let texts = join_all((0..4).map(|number| heard(&stores[number % 2], &database, ANA, 3 + round))).await;
        assert!(texts.iter().all(|text| *text == id), "round {round}: {texts:?} for {id}");
        // One that is written to at the same time is one and the same, too.
        close(&stores[0], id, 3 + round).await;
        let sent = database.submission(ANA, &["hola"]);
        let (text, submitted) =
            tokio::join!(heard(&stores[0], &database, ANA, 4 + round), stores[1].submit(sent.clone()));
        submitted.unwrap();
        assert_eq!(message(&stores[0], sent.message.id).await.conversation_id, text);
        id = text;
    }
}

async fn what_is_quiet_is_closed_in_small_steps(database: Database) {
    let store = database.store().await;
    subscribe(&store, &database, &[(APP, &[EventKind::ConversationUpdated])]);
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(heard(&store, &database, &format!("+52998111000{number}"), number).await);
    }
    for text in store.unprocessed(10).await.unwrap() {
        let thread = store.thread(text.conversation_id).await.unwrap().unwrap();
        let done = Processed::new(Cause::Message, text.id, text.conversation_id, thread.contact.id, at(5));
        assert_eq!(store.commit(done).await.unwrap(), Committed::Done);
    }
    assert_eq!(store.close_quiet(at(4), 3, at(60)).await.unwrap(), 3);
    assert_eq!(store.close_quiet(at(4), 3, at(60)).await.unwrap(), 1, "the last one was heard of since");
    assert_eq!(store.close_quiet(at(4), 3, at(60)).await.unwrap(), 0);
    for (number, id) in ids.iter().enumerate() {
        let expected = if number < 4 { ConversationStatus::Closed } else { ConversationStatus::Pending };
        assert_eq!(status_of(&store, *id).await, expected, "{number}");
    }
    assert_eq!(told(&store).await, vec![("closed".to_owned(), r#"["status"]"#.to_owned()); 4]);
    // They count as closed then.
    store.handle_by(rules(10, &[]));
    assert_eq!(heard(&store, &database, "+529981110000", 69).await, ids[0]);
    assert_ne!(heard(&store, &database, "+529981110001", 71).await, ids[1]);
}

async fn nothing_is_closed_in_which_something_waits(database: Database) {
    let store = database.store().await;
    let unprocessed = heard(&store, &database, LUIS, 0).await;
    let submission = database.submission(ANA, &["hola"]);
    store.submit(submission.clone()).await.unwrap();
    let waits = message(&store, submission.message.id).await.conversation_id;
    let closed = async || store.close_quiet(at(1_000), 10, at(2_000)).await.unwrap();
    assert_eq!(closed().await, 0);
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    assert_eq!(closed().await, 0, "it is being sent");
    store
        .settle(settled(&part, 2, Settled::Unknown { error: ProviderError { code: Some(503), message: None } }))
        .await
        .unwrap();
    assert_eq!(closed().await, 0, "nobody knows whether it was sent");
    assert_eq!(status_of(&store, unprocessed).await, ConversationStatus::Pending);
    store.observe(database.report(Some(part.id), "SM1", Status::Delivered, 3)).await.unwrap();
    assert_eq!(closed().await, 1);
    assert_eq!(status_of(&store, waits).await, ConversationStatus::Closed);
}

/// Whatever is to come: from its provider, from what left only now, from a plugin's timer.
async fn nothing_is_closed_in_which_something_is_still_to_come(database: Database) {
    let store = database.store().await;
    let closed = async |now| store.close_quiet(at(now - 1_000), 10, at(now)).await.unwrap();
    let mut planned = database.submission(ANA, &["plan"]);
    planned.message.schedule = Schedule::AtProvider(at(9_000));
    store.submit(planned.clone()).await.unwrap();
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    store.settle(settled(&part, 2, accepted_as("SM1", Status::Scheduled))).await.unwrap();
    assert_eq!(message(&store, planned.message.id).await.status, Status::Scheduled);
    assert_eq!(closed(5_000).await, 0, "its provider keeps it until its time");
    store.observe(database.report(Some(part.id), "SM1", Status::Sent, 9_000)).await.unwrap();
    assert_eq!(closed(9_900).await, 0, "there may be an answer to it");
    assert_eq!(closed(10_001).await, 1);

    let new = database.inbound("SM2", LUIS);
    store.record(new.clone()).await.unwrap();
    let conversation = message(&store, new.id).await.conversation_id;
    let reminder = TimerChange::Start {
        id: database.id(),
        plugin: "nudge".to_owned(),
        name: "reminder".to_owned(),
        payload: String::new(),
        started_at: at(1),
        due_at: at(90_000),
        hops: 0,
    };
    store.commit(Processed { timers: vec![reminder], ..processed(&new, conversation) }).await.unwrap();
    assert_eq!(closed(50_000).await, 0, "a plugin is to be reminded of it");
    let forget = TimerChange::Cancel { plugin: "nudge".to_owned(), name: "reminder".to_owned() };
    let next = database.inbound("SM3", LUIS);
    store.record(next.clone()).await.unwrap();
    store.commit(Processed { timers: vec![forget], ..processed(&next, conversation) }).await.unwrap();
    assert_eq!(closed(50_000).await, 1);
}

async fn what_somebody_opened_again_is_not_closed_at_once(database: Database) {
    let store = database.store().await;
    let new = database.inbound("SM1", ANA);
    store.record(new.clone()).await.unwrap();
    let id = message(&store, new.id).await.conversation_id;
    store.commit(processed(&new, id)).await.unwrap();
    assert_eq!(store.close_quiet(at(1_000), 10, at(2_000)).await.unwrap(), 1);
    let again = ConversationChange { status: Some(ConversationStatus::Active), ..ConversationChange::of(id) };
    assert_eq!(store.change_conversation(again, None, act(2_500)).await.unwrap(), Changed::Done);
    assert_eq!(store.close_quiet(at(2_400), 10, at(3_400)).await.unwrap(), 0);
    assert_eq!(store.close_quiet(at(2_600), 10, at(3_600)).await.unwrap(), 1);
}

async fn whoever_is_named_for_a_tag_looks_after_it(database: Database) {
    let store = database.store().await;
    store.handle_by(rules(0, &[("ventas", "ana"), ("quejas", "eva")]));
    subscribe(&store, &database, &[(APP, &[EventKind::ConversationUpdated])]);
    let id = heard(&store, &database, ANA, 1).await;
    let assignee = async |id| store.conversation(id).await.unwrap().unwrap().assignee;
    let tagged = |id, tag: &str| ConversationChange { tag: vec![tag.to_owned()], ..ConversationChange::of(id) };
    store.change_conversation(tagged(id, "otra"), None, act(2)).await.unwrap();
    assert_eq!(assignee(id).await, None);
    store.change_conversation(tagged(id, "quejas"), None, act(3)).await.unwrap();
    assert_eq!(assignee(id).await.as_deref(), Some("eva"));
    store.change_conversation(tagged(id, "ventas"), None, act(4)).await.unwrap();
    assert_eq!(assignee(id).await.as_deref(), Some("eva"), "somebody has it");
    let nobody = ConversationChange { assignee: Some(None), ..tagged(id, "x") };
    store.change_conversation(nobody, None, act(5)).await.unwrap();
    store.change_conversation(tagged(id, "ventas"), None, act(6)).await.unwrap();
    assert_eq!(assignee(id).await, None, "it had that tag before");
    let changed: Vec<String> = told(&store).await.into_iter().map(|(_, changed)| changed).collect();
    assert_eq!(changed[1], r#"["tags","assignee"]"#, "in one");

    // A plugin's tags, of what comes in and of what is sent.
    let text = database.inbound("SM9", LUIS);
    store.record(text.clone()).await.unwrap();
    let open = store.open_thread("sms", &Address::received(LUIS)).await.unwrap().unwrap().conversation.id;
    let decided = Processed { tags: Some(vec!["ventas".to_owned()]), ..processed(&text, open) };
    assert_eq!(store.commit(decided).await.unwrap(), Committed::Done);
    assert_eq!(assignee(open).await.as_deref(), Some("ana"));
    let other = "+529981112277";
    let sent = Submission { tags: vec!["quejas".to_owned()], ..database.submission(other, &["hola"]) };
    store.submit(sent.clone()).await.unwrap();
    let open = message(&store, sent.message.id).await.conversation_id;
    assert_eq!(assignee(open).await.as_deref(), Some("eva"));
}

async fn several_take_turns_whichever_gateway_it_is(database: Database) {
    let stores = [database.store().await, database.store().await];
    for store in &stores {
        store.handle_by(rules(0, &[("ventas", "ana, luis, eva"), ("quejas", "rosa")]));
    }
    let person = |number: usize| format!("+52998111{number:04}");
    // Tagged when it comes in, when it is sent, and by hand.
    let new = async |number: usize| {
        let store = &stores[number % 2];
        let id = if number.is_multiple_of(3) {
            let sent =
                Submission { tags: vec!["ventas".to_owned()], ..database.submission(&person(number), &["hola"]) };
            store.submit(sent.clone()).await.unwrap();
            message(store, sent.message.id).await.conversation_id
        } else {
            let id = heard(store, &database, &person(number), 1).await;
            let tag = ConversationChange { tag: vec!["ventas".to_owned()], ..ConversationChange::of(id) };
            store.change_conversation(tag, None, act(2)).await.unwrap();
            id
        };
        (id, store.conversation(id).await.unwrap().unwrap().assignee.unwrap())
    };
    let mut all = Vec::new();
    for number in 0..6 {
        all.push(new(number).await);
    }
    let names: Vec<&str> = all.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["ana", "luis", "eva", "ana", "luis", "eva"]);
    // Whoever has the fewest open ones is next.
    for (id, _) in [&all[1], &all[4], &all[5]] {
        close(&stores[0], *id, 10).await;
    }
    for number in 6..10 {
        all.push(new(number).await);
    }
    let names: Vec<&str> = all[6..].iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["luis", "eva", "luis", "ana"], "then whose newest is the oldest");
    for (id, _) in [&all[0], &all[2], &all[3]].into_iter().chain(&all[6..]) {
        close(&stores[0], *id, 11).await;
    }
    // Where each is closed before the next comes, it still goes round.
    let mut names = Vec::new();
    for number in 10..14 {
        let (id, name) = new(number).await;
        close(&stores[0], id, 12).await;
        names.push(name);
    }
    assert_eq!(names, ["eva", "luis", "ana", "eva"]);
}
