//! What is old goes, in steps; what stays is enough to know a repeat.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait, EntityTrait, Set, Statement, TransactionTrait};
use serde_json::json;

use super::*;
use crate::message::Media;
use crate::store::plugins::first_id;
use crate::store::retention::UNUSED;
use crate::store::{
    Aged, AgedStep, DroppedFile, Fetched, Link, MediaState, NewBulk, PastFilter, Snapshot, StoredFile, entities,
};

on_both!(
    an_old_text_is_gone_and_its_repeat_is_known,
    what_is_not_done_goes_when_it_is,
    what_waited_in_a_journal_until_its_turn_was_over_goes_when_it_is_done,
    steps_are_bounded_and_go_on_where_the_last_one_ended,
    words_go_and_meanings_stay,
    what_was_told_goes_and_what_waits_stays,
    a_file_goes_when_nothing_younger_is_the_same,
    an_upload_goes_when_nobody_used_it_for_long,
    what_somebody_let_go_of_meanwhile_is_not_forgotten,
    every_step_finds_its_rows_by_an_index,
);

const DAY: i64 = 86_400;

/// All ids are made at 0, but for these.
fn younger(database: &Database) -> Uuid {
    database.ids.next(at(DAY))
}

async fn age(store: &Store, aged: Aged, limit: usize) -> AgedStep {
    store.age(aged, at(60), limit, at(2 * DAY)).await.unwrap()
}

async fn answered(store: &Store, new: &NewInbound) {
    let mut done = processed(new, message(store, new.id).await.conversation_id);
    done.answer = Some("<Response/>".to_owned());
    store.commit(done).await.unwrap();
}

async fn an_old_text_is_gone_and_its_repeat_is_known(database: Database) {
    let store = database.store().await;
    let old = database.inbound("SM1", ANA);
    let young = NewInbound { id: MessageId(younger(&database)), ..database.inbound("SM2", ANA) };
    for new in [&old, &young] {
        store.record(new.clone()).await.unwrap();
        answered(&store, new).await;
    }
    assert_eq!(store.aged(Aged::Texts, at(60)).await.unwrap(), 1);
    assert_eq!(age(&store, Aged::Texts, 20).await, AgedStep { more: false, changed: 1 });
    assert_eq!(store.aged(Aged::Texts, at(60)).await.unwrap(), 0);
    let [gone, kept] = [message(&store, old.id).await, message(&store, young.id).await];
    assert_eq!((gone.text.as_str(), kept.text), ("", young.text));
    let row = entities::messages::Entity::find_by_id(old.id.0).one(&store.reads).await.unwrap().unwrap();
    assert_eq!(row.redacted_at, Some(at(2 * DAY).as_millisecond()));
    assert_eq!((gone.provider_id.as_deref(), gone.status), (Some("SM1"), Status::Received));
    let again = store.record(database.inbound("SM1", ANA)).await.unwrap();
    assert_eq!(again, Receipt::Repeat { of: old.id, answered: Answered::With("<Response/>".to_owned()) });
    assert!(!store.removals_due(at(3 * DAY)).await.unwrap(), "the provider is not asked to forget it");
}

async fn what_is_not_done_goes_when_it_is(database: Database) {
    let store = database.store().await;
    let new = database.inbound("SM1", ANA);
    store.record(new.clone()).await.unwrap();
    let submission = database.submission(LUIS, &["hola"]);
    let sent = submission.message.id;
    store.submit(submission).await.unwrap();
    assert_eq!(age(&store, Aged::Texts, 20).await, AgedStep { more: false, changed: 0 });
    assert_eq!(message(&store, new.id).await.text, new.text);
    assert_eq!(message(&store, sent).await.text, "hola");
    assert_eq!(store.aged(Aged::Texts, at(60)).await.unwrap(), 2);
    let held = async |after| store.age_held(after, 1, at(2 * DAY)).await.unwrap();
    // Each is passed by once, whatever is found.
    let (changed, first) = held(None).await;
    let (_, second) = held(first).await;
    assert_eq!((changed, held(second).await.1), (0, None));

    answered(&store, &new).await;
    assert_eq!(held(None).await.0, 1);
    assert_eq!(message(&store, new.id).await.text, "");
    let [part] = claim(&store, &database, 10, 5).await.try_into().unwrap();
    store.settle(settled(&part, 11, accepted("SM2"))).await.unwrap();
    assert_eq!(held(None).await.0, 1);
    assert_eq!(message(&store, sent).await.text, "");
    assert_eq!((held(None).await, store.aged(Aged::Texts, at(60)).await.unwrap()), ((0, None), 0));
    store.observe(database.report(Some(part.id), "SM2", Status::Delivered, 3 * DAY)).await.unwrap();
    assert_eq!(status(&store, sent).await, Status::Delivered, "a late report finds its part");
}

