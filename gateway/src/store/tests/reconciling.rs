//! Unknown parts and what the provider lists.

use sea_orm::{ActiveModelTrait, EntityTrait, IntoActiveModel, Set};

use super::*;
use crate::message::consent::{Choice, Source};
use crate::message::{Consent, ProviderError};
use crate::store::{Fate, Found, Hold, Latest, Pulled, Questions, Reconciliation, entities};

on_both!(
    identical_parts_are_bound_one_to_one,
    what_another_part_has_or_may_be_getting_is_not_bound,
    only_what_is_certainly_absent_is_sent_again,
    an_older_text_of_the_same_words_holds_what_is_unknown_only_while_nobody_has_it,
    a_part_goes_the_way_it_was_sent,
    a_listed_refusal_of_the_recipient_is_an_opting_out,
    whoever_opted_in_since_stays_so,
    a_report_of_a_message_that_another_part_was_given_moves_that_one,
    a_late_end_of_an_old_try_changes_nothing_newer,
    a_reply_that_was_sent_by_itself_rides_no_answer,
    questions_are_due_once_and_in_time,
    a_pull_begins_where_the_last_one_ended,
    what_a_clock_that_was_ahead_has_read_is_read_again,
);

pub(super) fn found(provider_id: &str, text: &str, seconds: i64) -> Found {
    Found {
        provider_id: provider_id.to_owned(),
        reply: false,
        sender: Some(Address::received("+525500000001")),
        service: None,
        text: text.to_owned(),
        media: 0,
        status: Status::Sent,
        segments: Some(2),
        error: None,
        consent: None,
        created_at: at(seconds),
    }
}

pub(super) fn listing(asked: &[PartId], found: Vec<Found>, seconds: i64) -> Reconciliation {
    Reconciliation {
        channel: "sms".to_owned(),
        channels: vec!["sms".to_owned(), "other".to_owned()],
        sender: Some(Address::received(OURS)),
        recipient: Address::received(ANA),
        found,
        since: at(-100_000),
        asked: asked.iter().map(|id| (*id, Some(at(seconds + 40)))).collect(),
        resend_before: Some(at(seconds - 600)),
        waited: asked.to_vec(),
        tries: 3,
        at: at(seconds),
    }
}

pub(super) fn unknown() -> Settled {
    Settled::Unknown { error: ProviderError { code: None, message: Some("timed out".to_owned()) } }
}

/// Parts with these texts, one message each, whose tries began at 0 and ended unknown at 10.
async fn lost(store: &Store, database: &Database, texts: &[&str]) -> Vec<Claimed> {
    let mut lost = Vec::new();
    for text in texts {
        store.submit(database.submission(ANA, &[text])).await.unwrap();
        let [part] = claim(store, database, 0, 10).await.try_into().unwrap();
        store.settle(settled(&part, 10, unknown())).await.unwrap();
        lost.push(part);
    }
    lost
}

pub(super) fn ids(parts: &[Claimed]) -> Vec<PartId> {
    parts.iter().map(|part| part.id).collect()
}

pub(super) async fn fates(store: &Store, listed: Reconciliation) -> Vec<(PartId, Fate)> {
    store.reconcile(listed).await.unwrap().into_iter().map(|one| (one.part_id, one.fate)).collect()
}

async fn identical_parts_are_bound_one_to_one(database: Database) {
    let store = database.store().await;
    let parts = lost(&store, &database, &["igual", "igual", "Dijo “hola”", "igual"]).await;
    let listed = vec![found("SM4", " igual\n", 4), found("SM3", "Dijo \"hola\"", 3), found("SM2", "igual", 2)];
    let fates = fates(&store, listing(&ids(&parts), listed, 60)).await;
    let bound = Fate::Found(Status::Sent);
    assert_eq!(fates[..3], [(parts[0].id, bound), (parts[1].id, bound), (parts[2].id, bound)]);
    assert_eq!(fates[3..], [(parts[3].id, Fate::Open)], "there is none left, and it is early");
    for (part, provider_id) in parts.iter().zip([Some("SM2"), Some("SM4"), Some("SM3"), None]) {
        let message = message(&store, part.message_id).await;
        assert_eq!(message.provider_id.as_deref(), provider_id);
        assert_eq!(message.status, if provider_id.is_some() { Status::Sent } else { Status::Unknown });
        assert_eq!(message.segments, Some(if provider_id.is_some() { 2 } else { 1 }));
        assert_eq!(message.error_message.is_none(), provider_id.is_some());
    }
}

