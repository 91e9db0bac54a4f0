//! How much waits, told without looking through what is stored.

use sea_orm::{ConnectionTrait, Statement};

use super::*;
use crate::store::backlog::{due_sql, endpoints_sql, sending_sql, unprocessed_sql};
use crate::store::{Backlog, DueParts};

on_both!(
    what_waits_is_counted_by_channel_and_priority,
    texts_wait_until_they_are_processed,
    no_look_goes_through_a_table
);

async fn backlog(store: &Store, seconds: i64) -> Backlog {
    store.backlog(at(seconds)).await.unwrap()
}

async fn what_waits_is_counted_by_channel_and_priority(database: Database) {
    let store = database.store().await;
    assert_eq!(backlog(&store, 9).await, Backlog::default());
    for (number, priority) in [Priority::High, Priority::Bulk, Priority::Bulk].into_iter().enumerate() {
        let mut submission = database.submission(&format!("+52998111000{number}"), &["hola"]);
        submission.message.priority = priority;
        submission.message.at = at(i64::try_from(number).unwrap());
        store.submit(submission).await.unwrap();
    }
    let mut later = database.submission(ANA, &["hola"]);
    later.message.schedule = Schedule::At(at(60));
    store.submit(later).await.unwrap();
    let due = |priority, parts, seconds| DueParts { channel: "sms".to_owned(), priority, parts, since: at(seconds) };
    let mut seen = backlog(&store, 9).await;
    seen.outbound.sort_by_key(|due| due.priority);
    assert_eq!(seen.outbound, [due(Priority::High, 1, 0), due(Priority::Bulk, 2, 1)], "what is for later is not due");
    // Also of a channel that is paused by hand: that is what one wants to see.
    store.pause("sms", None, act(9)).await.unwrap();
    assert_eq!(backlog(&store, 9).await.outbound.len(), 2);
    store.resume("sms", act(9)).await.unwrap();
    claim(&store, &database, 9, 1).await;
    let seen = backlog(&store, 70).await;
    assert_eq!((seen.sending, seen.outbound.iter().map(|due| due.parts).sum::<u64>()), (1, 3));
}

async fn texts_wait_until_they_are_processed(database: Database) {
    let store = database.store().await;
    let [first, second] = [(ANA, 0), (LUIS, 1)].map(|(sender, seconds)| {
        let received_at = at(seconds);
        NewInbound { received_at, ..database.inbound(&format!("SM{seconds}"), sender) }
    });
    for inbound in [&first, &second] {
        store.record(inbound.clone()).await.unwrap();
    }
    let seen = backlog(&store, 9).await;
    assert_eq!((seen.unprocessed, seen.oldest_unprocessed), (2, Some(at(0))));
    let conversation = store.unprocessed(1).await.unwrap().remove(0).conversation_id;
    store.commit(processed(&first, conversation)).await.unwrap();
    let seen = backlog(&store, 9).await;
    assert_eq!((seen.unprocessed, seen.oldest_unprocessed), (1, Some(at(1))));
}

async fn no_look_goes_through_a_table(database: Database) {
    database.store().await;
    let directly =
        sea_orm::Database::connect(sea_orm::ConnectOptions::new(&database.url).max_connections(1).to_owned())
            .await
            .unwrap();
    let explain = if database.is_postgres() {
        // An empty table is read whole by choice; so only where there is no other way.
        directly.execute_unprepared("SET enable_seqscan = off").await.unwrap();
        "EXPLAIN"
    } else {
        "EXPLAIN QUERY PLAN"
    };
    for sql in [due_sql(), sending_sql(), unprocessed_sql(), endpoints_sql()] {
        let statement = format!("{explain} {}", sql.replace("$1", "1"));
        let statement = Statement::from_string(directly.get_database_backend(), statement);
        let column = if database.is_postgres() { "QUERY PLAN" } else { "detail" };
        let rows = directly.query_all_raw(statement).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.try_get("", column).unwrap()).collect();
        let looks = |line: &&String| {
            ["parts", "messages", "events"].iter().any(|table| {
                line.contains(&format!("Seq Scan on {table}"))
                    || line.contains(&format!("using {table}_pkey"))
                    || line.contains("parts_recipient")
                    || [format!("SCAN {table}"), format!("SEARCH {table}")]
                        .iter()
                        .any(|look| line.ends_with(look.as_str()))
            })
        };
        let bad: Vec<&String> = plan.iter().filter(looks).collect();
        assert!(bad.is_empty(), "{sql}\n{plan:#?}");
        assert!(plan.iter().any(|line| line.contains("Index") || line.contains("INDEX")), "{plan:#?}");
    }
}