async fn what_waited_in_a_journal_until_its_turn_was_over_goes_when_it_is_done(database: Database) {
    let store = database.store().await;
    let late = |id: &str| NewInbound { said_at: Some(at(0)), ..database.inbound(id, ANA) };
    let [early, first, second] = ["SM1", "SM2", "SM3"].map(late);
    let past = database.inbound("SM4", LUIS);
    for new in [&early, &past] {
        store.record(new.clone()).await.unwrap();
        answered(&store, new).await;
    }
    // Nothing was gone through when it came.
    let held = async || store.age_held(None, 10, at(2 * DAY)).await.unwrap().0;
    assert_eq!(held().await, 0);
    assert_eq!(age(&store, Aged::Texts, 20).await, AgedStep { more: false, changed: 2 });

    let young = NewInbound { id: MessageId(younger(&database)), ..late("SM5") };
    store.record_all(vec![first.clone(), second.clone(), young.clone()]).await.unwrap();
    assert_eq!(age(&store, Aged::Texts, 20).await, AgedStep { more: false, changed: 0 });
    assert_eq!((held().await, store.aged(Aged::Texts, at(60)).await.unwrap()), (0, 2), "the plugins come first");
    for new in [&first, &second, &young] {
        answered(&store, new).await;
    }
    assert_eq!(held().await, 2);
    for (new, text) in [(&first, ""), (&second, ""), (&young, young.text.as_str())] {
        assert_eq!(message(&store, new.id).await.text, text);
    }
}

async fn steps_are_bounded_and_go_on_where_the_last_one_ended(database: Database) {
    let store = database.store().await;
    for number in 0..25 {
        let new = database.inbound(&format!("SM{number}"), ANA);
        store.record(new.clone()).await.unwrap();
        answered(&store, &new).await;
    }
    let mut steps = Vec::new();
    for _ in 0..4 {
        let step = age(&store, Aged::Texts, 10).await;
        steps.push((step.more, step.changed));
    }
    assert_eq!(steps, [(true, 10), (true, 10), (false, 5), (false, 0)]);
}

