//! Erasing people: what goes, what stays, and what it waits for.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::gate::rules;
use super::plans::objections;
use super::*;
use crate::message::consent::{Choice, Source};
use crate::message::{Consent, ConversationStatus};
use crate::store::{
    Changed, ContactChange, ContactFilter, ContactMade, ConversationChange, ConversationRules, Erased, Erasure, Link,
    NewBulk, NewContact, StoredFile, entities, token_hash,
};

on_both!(
    nothing_of_a_person_stays_but_ids,
    what_waits_is_canceled_and_what_is_on_its_way_is_waited_for,
    who_opted_out_and_is_erased_is_sent_nothing,
    what_is_refused_of_an_erased_person_is_not_kept_with_them,
    texts_go_in_steps_and_files_before_their_rows,
);

fn erasure(id: ContactId, expected: Option<String>) -> Erasure {
    Erasure { id, expected, limit: 100, files_are_gone: false, at: at(50) }
}

async fn erase(store: &Store, database: &Database, id: ContactId) -> Erased {
    store.erase_contact(erasure(id, None), Act { id: database.id(), ..act(50) }).await.unwrap()
}

/// Somebody who wrote this, which was processed.
async fn heard(store: &Store, database: &Database, sender: &str, text: &str) -> (NewInbound, ContactId) {
    let new = NewInbound { text: text.to_owned(), ..database.inbound(&database.id().to_string(), sender) };
    processed_too(store, new).await
}

async fn processed_too(store: &Store, new: NewInbound) -> (NewInbound, ContactId) {
    store.record(new.clone()).await.unwrap();
    let thread = store.thread(message(store, new.id).await.conversation_id).await.unwrap().unwrap();
    let done = Processed::new(Cause::Message, new.id, thread.conversation.id, thread.contact.id, at(2));
    assert_eq!(store.commit(done).await.unwrap(), Committed::Done);
    (new, thread.contact.id)
}

async fn nothing_of_a_person_stays_but_ids(database: Database) {
    let store = database.store().await;
    store.handle_by(ConversationRules {
        reopen_within: Some(jiff::SignedDuration::from_hours(1)),
        ..ConversationRules::default()
    });
    let (text, ana) = heard(&store, &database, ANA, "soy Ana, mi dirección es secreta").await;
    let (_, luis) = heard(&store, &database, LUIS, "hola").await;
    let attributes = [("ciudad".to_owned(), Some("Mérida".to_owned()))].into();
    let change = ContactChange { id: ana, name: Some(Some("Ana".to_owned())), attributes, expected: None, at: at(3) };
    store.change_contact(change, act(3)).await.unwrap();
    let mark = store.contact(ana).await.unwrap().unwrap().contact.mark();
    let wrong = store.erase_contact(erasure(ana, Some("other".to_owned())), act(50)).await.unwrap();
    assert_eq!(wrong, Erased::Mismatch);
    assert_eq!(erase(&store, &database, ContactId(database.id())).await, Erased::NotFound);

    let before = store.audit_entries(None, 100).await.unwrap().items.len();
    let erased = store.erase_contact(erasure(ana, Some(mark)), act(50)).await.unwrap();
    assert_eq!(erased, Erased::Done);
    let place = message(&store, text.id).await.conversation_id;
    let opened = ConversationChange { status: Some(ConversationStatus::Active), ..ConversationChange::of(place) };
    assert_eq!(store.change_conversation(opened, None, act(51)).await.unwrap(), Changed::Erased);
    assert_eq!(store.audit_entries(None, 100).await.unwrap().items.len(), before + 1);
    assert_eq!(store.contact(ana).await.unwrap(), None);
    assert_eq!(erase(&store, &database, ana).await, Erased::NotFound, "there is nobody any more");
    let page = store.contacts(&ContactFilter::default(), None, 10).await.unwrap();
    assert_eq!(page.items.iter().map(|one| one.id).collect::<Vec<_>>(), [luis]);
    let row = entities::contacts::Entity::find_by_id(ana.0).one(&store.reads).await.unwrap().unwrap();
    assert_eq!((row.name, row.attributes), (None, None));
    let shown = message(&store, text.id).await;
    assert_eq!(shown.text, "");
    let conversation = store.conversation(shown.conversation_id).await.unwrap().unwrap();
    assert_eq!((conversation.status, conversation.subject.as_str()), (ConversationStatus::Closed, ""));

    // The same webhook again is a repeat, and the next text is of somebody new, in a conversation of its own.
    store.record(NewInbound { id: MessageId(database.id()), ..text.clone() }).await.unwrap();
    assert_eq!(store.conversation(shown.conversation_id).await.unwrap().unwrap().inbound_count, 1);
    let (again, other) = heard(&store, &database, ANA, "hola otra vez").await;
    assert_ne!(other, ana);
    assert_ne!(message(&store, again.id).await.conversation_id, shown.conversation_id);
    assert_eq!(store.contact(luis).await.unwrap().unwrap().conversations.len(), 1, "others are as they were");
}

