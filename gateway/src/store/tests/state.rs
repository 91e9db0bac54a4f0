//! What plugins remember.

use futures::future::join_all;
use sea_orm::EntityTrait;

use super::*;
use crate::store::entities;

on_both!(
    what_is_written_is_read_until_something_takes_its_place,
    a_decision_by_what_is_no_longer_there_changes_nothing,
    of_those_who_saw_the_same_one_is_taken,
    sums_are_never_overtaken,
    what_ran_out_is_not_there,
    what_a_message_was_decided_by_can_be_read_later,
    old_versions_are_removed_in_small_steps,
    a_submission_is_overtaken_too,
    changes_of_one_decision_build_on_each_other,
);

fn named(name: &str) -> StateKey {
    StateKey { plugin: "counter".to_owned(), scope: "global", subject: Uuid::nil(), key: name.to_owned() }
}

fn change(database: &Database, name: &str, change: Change) -> StateChange {
    StateChange { key: named(name), change, seen: None, version: database.id() }
}

/// A change after a look at this version.
fn after(seen: Option<Uuid>, change: StateChange) -> StateChange {
    StateChange { seen: Some(seen), ..change }
}

fn to(value: &str) -> Change {
    Change::Set { value: value.to_owned(), expires_at: None }
}

/// A new message, and what it comes to: these changes.
async fn decided(store: &Store, database: &Database, state: Vec<StateChange>) -> (MessageId, Committed) {
    let trace_id = database.id();
    let (id, processed) = undecided(store, database).await;
    // Whoever decides reads first.
    let traces = vec![Trace { id: trace_id, ..trace(database, id, "counter") }];
    (id, store.commit(Processed { state, traces, ..processed }).await.unwrap())
}

async fn undecided(store: &Store, database: &Database) -> (MessageId, Processed) {
    // Each from somebody else, so that none has to wait for another.
    let provider_id = database.id().to_string();
    let new = database.inbound(&provider_id, &format!("whatsapp:{provider_id}"));
    store.record(new.clone()).await.unwrap();
    (new.id, processed(&new, new.conversation_id))
}

async fn value(store: &Store, name: &str) -> Option<String> {
    store.recall(&named(name), at(5)).await.unwrap().map(|found| found.value)
}

async fn what_is_written_is_read_until_something_takes_its_place(database: Database) {
    let store = database.store().await;
    assert_eq!(value(&store, "a").await, None);
    let first = change(&database, "a", to("uno"));
    let version = first.version;
    assert_eq!(decided(&store, &database, vec![first]).await.1, Committed::Done);
    let found = store.recall(&named("a"), at(5)).await.unwrap().unwrap();
    assert_eq!(found, StoredValue { value: "uno".to_owned(), version, expires_at: None });
    for other in [
        StateKey { plugin: "other".to_owned(), ..named("a") },
        StateKey { scope: "contact", ..named("a") },
        StateKey { subject: database.id(), ..named("a") },
        named("A"),
    ] {
        assert_eq!(store.recall(&other, at(5)).await.unwrap(), None, "{other:?}");
    }
    let more = vec![change(&database, "a", to("dos")), change(&database, "b", to("tres"))];
    decided(&store, &database, more).await;
    assert_eq!(value(&store, "a").await.as_deref(), Some("dos"));
    let kept = store.kept("counter", "global", Uuid::nil(), at(5)).await.unwrap();
    assert_eq!(kept, Kept { keys: 2, bytes: 7 });
    decided(&store, &database, vec![change(&database, "a", Change::Delete)]).await;
    assert_eq!((value(&store, "a").await, value(&store, "b").await.as_deref()), (None, Some("tres")));
    assert_eq!(store.kept("counter", "global", Uuid::nil(), at(5)).await.unwrap(), Kept { keys: 1, bytes: 4 });
    decided(&store, &database, vec![change(&database, "a", to("otra vez"))]).await;
    assert_eq!(value(&store, "a").await.as_deref(), Some("otra vez"));
}

async fn a_decision_by_what_is_no_longer_there_changes_nothing(database: Database) {
    let store = database.store().await;
    let first = after(None, change(&database, "a", to("uno")));
    let version = first.version;
    assert_eq!(decided(&store, &database, vec![first]).await.1, Committed::Done);
    let (id, processed) = undecided(&store, &database).await;
    let late = Processed {
        state: vec![change(&database, "b", to("nada")), after(None, change(&database, "a", to("dos")))],
        replies: vec![database.outbound(ANA, &["hola"])],
        traces: vec![trace(&database, id, "counter")],
        ..processed
    };
    assert_eq!(store.commit(late.clone()).await.unwrap(), Committed::Stale);
    let gone = vec![after(Some(database.id()), change(&database, "a", Change::Delete))];
    assert_eq!(store.commit(Processed { state: gone, ..late.clone() }).await.unwrap(), Committed::Stale);
    assert_eq!((value(&store, "a").await.as_deref(), value(&store, "b").await), (Some("uno"), None));
    assert_eq!(message(&store, id).await.processed_at, None);
    assert!(store.traces(id).await.unwrap().is_empty());
    assert_eq!(claim(&store, &database, 9, 10).await, []);
    let right = vec![after(Some(version), change(&database, "a", to("dos")))];
    assert_eq!(store.commit(Processed { state: right, ..late }).await.unwrap(), Committed::Done);
    assert_eq!(value(&store, "a").await.as_deref(), Some("dos"));
    assert_eq!(claim(&store, &database, 9, 10).await.len(), 1);
}

