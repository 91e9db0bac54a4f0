//! What waits by sender and priority, whose turn comes first, and that a long queue makes nothing slow.

use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectOptions, ConnectionTrait, Statement, TransactionTrait};

use super::*;
use crate::message::{Line, ProviderError};
use crate::store::Waiting;

on_both!(
    what_waits_is_told_by_sender_and_priority,
    a_claim_follows_its_orders,
    a_sender_gives_as_many_segments_as_it_has_room_for,
    a_conversation_keeps_its_order_whatever_is_urgent,
    what_an_urgent_one_will_wait_for_is_as_urgent_by_then,
    what_is_paused_by_hand_is_neither_told_nor_claimed,
    a_long_queue_makes_a_claim_no_slower,
    what_is_in_front_is_told_of_each_that_is_asked_for,
    what_is_new_comes_behind_what_waits_also_when_the_clock_is_set_back,
    a_clock_that_was_set_back_turns_no_order_round,
    what_is_held_until_a_moment_holds_nobody_up,
);

async fn a_clock_that_was_set_back_turns_no_order_round(database: Database) {
    let store = database.store().await;
    let submit = async |seconds: i64| {
        let mut submission = database.submission(ANA, &["hola"]);
        submission.message.at = at(seconds);
        store.submit(submission.clone()).await.unwrap();
        (submission.message.parts[0].id, message(&store, submission.message.id).await.conversation_id)
    };
    let [(first, conversation), (second, _)] = [submit(600).await, submit(5).await];
    assert!(claim(&store, &database, 10, 10).await.is_empty(), "what came first was to leave at once, too");
    assert!(store.has_older(conversation, at(10)).await.unwrap());
    let [claimed] = claim(&store, &database, 600, 10).await.try_into().unwrap();
    assert_eq!(claimed.id, first);
    store.settle(settled(&claimed, 601, accepted("SM1"))).await.unwrap();
    let [claimed] = claim(&store, &database, 602, 10).await.try_into().unwrap();
    assert_eq!(claimed.id, second);
}

/// Such as what its time is too close for, to be kept by the provider.
async fn what_is_held_until_a_moment_holds_nobody_up(database: Database) {
    let store = database.store().await;
    store.submit(database.submission(ANA, &["hola"])).await.unwrap();
    let [first] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    let error = ProviderError { code: None, message: Some("too close".to_owned()) };
    store.settle(settled(&first, 2, Settled::Held { until: Some(at(900)), error })).await.unwrap();
    store.submit(database.submission(ANA, &["y esto?"])).await.unwrap();
    let [second] = claim(&store, &database, 10, 10).await.try_into().unwrap();
    assert_ne!(second.id, first.id);
    store.settle(settled(&second, 11, accepted("SM1"))).await.unwrap();
    let [again] = claim(&store, &database, 900, 10).await.try_into().unwrap();
    assert_eq!((again.id, again.attempts), (first.id, first.attempts), "it was not tried");
}

async fn what_is_new_comes_behind_what_waits_also_when_the_clock_is_set_back(database: Database) {
    let store = database.store().await;
    assert_eq!(store.newest_waiting().await.unwrap(), None);
    let mut submission = database.submission(ANA, &["hola"]);
    let later = Ids::default();
    submission.message.parts[0].id = PartId(later.next(at(1000)));
    store.submit(submission.clone()).await.unwrap();
    store.submit(database.submission(LUIS, &["hola"])).await.unwrap();
    let newest = store.newest_waiting().await.unwrap().unwrap();
    assert_eq!(newest, submission.message.parts[0].id.0);
    let ids = Ids::default();
    ids.after(newest);
    assert!(ids.next(at(0)) > newest);
    for part in claim(&store, &database, 1, 10).await {
        store.settle(settled(&part, 2, accepted(&part.id.to_string()))).await.unwrap();
    }
    assert_eq!(store.newest_waiting().await.unwrap(), None, "what was sent is in nobody's way");
}

