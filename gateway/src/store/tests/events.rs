//! What endpoints are to be told: with the decision or not at all, in order, again, and by one worker.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;

on_both!(
    an_event_is_there_with_its_decision_or_not_at_all,
    events_of_a_conversation_are_told_in_order_and_others_beside_them,
    what_was_not_told_is_told_again,
    an_endpoint_that_is_gone_is_told_nothing_until_it_is_back,
    an_endpoint_that_fails_for_too_long_is_told_nothing_until_it_is_enabled,
    what_was_told_can_be_told_again,
    an_event_goes_to_one_worker,
    what_is_removed_is_no_longer_told,
    events_are_listed_in_pages,
);

const CRM: &str = "crm";
/// How long it may fail.
const PATIENCE: Duration = Duration::from_hours(1);

async fn open(database: &Database) -> Store {
    let store = database.store().await;
    store.introduce_endpoint(CRM, "aa".to_owned()).await.unwrap();
    store
}

fn event(database: &Database, endpoint: &str) -> NewEvent {
    NewEvent {
        id: database.id(),
        endpoint: endpoint.to_owned(),
        plugin: "router".to_owned(),
        payload: Some(json!({ "quotes": "text of" })),
    }
}

/// A message that came in and that a plugin forwards to these endpoints: its id, and the events'.
async fn forwarded(
    store: &Store,
    database: &Database,
    provider_id: &str,
    sender: &str,
    endpoints: &[&str],
) -> (MessageId, Vec<Uuid>) {
    let new = database.inbound(provider_id, sender);
    store.record(new.clone()).await.unwrap();
    let conversation = message(store, new.id).await.conversation_id;
    let events: Vec<NewEvent> = endpoints.iter().map(|endpoint| event(database, endpoint)).collect();
    let ids = events.iter().map(|event| event.id).collect();
    let decision = Processed { events, ..processed(&new, conversation) };
    assert!(store.commit(decision).await.unwrap().is_done());
    (new.id, ids)
}

async fn told(store: &Store, seconds: i64) -> Vec<ClaimedEvent> {
    store.claim_events(CRM, at(seconds), at(seconds + 20), 10).await.unwrap()
}

async fn ids_told(store: &Store, seconds: i64) -> Vec<Uuid> {
    told(store, seconds).await.into_iter().map(|event| event.id).collect()
}

async fn settle(
    store: &Store,
    event: &ClaimedEvent,
    seconds: i64,
    answer: Option<u16>,
    result: EventResult,
) -> EventSettled {
    let endpoint = CRM.to_owned();
    let (id, tries, patience) = (event.id, event.tries, Some(PATIENCE));
    let settlement = EventSettlement { id, endpoint, tries, at: at(seconds), answer, result, patience };
    store.settle_event(settlement).await.unwrap()
}

async fn deliver(store: &Store, event: &ClaimedEvent, seconds: i64) {
    let settled = settle(store, event, seconds, Some(204), EventResult::Delivered).await;
    assert!(!settled.disabled);
}

async fn an_event_is_there_with_its_decision_or_not_at_all(database: Database) {
    let store = open(&database).await;
    assert!(!store.events_due(CRM, at(1000)).await.unwrap());
    let (message_id, ids) = forwarded(&store, &database, "SM1", ANA, &[CRM, "other"]).await;
    assert!(!store.events_due(CRM, at(4)).await.unwrap(), "it was decided at 5");
    assert!(store.events_due(CRM, at(5)).await.unwrap());
    let events = store.events_of(message_id).await.unwrap();
    assert_eq!(events.iter().map(|event| event.id).collect::<Vec<_>>(), ids);
    assert_eq!((events[0].kind.as_str(), events[0].plugin.as_deref()), ("message.forwarded", Some("router")));
    assert_eq!((events[0].due_at, events[0].created_at, events[0].tries), (Some(at(5)), at(5), 0));

    // A second commit of the same message changes nothing.
    let again = Processed {
        message_id,
        events: vec![event(&database, CRM)],
        ..processed(&database.inbound("SM1", ANA), events[0].conversation_id.unwrap())
    };
    assert_eq!(store.commit(again).await.unwrap(), Committed::Before);
    assert_eq!(store.events_of(message_id).await.unwrap().len(), 2);

    let [event] = told(&store, 5).await.try_into().unwrap();
    let body: Value = serde_json::from_str(&event.body).unwrap();
    assert_eq!((event.message_id, event.tries), (Some(message_id), 1));
    assert_eq!((&body["data"]["message"]["text"], &body["timestamp"]), (&json!("text of SM1"), &json!(at(5))));
    assert_eq!(body["data"]["conversation"]["address"], ANA);
}

