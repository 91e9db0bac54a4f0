//! What of a queue is handed out next, whatever waits in front of it, and however much for however few.

use std::time::{Duration, Instant};

use sea_orm::{EntityTrait, Set};

use super::*;
use crate::message::Line;
use crate::store::bulks::HELD;
use crate::store::entities::{events, parts, reports};

on_both!(
    what_goes_before_holds_up_what_follows,
    behind_somebody_with_hundreds_the_others_are_found,
    what_has_waited_longest_is_first_whoever_it_is_for,
    what_is_paused_is_not_handed_out,
    a_long_queue_for_few_makes_nothing_slow,
);

const OTHER: &str = "22395";

/// A part as a queue has it, of the conversation with this number.
#[derive(Clone, Debug)]
pub(super) struct Row {
    id: Uuid,
    conversation: u64,
    sender: &'static str,
    state: &'static str,
    attempts: i32,
    put_off: bool,
    due_at: i64,
}

pub(super) fn row(database: &Database, conversation: u64, due_at: i64) -> Row {
    Row { id: database.id(), conversation, sender: OURS, state: "queued", attempts: 0, put_off: false, due_at }
}

fn of_number(number: u64) -> Uuid {
    Uuid::from_u64_pair(number + 1, 0)
}

/// Puts them down behind each other.
pub(super) async fn queue(database: &Database, message: MessageId, first: usize, rows: &[Row]) {
    let models = rows.iter().zip(first..).map(|(row, position)| parts::ActiveModel {
        id: Set(row.id),
        message_id: Set(message.0),
        conversation_id: Set(of_number(row.conversation)),
        channel: Set("sms".to_owned()),
        position: Set(i32::try_from(position).unwrap() + 10),
        sender: Set(Some(row.sender.to_owned())),
        recipient: Set(format!("+{}", row.conversation)),
        text: Set("hola".to_owned()),
        media: Set(serde_json::json!([])),
        state: Set(row.state.to_owned()),
        status: Set("pending".to_owned()),
        attempts: Set(row.attempts),
        put_off: Set(row.put_off),
        due_at: Set(row.due_at),
        lease_until: Set((row.state == "sending").then(|| at(9000).as_millisecond())),
        created_at: Set(0),
        updated_at: Set(0),
        checks: Set(0),
        own_sender: Set(false),
        priority: Set(Priority::Normal.number()),
        ..Default::default()
    });
    let models: Vec<_> = models.collect();
    let connection = database.directly().await;
    for some in models.chunks(500) {
        parts::Entity::insert_many(some.to_vec()).exec_without_returning(&connection).await.unwrap();
    }
}

pub(super) async fn any_message(store: &Store, database: &Database) -> MessageId {
    let submission = database.submission(ANA, &["hola"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    assert_eq!(claim(store, database, 1, 1).await.len(), 1);
    id
}

async fn of_ours(store: &Store, database: &Database, seconds: i64, parts: usize) -> Vec<Uuid> {
    let line = Line::of("sms", Some(&Address::received(OURS)), None);
    let orders = vec![Order { line, priority: Priority::Normal, parts, room: None }];
    let (now, until, attempt_ids) = (at(seconds), at(seconds + 60), database.many_ids(parts));
    let claimed =
        store.claim(Wanted { now, until, attempt_ids, orders, but: Vec::new(), links_last: LINKS_LAST }).await.unwrap();
    claimed.into_iter().map(|part| part.id.0).collect()
}

/// Numbers below the given one, the same each time.
fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}

/// What is handed out, told by going through all of it.
fn expected(rows: &[Row], now: i64) -> Vec<Uuid> {
    let goes_before = |row: &Row| {
        let tried = row.attempts > 0 && !row.put_off && row.due_at < HELD;
        row.state == "sending" || (row.state == "queued" && (tried || row.due_at <= now))
    };
    let mut found: Vec<&Row> = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        let behind = rows[..place].iter().any(|older| older.conversation == row.conversation && goes_before(older));
        if row.state == "queued" && row.due_at <= now && row.sender == OURS && !behind {
            found.push(row);
        }
    }
    found.sort_by_key(|row| (row.due_at, row.id));
    found.iter().map(|row| row.id).collect()
}

