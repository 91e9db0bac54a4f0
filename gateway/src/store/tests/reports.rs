//! Status reports, and where they leave a message.

use proptest::prelude::*;
use sea_orm::EntityTrait;

use super::*;
use crate::message::consent::{Choice, Source};
use crate::message::{Consent, ProviderError, status as order};
use crate::store::{Beside, Listing, entities};

on_both!(
    a_report_finds_its_part_by_either_id,
    every_report_is_kept_and_contradictions_show,
    the_same_report_again_is_counted,
    a_code_that_comes_late_is_filled_in_once,
    what_a_message_went_from_is_learned,
    a_message_is_as_far_as_its_least_part,
    the_first_time_of_each_step_is_kept,
);

/// A message of these parts that the provider has accepted, as `SM1` and so on.
async fn sent(store: &Store, database: &Database, texts: &[&str]) -> NewOutbound {
    let submission = database.submission(ANA, texts);
    store.submit(submission.clone()).await.unwrap();
    for number in 1..=texts.len() {
        let [part] = claim(store, database, 0, 10).await.try_into().unwrap();
        store.settle(settled(&part, 1, accepted(&format!("SM{number}")))).await.unwrap();
    }
    submission.message
}

async fn a_report_finds_its_part_by_either_id(database: Database) {
    let store = database.store().await;
    let message = sent(&store, &database, &["one"]).await;
    let part = message.parts[0].id;
    let ours = |status| Observed::Message { id: message.id, status, conflict: false };
    let whatsapp =
        NewObservation { channel: "whatsapp".to_owned(), ..database.report(Some(part), "SM1", Status::Delivered, 2) };
    let cases = [
        (database.report(None, "SM7", Status::Sent, 2), Observed::Unrelated),
        (database.report(Some(PartId(database.id())), "SM6", Status::Sent, 2), Observed::Unrelated),
        // Neither a part of another channel, nor one that is another message to the provider.
        (whatsapp, Observed::Unrelated),
        (database.report(Some(part), "SM7", Status::Delivered, 2), Observed::Unrelated),
        (database.report(None, "SM1", Status::Sending, 2), ours(Status::Sending)),
        (database.report(Some(part), "SM1", Status::Sent, 2), ours(Status::Sent)),
        // A part id that leads nowhere does no harm.
        (database.report(Some(PartId(database.id())), "SM1", Status::Delivered, 2), ours(Status::Delivered)),
    ];
    let count = cases.len();
    for (number, (report, expected)) in cases.into_iter().enumerate() {
        assert_eq!(store.observe(report).await.unwrap(), expected, "case {number}");
    }
    let kept = entities::observations::Entity::find().all(&store.reads).await.unwrap();
    assert_eq!(kept.len(), count);
    assert_eq!(kept.iter().filter(|row| row.part_id == Some(part.0)).count(), 3);
}

async fn every_report_is_kept_and_contradictions_show(database: Database) {
    let store = database.store().await;
    let sent = sent(&store, &database, &["one"]).await;
    let error = ProviderError { code: Some(30003), message: Some("unreachable".to_owned()) };
    let mut expected = Vec::new();
    for (status, reached, conflict) in [
        (Status::Delivered, Status::Delivered, false),
        (Status::Sent, Status::Delivered, false),
        (Status::Undelivered, Status::Delivered, true),
        (Status::Read, Status::Read, false),
    ] {
        let lost = status.is_lost().then(|| error.clone());
        let report = NewObservation { error: lost, ..database.report(None, "SM1", status, 3) };
        let seen = store.observe(report).await.unwrap();
        assert_eq!(seen, Observed::Message { id: sent.id, status: reached, conflict });
        expected.push((status.to_string(), conflict));
        let contradicted = expected.iter().any(|(_, conflict)| *conflict);
        assert_eq!(message(&store, sent.id).await.conflict, contradicted, "{status}");
    }
    let stored = message(&store, sent.id).await;
    assert_eq!((stored.status, stored.error_code), (Status::Read, None), "what was not believed left no error");
    let mut kept = entities::observations::Entity::find().all(&store.reads).await.unwrap();
    kept.sort_by_key(|row| row.id);
    assert_eq!(kept[2].error_code, Some(30003));
    assert_eq!(kept[2].raw, serde_json::json!([["MessageStatus", "undelivered"]]));
    assert_eq!(kept.into_iter().map(|row| (row.status, row.conflict)).collect::<Vec<_>>(), expected);
}

