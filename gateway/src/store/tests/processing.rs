//! Committing what processing came to.

use futures::future::join_all;
use sea_orm::{EntityTrait, Set};
use serde_json::json;

use super::*;
use crate::message::{ConversationStatus, Direction};
use crate::store::{MessageFilter, PastFilter, Recorded, entities};

on_both!(
    all_that_follows_is_committed_as_one,
    a_message_is_processed_once,
    closed_is_the_end_of_a_conversation,
    unprocessed_messages_come_oldest_first,
    a_reply_in_an_answer_is_unknown_until_a_report,
    no_reply_rides_an_answer_past_what_waits_for_the_same_person,
    no_character_keeps_the_rest_from_being_stored,
    what_was_decided_before_it_stood_with_the_message_is_read_as_well,
);

async fn all_that_follows_is_committed_as_one(database: Database) {
    let store = database.store().await;
    let new = database.inbound("SM1", ANA);
    store.record(new.clone()).await.unwrap();
    assert_eq!(store.answered(new.id).await.unwrap(), Answered::NotYet);
    let mut reply = database.outbound(ANA, &["one ", "two"]);
    reply.in_reply_to = Some(new.id);
    reply.plugin = Some("auto-reply".to_owned());
    reply.at = at(7);
    reply.media = vec!["https://example.mx/b".to_owned(), "https://example.mx/a".to_owned()];
    reply.parts[0].media.clone_from(&reply.media);
    let processed = Processed {
        at: at(7),
        seed: Some(u64::MAX),
        answer: Some("<Response/>".to_owned()),
        status: Some(ConversationStatus::Active),
        tags: Some(vec!["ventas".to_owned(), "vip".to_owned()]),
        replies: vec![reply.clone()],
        traces: vec![
            Trace { error: Some("it trapped".to_owned()), ..trace(&database, new.id, "broken") },
            trace(&database, new.id, "auto-reply"),
        ],
        ..processed(&new, new.conversation_id)
    };
    assert!(store.commit(processed).await.unwrap().is_done());

    assert_eq!(store.answered(new.id).await.unwrap(), Answered::With("<Response/>".to_owned()));
    assert_eq!(message(&store, new.id).await.processed_at, Some(at(7)));
    let conversation = only_conversation(&store).await;
    assert_eq!(conversation.status, ConversationStatus::Active);
    assert_eq!(conversation.tags, ["ventas", "vip"]);
    assert_eq!((conversation.last_message_at, conversation.last_inbound_at), (at(7), Some(at(0))));

    let stored = message(&store, reply.id).await;
    assert_eq!((stored.direction, stored.status), (Direction::Outbound, Status::Pending));
    assert_eq!((stored.in_reply_to, stored.plugin.as_deref()), (Some(new.id), Some("auto-reply")));
    assert_eq!(stored.conversation_id, new.conversation_id);
    assert_eq!(stored.media.iter().map(|media| media.url.clone()).collect::<Vec<_>>(), reply.media);
    assert_eq!(stored.parts.iter().map(|part| part.id).collect::<Vec<_>>(), [reply.parts[0].id, reply.parts[1].id]);

    let traces = store.traces(new.id).await.unwrap();
    assert_eq!(traces.iter().map(|trace| trace.plugin.as_str()).collect::<Vec<_>>(), ["broken", "auto-reply"]);
    assert_eq!(traces[0].error.as_deref(), Some("it trapped"));
    assert_eq!((traces[1].duration_micros, &traces[1].error), (123, &None));
    assert_eq!(traces[1].decision, json!({ "actions": [], "flow": "proceed", "left_out": [] }));
    assert_eq!((traces[1].hook, traces[1].at, traces[1].seed), (Hook::Inbound, at(4), Some(u64::MAX)));

    let [part] = claim(&store, &database, 7, 10).await.try_into().unwrap();
    assert_eq!((part.text.as_str(), part.media), ("one ", reply.media));
}

async fn no_reply_rides_an_answer_past_what_waits_for_the_same_person(database: Database) {
    let store = database.store().await;
    let scheduled = |recipient: &str, seconds: i64| {
        let mut submission = database.submission(recipient, &["antes"]);
        submission.message.schedule = Schedule::At(at(seconds));
        submission
    };
    // Due before the text is processed, at 5 seconds, and not before.
    store.submit(scheduled(ANA, 5)).await.unwrap();
    store.submit(scheduled(LUIS, 6)).await.unwrap();
    for (sender, committed, waits) in [(ANA, Committed::Unanswered, 2), (LUIS, Committed::Done, 0)] {
        let new = database.inbound(&format!("SM-{sender}"), sender);
        store.record(new.clone()).await.unwrap();
        let conversation = message(&store, new.id).await.conversation_id;
        let reply = NewOutbound { route: Route::Answer { ask_at: at(20) }, ..database.outbound(sender, &["hola"]) };
        let answer = Some("<Response>hola</Response>".to_owned());
        let processed = Processed { answer, replies: vec![reply.clone()], ..processed(&new, conversation) };
        assert_eq!(store.commit(processed).await.unwrap(), committed);
        let answered = matches!(store.answered(new.id).await.unwrap(), Answered::With(_));
        assert_eq!(answered, committed == Committed::Done);
        let mut waiting = Vec::new();
        while let [part] = &claim(&store, &database, 5, 10).await[..] {
            waiting.push(part.message_id);
            store.settle(settled(part, 5, accepted(&part.id.to_string()))).await.unwrap();
        }
        assert_eq!((waiting.len(), waiting.contains(&reply.id)), (waits, waits > 0));
    }
}

