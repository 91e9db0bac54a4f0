//! Nights and caps in the store: what waits, what is refused, and what is not.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};
use serde_json::json;

use super::gate::rules;
use super::*;
use crate::gate::{Refusal, Window};
use crate::store::entities;

on_both!(
    at_night_messages_wait_and_replies_do_not,
    what_waited_until_the_night_waits_for_the_morning,
    what_was_tried_and_waits_for_the_morning_holds_nobody_up,
    nobody_is_sent_more_than_the_cap,
);

async fn at_night_messages_wait_and_replies_do_not(database: Database) {
    let store = database.store().await;
    let start = at(0).to_zoned(jiff::tz::TimeZone::UTC);
    let hour = |hours: i64| (start.clone() + jiff::Span::new().hours(hours)).strftime("%H:%M").to_string();
    store.gate_by(rules(&format!("[quiet_hours]\nfrom = '{}'\nto = '{}'", hour(-1), hour(2))));
    let held = database.submission(ANA, &["promo"]);
    store.submit(held.clone()).await.unwrap();
    let gate = store.history(held.message.id).await.unwrap().gate.unwrap();
    let until: Timestamp = gate["until"].as_str().unwrap().parse().unwrap();
    assert_eq!(
        (&gate["verdict"], &gate["code"], &gate["time_zone"]),
        (&json!("held"), &json!("quiet-hours"), &json!("UTC"))
    );
    assert!(until > at(3600) && until <= at(7200), "{until}");
    assert_eq!(claim(&store, &database, 3600, 10).await, []);

    // Somebody who wrote just now is answered, and what waits for the morning does not hold that up.
    let new = database.inbound("SM1", ANA);
    store.record(new.clone()).await.unwrap();
    let conversation = only_conversation(&store).await.id;
    let reply = NewOutbound { in_reply_to: Some(new.id), ..database.outbound(ANA, &["hola"]) };
    store.commit(Processed { replies: vec![reply.clone()], ..processed(&new, conversation) }).await.unwrap();
    let later = database.submission(ANA, &["y además"]);
    store.submit(later.clone()).await.unwrap();
    let mut sent = Vec::new();
    for _ in 0..2 {
        let [part] = claim(&store, &database, 10, 10).await.try_into().unwrap();
        store.settle(settled(&part, 10, accepted(&format!("SM{}", part.id)))).await.unwrap();
        sent.push(part.message_id);
    }
    assert_eq!(sent, [reply.id, later.message.id]);
    assert_eq!(store.history(reply.id).await.unwrap().gate.unwrap()["exempt"], "replies");
    let [part] = claim(&store, &database, until.as_second() - at(0).as_second(), 10).await.try_into().unwrap();
    assert_eq!(part.message_id, held.message.id);

    // What its provider would send at night is kept here; what is for the day is not.
    for (hours, kept) in [(1, None), (5, Some(at(5 * 3600)))] {
        let mut planned = database.submission("+529981112255", &["plan"]);
        planned.message.schedule = Schedule::AtProvider(at(hours * 3600));
        store.submit(planned.clone()).await.unwrap();
        let of_it = entities::parts::Column::MessageId.eq(planned.message.id.0);
        let part = entities::parts::Entity::find().filter(of_it).one(&store.reads).await.unwrap().unwrap();
        let due_at = if kept.is_some() { at(0) } else { until };
        assert_eq!((part.send_at, part.due_at), (kept.map(Timestamp::as_millisecond), due_at.as_millisecond()));
        store.cancel(planned.message.id, at(1)).await.unwrap();
    }

    // Where it is noted that it is another time, that goes.
    store.submit(database.submission(LUIS, &["uno"])).await.unwrap();
    let noted = r#"UPDATE contacts SET attributes = '{"time_zone":"Pacific/Auckland"}' WHERE id = (SELECT contact_id FROM addresses WHERE address = '+529981112244')"#;
    database.directly().await.execute_unprepared(noted).await.unwrap();
    let there = database.submission(LUIS, &["dos"]);
    store.submit(there.clone()).await.unwrap();
    assert_eq!(store.history(there.message.id).await.unwrap().gate.unwrap()["verdict"], "allowed");
}

