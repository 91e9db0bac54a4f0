//! The schema up, down and up again; what an unusable database comes to; what survives.

use sea_orm::{ConnectionTrait, EntityTrait, TransactionTrait};

use super::silence::waiting;
use super::*;
use crate::store::{Error, entities, migrate_down, migration_status};

mod apart {
    use super::*;

    on_postgres!(a_start_that_waits_for_a_reader_holds_nobody_up);
}

on_both!(
    every_table_fits_its_entity,
    migrations_go_up_down_and_up_again,
    migrations_are_all_done_or_none,
    what_was_recorded_is_on_disk,
    keys_let_in_until_they_are_revoked,
);

async fn every_table_fits_its_entity(database: Database) {
    let store = database.store().await;
    macro_rules! select {
        ($($table:ident),*) => {$(
            let rows = entities::$table::Entity::find().all(&store.reads).await;
            assert_eq!(rows.as_deref(), Ok(&[][..]), stringify!($table));
        )*};
    }
    select!(audit);
    select!(addresses, api_keys, attempts, callbacks, consents, contacts, conversations, endpoints, events);
    select!(gateways);
    select!(consent_events);
    select!(idempotency_keys, lookups);
    select!(
        media,
        media_links,
        messages,
        observations,
        parts,
        pauses,
        plugin_configs,
        plugin_state,
        pulls,
        removals,
        reports,
        retention,
        retention_held,
        timers,
        traces
    );
    select!(uploads, dropped_files);
    select!(users, sessions, notes, authors);
    select!(templates, template_versions);
    select!(bulks, bulk_recipients);
    select!(stream);
    store.ping().await.unwrap();
}

async fn migrations_go_up_down_and_up_again(database: Database) {
    let settings = database.settings();
    let applied = async || -> Vec<bool> {
        migration_status(&settings).await.unwrap().into_iter().map(|step| step.applied).collect()
    };
    let steps = applied().await.len();
    assert_eq!(applied().await, vec![false; steps]);
    drop(database.store().await);
    assert_eq!(applied().await, vec![true; steps]);
    migrate_down(&settings, 1).await.unwrap();
    assert_eq!(applied().await, [vec![true; steps - 1], vec![false]].concat());
    migrate_down(&settings, u32::try_from(steps - 1).unwrap()).await.unwrap();
    assert_eq!(applied().await, vec![false; steps]);
    assert_eq!(tables(&database).await, ["seaql_migrations"]);
    let store = database.store().await;
    assert_eq!(applied().await, vec![true; steps]);
    assert_eq!(store.record(database.inbound("SM1", ANA)).await.unwrap(), Receipt::Recorded);
    // One that is up to date is opened as it is.
    assert_eq!(database.store().await.unprocessed(10).await.unwrap().len(), 1);
}

/// As if killed on the way, but where the test wants it: at the last step.
async fn migrations_are_all_done_or_none(database: Database) {
    let settings = Settings { readers: 1, ..database.settings() };
    migration_status(&settings).await.unwrap();
    let sql = "CREATE TABLE api_keys (somebody_elses INTEGER)";
    database.directly().await.execute_unprepared(sql).await.unwrap();
    let error = Store::open(&settings).await.err().unwrap();
    assert!(matches!(error, Error::Refused(_)), "{error:?}");
    assert_eq!(tables(&database).await, ["api_keys"]);
    database.directly().await.execute_unprepared("DROP TABLE api_keys").await.unwrap();
    let store = database.store().await;
    assert_eq!(store.record(database.inbound("SM1", ANA)).await.unwrap(), Receipt::Recorded);
}

/// As for a dump of the database.
async fn a_start_that_waits_for_a_reader_holds_nobody_up(database: Database) {
    let store = database.store().await;
    let direct = database.directly().await;
    // As before a step that needs a table for itself, and that a gateway at work does not miss.
    let without = "CREATE INDEX parts_recipient ON parts (channel, recipient) WHERE state = 'queued'; \
         DELETE FROM seaql_migrations WHERE version = 'm20261205_000073_fewer_indexes'";
    direct.execute_unprepared(without).await.unwrap();
    let reader = direct.begin().await.unwrap();
    reader.execute_unprepared("LOCK TABLE parts IN ACCESS SHARE MODE").await.unwrap();
    let settings = database.settings();
    let opening = tokio::spawn(async move { Store::open(&settings).await });
    while waiting(&reader).await == 0 {
        tokio::task::yield_now().await;
    }
    let soon = std::time::Duration::from_secs(15);
    for recipient in [ANA, LUIS] {
        let sent = tokio::time::timeout(soon, store.submit(database.submission(recipient, &["hola"]))).await;
        assert!(sent.expect("it is stored soon").unwrap().stored().is_some());
    }
    assert!(!opening.is_finished(), "it waits");
    reader.rollback().await.unwrap();
    assert!(opening.await.unwrap().is_ok());
    assert!(migration_status(&database.settings()).await.unwrap().iter().all(|step| step.applied));
}

async fn tables(database: &Database) -> Vec<String> {
    let sql = if database.is_postgres() {
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
    } else {
        "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1"
    };
    let connection = database.directly().await;
    let rows = connection.query_all_raw(sea_orm::Statement::from_string(connection.get_database_backend(), sql)).await;
    rows.unwrap().iter().map(|row| row.try_get("", "name").unwrap()).collect()
}

