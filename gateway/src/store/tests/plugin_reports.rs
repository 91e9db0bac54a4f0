//! What plugins are to hear of what became of messages.

use super::*;
use crate::message::consent::{Choice, Source};
use crate::message::{Consent, ProviderError};

on_both!(
    each_change_is_told_once_and_in_order,
    nothing_is_kept_where_nobody_wants_it,
    an_opting_out_is_told_of_what_it_ended,
    two_claimers_never_get_the_same_report,
);

fn wanted(store: &Store, database: &Database) {
    let ids = Arc::clone(&database.ids);
    store.report_when(move |now| Some(ids.next(now)));
}

async fn open(store: &Store, seconds: i64) -> Vec<ClaimedReport> {
    store.claim_reports(at(seconds), at(seconds + 60), 10).await.unwrap()
}

fn followed(report: &ClaimedReport) -> Processed {
    let contact = ContactId(Uuid::nil());
    Processed::new(Cause::Report(report.id), report.message.id, report.conversation_id, contact, at(50))
}

async fn each_change_is_told_once_and_in_order(database: Database) {
    let store = database.store().await;
    wanted(&store, &database);
    let [ana, luis] = [ANA, LUIS].map(|recipient| database.submission(recipient, &["hola"]));
    store.submit(ana.clone()).await.unwrap();
    store.submit(luis.clone()).await.unwrap();
    assert_eq!(open(&store, 1).await, [], "nothing became of them yet");
    let error = ProviderError { code: Some(30003), message: Some("gone".to_owned()) };
    for (status, error) in [(Status::Sent, None), (Status::Sent, None), (Status::Undelivered, Some(error.clone()))] {
        let report = database.report(Some(ana.message.parts[0].id), "SM1", status, 2);
        store.observe(NewObservation { error, ..report }).await.unwrap();
    }
    tokio::time::timeout(std::time::Duration::from_secs(9), store.news()).await.expect("whoever waits is told");
    let other = database.report(Some(luis.message.parts[0].id), "SM2", Status::Delivered, 3);
    store.observe(other).await.unwrap();

    let [first, third] = open(&store, 9).await.try_into().unwrap();
    assert_eq!((first.message.id, first.status, &first.error), (ana.message.id, Status::Sent, &None));
    assert_eq!((first.at, first.conversation_id), (at(2), ana.conversation_id));
    assert_eq!(
        (first.message.ours.as_ref(), &first.message.theirs),
        (Some(&Address::received(OURS)), &Address::received(ANA))
    );
    assert_eq!((third.message.id, third.status), (luis.message.id, Status::Delivered));
    assert_eq!(open(&store, 10).await, [], "the next of Ana's waits for the first");
    let reply = database.submission(ANA, &["¿llegó?"]);
    let once = Processed { sends: vec![reply.clone()], ..followed(&first) };
    let commits = [store.commit(once.clone()).await.unwrap(), store.commit(once).await.unwrap()];
    assert_eq!(commits, [Committed::Done, Committed::Before]);
    let [second] = open(&store, 11).await.try_into().unwrap();
    assert_eq!((second.status, second.error.clone()), (Status::Undelivered, Some(error)));
    // Whoever took it may have died.
    assert_eq!(open(&store, 72).await.len(), 2);
    for report in [second, third] {
        assert_eq!(store.commit(followed(&report)).await.unwrap(), Committed::Done);
    }
    assert_eq!(open(&store, 200).await, []);
}

async fn nothing_is_kept_where_nobody_wants_it(database: Database) {
    let store = database.store().await;
    let submission = database.submission(ANA, &["hola"]);
    store.submit(submission.clone()).await.unwrap();
    let report = |status| database.report(Some(submission.message.parts[0].id), "SM1", status, 2);
    store.observe(report(Status::Queued)).await.unwrap();
    let asked = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (wants, ids) = (Arc::clone(&asked), Arc::clone(&database.ids));
    let wants = move |now| wants.load(Ordering::Relaxed).then(|| ids.next(now));
    store.report_when(wants);
    store.observe(report(Status::Sent)).await.unwrap();
    assert_eq!(open(&store, 9).await, []);
    // Asked at each change, since plugins come and go.
    asked.store(true, Ordering::Relaxed);
    store.observe(report(Status::Delivered)).await.unwrap();
    let statuses: Vec<Status> = open(&store, 9).await.into_iter().map(|report| report.status).collect();
    assert_eq!(statuses, [Status::Delivered]);
}

async fn an_opting_out_is_told_of_what_it_ended(database: Database) {
    let store = database.store().await;
    wanted(&store, &database);
    let submission = database.submission(ANA, &["hola"]);
    store.submit(submission.clone()).await.unwrap();
    let consent = Consent { choice: Choice::OptedOut, source: Source::Message, code: Some(21610) };
    store.record(NewInbound { consent: Some(consent), ..database.inbound("STOP", ANA) }).await.unwrap();
    let [report] = open(&store, 9).await.try_into().unwrap();
    assert_eq!((report.message.id, report.status), (submission.message.id, Status::Failed));
    assert_eq!(report.error.unwrap().code, Some(21610));
    // So are a claim's end, a cancellation and a try's end.
    let other = database.submission(LUIS, &["hola"]);
    store.submit(other.clone()).await.unwrap();
    store.cancel(other.message.id, at(10)).await.unwrap();
    let third = database.submission("+529981112255", &["hola"]);
    store.submit(third.clone()).await.unwrap();
    let [part] = claim(&store, &database, 11, 1).await.try_into().unwrap();
    store.settle(settled(&part, 12, accepted("SM3"))).await.unwrap();
    let told: Vec<_> = open(&store, 13).await.into_iter().map(|report| (report.message.id, report.status)).collect();
    assert_eq!(told, [(other.message.id, Status::Canceled), (third.message.id, Status::Queued)]);
}

async fn two_claimers_never_get_the_same_report(database: Database) {
    let stores = [database.store().await, database.store().await];
    wanted(&stores[0], &database);
    for number in 0..20 {
        let submission = database.submission(&format!("+5299811110{number:02}"), &["hola"]);
        stores[0].submit(submission.clone()).await.unwrap();
        for status in [Status::Sent, Status::Delivered] {
            let report = database.report(Some(submission.message.parts[0].id), &format!("SM{number}"), status, 2);
            stores[0].observe(report).await.unwrap();
        }
    }
    let claims = (0..10).map(|number| stores[number % 2].claim_reports(at(30), at(90), 3));
    let claimed: Vec<_> = futures::future::join_all(claims).await.into_iter().flat_map(Result::unwrap).collect();
    let ids: std::collections::BTreeSet<Uuid> = claimed.iter().map(|report| report.id).collect();
    assert_eq!((claimed.len(), ids.len()), (20, 20), "the first of each");
    assert!(claimed.iter().all(|report| report.status == Status::Sent));
}
