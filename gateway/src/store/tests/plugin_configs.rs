//! Plugins' configurations that people changed: one after the other, with who it was.

use futures::future::join_all;
use serde_json::{Value, json};

use super::*;
use crate::message::Locale;
use crate::store::{ChangedBy, NewPluginConfig, NewUser, PluginConfigChange, Role};

on_both!(
    each_change_has_a_number_that_is_never_used_again,
    a_change_goes_over_the_version_that_it_names,
    of_changes_at_once_each_has_its_number,
    who_changed_it_last_is_known_by_name,
);

fn new(config: Option<Value>, expected: Option<u32>) -> NewPluginConfig {
    NewPluginConfig { plugin: "a".to_owned(), config, expected }
}

async fn each_change_has_a_number_that_is_never_used_again(database: Database) {
    let store = database.store().await;
    let change = async |config| store.change_plugin_config(new(config, None), act(1)).await.unwrap();
    assert_eq!(change(None).await, PluginConfigChange::Same, "nothing was kept");
    assert_eq!(store.plugin_config("a").await.unwrap(), None);
    let first = json!({ "text": "Hola\0", "n": 1.0, "list": [1, { "b": null }] });
    assert_eq!(change(Some(first.clone())).await, PluginConfigChange::Done(1));
    assert_eq!(change(Some(first)).await, PluginConfigChange::Same);
    assert_eq!(change(Some(json!({ "text": "Adiós" }))).await, PluginConfigChange::Done(2));
    assert_eq!(change(None).await, PluginConfigChange::Done(3));
    assert_eq!(change(None).await, PluginConfigChange::Same);
    let known = store.plugin_config("a").await.unwrap().unwrap();
    assert_eq!((known.version, known.config, known.changed_at), (3, None, at(1)));
    let kept = json!({ "text": "Hola\u{FFFD}", "n": 1.0 });
    assert_eq!(change(Some(kept.clone())).await, PluginConfigChange::Done(4));
    assert_eq!(store.plugin_configs().await.unwrap(), [("a".to_owned(), (4, Some(kept)))].into());
    assert_eq!(store.plugin_config_versions().await.unwrap(), [("a".to_owned(), 4)].into());
    let entries = store.audit_entries(None, 10).await.unwrap();
    assert_eq!(entries.items.len(), 4, "each change, and nothing that changed nothing");
    assert_eq!(store.plugin_config("b\0").await.unwrap(), None);
}

async fn a_change_goes_over_the_version_that_it_names(database: Database) {
    let store = database.store().await;
    let change = async |number: u32, expected| {
        store.change_plugin_config(new(Some(json!({ "n": number })), Some(expected)), act(1)).await.unwrap()
    };
    assert_eq!(change(1, 1).await, PluginConfigChange::Mismatch);
    assert_eq!(change(1, 0).await, PluginConfigChange::Done(1));
    assert_eq!(change(2, 0).await, PluginConfigChange::Mismatch);
    assert_eq!(change(2, 1).await, PluginConfigChange::Done(2));
    let back = store.change_plugin_config(new(None, Some(1)), act(1)).await.unwrap();
    assert_eq!(back, PluginConfigChange::Mismatch);
    assert_eq!(store.plugin_config("a").await.unwrap().unwrap().config, Some(json!({ "n": 2 })));
}

async fn of_changes_at_once_each_has_its_number(database: Database) {
    let stores = [database.store().await, database.store().await];
    let changes = (0..20).zip(stores.iter().cycle()).map(|(number, store)| {
        let act = Act { id: database.id(), ..act(1) };
        store.change_plugin_config(new(Some(json!({ "n": number })), None), act)
    });
    let mut versions: Vec<u32> = join_all(changes)
        .await
        .into_iter()
        .map(|change| match change.unwrap() {
            PluginConfigChange::Done(version) => version,
            other => panic!("{other:?}"),
        })
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=20).collect::<Vec<_>>());
}

async fn who_changed_it_last_is_known_by_name(database: Database) {
    let store = database.store().await;
    let [user, key] = [database.id(), database.id()];
    let ana = NewUser {
        id: user,
        name: "ana".to_owned(),
        password: "hash".to_owned(),
        role: Role::Owner,
        locale: Locale::Es,
        at: at(0),
    };
    assert!(store.create_user(ana, act(0)).await.unwrap());
    assert!(store.create_key(new_key(key, "shop", "aa"), act(0)).await.unwrap());
    let cases = [
        (Actor::User(user), "user", Some(user.to_string()), Some("ana")),
        (Actor::Key(key), "key", Some(key.to_string()), Some("shop")),
        (Actor::Command(Some("root".to_owned())), "command", Some("root".to_owned()), None),
        (Actor::User(key), "user", Some(key.to_string()), None),
    ];
    for (number, (actor, kind, id, name)) in cases.into_iter().enumerate() {
        let act = Act { actor, id: database.id(), ..act(1) };
        store.change_plugin_config(new(Some(json!({ "n": number })), None), act).await.unwrap();
        let known = store.plugin_config("a").await.unwrap().unwrap();
        assert_eq!(known.changed_by, ChangedBy { actor: kind.to_owned(), id, name: name.map(str::to_owned) });
    }
}
