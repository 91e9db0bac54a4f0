//! Which way what comes in goes, and that nothing overtakes anything.

use std::future::pending;

use futures::poll;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::channels::{Event, Observation};
use crate::message::Status;

fn gate(folder: &TempDir, after: Duration) -> Gate {
    let path = folder.path().join("journal");
    let settings = journal::Settings { path, max_bytes: 1024 * 1024, after_ms: 100 };
    Gate::new(Journal::open(&settings, "test").unwrap(), after)
}

fn entry(number: u128) -> Entry {
    let report = Observation {
        provider_id: "SM1".to_owned(),
        part: None,
        sender: None,
        status: Status::Sent,
        error: None,
        consent: None,
        raw: Vec::new(),
    };
    let id = Uuid::from_u128(number);
    Entry { id, channel: "sms".to_owned(), received_at: jiff::Timestamp::UNIX_EPOCH, event: Event::Status(report) }
}

fn away() -> store::Error {
    store::Error::Unavailable("the test says so".to_owned())
}

async fn waiting(gate: &Gate) -> Vec<u128> {
    let mut all = Vec::new();
    while let Some(batch) = gate.journal().next().await {
        all.extend(batch.entries.iter().map(|entry| entry.id.as_u128()));
        gate.journal().done(batch).await;
    }
    all
}

const LONG: Duration = Duration::from_mins(10);

#[tokio::test]
async fn what_the_database_takes_is_in_no_journal() {
    let folder = TempDir::new().unwrap();
    let gate = gate(&folder, LONG);
    assert_eq!(gate.keep(entry(1), async { Ok(5) }).await.unwrap(), Some(5));
    let refused: Result<Option<()>, _> = gate.keep(entry(2), async { Err(store::Error::Refused("no".into())) }).await;
    assert!(matches!(refused, Err(Error::Store(store::Error::Refused(_)))));
    assert_eq!((gate.way(), waiting(&gate).await), (Way::Database, Vec::new()));
    assert!(gate.inner().under_way.is_empty());
    let aside = std::fs::read_to_string(folder.path().join("journal/refused")).unwrap();
    assert_eq!(aside.lines().count(), 2, "what was refused waits for a person: {aside}");
}

#[tokio::test]
async fn at_the_first_failure_all_that_is_under_way_goes_to_the_journal_in_order() {
    let folder = TempDir::new().unwrap();
    let gate = gate(&folder, LONG);
    let mut first = pin!(gate.keep(entry(1), pending::<Result<(), _>>()));
    let (fail, failed) = oneshot::channel::<()>();
    let second = gate.keep(entry(2), async {
        let _ = failed.await;
        Err::<(), _>(away())
    });
    let mut second = pin!(second);
    let mut third = pin!(gate.keep(entry(3), pending::<Result<(), _>>()));
    // Somebody who hung up was told nothing.
    let mut gone = Box::pin(gate.keep(entry(4), pending::<Result<(), _>>()));
    assert!(poll!(&mut first).is_pending() && poll!(&mut second).is_pending());
    assert!(poll!(&mut third).is_pending() && poll!(&mut gone).is_pending());
    drop(gone);
    fail.send(()).unwrap();
    assert_eq!(second.await.unwrap(), None);
    assert_eq!(gate.keep(entry(5), async { Ok(()) }).await.unwrap(), None, "the database is not even asked");
    assert_eq!((first.await.unwrap(), third.await.unwrap()), (None, None));
    assert!(!gate.end(), "something waits");
    assert_eq!(waiting(&gate).await, [1, 2, 3, 5]);
    assert!(gate.end());
    assert_eq!(gate.keep(entry(6), async { Ok(()) }).await.unwrap(), Some(()));
}

#[tokio::test]
async fn what_is_kept_until_the_way_is_opened_goes_first() {
    let folder = TempDir::new().unwrap();
    let gate = gate(&folder, LONG);
    gate.begin();
    assert_eq!(gate.way(), Way::Database);
    let held = gate.journal().hold();
    gate.begin();
    drop(held);
    assert_eq!(gate.way(), Way::Journal);
}

#[tokio::test]
async fn what_takes_too_long_is_in_the_journal_too() {
    let folder = TempDir::new().unwrap();
    let gate = gate(&folder, Duration::from_millis(1));
    assert_eq!(gate.keep(entry(1), pending::<Result<(), _>>()).await.unwrap(), None);
    assert_eq!((gate.way(), waiting(&gate).await), (Way::Journal, vec![1]));
}

#[tokio::test]
async fn at_the_end_of_the_journal_who_comes_waits_for_it() {
    let folder = TempDir::new().unwrap();
    let gate = gate(&folder, LONG);
    gate.go_by_journal();
    assert_eq!(gate.keep(entry(1), async { Ok(()) }).await.unwrap(), None);
    gate.close();
    let mut next = pin!(gate.keep(entry(2), async { Ok(()) }));
    assert!(poll!(&mut next).is_pending());
    gate.reopen();
    assert_eq!(next.await.unwrap(), None, "it takes longer: behind the others");
    gate.close();
    let mut next = pin!(gate.keep(entry(3), async { Ok(()) }));
    assert!(poll!(&mut next).is_pending());
    assert_eq!(waiting(&gate).await, [1, 2]);
    assert!(gate.end());
    assert_eq!(next.await.unwrap(), Some(()));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_the_end_of_the_journal_does_not_wait_long() {
    let folder = TempDir::new().unwrap();
    let gate = gate(&folder, LONG);
    gate.go_by_journal();
    gate.close();
    // Nobody brings the end about.
    assert_eq!(gate.keep(entry(1), async { Ok(()) }).await.unwrap(), None);
    assert_eq!(gate.way(), Way::Journal);
}

#[tokio::test]
async fn what_neither_takes_is_an_error_and_is_remembered_for_a_while() {
    let folder = TempDir::new().unwrap();
    let gate = gate(&folder, LONG);
    let path = folder.path().join("journal");
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, "in the way").unwrap();
    let refused: Result<Option<()>, _> = gate.keep(entry(1), async { Err(away()) }).await;
    assert!(matches!(refused, Err(Error::Journal(_))), "{refused:?}");
    assert!(gate.refuses() && gate.end());
}