async fn the_same_report_again_is_counted(database: Database) {
    let store = database.store().await;
    let message = sent(&store, &database, &["one"]).await;
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let early = NewObservation { provider_id: "SM7".to_owned(), ..database.report(None, "SM7", Status::Sent, 2) };
    let failed = || NewObservation {
        raw: pairs(&[("MessageStatus", "failed"), ("From", "+1"), ("To", "+2")]),
        ..database.report(None, "SM1", Status::Failed, 2)
    };
    let other_order = NewObservation {
        raw: pairs(&[("To", "+2"), ("MessageStatus", "failed"), ("From", "+1"), ("To", "+2")]),
        ..failed()
    };
    let more = NewObservation { raw: pairs(&[("MessageStatus", "failed"), ("From", "+1")]), ..failed() };
    let elsewhere = NewObservation { channel: "other".to_owned(), ..failed() };
    for report in [early.clone(), failed(), failed(), other_order, more, elsewhere, early] {
        let report = NewObservation { id: database.id(), ..report };
        store.observe(report).await.unwrap();
    }
    let mut kept = entities::observations::Entity::find().all(&store.reads).await.unwrap();
    kept.sort_by_key(|row| row.id);
    let times: Vec<_> = kept.iter().map(|row| (row.provider_id.as_str(), row.times)).collect();
    assert_eq!(times, [("SM7", 2), ("SM1", 3), ("SM1", 1), ("SM1", 1)]);
    // What was of no part when it came first is of one now.
    assert_eq!((kept[0].part_id, kept[1].part_id), (None, Some(message.parts[0].id.0)));
    let second = database.submission(LUIS, &["two"]);
    store.submit(second.clone()).await.unwrap();
    let part = second.message.parts[0].id;
    store.observe(database.report(Some(part), "SM7", Status::Sent, 9)).await.unwrap();
    let row = entities::observations::Entity::find_by_id(kept[0].id).one(&store.reads).await.unwrap().unwrap();
    assert_eq!((row.part_id, row.times, row.received_at), (Some(part.0), 3, at(2).as_millisecond()));

    // No contradiction when it came first, and one now.
    let contradicting = || database.report(None, "SM8", Status::Undelivered, 3);
    assert_eq!(store.observe(contradicting()).await.unwrap(), Observed::Unrelated);
    let other = sent_as(&store, &database, "SM8").await;
    store.observe(database.report(Some(other.parts[0].id), "SM8", Status::Delivered, 3)).await.unwrap();
    assert!(!super::message(&store, other.id).await.conflict);
    for _ in 0..2 {
        store.observe(contradicting()).await.unwrap();
        assert!(super::message(&store, other.id).await.conflict);
    }
}

/// Providers tell the reason after the failure, now and then.
async fn a_code_that_comes_late_is_filled_in_once(database: Database) {
    let store = database.store().await;
    let told = |code, text: Option<&str>| Some(ProviderError { code, message: text.map(str::to_owned) });
    let out = |code| Consent { choice: Choice::OptedOut, source: Source::Provider, code };
    let opted_out = async || store.consents(&Address::received(ANA)).await.unwrap().len();
    let cases = [
        (None, None, None, 0),
        (told(None, Some("it failed")), None, Some("it failed"), 0),
        (told(Some(21610), None), Some(21610), Some("it failed"), 1),
        (told(Some(30006), Some("landline")), Some(21610), Some("it failed"), 1),
        (None, Some(21610), Some("it failed"), 1),
    ];
    let message = sent(&store, &database, &["one"]).await;
    for (number, (error, code, text, consents)) in cases.into_iter().enumerate() {
        let consent = error.as_ref().and_then(|error| error.code).map(|code| out(Some(code)));
        let raw = vec![("number".to_owned(), number.to_string())];
        let status = if number == 0 { Status::Sent } else { Status::Failed };
        let report = NewObservation { error, consent, raw, ..database.report(None, "SM1", status, 5) };
        store.observe(report).await.unwrap();
        let stored = super::message(&store, message.id).await;
        assert_eq!((stored.error_code, stored.error_message.as_deref()), (code, text), "report {number}");
        assert_eq!(stored.parts[0].error_code, code);
        assert_eq!(opted_out().await, consents, "report {number}");
    }
    // What contradicts the status does not tell its reason.
    let delivered = sent_as(&store, &database, "SM2").await;
    store.observe(database.report(None, "SM2", Status::Delivered, 6)).await.unwrap();
    let contradicting =
        NewObservation { error: told(Some(30006), None), ..database.report(None, "SM2", Status::Failed, 7) };
    store.observe(contradicting).await.unwrap();
    assert_eq!(super::message(&store, delivered.id).await.error_code, None);
}