async fn what_another_part_has_or_may_be_getting_is_not_bound(database: Database) {
    let store = database.store().await;
    let parts = lost(&store, &database, &["igual"]).await;
    store.submit(database.submission(ANA, &["igual"])).await.unwrap();
    let [other] = claim(&store, &database, 20, 10).await.try_into().unwrap();
    let listed = || vec![found("SM1", "igual", 21)];
    let open = [(parts[0].id, Fate::Open)];
    assert_eq!(fates(&store, listing(&ids(&parts), listed(), 1000)).await, open, "the other is being sent");
    let due = store.due_questions(at(1039), at(9000), vec!["sms".to_owned()], 10).await.unwrap();
    assert_eq!(due, [], "and it is asked again soon, not now");
    store.settle(settled(&other, 1001, accepted("SM1"))).await.unwrap();
    let [(_, fate)] = fates(&store, listing(&ids(&parts), listed(), 1002)).await.try_into().unwrap();
    assert_eq!(fate, Fate::Resent, "the listed one is the other's, so this one is not there");
}

async fn only_what_is_certainly_absent_is_sent_again(database: Database) {
    let store = database.store().await;
    let parts = lost(&store, &database, &["hola"]).await;
    let (id, all) = (parts[0].id, ids(&parts));
    let message_id = parts[0].message_id;
    let foreign = || vec![found("SM9", "otra cosa", 5)];
    let long_ago = || vec![found("SM8", "otra cosa", -400)];
    let by_a_clock_ahead = || vec![found("SM8", " hola\n", -86_000)];
    let cases = [
        (listing(&all, foreign(), 1000), Fate::Held(Hold::Unexplained)),
        (listing(&all, by_a_clock_ahead(), 1000), Fate::Held(Hold::Misdated)),
        (Reconciliation { resend_before: None, ..listing(&all, vec![], 1000) }, Fate::Held(Hold::Policy)),
        (listing(&all, vec![], 609), Fate::Open),
        (listing(&[], vec![], 1000), Fate::Open),
        (Reconciliation { waited: vec![], ..listing(&all, vec![], 1000) }, Fate::Open),
        (Reconciliation { waited: vec![], tries: 1, ..listing(&all, vec![], 1000) }, Fate::Open),
    ];
    for (listed, fate) in cases {
        assert_eq!(fates(&store, listed).await, [(id, fate)]);
        let message = message(&store, message_id).await;
        assert_eq!(message.status, Status::Unknown);
        if let Fate::Held(hold) = fate {
            assert_eq!(message.error_message.as_deref(), Some(hold.reason()));
        }
    }
    let recent = Reconciliation { since: at(-86_399), ..listing(&all, vec![], 1000) };
    assert_eq!(fates(&store, recent).await, [], "the list does not go back far enough");
    assert_eq!(fates(&store, listing(&all, long_ago(), 610)).await, [(id, Fate::Resent)]);
    assert_eq!(status(&store, message_id).await, Status::Pending);
    let [again] = claim(&store, &database, 611, 10).await.try_into().unwrap();
    assert_eq!((again.id, again.attempts), (id, 2));
    store.settle(settled(&again, 620, unknown())).await.unwrap();
    // From the first try on that may have arrived.
    let late = vec![found("SM1", "hola", 1)];
    assert_eq!(fates(&store, listing(&all, late, 650)).await, [(id, Fate::Found(Status::Sent))]);

    let parts = lost(&store, &database, &["nunca"]).await;
    let tried = Reconciliation { tries: 1, ..listing(&ids(&parts), vec![], 1000) };
    assert_eq!(fates(&store, tried).await, [(parts[0].id, Fate::GivenUp)]);
    let message = message(&store, parts[0].message_id).await;
    assert_eq!((message.status, message.error_message.is_some()), (Status::Failed, true));
}

async fn an_older_text_of_the_same_words_holds_what_is_unknown_only_while_nobody_has_it(database: Database) {
    let store = database.store().await;
    store.submit(database.submission(ANA, &["igual"])).await.unwrap();
    let [older] = claim(&store, &database, 0, 10).await.try_into().unwrap();
    store.settle(settled(&older, 0, accepted("SM1"))).await.unwrap();
    let parts = lost(&store, &database, &["igual"]).await;
    let look = async |found: Found| {
        let listed = Reconciliation { tries: 9, ..listing(&ids(&parts), vec![found], 1000) };
        fates(&store, listed).await
    };
    let misdated = [(parts[0].id, Fate::Held(Hold::Misdated))];
    assert_eq!(look(found("SM2", "igual", -500)).await, misdated, "nobody has that one");
    let answer = Found { reply: true, ..found("SM2", "igual", -500) };
    let with_a_picture = Found { media: 1, ..found("SM2", "igual", -500) };
    for other in [found("SM1", "igual", -500), answer, with_a_picture, found("SM2", "otra", -500)] {
        assert_eq!(look(other.clone()).await, [(parts[0].id, Fate::Resent)], "{other:?}");
        let [again] = claim(&store, &database, 1001, 10).await.try_into().unwrap();
        store.settle(settled(&again, 10, unknown())).await.unwrap();
    }
}

