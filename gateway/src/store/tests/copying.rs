//! Copies: of everything, to the last byte, whatever was in the way.

use std::sync::Arc;

use futures::TryStreamExt;
use sea_orm::{ConnectionTrait, Statement, TransactionTrait, Value};
use tokio::sync::Notify;

use super::*;
use crate::store::copying::tables::{self, Column, Kind, Table};
use crate::store::{Copied, CopyError, End, Error, Progress, copy, migrate_down};

on_both!(
    the_list_is_the_schema,
    everything_goes_over_and_back,
    all_kinds_of_columns_are_read_as_they_were_written,
    a_copy_that_was_cut_off_goes_on,
    a_target_with_other_data_is_refused,
    a_source_that_lacks_a_step_is_refused,
    a_source_in_use_is_noticed,
);

/// More than two pages of each table.
const MANY: u32 = 1_203;

/// A table, a column, a key or a kind of column that the list lacks would be left behind without a word.
async fn the_list_is_the_schema(database: Database) {
    let store = database.store().await;
    let connection = database.directly().await;
    let (columns, keys) = if database.is_postgres() {
        let columns = "SELECT table_name || '.' || column_name AS name FROM information_schema.columns \
                       WHERE table_schema = 'public'";
        let keys = "SELECT use.table_name || '.' || use.column_name || ' ' || use.ordinal_position AS name \
                    FROM information_schema.key_column_usage AS use JOIN information_schema.table_constraints AS rule \
                    USING (constraint_schema, constraint_name) WHERE rule.constraint_type = 'PRIMARY KEY' \
                    AND rule.table_schema = 'public'";
        (columns, keys)
    } else {
        let columns = "SELECT tables.name || '.' || columns.name AS name FROM sqlite_schema AS tables, \
                       pragma_table_info(tables.name) AS columns WHERE tables.type = 'table'";
        let keys = "SELECT tables.name || '.' || columns.name || ' ' || columns.pk AS name FROM sqlite_schema AS tables, \
                    pragma_table_info(tables.name) AS columns WHERE tables.type = 'table' AND columns.pk > 0";
        (columns, keys)
    };
    let names = async |sql: &str| -> Vec<String> {
        let statement = Statement::from_string(connection.get_database_backend(), sql);
        let rows = connection.query_all_raw(statement).await.unwrap();
        let names = rows.iter().map(|row| row.try_get::<String>("", "name").unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.starts_with("seaql_migrations.")).collect();
        names.sort();
        names
    };
    let list = tables::all();
    let mut listed: Vec<String> = list
        .iter()
        .flat_map(|table| table.columns.iter().map(|column| format!("{}.{}", table.name, column.name)))
        .collect();
    listed.sort();
    assert_eq!(names(columns).await, listed);
    let of_key = |table: &Table| -> Vec<String> {
        let names = table.key.iter().map(|place| table.columns[*place].name.clone());
        names.enumerate().map(|(place, name)| format!("{}.{name} {}", table.name, place + 1)).collect()
    };
    let mut listed: Vec<String> = list.iter().flat_map(of_key).collect();
    listed.sort();
    assert_eq!(names(keys).await, listed);
    for table in &list {
        for column in &table.columns {
            assert!(column.kind.is_some(), "{}.{} is of a kind that no copy knows", table.name, column.name);
        }
    }
    if database.is_postgres() {
        let sequences = names("SELECT sequencename::text AS name FROM pg_sequences").await;
        assert!(sequences.is_empty(), "a copy would have to set {sequences:?}");
    }
    drop(store);
}

fn value(kind: Kind, row: u32, in_key: bool) -> Value {
    // Of one row, all ids are the same, so that whatever refers to something finds it.
    match kind {
        Kind::Uuid => Uuid::from_u128(u128::from(row.wrapping_mul(2_654_435_761)) << 64 | u128::from(row)).into(),
        Kind::Integer => i32::try_from(row).unwrap().into(),
        Kind::BigInteger => (i64::MIN + i64::from(row)).into(),
        // Languages sort these otherwise than bytes do.
        Kind::Text if in_key => format!("{}{row}", ["a", "B", "é", "-", "_", "Z", "ñ", "n"][row as usize % 8]).into(),
        Kind::Text if row.is_multiple_of(400) => format!("a{row}\0b").into(),
        Kind::Text => format!("it's \"{row}\" \u{1F600}\u{FEFF}\n\\").into(),
        // Not as any program would write it again.
        Kind::Json => {
            format!("{{\"b\" : [1.0, 12345678901234567890123, \"\\u00e9\\\\u0000\"],\n \"a\":{row}, \"a\":1e3}}").into()
        }
        Kind::Boolean => (row % 2 == 1).into(),
        Kind::Bytes => vec![0, 255, u8::try_from(row % 256).unwrap()].into(),
    }
}

