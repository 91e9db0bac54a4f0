//! Storing what is to be sent.

use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use sea_orm::{ConnectionTrait, SqliteTransactionMode, TransactionOptions, TransactionTrait};
use tokio::time::timeout;

use super::gate::says;
use super::*;
use crate::message::ConversationStatus;
use crate::message::consent::{Choice, Keyword, Source};
use crate::store::{ConversationChange, MessageFilter};

on_both!(
    a_submission_opens_a_conversation_or_joins_the_open_one,
    the_same_call_again_does_nothing_again,
    the_same_call_at_once_is_made_once,
    what_was_stored_is_told_as_it_is_read,
    what_the_gate_refuses_is_kept_and_may_be_called_again,
    what_is_only_kept_changes_no_conversation,
    nothing_is_stored_for_whoever_has_gone,
);

async fn a_submission_opens_a_conversation_or_joins_the_open_one(database: Database) {
    let store = database.store().await;
    let first = database.submission(ANA, &["hola ", "Ana"]);
    assert_eq!(store.submit(first.clone()).await.unwrap().stored(), Some(first.message.id));
    let conversation = only_conversation(&store).await;
    assert_eq!((conversation.id, conversation.status), (first.conversation_id, ConversationStatus::Active));
    assert_eq!((conversation.unread, conversation.inbound_count, conversation.last_inbound_at), (0, 0, None));
    assert_eq!(conversation.subject, "SMS para +529981112233");

    let mut second = database.submission(ANA, &["otra vez"]);
    second.message.at = at(9);
    second.message.sender = Sender::Own(None);
    store.submit(second.clone()).await.unwrap();
    store.record(database.inbound("SM1", ANA)).await.unwrap();
    let conversation = only_conversation(&store).await;
    assert_eq!((conversation.last_message_at, conversation.unread), (at(9), 1));
    assert_eq!(conversation.last_inbound_at, Some(at(0)));
    assert_eq!(conversation.status, ConversationStatus::Active, "somebody is on it already");
    let stored = message(&store, second.message.id).await;
    assert_eq!((stored.conversation_id, stored.from), (first.conversation_id, None));
    assert_eq!((stored.status, stored.parts.len()), (Status::Pending, 1));
}

fn with_key(database: &Database, api_key_id: Uuid, key: &str, fingerprint: &str) -> Submission {
    let idempotency = Idempotency { api_key_id, key: key.to_owned(), fingerprint: fingerprint.to_owned() };
    Submission { idempotency: Some(idempotency), ..database.submission(ANA, &["hola"]) }
}

async fn the_same_call_again_does_nothing_again(database: Database) {
    let store = database.store().await;
    let [one, other] = [database.id(), database.id()];
    store.create_key(new_key(one, "one", "aa"), act(0)).await.unwrap();
    store.create_key(new_key(other, "other", "bb"), act(0)).await.unwrap();
    let first = with_key(&database, one, "order-7", "f1");
    let id = first.message.id;
    assert_eq!(store.submit(first).await.unwrap().stored(), Some(id));
    let again = with_key(&database, one, "order-7", "f1");
    assert_eq!(store.submit(again).await.unwrap(), Submitted::Before(id));
    let changed = with_key(&database, one, "order-7", "f2");
    assert_eq!(store.submit(changed).await.unwrap(), Submitted::KeyReused);
    for different in [with_key(&database, other, "order-7", "f1"), with_key(&database, one, "order-8", "f1")] {
        let id = different.message.id;
        assert_eq!(store.submit(different).await.unwrap().stored(), Some(id));
    }
    assert_eq!(store.messages(MessageFilter::default(), None, 100).await.unwrap().items.len(), 3);
}

async fn the_same_call_at_once_is_made_once(database: Database) {
    let stores = [database.store().await, database.store().await];
    let key = database.id();
    stores[0].create_key(new_key(key, "one", "aa"), act(0)).await.unwrap();
    let calls: Vec<_> = (0..20).map(|_| with_key(&database, key, "order-7", "f1")).collect();
    let came = join_all(calls.into_iter().zip(stores.iter().cycle()).map(|(call, store)| store.submit(call))).await;
    let came: Vec<Submitted> = came.into_iter().map(Result::unwrap).collect();
    let [message] = stores[0].messages(MessageFilter::default(), None, 100).await.unwrap().items.try_into().unwrap();
    assert_eq!(came.iter().filter(|came| came.stored() == Some(message.id)).count(), 1);
    assert_eq!(came.iter().filter(|came| **came == Submitted::Before(message.id)).count(), 19);
}

