//! People: put down, changed, brought along, merged.

use std::collections::BTreeMap;

use sea_orm::EntityTrait;

use super::*;
use crate::gate::Refusal;
use crate::message::ConversationStatus;
use crate::store::{
    Changed, ContactChange, ContactChanged, ContactFilter, ContactLine, ContactMade, ConversationChange, InboxFilter,
    KnownContact, LineCame, MOST_ATTRIBUTES, Merge, NewContact, entities,
};

on_both!(
    somebody_is_put_down_once_and_found_by_what_is_known,
    what_is_noted_is_changed_by_whoever_knows_how_it_stands,
    two_who_are_one_become_one,
    two_become_one_as_both_were_seen,
    what_plugins_remember_of_both_is_remembered_of_the_one_who_stays,
    what_was_decided_before_a_merge_is_decided_again,
    an_opting_out_of_either_counts_for_both,
    a_list_is_taken_once,
    a_conversation_is_changed_by_whoever_knows_how_it_stands,
);

/// Of a telegram account.
const TELEGRAM: &str = "telegram:77";

fn noted(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn addresses(all: &[&str]) -> Vec<Address> {
    all.iter().map(|address| Address::received(address)).collect()
}

pub(super) async fn made(store: &Store, database: &Database, name: Option<&str>, theirs: &[&str]) -> KnownContact {
    let new = NewContact {
        id: ContactId(database.id()),
        name: name.map(str::to_owned),
        attributes: noted(&[]),
        addresses: addresses(theirs),
        at: at(1),
    };
    match store.create_contact(new, act(1)).await.unwrap() {
        ContactMade::Done(contact) => contact,
        taken @ ContactMade::Taken { .. } => panic!("{taken:?}"),
    }
}

async fn known(store: &Store, id: ContactId) -> KnownContact {
    store.contact(id).await.unwrap().unwrap().contact
}

#[expect(clippy::option_option, reason = "no name is another thing than the same name")]
pub(super) async fn change(
    store: &Store,
    id: ContactId,
    name: Option<Option<&str>>,
    attributes: &[(&str, Option<&str>)],
    expected: Option<String>,
) -> ContactChanged {
    let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
    let name = name.map(|name| name.map(str::to_owned));
    store.change_contact(ContactChange { id, name, attributes, expected, at: at(2) }, act(2)).await.unwrap()
}

pub(super) async fn merge(store: &Store, database: &Database, into: ContactId, from: ContactId) -> ContactChanged {
    // Its id is the moment to plugins' state.
    let act = Act { id: database.id(), ..act(9) };
    store.merge_contacts(Merge { into, from, expected: None, expected_from: None, at: at(9) }, act).await.unwrap()
}

async fn actions(store: &Store) -> usize {
    store.audit_entries(None, 100).await.unwrap().items.len()
}

async fn somebody_is_put_down_once_and_found_by_what_is_known(database: Database) {
    let store = database.store().await;
    let ana = made(&store, &database, Some("Ana 100%"), &[ANA, TELEGRAM, ANA]).await;
    assert_eq!(ana.addresses, addresses(&[ANA, TELEGRAM]));
    let again = NewContact {
        id: ContactId(database.id()),
        name: None,
        attributes: noted(&[]),
        addresses: addresses(&[LUIS, ANA]),
        at: at(1),
    };
    let taken = ContactMade::Taken { address: Address::received(ANA), by: ana.id };
    assert_eq!(store.create_contact(again, act(1)).await.unwrap(), taken);
    assert_eq!(actions(&store).await, 1, "what came to nothing is not on record");
    // Whoever writes is the one who was put down.
    let text = database.inbound("SM1", ANA);
    store.record(text.clone()).await.unwrap();
    assert_eq!(only_conversation(&store).await.contact_id, ana.id);
    store.record(database.inbound("SM2", LUIS)).await.unwrap();
    let found = async |search: Option<&str>, address: Option<&str>| {
        let (search, address) = (search.map(str::to_owned), address.map(Address::received));
        let filter = ContactFilter { search, address, attribute: None };
        let page = store.contacts(&filter, None, 10).await.unwrap();
        page.items.into_iter().map(|contact| contact.addresses[0].as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found(None, None).await, [LUIS, ANA]);
    assert_eq!(found(Some("998 111-22"), None).await, [LUIS, ANA]);
    assert_eq!(found(Some("gram:7"), None).await, [ANA]);
    assert_eq!(found(Some("100%"), None).await, [ANA]);
    assert_eq!(found(Some("%\0"), None).await, [ANA], "no wildcard");
    assert_eq!(found(Some("_"), None).await, [] as [&str; 0]);
    assert_eq!(found(None, Some(LUIS)).await, [LUIS]);
    let first = store.contacts(&ContactFilter::default(), None, 1).await.unwrap();
    let second = store.contacts(&ContactFilter::default(), first.next, 1).await.unwrap();
    assert_eq!((second.items[0].id, second.next), (ana.id, None));
    change(&store, ana.id, Some(Some("Ángel MUÑOZ [*] \\Ömer")), &[], None).await;
    let inbox = async |piece: &str| {
        let filter = InboxFilter { search: Some(piece.to_owned()), ..InboxFilter::default() };
        store.inbox(&filter, None, 10).await.unwrap().0.len()
    };
    for piece in ["Ángel", "ángel", "ANGEL", "muñoz", "Munoz", "z [*] \\", "omer"] {
        assert_eq!(
            (found(Some(piece), None).await.as_slice(), inbox(piece).await),
            ([ANA.to_owned()].as_slice(), 1),
            "{piece}"
        );
    }
    for piece in ["Engel", "a*z", "[*]*", ".ngel", "?ngel", &"a".repeat(60_000)] {
        assert_eq!((found(Some(piece), None).await.len(), inbox(piece).await), (0, 0), "{piece}");
    }
}

async fn what_is_noted_is_changed_by_whoever_knows_how_it_stands(database: Database) {
    let store = database.store().await;
    let ana = made(&store, &database, None, &[ANA]).await;
    let mark = ana.mark();
    let changed = change(&store, ana.id, Some(Some("Ana\0")), &[("city", Some("Cancún")), ("x", None)], None).await;
    let ContactChanged::Done(now) = changed else { panic!("{changed:?}") };
    assert_eq!((now.name.as_deref(), &now.attributes), (Some("Ana\u{FFFD}"), &noted(&[("city", "Cancún")])));
    assert_eq!(now, known(&store, ana.id).await);
    assert_ne!(now.mark(), mark);
    let late = change(&store, ana.id, None, &[("city", Some("Mérida"))], Some(mark)).await;
    assert_eq!(late, ContactChanged::Mismatch);
    let same = change(&store, ana.id, None, &[("city", Some("Cancún"))], Some(now.mark())).await;
    assert_eq!(same, ContactChanged::Same(now.clone()));
    assert_eq!(actions(&store).await, 2, "putting down and one change");
    let many: Vec<String> = (0..MOST_ATTRIBUTES).map(|number| number.to_string()).collect();
    let many: Vec<(&str, Option<&str>)> = many.iter().map(|name| (name.as_str(), Some("x"))).collect();
    assert_eq!(change(&store, ana.id, None, &many, None).await, ContactChanged::TooMany);
    let none = change(&store, ana.id, Some(None), &[("city", None)], None).await;
    assert!(matches!(&none, ContactChanged::Done(now) if now.name.is_none() && now.attributes.is_empty()), "{none:?}");
    assert_eq!(change(&store, ContactId(database.id()), None, &[], None).await, ContactChanged::NotFound);
}

async fn two_who_are_one_become_one(database: Database) {
    let store = database.store().await;
    for (number, sender) in [ANA, TELEGRAM, LUIS].into_iter().enumerate() {
        store.record(database.inbound(&format!("SM{number}"), sender)).await.unwrap();
    }
    let of = async |address: &str| {
        let filter = ContactFilter { address: Some(Address::received(address)), ..ContactFilter::default() };
        store.contacts(&filter, None, 2).await.unwrap().items.remove(0).id
    };
    let (ana, telegram, luis) = (of(ANA).await, of(TELEGRAM).await, of(LUIS).await);
    change(&store, ana, None, &[("city", Some("Cancún"))], None).await;
    change(&store, telegram, Some(Some("Ana")), &[("city", Some("Mérida")), ("size", Some("M"))], None).await;

    let done = merge(&store, &database, ana, telegram).await;
    let ContactChanged::Done(now) = done else { panic!("{done:?}") };
    assert_eq!((now.id, now.name.as_deref(), &now.merged), (ana, Some("Ana"), &vec![telegram]));
    assert_eq!(now.attributes, noted(&[("city", "Cancún"), ("size", "M")]), "its own counts");
    assert_eq!(now.addresses, addresses(&[ANA, TELEGRAM]));
    let shown = store.contact(telegram).await.unwrap().unwrap();
    assert_eq!((shown.contact, shown.conversations.len()), (now.clone(), 2), "the other's id stands for it");
    assert_eq!(merge(&store, &database, ana, telegram).await, ContactChanged::Same(now));
    // By whatever id, and on: whom somebody stood for may be merged as well.
    let done = merge(&store, &database, luis, telegram).await;
    assert!(matches!(&done, ContactChanged::Done(now) if now.merged == [ana, telegram]), "{done:?}");
    assert_eq!((known(&store, telegram).await.id, known(&store, ana).await.id), (luis, luis));
    assert_eq!(store.contacts(&ContactFilter::default(), None, 10).await.unwrap().items.len(), 1);
    // Whoever writes again is the same one.
    store.record(database.inbound("SM9", TELEGRAM)).await.unwrap();
    for conversation in store.conversations_of(&InboxFilter::default(), None, 10).await.unwrap().items {
        assert_eq!(conversation.contact_id, luis);
    }
    let nobody = ContactId(database.id());
    assert_eq!(merge(&store, &database, nobody, luis).await, ContactChanged::NotFound);
    assert_eq!(merge(&store, &database, luis, nobody).await, ContactChanged::OtherNotFound);
}

async fn two_become_one_as_both_were_seen(database: Database) {
    let store = database.store().await;
    let ana = made(&store, &database, Some("Ana"), &[ANA]).await;
    let luis = made(&store, &database, None, &[LUIS]).await;
    let merge = async |into: String, from: String| {
        let act = Act { id: database.id(), ..act(9) };
        let (expected, expected_from) = (Some(into), Some(from));
        let merge = Merge { into: ana.id, from: luis.id, expected, expected_from, at: at(9) };
        store.merge_contacts(merge, act).await.unwrap()
    };
    change(&store, luis.id, None, &[("size", Some("M"))], None).await;
    let now = known(&store, luis.id).await;
    let before = actions(&store).await;
    assert_eq!(merge(ana.mark(), luis.mark()).await, ContactChanged::Mismatch, "the one that goes has changed");
    assert_eq!(merge(luis.mark(), now.mark()).await, ContactChanged::Mismatch);
    assert_eq!((known(&store, luis.id).await, actions(&store).await), (now.clone(), before), "nothing is done");
    let done = merge(ana.mark(), now.mark()).await;
    assert!(matches!(&done, ContactChanged::Done(one) if one.merged == [luis.id]), "{done:?}");
}

/// A text of somebody, and what it comes to when nobody has anything to say.
async fn asked(store: &Store, database: &Database, sender: &str) -> Processed {
    let new = database.inbound(&database.id().to_string(), sender);
    store.record(new.clone()).await.unwrap();
    let open = store.open_thread("sms", &Address::received(sender)).await.unwrap().unwrap();
    Processed { contact_id: open.contact.id, ..processed(&new, open.conversation.id) }
}

fn state(database: &Database, subject: ContactId, key: &str, value: &str) -> StateChange {
    let key = StateKey { plugin: "counter".to_owned(), scope: "contact", subject: subject.0, key: key.to_owned() };
    let change = Change::Set { value: value.to_owned(), expires_at: None };
    StateChange { key, change, seen: None, version: database.id() }
}

async fn remembered(store: &Store, of: ContactId, key: &str) -> Option<String> {
    let key = StateKey { plugin: "counter".to_owned(), scope: "contact", subject: of.0, key: key.to_owned() };
    store.recall(&key, at(20)).await.unwrap().map(|found| found.value)
}

async fn what_plugins_remember_of_both_is_remembered_of_the_one_who_stays(database: Database) {
    let store = database.store().await;
    let ana = asked(&store, &database, ANA).await;
    let luis = asked(&store, &database, LUIS).await;
    let (one, other) = (ana.contact_id, luis.contact_id);
    let of_ana = vec![state(&database, one, "both", "of ana")];
    let of_luis = vec![state(&database, other, "both", "of luis"), state(&database, other, "own", "of luis")];
    assert_eq!(store.commit(Processed { state: of_ana, ..ana }).await.unwrap(), Committed::Done);
    assert_eq!(store.commit(Processed { state: of_luis, ..luis }).await.unwrap(), Committed::Done);
    merge(&store, &database, one, other).await;
    assert_eq!(remembered(&store, one, "both").await.as_deref(), Some("of ana"));
    assert_eq!(remembered(&store, one, "own").await.as_deref(), Some("of luis"));
    assert_eq!(remembered(&store, other, "own").await, None);
}

async fn what_was_decided_before_a_merge_is_decided_again(database: Database) {
    let store = database.store().await;
    let ana = asked(&store, &database, ANA).await.contact_id;
    let decided = asked(&store, &database, LUIS).await;
    let luis = decided.contact_id;
    merge(&store, &database, ana, luis).await;
    let attributes = [("city".to_owned(), Some("Cancún".to_owned()))].into();
    let late = Processed { attributes, state: vec![state(&database, luis, "own", "late")], ..decided.clone() };
    assert_eq!(store.commit(late.clone()).await.unwrap(), Committed::Stale);
    let again = Processed { state: vec![state(&database, ana, "own", "again")], ..late };
    assert_eq!(store.commit(again).await.unwrap(), Committed::Done);
    assert_eq!(remembered(&store, ana, "own").await.as_deref(), Some("again"));
    assert_eq!(known(&store, ana).await.attributes, noted(&[("city", "Cancún")]), "of whom it is about now");
}

async fn an_opting_out_of_either_counts_for_both(database: Database) {
    let store = database.store().await;
    store.gate_by(gate::rules("scope = 'business'"));
    let of = |recipient: &str| database.submission(recipient, &["hola"]);
    let waits = of(ANA);
    store.submit(waits.clone()).await.unwrap();
    store.record(gate::says(&database, LUIS, crate::message::consent::Keyword::OptOut, 3)).await.unwrap();
    let find = async |address: &str| {
        let filter = ContactFilter { address: Some(Address::received(address)), ..ContactFilter::default() };
        store.contacts(&filter, None, 2).await.unwrap().items.remove(0).id
    };
    assert!(matches!(store.submit(of(ANA)).await.unwrap(), Submitted::Stored(_)), "they are two");
    let (ana, luis) = (find(ANA).await, find(LUIS).await);
    merge(&store, &database, ana, luis).await;
    let refusal = Refusal::OptedOut { since: at(3), everywhere: true };
    for address in [ANA, LUIS] {
        assert_eq!(store.submit(of(address)).await.unwrap().refusal(), Some(&refusal), "{address}");
    }
    assert_eq!(status(&store, waits.message.id).await, Status::Failed, "what waited has ended");
    assert_eq!(claim(&store, &database, 10, 10).await, []);
    let shown = store.contact(ana).await.unwrap().unwrap();
    assert_eq!(shown.consents.iter().map(|consent| consent.address.as_str()).collect::<Vec<_>>(), [LUIS]);
}

async fn a_list_is_taken_once(database: Database) {
    let store = database.store().await;
    let ana = made(&store, &database, Some("Ana"), &[ANA]).await;
    let before = actions(&store).await;
    let line = |address: &str, name: Option<&str>, pairs: &[(&str, &str)]| ContactLine {
        id: ContactId(database.id()),
        address: Address::received(address),
        name: name.map(str::to_owned),
        attributes: noted(pairs),
    };
    let list = || {
        vec![
            line(ANA, Some("Ana López"), &[("city", "Cancún")]),
            line(LUIS, None, &[]),
            line(LUIS, Some("Luis"), &[]),
            line(ANA, None, &[("city", "Cancún")]),
        ]
    };
    let import = async |lines, dry_run| store.import_contacts(lines, dry_run, act(5)).await.unwrap();
    let lines = list();
    let luis = lines[1].id;
    let expected = |luis| {
        vec![
            LineCame::Changed { id: ana.id, what: vec!["name".to_owned(), "city".to_owned()] },
            LineCame::Created,
            LineCame::Changed { id: luis, what: vec!["name".to_owned()] },
            LineCame::Known { id: ana.id },
        ]
    };
    assert_eq!(import(lines.clone(), true).await, expected(luis));
    assert_eq!((known(&store, ana.id).await, actions(&store).await), (ana.clone(), before), "nothing changed");
    assert_eq!(import(lines, false).await, expected(luis));
    let now = known(&store, ana.id).await;
    assert_eq!((now.name.as_deref(), &now.attributes), (Some("Ana López"), &noted(&[("city", "Cancún")])));
    assert_eq!(known(&store, luis).await.name.as_deref(), Some("Luis"));
    assert_eq!(actions(&store).await, before + 1);
    let once = vec![line(ANA, Some("Ana López"), &[("city", "Cancún")]), line(LUIS, Some("Luis"), &[])];
    let expected = [LineCame::Known { id: ana.id }, LineCame::Known { id: luis }];
    assert_eq!(import(once, false).await, expected);
    assert_eq!(
        (known(&store, ana.id).await, actions(&store).await),
        (now, before + 1),
        "the same again changes nothing"
    );
    let rows = entities::contacts::Entity::find().all(&store.reads).await.unwrap();
    assert_eq!(rows.len(), 2);
    let many: Vec<String> = (0..MOST_ATTRIBUTES).map(|number| number.to_string()).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "x")).collect();
    assert_eq!(import(vec![line(ANA, None, &many)], false).await, [LineCame::TooMany { id: ana.id }]);
    let as_they_were = known(&store, ana.id).await;
    let twice = vec![line(ANA, Some("Ana"), &[]), line(ANA, Some("Ana López"), &[])];
    store.import_contacts(twice, false, act(9)).await.unwrap();
    assert_eq!(known(&store, ana.id).await, as_they_were, "who is as before at the end of a list was not changed");
}

async fn a_conversation_is_changed_by_whoever_knows_how_it_stands(database: Database) {
    let store = database.store().await;
    store.record(database.inbound("SM1", ANA)).await.unwrap();
    let conversation = only_conversation(&store).await;
    let mark = conversation.mark();
    store.record(NewInbound { received_at: at(1), ..database.inbound("SM2", ANA) }).await.unwrap();
    let close = || ConversationChange {
        status: Some(ConversationStatus::Closed),
        subject: Some("Pedido\0".to_owned()),
        ..ConversationChange::of(conversation.id)
    };
    let change = async |mark| store.change_conversation(close(), mark, act(2)).await.unwrap();
    assert_eq!(change(Some(mark)).await, Changed::Mismatch, "somebody wrote meanwhile");
    assert_eq!(actions(&store).await, 0);
    let mark = only_conversation(&store).await.mark();
    assert_eq!(change(Some(mark)).await, Changed::Done);
    assert_eq!(change(None).await, Changed::Same);
    let now = only_conversation(&store).await;
    assert_eq!((now.status, now.subject.as_str()), (ConversationStatus::Closed, "Pedido\u{FFFD}"));
    assert_eq!(actions(&store).await, 1);
}