fn row_of(table: &Table, row: u32) -> Vec<Value> {
    let columns = table.columns.iter().enumerate();
    columns.map(|(place, column)| value(column.kind.unwrap(), row, table.key.contains(&place))).collect()
}

/// What a gateway writes, and many rows of every table.
pub(super) async fn fill(database: &Database) {
    let store = database.store().await;
    let new = database.inbound("SM1", ANA);
    store.record(new.clone()).await.unwrap();
    let mut done = processed(&new, new.conversation_id);
    done.traces = vec![trace(database, new.id, "helper")];
    store.commit(done).await.unwrap();
    store.submit(database.submission(LUIS, &["uno", "dos"])).await.unwrap();
    let [part, ..] = &claim(&store, database, 10, 5).await[..] else { panic!("nothing is due") };
    store.settle(settled(part, 11, accepted("SM2"))).await.unwrap();
    store.observe(database.report(Some(part.id), "SM2", Status::Delivered, 12)).await.unwrap();
    drop(store);
    let connection = database.directly().await;
    for table in tables::all() {
        let mut rows: Vec<Vec<Value>> = (1..=MANY).map(|row| row_of(&table, row)).collect();
        if database.is_postgres() {
            for value in rows.iter_mut().flatten() {
                if let Value::String(Some(text)) = value {
                    *text = text.replace('\0', "");
                }
            }
        }
        for page in rows.chunks(table.page()) {
            let transaction = connection.begin().await.unwrap();
            table.insert(&transaction, page.to_vec()).await.unwrap();
            transaction.commit().await.unwrap();
        }
    }
    connection.close().await.unwrap();
}

pub(super) async fn copied(from: &Database, to: &Database) -> Result<Copied, CopyError> {
    copy(&from.url, &to.url, &mut |_| ()).await
}

async fn everything_goes_over_and_back(database: Database) {
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let [first, last] = folders.each_ref().map(Database::in_folder);
    fill(&first).await;
    let over = copied(&first, &database).await.unwrap();
    assert!(!over.resumed);
    for table in &over.tables {
        assert!(table.rows >= u64::from(MANY), "{table:?}");
        let nul = table.replaced == u64::from(MANY / 400);
        let has_text = tables::all().iter().any(|known| {
            let text =
                |(place, column): (usize, &Column)| column.kind == Some(Kind::Text) && !known.key.contains(&place);
            known.name == table.table && known.columns.iter().enumerate().any(text)
        });
        assert_eq!(nul, has_text && database.is_postgres(), "{table:?}");
    }
    let back = copied(&database, &last).await.unwrap();
    let sums = |copied: &Copied| -> Vec<(String, u64, String)> {
        copied.tables.iter().map(|table| (table.table.clone(), table.rows, table.checksum.clone())).collect()
    };
    assert_eq!(sums(&over), sums(&back));
    let store = last.store().await;
    let again = store.record(last.inbound("SM1", ANA)).await.unwrap();
    assert!(matches!(again, Receipt::Repeat { answered: Answered::Empty, .. }), "{again:?}");
}

async fn all_kinds_of_columns_are_read_as_they_were_written(database: Database) {
    drop(database.store().await);
    let connection = database.directly().await;
    let bytes = if database.is_postgres() { "BYTEA" } else { "BLOB" };
    let [uuid, json] = if database.is_postgres() { ["UUID", "JSON"] } else { ["uuid_text", "json_text"] };
    let sql = format!(
        "CREATE TABLE everything (word TEXT, number INTEGER, big BIGINT, id {uuid}, document {json}, yes BOOLEAN, \
         raw {bytes}, PRIMARY KEY (word, number))"
    );
    connection.execute_unprepared(&sql).await.unwrap();
    let kinds = [Kind::Text, Kind::Integer, Kind::BigInteger, Kind::Uuid, Kind::Json, Kind::Boolean, Kind::Bytes];
    let names = ["word", "number", "big", "id", "document", "yes", "raw"];
    let columns = names.iter().zip(kinds).map(|(name, kind)| Column { name: (*name).to_owned(), kind: Some(kind) });
    let table = Table { name: "everything".to_owned(), columns: columns.collect(), key: vec![0, 1] };
    let empty = |word: &str| -> Vec<Value> {
        let none: [Value; 5] = [
            None::<i64>.into(),
            None::<Uuid>.into(),
            None::<String>.into(),
            None::<bool>.into(),
            None::<Vec<u8>>.into(),
        ];
        [Value::from(word), 7.into()].into_iter().chain(none).collect()
    };
    let mut rows: Vec<Vec<Value>> = (1..=20).map(|row| row_of(&table, row)).collect();
    rows.extend([empty("Ñ"), empty("")]);
    let transaction = connection.begin().await.unwrap();
    table.insert(&transaction, rows.clone()).await.unwrap();
    transaction.commit().await.unwrap();
    let word = |row: &Vec<Value>| match &row[0] {
        Value::String(Some(word)) => word.clone(),
        other => panic!("{other:?}"),
    };
    rows.sort_by_key(word);
    let read: Vec<Vec<Value>> = table.read(&connection, None).await.unwrap().try_collect().await.unwrap();
    assert_eq!(read, rows, "in the order of the bytes, whatever the language");
    let after = Some(vec![rows[4][0].clone(), rows[4][1].clone()]);
    let read: Vec<Vec<Value>> = table.read(&connection, after).await.unwrap().try_collect().await.unwrap();
    assert_eq!(read, rows[5..]);
    let last = rows.last().unwrap();
    assert_eq!(table.last_key(&connection).await.unwrap(), Some(vec![last[0].clone(), last[1].clone()]));
}

