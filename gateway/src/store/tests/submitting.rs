//! Storing what is to be sent.

use futures::future::join_all;

use super::*;
use crate::message::ConversationStatus;
use crate::store::MessageFilter;

on_both!(
    a_submission_opens_a_conversation_or_joins_the_open_one,
    the_same_call_again_does_nothing_again,
    the_same_call_at_once_is_made_once,
    what_was_stored_is_told_as_it_is_read,
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
    refused.message.rejected = Some(Rejection { plugin: "p".to_owned(), problem: "\0 too late".to_owned() });
    refused.message.parts.clear();
    for submission in [plain, rich, later, handed, refused] {
        let Submitted::Stored(told) = store.submit(submission).await.unwrap() else { panic!("not stored") };
        assert_eq!(*told, message(&store, told.id).await);
    }
}
