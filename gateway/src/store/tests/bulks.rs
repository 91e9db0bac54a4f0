//! Bulk sends: each recipient has one message or none, whoever is faster; what is paused is not claimed.

use futures::future::join_all;
use serde_json::json;

use super::gate::rules;
use super::reconciling::{fates, listing, unknown};
use super::*;
use crate::store::{
    BulkMoved, BulkPlace, BulkState, BulkTaken, DUPLICATE, Failing, Fate, NewBulk, NewRecipient, Next,
    RecipientProblem, RecipientState, Reconciliation,
};

on_both!(
    each_recipient_gets_one_message_however_often_it_is_made,
    what_is_not_running_takes_no_messages,
    what_is_held_is_not_claimed_and_holds_nobody_up,
    what_is_ended_is_canceled,
    what_comes_back_to_one_that_was_stopped_is_not_sent,
    what_is_held_over_the_evening_does_not_leave_at_night,
    a_bulk_send_is_looked_after_by_one_at_a_time,
    the_same_call_makes_one_bulk_send,
    recipients_are_listed_by_where_they_stand,
    who_is_put_off_waits_and_nobody_else_does,
);

pub(super) fn person(number: usize) -> String {
    format!("+52998113{number:04}")
}

pub(super) fn new(database: &Database, count: usize) -> NewBulk {
    let recipients = (0..count).map(|number| NewRecipient {
        recipient: person(number),
        locale: None,
        variables: Some(json!({ "name": "Ana" })),
        problem: None,
    });
    let recipients = recipients.collect();
    let (content, idempotency) = (json!({ "text": "hola" }), None);
    NewBulk { id: database.id(), name: None, content, send_at: None, idempotency, recipients, at: at(0) }
}

pub(super) async fn taken(store: &Store, database: &Database, count: usize) -> Uuid {
    let new = new(database, count);
    let id = new.id;
    assert_eq!(store.take_bulk(new, act(0)).await.unwrap(), BulkTaken::Stored);
    id
}

pub(super) fn submission(database: &Database, bulk_id: Uuid, position: u32) -> Submission {
    let mut submission = database.submission(&person(position as usize), &["hola"]);
    submission.message.bulk = Some(BulkPlace { bulk_id, position });
    submission
}

async fn submit_all(store: &Store, database: &Database, bulk_id: Uuid, count: u32) {
    for position in 0..count {
        let submission = submission(database, bulk_id, position);
        let id = submission.message.id;
        assert_eq!(store.submit(submission).await.unwrap().stored(), Some(id));
    }
}

async fn standing(store: &Store, id: Uuid) -> Vec<(RecipientState, u64)> {
    store.bulk_counts(id).await.unwrap().of.into_iter().collect()
}

async fn each_recipient_gets_one_message_however_often_it_is_made(database: Database) {
    let stores = [database.store().await, database.store().await];
    let id = taken(&stores[0], &database, 5).await;
    let all: Vec<Submission> =
        (0..4).flat_map(|_| (0..5).map(|position| submission(&database, id, position)).collect::<Vec<_>>()).collect();
    let came = join_all(all.into_iter().zip(stores.iter().cycle()).map(|(one, store)| store.submit(one))).await;
    let came: Vec<Submitted> = came.into_iter().map(Result::unwrap).collect();
    assert_eq!(came.iter().filter(|came| matches!(came, Submitted::Stored(_))).count(), 5);
    assert_eq!(came.iter().filter(|came| **came == Submitted::NotAwaited).count(), 15);
    let listed = stores[0].bulk_recipients(id, None, None, 10).await.unwrap().items;
    assert!(listed.iter().all(|one| one.state == RecipientState::Submitted && one.message_id.is_some()), "{listed:?}");
    assert_eq!(message(&stores[0], listed[0].message_id.unwrap()).await.bulk_id, Some(id));
    assert!(stores[0].waiting_recipients(id, 10, at(0)).await.unwrap().is_empty());
    assert_eq!(stores[0].bulk_under_way(id, 3, None).await.unwrap(), 3, "counted no further than asked");
}

