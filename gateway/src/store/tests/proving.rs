//! What a copy proves: that nobody wrote to its source meanwhile. A file is locked; a server is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::{ConnectionTrait, TransactionTrait};

use super::copying::{copied, fill};
use super::*;
use crate::store::copying::tables;
use crate::store::{CopyError, Doing, End, Progress, copy};

on_postgres!(
    a_change_during_the_copy_is_found,
    nobody_writes_to_the_source_while_it_is_compared,
    a_gateway_that_came_meanwhile_is_noticed,
    whoever_writes_when_it_is_to_be_compared_is_noticed,
);

/// By somebody who does not say that it is a gateway; a file would be locked.
async fn a_change_during_the_copy_is_found(database: Database) {
    fill(&database).await;
    let folder = TempDir::new().unwrap();
    let target = Database::in_folder(&folder);
    let url = database.url.clone();
    let mut changed = false;
    let mut tell = move |progress: Progress<'_>| {
        if progress.table != "parts" || progress.doing != Doing::Copying || std::mem::replace(&mut changed, true) {
            return;
        }
        let url = url.clone();
        let change = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let connection = sea_orm::Database::connect(url).await.unwrap();
                let sql = "UPDATE contacts SET name = 'somebody else' WHERE created_at = (SELECT MAX(created_at) FROM contacts)";
                connection.execute_unprepared(sql).await.unwrap();
                connection.close().await.unwrap();
            });
        };
        std::thread::spawn(change).join().unwrap();
    };
    let error = copy(&database.url, &target.url, &mut tell).await.unwrap_err();
    assert!(matches!(&error, CopyError::Differs { tables } if tables == "contacts"), "{error}");
    assert!(Store::open(&target.settings()).await.is_err(), "no gateway works with it");
}

/// Runs beside a copy, which is made by a thread that can't wait for it.
fn beside<F: Future<Output = ()>>(work: impl FnOnce() -> F + Send + 'static) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(work());
    })
}

/// Each table stays as it is until all were compared, whoever writes.
async fn nobody_writes_to_the_source_while_it_is_compared(database: Database) {
    fill(&database).await;
    let folder = TempDir::new().unwrap();
    let target = Database::in_folder(&folder);
    let last = tables::all().pop().unwrap().name;
    let written = Arc::new(AtomicBool::new(false));
    let (mut writer, mut in_between) = (None, None);
    let mut tell = |progress: Progress<'_>| {
        if progress.doing != Doing::Verifying {
            return;
        }
        // People were compared before.
        if progress.table == "parts" && writer.is_none() {
            let (url, written) = (database.url.clone(), Arc::clone(&written));
            writer = Some(beside(async move || {
                let connection = sea_orm::Database::connect(url).await.unwrap();
                connection.execute_unprepared("UPDATE contacts SET name = 'somebody else'").await.unwrap();
                written.store(true, Ordering::SeqCst);
            }));
        }
        if progress.table == last && in_between.is_none() {
            std::thread::sleep(std::time::Duration::from_secs(1));
            in_between = Some(written.load(Ordering::SeqCst));
        }
    };
    copy(&database.url, &target.url, &mut tell).await.unwrap();
    writer.unwrap().join().unwrap();
    assert_eq!((in_between, written.load(Ordering::SeqCst)), (Some(false), true), "it had to wait");
}

/// What it acknowledges from then on would be in no copy.
async fn a_gateway_that_came_meanwhile_is_noticed(database: Database) {
    fill(&database).await;
    let folder = TempDir::new().unwrap();
    let target = Database::in_folder(&folder);
    let mut gateway = None;
    let mut tell = |progress: Progress<'_>| {
        if progress.doing == Doing::Verifying && progress.table == "parts" && gateway.is_none() {
            let (settings, text) = (database.settings(), database.inbound("SM3", ANA));
            let (opened, is_open) = std::sync::mpsc::channel();
            let thread = beside(async move || {
                let (store, _) = Store::open(&settings).await.unwrap();
                opened.send(()).unwrap();
                let _ = store.record(text).await;
            });
            is_open.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
            gateway = Some(thread);
        }
    };
    let error = copy(&database.url, &target.url, &mut tell).await.unwrap_err();
    assert!(matches!(error, CopyError::InUse { end: End::Source }), "{error}");
    assert!(Store::open(&target.settings()).await.is_err(), "no gateway works with it");
    gateway.unwrap().join().unwrap();
}

async fn whoever_writes_when_it_is_to_be_compared_is_noticed(database: Database) {
    fill(&database).await;
    let folder = TempDir::new().unwrap();
    let target = Database::in_folder(&folder);
    let connection = database.directly().await;
    let writing = connection.begin().await.unwrap();
    writing.execute_unprepared("UPDATE contacts SET name = 'somebody else'").await.unwrap();
    let error = copied(&database, &target).await.unwrap_err();
    assert!(matches!(error, CopyError::Written), "{error}");
    assert!(error.to_string().contains("stop every gateway"), "{error}");
    assert!(Store::open(&target.settings()).await.is_err(), "no gateway works with it");
    writing.rollback().await.unwrap();
    let done = copied(&database, &target).await.unwrap();
    assert!(done.resumed);
}