async fn a_message_is_processed_once(database: Database) {
    let store = database.store().await;
    let new = database.inbound("SM1", ANA);
    store.record(new.clone()).await.unwrap();
    let commits = join_all((0..10).map(|number| {
        store.commit(Processed {
            tags: Some(vec![number.to_string()]),
            replies: vec![database.outbound(ANA, &["hola"])],
            traces: vec![trace(&database, new.id, "auto-reply")],
            ..processed(&new, new.conversation_id)
        })
    }))
    .await;
    let done: Vec<bool> = commits.into_iter().map(|committed| committed.unwrap().is_done()).collect();
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
    let winner = done.iter().position(|done| *done).unwrap();
    assert_eq!(only_conversation(&store).await.tags, [winner.to_string()]);
    assert_eq!(store.traces(new.id).await.unwrap().len(), 1);
    let outbound = MessageFilter { direction: Some(Direction::Outbound), ..MessageFilter::default() };
    assert_eq!(store.messages(outbound, None, 100).await.unwrap().items.len(), 1);
    let nobody = database.inbound("SM2", ANA);
    assert!(!store.commit(processed(&nobody, new.conversation_id)).await.unwrap().is_done(), "it was never recorded");
}

/// Two messages come in, the first closes the conversation, a third begins the next one. What the
/// second asks for must neither fail nor open the old conversation beside the new one.
async fn closed_is_the_end_of_a_conversation(database: Database) {
    let store = database.store().await;
    let [first, second, third] = ["SM1", "SM2", "SM3"].map(|provider_id| database.inbound(provider_id, ANA));
    store.record(first.clone()).await.unwrap();
    store.record(second.clone()).await.unwrap();
    let old = first.conversation_id;
    let close = Processed { status: Some(ConversationStatus::Closed), ..processed(&first, old) };
    assert!(store.commit(close).await.unwrap().is_done());
    store.record(third.clone()).await.unwrap();
    let reopen = Processed {
        status: Some(ConversationStatus::Active),
        tags: Some(vec!["vip".to_owned()]),
        ..processed(&second, old)
    };
    assert!(store.commit(reopen).await.unwrap().is_done());
    let old = store.conversation(old).await.unwrap().unwrap();
    assert_eq!((old.status, old.tags), (ConversationStatus::Closed, vec!["vip".to_owned()]));
    let new = store.conversation(third.conversation_id).await.unwrap().unwrap();
    assert_eq!((new.status, new.inbound_count), (ConversationStatus::Pending, 1));
}

async fn unprocessed_messages_come_oldest_first(database: Database) {
    let (store, mut recordings) = database.open().await;
    let mut all = Vec::new();
    for (provider_id, sender) in [("SM1", ANA), ("SM2", LUIS), ("SM3", ANA)] {
        store.record(database.inbound(provider_id, sender)).await.unwrap();
        all.push(Recorded { fresh: None, ..recordings.recv().await.unwrap() });
    }
    store.submit(database.submission(ANA, &["hola"])).await.unwrap();
    assert_eq!(store.unprocessed(10).await.unwrap(), all);
    assert_eq!(store.unprocessed(2).await.unwrap(), all[..2]);
    let second = NewInbound { id: all[1].id, ..database.inbound("SM2", LUIS) };
    assert!(store.commit(processed(&second, all[1].conversation_id)).await.unwrap().is_done());
    assert_eq!(store.unprocessed(10).await.unwrap(), [all[0].clone(), all[2].clone()]);
    assert_eq!(store.answered(second.id).await.unwrap(), Answered::Empty);
}

async fn a_reply_in_an_answer_is_unknown_until_a_report(database: Database) {
    let store = database.store().await;
    let new = database.inbound("SM1", ANA);
    store.record(new.clone()).await.unwrap();
    let reply = NewOutbound { route: Route::Answer { ask_at: at(20) }, ..database.outbound(ANA, &["hola"]) };
    let processed = Processed { replies: vec![reply.clone()], ..processed(&new, new.conversation_id) };
    assert!(store.commit(processed).await.unwrap().is_done());
    let stored = message(&store, reply.id).await;
    assert_eq!((stored.status, stored.parts[0].status), (Status::Unknown, Status::Unknown));
    assert_eq!(stored.parts[0].attempts, 1);
    assert_eq!(claim(&store, &database, 100, 10).await, [], "it must not be sent a second time");
    let report = database.report(Some(reply.parts[0].id), "SM9", Status::Sent, 3);
    let seen = store.observe(report).await.unwrap();
    assert_eq!(seen, Observed::Message { id: reply.id, status: Status::Sent, conflict: false });
    let stored = message(&store, reply.id).await;
    assert_eq!((stored.status, stored.provider_id.as_deref()), (Status::Sent, Some("SM9")));
}

