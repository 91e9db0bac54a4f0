//! What applications look through, and what they remove.

use sea_orm::EntityTrait;

use super::*;
use crate::store::{Beside, Listing, entities};

on_both!(
    pages_stay_right_while_messages_come_in,
    filters_by_who_and_when,
    what_plugins_said_of_a_text_goes_with_it,
    a_text_is_removed_and_its_ids_stay,
    what_is_under_way_keeps_its_text,
    a_deleted_message_is_hidden_and_still_known,
    a_text_that_is_not_to_be_kept_goes_when_it_has_arrived,
);

fn listing(beside: Beside, limit: u64) -> Listing {
    let channels = vec!["sms".to_owned()];
    Listing { channels, from: None, to: None, since: None, until: None, beside, limit }
}

async fn listed(store: &Store, listing: &Listing) -> (Vec<MessageId>, bool) {
    let (messages, more) = store.list(listing).await.unwrap();
    (messages.into_iter().map(|message| message.id).collect(), more)
}

async fn submitted(store: &Store, database: &Database, recipient: &str) -> MessageId {
    let submission = database.submission(recipient, &["hola"]);
    store.submit(submission.clone()).await.unwrap();
    submission.message.id
}

async fn pages_stay_right_while_messages_come_in(database: Database) {
    let store = database.store().await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(submitted(&store, &database, ANA).await);
    }
    let (first, more) = listed(&store, &listing(Beside::Skip(0), 2)).await;
    assert_eq!((first.as_slice(), more), ([ids[4], ids[3]].as_slice(), true));
    let newest = submitted(&store, &database, ANA).await;
    let (second, more) = listed(&store, &listing(Beside::Older(ids[3].0), 2)).await;
    assert_eq!((second.as_slice(), more), ([ids[2], ids[1]].as_slice(), true));
    let last = listed(&store, &listing(Beside::Older(ids[1].0), 2)).await;
    assert_eq!(last, (vec![ids[0]], false));
    let back = listed(&store, &listing(Beside::Newer(ids[2].0), 2)).await;
    assert_eq!(back, (vec![ids[4], ids[3]], true));
    let further = listed(&store, &listing(Beside::Newer(ids[4].0), 2)).await;
    assert_eq!(further, (vec![newest], true));
    assert_eq!(listed(&store, &listing(Beside::Skip(4), 2)).await, (vec![ids[1], ids[0]], false));
    let elsewhere = Listing { channels: vec!["other".to_owned()], ..listing(Beside::Skip(0), 10) };
    assert_eq!(listed(&store, &elsewhere).await, (Vec::new(), false));
    assert_eq!(store.listed(newest, &["other".to_owned()]).await.unwrap(), None);
}

async fn filters_by_who_and_when(database: Database) {
    let store = database.store().await;
    let waiting = submitted(&store, &database, ANA).await;
    let inbound = NewInbound { received_at: at(100), ..database.inbound("SM9", LUIS) };
    store.record(inbound.clone()).await.unwrap();
    let sent = submitted(&store, &database, LUIS).await;
    for part in claim(&store, &database, 1, 10).await.into_iter().filter(|part| part.message_id == sent) {
        store.observe(database.report(Some(part.id), "SM1", Status::Delivered, 200)).await.unwrap();
    }
    let all = listing(Beside::Skip(0), 10);
    let to = |to: &str| Listing { to: Some(to.to_owned()), ..all.clone() };
    let from = |from: &str| Listing { from: Some(from.to_owned()), ..all.clone() };
    let between =
        |since: Option<i64>, until: Option<i64>| Listing { since: since.map(at), until: until.map(at), ..all.clone() };
    for (listing, expected) in [
        (to(ANA), vec![waiting]),
        (to(LUIS), vec![sent]),
        (from(LUIS), vec![inbound.id]),
        (from(OURS), vec![sent, waiting]),
        (between(Some(0), None), vec![sent, inbound.id]),
        (between(Some(100), Some(200)), vec![inbound.id]),
        (between(Some(101), Some(201)), vec![sent]),
        (between(None, Some(100)), vec![]),
    ] {
        assert_eq!(listed(&store, &listing).await.0, expected, "{listing:?}");
    }
}