async fn what_waits_is_canceled_and_what_is_on_its_way_is_waited_for(database: Database) {
    let store = database.store().await;
    let unprocessed = database.inbound("SM1", LUIS);
    store.record(unprocessed.clone()).await.unwrap();
    let luis = store.open_thread("sms", &Address::received(LUIS)).await.unwrap().unwrap().contact.id;
    assert_eq!(erase(&store, &database, luis).await, Erased::UnderWay);

    let (_, ana) = heard(&store, &database, ANA, "hola").await;
    let [sent, waits] = ["uno", "dos"].map(|text| database.submission(ANA, &[text]));
    for submission in [&sent, &waits] {
        store.submit(submission.clone()).await.unwrap();
    }
    let [part] = claim(&store, &database, 10, 1).await.try_into().unwrap();
    assert_eq!(erase(&store, &database, ana).await, Erased::UnderWay);
    assert_eq!(message(&store, waits.message.id).await.status, Status::Pending, "then nothing is done");
    store.settle(settled(&part, 11, accepted("SM2"))).await.unwrap();
    assert_eq!(erase(&store, &database, ana).await, Erased::Done);
    let canceled = message(&store, waits.message.id).await;
    assert_eq!((canceled.status, canceled.text.as_str()), (Status::Canceled, ""));
    assert_eq!(claim(&store, &database, 100, 10).await, []);
    // What becomes of the other is still told.
    store.observe(database.report(Some(part.id), "SM2", Status::Delivered, 60)).await.unwrap();
    assert_eq!(message(&store, sent.message.id).await.status, Status::Delivered);
}

async fn who_opted_out_and_is_erased_is_sent_nothing(database: Database) {
    let store = database.store().await;
    store.gate_by(rules("scope = 'business'"));
    let other = "+529981112266";
    let new = NewContact {
        id: ContactId(database.id()),
        name: Some("Ana".to_owned()),
        attributes: std::collections::BTreeMap::new(),
        addresses: [ANA, other].map(Address::received).to_vec(),
        at: at(1),
    };
    let ContactMade::Done(ana) = store.create_contact(new, act(1)).await.unwrap() else { panic!("not made") };
    let consent = Some(Consent { choice: Choice::OptedOut, source: Source::Message, code: None });
    let (_, who) = processed_too(&store, NewInbound { consent, ..database.inbound("SM1", ANA) }).await;
    assert_eq!(who, ana.id);
    assert_eq!(erase(&store, &database, ana.id).await, Erased::Done);
    for address in [ANA, other] {
        let submitted = store.submit(database.submission(address, &["oferta"])).await.unwrap();
        assert!(matches!(submitted, Submitted::Refused { kept: None, .. }), "{address}: {submitted:?}");
    }
    assert!(matches!(store.submit(database.submission(LUIS, &["oferta"])).await.unwrap(), Submitted::Stored(_)));
}

async fn what_is_refused_of_an_erased_person_is_not_kept_with_them(database: Database) {
    let store = database.store().await;
    store.gate_by(rules("[quiet_hours]\nfrom = '00:00'\nto = '23:59'\naction = 'refuse'"));
    let (heard, ana) = heard(&store, &database, ANA, "hola").await;
    let theirs = message(&store, heard.id).await.conversation_id;
    assert_eq!(erase(&store, &database, ana).await, Erased::Done);
    // By now the number may be anybody's.
    let submitted = store.submit(database.submission(ANA, &["oferta"])).await.unwrap();
    let Submitted::Refused { kept: Some(id), .. } = submitted else { panic!("not kept: {submitted:?}") };
    assert_ne!(message(&store, id).await.conversation_id, theirs);
}