async fn what_goes_before_holds_up_what_follows(database: Database) {
    let store = database.store().await;
    let message = any_message(&store, &database).await;
    let now = at(1000);
    let mut most = 0;
    for seed in 0_u64..8 {
        let mut below = numbers(seed + 1);
        let conversations = [3, 12, 40, 400][usize::try_from(seed).unwrap() % 4];
        let rows: Vec<Row> = (0..600)
            .map(|_| Row {
                sender: if below(6) == 0 { OTHER } else { OURS },
                // What is being sent is rare, and has been sent mostly.
                state: ["queued", "sending", "settled"][usize::try_from(below(40).saturating_sub(37)).unwrap()],
                attempts: i32::from(below(30) == 0),
                put_off: below(3) == 0,
                due_at: match below(12) {
                    0 => HELD + 5,
                    1 | 2 => at(2000).as_millisecond(),
                    other => at(i64::try_from(other * 50 + below(50)).unwrap()).as_millisecond(),
                },
                ..row(&database, seed * 1000 + below(conversations), 0)
            })
            .collect();
        queue(&database, message, usize::try_from(seed).unwrap() * 600, &rows).await;
        let mut awaited = expected(&rows, now.as_millisecond());
        most = most.max(awaited.len());
        let rest = awaited.split_off(awaited.len().min(2));
        for (awaited, limit) in [(awaited, 2), (rest, 999)] {
            let (mut claimed, mut awaited) = (of_ours(&store, &database, 1000, limit).await, awaited);
            claimed.sort_unstable();
            awaited.sort_unstable();
            assert_eq!(claimed, awaited, "seed {seed}");
        }
        // Nothing of it stays for the next.
        let connection = database.directly().await;
        let settled = sea_orm::sea_query::Expr::value("settled");
        parts::Entity::update_many().col_expr(parts::Column::State, settled).exec(&connection).await.unwrap();
    }
    assert!(most > 100, "{most}");
}

async fn behind_somebody_with_hundreds_the_others_are_found(database: Database) {
    let store = database.store().await;
    let message = any_message(&store, &database).await;
    let many: Vec<Row> = (0..300).map(|number| row(&database, 1, number)).collect();
    // More than are gone through; nothing of them is due.
    let later: Vec<Row> = (0..1200).map(|number| row(&database, 10 + number, at(5000).as_millisecond())).collect();
    let last: Vec<Row> = (0..3).map(|number| row(&database, 9000 + number, 500)).collect();
    let rows = [many, later, last].concat();
    queue(&database, message, 0, &rows).await;
    let awaited = expected(&rows, at(10).as_millisecond());
    assert_eq!(awaited.len(), 4);
    assert_eq!(of_ours(&store, &database, 10, 2).await, awaited[..2]);
    assert_eq!(of_ours(&store, &database, 10, 9).await, awaited[2..]);
    assert!(of_ours(&store, &database, 10, 9).await.is_empty());
}

/// Those whose conversations began first would be in front of them each time else.
async fn what_has_waited_longest_is_first_whoever_it_is_for(database: Database) {
    let store = database.store().await;
    let message = any_message(&store, &database).await;
    let tried = Row { attempts: 1, due_at: at(5000).as_millisecond(), ..row(&database, 1, 0) };
    let held_up: Vec<Row> = (0..300).map(|number| row(&database, 1, number)).collect();
    let longest = row(&database, 9999, 400);
    let others: Vec<Row> = (0..1200).map(|number| row(&database, 10 + number, 500)).collect();
    let rows = [vec![tried], held_up, vec![longest.clone()], others].concat();
    queue(&database, message, 0, &rows).await;
    assert_eq!(of_ours(&store, &database, 10, 1).await, [longest.id]);
}