/// A statement for many rows copies what it changes otherwise, in case that one of them refers to nothing.
#[tokio::test]
async fn on_sqlite_what_refers_to_nothing_is_found_at_the_end() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    drop(database.store().await);
    let connection = database.directly().await;
    let query = |sql: &str| sea_orm::Statement::from_string(sea_orm::DbBackend::Sqlite, sql.to_owned());
    let tables =
        connection.query_all_raw(query("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")).await.unwrap();
    let mut references = 0;
    for table in tables {
        let (name, sql): (String, String) = (table.try_get("", "name").unwrap(), table.try_get("", "sql").unwrap());
        let here = sql.matches("REFERENCES").count();
        assert_eq!(sql.matches("DEFERRABLE INITIALLY DEFERRED").count(), here, "{name}: {sql}");
        references += here;
    }
    assert!(references > 15, "{references}");

    let transaction = connection.begin().await.unwrap();
    let insert = "INSERT INTO addresses (address, contact_id, created_at) VALUES ('+529981110000', x'00', 0)";
    transaction.execute_unprepared(insert).await.unwrap();
    let error = transaction.commit().await.unwrap_err().to_string();
    assert!(error.contains("FOREIGN KEY"), "{error}");
}

/// The first store is neither dropped nor told to stop: it may be killed right after.
async fn what_was_recorded_is_on_disk(database: Database) {
    let first = database.store().await;
    let new = database.inbound("SM1", ANA);
    first.record(new.clone()).await.unwrap();
    let second = database.store().await;
    let left = second.unprocessed(10).await.unwrap();
    assert_eq!(left.iter().map(|recorded| recorded.id).collect::<Vec<_>>(), [new.id]);
    let again = second.record(database.inbound("SM1", ANA)).await.unwrap();
    assert_eq!(again, Receipt::Repeat { of: new.id, answered: Answered::NotYet });
    drop(first);
}

async fn keys_let_in_until_they_are_revoked(database: Database) {
    let store = database.store().await;
    let [id, other, third] = [database.id(), database.id(), database.id()];
    store.create_key(new_key(id, "web", "aa"), act(0)).await.unwrap();
    let limits = (Some(vec![Scope::MessagesWrite]), Some(at(100)), Some(5));
    let new = NewKey { scopes: limits.0, expires_at: limits.1, per_second: limits.2, ..new_key(other, "app", "bb") };
    assert!(store.create_key(new, act(1)).await.unwrap());
    // The same key again stays as it is.
    assert!(!store.create_key(new_key(third, "web again", "aa"), act(2)).await.unwrap());
    let found = async |hash: &str| store.key_by_hash(hash).await.unwrap().map(|key| key.id);
    assert_eq!(found("aa").await, Some(id));
    assert_eq!(found("cc").await, None);

    assert!(store.revoke_key(id, act(3)).await.unwrap());
    assert!(!store.revoke_key(id, act(4)).await.unwrap(), "it was revoked before");
    assert!(!store.revoke_key(third, act(4)).await.unwrap(), "there is no such key");
    assert_eq!(found("aa").await, None);
    assert_eq!(found("bb").await, Some(other));
    let app = ApiKey {
        id: other,
        name: "app".to_owned(),
        scopes: Some(vec![Scope::MessagesWrite]),
        per_second: Some(5),
        created_at: at(0),
        expires_at: Some(at(100)),
        last_used_at: Some(at(60)),
        revoked_at: None,
    };
    let web = ApiKey {
        id,
        name: "web".to_owned(),
        scopes: None,
        per_second: None,
        expires_at: None,
        last_used_at: None,
        revoked_at: Some(at(3)),
        ..app.clone()
    };
    store.used_key(other, at(60)).await.unwrap();
    store.used_key(other, at(30)).await.unwrap();
    assert_eq!(store.keys().await.unwrap(), [web, app]);
    // Who did so is on record, if it changed anything.
    let entries = store.audit_entries(None, 2).await.unwrap();
    assert_eq!(entries.items.iter().map(|entry| entry.at).collect::<Vec<_>>(), [at(3), at(1)]);
    let rest = store.audit_entries(entries.next, 2).await.unwrap();
    assert_eq!((rest.items.len(), rest.items[0].at, rest.next), (1, at(0), None));
}

#[tokio::test]
async fn a_database_that_cant_be_opened_is_unavailable() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "this is no database, but it is long enough to be taken for one ".repeat(40)).unwrap();
    let cases = [
        // A file where a folder is needed, a folder where the file is needed, no database in it.
        format!("sqlite://{}", file.join("recado.db").display()),
        format!("sqlite://{}", folder.path().display()),
        format!("sqlite://{}", file.display()),
        "postgres://nobody@127.0.0.1:1/recado".to_owned(),
    ];
    for url in cases {
        let opened = Store::open(&Settings { url: url.clone(), readers: 1, queue: 10, timeout_s: 30 }).await;
        let error = opened.err().unwrap();
        assert!(matches!(error, Error::Unavailable(_)), "{url}: {error:?}");
    }
}