/// As when its sender is slow, or its channel was paused.
async fn what_waited_until_the_night_waits_for_the_morning(database: Database) {
    let store = database.store().await;
    let start = at(0).to_zoned(jiff::tz::TimeZone::UTC);
    let hour = |hours: i64| (start.clone() + jiff::Span::new().hours(hours)).strftime("%H:%M").to_string();
    store.gate_by(rules(&format!("[quiet_hours]\nfrom = '{}'\nto = '{}'", hour(2), hour(4))));
    let [waiting, tried] = [ANA, LUIS].map(|recipient| database.submission(recipient, &["promo"]));
    for submission in [&waiting, &tried] {
        store.submit(submission.clone()).await.unwrap();
        assert_eq!(store.history(submission.message.id).await.unwrap().gate.unwrap()["verdict"], "allowed");
    }
    let parts = claim(&store, &database, 10, 10).await;
    let part = parts.iter().find(|part| part.message_id == tried.message.id).unwrap();
    let error = crate::message::ProviderError { code: Some(20429), message: None };
    store.settle(settled(part, 10, Settled::Retry { due_at: at(3 * 3600), error: error.clone() })).await.unwrap();
    let other = parts.iter().find(|part| part.message_id == waiting.message.id).unwrap();
    store.settle(settled(other, 10, Settled::Held { until: None, error })).await.unwrap();
    assert_eq!(claim(&store, &database, 3 * 3600, 10).await, []);
    for submission in [&waiting, &tried] {
        let gate = store.history(submission.message.id).await.unwrap().gate.unwrap();
        let until: Timestamp = gate["until"].as_str().unwrap().parse().unwrap();
        assert_eq!((&gate["verdict"], &gate["time_zone"]), (&json!("held"), &json!("UTC")), "{gate}");
        assert!(until > at(3 * 3600) && until <= at(4 * 3600), "{until}");
    }
    assert_eq!(claim(&store, &database, 4 * 3600, 10).await.len(), 2);
    let waited = store.tried(tried.message.parts[0].id).await.unwrap().unwrap().waited;
    assert_eq!(waited.as_secs(), 3600, "from when it was to be tried again to the morning");
}

