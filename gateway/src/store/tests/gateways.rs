//! Several gateways: the order of a conversation, and whose texts are taken over.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, TransactionTrait};
use uuid::Uuid;

use super::*;
use crate::store::entities::gateways;
use crate::store::{Beat, Orphans};

on_both!(
    a_text_is_processed_after_the_earlier_ones_of_its_conversation,
    what_was_set_aside_holds_up_nothing_and_is_taken_at_the_next_start,
    the_only_gateway_takes_everything,
    what_a_gateway_leaves_is_taken_over_in_order_and_once,
    a_gateway_that_was_taken_for_dead_comes_back,
    texts_of_no_gateway_are_taken_when_they_are_old,
);

mod apart {
    use super::*;

    on_postgres!(
        a_text_knows_that_it_is_behind_another_gateways,
        others_are_woken_when_something_was_processed,
        whose_row_is_locked_is_left_for_the_next_look,
    );
}

/// A handle that records for a gateway of its own.
async fn gateway(database: &Database) -> (Store, UnboundedReceiver<Recorded>, Uuid) {
    let (store, recordings) = database.open().await;
    let id = database.ids.next(at(0));
    store.join(id, at(0)).await.unwrap();
    (store, recordings, id)
}

async fn came(store: &Store, database: &Database, provider_id: &str, from: &str) -> NewInbound {
    let new = database.inbound(provider_id, from);
    assert_eq!(store.record(new.clone()).await.unwrap(), Receipt::Recorded);
    new
}

async fn taken(store: &Store, orphans: Orphans) -> Vec<MessageId> {
    store.take_over(orphans, at(50), Timestamp::MIN, 100).await.unwrap().iter().map(|text| text.id).collect()
}

async fn a_text_is_processed_after_the_earlier_ones_of_its_conversation(database: Database) {
    let (store, ..) = gateway(&database).await;
    let [first, second] = [came(&store, &database, "SM1", ANA).await, came(&store, &database, "SM2", ANA).await];
    let other = came(&store, &database, "SM3", LUIS).await;
    let conversation = first.conversation_id;
    let commit = async |new: &NewInbound, conversation| store.commit(processed(new, conversation)).await.unwrap();
    let next = async || store.next_texts(&[conversation]).await.unwrap().remove(&conversation);
    assert_eq!(next().await, Some(first.id));
    assert_eq!(commit(&second, conversation).await, Committed::Early);
    assert_eq!(message(&store, second.id).await.processed_at, None);
    assert_eq!(commit(&other, other.conversation_id).await, Committed::Done);
    assert_eq!(commit(&first, conversation).await, Committed::Done);
    assert_eq!(next().await, Some(second.id));
    assert_eq!(commit(&second, conversation).await, Committed::Done);
    assert_eq!(commit(&second, conversation).await, Committed::Before);
    assert_eq!(next().await, None);
}

async fn what_was_set_aside_holds_up_nothing_and_is_taken_at_the_next_start(database: Database) {
    let (store, ..) = gateway(&database).await;
    let [first, second] = [came(&store, &database, "SM1", ANA).await, came(&store, &database, "SM2", ANA).await];
    store.set_aside(first.id).await.unwrap();
    assert_eq!(store.next_texts(&[first.conversation_id]).await.unwrap()[&first.conversation_id], second.id);
    assert_eq!(store.commit(processed(&second, first.conversation_id)).await.unwrap(), Committed::Done);
    assert_eq!(taken(&store, Orphans::Of(Vec::new())).await, []);
    assert_eq!(taken(&store, Orphans::AtStart).await, [first.id]);
    assert_eq!(store.commit(processed(&first, first.conversation_id)).await.unwrap(), Committed::Done);
}

async fn the_only_gateway_takes_everything(database: Database) {
    let (before, ..) = gateway(&database).await;
    let first = came(&before, &database, "SM1", ANA).await;
    let second = came(&before, &database, "SM2", ANA).await;
    before.set_aside(second.id).await.unwrap();
    drop(before);
    let (store, _, id) = gateway(&database).await;
    // The one before has not stopped, for all that the second knows.
    assert_eq!(taken(&store, Orphans::AtStart).await, [second.id]);
    assert_eq!(taken(&store, Orphans::All).await, [first.id]);
    assert_eq!(taken(&store, Orphans::All).await, []);
    assert_eq!(store.beat(at(1)).await.unwrap(), [Beat { gateway: id, beats: 1 }]);
}

async fn what_a_gateway_leaves_is_taken_over_in_order_and_once(database: Database) {
    let (leaving, _, id) = gateway(&database).await;
    let (store, ..) = gateway(&database).await;
    let (third, ..) = gateway(&database).await;
    let mut texts = Vec::new();
    for number in 0..5 {
        texts.push(came(&leaving, &database, &format!("SM{number}"), ANA).await.id);
    }
    assert_eq!(taken(&store, Orphans::Of(Vec::new())).await, []);
    // It has counted on since it was seen to stand still.
    leaving.beat(at(1)).await.unwrap();
    assert_eq!(taken(&store, Orphans::Of(vec![Beat { gateway: id, beats: 0 }])).await, []);
    let (one, other) = tokio::join!(
        taken(&store, Orphans::Of(vec![Beat { gateway: id, beats: 1 }])),
        taken(&third, Orphans::Of(vec![Beat { gateway: id, beats: 1 }])),
    );
    assert_eq!([one.clone(), other.clone()].concat(), texts, "{one:?} {other:?}");

    let (leaving, ..) = gateway(&database).await;
    let last = came(&leaving, &database, "SM9", LUIS).await.id;
    leaving.leave(at(2)).await.unwrap();
    assert_eq!(taken(&store, Orphans::Of(Vec::new())).await, [last]);
}