async fn texts_go_in_steps_and_files_before_their_rows(database: Database) {
    let store = database.store().await;
    let (mut ids, mut ana) = (Vec::new(), None);
    for number in 0..5 {
        let (text, contact) = heard(&store, &database, ANA, &format!("texto {number}")).await;
        ids.push(text.id);
        ana = Some(contact);
    }
    let ana = ana.unwrap();
    let (other, _) = heard(&store, &database, LUIS, "hola").await;
    // Files of hers alone, one that another has, too, and one that others are to get. Of the last two it is not known
    // that nobody else has them: one was used once more, the other, which came from her, is kept for others.
    let token = |digest: &str| digest.repeat(24);
    let rows = [(ids[0], 0, "aa"), (ids[1], 0, "bb"), (other.id, 0, "bb"), (ids[2], 0, "cc"), (ids[3], 0, "dd")];
    for (message, position, digest) in rows.into_iter().chain([(ids[4], 0, "ee"), (ids[4], 1, "ff")]) {
        let row = entities::media::ActiveModel {
            message_id: sea_orm::Set(message.0),
            position: sea_orm::Set(position),
            url: sea_orm::Set(format!("https://example.mx/media/{}/a", token(digest))),
            content_type: sea_orm::Set(None),
            state: sea_orm::Set("stored".to_owned()),
            digest: sea_orm::Set(Some(digest.to_owned())),
            bytes: sea_orm::Set(Some(1)),
            sniffed_type: sea_orm::Set(None),
            tries: sea_orm::Set(0),
            due_at: sea_orm::Set(None),
            error: sea_orm::Set(None),
        };
        entities::media::Entity::insert(row).exec_without_returning(&database.directly().await).await.unwrap();
    }
    let file = |digest: &str| StoredFile { digest: digest.to_owned(), bytes: 1, content_type: "image/png".to_owned() };
    let uploads = ["bb", "cc", "dd", "ee", "ff"].map(|digest| (digest, database.id()));
    for (digest, id) in uploads {
        store.create_upload(id, file(digest), at(0)).await.unwrap();
        let hash = token_hash(&token(digest));
        let link = Link { hash, name: "a".to_owned(), file: file(digest), expires_at: at(99) };
        let links = if digest == "ff" { vec![] } else { vec![link] };
        let used = if digest == "ff" { [].into() } else { [id].into() };
        assert_eq!(store.publish(links, used, at(0)).await.unwrap(), None);
    }
    assert_eq!(store.publish(Vec::new(), [uploads[3].1].into(), at(0)).await.unwrap(), None);
    let bulk = NewBulk {
        id: database.id(),
        name: None,
        content: serde_json::json!({ "media": [format!("media:{}", uploads[2].1)] }),
        send_at: None,
        idempotency: None,
        recipients: Vec::new(),
        at: at(0),
    };
    store.take_bulk(bulk, act(0)).await.unwrap();
    let step = async |files_are_gone| {
        let step = Erasure { limit: 2, files_are_gone, ..erasure(ana, None) };
        store.erase_contact(step, act(50)).await.unwrap()
    };
    assert_eq!(step(false).await, Erased::Some);
    assert_eq!(step(false).await, Erased::Some);
    assert!(store.contact(ana).await.unwrap().is_some(), "a crash here leaves somebody to be erased");
    let files = Erased::Files(vec!["aa".to_owned(), "cc".to_owned()]);
    assert_eq!(step(false).await, files);
    let mut left = Vec::new();
    for (digest, id) in uploads {
        let link = store.link(&token_hash(&token(digest)), at(1)).await.unwrap();
        left.push((store.upload(id).await.unwrap().is_some(), link.is_some()));
    }
    let (both, none) = ((true, true), (false, false));
    assert_eq!(left, [both, none, both, both, (true, false)], "what was for her alone is sent to nobody");
    assert_eq!(step(false).await, files, "a crash here leaves files to be removed");
    assert_eq!(step(true).await, Erased::Done);
    let kept = entities::media::Entity::find().filter(entities::media::Column::Digest.is_not_null());
    assert_eq!(kept.count(&store.reads).await.unwrap(), 1);
    // Whoever has them lets go of them later.
    let dropped = store.dropped_files("", 10).await.unwrap();
    let dropped: Vec<(&str, bool)> = dropped.iter().map(|file| (file.digest.as_str(), file.is_had)).collect();
    let had = ["bb", "dd", "ee", "ff"].map(|digest| (digest, true));
    assert_eq!(dropped, [&[("aa", false)][..], &had[..1], &[("cc", false)], &had[1..]].concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_looked_for_in_all_that_is_stored() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    let (store, statements) = database.heard().await;
    store.gate_by(rules("scope = 'business'"));
    let (_, ana) = heard(&store, &database, ANA, "hola").await;
    store.submit(database.submission(ANA, &["one"])).await.unwrap();
    assert_eq!(erase(&store, &database, ana).await, Erased::Done);
    let found = objections(&statements, &database).await;
    assert!(found.is_empty(), "{} go through too much:\n{}", found.len(), found.join("\n"));
}