async fn a_text_is_removed_and_its_ids_stay(database: Database) {
    let store = database.store().await;
    let new = database.inbound("SM9", ANA);
    store.record(new.clone()).await.unwrap();
    assert_eq!(store.redact(new.id, at(1)).await.unwrap(), Redaction::UnderWay, "plugins are still to see it");
    let reply = NewOutbound {
        route: Route::Answer { ask_at: at(20) },
        in_reply_to: Some(new.id),
        ..database.outbound(ANA, &["un secreto, ", "largo"])
    };
    let conversation = only_conversation(&store).await.id;
    let decision = serde_json::json!({ "reply": "un secreto" });
    let trace = Trace { decision, ..trace(&database, new.id, "p") };
    let done = Processed {
        answer: Some("<Response>un secreto</Response>".to_owned()),
        replies: vec![reply.clone()],
        traces: vec![trace],
        ..processed(&new, conversation)
    };
    assert_eq!(store.commit(done).await.unwrap(), Committed::Done);

    assert_eq!(store.redact(reply.id, at(6)).await.unwrap(), Redaction::UnderWay, "nobody knows whether it left");
    for (number, part) in reply.parts.iter().enumerate() {
        let report = database.report(Some(part.id), &format!("SM{number}"), Status::Delivered, 6);
        store.observe(report).await.unwrap();
    }
    assert_eq!(store.redact(reply.id, at(7)).await.unwrap(), Redaction::Done);
    let redacted = message(&store, reply.id).await;
    assert_eq!((redacted.text.as_str(), redacted.updated_at, redacted.parts.len()), ("", at(7), 2));
    assert_eq!(store.traces(new.id).await.unwrap()[0].decision, serde_json::json!({ "redacted": true }));
    assert_eq!(store.answered(new.id).await.unwrap(), Answered::Empty);
    assert_eq!(message(&store, new.id).await.text, new.text, "that one was not meant");
    assert_eq!(store.redact(new.id, at(8)).await.unwrap(), Redaction::Done);
    assert_eq!(message(&store, new.id).await.text, "");
    let parts = entities::parts::Entity::find().all(&store.reads).await.unwrap();
    assert!(parts.len() == 2 && parts.iter().all(|part| part.text.is_empty()), "{parts:?}");
    let again = store.record(database.inbound("SM9", ANA)).await.unwrap();
    assert_eq!(again, Receipt::Repeat { of: new.id, answered: Answered::Empty });
}

async fn what_is_under_way_keeps_its_text(database: Database) {
    let store = database.store().await;
    let id = submitted(&store, &database, ANA).await;
    assert_eq!(store.redact(id, at(1)).await.unwrap(), Redaction::UnderWay);
    assert_eq!(store.delete(id, at(1)).await.unwrap(), Redaction::UnderWay);
    let [part] = claim(&store, &database, 2, 10).await.try_into().unwrap();
    assert_eq!(store.redact(id, at(2)).await.unwrap(), Redaction::UnderWay, "it is being sent");
    store.settle(settled(&part, 3, accepted("SM1"))).await.unwrap();
    assert_eq!(store.delete(id, at(3)).await.unwrap(), Redaction::UnderWay, "it may still fail");
    assert_eq!(message(&store, id).await.text, "hola");
    assert_eq!(store.redact(id, at(3)).await.unwrap(), Redaction::Done);
    assert_eq!(store.redact(MessageId(database.id()), at(3)).await.unwrap(), Redaction::NotFound);
}

async fn a_deleted_message_is_hidden_and_still_known(database: Database) {
    let store = database.store().await;
    let key = database.id();
    store.create_key(new_key(key, "app", "aa"), act(0)).await.unwrap();
    let once = || Idempotency { api_key_id: key, key: "order-7".to_owned(), fingerprint: "f".to_owned() };
    let mut submission = database.submission(ANA, &["hola"]);
    submission.message.media = vec!["https://example.com/a.png".to_owned()];
    submission.idempotency = Some(once());
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let [part] = claim(&store, &database, 2, 10).await.try_into().unwrap();
    store.observe(database.report(Some(part.id), "SM1", Status::Delivered, 3)).await.unwrap();
    store.settle(settled(&part, 4, accepted("SM1"))).await.unwrap();
    let channels = ["sms".to_owned()];
    assert_eq!(store.listed(id, &channels).await.unwrap().map(|message| message.media.len()), Some(1));

    assert_eq!(store.delete(id, at(5)).await.unwrap(), Redaction::Done);
    assert_eq!(store.listed(id, &channels).await.unwrap(), None);
    assert_eq!(listed(&store, &listing(Beside::Skip(0), 10)).await, (Vec::new(), false));
    assert_eq!(store.delete(id, at(6)).await.unwrap(), Redaction::NotFound);
    let kept = message(&store, id).await;
    assert_eq!((kept.text.as_str(), kept.media.len(), kept.provider_id.as_deref()), ("", 0, Some("SM1")));
    let again = Submission { idempotency: Some(once()), ..database.submission(ANA, &["hola"]) };
    assert_eq!(store.submit(again).await.unwrap(), Submitted::Before(id));
}