async fn words_go_and_meanings_stay(database: Database) {
    let store = database.store().await;
    let new = database.inbound("SM1", ANA);
    store.record(new.clone()).await.unwrap();
    let thread = store.thread(new.conversation_id).await.unwrap().unwrap();
    let mut done = processed(&new, new.conversation_id);
    done.traces = vec![trace(&database, new.id, "helper")];
    (done.seed, done.seen) = (Some(7), Some(Snapshot::of(&thread)));
    store.commit(done).await.unwrap();
    let mut sent = database.submission(LUIS, &["hola"]);
    sent.traces = vec![Trace { hook: Hook::Outbound, ..trace(&database, sent.message.id, "helper") }];
    store.submit(sent).await.unwrap();
    let [part] = claim(&store, &database, 10, 5).await.try_into().unwrap();
    let settlement = Settlement { exchange: Some(json!({ "status": 201 })), ..settled(&part, 11, accepted("SM2")) };
    store.settle(settlement).await.unwrap();
    store.observe(database.report(Some(part.id), "SM2", Status::Delivered, 12)).await.unwrap();
    for aged in [Aged::Traces, Aged::Attempts, Aged::Observations] {
        assert_eq!(store.aged(aged, at(60)).await.unwrap(), 1, "{aged:?}");
        assert_eq!(age(&store, aged, 10).await, AgedStep { more: false, changed: 1 }, "{aged:?}");
        assert_eq!(age(&store, aged, 10).await, AgedStep { more: false, changed: 0 }, "{aged:?}");
    }
    assert!(entities::traces::Entity::find().all(&store.reads).await.unwrap().is_empty());
    assert_eq!(store.traces(new.id).await.unwrap().len(), 1, "it stands with the message");
    assert_eq!(age(&store, Aged::Decided, 10).await, AgedStep { more: false, changed: 1 });
    assert!(store.traces(new.id).await.unwrap().is_empty());
    // Not as if there had been no plugins.
    let [before] = store.past(&PastFilter::default(), None, 10).await.unwrap().try_into().unwrap();
    assert_eq!(before.thread, None);
    let [attempt] = entities::attempts::Entity::find().all(&store.reads).await.unwrap().try_into().unwrap();
    assert_eq!((attempt.exchange, attempt.outcome.as_deref()), (None, Some("accepted")));
    let [report] = entities::observations::Entity::find().all(&store.reads).await.unwrap().try_into().unwrap();
    assert_eq!((report.raw, report.status.as_str()), (json!([]), "delivered"));
    // The same report again is counted, not kept again.
    store.observe(database.report(Some(part.id), "SM2", Status::Delivered, 12)).await.unwrap();
    let [report] = entities::observations::Entity::find().all(&store.reads).await.unwrap().try_into().unwrap();
    assert_eq!(report.times, 2);
}

async fn what_was_told_goes_and_what_waits_stays(database: Database) {
    let store = database.store().await;
    let new = database.inbound("SM1", ANA);
    store.record(new.clone()).await.unwrap();
    let connection = database.directly().await;
    for (position, [event, callback]) in
        [["waiting", "due"], ["delivered", "done"], ["given-up", "given-up"], ["delivered", "done"]].iter().enumerate()
    {
        let row = entities::events::ActiveModel {
            id: Set(if position == 3 { younger(&database) } else { database.id() }),
            endpoint: Set("crm".to_owned()),
            kind: Set("message.forwarded".to_owned()),
            conversation_id: Set(new.conversation_id.0),
            message_id: Set(new.id.0),
            plugin: Set(None),
            body: Set("{}".to_owned()),
            state: Set((*event).to_owned()),
            created_at: Set(0),
            due_at: Set(0),
            tries: Set(1),
            lease_until: Set(None),
            answer: Set(None),
            problem: Set(None),
            finished_at: Set(None),
        };
        entities::events::Entity::insert(row).exec_without_returning(&connection).await.unwrap();
        let row = entities::callbacks::ActiveModel {
            message_id: Set(new.id.0),
            position: Set(i32::try_from(position).unwrap()),
            status: Set("sent".to_owned()),
            error_code: Set(None),
            state: Set((*callback).to_owned()),
            due_at: Set(0),
            tries: Set(1),
            lease_until: Set(None),
            problem: Set(None),
            created_at: Set(0),
            finished_at: Set(None),
        };
        entities::callbacks::Entity::insert(row).exec_without_returning(&connection).await.unwrap();
    }
    assert_eq!(store.aged(Aged::Events, at(60)).await.unwrap(), 2);
    assert_eq!(age(&store, Aged::Events, 1).await, AgedStep { more: true, changed: 1 });
    assert_eq!(age(&store, Aged::Events, 10).await, AgedStep { more: false, changed: 1 });
    let left = entities::events::Entity::find().all(&store.reads).await.unwrap();
    let mut left: Vec<String> = left.into_iter().map(|row| row.state).collect();
    left.sort();
    assert_eq!(left, ["delivered", "waiting"]);
    // Callbacks are as old as their message.
    assert_eq!(age(&store, Aged::Callbacks, 10).await, AgedStep { more: false, changed: 3 });
    let left = entities::callbacks::Entity::find().all(&store.reads).await.unwrap();
    assert_eq!(left.iter().map(|row| row.state.as_str()).collect::<Vec<_>>(), ["due"]);
}

