//! What one plugin decided lately, the newest first and page by page.

use sea_orm::{EntityTrait, Set};

use super::*;
use crate::store::entities::traces;
use crate::store::{DecidedOn, DecisionFilter, Page};

on_both!(what_a_plugin_decided_is_listed_with_its_messages, no_page_goes_through_all_there_is,);

fn of(plugin: &str, failed: bool) -> DecisionFilter {
    DecisionFilter { plugin: plugin.to_owned(), failed }
}

fn told(page: &Page<DecidedOn>) -> Vec<(Hook, &str, &str, bool)> {
    let told = |one: &'_ DecidedOn| (one.trace.hook, one.trace.error.is_some());
    page.items
        .iter()
        .map(|one| {
            let (hook, failed) = told(one);
            (hook, one.theirs.as_str(), one.text.as_str(), failed)
        })
        .collect()
}

async fn what_a_plugin_decided_is_listed_with_its_messages(database: Database) {
    let store = database.store().await;
    let mut first = database.inbound("SM1", ANA);
    first.text = "precios".to_owned();
    store.record(first.clone()).await.unwrap();
    let conversation = only_conversation(&store).await.id;
    let failed = Trace { error: Some("trapped".to_owned()), ..trace(&database, first.id, "router") };
    let traces = vec![trace(&database, first.id, "auto-reply"), failed];
    store.commit(Processed { traces, ..processed(&first, conversation) }).await.unwrap();

    // What goes out, and what became of it, have rows of their own.
    let mut submission = database.submission(LUIS, &["aviso"]);
    let sent = submission.message.id;
    let hooked = |plugin: &str| Trace { hook: Hook::Outbound, ..trace(&database, sent, plugin) };
    submission.traces = vec![hooked("auto-reply"), hooked("router")];
    store.submit(submission).await.unwrap();
    let second = NewInbound { received_at: at(1), ..database.inbound("SM2", ANA) };
    store.record(second.clone()).await.unwrap();
    let traces = vec![trace(&database, second.id, "router")];
    store.commit(Processed { traces, ..processed(&second, conversation) }).await.unwrap();

    let page = store.decisions_of(&of("router", false), None, 10).await.unwrap();
    let all = [
        (Hook::Inbound, ANA, second.text.as_str(), false),
        (Hook::Outbound, LUIS, "aviso", false),
        (Hook::Inbound, ANA, "precios", true),
    ];
    assert_eq!(told(&page), all);
    assert_eq!(page.next, None);
    let messages: Vec<MessageId> = page.items.iter().map(|one| one.trace.message_id).collect();
    assert_eq!(messages, [second.id, sent, first.id]);
    assert!(page.items.iter().all(|one| one.trace.plugin == "router" && one.trace.version == "1.0.0"));

    let failures = store.decisions_of(&of("router", true), None, 10).await.unwrap();
    assert_eq!(told(&failures), all[2..]);
    assert!(store.decisions_of(&of("auto-reply", true), None, 10).await.unwrap().items.is_empty());
    assert_eq!(store.decisions_of(&of("auto-reply", false), None, 10).await.unwrap().items.len(), 2);
    assert!(store.decisions_of(&of("nobody", false), None, 10).await.unwrap().items.is_empty());

    // One by one, none is left out and none comes twice.
    let (mut one_by_one, mut before) = (Vec::new(), None);
    loop {
        let page = store.decisions_of(&of("router", false), before, 1).await.unwrap();
        one_by_one.extend(page.items.iter().map(|one| one.trace.message_id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(one_by_one, messages);

    assert_eq!(store.redact(first.id, at(12)).await.unwrap(), Redaction::Done);
    let page = store.decisions_of(&of("router", false), None, 10).await.unwrap();
    let DecidedOn { trace, text, .. } = page.items.last().unwrap();
    assert_eq!((text.as_str(), trace.error.as_deref()), ("", None));
    assert_eq!(trace.decision, serde_json::json!({ "redacted": true }));
}

async fn no_page_goes_through_all_there_is(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["hola"]);
    let message = submission.message.id;
    store.submit(submission).await.unwrap();
    let row = |plugin: &str| traces::ActiveModel {
        id: Set(database.id()),
        message_id: Set(message.0),
        position: Set(0),
        plugin: Set(plugin.to_owned()),
        version: Set("1.0.0".to_owned()),
        digest: Set(String::new()),
        decision: Set(serde_json::json!({})),
        error: Set(None),
        duration_micros: Set(1),
        created_at: Set(at(4).as_millisecond()),
        hook: Set("status".to_owned()),
        seed: Set(None),
        further: Set(None),
    };
    let mut rows = vec![row("rare")];
    rows.extend((0..6_000).map(|_| row("busy")));
    rows.push(row("rare"));
    let connection = database.directly().await;
    for some in rows.chunks(500) {
        traces::Entity::insert_many(some.to_vec()).exec_without_returning(&connection).await.unwrap();
    }
    let newest = store.decisions_of(&of("rare", false), None, 10).await.unwrap();
    assert_eq!(newest.items.len(), 1, "it stops before it has gone through thousands of others");
    let further = store.decisions_of(&of("rare", false), newest.next, 10).await.unwrap();
    assert_eq!(further.items.len(), 1, "and goes on from there");
    assert_eq!(further.items[0].trace.id, rows[0].id.clone().unwrap());
    assert_eq!(further.next, None);
    // The pages of one that decides often are full.
    let (mut found, mut before) = (0, None);
    loop {
        let page = store.decisions_of(&of("busy", false), before, 700).await.unwrap();
        found += page.items.len();
        assert!(page.next.is_none() || page.items.len() == 700);
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(found, 6_000);
}