async fn what_is_in_front_is_told_of_each_that_is_asked_for(database: Database) {
    let store = database.store().await;
    let submit = async |recipient: &str, seconds: i64| {
        let mut submission = database.submission(recipient, &["hola"]);
        submission.message.schedule = Schedule::At(at(seconds));
        submission.message.at = at(0);
        store.submit(submission.clone()).await.unwrap();
        message(&store, submission.message.id).await.conversation_id
    };
    let [sent, tried] = [submit(ANA, 0).await, submit(LUIS, 0).await];
    let claimed = claim(&store, &database, 1, 10).await;
    let of_luis = claimed.iter().find(|part| part.recipient.as_str() == LUIS).unwrap();
    let error = ProviderError { code: None, message: None };
    store.settle(settled(of_luis, 2, Settled::Retry { due_at: at(900), error })).await.unwrap();
    let [due, later] = [submit("+529981110003", 5).await, submit("+529981110004", 500).await];
    let nowhere = ConversationId(database.id());
    let asked = [sent, tried, due, later, nowhere].map(|id| store.has_older(id, at(10)));
    let told: Vec<bool> = futures::future::join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(told, [true, true, true, false, false]);
    assert!(store.has_older(later, at(500)).await.unwrap());
}

fn line(channel: &str, sender: &str) -> Line {
    Line::of(channel, Some(&Address::received(sender)), None)
}

fn by(database: &Database, recipient: &str, sender: &str, priority: Priority) -> Submission {
    let mut submission = database.submission(recipient, &["hola"]);
    submission.message.sender = Sender::Named(Address::received(sender));
    submission.message.priority = priority;
    submission
}

async fn waiting(store: &Store, seconds: i64) -> Vec<(Line, Priority, i64)> {
    let told = |it: Waiting| (it.line, it.priority, it.since.as_second() - at(0).as_second());
    store.waiting(at(seconds)).await.unwrap().into_iter().map(told).collect()
}

async fn what_waits_is_told_by_sender_and_priority(database: Database) {
    use Priority::{Bulk, High, Normal};
    let store = database.store().await;
    assert_eq!(waiting(&store, 9).await, []);
    for (number, (sender, priority)) in
        [(OURS, Bulk), (OURS, Bulk), ("22395", Normal), (OURS, High), ("22395", Bulk)].into_iter().enumerate()
    {
        let mut submission = by(&database, &format!("+52998111000{number}"), sender, priority);
        submission.message.at = at(i64::try_from(number).unwrap());
        store.submit(submission).await.unwrap();
    }
    let mut later = by(&database, "+529981110009", OURS, Normal);
    later.message.schedule = Schedule::At(at(60));
    store.submit(later).await.unwrap();
    let mut other = by(&database, ANA, "22395", Normal);
    other.message.channel = "other".to_owned();
    store.submit(other).await.unwrap();
    let mut service = database.submission(LUIS, &["hola"]);
    (service.message.sender, service.message.service) = (Sender::Own(None), Some("MG1".to_owned()));
    store.submit(service).await.unwrap();

    let [ours, short, service] = [OURS, "22395", "MG1"].map(|sender| line("sms", sender));
    let mut expected = vec![
        (line("other", "22395"), Normal, 0),
        (ours.clone(), High, 3),
        (ours.clone(), Bulk, 0),
        (short.clone(), Normal, 2),
        (short, Bulk, 4),
        (service, Normal, 0),
    ];
    let mut told = waiting(&store, 9).await;
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
    assert!(waiting(&store, 60).await.contains(&(ours, Normal, 60)));
}