async fn of_those_who_saw_the_same_one_is_taken(database: Database) {
    let stores = [database.store().await, database.store().await];
    for round in 0..10 {
        let name = format!("key {round}");
        let mut undone = Vec::new();
        for number in 0..6 {
            undone.push(undecided(&stores[number % 2], &database).await.1);
        }
        let commits = undone.into_iter().enumerate().map(|(number, processed)| {
            let state = vec![after(None, change(&database, &name, to(&number.to_string())))];
            stores[number % 2].commit(Processed { state, ..processed })
        });
        let came: Vec<Committed> = join_all(commits).await.into_iter().map(Result::unwrap).collect();
        let won: Vec<usize> = (0..6).filter(|number| came[*number] == Committed::Done).collect();
        assert_eq!(won.len(), 1, "{came:?}");
        assert!(came.iter().all(|one| matches!(one, Committed::Done | Committed::Stale)), "{came:?}");
        assert_eq!(value(&stores[0], &name).await, Some(won[0].to_string()));
    }
}

async fn sums_are_never_overtaken(database: Database) {
    let stores = [database.store().await, database.store().await];
    let mut undone = Vec::new();
    for number in 0..60 {
        undone.push(undecided(&stores[number % 2], &database).await.1);
    }
    let commits = undone.into_iter().enumerate().map(|(number, processed)| {
        let store = &stores[number % 2];
        let state = vec![change(&database, "sum", Change::Add(1.5))];
        async move {
            // Two processes that write the first version at once: one of them is told to come again.
            loop {
                match store.commit(Processed { state: state.clone(), ..processed.clone() }).await {
                    Ok(committed) => return committed,
                    Err(error) => assert!(matches!(error, crate::store::Error::Unavailable(_)), "{error:?}"),
                }
            }
        }
    });
    assert!(join_all(commits).await.into_iter().all(|committed| committed == Committed::Done));
    assert_eq!(value(&stores[0], "sum").await.as_deref(), Some("90"));
    // A text that is no number counts as none.
    decided(&stores[0], &database, vec![change(&database, "sum", to("muchos"))]).await;
    decided(&stores[0], &database, vec![change(&database, "sum", Change::Add(2.0))]).await;
    assert_eq!(value(&stores[0], "sum").await.as_deref(), Some("2"));
}

async fn what_ran_out_is_not_there(database: Database) {
    let store = database.store().await;
    let until = |seconds| Change::Set { value: "5".to_owned(), expires_at: Some(at(seconds)) };
    decided(&store, &database, vec![change(&database, "a", until(6))]).await;
    assert_eq!(value(&store, "a").await.as_deref(), Some("5"));
    assert_eq!(store.recall(&named("a"), at(6)).await.unwrap(), None);
    let kept = async |seconds| store.kept("counter", "global", Uuid::nil(), at(seconds)).await.unwrap().keys;
    assert_eq!((kept(5).await, kept(6).await), (1, 0));
    // What is added to lasts as long as it would have.
    decided(&store, &database, vec![change(&database, "a", Change::Add(1.0))]).await;
    let found = store.recall(&named("a"), at(5)).await.unwrap().unwrap();
    assert_eq!((found.value.as_str(), found.expires_at), ("6", Some(at(6))));
    // Whoever found nothing any more is right, and begins anew.
    let (_, processed) = undecided(&store, &database).await;
    let state = vec![after(None, change(&database, "a", Change::Add(1.0)))];
    assert_eq!(store.commit(Processed { state, at: at(7), ..processed }).await.unwrap(), Committed::Done);
    let found = store.recall(&named("a"), at(8)).await.unwrap().unwrap();
    assert_eq!((found.value.as_str(), found.expires_at), ("1", None));
}

