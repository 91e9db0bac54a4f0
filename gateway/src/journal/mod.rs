//! Where what came in waits while the database is away or too slow: files on this machine, on disk
//! before anybody is told that they are kept.
//!
//! Owns the files and their order. Who is to write here and when, and what becomes of what is read
//! again, is decided by others. Knows the vocabulary and what webhooks mean, and nothing of a database.

mod entry;
mod format;
mod probing;
mod segment;
mod state;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::oneshot;

pub use entry::Entry;
use state::Shared;
pub use state::Waiting;
use writer::Append;

/// `[journal]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The folder, on this machine.
    pub path: PathBuf,
    /// The most bytes that may wait in it.
    pub max_bytes: u64,
    /// How long the database may take to keep what a webhook brought, in milliseconds.
    pub after_ms: u32,
}

/// Beyond these nobody waits for the answer of a webhook, or the database had no chance.
const AFTER_MS: std::ops::RangeInclusive<u32> = 50..=10_000;
/// The pauses between tries to read what the disk does not give.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];
/// Less would not hold one webhook.
const LEAST_BYTES: u64 = 4096;

impl Settings {
    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.path.as_os_str().is_empty() {
            return Err((
                "path",
                "is empty, but webhooks must be kept somewhere while the database is away".to_owned(),
            ));
        }
        if !AFTER_MS.contains(&self.after_ms) {
            let (least, most) = (AFTER_MS.start(), AFTER_MS.end());
            return Err(("after_ms", format!("is {}, but must be {least} to {most}", self.after_ms)));
        }
        if self.max_bytes < LEAST_BYTES {
            return Err(("max_bytes", format!("is {}, but must be at least {LEAST_BYTES}", self.max_bytes)));
        }
        Ok(())
    }
}

/// Why something is not in the journal.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("the journal is full: {bytes} bytes wait in it, and `journal.max_bytes` is {most}")]
    Full { bytes: u64, most: u64 },
    #[error("the journal in {folder} can't be written: {reason}")]
    Unwritable { folder: String, reason: String },
}

/// Whom to tell that an entry is on disk, or why it is not.
pub type Told = oneshot::Sender<Result<(), Error>>;

/// Some entries, in the order in which they came. [`Journal::done`] wants it back.
pub struct Batch {
    pub entries: Vec<Entry>,
    path: PathBuf,
    lines: u64,
    end: u64,
}

/// Somebody puts entries here at any time: until this is dropped, the journal has no end.
pub struct Hold(Arc<Shared>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.state().holds -= 1;
        self.0.written.notify_one();
    }
}

/// The journal; cheap to clone.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    work: mpsc::Sender<Append>,
}