/// Somebody is answered at night although something that was tried before waits for the morning.
async fn what_was_tried_and_waits_for_the_morning_holds_nobody_up(database: Database) {
    let store = database.store().await;
    let start = at(0).to_zoned(jiff::tz::TimeZone::UTC);
    let hour = |hours: i64| (start.clone() + jiff::Span::new().hours(hours)).strftime("%H:%M").to_string();
    store.gate_by(rules(&format!("[quiet_hours]\nfrom = '{}'\nto = '{}'", hour(2), hour(4))));
    // To each two parts; the first is refused for now, for one until the night and for one beyond the morning.
    let [night, beyond] = [ANA, LUIS].map(|recipient| database.submission(recipient, &["promo", "y más"]));
    for (submission, hours) in [(&night, 3), (&beyond, 5)] {
        store.submit(submission.clone()).await.unwrap();
        let [part] = claim(&store, &database, 10, 10).await.try_into().unwrap();
        let error = crate::message::ProviderError { code: Some(20429), message: None };
        let due_at = at(hours * 3600);
        store.settle(settled(&part, 10, Settled::Retry { due_at, error })).await.unwrap();
    }
    assert_eq!(claim(&store, &database, 2 * 3600 - 1, 10).await, [], "a try in between holds up the second part");
    assert_eq!(claim(&store, &database, 3 * 3600, 10).await, []);

    let mut new = database.inbound("SM1", ANA);
    new.received_at = at(3 * 3600);
    store.record(new.clone()).await.unwrap();
    let conversation = message(&store, new.id).await.conversation_id;
    assert!(!store.has_older(conversation, at(3 * 3600)).await.unwrap(), "a reply may ride the answer");
    let mut reply = NewOutbound { in_reply_to: Some(new.id), ..database.outbound(ANA, &["hola"]) };
    reply.at = at(3 * 3600);
    store.commit(Processed { replies: vec![reply.clone()], ..processed(&new, conversation) }).await.unwrap();
    let [part] = claim(&store, &database, 3 * 3600, 10).await.try_into().unwrap();
    assert_eq!(part.message_id, reply.id, "it does not wait for the morning");
    store.settle(settled(&part, 3 * 3600, accepted("SM2"))).await.unwrap();

    // In the morning its parts go one after the other, and what is tried later still goes first.
    let morning = |seconds: i64| 4 * 3600 + seconds;
    let [part] = claim(&store, &database, morning(0), 10).await.try_into().unwrap();
    assert_eq!((part.message_id, part.text.as_str()), (night.message.id, "promo"));
    let error = crate::message::ProviderError { code: Some(20429), message: None };
    store.settle(settled(&part, morning(0), Settled::Retry { due_at: at(morning(60)), error })).await.unwrap();
    assert_eq!(claim(&store, &database, morning(1), 10).await, [], "it was tried by day, and holds up again");
    let texts = async |seconds| -> Vec<String> {
        let claimed = claim(&store, &database, morning(seconds), 10).await;
        for part in &claimed {
            store.settle(settled(part, morning(seconds), accepted(&format!("SM{}", part.id)))).await.unwrap();
        }
        claimed.into_iter().map(|part| part.text).collect()
    };
    assert_eq!(texts(61).await, ["promo"]);
    assert_eq!(texts(62).await, ["y más"]);
    assert_eq!(texts(3600).await, ["promo"]);
    assert_eq!(texts(3601).await, ["y más"]);
}

async fn nobody_is_sent_more_than_the_cap(database: Database) {
    let store = database.store().await;
    store.gate_by(rules("[caps]\nper_day = 2\nper_week = 3"));
    let day = 24 * 3600;
    let submit = async |recipient: &str, seconds: i64| {
        let mut submission = database.submission(recipient, &["promo"]);
        let ids = Ids::default();
        submission.message.id = MessageId(ids.next(at(seconds)));
        submission.message.at = at(seconds);
        match store.submit(submission).await.unwrap() {
            Submitted::Stored(_) => None,
            Submitted::Refused { refusal: Refusal::FrequencyCap { limit, window }, .. } => Some((limit, window)),
            other => panic!("{other:?}"),
        }
    };
    // All at once: each counts for the next.
    let at_once = futures::future::join_all((0..4).map(|_| submit(LUIS, 0))).await;
    assert_eq!(at_once.iter().filter(|refused| refused.is_none()).count(), 2, "{at_once:?}");
    let steps = [
        (0, None),
        (60, None),
        (3600, Some((2, Window::Day))),
        (day + 30, None),
        (day + 90, Some((3, Window::Week))),
        (7 * day + 120, None),
    ];
    for (seconds, expected) in steps {
        assert_eq!(submit(ANA, seconds).await, expected, "{seconds}");
    }
    // What answers them does not count.
    let new = NewInbound { received_at: at(7 * day + 130), ..database.inbound("SM1", ANA) };
    store.record(new.clone()).await.unwrap();
    let conversation = store.message(new.id).await.unwrap().unwrap().conversation_id;
    let reply = NewOutbound { in_reply_to: Some(new.id), at: at(7 * day + 131), ..database.outbound(ANA, &["hola"]) };
    let committed = store.commit(Processed { replies: vec![reply], ..processed(&new, conversation) }).await.unwrap();
    assert_eq!(committed, Committed::Done);
}
