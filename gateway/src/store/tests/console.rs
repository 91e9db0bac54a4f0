//! People, their sessions, and what they do by hand.

use jiff::SignedDuration;

use super::*;
use crate::message::consent::Keyword;
use crate::message::{ConversationStatus, Direction, Locale};
use crate::store::{
    CONSOLE_KEY, CONSOLE_KEY_HASH, Changed, ConversationChange, InboxFilter, NewSession, NewUser, Role,
};

on_both!(
    a_name_is_one_persons_and_sessions_end_with_the_password,
    sessions_that_are_over_are_forgotten,
    the_inbox_is_in_the_order_of_what_happened,
    what_is_closed_is_among_the_others_by_when_it_happened,
    what_is_looked_for_is_found_whatever_is_in_it,
    what_was_said_lately_is_found,
    a_conversation_is_changed_by_hand,
    one_that_was_closed_is_opened_only_where_no_other_is,
    what_is_written_is_signed,
    volume_is_counted_by_day_and_outcome,
);

async fn user(store: &Store, database: &Database, name: &str) -> Uuid {
    let id = database.id();
    let new = NewUser {
        id,
        name: name.to_owned(),
        password: "$argon2id$".to_owned(),
        role: Role::Agent,
        locale: Locale::Es,
        at: at(0),
    };
    assert!(store.create_user(new.clone(), act(0)).await.unwrap());
    assert!(!store.create_user(NewUser { id: database.id(), ..new }, act(0)).await.unwrap(), "there is one");
    id
}