async fn what_is_not_running_takes_no_messages(database: Database) {
    let store = database.store().await;
    let id = taken(&store, &database, 2).await;
    let submit = async |position| store.submit(submission(&database, id, position)).await.unwrap();
    assert_eq!(store.move_bulk(id, BulkState::Paused, at(1), act(0)).await.unwrap(), BulkMoved::Done);
    assert_eq!(submit(0).await, Submitted::NotAwaited);
    let entries = async || store.audit_entries(None, 100).await.unwrap().items.len();
    let before = entries().await;
    assert_eq!(store.move_bulk(id, BulkState::Paused, at(1), act(0)).await.unwrap(), BulkMoved::Same);
    assert_eq!(entries().await, before, "what changes nothing is not on record");
    assert_eq!(store.move_bulk(id, BulkState::Running, at(2), act(0)).await.unwrap(), BulkMoved::Done);
    assert!(matches!(submit(0).await, Submitted::Stored(_)));
    assert_eq!(store.move_bulk(id, BulkState::Canceled, at(3), act(0)).await.unwrap(), BulkMoved::Done);
    assert_eq!(submit(1).await, Submitted::NotAwaited);
    let over = BulkMoved::Over(BulkState::Canceled);
    assert_eq!(store.move_bulk(id, BulkState::Running, at(4), act(0)).await.unwrap(), over);
    assert_eq!(store.move_bulk(database.id(), BulkState::Paused, at(4), act(0)).await.unwrap(), BulkMoved::NotFound);
    let nobody = submission(&database, database.id(), 0);
    assert_eq!(store.submit(nobody).await.unwrap(), Submitted::NotAwaited);
}

async fn what_is_held_is_not_claimed_and_holds_nobody_up(database: Database) {
    let store = database.store().await;
    let id = taken(&store, &database, 3).await;
    submit_all(&store, &database, id, 3).await;
    // One was refused for now, so that it would go before what is newer in its conversation.
    let [part] = claim(&store, &database, 1, 1).await.try_into().unwrap();
    let error = crate::message::ProviderError::default();
    store.settle(settled(&part, 1, Settled::Retry { due_at: at(2), error })).await.unwrap();
    assert_eq!(store.hold_bulk(id, 2, at(1)).await.unwrap(), 0, "it is not paused");
    store.move_bulk(id, BulkState::Paused, at(1), act(0)).await.unwrap();
    assert_eq!(store.hold_bulk(id, 2, at(1)).await.unwrap(), 2);
    assert_eq!(store.hold_bulk(id, 2, at(1)).await.unwrap(), 1);
    assert_eq!(store.hold_bulk(id, 2, at(1)).await.unwrap(), 0);
    assert_eq!(claim(&store, &database, 1000, 10).await, []);
    let other = database.submission(part.recipient.as_str(), &["otra"]);
    store.submit(other.clone()).await.unwrap();
    assert!(store.has_older(message(&store, other.message.id).await.conversation_id, at(9)).await.unwrap());
    let [claimed] = claim(&store, &database, 1000, 10).await.try_into().unwrap();
    assert_eq!(claimed.message_id, other.message.id);
    store.settle(settled(&claimed, 1000, accepted("SM1"))).await.unwrap();
    let conversation_id = message(&store, other.message.id).await.conversation_id;
    assert!(!store.has_older(conversation_id, at(1001)).await.unwrap(), "what is held is no reason to wait");

    assert_eq!(store.release_bulk(id, 10, at(1001)).await.unwrap(), 0, "it was paused again meanwhile");
    store.move_bulk(id, BulkState::Running, at(1001), act(0)).await.unwrap();
    assert_eq!(store.release_bulk(id, 10, at(1001)).await.unwrap(), 3);
    assert_eq!(store.release_bulk(id, 10, at(1001)).await.unwrap(), 0);
    let again = claim(&store, &database, 1002, 10).await;
    let due: Vec<Timestamp> = again.iter().map(|part| part.due_at).collect();
    assert_eq!((again.len(), due), (3, vec![at(2), at(0), at(0)]), "when they were due before");
}

