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
mod tests;