fn session(user_id: Uuid, hash: &str, seconds: i64, expires: i64) -> NewSession {
    NewSession { hash: hash.to_owned(), user_id, csrf: "c".to_owned(), at: at(seconds), expires_at: at(expires) }
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

async fn a_name_is_one_persons_and_sessions_end_with_the_password(database: Database) {
    let store = database.store().await;
    let id = user(&store, &database, "ana").await;
    let other = user(&store, &database, "luis").await;
    store.begin_session(session(id, "a", 1, 100), HOUR).await.unwrap();
    store.begin_session(session(other, "b", 1, 100), HOUR).await.unwrap();
    let ana = store.session("a").await.unwrap().unwrap();
    assert_eq!((ana.user.name.as_str(), ana.user.role, ana.expires_at), ("ana", Role::Agent, at(100)));
    store.see_session("a", at(9)).await.unwrap();
    assert_eq!(store.session("a").await.unwrap().unwrap().seen_at, at(9));
    assert_eq!(store.session("c").await.unwrap(), None);

    assert!(store.set_password(id, "another".to_owned(), act(1)).await.unwrap());
    assert_eq!(store.session("a").await.unwrap(), None);
    assert!(store.session("b").await.unwrap().is_some(), "others stay");
    assert!(store.disable_user(other, Some(at(10)), act(1)).await.unwrap());
    assert_eq!(store.session("b").await.unwrap(), None);
    // A session that was begun at the same moment lets nobody in either.
    store.begin_session(session(other, "d", 10, 100), HOUR).await.unwrap();
    assert_eq!(store.session("d").await.unwrap(), None);
    assert!(store.disable_user(other, None, act(1)).await.unwrap());
    assert!(
        store.set_role(other, Role::Owner, act(1)).await.unwrap() && store.set_locale(other, Locale::En).await.unwrap()
    );
    let luis = store.user_named("luis").await.unwrap().unwrap();
    assert_eq!((luis.role, luis.locale, luis.disabled_at), (Role::Owner, Locale::En, None));
    assert!(!store.set_role(database.id(), Role::Owner, act(1)).await.unwrap(), "nobody");
    // What was so before is not on record again.
    let entries = async || store.audit_entries(None, 100).await.unwrap().items.len();
    let before = entries().await;
    assert!(store.set_role(other, Role::Owner, act(1)).await.unwrap());
    assert!(store.disable_user(other, None, act(1)).await.unwrap());
    assert_eq!(entries().await, before);
    let names: Vec<String> = store.users().await.unwrap().into_iter().map(|user| user.name).collect();
    assert_eq!(names, ["ana", "luis"]);
}

async fn sessions_that_are_over_are_forgotten(database: Database) {
    let store = database.store().await;
    let id = user(&store, &database, "ana").await;
    store.begin_session(session(id, "over", 0, 10), HOUR).await.unwrap();
    store.begin_session(session(id, "idle", 0, 100_000), HOUR).await.unwrap();
    store.begin_session(session(id, "new", 3_700, 100_000), HOUR).await.unwrap();
    assert_eq!(store.session("over").await.unwrap(), None);
    assert_eq!(store.session("idle").await.unwrap(), None);
    store.end_session("new").await.unwrap();
    assert_eq!(store.session("new").await.unwrap(), None);
}

/// Records a text of somebody at that second.
async fn heard(store: &Store, database: &Database, sender: &str, text: &str, seconds: i64) -> ConversationId {
    let new = NewInbound { text: text.to_owned(), received_at: at(seconds), ..database.inbound(text, sender) };
    let id = new.id;
    store.record(new).await.unwrap();
    message(store, id).await.conversation_id
}

async fn texts(store: &Store, filter: &InboxFilter) -> Vec<String> {
    let (rows, _) = store.inbox(filter, None, 50).await.unwrap();
    rows.into_iter().map(|row| row.last.unwrap().text).collect()
}

/// The same, one after the other.
async fn paged(store: &Store, filter: &InboxFilter) -> Vec<String> {
    let (mut after, mut paged) = (None, Vec::new());
    loop {
        let (rows, next) = store.inbox(filter, after, 1).await.unwrap();
        paged.extend(rows.into_iter().map(|row| row.last.unwrap().text));
        if next.is_none() {
            return paged;
        }
        after = next;
    }
}

async fn what_is_closed_is_among_the_others_by_when_it_happened(database: Database) {
    let store = database.store().await;
    let mut conversations = Vec::new();
    for (number, sender) in [ANA, LUIS, "+529981112255", "+529981112266"].into_iter().enumerate() {
        // Two of them at the same moment.
        let seconds = i64::try_from(number / 2).unwrap();
        conversations.push(heard(&store, &database, sender, &format!("text {number}"), seconds).await);
    }
    for closed in [conversations[0], conversations[3]] {
        let closing = Some(ConversationStatus::Closed);
        let wanted = ConversationChange { status: closing, ..ConversationChange::of(closed) };
        assert_eq!(store.change_conversation(wanted, None, act(9)).await.unwrap(), Changed::Done);
    }
    let status = Some(ConversationStatus::Closed);
    let cases: [(InboxFilter, &[&str]); 4] = [
        (InboxFilter::default(), &["text 3", "text 2", "text 1", "text 0"]),
        (InboxFilter { open: true, ..InboxFilter::default() }, &["text 2", "text 1"]),
        (InboxFilter { status, open: true, ..InboxFilter::default() }, &["text 3", "text 0"]),
        (InboxFilter { status: Some(ConversationStatus::Pending), ..InboxFilter::default() }, &["text 2", "text 1"]),
    ];
    for (filter, expected) in cases {
        assert_eq!(texts(&store, &filter).await, expected, "{filter:?}");
        assert_eq!(paged(&store, &filter).await, expected, "{filter:?}, page by page");
    }
}

async fn the_inbox_is_in_the_order_of_what_happened(database: Database) {
    let store = database.store().await;
    for (number, sender) in [ANA, LUIS, "+529981112255", "+529981112266"].into_iter().enumerate() {
        // Two of them at the same moment.
        let seconds = i64::try_from(number / 2).unwrap();
        heard(&store, &database, sender, &format!("text {number}"), seconds).await;
    }
    heard(&store, &database, ANA, "again", 9).await;
    let all = InboxFilter { open: true, ..InboxFilter::default() };
    assert_eq!(texts(&store, &all).await, ["again", "text 3", "text 2", "text 1"]);
    assert_eq!(paged(&store, &all).await, texts(&store, &all).await, "page by page it is the same");
    store.submit(database.submission(LUIS, &["ours"])).await.unwrap();
    let (rows, _) = store.inbox(&all, None, 50).await.unwrap();
    let luis = rows.iter().find(|row| row.conversation.address.as_str() == LUIS).unwrap();
    let last = luis.last.as_ref().unwrap();
    assert_eq!((last.text.as_str(), last.direction, last.status), ("ours", Direction::Outbound, Status::Pending));
}

async fn what_is_looked_for_is_found_whatever_is_in_it(database: Database) {
    let store = database.store().await;
    let ana = heard(&store, &database, ANA, "ana", 1).await;
    heard(&store, &database, LUIS, "luis", 2).await;
    let tags = ["50%_\"off\"", "año\\"].map(str::to_owned).to_vec();
    let wanted =
        ConversationChange { tag: tags, assignee: Some(Some("eva".to_owned())), ..ConversationChange::of(ana) };
    assert_eq!(store.change_conversation(wanted, None, act(3)).await.unwrap(), Changed::Done);
    store.read_conversation(ana, at(3)).await.unwrap();
    let by = |change: fn(&mut InboxFilter)| {
        let mut filter = InboxFilter::default();
        change(&mut filter);
        filter
    };
    let cases: [(InboxFilter, &[&str]); 14] = [
        (by(|filter| filter.tag = Some("50%_\"off\"".to_owned())), &["ana"]),
        (by(|filter| filter.tag = Some("año\\".to_owned())), &["ana"]),
        (by(|filter| filter.tag = Some("50%".to_owned())), &[]),
        (by(|filter| filter.tag = Some("%".to_owned())), &[]),
        (by(|filter| filter.assignee = Some("eva".to_owned())), &["ana"]),
        (by(|filter| filter.assignee = Some(String::new())), &["luis"]),
        (by(|filter| filter.unread = true), &["luis"]),
        (by(|filter| filter.channel = Some("sms".to_owned())), &["luis", "ana"]),
        (by(|filter| filter.channel = Some("other".to_owned())), &[]),
        (by(|filter| filter.search = Some("998 111-22 33".to_owned())), &["ana"]),
        (by(|filter| filter.search = Some("99811122".to_owned())), &["luis", "ana"]),
        (by(|filter| filter.search = Some("_".to_owned())), &[]),
        (by(|filter| filter.search = Some("'; DROP TABLE users; --\0".to_owned())), &[]),
        (by(|filter| filter.status = Some(ConversationStatus::Closed)), &[]),
    ];
    for (filter, expected) in cases {
        assert_eq!(texts(&store, &filter).await, expected, "{filter:?}");
    }
}

async fn what_was_said_lately_is_found(database: Database) {
    let store = database.store().await;
    let ana = heard(&store, &database, ANA, "¿Abren MAÑANA?", 1).await;
    heard(&store, &database, ANA, "adiós", 2).await;
    heard(&store, &database, LUIS, "mañana, 50% menos", 3).await;
    let found = async |piece: &str| {
        let filter = InboxFilter { search: Some(piece.to_owned()), ..InboxFilter::default() };
        let begun = store.conversations_of(&filter, None, 50).await.unwrap().items.len();
        let (rows, _) = store.inbox(&filter, None, 50).await.unwrap();
        assert_eq!(rows.len(), begun, "in either order");
        rows.into_iter().map(|row| row.said.unwrap_or_default()).collect::<Vec<_>>()
    };
    let both = ["mañana, 50% menos", "¿Abren MAÑANA?"];
    for piece in ["mañana", " MaÑaNa", "\0aña", "manana", "MÁÑ"] {
        assert_eq!(found(piece).await, both, "{piece}");
    }
    assert_eq!(found("50% M").await, both[..1]);
    let filtered = async |filter: InboxFilter| {
        let filter = InboxFilter { search: Some("mañana".to_owned()), ..filter };
        store.inbox(&filter, None, 50).await.unwrap().0.len()
    };
    let contact = Some(store.conversation(ana).await.unwrap().unwrap().contact_id);
    assert_eq!(filtered(InboxFilter { open: true, ..InboxFilter::default() }).await, 2);
    assert_eq!(filtered(InboxFilter { contact, channel: Some("sms".to_owned()), ..InboxFilter::default() }).await, 1);
    assert_eq!(filtered(InboxFilter { tag: Some("vip".to_owned()), ..InboxFilter::default() }).await, 0);
    assert_eq!(filtered(InboxFilter { but_texts: true, ..InboxFilter::default() }).await, 0);
    for piece in ["mañ_na", "a%e", "50", "nunca", "añ"] {
        assert_eq!(found(piece).await, [] as [&str; 0], "{piece}");
    }
    filtering::many_older(&database, ("sent", "arena"), ("sent", "perla")).await;
    assert_eq!(found("arena").await, ["arena"]);
    assert_eq!(found("perla").await, [] as [&str; 0], "nobody goes through all there is");
    let first = store.messages_from(ana, MessageId(Uuid::nil()), 1_000).await.unwrap();
    let first = first.iter().find(|message| message.text == both[1]).unwrap();
    let contact = store.conversation(ana).await.unwrap().unwrap().contact_id;
    store.commit(Processed::new(Cause::Message, first.id, ana, contact, at(5))).await.unwrap();
    assert_eq!(store.redact(first.id, at(9)).await.unwrap(), Redaction::Done);
    assert_eq!(found("mañana").await, both[..1]);
}

async fn a_conversation_is_changed_by_hand(database: Database) {
    let store = database.store().await;
    let id = heard(&store, &database, ANA, "hola", 1).await;
    let shown = async || store.conversation(id).await.unwrap().unwrap();
    assert!(store.read_conversation(id, at(2)).await.unwrap());
    assert!(!store.read_conversation(id, at(2)).await.unwrap(), "nothing was unread any more");
    assert_eq!(shown().await.unread, 0);
    let wanted = ConversationChange {
        status: Some(ConversationStatus::Active),
        assignee: Some(Some("eva".to_owned())),
        tag: vec!["a".to_owned(), "b".to_owned(), "a".to_owned()],
        ..ConversationChange::of(id)
    };
    assert_eq!(store.change_conversation(wanted, None, act(3)).await.unwrap(), Changed::Done);
    let wanted = ConversationChange { untag: vec!["a".to_owned()], ..ConversationChange::of(id) };
    assert_eq!(store.change_conversation(wanted, None, act(4)).await.unwrap(), Changed::Done);
    let now = shown().await;
    assert_eq!((now.status, now.assignee.as_deref()), (ConversationStatus::Active, Some("eva")), "as it was");
    assert_eq!(now.tags, ["b"]);
    let nobody = ConversationChange { assignee: Some(None), ..ConversationChange::of(id) };
    assert_eq!(store.change_conversation(nobody, None, act(5)).await.unwrap(), Changed::Done);
    assert_eq!(shown().await.assignee, None);
    let none = ConversationChange::of(ConversationId(database.id()));
    assert_eq!(store.change_conversation(none, None, act(5)).await.unwrap(), Changed::NotFound);
}

async fn one_that_was_closed_is_opened_only_where_no_other_is(database: Database) {
    let store = database.store().await;
    let id = heard(&store, &database, ANA, "hola", 1).await;
    let to = |id, status| ConversationChange { status: Some(status), ..ConversationChange::of(id) };
    let (closed, active) = (ConversationStatus::Closed, ConversationStatus::Active);
    for status in [closed, active, closed] {
        assert_eq!(store.change_conversation(to(id, status), None, act(2)).await.unwrap(), Changed::Done);
    }
    let another = heard(&store, &database, ANA, "otra vez", 3).await;
    assert_ne!(another, id);
    assert_eq!(store.change_conversation(to(id, active), None, act(4)).await.unwrap(), Changed::AnotherIsOpen(another));
    assert_eq!(store.conversation(id).await.unwrap().unwrap().status, closed);
    store.change_conversation(to(another, closed), None, act(5)).await.unwrap();
    assert_eq!(store.change_conversation(to(id, active), None, act(6)).await.unwrap(), Changed::Done);
}

async fn what_is_written_is_signed(database: Database) {
    let store = database.store().await;
    let [ana, luis] = [user(&store, &database, "ana").await, user(&store, &database, "luis").await];
    let submission = database.submission(ANA, &["hola"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    store.sign_message(id, ana).await.unwrap();
    store.sign_message(id, luis).await.unwrap();
    assert_eq!(store.authors(&[id]).await.unwrap(), [(id, "ana".to_owned())].into());
    let conversation = message(&store, id).await.conversation_id;
    for (note, who) in [("primera", ana), ("segunda\0", luis)] {
        assert!(store.add_note(database.id(), conversation, who, note.to_owned(), at(1)).await.unwrap());
    }
    let nowhere = ConversationId(database.id());
    assert!(!store.add_note(database.id(), nowhere, ana, "x".to_owned(), at(1)).await.unwrap());
    let notes: Vec<(String, String)> =
        store.notes(conversation).await.unwrap().into_iter().map(|note| (note.user, note.text)).collect();
    assert_eq!(notes[0], ("ana".to_owned(), "primera".to_owned()));
    assert_eq!(notes[1], ("luis".to_owned(), "segunda\u{FFFD}".to_owned()));
    assert_eq!(store.messages_from(conversation, id, 10).await.unwrap().len(), 1);

    // The key of the console is nobody's.
    store.create_key(new_key(CONSOLE_KEY, "console", CONSOLE_KEY_HASH), act(1)).await.unwrap();
    assert_eq!(store.keys().await.unwrap(), []);
}

async fn volume_is_counted_by_day_and_outcome(database: Database) {
    let store = database.store().await;
    for (number, seconds) in [0, 10, 86_400].into_iter().enumerate() {
        heard(&store, &database, ANA, &format!("text {number}"), seconds).await;
    }
    store.submit(database.submission(LUIS, &["ours"])).await.unwrap();
    let counted = store.volume(at(-60), 0).await.unwrap();
    let day = at(0).as_second() / 86_400;
    let shown: Vec<_> = counted.iter().map(|one| (one.day - day, one.direction, one.status, one.messages)).collect();
    assert_eq!(
        shown,
        [
            (0, Direction::Inbound, Status::Received, 2),
            (0, Direction::Outbound, Status::Pending, 1),
            (1, Direction::Inbound, Status::Received, 1),
        ]
    );
    assert_eq!(store.volume(at(5), 0).await.unwrap().len(), 2, "only what came then or later");
    let mut refused = database.submission(LUIS, &["no"]);
    refused.message.rejected = Some(Rejection::Plugin { plugin: "checks".to_owned(), problem: "no".to_owned() });
    store.submit(refused).await.unwrap();
    store.record(gate::says(&database, LUIS, Keyword::OptOut, 20)).await.unwrap();
    store.submit(database.submission(LUIS, &["nor this"])).await.unwrap();
    for (number, took) in [600, 2_000, 90_000, 99_000_000].into_iter().enumerate() {
        let delivered = database.submission(ANA, &[&format!("{number}")]);
        assert!(store.submit(delivered).await.unwrap().stored().is_some());
        let took = format!(
            "UPDATE messages SET status = 'delivered', delivered_at = created_at + {took} WHERE text = '{number}'"
        );
        database.directly().await.execute_unprepared(&took).await.unwrap();
    }
    let counted = store.volume(at(-60), 0).await.unwrap();
    let kept_back: Vec<_> =
        counted.iter().filter_map(|one| Some((one.refused_for.as_deref()?, one.messages))).collect();
    assert_eq!(kept_back, [("opted-out", 1), ("plugin", 1)]);
    let took: Vec<_> = counted.iter().filter_map(|one| Some((one.took_at_most_ms?, one.messages))).collect();
    assert_eq!(took, [(1_000, 1), (2_000, 1), (120_000, 1), (i64::MAX, 1)], "of what takes longest there is no end");
    // Where the day begins later, all of it is the day before or after.
    let shifted = store.volume(at(-60), -86_400_000).await.unwrap();
    assert_eq!(shifted[0].day, day - 1);
}