async fn what_is_ended_is_canceled(database: Database) {
    let store = database.store().await;
    let id = taken(&store, &database, 5).await;
    submit_all(&store, &database, id, 3).await;
    let [sent] = claim(&store, &database, 1, 1).await.try_into().unwrap();
    store.settle(settled(&sent, 1, accepted_as("SM1", Status::Delivered))).await.unwrap();
    store.move_bulk(id, BulkState::Paused, at(1), act(0)).await.unwrap();
    store.hold_bulk(id, 10, at(1)).await.unwrap();
    store.move_bulk(id, BulkState::Canceled, at(2), act(0)).await.unwrap();
    let mut ended = 0;
    loop {
        match store.end_bulk(id, 1, at(2)).await.unwrap() {
            0 => break,
            some => ended += some,
        }
    }
    assert_eq!(ended, 4);
    assert_eq!(standing(&store, id).await, [(RecipientState::Delivered, 1), (RecipientState::Canceled, 4)]);
    assert_eq!(store.bulk_under_way(id, 10, None).await.unwrap(), 0);
    assert_eq!(claim(&store, &database, 1000, 10).await, []);
}

/// Nobody knew whether it was sent, and then it turns out that it was not.
async fn what_comes_back_to_one_that_was_stopped_is_not_sent(database: Database) {
    let store = database.store().await;
    for (state, status) in [(BulkState::Canceled, Status::Canceled), (BulkState::Paused, Status::Pending)] {
        let id = taken(&store, &database, 1).await;
        submit_all(&store, &database, id, 1).await;
        let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
        store.settle(settled(&part, 10, unknown())).await.unwrap();
        store.move_bulk(id, state, at(20), act(0)).await.unwrap();
        let listed = Reconciliation { recipient: part.recipient.clone(), ..listing(&[part.id], vec![], 1000) };
        assert_eq!(fates(&store, listed).await, [(part.id, Fate::Resent)]);
        assert_eq!(message(&store, part.message_id).await.status, status);
        assert_eq!(claim(&store, &database, 2000, 10).await, []);
        if state == BulkState::Paused {
            store.move_bulk(id, BulkState::Running, at(2001), act(0)).await.unwrap();
            store.release_bulk(id, 10, at(2001)).await.unwrap();
            assert_eq!(claim(&store, &database, 2002, 10).await.len(), 1);
        }
    }
}

async fn what_is_held_over_the_evening_does_not_leave_at_night(database: Database) {
    let store = database.store().await;
    let start = at(0).to_zoned(jiff::tz::TimeZone::UTC);
    let hour = |hours: i64| (start.clone() + jiff::Span::new().hours(hours)).strftime("%H:%M").to_string();
    store.gate_by(rules(&format!("[quiet_hours]\nfrom = '{}'\nto = '{}'", hour(2), hour(4))));
    let id = taken(&store, &database, 1).await;
    submit_all(&store, &database, id, 1).await;
    let hours = |hours: i64| hours * 3600;
    store.move_bulk(id, BulkState::Paused, at(hours(1)), act(0)).await.unwrap();
    assert_eq!(store.hold_bulk(id, 10, at(hours(1))).await.unwrap(), 1);
    assert_eq!(claim(&store, &database, hours(2) + 60, 10).await, []);
    store.move_bulk(id, BulkState::Running, at(hours(3)), act(0)).await.unwrap();
    assert_eq!(store.release_bulk(id, 10, at(hours(3))).await.unwrap(), 1);
    assert_eq!(claim(&store, &database, hours(3) + 1, 10).await, []);
    // It is nothing that the window is full of, but it is not over either.
    let under_way = async |by| store.bulk_under_way(id, 10, by).await.unwrap();
    assert_eq!((under_way(Some(at(hours(3)))).await, under_way(None).await), (0, 1));
    assert_eq!(claim(&store, &database, hours(4), 10).await.len(), 1);
}