async fn a_claim_follows_its_orders(database: Database) {
    use Priority::{Bulk, High, Normal};
    let store = database.store().await;
    for number in 0..4 {
        for (priority, digit) in [(High, 1), (Normal, 2), (Bulk, 3)] {
            store.submit(by(&database, &format!("+5299811{digit}00{number}0"), OURS, priority)).await.unwrap();
        }
    }
    let ours = line("sms", OURS);
    let order = |priority, parts| Order { line: ours.clone(), priority, parts, room: None };
    let orders = vec![order(High, 1), order(Bulk, 2), order(High, 9), order(Normal, 9), order(Bulk, 9)];
    let (now, until, attempt_ids) = (at(1), at(61), database.many_ids(7));
    let wanted = Wanted { now, until, attempt_ids, orders: orders.clone(), but: Vec::new(), links_last: LINKS_LAST };
    let claimed = store.claim(wanted.clone()).await.unwrap();
    let count = |wanted: Priority| claimed.iter().filter(|part| part.priority == wanted).count();
    assert_eq!([count(High), count(Normal), count(Bulk)], [4, 1, 2], "what is left goes to the next");
    assert!(claimed.iter().all(|part| part.line() == ours));
    let rest = store.claim(Wanted { attempt_ids: database.many_ids(99), ..wanted }).await.unwrap();
    assert_eq!(rest.len(), 5);
    let shown = message(&store, rest[0].message_id).await;
    assert_eq!((shown.priority, rest[0].priority), (Some(Normal), Normal));
}

async fn a_sender_gives_as_many_segments_as_it_has_room_for(database: Database) {
    use Priority::{High, Normal};
    let store = database.store().await;
    for (number, segments) in [2, 3, 1, 1].into_iter().enumerate() {
        let mut submission = by(&database, &format!("+52998111000{number}"), OURS, Normal);
        submission.message.parts[0].segments = segments;
        store.submit(submission).await.unwrap();
    }
    store.submit(by(&database, "+529981110009", OURS, High)).await.unwrap();
    let claimed = async |room: u32| {
        let order = |priority| Order { line: line("sms", OURS), priority, parts: 9, room: Some(room) };
        let (now, until, attempt_ids) = (at(1), at(61), database.many_ids(9));
        let orders = vec![order(High), order(Normal), order(High)];
        let claimed = store
            .claim(Wanted { now, until, attempt_ids, orders, but: Vec::new(), links_last: LINKS_LAST })
            .await
            .unwrap();
        claimed.into_iter().map(|part| part.segments).collect::<Vec<_>>()
    };
    assert_eq!(claimed(0).await, [0; 0]);
    let mut first = claimed(4).await;
    first.sort_unstable();
    assert_eq!(first, [1, 2, 3], "the urgent one, and then as long as anything is left of the room");
    assert_eq!(claimed(1).await, [1]);
    assert_eq!(claimed(9).await, [1]);
}

async fn a_conversation_keeps_its_order_whatever_is_urgent(database: Database) {
    use Priority::{Bulk, High};
    let store = database.store().await;
    let older = by(&database, ANA, OURS, Bulk);
    store.submit(older.clone()).await.unwrap();
    let mut later = by(&database, ANA, OURS, Bulk);
    later.message.schedule = Schedule::At(at(100));
    store.submit(later.clone()).await.unwrap();
    store.submit(by(&database, LUIS, OURS, Bulk)).await.unwrap();
    let urgent = by(&database, ANA, OURS, High);
    store.submit(urgent.clone()).await.unwrap();
    let priority = async |submission: &Submission| message(&store, submission.message.id).await.priority;
    assert_eq!(priority(&older).await, Some(High), "what an urgent one waits for is as urgent");
    assert_eq!(priority(&later).await, Some(Bulk), "nobody waits for that");
    let first = claim(&store, &database, 1, 1).await;
    assert_eq!(first[0].message_id, older.message.id);
    store.settle(settled(&first[0], 2, accepted("SM1"))).await.unwrap();
    let second = claim(&store, &database, 3, 1).await;
    assert_eq!(second[0].message_id, urgent.message.id);
    // One that is being tried again holds it up as well.
    let retry = Settled::Retry { due_at: at(30), error: ProviderError::default() };
    store.settle(settled(&second[0], 4, retry)).await.unwrap();
    assert_eq!(claim(&store, &database, 5, 9).await.len(), 1, "the other person's");
}