async fn what_was_stored_is_told_as_it_is_read(database: Database) {
    let store = database.store().await;
    let plain = database.submission(ANA, &["hola ", "Ana"]);
    let mut rich = database.submission(LUIS, &["nul \0 y 🙂"]);
    rich.message.media = vec!["https://example.mx/a.png".to_owned(), "https://example.mx/b.png".to_owned()];
    rich.message.parts[0].media.clone_from(&rich.message.media);
    rich.message.options =
        Options { validity: Some(600), labels: [("a".to_owned(), "b".to_owned())].into(), ..Options::default() };
    rich.message.priority = Priority::Bulk;
    rich.message.template = Some(crate::store::UsedTemplate { name: "aviso".to_owned(), version: 3 });
    rich.message.plugin = Some("auto-reply".to_owned());
    rich.message.caused_by = Some(plain.message.id);
    let mut later = database.submission(ANA, &["mañana"]);
    later.message.schedule = Schedule::At(at(9_000));
    let mut handed = database.submission(LUIS, &["mañana"]);
    handed.message.schedule = Schedule::AtProvider(at(9_000));
    let mut refused = database.submission(ANA, &["no"]);
    refused.message.rejected = Some(Rejection::Plugin { plugin: "p".to_owned(), problem: "\0 too late".to_owned() });
    refused.message.parts.clear();
    for submission in [plain, rich, later, handed, refused] {
        let Submitted::Stored(told) = store.submit(submission).await.unwrap() else { panic!("not stored") };
        assert_eq!(*told, message(&store, told.id).await);
    }
}

async fn what_the_gate_refuses_is_kept_and_may_be_called_again(database: Database) {
    let store = database.store().await;
    let key = database.id();
    store.create_key(new_key(key, "one", "aa"), act(0)).await.unwrap();
    store.record(says(&database, ANA, Keyword::OptOut, 3)).await.unwrap();
    let call = || {
        let mut call = with_key(&database, key, "order-7", "f1");
        call.traces = vec![trace(&database, call.message.id, "checks")];
        call
    };
    let first = call();
    let Submitted::Refused { refusal, kept: Some(id) } = store.submit(first.clone()).await.unwrap() else {
        panic!("not kept");
    };
    assert_eq!((refusal, id), (opted_out(at(3)), first.message.id));
    let stored = message(&store, id).await;
    assert_eq!((stored.status, stored.failed_at, stored.parts.len()), (Status::Failed, Some(at(0)), 0));
    assert_eq!((stored.refused_for.as_deref(), stored.rejected_by), (Some("opted-out"), None));
    assert_eq!(stored.error_message, Some(opted_out(at(3)).to_string()));
    assert_eq!((stored.text.as_str(), stored.segments), ("hola", Some(0)));
    let gate = store.history(id).await.unwrap().gate.unwrap();
    assert_eq!(
        (&gate["verdict"], &gate["code"], &gate["consent"]),
        (&"refused".into(), &"opted-out".into(), &"opted_out".into())
    );
    assert_eq!(store.traces(id).await.unwrap().len(), 1, "what plugins decided before stays, too");
    assert_eq!(claim(&store, &database, 9, 10).await, []);

    // It is no message to an application that was told no.
    assert_eq!(store.listed(id, &["sms".to_owned()]).await.unwrap(), None);

    // The same call is refused anew, and leaves no other; once the person is back, it is made.
    let again = store.submit(call()).await.unwrap();
    assert_eq!(again, Submitted::Refused { refusal: opted_out(at(3)), kept: Some(id) });
    let Some(Idempotency { api_key_id, key: word, .. }) = &first.idempotency else { panic!("no key") };
    let other = with_key(&database, *api_key_id, word, "f2");
    let other_id = other.message.id;
    assert_eq!(
        store.submit(other).await.unwrap(),
        Submitted::Refused { refusal: opted_out(at(3)), kept: Some(other_id) }
    );
    assert_eq!(store.called_before(first.idempotency.as_ref().unwrap()).await.unwrap(), None);
    store.record(says(&database, ANA, Keyword::OptIn, 5)).await.unwrap();
    let last = call();
    assert_eq!(store.submit(last.clone()).await.unwrap().stored(), Some(last.message.id));
    assert_eq!(store.submit(call()).await.unwrap(), Submitted::Before(last.message.id));

    assert_eq!(store.messages(MessageFilter::default(), None, 100).await.unwrap().items.len(), 5);

    // What was not to be kept is not kept here either.
    store.record(says(&database, ANA, Keyword::OptOut, 7)).await.unwrap();
    let mut secret = database.submission(ANA, &["1234"]);
    secret.message.options.discard_content = Some(true);
    secret.traces = vec![trace(&database, secret.message.id, "checks")];
    let id = secret.message.id;
    assert!(matches!(store.submit(secret).await.unwrap(), Submitted::Refused { .. }));
    assert_eq!(message(&store, id).await.text, "");
    assert_eq!(store.traces(id).await.unwrap()[0].decision, serde_json::json!({ "redacted": true }));
}

