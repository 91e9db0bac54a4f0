//! Opting out: what is kept, what ends with it, what is not stored any more.

use futures::future::join_all;
use sea_orm::EntityTrait;
use serde_json::json;

use super::*;
use crate::message::consent::{Choice, Source};
use crate::message::{Consent, ProviderError};
use crate::store::entities;

on_both!(
    whoever_opts_out_is_sent_nothing_more,
    only_an_opting_out_can_be_taken_back,
    a_providers_word_counts_as_much,
    an_old_report_undoes_nothing,
    what_was_under_way_does_not_go_back_to_the_queue,
    replies_are_left_out_and_the_trace_says_why,
    a_claim_hands_out_nothing_to_whoever_opted_out,
    a_claim_leaves_paused_channels_out,
    what_is_held_keeps_its_place_and_its_tries,
    submitting_while_opting_out_leaves_nothing_behind,
    what_a_provider_keeps_for_whoever_opted_out_is_found,
);

const REASON: &str = "the recipient has opted out of messages on this channel";

fn consent(choice: Choice) -> Consent {
    Consent { choice, source: Source::Message, code: Some(21610) }
}

fn says(database: &Database, provider_id: &str, sender: &str, choice: Choice, seconds: i64) -> NewInbound {
    NewInbound { consent: Some(consent(choice)), received_at: at(seconds), ..database.inbound(provider_id, sender) }
}

async fn state(store: &Store, address: &str) -> Vec<(String, String, String, Option<i32>)> {
    let known = store.consents(&Address::received(address)).await.unwrap();
    known.into_iter().map(|known| (known.channel, known.state, known.source, known.error_code)).collect()
}

fn state_of(channel: &str, state: &str, source: &str, code: Option<i32>) -> (String, String, String, Option<i32>) {
    (channel.to_owned(), state.to_owned(), source.to_owned(), code)
}

async fn whoever_opts_out_is_sent_nothing_more(database: Database) {
    let store = database.store().await;
    let waiting = database.submission(ANA, &["one", "two"]);
    let other = database.submission(LUIS, &["uno"]);
    let mut elsewhere = database.submission(ANA, &["wa"]);
    elsewhere.message.channel = "whatsapp".to_owned();
    for submission in [&waiting, &other, &elsewhere] {
        store.submit(submission.clone()).await.unwrap();
    }
    let stop = says(&database, "SM1", ANA, Choice::OptedOut, 3);
    store.record(stop.clone()).await.unwrap();
    let ended = message(&store, waiting.message.id).await;
    assert_eq!((ended.status, ended.error_code, ended.failed_at), (Status::Failed, Some(21610), Some(at(3))));
    assert_eq!(ended.error_message.as_deref(), Some(REASON));
    assert!(ended.parts.iter().all(|part| part.status == Status::Failed && part.attempts == 0), "{ended:?}");
    let left: Vec<_> = claim(&store, &database, 4, 10).await.into_iter().map(|part| part.message_id).collect();
    assert_eq!(left, [other.message.id, elsewhere.message.id], "other people and other channels are not concerned");

    let refused = store.submit(database.submission(ANA, &["more"])).await.unwrap();
    assert_eq!(refused.refusal(), Some(&opted_out(at(3))));
    let kept = store.messages(crate::store::MessageFilter::default(), None, 50).await.unwrap().items;
    assert_eq!((kept.len(), kept[0].refused_for.as_deref()), (5, Some("opted-out")), "with the word itself");
    let [known] = store.consents(&Address::received(ANA)).await.unwrap().try_into().unwrap();
    assert_eq!((known.message_id, known.at, known.source.as_str()), (Some(stop.id), at(3), "message"));

    // Who says so again has opted out the first time; the webhook again changes nothing.
    store.record(says(&database, "SM2", ANA, Choice::OptedOut, 8)).await.unwrap();
    assert_eq!(store.consents(&Address::received(ANA)).await.unwrap(), [known]);
    store.record(says(&database, "SM3", ANA, Choice::OptedIn, 9)).await.unwrap();
    store.record(says(&database, "SM2", ANA, Choice::OptedOut, 10)).await.unwrap();
    assert_eq!(state(&store, ANA).await, [state_of("sms", "opted_in", "message", None)]);
    let again = database.submission(ANA, &["more"]);
    assert_eq!(store.submit(again.clone()).await.unwrap().stored(), Some(again.message.id));
    assert_eq!(claim(&store, &database, 11, 10).await.len(), 1);
}