async fn what_a_message_went_from_is_learned(database: Database) {
    let store = database.store().await;
    let mut submission = database.submission(ANA, &["one", "two"]);
    submission.message.sender = Sender::Own(None);
    submission.message.service = Some("MG1".to_owned());
    store.submit(submission.clone()).await.unwrap();
    let id = submission.message.id;
    let report = |part: usize, provider_id: &str, sender: Option<&str>| NewObservation {
        sender: sender.map(Address::received),
        ..database.report(Some(submission.message.parts[part].id), provider_id, Status::Sent, 2)
    };
    let ours = [(1, "SM2", None, None), (1, "SM2", Some("+5215500000002"), Some("+525500000002"))];
    let later =
        [(0, "SM1", Some("+525500000001"), Some("+525500000002")), (1, "SM2", Some("+1"), Some("+525500000002"))];
    for (part, provider_id, sender, expected) in ours.into_iter().chain(later) {
        store.observe(report(part, provider_id, sender)).await.unwrap();
        let stored = message(&store, id).await;
        assert_eq!(stored.from.as_ref().map(Address::as_str), expected, "{sender:?}");
        assert_eq!(stored.service.as_deref(), Some("MG1"));
    }
    let listing = |from: &str| Listing { from: Some(from.to_owned()), ..everything() };
    assert_eq!(store.list(&listing("+525500000002")).await.unwrap().0.len(), 1);
    assert_eq!(store.list(&listing(OURS)).await.unwrap().0.len(), 0);
    // A named one stays, whatever a report says.
    let named = sent_as(&store, &database, "SM3").await;
    let other = NewObservation {
        sender: Some(Address::received("+1")),
        ..database.report(Some(named.parts[0].id), "SM3", Status::Delivered, 3)
    };
    store.observe(other).await.unwrap();
    assert_eq!(message(&store, named.id).await.from, Some(Address::received(OURS)));
}

fn everything() -> Listing {
    Listing {
        channels: vec!["sms".to_owned()],
        from: None,
        to: None,
        since: None,
        until: None,
        beside: Beside::Skip(0),
        limit: 50,
    }
}

/// A message of Luis's of one part, which the provider has accepted under this id.
async fn sent_as(store: &Store, database: &Database, provider_id: &str) -> NewOutbound {
    let submission = database.submission(LUIS, &["one"]);
    store.submit(submission.clone()).await.unwrap();
    let part = claim(store, database, 0, 10).await.into_iter().find(|part| part.message_id == submission.message.id);
    store.settle(settled(&part.unwrap(), 1, accepted(provider_id))).await.unwrap();
    submission.message
}

async fn a_message_is_as_far_as_its_least_part(database: Database) {
    let store = database.store().await;
    let sent = sent(&store, &database, &["one", "two", "three"]).await;
    assert_eq!(status(&store, sent.id).await, Status::Queued);
    let error = ProviderError { code: Some(30005), message: Some("unknown handset".to_owned()) };
    for (provider_id, reported, reached) in [
        ("SM1", Status::Delivered, Status::Queued),
        ("SM2", Status::Sent, Status::Queued),
        ("SM3", Status::Sending, Status::Sending),
        ("SM3", Status::Delivered, Status::Sent),
        ("SM2", Status::Undelivered, Status::Undelivered),
    ] {
        let lost = reported.is_lost().then(|| error.clone());
        store.observe(NewObservation { error: lost, ..database.report(None, provider_id, reported, 4) }).await.unwrap();
        assert_eq!(status(&store, sent.id).await, reached, "{provider_id} {reported}");
    }
    let stored = message(&store, sent.id).await;
    assert_eq!((stored.error_code, stored.error_message.as_deref()), (Some(30005), Some("unknown handset")));
    assert_eq!(stored.parts.iter().map(|part| part.error_code).collect::<Vec<_>>(), [None, Some(30005), None]);
}

async fn the_first_time_of_each_step_is_kept(database: Database) {
    let store = database.store().await;
    let times = async |id| {
        let stored = message(&store, id).await;
        [stored.sent_at, stored.delivered_at, stored.failed_at, stored.read_at]
    };
    let read = sent(&store, &database, &["one"]).await;
    let [two, three, four] = [2, 3, 4].map(|seconds| Some(at(seconds)));
    for (reported, seconds, expected) in [
        (Status::Sending, 1, [None; 4]),
        (Status::Sent, 2, [two, None, None, None]),
        (Status::Delivered, 3, [two, three, None, None]),
        (Status::Read, 4, [two, three, None, four]),
        (Status::Delivered, 5, [two, three, None, four]),
    ] {
        store.observe(database.report(Some(read.parts[0].id), "SM1", reported, seconds)).await.unwrap();
        assert_eq!(times(read.id).await, expected, "{reported}");
    }
    let lost = NewOutbound { route: Route::Answer { ask_at: at(20) }, ..database.outbound(LUIS, &["two"]) };
    let submission = Submission { message: lost.clone(), ..database.submission(LUIS, &[]) };
    store.submit(submission).await.unwrap();
    store.observe(database.report(Some(lost.parts[0].id), "SM8", Status::Undelivered, 3)).await.unwrap();
    store.observe(database.report(Some(lost.parts[0].id), "SM8", Status::Undelivered, 4)).await.unwrap();
    assert_eq!(times(lost.id).await, [three, None, three, None]);
}