/// Postgres takes no NUL in a text, and a plugin may say anything.
async fn no_character_keeps_the_rest_from_being_stored(database: Database) {
    const ODD: &str = "a\0b\u{FFFF}\u{202E}\u{1F9D1}";
    let (store, mut recordings) = database.open().await;
    let mut new = database.inbound("SM1", ANA);
    new.text = ODD.to_owned();
    new.media = vec![crate::message::Media { url: ODD.to_owned(), content_type: Some(ODD.to_owned()) }];
    new.extra = vec![(ODD.to_owned(), ODD.to_owned())];
    store.record(new.clone()).await.unwrap();
    let reply = NewOutbound { media: vec![ODD.to_owned()], ..database.outbound(ANA, &[ODD]) };
    let odd = Trace {
        version: ODD.to_owned(),
        decision: json!({ "actions": [{ "tag": ODD }] }),
        error: Some(ODD.to_owned()),
        ..trace(&database, new.id, "hostile")
    };
    let processed = Processed {
        answer: Some(ODD.to_owned()),
        tags: Some(vec![ODD.to_owned()]),
        replies: vec![reply.clone()],
        traces: vec![odd],
        ..processed(&new, new.conversation_id)
    };
    assert!(store.commit(processed).await.unwrap().is_done());
    let kept = ODD.replace('\0', "\u{FFFD}");
    assert_eq!(store.answered(new.id).await.unwrap(), Answered::With(kept.clone()));
    assert_eq!(message(&store, new.id).await.text, kept);
    assert_eq!(message(&store, reply.id).await.media[0].url, kept);
    assert_eq!(only_conversation(&store).await.tags, [kept.as_str()]);
    let expected = json!({ "actions": [{ "tag": kept }] });
    assert_eq!(store.traces(new.id).await.unwrap()[0].decision, expected);
    assert_eq!(recordings.recv().await.unwrap().text, ODD, "plugins see what was sent");

    let [part] = claim(&store, &database, 9, 1).await.try_into().unwrap();
    assert_eq!(part.text, kept);
    let error = crate::message::ProviderError { code: None, message: Some(ODD.to_owned()) };
    store.settle(settled(&part, 10, Settled::Unknown { error: error.clone() })).await.unwrap();
    let report = database.report(Some(part.id), "SM2", Status::Undelivered, 11);
    store.observe(NewObservation { error: Some(error), ..report }).await.unwrap();
    assert_eq!(message(&store, reply.id).await.error_message, Some(kept));
}

async fn what_was_decided_before_it_stood_with_the_message_is_read_as_well(database: Database) {
    let store = database.store().await;
    let new = database.inbound("SM1", ANA);
    store.record(new.clone()).await.unwrap();
    store.commit(Processed { seed: Some(7), ..processed(&new, new.conversation_id) }).await.unwrap();
    let row = |plugin: &str, further: Option<&str>| entities::traces::ActiveModel {
        id: Set(database.id()),
        message_id: Set(new.id.0),
        position: Set(0),
        plugin: Set(plugin.to_owned()),
        version: Set("1.0.0".to_owned()),
        digest: Set("ab".repeat(32)),
        decision: Set(json!({ "actions": [] })),
        error: Set(None),
        duration_micros: Set(5),
        created_at: Set(at(4).as_millisecond()),
        hook: Set("inbound".to_owned()),
        seed: Set(Some(7)),
        further: Set(further.map(str::to_owned)),
    };
    let second = r#"[{"plugin":"b","version":"1.0.0","digest":"","decision":{},"error":null,"duration_micros":1}]"#;
    let rows = [row("a", Some(second)), row("c", None)];
    let moment = rows[0].id.clone().unwrap();
    entities::traces::Entity::insert_many(rows).exec_without_returning(&database.directly().await).await.unwrap();

    let names = |traces: &[Trace]| traces.iter().map(|trace| trace.plugin.clone()).collect::<Vec<_>>();
    assert_eq!(names(&store.traces(new.id).await.unwrap()), ["a", "b", "c"]);
    let asked = store.asked(new.id).await.unwrap().unwrap();
    assert_eq!((asked.at, asked.seed, asked.moment), (at(4), Some(7), moment));
    let past = store.past(&PastFilter::default(), None, 10).await.unwrap();
    assert_eq!(names(&past[0].traces), ["a", "b", "c"]);
    assert_eq!(past[0].asked, asked);
}
