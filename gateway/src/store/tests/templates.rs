//! Templates: a version for each change, and none that overtakes another.

use futures::future::join_all;
use serde_json::{Value, json};

use super::*;
use crate::store::{Mark, NewTemplate, Over, TemplateChange, UsedTemplate};

on_both!(
    each_change_is_a_version_that_stays,
    a_change_goes_over_what_it_names_and_nothing_else,
    of_two_changes_at_once_each_is_a_version,
    a_message_says_what_it_was_made_of,
);

fn new(database: &Database, name: &str, definition: Value, over: Over) -> NewTemplate {
    let name = name.to_owned();
    NewTemplate { id: database.id(), version_id: database.id(), name, definition, over, at: at(0) }
}

fn done(version: u32, created: bool) -> TemplateChange {
    TemplateChange::Done { version, created, changed: true }
}

fn same(version: u32) -> TemplateChange {
    TemplateChange::Done { version, created: false, changed: false }
}

async fn each_change_is_a_version_that_stays(database: Database) {
    let store = database.store().await;
    let save = async |definition: &str| {
        store.save_template(new(&database, "a", json!({ "text": definition }), Over::Anything), act(0)).await.unwrap()
    };
    assert_eq!(save("one").await, done(1, true));
    assert_eq!(save("one").await, same(1));
    assert_eq!(store.audit_entries(None, 10).await.unwrap().items.len(), 1, "what changed nothing is not on record");
    assert_eq!(save("two\0").await, done(2, false));
    assert_eq!(save("three").await, done(3, false));
    let text =
        async |version| store.template("a", version).await.unwrap().map(|known| known.definition["text"].clone());
    assert_eq!(text(None).await, Some(json!("three")));
    assert_eq!(text(Some(2)).await, Some(json!("two\u{FFFD}")));
    assert_eq!((text(Some(4)).await, text(Some(0)).await), (None, None));
    let numbers = |page: &crate::store::Page<crate::store::KnownTemplate>| -> Vec<u32> {
        page.items.iter().map(|known| known.version).collect()
    };
    let first = store.template_versions("a", None, 2).await.unwrap().unwrap();
    assert_eq!(numbers(&first), [3, 2]);
    let second = store.template_versions("a", first.next, 2).await.unwrap().unwrap();
    assert_eq!((numbers(&second), second.next), (vec![1], None));
    assert_eq!(store.template_versions("b", None, 2).await.unwrap(), None);
}

async fn a_change_goes_over_what_it_names_and_nothing_else(database: Database) {
    let store = database.store().await;
    let save = async |text: &str, over| {
        store.save_template(new(&database, "a", json!({ "text": text }), over), act(0)).await.unwrap()
    };
    let mark = |version, archived| Over::Mark(Mark { version, archived });
    assert_eq!(save("one", Over::Something).await, TemplateChange::Mismatch);
    assert_eq!(save("one", mark(1, false)).await, TemplateChange::Mismatch);
    assert_eq!(save("one", Over::Nothing).await, done(1, true));
    assert_eq!(save("two", Over::Nothing).await, TemplateChange::Exists);
    assert_eq!(save("two", mark(1, false)).await, done(2, false));
    assert_eq!(save("three", mark(1, false)).await, TemplateChange::Mismatch);

    let expected = |version, archived| Some(Mark { version, archived });
    assert_eq!(store.archive_template("a", expected(1, false), at(1), act(1)).await.unwrap(), TemplateChange::Mismatch);
    assert_eq!(store.archive_template("a", expected(2, false), at(1), act(1)).await.unwrap(), done(2, false));
    assert_eq!(store.archive_template("a", None, at(2), act(1)).await.unwrap(), same(2));
    assert_eq!(store.archive_template("b", None, at(2), act(1)).await.unwrap(), TemplateChange::NotFound);
    assert_eq!(store.template("a", None).await.unwrap().unwrap().archived_at, Some(at(1)));
    assert_eq!(store.templates(false, None, 10).await.unwrap().items.len(), 0);
    assert_eq!(store.templates(true, None, 10).await.unwrap().items.len(), 1);
    assert_eq!(store.template_names(10).await.unwrap(), [] as [String; 0]);
    assert_eq!(save("three", mark(2, false)).await, TemplateChange::Mismatch, "it was archived meanwhile");
    // The same text again brings it back, too.
    assert_eq!(save("two", mark(2, true)).await, done(3, false));
    assert_eq!(store.templates(false, None, 10).await.unwrap().items[0].archived_at, None);
    assert_eq!(store.template_names(10).await.unwrap(), ["a"]);
    let found = async |piece| store.find_templates(false, piece, None, 10).await.unwrap().items.len();
    assert_eq!((found("A").await, found("_").await, found("b").await), (1, 0, 0), "a sign is a sign");
}

async fn of_two_changes_at_once_each_is_a_version(database: Database) {
    let stores = [database.store().await, database.store().await];
    let changes = (0..20).zip(stores.iter().cycle()).map(|(number, store)| {
        store.save_template(new(&database, "a", json!({ "number": number }), Over::Anything), act(0))
    });
    let mut versions: Vec<u32> = join_all(changes)
        .await
        .into_iter()
        .map(|change| match change.unwrap() {
            TemplateChange::Done { version, .. } => version,
            other => panic!("{other:?}"),
        })
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, (1..=20).collect::<Vec<_>>());
    let page = stores[0].template_versions("a", None, 100).await.unwrap().unwrap();
    assert_eq!(page.items.len(), 20);
}

async fn a_message_says_what_it_was_made_of(database: Database) {
    let store = database.store().await;
    let mut submission = database.submission(ANA, &["hola"]);
    let used = UsedTemplate { name: "a".to_owned(), version: 7 };
    submission.message.template = Some(used.clone());
    store.submit(submission.clone()).await.unwrap();
    assert_eq!(message(&store, submission.message.id).await.template, Some(used));
}