async fn a_gateway_that_was_taken_for_dead_comes_back(database: Database) {
    let (slow, _, id) = gateway(&database).await;
    let (store, _, own) = gateway(&database).await;
    let text = came(&slow, &database, "SM1", ANA).await;
    assert_eq!(taken(&store, Orphans::Of(vec![Beat { gateway: id, beats: 0 }])).await, [text.id]);
    // Both process it now; one of them comes first.
    let commits = [&slow, &store].map(|store| store.commit(processed(&text, text.conversation_id)));
    let [one, other] = futures::future::join_all(commits).await.try_into().unwrap();
    assert!(one.unwrap().is_done() != other.unwrap().is_done());
    let mut beats = slow.beat(at(2)).await.unwrap();
    beats.sort_by_key(|beat| beat.gateway);
    assert_eq!(beats, [Beat { gateway: id, beats: 1 }, Beat { gateway: own, beats: 0 }]);
    let next = came(&slow, &database, "SM2", LUIS).await;
    assert_eq!(taken(&store, Orphans::Of(Vec::new())).await, [], "it is at work again");
    // For as long as its row is there it could come back; then nobody remembers it.
    assert_eq!(taken(&store, Orphans::Of(vec![Beat { gateway: id, beats: 1 }])).await, [next.id]);
    // An older version counts on in the row that it has, and knows of no mark.
    let beats = gateways::Column::Beats;
    let count = gateways::Entity::update_many().col_expr(beats, Expr::col(beats).add(1));
    count.filter(gateways::Column::Id.eq(id)).exec(&database.directly().await).await.unwrap();
    assert!(store.beat(at(3)).await.unwrap().contains(&Beat { gateway: id, beats: 2 }));
    assert_eq!(taken(&store, Orphans::Of(vec![Beat { gateway: id, beats: 2 }])).await, []);
    assert_eq!(store.beat(at(3)).await.unwrap().len(), 1);
    let day = jiff::SignedDuration::from_hours(24);
    for (later, is_known) in [(at(50), true), (at(51), false)] {
        let third = database.store().await;
        third.join(database.ids.next(later), later.checked_add(day).unwrap()).await.unwrap();
        let row = gateways::Entity::find_by_id(id).one(&database.directly().await).await.unwrap();
        assert_eq!(row.is_some(), is_known, "{later}");
    }
}

/// As long as Postgres has not noticed that a gateway has gone in the middle of a transaction.
async fn whose_row_is_locked_is_left_for_the_next_look(database: Database) {
    let (leaving, _, id) = gateway(&database).await;
    let (store, ..) = gateway(&database).await;
    let text = came(&leaving, &database, "SM1", ANA).await;
    let gone = || Orphans::Of(vec![Beat { gateway: id, beats: 0 }]);
    let lock = database.directly().await.begin().await.unwrap();
    lock.execute_unprepared(&format!("SELECT id FROM gateways WHERE id = '{id}' FOR UPDATE")).await.unwrap();
    let at_once = std::time::Duration::from_secs(10);
    for (orphans, texts) in [(gone(), vec![]), (Orphans::All, vec![text.id])] {
        let taken = tokio::time::timeout(at_once, taken(&store, orphans)).await.expect("nobody waits for it");
        assert_eq!(taken, texts);
    }
    assert_eq!(store.beat(at(1)).await.unwrap().len(), 2);
    lock.rollback().await.unwrap();
    taken(&store, gone()).await;
    assert_eq!(store.beat(at(1)).await.unwrap().len(), 1);
}

async fn texts_of_no_gateway_are_taken_when_they_are_old(database: Database) {
    // As a version did that knew of no other gateways.
    let old = database.store().await;
    let text = came(&old, &database, "SM1", ANA).await;
    let (store, ..) = gateway(&database).await;
    let mut came_in = message(&store, text.id).await.created_at;
    for taken in [vec![], vec![text.id]] {
        let texts = store.take_over(Orphans::Of(Vec::new()), at(50), came_in, 10).await.unwrap();
        assert_eq!(texts.iter().map(|text| text.id).collect::<Vec<_>>(), taken);
        came_in = came_in.checked_add(jiff::SignedDuration::from_secs(1)).unwrap();
    }
}

async fn a_text_knows_that_it_is_behind_another_gateways(database: Database) {
    let (one, mut of_one, _) = gateway(&database).await;
    let (other, mut of_other, _) = gateway(&database).await;
    let first = came(&one, &database, "SM1", ANA).await;
    came(&other, &database, "SM2", ANA).await;
    came(&other, &database, "SM3", LUIS).await;
    let mut behind = Vec::new();
    for _ in 0..2 {
        behind.push(of_other.recv().await.unwrap().behind);
    }
    assert_eq!((of_one.recv().await.unwrap().behind, behind), (false, vec![true, false]));
    one.commit(processed(&first, first.conversation_id)).await.unwrap();
    // Its own earlier one is in the same lane.
    came(&other, &database, "SM4", ANA).await;
    assert!(!of_other.recv().await.unwrap().behind);
}

async fn others_are_woken_when_something_was_processed(database: Database) {
    let (one, ..) = gateway(&database).await;
    let (other, ..) = gateway(&database).await;
    for store in [&one, &other] {
        tokio::spawn(store.clone().wake_each_other(database.url.clone()));
        store.beat(at(1)).await.unwrap();
    }
    let text = came(&one, &database, "SM1", ANA).await;
    let hour = std::time::Duration::from_hours(1);
    // Until it listens it may miss it; what it hears of is told again and again.
    let told = async {
        loop {
            let _ = one.commit(processed(&text, text.conversation_id)).await.unwrap();
        }
    };
    tokio::select! {
        () = other.others_processed(hour) => {}
        () = told => {}
    }
}
