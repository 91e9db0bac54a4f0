//! Several gateways on one database.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use sea_orm::{ConnectionTrait, EntityTrait, Set, TransactionTrait};

use super::reconciling::{fates, listing, unknown};
use super::*;
use crate::store::{Error, Fate, MessageFilter, entities};

on_both!(
    two_claimers_never_get_the_same_part,
    two_recorders_of_one_message_make_one_row,
    two_first_messages_make_one_conversation,
    two_processors_commit_once,
    reports_of_two_parts_at_once_are_both_seen,
    batches_that_cross_come_through,
    several_may_start_at_once,
);

mod apart {
    use super::*;

    on_postgres!(
        lost_connections_are_made_anew,
        a_database_that_is_gone_is_unavailable,
        what_is_sent_again_waits_for_whoever_is_opting_out,
    );
}

async fn two_claimers_never_get_the_same_part(database: Database) {
    let stores = [database.store().await, database.store().await];
    for number in 0..40 {
        let submission = database.submission(&format!("+5299811100{number:02}"), &["one", "two"]);
        stores[number % 2].submit(submission).await.unwrap();
    }
    let mut seen = BTreeSet::new();
    loop {
        let claims = join_all((0..8).map(|number| claim(&stores[number % 2], &database, 1, 3))).await;
        let claimed: Vec<(usize, Claimed)> = claims
            .into_iter()
            .enumerate()
            .inspect(|(_, claimed)| assert!(claimed.len() <= 3))
            .flat_map(|(number, claimed)| claimed.into_iter().map(move |part| (number % 2, part)))
            .collect();
        if claimed.is_empty() {
            break;
        }
        let under_way: BTreeSet<&str> = claimed.iter().map(|(_, part)| part.recipient.as_str()).collect();
        assert_eq!(under_way.len(), claimed.len(), "one part of a conversation at a time");
        for (_, part) in &claimed {
            assert!(seen.insert(part.id), "claimed twice");
        }
        join_all(
            claimed
                .iter()
                .map(|(number, part)| stores[1 - number].settle(settled(part, 2, accepted(&format!("SM{}", part.id))))),
        )
        .await
        .into_iter()
        .for_each(Result::unwrap);
    }
    assert_eq!(seen.len(), 80);
    let attempts = entities::attempts::Entity::find().all(&stores[0].reads).await.unwrap();
    assert_eq!(attempts.len(), 80, "what was claimed was handed out");
}

async fn two_recorders_of_one_message_make_one_row(database: Database) {
    let stores = [database.store().await, database.store().await];
    for round in 0..20 {
        let provider_id = format!("SM{round}");
        let receipts =
            join_all((0..4).map(|number| stores[number % 2].record(database.inbound(&provider_id, ANA)))).await;
        let receipts: Vec<Receipt> = receipts.into_iter().map(Result::unwrap).collect();
        assert_eq!(receipts.iter().filter(|receipt| **receipt == Receipt::Recorded).count(), 1);
    }
    assert_eq!(stores[0].unprocessed(100).await.unwrap().len(), 20);
    let conversation = only_conversation(&stores[0]).await;
    assert_eq!((conversation.unread, conversation.inbound_count), (20, 20));
}

async fn two_first_messages_make_one_conversation(database: Database) {
    let stores = [database.store().await, database.store().await];
    for round in 0..20 {
        let sender = format!("+5299811100{round:02}");
        let first = database.inbound(&format!("SM{round}a"), &sender);
        let second = database.inbound(&format!("SM{round}b"), &sender);
        let (one, other, sent) = futures::join!(
            stores[0].record(first),
            stores[1].record(second),
            stores[round % 2].submit(database.submission(&sender, &["hola"])),
        );
        assert_eq!((one.unwrap(), other.unwrap()), (Receipt::Recorded, Receipt::Recorded));
        assert!(matches!(sent, Ok(Submitted::Stored(_))));
    }
    let conversations = stores[0].conversations_of(&InboxFilter::default(), None, 100).await.unwrap().items;
    assert_eq!(conversations.len(), 20);
    assert!(conversations.iter().all(|conversation| conversation.inbound_count == 2));
    let mut ordinals: Vec<_> =
        stores[0].unprocessed(100).await.unwrap().iter().map(|recorded| recorded.ordinal).collect();
    ordinals.sort_unstable();
    assert_eq!(ordinals, [[1; 20], [2; 20]].concat());
    let contacts = entities::contacts::Entity::find().all(&stores[0].reads).await.unwrap();
    assert_eq!(contacts.len(), 20, "nobody is left over");
}

async fn two_processors_commit_once(database: Database) {
    let stores = [database.store().await, database.store().await];
    for round in 0..20 {
        let new = database.inbound(&format!("SM{round}"), ANA);
        stores[0].record(new.clone()).await.unwrap();
        let conversation = only_conversation(&stores[0]).await.id;
        let processed =
            || Processed { replies: vec![database.outbound(ANA, &["hola"])], ..processed(&new, conversation) };
        let (one, other) = futures::join!(stores[0].commit(processed()), stores[1].commit(processed()));
        assert!(one.unwrap() != other.unwrap());
    }
    let replies = MessageFilter { direction: Some(crate::message::Direction::Outbound), ..MessageFilter::default() };
    assert_eq!(stores[0].messages(replies, None, 100).await.unwrap().items.len(), 20);
}