impl Journal {
    /// Takes up what an earlier run left. `mark` tells this process's files from others'.
    pub fn open(settings: &Settings, mark: &str) -> Result<Self, Error> {
        let shared = Arc::new(Shared::new(settings, mark));
        let folder = &settings.path;
        let tried = segment::make_folder(folder)
            .and_then(|()| segment::tidy(folder))
            .and_then(|()| segment::probe(folder, mark))
            .and_then(|()| segment::adopt(folder, &BTreeSet::new()));
        let found = tried.map_err(|error| shared.unwritable(&error))?;
        shared.state().take_over(found);
        let (work, appends) = mpsc::channel();
        let of_writer = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer::run(&of_writer, &appends))
            .map_err(|error| shared.unwritable(&error))?;
        Ok(Self { shared, work })
    }

    /// Puts an entry behind all that were put here before. `told` hears of it once it is on disk.
    pub fn append(&self, entry: &Entry, told: Told) {
        let line = match entry.write() {
            Ok(json) => format::line(&json),
            // Texts and numbers always can be written as JSON.
            Err(error) => return drop(told.send(Err(self.shared.unwritable(&error.into())))),
        };
        let mut state = self.shared.state();
        if let Err(full) = self.shared.room(&state, line.len()) {
            return drop(told.send(Err(full)));
        }
        state.expect(line.len(), entry.received_at);
        // Under the lock, so that they are written in the order in which they are counted.
        if let Err(mpsc::SendError(Append { line, told })) = self.work.send(Append { line, told }) {
            state.expected(1, line.len());
            let ended = std::io::Error::other("its thread has ended");
            drop(told.send(Err(self.shared.unwritable(&ended))));
        }
    }

    /// The next entries that wait, oldest first; none if there are none on disk just now.
    pub async fn next(&self) -> Option<Batch> {
        let mut pauses = PAUSES.into_iter();
        loop {
            let place = self.shared.state().place()?;
            let of_read = place.clone();
            let read = move || segment::read(&of_read.file, of_read.from, of_read.length, of_read.complete);
            let error = match apart(read).await {
                Ok(piece) => {
                    self.shared.report(&place.path, &piece);
                    let batch = Batch { entries: piece.entries, path: place.path, lines: piece.lines, end: piece.end };
                    return Some(batch);
                }
                Err(error) => error,
            };
            let file = place.path.display();
            if let Some(pause) = pauses.next() {
                tracing::warn!(%file, %error, "a journal can't be read; it is tried again");
                tokio::time::sleep(pause).await;
            } else {
                tracing::error!(%file, %error, "a journal can't be read; it stays where it is for now");
                self.shared.state().give_up(&place.path);
                pauses = PAUSES.into_iter();
            }
        }
    }

    /// All of a batch is in the database, or set aside.
    pub async fn done(&self, batch: Batch) {
        let over = self.shared.state().done(&batch.path, batch.end, batch.lines, batch.entries.last());
        self.remove(over.into_iter().collect()).await;
    }

    /// Sets aside what the database will never take. It is on disk when this returns.
    pub async fn refuse(&self, entry: &Entry) -> Result<(), Error> {
        let json = entry.write().map_err(|error| self.shared.unwritable(&error.into()))?;
        let folder = self.shared.folder.clone();
        let refused = apart(move || segment::refuse(&folder, &format::line(&json))).await;
        refused.map_err(|error| self.shared.unwritable(&error))
    }

    /// Keeps the journal from coming to its end.
    pub fn hold(&self) -> Hold {
        self.shared.state().holds += 1;
        Hold(Arc::clone(&self.shared))
    }

    /// Whether anybody does.
    pub fn is_held(&self) -> bool {
        self.shared.state().holds > 0
    }

    /// True when nobody holds it, nothing waits and nothing is on its way: then its files are gone, and whoever holds off
    /// writing until this returns may go past the journal.
    pub fn end(&self) -> bool {
        let Some(segments) = self.shared.state().end() else { return false };
        if !segments.is_empty() {
            let journal = self.clone();
            tokio::spawn(async move { journal.remove(segments).await });
        }
        true
    }

    /// Takes over what processes that died have left in the same folder; true when there is something.
    /// To be asked only while nothing waits here.
    pub async fn adopt(&self) -> bool {
        let (folder, left) = (self.shared.folder.clone(), self.shared.state().left.clone());
        let taken = match apart(move || segment::adopt(&folder, &left)).await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "the journal's folder can't be looked through");
                return false;
            }
        };
        let files = taken.segments.len();
        if files > 0 {
            tracing::info!(files, "taking over a journal that another gateway left");
        }
        self.shared.state().take_over(taken);
        files > 0
    }

    /// What waits.
    pub fn waiting(&self) -> Waiting {
        self.shared.state().waiting()
    }

    /// How many entries wait beside those of the batch.
    pub fn beyond(&self, batch: &Batch) -> u64 {
        self.waiting().entries.saturating_sub(batch.lines)
    }

    /// Ends when something was written, or could not be.
    pub async fn written(&self) {
        self.shared.written.notified().await;
    }

    /// Whether it takes entries, found out by writing; or by what that came to a moment ago.
    pub async fn probe(&self, now: Timestamp) -> Result<(), Error> {
        self.shared.has_room()?;
        let shared = Arc::clone(&self.shared);
        let write = move || {
            let number = shared.probes.fetch_add(1, Ordering::Relaxed);
            let name = format!("{}-{number}", shared.mark);
            segment::probe(&shared.folder, &name).map_err(|error| shared.unwritable(&error))
        };
        self.shared.probing.ask(now, write).await.map_err(|error| self.shared.unwritable(&error))?
    }

    async fn remove(&self, segments: Vec<segment::Segment>) {
        let removed = apart(move || {
            segments.iter().for_each(segment::remove);
            Ok(())
        });
        if let Err(error) = removed.await {
            tracing::warn!(%error, "replayed journals were not removed");
        }
    }
}

/// Disks make one wait, and nobody else shall wait with them.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> std::io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}
