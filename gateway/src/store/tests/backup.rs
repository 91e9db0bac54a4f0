//! Backups: whole, checked, and never in the place of something else.

use std::fs::{self, File};

use super::*;
use crate::store::{BackupError, backup};

on_postgres!(a_server_has_tools_of_its_own);

async fn a_server_has_tools_of_its_own(database: Database) {
    let folder = TempDir::new().unwrap();
    let error = backup(&database.settings(), &folder.path().join("backup.db")).await.unwrap_err();
    assert!(error.to_string().contains("pg_dump"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_holds_all_that_was_recorded_before_and_opens() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    let store = database.store().await;
    for number in 0..50 {
        store.record(database.inbound(&format!("SM{number}"), ANA)).await.unwrap();
    }
    let file = folder.path().join("backup.db");
    // What one that was killed has left.
    fs::write(folder.path().join("backup.db.partial"), "half of it").unwrap();
    let made = backup(&database.settings(), &file).await.unwrap();
    assert_eq!((made.bytes, made.file.as_path()), (fs::metadata(&file).unwrap().len(), file.as_path()));
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    assert_eq!(names, ["backup.db", "data"]);
    store.record(database.inbound("after", ANA)).await.unwrap();
    let restored = Database { url: format!("sqlite://{}", file.display()), ..database.clone() }.store().await;
    assert_eq!(restored.unprocessed(100).await.unwrap().len(), 50);
    let again = restored.record(database.inbound("SM7", ANA)).await.unwrap();
    assert!(matches!(again, Receipt::Repeat { .. }), "{again:?}");
}

#[tokio::test]
async fn what_is_there_stays_as_it_is() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    let file = folder.path().join("backup.db");
    let error = backup(&database.settings(), &file).await.unwrap_err();
    assert!(matches!(error, BackupError::NoDatabase(_)), "{error}");
    let _store = database.store().await;
    fs::write(&file, "something else").unwrap();
    let error = backup(&database.settings(), &file).await.unwrap_err();
    assert!(matches!(error, BackupError::Taken(_)), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "something else");

    fs::remove_file(&file).unwrap();
    let other = File::create(folder.path().join("backup.db.partial")).unwrap();
    other.lock().unwrap();
    let error = backup(&database.settings(), &file).await.unwrap_err();
    assert!(matches!(error, BackupError::UnderWay(_)), "{error}");
    other.unlock().unwrap();
    backup(&database.settings(), &file).await.unwrap();

    let nowhere = folder.path().join("no/such/folder/backup.db");
    let error = backup(&database.settings(), &nowhere).await.unwrap_err();
    assert!(matches!(error, BackupError::Unwritable { .. }), "{error}");
}