async fn events_of_a_conversation_are_told_in_order_and_others_beside_them(database: Database) {
    let store = open(&database).await;
    let (_, ana) = forwarded(&store, &database, "SM1", ANA, &[CRM, "other"]).await;
    let (_, again) = forwarded(&store, &database, "SM2", ANA, &[CRM]).await;
    let (_, luis) = forwarded(&store, &database, "SM3", LUIS, &[CRM]).await;
    let [first, other] = told(&store, 10).await.try_into().unwrap();
    assert_eq!([first.id, other.id], [ana[0], luis[0]]);
    deliver(&store, &other, 11).await;
    assert_eq!(ids_told(&store, 12).await, [] as [Uuid; 0], "the first of the conversation is on its way");
    settle(&store, &first, 12, Some(500), retry(100)).await;
    assert_eq!(ids_told(&store, 99).await, [] as [Uuid; 0], "and has to be told first");
    let [first] = told(&store, 100).await.try_into().unwrap();
    assert_eq!((first.id, first.tries), (ana[0], 2));
    settle(&store, &first, 101, None, EventResult::GivenUp { problem: "timed out".to_owned() }).await;
    assert_eq!(ids_told(&store, 102).await, again, "what was given up holds up nothing");
}

fn retry(seconds: i64) -> EventResult {
    EventResult::Retry { due_at: at(seconds), problem: "answered 500".to_owned() }
}

async fn what_was_not_told_is_told_again(database: Database) {
    let store = open(&database).await;
    let (message_id, _) = forwarded(&store, &database, "SM1", ANA, &[CRM]).await;
    let [first] = told(&store, 10).await.try_into().unwrap();
    settle(&store, &first, 11, Some(500), retry(16)).await;
    let [shown] = store.events_of(message_id).await.unwrap().try_into().unwrap();
    assert_eq!((shown.state, shown.answer, shown.due_at), (EventState::Waiting, Some(500), Some(at(16))));
    assert_eq!(shown.problem.as_deref(), Some("answered 500"));
    let known = store.endpoints().await.unwrap().remove(CRM).unwrap();
    assert_eq!((known.waiting, known.last_failure_at, known.last_success_at), (1, Some(at(11)), None));
    assert_eq!(known.last_failure.as_deref(), Some("answered 500"));
    // The gateway is killed while it tells it; the lease ends, and whoever comes late changes nothing.
    let [second] = told(&store, 16).await.try_into().unwrap();
    assert_eq!(ids_told(&store, 35).await, [] as [Uuid; 0]);
    let [third] = told(&store, 37).await.try_into().unwrap();
    assert_eq!((third.id, third.tries, &third.body), (first.id, 3, &first.body));
    settle(&store, &second, 38, None, EventResult::GivenUp { problem: "too late".to_owned() }).await;
    deliver(&store, &third, 39).await;
    let [shown] = store.events_of(message_id).await.unwrap().try_into().unwrap();
    assert_eq!((shown.state, shown.tries, shown.answer), (EventState::Delivered, 3, Some(204)));
    assert_eq!((shown.problem, shown.due_at, shown.finished_at), (None, None, Some(at(39))));
    let known = store.endpoints().await.unwrap().remove(CRM).unwrap();
    assert_eq!((known.waiting, known.last_failure_at, known.last_success_at), (0, Some(at(11)), Some(at(39))));

    // What one process had leased, a new one takes up at once where nobody else can be at it.
    forwarded(&store, &database, "SM2", ANA, &[CRM]).await;
    assert_eq!(told(&store, 40).await.len(), 1);
    let next = open(&database).await;
    let expected = usize::from(!database.is_postgres());
    assert_eq!(told(&next, 41).await.len(), expected);
}

