//! Looking at a database leaves it as it was.

use std::collections::BTreeMap;

use sea_orm::ConnectionTrait;

use super::*;
use crate::store::{Seen, inspect, migrate_down};

on_both!(a_database_is_seen_as_it_is);

async fn a_database_is_seen_as_it_is(database: Database) {
    let settings = database.settings();
    let before = inspect(&settings).await.unwrap();
    assert_eq!((before.seen.is_none(), before.file.is_some()), (!database.is_postgres(), !database.is_postgres()));
    assert!(before.file.is_none_or(|file| !file.parent().unwrap().exists()), "looking makes nothing");

    let store = database.store().await;
    let good = Seen {
        pending: Vec::new(),
        not_writable: None,
        paused: Vec::new(),
        disabled: Vec::new(),
        plugin_configs: BTreeMap::new(),
    };
    assert_eq!(inspect(&settings).await.unwrap().seen, Some(good.clone()), "also while a gateway runs");
    assert_eq!(inspect(&settings).await.unwrap().seen, Some(good), "the try before left nothing");
    store.pause("sms", None, act(0)).await.unwrap();
    assert_eq!(inspect(&settings).await.unwrap().seen.unwrap().paused, ["sms"]);
    store.introduce_endpoint("crm", "aa".to_owned()).await.unwrap();
    let sql = "UPDATE endpoints SET disabled_at = 1";
    database.directly().await.execute_unprepared(sql).await.unwrap();
    assert_eq!(inspect(&settings).await.unwrap().seen.unwrap().disabled, ["crm"]);
    drop(store);
    migrate_down(&settings, 1).await.unwrap();
    let behind = inspect(&settings).await.unwrap().seen.unwrap();
    assert_eq!(behind.pending.len(), 1, "{behind:?}");
    // The name that is tried is taken: as good a refusal as any.
    database.directly().await.execute_unprepared("CREATE TABLE recado_doctor (x INTEGER)").await.unwrap();
    assert!(inspect(&settings).await.unwrap().seen.unwrap().not_writable.is_some());
}