async fn what_is_paused_is_not_handed_out(database: Database) {
    let store = database.store().await;
    let message = any_message(&store, &database).await;
    let rows: Vec<Row> = (0..300).map(|number| row(&database, number % 4, 5)).collect();
    queue(&database, message, 0, &rows).await;
    assert!(store.pause("sms", None, act(1)).await.unwrap());
    assert!(of_ours(&store, &database, 10, 9).await.is_empty());
    assert!(store.resume("sms", act(3)).await.unwrap());
    assert_eq!(of_ours(&store, &database, 10, 9).await.len(), 4);
}

/// Of three people: parts, events and reports.
async fn long_queues(database: &Database, message: MessageId, from: usize, count: usize) {
    let rows: Vec<Row> = (0..count).map(|number| row(database, number as u64 % 3, 5)).collect();
    queue(database, message, from, &rows).await;
    let connection = database.directly().await;
    for some in rows.chunks(500) {
        let told = some.iter().map(|row| events::ActiveModel {
            id: Set(row.id),
            endpoint: Set("crm".to_owned()),
            kind: Set("message.status".to_owned()),
            conversation_id: Set(of_number(row.conversation)),
            message_id: Set(message.0),
            body: Set("{}".to_owned()),
            state: Set("waiting".to_owned()),
            created_at: Set(0),
            due_at: Set(row.due_at),
            tries: Set(0),
            ..Default::default()
        });
        events::Entity::insert_many(told).exec_without_returning(&connection).await.unwrap();
        let reported = some.iter().map(|row| reports::ActiveModel {
            id: Set(row.id),
            conversation_id: Set(of_number(row.conversation)),
            message_id: Set(message.0),
            status: Set("sent".to_owned()),
            created_at: Set(0),
            ..Default::default()
        });
        reports::Entity::insert_many(reported).exec_without_returning(&connection).await.unwrap();
    }
}

/// The shortest of some claims of each, when all three people's next is with somebody already.
async fn shortest(store: &Store, database: &Database) -> [Duration; 4] {
    let mut shortest = [Duration::MAX; 4];
    let mut took = |place: usize, began: Instant| shortest[place] = shortest[place].min(began.elapsed());
    for _ in 0..10 {
        let began = Instant::now();
        assert_eq!(of_ours(store, database, 10, 9).await.len(), 0);
        took(0, began);
        let began = Instant::now();
        assert!(!store.events_due("crm", at(10)).await.unwrap());
        took(1, began);
        let began = Instant::now();
        assert_eq!(store.claim_events("crm", at(10), at(70), 9).await.unwrap().len(), 0);
        took(2, began);
        let began = Instant::now();
        assert_eq!(store.claim_reports(at(10), at(70), 9).await.unwrap().len(), 0);
        took(3, began);
    }
    shortest
}

async fn a_long_queue_for_few_makes_nothing_slow(database: Database) {
    let store = database.store().await;
    store.introduce_endpoint("crm", "aa".to_owned()).await.unwrap();
    let message = any_message(&store, &database).await;
    long_queues(&database, message, 0, 600).await;
    assert_eq!(of_ours(&store, &database, 10, 9).await.len(), 3);
    assert!(store.events_due("crm", at(10)).await.unwrap());
    assert_eq!(store.claim_events("crm", at(10), at(70), 9).await.unwrap().len(), 3);
    // All are of one message here, which is shown once.
    assert_eq!(store.claim_reports(at(10), at(70), 9).await.unwrap().len(), 1);
    let short = shortest(&store, &database).await;
    long_queues(&database, message, 600, 40_000).await;
    let long = shortest(&store, &database).await;
    let told = format!("600: {short:?}; 40,600: {long:?} (parts, events due, events, reports)");
    eprintln!("{told}");
    // A look at each would take seventy times as long. What is left to chance is the machine's.
    let much = |before: Duration| before * 5 + Duration::from_millis(5);
    assert!(short.into_iter().zip(long).all(|(short, long)| long < much(short)), "{told}");
}