async fn what_an_urgent_one_will_wait_for_is_as_urgent_by_then(database: Database) {
    use Priority::{Bulk, High};
    let store = database.store().await;
    let scheduled = |priority, seconds| {
        let mut submission = by(&database, ANA, OURS, priority);
        submission.message.schedule = Schedule::At(at(seconds));
        submission
    };
    let [before, after] = [scheduled(Bulk, 50), scheduled(Bulk, 150)];
    for submission in [&before, &after, &scheduled(High, 100)] {
        store.submit(submission.clone()).await.unwrap();
    }
    assert_eq!(message(&store, before.message.id).await.priority, Some(High));
    assert_eq!(message(&store, after.message.id).await.priority, Some(Bulk));
}

async fn what_is_paused_by_hand_is_neither_told_nor_claimed(database: Database) {
    let store = database.store().await;
    for (channel, recipient) in [("sms", ANA), ("other", LUIS)] {
        let mut submission = database.submission(recipient, &["hola"]);
        submission.message.channel = channel.to_owned();
        store.submit(submission).await.unwrap();
    }
    let before = store.waiting(at(1)).await.unwrap();
    assert!(store.pause("sms", Some("una revisión".to_owned()), act(1)).await.unwrap());
    assert!(!store.pause("sms", Some("otra".to_owned()), act(2)).await.unwrap(), "the first stays");
    let paused = store.paused().await.unwrap();
    assert_eq!((paused.len(), paused["sms"].since), (1, at(1)));
    assert_eq!(paused["sms"].reason.as_deref(), Some("una revisión"));
    assert_eq!(waiting(&store, 1).await, [(line("other", OURS), Priority::Normal, 0)]);
    // Whoever looked just before gets nothing, either.
    let orders = before.into_iter().map(|it| Order { line: it.line, priority: it.priority, parts: 9, room: None });
    let (now, until, attempt_ids) = (at(1), at(61), database.many_ids(9));
    let wanted = Wanted { now, until, attempt_ids, orders: orders.collect(), but: Vec::new(), links_last: LINKS_LAST };
    let claimed = store.claim(wanted).await.unwrap();
    assert_eq!(claimed.iter().map(|part| part.channel.as_str()).collect::<Vec<_>>(), ["other"]);
    assert!(store.resume("sms", act(3)).await.unwrap() && !store.resume("sms", act(3)).await.unwrap());
    assert_eq!(claim(&store, &database, 2, 9).await.len(), 1);
}

/// So many parts that wait, of five senders in three priorities, as their rows would be.
async fn queue(database: &Database, from: usize, count: usize) {
    let (id, json, no) = if database.is_postgres() {
        ("gen_random_uuid()", "CAST('[]' AS json)", "false")
    } else {
        ("randomblob(16)", "'[]'", "0")
    };
    let sql = format!(
        "INSERT INTO parts (id, message_id, conversation_id, channel, position, sender, recipient, text, media, state, \
         status, segments, attempts, due_at, created_at, updated_at, checks, own_sender, priority) \
         WITH RECURSIVE numbers(number) AS (SELECT {from} UNION ALL SELECT number + 1 FROM numbers \
         WHERE number + 1 < {}) \
         SELECT {id}, (SELECT id FROM messages LIMIT 1), {id}, 'sms', number + 10, '+5255000000' || (number % 5), \
         '+' || number, 'hola', {json}, 'queued', 'pending', 1, 0, number, 0, 0, 0, {no}, number % 3 FROM numbers",
        from + count
    );
    database.directly().await.execute_unprepared(&sql).await.unwrap();
}