async fn a_copy_that_was_cut_off_goes_on(database: Database) {
    let folder = TempDir::new().unwrap();
    let source = Database::in_folder(&folder);
    fill(&source).await;
    let half = Arc::new(Notify::new());
    let reached = Arc::clone(&half);
    // In the midst of the messages.
    let mut tell = move |progress: Progress<'_>| {
        if progress.table == "messages" && progress.rows > 5_000 {
            reached.notify_one();
        }
    };
    tokio::select! {
        ended = copy(&source.url, &database.url, &mut tell) => panic!("{ended:?}"),
        () = half.notified() => {}
    }
    // Another source would be mixed with it.
    let other_folder = TempDir::new().unwrap();
    let other = Database::in_folder(&other_folder);
    drop(other.store().await);
    let mut error = copied(&other, &database).await.unwrap_err();
    // What was cut off lets go of its file when it comes to that, and each try waits for a second.
    for _ in 0..30 {
        if !matches!(error, CopyError::InUse { .. }) {
            break;
        }
        error = copied(&other, &database).await.unwrap_err();
    }
    assert!(matches!(&error, CopyError::OtherSource { before } if before.ends_with("recado.db")), "{error}");
    let error = Store::open(&database.settings()).await.err().unwrap();
    assert!(matches!(&error, Error::Refused(text) if text.contains("recado store copy")), "{error}");

    let mut first = None;
    let mut tell = |progress: Progress<'_>| {
        first.get_or_insert(progress.rows);
    };
    let done = copy(&source.url, &database.url, &mut tell).await.unwrap();
    assert!(done.resumed);
    assert!(done.tables.iter().all(|table| table.rows >= u64::from(MANY)), "{done:?}");
    assert!(first > Some(0), "it goes on with what is there: {first:?}");
    let again = database.store().await.record(database.inbound("SM1", ANA)).await.unwrap();
    assert!(matches!(again, Receipt::Repeat { .. }), "{again:?}");
}

async fn a_target_with_other_data_is_refused(database: Database) {
    let folder = TempDir::new().unwrap();
    let source = Database::in_folder(&folder);
    drop(source.store().await);
    database.store().await.record(database.inbound("SM1", ANA)).await.unwrap();
    let error = copied(&source, &database).await.unwrap_err();
    assert!(matches!(&error, CopyError::NotEmpty { tables } if tables.contains("messages")), "{error}");
    assert!(matches!(copied(&source, &source).await, Err(CopyError::Same)));
    // It was left as it was.
    assert_eq!(database.store().await.unprocessed(10).await.unwrap().len(), 1);
}

async fn a_source_that_lacks_a_step_is_refused(database: Database) {
    drop(database.store().await);
    migrate_down(&database.settings(), 1).await.unwrap();
    let folder = TempDir::new().unwrap();
    let target = Database::in_folder(&folder);
    let error = copied(&database, &target).await.unwrap_err();
    assert!(matches!(error, CopyError::Behind { .. }), "{error}");
    assert!(error.to_string().contains("recado migrate up"));
    assert!(!folder.path().join("data").exists(), "nothing was begun");
}

async fn a_source_in_use_is_noticed(database: Database) {
    let store = database.store().await;
    let folder = TempDir::new().unwrap();
    let target = Database::in_folder(&folder);
    let error = copied(&database, &target).await.unwrap_err();
    assert!(matches!(error, CopyError::InUse { end: End::Source }), "{error}");
    drop(store);
    copied(&database, &target).await.unwrap();
    let store = target.store().await;
    let error = copied(&database, &target).await.unwrap_err();
    assert!(matches!(error, CopyError::InUse { end: End::Target }), "{error}");
    drop(store);
}