async fn a_file_goes_when_nothing_younger_is_the_same(database: Database) {
    let store = database.store().await;
    let with = |provider_id: &str, id: Uuid, count: usize| NewInbound {
        id: MessageId(id),
        media: (0..count).map(|number| Media { url: format!("https://a/{number}"), content_type: None }).collect(),
        ..database.inbound(provider_id, ANA)
    };
    let first = with("MM1", database.id(), 2);
    let second = with("MM2", database.id(), 1);
    let young = with("MM3", younger(&database), 1);
    for new in [&first, &second, &young] {
        store.record(new.clone()).await.unwrap();
    }
    for wanted in store.claim_media(at(0), at(60), 10).await.unwrap() {
        let digest = if wanted.message_id == first.id && wanted.position == 0 { "aa" } else { "bb" };
        let file = StoredFile { digest: digest.repeat(32), bytes: 7, content_type: "image/png".to_owned() };
        store.settle_media(&wanted, Fetched::Stored(file)).await.unwrap();
    }
    let waits = store.aged_media(at(60), 10).await.unwrap();
    assert!(waits.media.is_empty() && !waits.more, "what is not processed keeps its files");
    answered(&store, &first).await;
    answered(&store, &second).await;
    answered(&store, &young).await;
    let page = store.aged_media(at(60), 3).await.unwrap();
    let found: Vec<_> = page.media.iter().map(|medium| (medium.message_id, medium.position)).collect();
    // The page is full, so its last message may go on behind it.
    assert_eq!(found, [(first.id, 0), (first.id, 1)]);
    assert!(page.more);
    assert_eq!(store.forget_media(page).await.unwrap(), AgedStep { more: true, changed: 2 });
    let page = store.aged_media(at(60), 10).await.unwrap();
    assert_eq!(page.media.len(), 1);
    assert_eq!(store.forget_media(page).await.unwrap(), AgedStep { more: false, changed: 1 });
    let dropped = store.dropped_files("", 10).await.unwrap();
    let of = |file: &DroppedFile| (file.digest.clone(), file.is_had, file.is_linked);
    let wanted = [("aa".repeat(32), false, false), ("bb".repeat(32), true, false)];
    assert_eq!(dropped.iter().map(of).collect::<Vec<_>>(), wanted);
    assert_eq!(store.dropped_files(&"aa".repeat(32), 10).await.unwrap(), dropped[1..], "page by page");
    let states = async |id| -> Vec<(MediaState, Option<String>)> {
        message(&store, id).await.media.into_iter().map(|medium| (medium.state, medium.digest)).collect()
    };
    assert_eq!(states(first.id).await, vec![(MediaState::Linked, None); 2]);
    assert_eq!(states(young.id).await, [(MediaState::Stored, Some("bb".repeat(32)))]);
    assert!(store.aged_media(at(60), 10).await.unwrap().media.is_empty());
}