/// How much is gone through, looking and claiming: rows on Postgres, instructions on SQLite.
async fn gone_through(database: &Database) -> (f64, f64) {
    // On Postgres as after a gateway's own look at tables that grew: else it is as it happens when Postgres looks. On SQLite
    // as if an operator had it look.
    database.directly().await.execute_unprepared("ANALYZE").await.unwrap();
    let (store, heard) = database.heard().await;
    let waiting = store.waiting(at(1)).await.unwrap();
    assert_eq!(waiting.len(), 15);
    let orders = waiting.into_iter().map(|it| Order { line: it.line, priority: it.priority, parts: 2, room: None });
    let (now, until, attempt_ids) = (at(1), at(61), database.many_ids(16));
    let wanted = Wanted { now, until, attempt_ids, orders: orders.collect(), but: Vec::new(), links_last: LINKS_LAST };
    assert_eq!(store.claim(wanted).await.unwrap().len(), 16);
    let statements = heard.statements();
    let find = |is_it: fn(&str) -> bool| statements.iter().find(|it| is_it(&it.sql)).unwrap();
    let look = find(|sql| sql.starts_with("WITH RECURSIVE channels"));
    let claim = find(|sql| sql.starts_with("WITH picked"));
    if !database.is_postgres() {
        return (instructions(database, look).await, instructions(database, claim).await);
    }
    let plans = find(|sql| sql.contains("'enable_sort', 'off'"));
    (rows(database, None, look).await, rows(database, Some(plans), claim).await)
}

/// Nothing of it stays.
async fn rows(database: &Database, before: Option<&Statement>, statement: &Statement) -> f64 {
    let transaction = database.directly().await.begin().await.unwrap();
    if let Some(before) = before {
        transaction.query_one_raw(before.clone()).await.unwrap();
    }
    let sql = format!("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {}", statement.sql);
    let row = transaction.query_one_raw(Statement { sql, ..statement.clone() }).await.unwrap().unwrap();
    let told: serde_json::Value = row.try_get_by_index(0).unwrap();
    steps(&told[0]["Plan"])
}

fn steps(plan: &serde_json::Value) -> f64 {
    let count = |key: &str| plan[key].as_f64().unwrap_or(0.0);
    let looked_at = count("Actual Rows") + count("Rows Removed by Filter") + count("Rows Removed by Index Recheck");
    let below = plan["Plans"].as_array().map(|plans| plans.iter().map(steps).sum());
    // A row more for having looked at all: told are means over all turns.
    (looked_at + 1.0) * count("Actual Loops") + below.unwrap_or(0.0)
}

async fn instructions(database: &Database, statement: &Statement) -> f64 {
    let mut options = ConnectOptions::new(&database.url);
    let connection = sea_orm::Database::connect(options.max_connections(1).to_owned()).await.unwrap();
    let count = Arc::new(AtomicU32::new(0));
    let counts = Arc::clone(&count);
    {
        let mut only = connection.get_sqlite_connection_pool().acquire().await.unwrap();
        only.lock_handle().await.unwrap().set_progress_handler(1, move || {
            counts.fetch_add(1, Ordering::Relaxed);
            true
        });
    }
    let transaction = connection.begin().await.unwrap();
    transaction.query_all_raw(statement.clone()).await.unwrap();
    count.load(Ordering::Relaxed).into()
}

async fn a_long_queue_makes_a_claim_no_slower(database: Database) {
    let store = database.store().await;
    store.submit(database.submission(ANA, &["hola"])).await.unwrap();
    assert_eq!(claim(&store, &database, 1, 1).await.len(), 1);
    queue(&database, 0, 1_000).await;
    let short = gone_through(&database).await;
    queue(&database, 1_000, 100_000).await;
    let long = gone_through(&database).await;
    // A look at each part would take a hundred times as much.
    let much = |before: f64| before * 2.0;
    let told = format!("1,000: {short:?}; 101,000: {long:?} (looking, claiming)");
    assert!(long.0 <= much(short.0) && long.1 <= much(short.1), "{told}");
}