async fn what_is_only_kept_changes_no_conversation(database: Database) {
    let store = database.store().await;
    // Nobody is made of a number that others say wants no messages.
    let out = NewConsent {
        id: database.id(),
        channel: "sms".to_owned(),
        address: Address::received(LUIS),
        choice: Choice::OptedOut,
        source: Source::Api,
        proof: None,
        note: None,
        actor: None,
        at: at(1),
        now: at(1),
    };
    store.say_consents(vec![out], false, act(0)).await.unwrap();
    let nobody = store.submit(database.submission(LUIS, &["oferta"])).await.unwrap();
    assert_eq!(nobody, Submitted::Refused { refusal: opted_out(at(1)), kept: None });
    assert_eq!(store.messages(MessageFilter::default(), None, 100).await.unwrap().items, []);

    store.record(says(&database, ANA, Keyword::OptOut, 3)).await.unwrap();
    let before = only_conversation(&store).await;
    let refused = |tag: &str| {
        let mut submission = database.submission(ANA, &["oferta"]);
        submission.message.at = at(9);
        submission.tags = vec![tag.to_owned()];
        submission
    };
    assert!(matches!(store.submit(refused("promo")).await.unwrap(), Submitted::Refused { kept: Some(_), .. }));
    assert_eq!(only_conversation(&store).await, before);
    let change = ConversationChange { status: Some(ConversationStatus::Closed), ..ConversationChange::of(before.id) };
    store.change_conversation(change, None, act(5)).await.unwrap();
    let Submitted::Refused { kept: Some(id), .. } = store.submit(refused("promo")).await.unwrap() else {
        panic!("not kept");
    };
    let closed = only_conversation(&store).await;
    assert_eq!(
        (closed.id, closed.status),
        (before.id, ConversationStatus::Closed),
        "it stays closed, and is the only one"
    );
    assert_eq!(message(&store, id).await.conversation_id, before.id);
}

/// They were told that nothing was, and ask again.
async fn nothing_is_stored_for_whoever_has_gone(database: Database) {
    let store = database.store().await;
    let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
    let options = TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() };
    let other = database.directly().await.begin_with_options(options).await.unwrap();
    if database.is_postgres() {
        other.execute_unprepared("LOCK TABLE messages, conversations IN ACCESS EXCLUSIVE MODE").await.unwrap();
    }
    let mut waits = Box::pin(store.submit(database.submission(ANA, &["under way"])));
    // The writer is at it, and waits.
    assert!(timeout(Duration::from_millis(300), &mut waits).await.is_err());
    let mut goes = Box::pin(store.submit(database.submission(LUIS, &["given up"])));
    assert!((&mut goes).now_or_never().is_none());
    drop(goes);
    let many = bulks::new(&database, 3);
    let many_id = many.id;
    let mut goes = Box::pin(store.take_bulk(many, act(0)));
    assert!((&mut goes).now_or_never().is_none());
    drop(goes);
    other.rollback().await.unwrap();
    waits.await.unwrap();
    // What comes after it was its turn.
    store.submit(database.submission(LUIS, &["asked again"])).await.unwrap();
    let all = store.messages(MessageFilter::default(), None, 50).await.unwrap().items;
    let texts: Vec<&str> = all.iter().map(|message| message.text.as_str()).collect();
    assert_eq!(texts, ["asked again", "under way"]);
    assert!(store.bulk(many_id).await.unwrap().is_none());
}