async fn what_a_message_was_decided_by_can_be_read_later(database: Database) {
    let store = database.store().await;
    let mut ids = Vec::new();
    for state in [
        vec![],
        vec![change(&database, "a", to("uno"))],
        vec![change(&database, "a", to("dos"))],
        vec![change(&database, "a", Change::Delete)],
        vec![change(&database, "b", to("cuatro")), change(&database, "a", to("cuatro"))],
    ] {
        // Its own changes have ids that are younger than its trace.
        let renewed = |change: StateChange| StateChange { version: database.id(), ..change };
        let trace_id = database.id();
        let (id, processed) = undecided(&store, &database).await;
        let traces = vec![Trace { id: trace_id, ..trace(&database, id, "counter") }];
        let state = state.into_iter().map(renewed).collect();
        store.commit(Processed { state, traces, seed: Some(u64::MAX - 1), ..processed }).await.unwrap();
        ids.push(id);
    }
    let mut read = Vec::new();
    for id in &ids {
        let asked = store.asked(*id).await.unwrap().unwrap();
        assert_eq!((asked.at, asked.seed), (at(4), Some(u64::MAX - 1)));
        let found = store.recall_then(&named("a"), &asked).await.unwrap().map(|found| found.value);
        let kept = store.kept_then("counter", "global", Uuid::nil(), &asked).await.unwrap().keys;
        read.push((found, kept));
    }
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(read, [(None, 0), (None, 0), (some("uno"), 1), (some("dos"), 1), (None, 0)]);
    assert_eq!(store.asked(MessageId(database.id())).await.unwrap(), None);
    let new = undecided(&store, &database).await.0;
    assert_eq!(store.asked(new).await.unwrap(), None, "nobody was asked yet");
}

async fn old_versions_are_removed_in_small_steps(database: Database) {
    let store = database.store().await;
    for number in 0..5 {
        let (_, processed) = undecided(&store, &database).await;
        let state = vec![change(&database, "a", to(&number.to_string()))];
        store.commit(Processed { state, at: at(10 * number), ..processed }).await.unwrap();
    }
    let (_, processed) = undecided(&store, &database).await;
    let short = Change::Set { value: "b".to_owned(), expires_at: Some(at(12)) };
    let state = vec![change(&database, "b", short)];
    store.commit(Processed { state, at: at(2), ..processed }).await.unwrap();
    let rows = async || entities::plugin_state::Entity::find().all(&store.reads).await.unwrap().len();
    assert_eq!(rows().await, 6);
    // Replaced at 10, 20, 30 and 40; run out at 12.
    assert_eq!(store.prune_state(at(5), 10).await.unwrap(), 0);
    assert_eq!(store.prune_state(at(25), 1).await.unwrap(), 2);
    assert_eq!(store.prune_state(at(25), 1).await.unwrap(), 1);
    assert_eq!(store.prune_state(at(25), 1).await.unwrap(), 0);
    assert_eq!(store.prune_state(at(1000), 10).await.unwrap(), 2);
    assert_eq!(rows().await, 1);
    assert_eq!(value(&store, "a").await.as_deref(), Some("4"), "what is remembered now stays");
}

async fn a_submission_is_overtaken_too(database: Database) {
    let store = database.store().await;
    let submit = |seen| {
        let mut submission = database.submission(LUIS, &["hola"]);
        submission.state =
            vec![change(&database, "sent", Change::Add(1.0)), after(seen, change(&database, "a", to("x")))];
        submission.traces = vec![Trace { hook: Hook::Outbound, ..trace(&database, submission.message.id, "counter") }];
        submission
    };
    let first = submit(None);
    let version = first.state[1].version;
    assert_eq!(store.submit(first.clone()).await.unwrap().stored(), Some(first.message.id));
    assert_eq!(store.traces(first.message.id).await.unwrap()[0].hook, Hook::Outbound);
    let late = submit(None);
    assert_eq!(store.submit(late.clone()).await.unwrap(), Submitted::Stale);
    assert_eq!(store.message(late.message.id).await.unwrap(), None);
    assert_eq!(value(&store, "sent").await.as_deref(), Some("1"));
    let again = submit(Some(version));
    assert_eq!(store.submit(again.clone()).await.unwrap().stored(), Some(again.message.id));
    assert_eq!(value(&store, "sent").await.as_deref(), Some("2"));
}

/// An inbound plugin remembers something, and the same plugin sees it when what it sends is about to
/// be stored with it.
async fn changes_of_one_decision_build_on_each_other(database: Database) {
    let store = database.store().await;
    let first = after(None, change(&database, "a", to("1")));
    let second = after(Some(first.version), change(&database, "a", Change::Add(1.0)));
    let third = after(Some(second.version), change(&database, "a", to("3")));
    let last = third.version;
    let state = vec![first, second, third];
    assert_eq!(decided(&store, &database, state).await.1, Committed::Done);
    let found = store.recall(&named("a"), at(5)).await.unwrap().unwrap();
    assert_eq!((found.value.as_str(), found.version), ("3", last));
    let rows = entities::plugin_state::Entity::find().all(&store.reads).await.unwrap();
    assert_eq!(rows.iter().filter(|row| row.replaced_by.is_none()).count(), 1);
    assert_eq!(rows.len(), 3);
}
