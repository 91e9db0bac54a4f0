//! The ways by which Postgres finds what it is asked for, and what it has prepared for that.

use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};

use super::picking::{Row, any_message, queue, row};
use super::plans::rounds;
use super::*;
use crate::store::StreamPlace;

on_postgres!(
    each_is_looked_at_by_its_id_however_short_the_queue_was,
    what_is_done_for_many_is_planned_once,
    tables_that_grew_are_looked_at,
    what_is_prepared_outlives_a_column_that_is_added,
);

/// Postgres takes a queue to be as short as it was when it looked, and would go along it for each.
async fn each_is_looked_at_by_its_id_however_short_the_queue_was(database: Database) {
    let (store, heard) = database.heard().await;
    any_message(&store, &database).await;
    let statements = heard.statements();
    let claim = statements.iter().find(|it| it.sql.starts_with("WITH picked")).unwrap();
    let set = statements.iter().find(|it| it.sql.contains("'enable_sort', 'off'")).unwrap();
    assert!(statements.iter().any(|it| it.sql.contains("'enable_sort', 'on'")), "for the claim alone");
    let transaction = database.directly().await.begin().await.unwrap();
    transaction.query_one_raw(set.clone()).await.unwrap();
    let mut explain = claim.clone();
    explain.sql.insert_str(0, "EXPLAIN ");
    let rows = transaction.query_all_raw(explain).await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    let own = plan.iter().find(|step| step.contains("on parts own")).unwrap();
    assert!(own.contains("Index Scan using parts_pkey"), "{}", plan.join("\n"));
}

async fn what_is_done_for_many_is_planned_once(database: Database) {
    let (store, heard) = database.heard().await;
    let set = |to: &str| {
        let sql = format!("SELECT set_config('plan_cache_mode', '{to}', true)");
        heard.statements().iter().any(|it| it.sql == sql)
    };
    store.submit(database.submission(ANA, &["hola"])).await.unwrap();
    assert!(!set("force_generic_plan"), "one is not worth asking for it");
    let submissions = (0..40).map(|_| store.submit(database.submission(LUIS, &["hola"])));
    futures::future::join_all(submissions).await;
    assert!(set("force_generic_plan"));
    // What comes with them goes as Postgres thinks best. Which are committed together is as it happens.
    for turn in 0..100 {
        let texts = (0..40).map(|number| store.record(database.inbound(&format!("SM{turn}-{number}"), LUIS)));
        let (_, other) = tokio::join!(futures::future::join_all(texts), store.prune_state(at(0), 10));
        other.unwrap();
        if set("auto") {
            return;
        }
    }
    panic!("they were never committed together, or not planned anew");
}

async fn tables_that_grew_are_looked_at(database: Database) {
    let store = database.store().await;
    let mut tried = crate::store::statistics::Tried::new();
    store.look_at_grown(&mut tried).await.unwrap();
    assert_eq!(store.look_at_grown(&mut tried).await.unwrap(), [""; 0]);
    let known = async || {
        let sql = "SELECT reltuples::bigint FROM pg_class WHERE relname = 'parts'".to_owned();
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = database.directly().await.query_one_raw(statement).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap()
    };
    let message = any_message(&store, &database).await;
    let rows: Vec<Row> = (0..2000).map(|conversation| row(&database, conversation, 0)).collect();
    queue(&database, message, 0, &rows).await;
    assert_eq!(store.look_at_grown(&mut tried).await.unwrap(), ["parts"]);
    assert_eq!(known().await, 2001);
    assert_eq!(store.look_at_grown(&mut tried).await.unwrap(), [""; 0], "until it has doubled");
}

/// A newer gateway adds columns while this one goes on, with statements that its connections prepared before.
async fn what_is_prepared_outlives_a_column_that_is_added(database: Database) {
    let store = database.store().await;
    remembered(&store, &database).await;
    prepared(&store).await;
    let connection = database.directly().await;
    let sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'".to_owned();
    let tables = connection.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap();
    assert!(tables.len() > 30);
    for table in tables {
        let table: String = table.try_get_by_index(0).unwrap();
        connection.execute_unprepared(&format!("ALTER TABLE {table} ADD COLUMN added_later BIGINT")).await.unwrap();
    }
    // A gateway joins once.
    connection.execute_unprepared("DELETE FROM gateways").await.unwrap();
    remembered(&store, &database).await;
    prepared(&store).await;
}

/// Something that a plugin remembers, which is looked at and written.
async fn remembered(store: &Store, database: &Database) {
    let (plugin, key) = ("counter".to_owned(), "a".to_owned());
    let key = StateKey { plugin, scope: "global", subject: Uuid::nil(), key };
    let change = Change::Set { value: "1".to_owned(), expires_at: None };
    let mut submission = database.submission(LUIS, &["hola"]);
    submission.state = vec![StateChange { key, change, seen: None, version: database.id() }];
    let submitted = store.submit(submission).await.unwrap();
    assert!(matches!(submitted, Submitted::Stored(_)));
}

async fn prepared(store: &Store) {
    rounds(store).await;
    store.claim_bulk(at(10), at(70)).await.unwrap();
    store.stream_from(StreamPlace::START, 10).await.unwrap();
}
