//! Which way goes what came in: to the database, or to the journal while that is away or too slow.
//!
//! Under one lock, so that nothing overtakes anything: when the database fails, all that is on its way
//! there goes to the journal first, in the order in which it came, and then whatever comes next. Only
//! when the journal is empty does the way lead to the database again; for the last of it, who comes
//! next waits a moment.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout};

use super::Error;
use crate::journal::{self, Entry, Journal};
use crate::store;

/// The way that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Database,
    Journal,
    /// The end of the journal is being replayed: neither, for a moment.
    Closing,
}

/// Cheap to clone.
#[derive(Clone)]
pub(super) struct Gate {
    journal: Journal,
    /// How long the database may take.
    after: Duration,
    inner: Arc<Mutex<Inner>>,
    way: watch::Sender<Way>,
}

/// How long webhooks are held up at the most for the end of the journal.
pub(super) const HOLD: Duration = Duration::from_millis(500);
/// For how long it counts that a webhook was kept nowhere. Then it is worth another try.
const REFUSED: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Inner {
    /// When a webhook was kept nowhere.
    refused: Option<Instant>,
    next: u64,
    /// What is on its way to the database, in the order in which it came.
    under_way: BTreeMap<u64, UnderWay>,
}

struct UnderWay {
    entry: Entry,
    told: journal::Told,
}

type Kept = oneshot::Receiver<Result<(), journal::Error>>;

/// Where an entry was let in.
enum Entered {
    Database(Place, Kept),
    Journal(Kept),
}

/// An entry's place among those on their way to the database; it is given up when this is dropped.
struct Place {
    gate: Gate,
    number: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.inner().under_way.remove(&self.number);
    }
}

impl Gate {
    pub(super) fn new(journal: Journal, after: Duration) -> Self {
        Self { journal, after, inner: Arc::default(), way: watch::Sender::new(Way::Database) }
    }