async fn a_part_goes_the_way_it_was_sent(database: Database) {
    let store = database.store().await;
    let reply = answered(&store, &database).await;
    let parts = lost(&store, &database, &["hola"]).await;
    let all = [reply.parts[0].id, parts[0].id];
    let by_request = found("SM1", "hola", 2);
    let by_answer = Found { reply: true, ..found("SM2", "hola", 3) };
    let bound = Fate::Found(Status::Sent);
    let mut bindings = fates(&store, listing(&all, vec![by_answer, by_request], 60)).await;
    bindings.sort_by_key(|(id, _)| *id != all[0]);
    assert_eq!(bindings, [(all[0], bound), (all[1], bound)]);
    assert_eq!(message(&store, reply.id).await.provider_id.as_deref(), Some("SM2"));
    assert_eq!(message(&store, parts[0].message_id).await.provider_id.as_deref(), Some("SM1"));
}

/// One that the provider did not send, since its recipient had opted out.
fn refused(provider_id: &str, text: &str, seconds: i64) -> Found {
    Found {
        status: Status::Failed,
        error: Some(ProviderError { code: Some(21610), message: Some("unsubscribed".to_owned()) }),
        consent: Some(Consent { choice: Choice::OptedOut, source: Source::Provider, code: Some(21610) }),
        ..found(provider_id, text, seconds)
    }
}

async fn a_listed_refusal_of_the_recipient_is_an_opting_out(database: Database) {
    let store = database.store().await;
    let parts = lost(&store, &database, &["uno", "dos"]).await;
    let waiting = database.submission(ANA, &["tres"]);
    let other = database.submission(LUIS, &["tres"]);
    for submission in [&waiting, &other] {
        store.submit(submission.clone()).await.unwrap();
    }
    let listed = listing(&ids(&parts), vec![refused("SM1", "uno", 2)], 1000);
    let expected = [(parts[0].id, Fate::Found(Status::Failed)), (parts[1].id, Fate::Resent)];
    assert_eq!(fates(&store, listed).await, expected);
    let [known] = store.consents(&Address::received(ANA)).await.unwrap().try_into().unwrap();
    assert_eq!((known.channel.as_str(), known.state.as_str(), known.source.as_str()), ("sms", "opted_out", "provider"));
    assert_eq!((known.error_code, known.message_id, known.at), (Some(21610), Some(parts[0].message_id), at(2)));
    for id in [parts[0].message_id, parts[1].message_id, waiting.message.id] {
        let ended = message(&store, id).await;
        assert_eq!((ended.status, ended.error_code), (Status::Failed, Some(21610)), "{ended:?}");
    }
    let left: Vec<_> = claim(&store, &database, 1001, 10).await.into_iter().map(|part| part.message_id).collect();
    assert_eq!(left, [other.message.id]);
    let more = store.submit(database.submission(ANA, &["cuatro"])).await.unwrap();
    assert_eq!(more.refusal(), Some(&opted_out(at(2))), "since the provider was asked, whenever that is known");
}

/// The list is read late: what it tells is of the time when the message was made.
async fn whoever_opted_in_since_stays_so(database: Database) {
    let store = database.store().await;
    let parts = lost(&store, &database, &["uno", "dos"]).await;
    for (provider_id, choice, seconds) in [("SM8", Choice::OptedOut, 1), ("SM9", Choice::OptedIn, 20)] {
        let consent = Some(Consent { choice, source: Source::Message, code: Some(21610) });
        let word = NewInbound { consent, received_at: at(seconds), ..database.inbound(provider_id, ANA) };
        store.record(word).await.unwrap();
    }
    let waiting = database.submission(ANA, &["tres"]);
    store.submit(waiting.clone()).await.unwrap();
    let state = async || store.consents(&Address::received(ANA)).await.unwrap()[0].state.clone();
    fates(&store, listing(&ids(&parts), vec![refused("SM1", "uno", 2)], 60)).await;
    assert_eq!((state().await.as_str(), status(&store, waiting.message.id).await), ("opted_in", Status::Pending));
    fates(&store, listing(&ids(&parts), vec![refused("SM2", "dos", 21)], 90)).await;
    assert_eq!((state().await.as_str(), status(&store, waiting.message.id).await), ("opted_out", Status::Failed));
}