async fn an_upload_goes_when_nobody_used_it_for_long(database: Database) {
    let store = database.store().await;
    let uploads: Vec<Uuid> = (0..5).map(|_| database.id()).collect();
    let file = |number: usize| StoredFile {
        digest: number.to_string().repeat(64),
        bytes: 7,
        content_type: "image/png".to_owned(),
    };
    for (number, id) in uploads.iter().enumerate() {
        store.create_upload(*id, file(number), at(0)).await.unwrap();
    }
    let [used, linked, named, ..] = uploads[..] else { unreachable!() };
    let publish = async |id, number: usize, now| {
        let link = Link { hash: format!("h{number}"), name: "a".to_owned(), file: file(number), expires_at: at(DAY) };
        assert_eq!(store.publish(vec![link], BTreeSet::from([id]), now).await.unwrap(), None);
    };
    publish(used, 0, at(90)).await;
    publish(linked, 1, at(10)).await;
    // A bulk send that goes on may need it for somebody else.
    let content = json!({ "media": [format!("media:{named}"), "https://example.mx/a"] });
    let bulk = NewBulk {
        id: database.id(),
        name: None,
        content,
        send_at: None,
        idempotency: None,
        recipients: Vec::new(),
        at: at(0),
    };
    store.take_bulk(bulk, act(0)).await.unwrap();

    assert_eq!(store.aged(Aged::Uploads, at(60)).await.unwrap(), 4);
    assert_eq!(age(&store, Aged::Uploads, 2).await, AgedStep { more: true, changed: 2 });
    assert_eq!(age(&store, Aged::Uploads, 2).await, AgedStep { more: false, changed: 1 });
    let mut left = Vec::new();
    for id in &uploads {
        left.push(store.upload(*id).await.unwrap().is_some());
    }
    assert_eq!(left, [true, false, true, false, false]);
    let dropped = store.dropped_files("", 10).await.unwrap();
    let of = |file: &DroppedFile| (file.digest.clone(), file.is_had, file.is_linked);
    let of: Vec<_> = dropped.iter().map(of).collect();
    let known = |digest: &str, is_linked| (digest.repeat(64), false, is_linked);
    assert_eq!(of, [known("1", true), known("3", false), known("4", false)]);
    // What has expired leads nowhere.
    store.publish(Vec::new(), BTreeSet::new(), at(DAY)).await.unwrap();
    assert!(!store.dropped_files("", 1).await.unwrap()[0].is_linked);
}

async fn what_somebody_let_go_of_meanwhile_is_not_forgotten(database: Database) {
    let store = database.store().await;
    let file = || StoredFile { digest: "aa".repeat(32), bytes: 7, content_type: "image/png".to_owned() };
    let drop_one = async || {
        store.create_upload(database.id(), file(), at(0)).await.unwrap();
        age(&store, Aged::Uploads, 10).await
    };
    assert_eq!(drop_one().await.changed, 1);
    let before = store.dropped_files("", 10).await.unwrap();
    assert_eq!(drop_one().await.changed, 1);
    store.forget_dropped(before).await.unwrap();
    let now = store.dropped_files("", 10).await.unwrap();
    assert_eq!(now.len(), 1);
    store.forget_dropped(now).await.unwrap();
    assert_eq!(store.dropped_files("", 10).await.unwrap(), []);
}

/// Otherwise a step would cost more, the more is stored.
async fn every_step_finds_its_rows_by_an_index(database: Database) {
    let store = database.store().await;
    let connection = database.directly().await;
    let backend = connection.get_database_backend();
    for aged in Aged::ALL {
        let key = match aged {
            Aged::Media | Aged::Callbacks => "message_id, position",
            _ => "id",
        };
        let explain = if database.is_postgres() { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
        let by_use = "COALESCE(used_at, created_at)";
        let (next, order, values): (_, _, Vec<sea_orm::Value>) = match aged {
            Aged::Uploads => (format!("SELECT id FROM uploads WHERE {UNUSED}"), by_use, vec![0_i64.into()]),
            _ => (aged.next(key), key, vec![Uuid::nil().into(), first_id(at(60)).into()]),
        };
        let sql = format!("{explain} {next} ORDER BY {order} LIMIT 10");
        let transaction = connection.begin().await.unwrap();
        if database.is_postgres() {
            // Tables as small as these are read whole, if that is not forbidden.
            transaction
                .execute_unprepared("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
                .await
                .unwrap();
        }
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await.unwrap();
        let column = if database.is_postgres() { "QUERY PLAN" } else { "detail" };
        let plan: Vec<String> = rows.iter().map(|row| row.try_get("", column).unwrap()).collect();
        let plan = plan.join("\n");
        let (good, bad) = if database.is_postgres() {
            (plan.contains("Index Cond"), plan.contains("Sort") || plan.contains("Seq Scan"))
        } else {
            let by_state = matches!(aged, Aged::Events | Aged::Callbacks);
            let index = if by_state { "_done (" } else { "SEARCH" };
            (plan.contains(index), plan.contains("SCAN") || plan.contains("B-TREE"))
        };
        assert!(good && !bad, "{aged:?}: {plan}");
        transaction.rollback().await.unwrap();
    }
    drop(store);
}