async fn a_text_that_is_not_to_be_kept_goes_when_it_has_arrived(database: Database) {
    let store = database.store().await;
    let discard = Options { discard_content: Some(true), ..Options::default() };
    for (options, left) in [(discard, ""), (Options::default(), "uno dos")] {
        let mut submission = database.submission(ANA, &["uno ", "dos"]);
        submission.message.options = options;
        let id = submission.message.id;
        store.submit(submission).await.unwrap();
        for number in 1..=2 {
            let [part] = claim(&store, &database, number, 10).await.try_into().unwrap();
            assert_ne!(part.text, "", "it is still to be sent");
            let provider_id = format!("SM{}", part.id);
            store.settle(settled(&part, number, accepted(&provider_id))).await.unwrap();
            assert_eq!(message(&store, id).await.text, "uno dos");
            store.observe(database.report(None, &provider_id, Status::Delivered, number)).await.unwrap();
        }
        let arrived = message(&store, id).await;
        assert_eq!((arrived.text.as_str(), arrived.status), (left, Status::Delivered));
        let parts = entities::parts::Entity::find().all(&store.reads).await.unwrap();
        let of_it: String = parts.into_iter().filter(|part| part.message_id == id.0).map(|part| part.text).collect();
        assert_eq!(of_it, left);
        assert!(!store.removals_due(at(1000)).await.unwrap(), "the provider was told when it got the text");
    }
}

async fn what_plugins_said_of_a_text_goes_with_it(database: Database) {
    let store = database.store().await;
    let new = database.inbound("SM9", ANA);
    store.record(new.clone()).await.unwrap();
    let conversation = only_conversation(&store).await.id;
    let secret = || "un secreto".to_owned();
    let timer = TimerChange::Start {
        id: database.id(),
        plugin: "p".to_owned(),
        name: "later".to_owned(),
        payload: secret(),
        started_at: at(0),
        due_at: at(20),
        hops: 0,
    };
    let done = Processed {
        discarded: Some(secret()),
        timers: vec![timer],
        traces: ["p", "q", "r"]
            .map(|plugin| Trace { error: Some(secret()), ..trace(&database, new.id, plugin) })
            .to_vec(),
        ..processed(&new, conversation)
    };
    assert_eq!(store.commit(done).await.unwrap(), Committed::Done);
    let mut refused = database.submission(ANA, &[]);
    refused.message.rejected = Some(Rejection::Plugin { plugin: "p".to_owned(), problem: secret() });
    let refused_id = refused.message.id;
    store.submit(refused).await.unwrap();
    for id in [new.id, refused_id] {
        assert_eq!(store.redact(id, at(7)).await.unwrap(), Redaction::Done);
    }
    assert_eq!(message(&store, new.id).await.discarded.as_deref(), Some(""), "that it was stays");
    assert_eq!(message(&store, refused_id).await.error_message, None);
    let left = store.traces(new.id).await.unwrap();
    assert_eq!(left.iter().map(|trace| trace.plugin.as_str()).collect::<Vec<_>>(), ["p", "q", "r"]);
    assert!(left.iter().all(|trace| trace.error.is_none() && trace.duration_micros == 123), "{left:?}");
    let rows = async || entities::traces::Entity::find().all(&store.reads).await.unwrap().len();
    assert_eq!(rows().await, 0, "it stands with the message");
    // What comes later is of a text that is gone.
    let [timer] =
        store.claim_timers(vec!["p".to_owned()], Vec::new(), at(30), at(60), 1).await.unwrap().try_into().unwrap();
    assert_eq!(timer.payload, "");
    let contact = ContactId(Uuid::nil());
    let mut fired = Processed::new(Cause::Timer(timer.id), new.id, conversation, contact, at(31));
    fired.traces = ["p", "q"].map(|plugin| Trace { hook: Hook::Timer, ..trace(&database, new.id, plugin) }).to_vec();
    assert_eq!(store.commit(fired).await.unwrap(), Committed::Done);
    assert_eq!(rows().await, 1, "asked together");
    let traces = store.traces(new.id).await.unwrap();
    assert_eq!(traces.len(), 5);
    assert!(traces.iter().all(|trace| trace.decision == serde_json::json!({ "redacted": true })), "{traces:?}");
}