/// A text of Ana's that was answered with "hola".
pub(super) async fn answered(store: &Store, database: &Database) -> NewOutbound {
    let text = database.inbound("SM100", ANA);
    store.record(text.clone()).await.unwrap();
    let conversation = only_conversation(store).await.id;
    let reply = NewOutbound {
        route: Route::Answer { ask_at: at(20) },
        in_reply_to: Some(text.id),
        ..database.outbound(ANA, &["hola"])
    };
    let processed = Processed {
        answer: Some("<Response/>".to_owned()),
        replies: vec![reply.clone()],
        ..processed(&text, conversation)
    };
    assert_eq!(store.commit(processed).await.unwrap(), Committed::Done);
    reply
}

/// Two identical parts, of which the first was given what the second had become: they stay two.
async fn a_report_of_a_message_that_another_part_was_given_moves_that_one(database: Database) {
    let store = database.store().await;
    let parts = lost(&store, &database, &["igual", "igual"]).await;
    let listed = vec![found("SM2", "igual", 2)];
    fates(&store, listing(&ids(&parts), listed, 60)).await;
    let report = database.report(Some(parts[1].id), "SM2", Status::Delivered, 61);
    let moved = Observed::Message { id: parts[0].message_id, status: Status::Delivered, conflict: false };
    assert_eq!(store.observe(report).await.unwrap(), moved);
    assert_eq!(status(&store, parts[1].message_id).await, Status::Unknown);
    // Its own try comes to its end late, with the message that the other has.
    store.settle(settled(&parts[1], 62, accepted("SM2"))).await.unwrap();
    assert_eq!(status(&store, parts[1].message_id).await, Status::Unknown);
    let fates = fates(&store, listing(&ids(&parts), vec![found("SM2", "igual", 2)], 1000)).await;
    assert_eq!(fates, [(parts[1].id, Fate::Resent)]);
}

async fn a_late_end_of_an_old_try_changes_nothing_newer(database: Database) {
    let store = database.store().await;
    let parts = lost(&store, &database, &["hola"]).await;
    fates(&store, listing(&ids(&parts), vec![], 1000)).await;
    let [again] = claim(&store, &database, 1001, 10).await.try_into().unwrap();
    let error = ProviderError::default();
    store.settle(settled(&parts[0], 1002, Settled::Retry { due_at: at(1002), error })).await.unwrap();
    assert_eq!(claim(&store, &database, 1003, 10).await, [], "the second try is under way");
    store.settle(settled(&again, 1004, accepted("SM1"))).await.unwrap();
    assert_eq!(status(&store, again.message_id).await, Status::Queued);
}

async fn a_reply_that_was_sent_by_itself_rides_no_answer(database: Database) {
    let store = database.store().await;
    let reply = answered(&store, &database).await;
    let (id, text) = (reply.parts[0].id, reply.in_reply_to.unwrap());
    // The same answer again puts it on its way again.
    assert!(store.answer_again(text, at(500)).await.unwrap());
    assert_eq!(fates(&store, listing(&[id], vec![], 1000)).await, [(id, Fate::Open)]);
    assert_eq!(fates(&store, listing(&[id], vec![], 1115)).await, [(id, Fate::Resent)]);
    assert!(!store.answer_again(text, at(1116)).await.unwrap());
    let again = store.record(database.inbound("SM100", ANA)).await.unwrap();
    assert_eq!(again, Receipt::Repeat { of: text, answered: Answered::Empty });
    let [part] = claim(&store, &database, 1120, 10).await.try_into().unwrap();
    assert_eq!(part.id, id);
    store.settle(settled(&part, 1125, unknown())).await.unwrap();
    // Now it may have gone either way.
    let by_answer = Found { reply: true, ..found("SM1", "hola", 6) };
    assert_eq!(fates(&store, listing(&[id], vec![by_answer], 1200)).await, [(id, Fate::Found(Status::Sent))]);
}