async fn only_an_opting_out_can_be_taken_back(database: Database) {
    let store = database.store().await;
    store.record(says(&database, "SM1", ANA, Choice::OptedIn, 1)).await.unwrap();
    assert_eq!(state(&store, ANA).await, [], "YES is a word like any other to whoever never opted out");
    // Both in one batch: in the order they came.
    let words = [Choice::OptedOut, Choice::OptedIn, Choice::OptedOut];
    let all = words.map(|choice| says(&database, &format!("SM{}", database.id()), LUIS, choice, 2));
    join_all(all.into_iter().map(|message| store.record(message))).await;
    assert_eq!(state(&store, LUIS).await, [state_of("sms", "opted_out", "message", Some(21610))]);
}

async fn a_providers_word_counts_as_much(database: Database) {
    let store = database.store().await;
    let error = ProviderError { code: Some(21610), message: Some("unsubscribed".to_owned()) };
    let [first, second] = [&["one", "two"][..], &["three"]].map(|texts| database.submission(ANA, texts));
    for submission in [&first, &second] {
        store.submit(submission.clone()).await.unwrap();
    }
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    store.settle(settled(&part, 2, Settled::OptedOut { error: error.clone() })).await.unwrap();
    for id in [first.message.id, second.message.id] {
        assert_eq!(status(&store, id).await, Status::Failed);
    }
    assert_eq!(message(&store, first.message.id).await.error_message.as_deref(), Some("unsubscribed"));
    assert_eq!(state(&store, ANA).await, [state_of("sms", "opted_out", "provider", Some(21610))]);
    assert_eq!(claim(&store, &database, 3, 10).await, []);

    // A report says it later, and may come before the answer.
    let third = database.submission(LUIS, &["uno", "dos"]);
    store.submit(third.clone()).await.unwrap();
    let [part] = claim(&store, &database, 4, 10).await.try_into().unwrap();
    let report = NewObservation {
        error: Some(error),
        consent: Some(Consent { choice: Choice::OptedOut, source: Source::Provider, code: Some(21610) }),
        ..database.report(Some(part.id), "SM9", Status::Failed, 5)
    };
    store.observe(report).await.unwrap();
    store.settle(settled(&part, 6, accepted("SM9"))).await.unwrap();
    let ended = message(&store, third.message.id).await;
    assert!(ended.parts.iter().all(|part| part.status == Status::Failed), "{ended:?}");
    assert_eq!(state(&store, LUIS).await, [state_of("sms", "opted_out", "provider", Some(21610))]);
    assert_eq!(claim(&store, &database, 7, 10).await, []);
}

async fn an_old_report_undoes_nothing(database: Database) {
    let store = database.store().await;
    store.submit(database.submission(ANA, &["one"])).await.unwrap();
    let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
    store.settle(settled(&part, 1, accepted("SM9"))).await.unwrap();
    let report = || NewObservation {
        consent: Some(Consent { choice: Choice::OptedOut, source: Source::Provider, code: Some(21610) }),
        ..database.report(Some(part.id), "SM9", Status::Failed, 2)
    };
    store.observe(report()).await.unwrap();
    store.record(says(&database, "SM1", ANA, Choice::OptedIn, 3)).await.unwrap();
    store.observe(report()).await.unwrap();
    assert_eq!(state(&store, ANA).await, [state_of("sms", "opted_in", "message", None)]);
}

async fn what_was_under_way_does_not_go_back_to_the_queue(database: Database) {
    let store = database.store().await;
    let error = ProviderError { code: Some(20429), message: Some("too many".to_owned()) };
    let retry = Settled::Retry { due_at: at(9), error: error.clone() };
    for (number, result) in [retry, Settled::Held { until: None, error }].into_iter().enumerate() {
        let recipient = format!("+52998111000{number}");
        let submission = database.submission(&recipient, &["hola"]);
        store.submit(submission.clone()).await.unwrap();
        let [part] = claim(&store, &database, 1, 10).await.try_into().unwrap();
        store.record(says(&database, &format!("SM{number}"), &recipient, Choice::OptedOut, 2)).await.unwrap();
        assert_eq!(status(&store, submission.message.id).await, Status::Pending, "it may be sent already");
        store.settle(settled(&part, 3, result)).await.unwrap();
        let ended = message(&store, submission.message.id).await;
        assert_eq!((ended.status, ended.error_code), (Status::Failed, Some(21610)));
        assert_eq!(ended.error_message.as_deref(), Some(REASON));
    }
}