async fn an_endpoint_that_is_gone_is_told_nothing_until_it_is_back(database: Database) {
    let store = open(&database).await;
    let gone = || EventResult::Gone { problem: "answered 410".to_owned() };
    let (_, ids) = forwarded(&store, &database, "SM1", ANA, &[CRM]).await;
    let [event] = told(&store, 10).await.try_into().unwrap();
    settle(&store, &event, 11, Some(410), gone()).await;
    forwarded(&store, &database, "SM2", LUIS, &[CRM]).await;
    assert!(!store.events_due(CRM, at(1000)).await.unwrap());
    assert_eq!(ids_told(&store, 1000).await, [] as [Uuid; 0]);
    let known = store.endpoints().await.unwrap().remove(CRM).unwrap();
    assert_eq!((known.gone_at, known.waiting), (Some(at(11)), 2));

    // The same URL at the next start is as gone as before; another is another.
    let store = open(&database).await;
    assert_eq!(store.endpoints().await.unwrap()[CRM].gone_at, Some(at(11)));
    store.introduce_endpoint(CRM, "bb".to_owned()).await.unwrap();
    let [event, _] = told(&store, 2000).await.try_into().unwrap();
    assert_eq!((event.id, event.tries), (ids[0], 2));
    settle(&store, &event, 2001, Some(410), gone()).await;
    assert!(!store.events_due(CRM, at(3000)).await.unwrap());
    store.enable_endpoint(CRM, act(3000)).await.unwrap();
    assert!(store.events_due(CRM, at(3000)).await.unwrap());
}

async fn an_endpoint_that_fails_for_too_long_is_told_nothing_until_it_is_enabled(database: Database) {
    let store = open(&database).await;
    subscribing::subscribe(&store, &database, &[("watch", &[EventKind::EndpointDisabled])]);
    let (_, ids) = forwarded(&store, &database, "SM1", ANA, &[CRM]).await;
    let (_, others) = forwarded(&store, &database, "SM2", LUIS, &[CRM]).await;
    let [first, other] = told(&store, 10).await.try_into().unwrap();
    settle(&store, &first, 10, Some(500), retry(20)).await;
    // One that succeeds begins it anew.
    deliver(&store, &other, 11).await;
    let known = || async { store.endpoints().await.unwrap().remove(CRM).unwrap() };
    assert_eq!(known().await.failing_since, None);
    let mut seconds = 20;
    for (after, disabled) in [(0, false), (1800, false), (3599, false), (3600, true)] {
        let [event] = told(&store, seconds).await.try_into().unwrap();
        assert_eq!(event.id, ids[0]);
        // Whatever its own schedule says: what disables an endpoint is not given up.
        let result = if disabled { EventResult::GivenUp { problem: "answered 500".to_owned() } } else { retry(20) };
        seconds = 20 + after;
        assert_eq!(settle(&store, &event, seconds, Some(500), result).await, EventSettled { disabled }, "{after}");
        assert_eq!((known().await.failing_since, known().await.disabled_at.is_some()), (Some(at(20)), disabled));
        assert!(!disabled || known().await.disabled_at == Some(at(seconds)));
    }
    assert!(!store.events_due(CRM, at(99_999)).await.unwrap());
    assert_eq!(ids_told(&store, 99_999).await, [] as [Uuid; 0]);
    forwarded(&store, &database, "SM3", LUIS, &[CRM]).await;
    assert_eq!(known().await.waiting, 2, "and waits");

    // Whoever wants to know is told, once.
    let [notice] = store.claim_events("watch", at(9999), at(9999), 10).await.unwrap().try_into().unwrap();
    let body: Value = serde_json::from_str(&notice.body).unwrap();
    assert_eq!((notice.message_id, &body["type"]), (None, &json!("endpoint.disabled")));
    let data = json!({ "endpoint": CRM, "by": "failures", "failing_since": at(20), "last_failure": "answered 500" });
    assert_eq!(body["data"], data);
    let [shown] = store.events("watch", None, None, 10).await.unwrap().items.try_into().unwrap();
    assert_eq!((shown.message_id, shown.conversation_id), (None, None));

    let store = open(&database).await;
    assert!(!store.events_due(CRM, at(99_999)).await.unwrap(), "the next start changes nothing");
    store.enable_endpoint(CRM, act(10_000)).await.unwrap();
    let [event, _] = told(&store, 10_000).await.try_into().unwrap();
    assert_eq!((event.id, event.tries), (ids[0], 1), "its schedule begins anew");
    let known = store.endpoints().await.unwrap().remove(CRM).unwrap();
    assert_eq!((known.disabled_at, known.failing_since), (None, None));
    let state = store.event(CRM, others[0]).await.unwrap().unwrap().state;
    assert_eq!(state, EventState::Delivered, "what was told stays told");
}