async fn questions_are_due_once_and_in_time(database: Database) {
    let store = database.store().await.asking(Questions {
        unknown: std::time::Duration::from_secs(20),
        accepted: Some(std::time::Duration::from_mins(15)),
    });
    let sms = || vec!["sms".to_owned()];
    let due = async |seconds| -> Vec<(PartId, u32)> {
        let due = store.due_questions(at(seconds), at(seconds + 300), sms(), 10).await.unwrap();
        due.into_iter().map(|due| (due.part_id, due.checks)).collect()
    };
    let parts = lost(&store, &database, &["hola"]).await;
    store.submit(database.submission(LUIS, &["hola"])).await.unwrap();
    let [taken] = claim(&store, &database, 0, 10).await.try_into().unwrap();
    store.settle(settled(&taken, 10, accepted("SM7"))).await.unwrap();
    assert_eq!(due(29).await, []);
    assert_eq!(store.due_questions(at(30), at(330), vec!["other".to_owned()], 10).await.unwrap(), []);
    let [asked] = store.due_questions(at(30), at(330), sms(), 10).await.unwrap().try_into().unwrap();
    assert_eq!((asked.part_id, asked.provider_id.as_deref(), asked.checks), (parts[0].id, None, 1));
    assert_eq!((asked.began_at, asked.ended_at), (at(0), at(10)));
    assert_eq!(due(30).await, [], "somebody is asking");
    assert_eq!(due(330).await, [(parts[0].id, 2)], "and did not come back");
    store.ask_again(vec![parts[0].id], None, 2).await.unwrap();
    assert_eq!(due(909).await, []);
    assert_eq!(due(910).await, [(taken.id, 1)]);
    store.ask_again(vec![taken.id], Some(at(1000)), 1).await.unwrap();
    store.observe(database.report(None, "SM7", Status::Sent, 950)).await.unwrap();
    assert_eq!(due(1000).await, [(taken.id, 2)], "a report that is not final changes nothing of it");
    store.observe(database.report(None, "SM7", Status::Delivered, 1001)).await.unwrap();
    store.ask_again(vec![taken.id], Some(at(1002)), 2).await.unwrap();
    assert_eq!(due(9000).await, [], "nothing is left to ask");

    // One from before there were questions is never asked about, and so never sent again.
    let parts = lost(&store, &database, &["antigua"]).await;
    let row = entities::parts::Entity::find_by_id(parts[0].id.0).one(&store.reads).await.unwrap().unwrap();
    let mut row = row.into_active_model();
    (row.check_at, row.unknown_at) = (Set(None), Set(None));
    row.update(&database.directly().await).await.unwrap();
    assert_eq!(due(99_000).await, []);
}

async fn a_pull_begins_where_the_last_one_ended(database: Database) {
    let store = database.store().await;
    let pulled = |began_at, reached_at| Pulled { began_at: at(began_at), reached_at: at(reached_at), was_ahead: false };
    let begin = async |channel: &str, seconds| {
        let latest = Latest { began_at: at(0), reached_at: at(0) };
        store.begin_pull(channel, at(seconds), latest).await.unwrap()
    };
    assert_eq!(begin("sms", 10).await, pulled(10, 10));
    store.end_pull("sms", at(50)).await.unwrap();
    store.end_pull("sms", at(40)).await.unwrap();
    assert_eq!(begin("sms", 90).await, pulled(10, 50));
    assert_eq!(begin("sms", 50).await, pulled(10, 50));
    assert_eq!(begin("other", 90).await, pulled(90, 90));
    store.record(database.inbound("SM1", ANA)).await.unwrap();
    let asked = ["SM1".to_owned(), "SM2".to_owned()];
    assert_eq!(Vec::from_iter(store.recorded("sms", &asked).await.unwrap()), ["SM1"]);
    assert!(store.recorded("other", &asked).await.unwrap().is_empty());
}

async fn what_a_clock_that_was_ahead_has_read_is_read_again(database: Database) {
    let store = database.store().await;
    let begin = async |seconds, began_at, reached_at| {
        let latest = Latest { began_at: at(began_at), reached_at: at(reached_at) };
        let pulled = store.begin_pull("sms", at(seconds), latest).await.unwrap();
        (pulled.began_at, pulled.reached_at, pulled.was_ahead)
    };
    assert_eq!(begin(7200, 7200, -80_000).await, (at(7200), at(7200), false));
    store.end_pull("sms", at(7300)).await.unwrap();
    // The clock was two hours ahead, and is set right.
    assert_eq!(begin(120, 60, -30).await, (at(60), at(-30), true));
    assert_eq!(begin(130, 130, 130).await, (at(60), at(-30), false), "until it is read");
    store.end_pull("sms", at(125)).await.unwrap();
    // Another gateway's clock is ahead: what is never in the future stays as it is.
    store.end_pull("sms", at(900)).await.unwrap();
    assert_eq!(begin(300, 0, 180).await, (at(60), at(180), true));
    assert_eq!(begin(-100, 500, 500).await, (at(-100), at(-100), true), "never later than now");
}
