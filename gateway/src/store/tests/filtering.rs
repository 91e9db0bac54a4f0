//! Messages, and people, by what applications know of them: all are found, and no page goes through all there is.

use sea_orm::ConnectionTrait;

use super::bulks::{submission, taken};
use super::contacts::{change, made, merge};
use super::*;
use crate::message::{Direction, ProviderError};
use crate::store::{ContactFilter, MessageFilter, Party};

on_both!(
    each_filter_finds_what_it_says,
    of_a_bulk_send_all_pages_are_right,
    no_page_goes_through_all_messages,
    nor_through_all_people,
);

#[expect(clippy::unnecessary_wraps, reason = "as a filter has it")]
fn party(address: &str) -> Option<Party> {
    Some(Party { address: Address::received(address), is_ours: address == OURS })
}

/// One for each way in which messages are looked for.
pub(super) fn all_kinds(conversation: ConversationId, contact: ContactId, bulk: Uuid) -> Vec<MessageFilter> {
    let any = MessageFilter::default;
    vec![
        any(),
        MessageFilter { conversation: Some(conversation), ..any() },
        MessageFilter { conversation: Some(conversation), direction: Some(Direction::Inbound), ..any() },
        MessageFilter { direction: Some(Direction::Outbound), ..any() },
        MessageFilter { channel: Some("sms".to_owned()), ..any() },
        MessageFilter { channel: Some("sms".to_owned()), since: Some(at(0)), ..any() },
        MessageFilter { since: Some(at(0)), ..any() },
        MessageFilter { given_up: true, ..any() },
        MessageFilter { since: Some(at(0)), until: Some(at(9)), ..any() },
        MessageFilter { statuses: vec![Status::Failed, Status::Undelivered], ..any() },
        MessageFilter { channel: Some("sms".to_owned()), error_code: Some(30003), since: Some(at(0)), ..any() },
        MessageFilter { contact: Some(contact), ..any() },
        MessageFilter { contact: Some(contact), statuses: vec![Status::Failed], ..any() },
        MessageFilter { bulk: Some(bulk), ..any() },
        MessageFilter { to: party(ANA), ..any() },
        MessageFilter { from: party(OURS), since: Some(at(0)), ..any() },
    ]
}