/// What may happen to a part, in any order.
#[derive(Clone, Debug)]
enum Step {
    Report(Status),
    Accepted(Status),
    Retry,
    Failed,
    Unknown,
    LeaseEnds,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let status = || prop::sample::select(Status::ALL.to_vec());
    let step = prop_oneof![
        3 => status().prop_map(Step::Report),
        2 => status().prop_map(Step::Accepted),
        2 => Just(Step::Retry),
        1 => Just(Step::Failed),
        1 => Just(Step::Unknown),
        1 => Just(Step::LeaseEnds),
    ];
    prop::collection::vec(step, 1..10)
}

/// What a part should have come to.
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
struct Model {
    status: Status,
    /// The provider has it.
    proven: bool,
    queued: bool,
    /// The last attempt has a lease.
    leased: bool,
    /// The last attempt has not come to a known end.
    open: bool,
}

impl Model {
    fn take(&mut self, step: &Step) {
        let reduced = |observed| order::reduce(self.status, observed).status;
        match step {
            Step::Report(observed) => {
                self.status = reduced(*observed);
                self.proven = true;
                self.queued = false;
            }
            Step::LeaseEnds if self.leased && !self.proven => self.status = reduced(Status::Unknown),
            _ if !self.open => {}
            Step::Accepted(observed) => {
                self.status = reduced(*observed);
                self.proven = true;
            }
            Step::Unknown if !self.proven => self.status = reduced(Status::Unknown),
            Step::Failed if !self.proven => self.status = reduced(Status::Failed),
            Step::Retry if !self.proven => self.queued = true,
            _ => {}
        }
        match step {
            Step::Report(_) => {}
            Step::LeaseEnds => self.leased = false,
            step => {
                self.leased = false;
                self.open = self.open && matches!(step, Step::Unknown);
            }
        }
    }
}

async fn walk(store: &Store, database: &Database, steps: &[Step]) {
    let submission = database.submission(&format!("+52{}", database.id().simple()), &["hola"]);
    let id = submission.message.id;
    store.submit(submission).await.unwrap();
    let mut model = Model { status: Status::Pending, proven: false, queued: true, leased: false, open: false };
    let mut last = None;
    for (seconds, step) in (0..).step_by(100).zip(steps) {
        let claimed = claim(store, database, seconds, 10).await;
        assert_eq!(claimed.len(), usize::from(model.queued), "it is sent when it should be, and never else");
        if let Some(part) = claimed.into_iter().next() {
            last = Some(part);
            (model.queued, model.leased, model.open) = (false, true, true);
        }
        let part = last.as_ref().unwrap();
        let error = ProviderError::default();
        let provider_id = format!("SM{}", part.id);
        let result = match step {
            Step::Report(status) => {
                store.observe(database.report(Some(part.id), &provider_id, *status, seconds)).await.unwrap();
                None
            }
            Step::LeaseEnds => {
                store.expire_leases(at(seconds + 99)).await.unwrap();
                None
            }
            Step::Accepted(status) => Some(accepted_as(&provider_id, *status)),
            Step::Retry => Some(Settled::Retry { due_at: at(seconds), error }),
            Step::Failed => Some(Settled::Failed { error }),
            Step::Unknown => Some(Settled::Unknown { error }),
        };
        if let Some(result) = result {
            store.settle(settled(part, seconds, result)).await.unwrap();
        }
        model.take(step);
        assert_eq!(status(store, id).await, model.status, "after {step:?} of {steps:?}");
    }
    // Out of the way of the next walk.
    store.observe(database.report(Some(last.unwrap().id), &format!("SM{id}"), Status::Failed, 0)).await.unwrap();
}

#[test]
fn no_order_of_events_takes_a_status_back_or_sends_twice() {
    let folder = TempDir::new().unwrap();
    let database = Database::in_folder(&folder);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(database.store());
    proptest!(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() }, |(steps in steps())| {
        runtime.block_on(walk(&store, &database, &steps));
    });
}