async fn a_bulk_send_is_looked_after_by_one_at_a_time(database: Database) {
    let store = database.store().await;
    let id = taken(&store, &database, 1).await;
    let later = NewBulk { send_at: Some(at(50)), ..new(&database, 1) };
    let later_id = later.id;
    store.take_bulk(later, act(0)).await.unwrap();
    assert!(store.bulks_due(at(0)).await.unwrap());
    let claimed = store.claim_bulk(at(0), at(10)).await.unwrap().unwrap();
    assert_eq!((claimed.id, claimed.state), (id, BulkState::Running));
    assert_eq!(store.claim_bulk(at(1), at(11)).await.unwrap(), None);
    assert!(!store.bulks_due(at(1)).await.unwrap());
    // Whoever had it stopped: another takes it once its time is over.
    let again = store.claim_bulk(at(10), at(20)).await.unwrap().unwrap();
    store.leave_bulk(&claimed, at(10), Next::Finished, at(11)).await.unwrap();
    assert_eq!(store.bulk(id).await.unwrap().unwrap().state, BulkState::Running, "it is the other's");
    // Paused meanwhile, it is not left as if it had not been.
    store.move_bulk(id, BulkState::Paused, at(12), act(0)).await.unwrap();
    store.leave_bulk(&again, at(20), Next::Finished, at(13)).await.unwrap();
    assert_eq!(store.bulk(id).await.unwrap().unwrap().state, BulkState::Paused);
    store.move_bulk(id, BulkState::Running, at(14), act(0)).await.unwrap();
    let last = store.claim_bulk(at(14), at(24)).await.unwrap().unwrap();
    store.leave_bulk(&last, at(24), Next::Finished, at(15)).await.unwrap();
    let done = store.bulk(id).await.unwrap().unwrap();
    assert_eq!((done.state, done.finished_at), (BulkState::Done, Some(at(15))));
    let waits = async |seconds| store.claim_bulk(at(seconds), at(99)).await.unwrap().map(|bulk| bulk.id);
    store.move_bulk(later_id, BulkState::Paused, at(15), act(0)).await.unwrap();
    store.move_bulk(later_id, BulkState::Running, at(15), act(0)).await.unwrap();
    assert_eq!((waits(49).await, waits(50).await), (None, Some(later_id)));
}

async fn the_same_call_makes_one_bulk_send(database: Database) {
    let stores = [database.store().await, database.store().await];
    let api_key_id = database.id();
    let call = |fingerprint: &str| {
        let idempotency = Idempotency { api_key_id, key: "may".to_owned(), fingerprint: fingerprint.to_owned() };
        NewBulk { idempotency: Some(idempotency), ..new(&database, 2) }
    };
    let calls: Vec<NewBulk> = (0..10).map(|_| call("f1")).collect();
    let came =
        join_all(calls.into_iter().zip(stores.iter().cycle()).map(|(one, store)| store.take_bulk(one, act(0)))).await;
    assert_eq!(came.into_iter().filter(|came| matches!(came, Ok(BulkTaken::Stored))).count(), 1);
    assert_eq!(stores[0].take_bulk(call("f2"), act(0)).await.unwrap(), BulkTaken::KeyReused);
    let listed = async |state| stores[0].bulks(state, None, 10).await.unwrap().items.len();
    assert_eq!((listed(None).await, listed(Some(BulkState::Running)).await), (1, 1));
    assert_eq!(listed(Some(BulkState::Paused)).await, 0);
}