async fn what_was_told_can_be_told_again(database: Database) {
    let store = open(&database).await;
    let (_, ids) = forwarded(&store, &database, "SM1", ANA, &[CRM]).await;
    let [event] = told(&store, 10).await.try_into().unwrap();
    assert!(!store.replay_event(CRM, ids[0], act(10)).await.unwrap(), "it is just being told");
    assert_eq!(store.event(CRM, ids[0]).await.unwrap().unwrap().state, EventState::Sending, "it is on its way");
    deliver(&store, &event, 11).await;
    assert!(!store.replay_event("other", ids[0], act(12)).await.unwrap(), "it is another's");
    assert_eq!(ids_told(&store, 12).await, [] as [Uuid; 0], "it is none of the other's");
    assert_eq!(store.event("other", ids[0]).await.unwrap(), None);
    assert!(store.replay_event(CRM, ids[0], act(12)).await.unwrap());
    let shown = store.event(CRM, ids[0]).await.unwrap().unwrap();
    assert_eq!((shown.state, shown.due_at, shown.finished_at), (EventState::Waiting, Some(at(12)), None));
    let [again] = told(&store, 12).await.try_into().unwrap();
    assert_eq!((again.id, again.tries), (ids[0], 1));
    settle(&store, &again, 13, None, retry(9999)).await;
    store.replay_event(CRM, ids[0], act(14)).await.unwrap();
    assert_eq!(ids_told(&store, 14).await, ids, "what waits is told now");
}

async fn an_event_goes_to_one_worker(database: Database) {
    let stores = [open(&database).await, database.store().await];
    for number in 0..10 {
        forwarded(&stores[0], &database, &format!("SM{number}"), &format!("+52998111220{number}"), &[CRM]).await;
    }
    let both = futures::future::join_all(stores.iter().map(|store| ids_told(store, 10))).await;
    let mut all = both.concat();
    all.sort();
    all.dedup();
    assert_eq!((all.len(), both.concat().len()), (10, 10));
}

async fn what_is_removed_is_no_longer_told(database: Database) {
    let store = open(&database).await;
    let (redacted, _) = forwarded(&store, &database, "SM1", ANA, &[CRM]).await;
    let (deleted, _) = forwarded(&store, &database, "SM2", LUIS, &[CRM]).await;
    let (kept, _) = forwarded(&store, &database, "SM3", OURS, &[CRM]).await;
    store.redact(redacted, at(8)).await.unwrap();
    store.delete(deleted, at(9)).await.unwrap();
    let events = told(&store, 10).await;
    assert_eq!(events.iter().map(|event| event.message_id).collect::<Vec<_>>(), [redacted, deleted, kept].map(Some));
    for event in &events {
        let data: Value = serde_json::from_str::<Value>(&event.body).unwrap()["data"].take();
        assert_eq!(data["message"]["id"], json!(event.message_id));
        let clear = event.message_id == Some(kept);
        assert_eq!((event.body.contains("text of"), data["payload"].is_null()), (clear, !clear), "{data}");
        assert_eq!(data["redacted"] == json!(true), !clear);
    }
}

async fn events_are_listed_in_pages(database: Database) {
    let store = open(&database).await;
    let mut all = Vec::new();
    for number in 0..5 {
        all.extend(forwarded(&store, &database, &format!("SM{number}"), ANA, &[CRM, "other"]).await.1);
    }
    let expected: Vec<Uuid> = all.into_iter().step_by(2).rev().collect();
    let mut seen = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.events(CRM, None, cursor, 2).await.unwrap();
        assert!(page.items.len() <= 2);
        seen.extend(page.items.iter().map(|event| event.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected);
    let [event, ..] = &told(&store, 10).await[..] else { panic!("nothing is told") };
    settle(&store, event, 11, None, EventResult::GivenUp { problem: "timed out".to_owned() }).await;
    let of = async |state| store.events(CRM, Some(state), None, 10).await.unwrap().items.len();
    assert_eq!((of(EventState::GivenUp).await, of(EventState::Waiting).await), (1, 4));
}