async fn reports_of_two_parts_at_once_are_both_seen(database: Database) {
    let stores = [database.store().await, database.store().await];
    for round in 0..40 {
        let message =
            NewOutbound { route: Route::Answer { ask_at: at(20) }, ..database.outbound(ANA, &["one", "two"]) };
        let submission = Submission { message: message.clone(), ..database.submission(ANA, &[]) };
        stores[0].submit(submission).await.unwrap();
        let report = |number: usize| {
            let provider_id = format!("SM{round}-{number}");
            stores[number].observe(database.report(Some(message.parts[number].id), &provider_id, Status::Delivered, 1))
        };
        let (one, other) = futures::join!(report(0), report(1));
        one.unwrap();
        other.unwrap();
        assert_eq!(status(&stores[0], message.id).await, Status::Delivered, "round {round}");
    }
}

/// Each batch locks the same conversations in another order.
async fn batches_that_cross_come_through(database: Database) {
    let stores = [database.store().await, database.store().await];
    let senders: Vec<String> = (0..10).map(|number| format!("+52998111000{number}")).collect();
    for sender in &senders {
        stores[0].record(database.inbound(&format!("SM{sender}"), sender)).await.unwrap();
    }
    let forward = senders.iter().map(|sender| stores[0].submit(database.submission(sender, &["hola"])));
    let backward = senders.iter().rev().map(|sender| stores[1].submit(database.submission(sender, &["adiós"])));
    let (forward, backward) = futures::join!(join_all(forward), join_all(backward));
    assert!(forward.iter().chain(&backward).all(|came| matches!(came, Ok(Submitted::Stored(_)))));
}

async fn several_may_start_at_once(database: Database) {
    let started = join_all((0..8).map(|_| database.open())).await;
    assert_eq!(started.len(), 8);
    started[7].0.record(database.inbound("SM1", ANA)).await.unwrap();
    assert_eq!(started[0].0.unprocessed(10).await.unwrap().len(), 1);
}

async fn lost_connections_are_made_anew(database: Database) {
    let store = database.store().await;
    store.record(database.inbound("SM1", ANA)).await.unwrap();
    store.unprocessed(1).await.unwrap();
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    database.directly().await.execute_unprepared(sql).await.unwrap();
    // Whoever writes notices nothing; a reader may be told to come again.
    store.record(database.inbound("SM2", ANA)).await.unwrap();
    for _ in 0..4 {
        match store.unprocessed(10).await {
            Ok(left) => return assert_eq!(left.len(), 2),
            Err(error) => assert!(matches!(error, Error::Unavailable(_)), "{error:?}"),
        }
    }
    panic!("reading does not come back");
}

async fn a_database_that_is_gone_is_unavailable(database: Database) {
    let (store, _) = database.open().await;
    let mut server = url::Url::parse(&database.url).unwrap();
    let name = server.path().trim_start_matches('/').to_owned();
    server.set_path("postgres");
    let administrator = sea_orm::Database::connect(server.as_str()).await.unwrap();
    administrator.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
    let recorded = store.record(database.inbound("SM1", ANA)).await;
    assert!(matches!(recorded, Err(Error::Unavailable(_))), "{recorded:?}");
    for _ in 0..2 {
        let read = store.unprocessed(1).await;
        assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
    }
}

async fn what_is_sent_again_waits_for_whoever_is_opting_out(database: Database) {
    let store = database.store().await;
    store.submit(database.submission(ANA, &["hola"])).await.unwrap();
    let [part] = claim(&store, &database, 0, 10).await.try_into().unwrap();
    store.settle(settled(&part, 10, unknown())).await.unwrap();
    // Another gateway keeps it just now, and is not done.
    let elsewhere = database.directly().await.begin().await.unwrap();
    elsewhere.execute_unprepared("SELECT id FROM conversations FOR NO KEY UPDATE").await.unwrap();
    let consent = entities::consents::ActiveModel {
        channel: Set("sms".to_owned()),
        address: Set(ANA.to_owned()),
        state: Set("opted_out".to_owned()),
        source: Set("message".to_owned()),
        error_code: Set(None),
        message_id: Set(None),
        at: Set(at(20).as_millisecond()),
        said_again_at: Set(None),
    };
    entities::consents::Entity::insert(consent).exec_without_returning(&elsewhere).await.unwrap();
    let done = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        elsewhere.commit().await.unwrap();
    };
    let (fates, ()) = tokio::join!(fates(&store, listing(&[part.id], vec![], 1000)), done);
    assert_eq!(fates, [(part.id, Fate::Resent)]);
    let message = message(&store, part.message_id).await;
    let reason = Some("the recipient has opted out of messages on this channel");
    assert_eq!((message.status, message.error_message.as_deref()), (Status::Failed, reason));
}
