//! How a part was tried, which one tries next, and by which sender.

use jiff::SignedDuration;

use super::adopting::adopt;
use super::*;
use crate::message::ProviderError;
use crate::store::{Fate, Reconciliation, Tried};

on_both!(
    refusals_in_a_row_are_told_since_when,
    waiting_is_no_trying,
    what_is_not_valid_any_more_is_given_up,
    only_what_may_have_gone_out_counts_for_giving_up,
    a_claim_leaves_out_whom_it_is_told_to,
    what_waits_goes_by_the_sender_that_the_channel_has_now,
);

fn retry(due: i64) -> Settled {
    Settled::Retry { due_at: at(due), error: ProviderError { code: Some(20429), message: None } }
}

async fn refusals_in_a_row_are_told_since_when(database: Database) {
    let store = database.store().await;
    let mut submission = database.submission(ANA, &["hola"]);
    submission.message.at = at(-500);
    store.submit(submission.clone()).await.unwrap();
    let id = submission.message.parts[0].id;
    let untried = Tried { wanted_at: at(-500), refused_since: None, waited: SignedDuration::ZERO };
    let since = async || store.tried(id).await.unwrap().unwrap().refused_since;
    assert_eq!(store.tried(id).await.unwrap(), Some(untried));
    let held = Settled::Held { until: None, error: ProviderError::default() };
    for (seconds, result, before) in [
        (10, retry(20), None),
        (20, retry(30), Some(at(10))),
        (30, held, Some(at(10))),
        (40, retry(50), None),
        (50, retry(60), Some(at(40))),
    ] {
        let [part] = claim(&store, &database, seconds, 1).await.try_into().unwrap();
        assert_eq!(since().await, before, "the try at {seconds} s has not ended");
        store.settle(settled(&part, seconds + 1, result)).await.unwrap();
    }
    assert_eq!(since().await, Some(at(40)), "those before it was held do not count");
    assert_eq!(store.tried(PartId(database.id())).await.unwrap(), None);

    let mut planned = database.submission(LUIS, &["luego"]);
    planned.message.schedule = Schedule::At(at(900));
    store.submit(planned.clone()).await.unwrap();
    assert_eq!(store.tried(planned.message.parts[0].id).await.unwrap().unwrap().wanted_at, at(900));
}

async fn waiting_is_no_trying(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["hola"]);
    store.submit(submission.clone()).await.unwrap();
    let id = submission.message.parts[0].id;
    // When it is claimed, when it is due next, and how long of the time since the first refusal was waiting by then.
    for (now, due, waited) in [(50, 60, 0), (60, 90, 0), (95, 100, 5), (3100, 3200, 3005), (3200, 3300, 3005)] {
        let [part] = claim(&store, &database, now, 1).await.try_into().unwrap();
        assert_eq!(store.tried(id).await.unwrap().unwrap().waited.as_secs(), waited, "while it is sent at {now}");
        store.settle(settled(&part, now, retry(due))).await.unwrap();
        let tried = store.tried(id).await.unwrap().unwrap();
        assert_eq!((tried.waited.as_secs(), tried.refused_since), (waited, Some(at(50))), "after {now}");
    }
}

async fn what_is_not_valid_any_more_is_given_up(database: Database) {
    let store = database.store().await;
    let valid = |recipient: &str, schedule| {
        let mut submission = database.submission(recipient, &["uno", "dos"]);
        submission.message.options.validity = Some(60);
        submission.message.schedule = schedule;
        submission
    };
    let soon = valid(ANA, Schedule::Now);
    let planned = valid(LUIS, Schedule::At(at(100)));
    let always = database.submission("+529981112266", &["tres"]);
    for submission in [&soon, &planned, &always] {
        store.submit(submission.clone()).await.unwrap();
    }
    store.pause("sms", None, act(0)).await.unwrap();
    assert_eq!(store.end_outdated(at(59)).await.unwrap(), []);
    // Between the looks it is not handed out either.
    store.resume("sms", act(0)).await.unwrap();
    let [claimed] = claim(&store, &database, 61, 10).await.try_into().unwrap();
    assert_eq!(claimed.message_id, always.message.id);
    let ended = store.end_outdated(at(61)).await.unwrap();
    let expected: Vec<_> = soon.message.parts.iter().map(|part| (part.id, soon.message.id)).collect();
    assert_eq!(ended, expected);
    assert_eq!(store.end_outdated(at(61)).await.unwrap(), []);
    let shown = message(&store, soon.message.id).await;
    assert_eq!(shown.status, Status::Failed);
    assert!(shown.error_message.unwrap().contains("valid") && shown.given_up_at.is_some());
    let refused = store.retry(soon.message.id, at(62)).await.unwrap();
    assert_eq!(refused, Retried::Refused(NotRetried::Expired));
    assert_eq!(store.end_outdated(at(159)).await.unwrap(), [], "from when it is to leave");
    assert_eq!(store.end_outdated(at(160)).await.unwrap().len(), 2);
}