    /// What is in the journal goes before all else, and so does what others still put there. To be asked when the way is
    /// about to be opened: until then there may come more.
    pub(super) fn begin(&self) {
        if self.journal.waiting().entries > 0 || self.journal.is_held() {
            self.go_by_journal();
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn way(&self) -> Way {
        *self.way.borrow()
    }

    pub(super) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Whether a webhook was kept nowhere, a moment ago.
    pub(super) fn refuses(&self) -> bool {
        self.inner().refused.is_some_and(|at| at.elapsed() < REFUSED)
    }

    /// What the database makes of it; none once it is in the journal instead. `record` is not begun
    /// before it is this entry's turn.
    pub(super) async fn keep<T>(
        &self,
        entry: Entry,
        record: impl Future<Output = Result<T, store::Error>>,
    ) -> Result<Option<T>, Error> {
        let kept = self.keep_somewhere(entry, record).await;
        if let Err(Error::Journal(_)) = kept {
            self.inner().refused = Some(Instant::now());
        }
        kept
    }

    async fn keep_somewhere<T>(
        &self,
        entry: Entry,
        record: impl Future<Output = Result<T, store::Error>>,
    ) -> Result<Option<T>, Error> {
        let (place, mut kept) = match self.enter(entry).await {
            Entered::Database(place, kept) => (place, kept),
            Entered::Journal(kept) => return in_journal(kept.await).map(|()| None),
        };
        let mut record = pin!(record);
        let mut slow = pin!(sleep(self.after));
        let mut waits = true;
        let failed = loop {
            tokio::select! {
                biased;
                recorded = &mut record => match recorded {
                    Err(store::Error::Unavailable(reason) | store::Error::Overtaken(reason)) => {
                        self.fall_back(&place, &reason);
                        return in_journal(kept.await).map(|()| None);
                    }
                    Ok(recorded) => return Ok(Some(recorded)),
                    Err(error) => {
                        self.set_aside(&place, &error).await;
                        return Err(error.into());
                    }
                },
                told = &mut kept => match in_journal(told) {
                    Ok(()) => return Ok(None),
                    Err(failed) => break failed,
                },
                () = &mut slow, if waits => {
                    waits = false;
                    self.fall_back(&place, "it takes too long");
                }
            }
        };
        // The journal does not take it, but the database may still do.
        match timeout(self.after, record).await {
            Ok(Ok(recorded)) => Ok(Some(recorded)),
            _ => Err(failed),
        }
    }

    /// The database will not have it, and whoever brought it may never come again: a person is to see it.
    async fn set_aside(&self, place: &Place, error: &store::Error) {
        let Some(UnderWay { entry, .. }) = self.inner().under_way.remove(&place.number) else { return };
        let (id, channel) = (entry.id, entry.channel.as_str());
        match self.journal.refuse(&entry).await {
            Ok(()) => {
                tracing::error!(%id, channel, reason = %error, "the database refuses what came in; it is set aside");
            }
            Err(kept) => tracing::error!(%id, channel, reason = %error, %kept, "the database refuses what came in"),
        }
    }

    async fn enter(&self, mut entry: Entry) -> Entered {
        loop {
            match self.try_enter(entry) {
                Ok(entered) => return entered,
                Err(waits) => entry = *waits,
            }
            // The sender lives as long as `self`.
            let mut way = self.way.subscribe();
            if timeout(HOLD, way.wait_for(|way| *way != Way::Closing)).await.is_err() {
                self.reopen();
            }
        }
    }

    fn try_enter(&self, entry: Entry) -> Result<Entered, Box<Entry>> {
        let (told, kept) = oneshot::channel();
        let mut inner = self.inner();
        match self.way() {
            Way::Closing => Err(Box::new(entry)),
            Way::Journal => {
                self.journal.append(&entry, told);
                Ok(Entered::Journal(kept))
            }
            Way::Database => {
                let number = inner.next;
                inner.next += 1;
                inner.under_way.insert(number, UnderWay { entry, told });
                drop(inner);
                Ok(Entered::Database(Place { gate: self.clone(), number }, kept))
            }
        }
    }

    /// The database did not keep this one: all that is on its way there goes to the journal, and what
    /// comes next.
    fn fall_back(&self, place: &Place, reason: &str) {
        let mut inner = self.inner();
        if !inner.under_way.contains_key(&place.number) {
            return;
        }
        tracing::warn!(reason, webhooks = inner.under_way.len(), "webhooks go to the journal: the database is away");
        for UnderWay { entry, told } in std::mem::take(&mut inner.under_way).into_values() {
            self.journal.append(&entry, told);
        }
        self.way.send_replace(Way::Journal);
    }

    /// Ends when there is something to replay.
    pub(super) async fn fallen_back(&self) {
        let _ = self.way.subscribe().wait_for(|way| *way != Way::Database).await;
    }

    /// All that comes from now on goes behind what is in the journal.
    pub(super) fn go_by_journal(&self) {
        let mut inner = self.inner();
        for UnderWay { entry, told } in std::mem::take(&mut inner.under_way).into_values() {
            self.journal.append(&entry, told);
        }
        self.way.send_replace(Way::Journal);
    }

    /// Who comes next waits until the journal is empty, or until it shall not take longer.
    pub(super) fn close(&self) {
        let _inner = self.inner();
        self.way.send_replace(Way::Closing);
    }

    /// It takes longer.
    pub(super) fn reopen(&self) {
        let _inner = self.inner();
        self.way.send_if_modified(|way| std::mem::replace(way, Way::Journal) == Way::Closing);
    }

    /// The way leads to the database again, if the journal is empty.
    pub(super) fn end(&self) -> bool {
        let _inner = self.inner();
        let ended = self.journal.end();
        if ended {
            self.way.send_replace(Way::Database);
        }
        ended
    }
}

fn in_journal(told: Result<Result<(), journal::Error>, oneshot::error::RecvError>) -> Result<(), Error> {
    match told {
        Ok(kept) => Ok(kept?),
        Err(_) => Err(Error::Store(store::Error::Unavailable("the journal's thread has ended".to_owned()))),
    }
}

#[cfg(test)]
mod tests {
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
        let refused: Result<Option<()>, _> =
            gate.keep(entry(2), async { Err(store::Error::Refused("no".into())) }).await;
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
}