async fn replies_are_left_out_and_the_trace_says_why(database: Database) {
    let store = database.store().await;
    for (choice, committed, count) in
        [(Choice::OptedOut, Committed::Unanswered, 0), (Choice::OptedIn, Committed::Done, 1)]
    {
        let new = says(&database, &format!("SM-{}", choice.as_str()), ANA, choice, 1 + i64::try_from(count).unwrap());
        store.record(new.clone()).await.unwrap();
        let conversation = only_conversation(&store).await.id;
        let plugin = Some("auto-reply".to_owned());
        let reply =
            NewOutbound { plugin, route: Route::Answer { ask_at: at(20) }, ..database.outbound(ANA, &["hola"]) };
        let trace = trace(&database, new.id, "auto-reply");
        let processed = Processed {
            answer: Some("<Response>hola</Response>".to_owned()),
            replies: vec![reply.clone()],
            traces: vec![trace],
            tags: Some(vec!["seen".to_owned()]),
            ..processed(&new, conversation)
        };
        assert_eq!(store.commit(processed.clone()).await.unwrap(), committed);
        assert_eq!(store.commit(processed).await.unwrap(), Committed::Before);
        let answer = (count == 1).then(|| Answered::With("<Response>hola</Response>".to_owned()));
        assert_eq!(store.answered(new.id).await.unwrap(), answer.unwrap_or(Answered::Empty));
        assert_eq!(usize::from(store.message(reply.id).await.unwrap().is_some()), count);
        assert_eq!(only_conversation(&store).await.tags, ["seen"], "the rest is done");
        let left_out = store.traces(new.id).await.unwrap()[0].decision["left_out"].clone();
        let why = json!([format!("a reply was left out: {REASON}")]);
        assert_eq!(left_out, if count == 0 { why } else { json!([]) });
    }
}

/// The last line of defence, for what slipped by the others.
async fn a_claim_hands_out_nothing_to_whoever_opted_out(database: Database) {
    let store = database.store().await;
    store.submit(database.submission(ANA, &["hola"])).await.unwrap();
    let row = entities::consents::ActiveModel {
        channel: sea_orm::Set("sms".to_owned()),
        address: sea_orm::Set(ANA.to_owned()),
        state: sea_orm::Set("opted_out".to_owned()),
        source: sea_orm::Set("message".to_owned()),
        error_code: sea_orm::Set(None),
        message_id: sea_orm::Set(None),
        at: sea_orm::Set(0),
        said_again_at: sea_orm::Set(None),
    };
    entities::consents::Entity::insert(row).exec_without_returning(&database.directly().await).await.unwrap();
    assert_eq!(claim(&store, &database, 1, 10).await, []);
}

async fn a_claim_leaves_paused_channels_out(database: Database) {
    let store = database.store().await;
    for (channel, recipient) in [("sms", ANA), ("sms", LUIS), ("other", ANA), ("third", ANA)] {
        let mut submission = database.submission(recipient, &["hola"]);
        submission.message.channel = channel.to_owned();
        store.submit(submission).await.unwrap();
    }
    let claimed = async |limit, channels: &[&str]| {
        let claimed = claim_of(&store, &database, 1, limit, |channel| channels.contains(&channel), &[]).await;
        claimed.into_iter().map(|part| part.channel).collect::<Vec<_>>()
    };
    assert_eq!(claimed(10, &[]).await, [""; 0]);
    assert_eq!(claimed(10, &["other"]).await, ["other"]);
    assert_eq!(claimed(1, &["sms"]).await, ["sms"]);
    assert_eq!(claimed(10, &["gone"]).await, [""; 0]);
    assert_eq!(claimed(10, &["sms", "other", "third"]).await, ["sms", "third"]);
}