async fn only_what_may_have_gone_out_counts_for_giving_up(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["hola"]);
    store.submit(submission.clone()).await.unwrap();
    let error = ProviderError { code: None, message: Some("timed out".to_owned()) };
    let mut fates = Vec::new();
    for round in 0..2 {
        let start = round * 2000;
        for seconds in [start, start + 10, start + 20] {
            let [part] = claim(&store, &database, seconds, 1).await.try_into().unwrap();
            let result =
                if seconds == start + 20 { Settled::Unknown { error: error.clone() } } else { retry(seconds + 5) };
            store.settle(settled(&part, seconds + 1, result)).await.unwrap();
        }
        let listed = Reconciliation {
            channel: "sms".to_owned(),
            channels: vec!["sms".to_owned()],
            sender: Some(Address::received(OURS)),
            recipient: Address::received(ANA),
            found: Vec::new(),
            since: at(-100_000),
            asked: vec![(submission.message.parts[0].id, None)],
            resend_before: Some(at(start + 1000)),
            waited: vec![submission.message.parts[0].id],
            tries: 2,
            at: at(start + 1900),
        };
        fates.extend(store.reconcile(listed).await.unwrap().into_iter().map(|one| one.fate));
    }
    assert_eq!(fates, [Fate::Resent, Fate::GivenUp]);
    assert_eq!(message(&store, submission.message.id).await.parts[0].attempts, 6);
}

async fn a_claim_leaves_out_whom_it_is_told_to(database: Database) {
    let store = database.store().await;
    let [first, second] = [ANA, LUIS].map(|recipient| database.submission(recipient, &["uno", "dos"]));
    store.submit(first.clone()).await.unwrap();
    store.submit(second.clone()).await.unwrap();
    let [left_out, other] = [&first, &second].map(|submission| submission.message.parts[0].id);
    let claimed = async |but: &[PartId]| {
        let claimed = claim_of(&store, &database, 1, 9, |_| true, but).await;
        claimed.into_iter().map(|part| part.id).collect::<Vec<_>>()
    };
    assert_eq!(claimed(&[left_out, other]).await, [], "nor those that wait for it");
    assert_eq!(claimed(&[left_out]).await, [other]);
    assert_eq!(claimed(&[]).await, [left_out]);
}

async fn what_waits_goes_by_the_sender_that_the_channel_has_now(database: Database) {
    const OTHER: &str = "+529980000000";
    let store = database.store().await;
    let by = |recipient: &str, sender| {
        let mut submission = database.submission(recipient, &["hola"]);
        submission.message.sender = sender;
        submission
    };
    let ours = || Some(Address::received(OURS));
    let gone = by("+529981110001", Sender::Own(ours()));
    store.submit(gone.clone()).await.unwrap();
    assert_eq!(claim(&store, &database, 0, 1).await.len(), 1);
    let own = by("+529981110002", Sender::Own(ours()));
    let named = by("+529981110003", Sender::Named(Address::received(OURS)));
    let mut elsewhere = by("+529981110004", Sender::Own(ours()));
    elsewhere.message.channel = "other".to_owned();
    for submission in [&own, &named, &elsewhere] {
        store.submit(submission.clone()).await.unwrap();
    }
    let other = Some(Address::received(OTHER));
    assert_eq!(adopt(&store, ours(), None).await, 0);
    assert_eq!(adopt(&store, other.clone(), None).await, 1);
    for (submission, sender) in [(&gone, ours()), (&own, other), (&named, ours()), (&elsewhere, ours())] {
        assert_eq!(message(&store, submission.message.id).await.from, sender);
    }
    let claimed = claim(&store, &database, 1, 9).await;
    let senders: Vec<_> =
        claimed.iter().map(|part| (part.sender.as_ref().map(Address::as_str), part.own_sender)).collect();
    assert_eq!(senders, [(Some(OTHER), true), (Some(OURS), false), (Some(OURS), true)]);

    let waiting = by("+529981110005", Sender::Own(None));
    store.submit(waiting.clone()).await.unwrap();
    assert_eq!(adopt(&store, None, None).await, 0);
    assert_eq!(adopt(&store, ours(), None).await, 1);
    assert_eq!(adopt(&store, None, None).await, 1);
    assert_eq!(message(&store, waiting.message.id).await.from, None);
    // A service that is put right, and then a sender in its place.
    let [one, right] = ["MG1", "MG2"].map(|sid| Some(sid.to_owned()));
    for (sender, service) in [(None, one), (None, right), (ours(), None)] {
        assert_eq!(adopt(&store, sender.clone(), service.clone()).await, 1);
        assert_eq!(adopt(&store, sender.clone(), service.clone()).await, 0);
        let shown = message(&store, waiting.message.id).await;
        assert_eq!((shown.from, shown.service), (sender, service));
    }
}