async fn recipients_are_listed_by_where_they_stand(database: Database) {
    let store = database.store().await;
    let mut bulk = new(&database, 6);
    let problem = |code: &str| Some(RecipientProblem { code: code.to_owned(), detail: "so".to_owned() });
    bulk.recipients[1].problem = problem("too-short");
    bulk.recipients[2].problem = problem(DUPLICATE);
    let id = bulk.id;
    store.take_bulk(bulk, act(0)).await.unwrap();
    for position in [3, 4] {
        store.submit(submission(&database, id, position)).await.unwrap();
    }
    for (part, status) in claim(&store, &database, 1, 10).await.iter().zip([Status::Failed, Status::Sent]) {
        store.settle(settled(part, 1, accepted_as(&format!("SM{}", part.id), status))).await.unwrap();
    }
    let place = BulkPlace { bulk_id: id, position: 5 };
    store.refuse_recipient(place, problem("opted-out").unwrap()).await.unwrap();
    let submitted = BulkPlace { bulk_id: id, position: 3 };
    store.refuse_recipient(submitted, problem("opted-out").unwrap()).await.unwrap();
    let expected = [
        (RecipientState::Waiting, vec![0]),
        (RecipientState::Submitted, vec![]),
        (RecipientState::Sent, vec![4]),
        (RecipientState::Delivered, vec![]),
        (RecipientState::Failed, vec![3]),
        (RecipientState::Refused, vec![1, 5]),
        (RecipientState::Duplicate, vec![2]),
        (RecipientState::Canceled, vec![]),
    ];
    for (state, positions) in expected {
        let page = store.bulk_recipients(id, Some(state), None, 10).await.unwrap();
        let found: Vec<u32> = page.items.iter().map(|one| one.position).collect();
        assert_eq!(found, positions, "{state:?}");
        assert!(page.items.iter().all(|one| one.state == state));
    }
    let counts = store.bulk_counts(id).await.unwrap();
    assert_eq!(counts.of.values().sum::<u64>(), 6);
    let refused: Vec<_> = counts.refused.iter().map(|(code, count)| (code.as_str(), *count)).collect();
    assert_eq!(refused, [("opted-out", 1), ("too-short", 1)]);
    let first = store.bulk_recipients(id, None, None, 4).await.unwrap();
    let after = u32::try_from(first.next.unwrap().as_u128()).unwrap();
    assert_eq!(store.bulk_recipients(id, None, Some(after), 4).await.unwrap().items[0].position, 4);
}

async fn who_is_put_off_waits_and_nobody_else_does(database: Database) {
    let store = database.store().await;
    let id = taken(&store, &database, 3).await;
    let waiting = async |now| {
        let found = store.waiting_recipients(id, 10, at(now)).await.unwrap();
        found.iter().map(|one| (one.place.position, one.failing)).collect::<Vec<_>>()
    };
    let [none, once] = [Failing::default(), Failing { tries: 1, since: Some(at(1)) }];
    assert_eq!(store.recipients_put_off_until(id).await.unwrap(), None);
    let place = |position| BulkPlace { bulk_id: id, position };
    store.put_off_recipient(place(1), once, at(6)).await.unwrap();
    assert_eq!(waiting(5).await, [(0, none), (2, none)]);
    assert_eq!(waiting(6).await, [(0, none), (1, once), (2, none)]);
    assert_eq!(store.recipients_put_off_until(id).await.unwrap(), Some(at(6)));
    assert!(store.has_untried_recipients(id).await.unwrap());
    // Another gateway was faster.
    assert!(matches!(store.submit(submission(&database, id, 1)).await.unwrap(), Submitted::Stored(_)));
    store.put_off_recipient(place(1), once, at(9)).await.unwrap();
    assert_eq!(store.recipients_put_off_until(id).await.unwrap(), None);
    assert_eq!(store.bulk_counts(id).await.unwrap().of[&RecipientState::Submitted], 1);
}