async fn what_is_held_keeps_its_place_and_its_tries(database: Database) {
    let store = database.store().await;
    let [first, second] = [ANA, LUIS].map(|recipient| database.submission(recipient, &["hola"]));
    store.submit(first.clone()).await.unwrap();
    store.submit(second.clone()).await.unwrap();
    let error = ProviderError { code: Some(20003), message: Some("Authenticate".to_owned()) };
    for seconds in 1..5 {
        let [part] = claim(&store, &database, seconds, 1).await.try_into().unwrap();
        assert_eq!((part.message_id, part.attempts), (first.message.id, 1), "the first stays the first");
        store.settle(settled(&part, seconds, Settled::Held { until: None, error: error.clone() })).await.unwrap();
    }
    let held = message(&store, first.message.id).await;
    assert_eq!((held.status, held.error_code, held.parts[0].attempts), (Status::Pending, Some(20003), 0));
    let attempts = entities::attempts::Entity::find().all(&store.reads).await.unwrap();
    assert_eq!(attempts.len(), 4, "all are on record");
    assert!(attempts.iter().all(|attempt| attempt.outcome.as_deref() == Some("held")));
}

/// Whichever comes first, nothing is left in the queue for whoever opted out.
async fn submitting_while_opting_out_leaves_nothing_behind(database: Database) {
    let stores = [database.store().await, database.store().await];
    for round in 0..20 {
        let recipient = format!("+5299811110{round:02}");
        stores[0].record(database.inbound(&format!("SM{round}"), &recipient)).await.unwrap();
        let submission = database.submission(&recipient, &["hola"]);
        let stop = says(&database, &format!("STOP{round}"), &recipient, Choice::OptedOut, 3);
        let (submitted, recorded) = futures::join!(stores[0].submit(submission.clone()), stores[1].record(stop));
        assert_eq!(recorded.unwrap(), Receipt::Recorded);
        match submitted.unwrap() {
            Submitted::Stored(message) => assert_eq!(status(&stores[0], message.id).await, Status::Failed),
            other => assert_eq!(other.refusal(), Some(&opted_out(at(3)))),
        }
    }
}

async fn what_a_provider_keeps_for_whoever_opted_out_is_found(database: Database) {
    let store = database.store().await;
    let of = |all: Vec<crate::store::KeptThere>| -> Vec<(MessageId, String)> {
        all.into_iter().map(|kept| (kept.message_id, kept.provider_id)).collect()
    };
    let mut confirms = database.submission(ANA, &["baja"]);
    confirms.message.confirms = true;
    let submissions = [
        database.submission(ANA, &["mañana"]),
        database.submission(LUIS, &["mañana"]),
        confirms,
        database.submission(ANA, &["ya"]),
    ];
    for submission in &submissions {
        store.submit(submission.clone()).await.unwrap();
    }
    // One of a conversation at a time.
    for second in 1..=3 {
        for part in claim(&store, &database, second, 10).await {
            let number = submissions.iter().position(|submission| submission.message.id == part.message_id).unwrap();
            let status = if number == 3 { Status::Sent } else { Status::Scheduled };
            store.settle(settled(&part, second, accepted_as(&format!("SM{number}"), status))).await.unwrap();
        }
    }
    assert_eq!(of(store.kept_in_vain().await.unwrap()), []);
    store.record(says(&database, "SM9", ANA, Choice::OptedOut, 5)).await.unwrap();
    let found = [(submissions[0].message.id, "SM0".to_owned())];
    assert_eq!(of(store.kept_in_vain().await.unwrap()), found, "nothing of others, what confirms or has left");
    // Once it is back, and after opting in again, there is nothing.
    let part = submissions[0].message.parts[0].id;
    store.observe(database.report(Some(part), "SM0", Status::Canceled, 6)).await.unwrap();
    assert_eq!(of(store.kept_in_vain().await.unwrap()), []);
    store.record(says(&database, "SM10", LUIS, Choice::OptedOut, 7)).await.unwrap();
    assert_eq!(of(store.kept_in_vain().await.unwrap()), [(submissions[1].message.id, "SM1".to_owned())]);
    store.record(says(&database, "SM11", LUIS, Choice::OptedIn, 8)).await.unwrap();
    assert_eq!(of(store.kept_in_vain().await.unwrap()), []);
}