async fn found(store: &Store, filter: &MessageFilter) -> Vec<MessageId> {
    let page = store.messages(filter.clone(), None, 10).await.unwrap();
    assert_eq!(page.next, None);
    // The same, one by one.
    let (mut one_by_one, mut after) = (Vec::new(), None);
    loop {
        let page = store.messages(filter.clone(), after, 1).await.unwrap();
        one_by_one.extend(page.items.iter().map(|message| message.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let all: Vec<MessageId> = page.items.iter().map(|message| message.id).collect();
    assert_eq!(one_by_one, all, "{filter:?}");
    all
}

async fn each_filter_finds_what_it_says(database: Database) {
    let store = database.store().await;
    let asks = database.inbound("SM1", ANA);
    store.record(asks.clone()).await.unwrap();
    let ana = only_conversation(&store).await;
    let answer = database.submission(ANA, &["one"]);
    store.submit(answer.clone()).await.unwrap();
    let elsewhere = NewInbound { channel: "other".to_owned(), received_at: at(100), ..database.inbound("SM2", ANA) };
    store.record(elsewhere.clone()).await.unwrap();
    let luis = database.submission(LUIS, &["two"]);
    store.submit(luis.clone()).await.unwrap();
    for part in claim(&store, &database, 1, 10).await.into_iter().filter(|part| part.message_id == luis.message.id) {
        let error = Some(ProviderError { code: Some(30003), message: None });
        store
            .observe(NewObservation { error, ..database.report(Some(part.id), "SM3", Status::Undelivered, 2) })
            .await
            .unwrap();
    }
    let bulk = taken(&store, &database, 1).await;
    let of_bulk = submission(&database, bulk, 0);
    store.submit(of_bulk.clone()).await.unwrap();

    let (asks, answer, elsewhere) = (asks.id, answer.message.id, elsewhere.id);
    let (luis, of_bulk) = (luis.message.id, of_bulk.message.id);
    let any = MessageFilter::default;
    let contact = Some(ana.contact_id);
    let failed = vec![Status::Failed, Status::Undelivered];
    for (filter, expected) in [
        (any(), vec![of_bulk, luis, elsewhere, answer, asks]),
        (MessageFilter { conversation: Some(ana.id), ..any() }, vec![answer, asks]),
        (MessageFilter { contact, ..any() }, vec![elsewhere, answer, asks]),
        (MessageFilter { contact, conversation: Some(ana.id), ..any() }, vec![answer, asks]),
        (MessageFilter { contact, direction: Some(Direction::Inbound), ..any() }, vec![elsewhere, asks]),
        (MessageFilter { contact, statuses: failed.clone(), ..any() }, vec![]),
        (MessageFilter { contact: Some(ContactId(database.id())), ..any() }, vec![]),
        (MessageFilter { statuses: failed, ..any() }, vec![luis]),
        (MessageFilter { error_code: Some(30003), ..any() }, vec![luis]),
        (MessageFilter { error_code: Some(30004), ..any() }, vec![]),
        (MessageFilter { from: party(ANA), ..any() }, vec![elsewhere, asks]),
        (MessageFilter { from: party(ANA), channel: Some("sms".to_owned()), ..any() }, vec![asks]),
        (MessageFilter { to: party(ANA), ..any() }, vec![answer]),
        (MessageFilter { from: party(OURS), ..any() }, vec![of_bulk, luis, answer]),
        (MessageFilter { from: party(OURS), to: party(LUIS), ..any() }, vec![luis]),
        (MessageFilter { to: party(OURS), ..any() }, vec![elsewhere, asks]),
        (MessageFilter { from: party(ANA), to: party(LUIS), ..any() }, vec![]),
        (MessageFilter { to: party("+525500000000"), ..any() }, vec![]),
        (MessageFilter { bulk: Some(bulk), ..any() }, vec![of_bulk]),
        (MessageFilter { bulk: Some(bulk), contact, ..any() }, vec![]),
        (MessageFilter { bulk: Some(database.id()), ..any() }, vec![]),
        (MessageFilter { since: Some(at(1)), ..any() }, vec![elsewhere]),
        (MessageFilter { until: Some(at(100)), ..any() }, vec![of_bulk, luis, answer, asks]),
        (MessageFilter { since: Some(at(0)), until: Some(at(0)), ..any() }, vec![]),
        (MessageFilter { from: party(OURS), until: Some(at(-100)), ..any() }, vec![]),
    ] {
        assert_eq!(found(&store, &filter).await, expected, "{filter:?}");
    }
    // Whoever is merged into somebody brings along what was said.
    let other = made(&store, &database, Some("Ana"), &["+525511112222"]).await.id;
    merge(&store, &database, other, ana.contact_id).await;
    for contact in [other, ana.contact_id] {
        let filter = MessageFilter { contact: Some(contact), ..any() };
        assert_eq!(found(&store, &filter).await, [elsewhere, answer, asks]);
    }
}

async fn of_a_bulk_send_all_pages_are_right(database: Database) {
    let store = database.store().await;
    let bulk = taken(&store, &database, 7).await;
    let mut made = Vec::new();
    // Not in the order of the call.
    for position in [3, 0, 6, 1, 5] {
        let submission = submission(&database, bulk, position);
        made.insert(0, submission.message.id);
        store.submit(submission).await.unwrap();
    }
    let filter = MessageFilter { bulk: Some(bulk), ..MessageFilter::default() };
    assert_eq!(found(&store, &filter).await, made);
    let to = MessageFilter { to: party(&bulks::person(6)), ..filter };
    assert_eq!(found(&store, &to).await, [made[2]]);
}

/// As many as somebody looks through at once, with some more.
const MANY: u64 = 20_005;

/// A row's id by its number, in the words of each database: older than all that tests make.
fn numbered(database: &impl ConnectionTrait) -> &'static str {
    match database.get_database_backend() {
        sea_orm::DbBackend::Postgres => "CAST(LPAD(TO_HEX(n.i), 32, '0') AS uuid)",
        _ => "UNHEX(PRINTF('%032x', n.i))",
    }
}

/// So many messages that went out before all others, in the conversation of the first there is; the oldest with another
/// status and text.
pub(super) async fn many_older(database: &Database, (status, text): (&str, &str), (oldest, its): (&str, &str)) {
    let connection = database.directly().await;
    let sql = format!(
        "INSERT INTO messages (id, conversation_id, channel, direction, recipient, text, status, extra, created_at, \
         updated_at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) \
         SELECT {}, m.conversation_id, m.channel, 'outbound', m.recipient, CASE WHEN n.i = 1 THEN '{its}' ELSE '{text}' \
         END, CASE WHEN n.i = 1 THEN '{oldest}' ELSE '{status}' END, m.extra, 0, 0 \
         FROM n, (SELECT * FROM messages ORDER BY id LIMIT 1) AS m",
        numbered(&connection)
    );
    connection.execute_unprepared(&sql).await.unwrap();
}

async fn no_page_goes_through_all_messages(database: Database) {
    let store = database.store().await;
    let new = database.submission(ANA, &["one"]);
    store.submit(new.clone()).await.unwrap();
    store.cancel(new.message.id, at(1)).await.unwrap();
    many_older(&database, ("sent", ""), ("canceled", "")).await;
    let canceled = MessageFilter { statuses: vec![Status::Canceled], ..MessageFilter::default() };
    for channel in [None, Some("sms".to_owned())] {
        let filter = MessageFilter { channel, ..canceled.clone() };
        let newest = store.messages(filter.clone(), None, 10).await.unwrap();
        assert_eq!(newest.items.len(), 1, "it stops before it has gone through thousands of others");
        let further = store.messages(filter.clone(), newest.next, 10).await.unwrap();
        assert_eq!(further.items.iter().map(|one| one.id.0.as_u128()).collect::<Vec<_>>(), [1], "and goes on there");
        assert_eq!(further.next, None);
        // Where one says how far to look, there is nothing to go on with.
        let lately = store.messages(MessageFilter { since: Some(at(0)), ..filter }, None, 10).await.unwrap();
        assert_eq!((lately.items.len(), lately.next), (1, None));
    }
    // A page that is full ends with what it has.
    let sent = MessageFilter { statuses: vec![Status::Sent], ..MessageFilter::default() };
    let page = store.messages(sent, None, 3).await.unwrap();
    assert_eq!((page.items.len(), page.next), (3, Some(page.items[2].id.0)));
    // What there is an index for is found at once.
    let theirs = MessageFilter { to: party(ANA), ..canceled };
    let page = store.messages(theirs, None, 10).await.unwrap();
    assert_eq!((page.items.len(), page.next), (2, None));
}

async fn nor_through_all_people(database: Database) {
    let store = database.store().await;
    let with = async |address: &str, attributes: &[(&str, &str)]| {
        let id = made(&store, &database, None, &[address]).await.id;
        let attributes: Vec<_> = attributes.iter().map(|(name, value)| (*name, Some(*value))).collect();
        change(&store, id, None, &attributes, None).await;
        id
    };
    let gold = with(ANA, &[("plan", "oro"), ("a\"b", "50%")]).await;
    let lower = with(LUIS, &[("plan", "Oro"), ("otro", "oro")]).await;
    let plan = |name: &str, value: &str| ContactFilter {
        attribute: Some((name.to_owned(), value.to_owned())),
        ..ContactFilter::default()
    };
    let found = async |filter: &ContactFilter| {
        let page = store.contacts(filter, None, 10).await.unwrap();
        page.items.into_iter().map(|contact| contact.id).collect::<Vec<_>>()
    };
    assert_eq!(found(&plan("plan", "oro")).await, [gold], "word for word");
    assert_eq!(found(&plan("plan", "Oro")).await, [lower]);
    assert_eq!(found(&plan("a\"b", "50%")).await, [gold]);
    for (name, value) in [("plan", "or"), ("pla", "oro"), ("plan", ""), ("plan", "%"), ("\0", "\0"), ("$", "oro")] {
        assert_eq!(found(&plan(name, value)).await, [], "{name}: {value}");
    }
    let luis = ContactFilter { address: Some(Address::received(LUIS)), ..plan("plan", "oro") };
    assert_eq!(found(&luis).await, []);
    let connection = database.directly().await;
    let sql = format!(
        "INSERT INTO contacts (id, created_at, updated_at, attributes) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MANY}) \
         SELECT {}, 0, 0, m.attributes FROM n, contacts AS m WHERE m.name = 'lower'",
        numbered(&connection)
    );
    change(&store, lower, Some(Some("lower")), &[], None).await;
    connection.execute_unprepared(&sql).await.unwrap();
    let oldest = "UPDATE contacts SET attributes = '{\"plan\":\"oro\"}' \
                  WHERE id = (SELECT id FROM contacts ORDER BY id LIMIT 1)";
    connection.execute_unprepared(oldest).await.unwrap();
    let newest = store.contacts(&plan("plan", "oro"), None, 10).await.unwrap();
    assert_eq!(newest.items.iter().map(|contact| contact.id).collect::<Vec<_>>(), [gold]);
    let further = store.contacts(&plan("plan", "oro"), newest.next, 10).await.unwrap();
    assert_eq!((further.items.len(), further.next), (1, None));
    let full = store.contacts(&plan("plan", "Oro"), None, 3).await.unwrap();
    assert_eq!((full.items.len(), full.next), (3, Some(full.items[2].id.0)));
}
