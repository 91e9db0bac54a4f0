//! What is in the journal, on disk and on its way there.

use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use super::probing::Probing;
use super::segment::{Fate, Found, Piece, Segment};
use super::{Entry, Error, Settings};

/// A segment of this size gets no more.
const SEGMENT: u64 = 16 * 1024 * 1024;

/// What waits in the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many entries, on disk or on their way there.
    pub entries: u64,
    /// When the oldest of them came in, or somewhat before.
    pub oldest: Option<Timestamp>,
    pub bytes: u64,
}

/// What the journal's handles and its thread have in common.
pub(super) struct Shared {
    pub(super) folder: PathBuf,
    pub(super) mark: String,
    max_bytes: u64,
    /// How long the last entry was that did not fit.
    too_long: AtomicUsize,
    state: Mutex<State>,
    pub(super) written: Notify,
    pub(super) probing: Probing,
    /// How often it was probed, so that each time has a name of its own.
    pub(super) probes: AtomicU32,
}

#[derive(Default)]
pub(super) struct State {
    /// In the order in which they are replayed. Only the last may be open.
    pub(super) segments: VecDeque<Segment>,
    pub(super) oldest: Option<Timestamp>,
    /// What is on its way to the disk.
    expected: u64,
    expected_bytes: u64,
    /// How many may still put entries here, whatever anybody finds.
    pub(super) holds: u32,
    /// Files in which something is for gateways of other versions: these are not taken over again.
    pub(super) left: BTreeSet<PathBuf>,
}

/// Where to read on.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    pub(super) from: u64,
    pub(super) length: u64,
    /// Nothing more comes in this file.
    pub(super) complete: bool,
}

impl Shared {
    pub(super) fn new(settings: &Settings, mark: &str) -> Self {
        Self {
            folder: settings.path.clone(),
            mark: mark.to_owned(),
            max_bytes: settings.max_bytes,
            too_long: AtomicUsize::new(1),
            state: Mutex::default(),
            written: Notify::new(),
            probing: Probing::default(),
            probes: AtomicU32::new(0),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn unwritable(&self, error: &std::io::Error) -> Error {
        Error::Unwritable { folder: self.folder.display().to_string(), reason: error.to_string() }
    }

    /// Whether another entry of this length may come in.
    pub(super) fn room(&self, state: &State, length: usize) -> Result<(), Error> {
        let bytes = state.waiting().bytes;
        let after = bytes.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        if after <= self.max_bytes {
            return Ok(());
        }
        self.too_long.store(length, Ordering::Relaxed);
        Err(Error::Full { bytes, most: self.max_bytes })
    }

    /// Whether what did not fit would fit now.
    pub(super) fn has_room(&self) -> Result<(), Error> {
        self.room(&self.state(), self.too_long.load(Ordering::Relaxed))
    }

    /// How long a segment gets: what is replayed makes room only by whole segments.
    pub(super) fn longest(&self) -> u64 {
        SEGMENT.min(self.max_bytes / 8)
    }

    /// Says what of a piece could not be read.
    pub(super) fn report(&self, path: &Path, piece: &Piece) {
        let file = path.display();
        for (offset, reason) in &piece.damage {
            tracing::error!(%file, offset, reason, "an entry of the journal can't be read; the file is kept aside");
        }
        if let Some(offset) = piece.torn {
            tracing::info!(%file, offset, "an entry was not written to its end, and nobody was told that it was");
        }
        for (offset, reason) in &piece.newer {
            tracing::error!(%file, offset, reason, "an entry of the journal waits for a newer gateway; the file stays");
        }
        let fate = match (piece.newer.is_empty(), piece.damage.is_empty()) {
            (true, true) => return,
            (true, false) => Fate::KeptAside,
            (false, _) => Fate::Left,
        };
        let mut state = self.state();
        if fate == Fate::Left {
            state.left.insert(path.to_owned());
        }
        if let Some(segment) = state.segments.iter_mut().find(|segment| segment.path == path) {
            segment.fate = segment.fate.max(fate);
        }
    }
}

impl State {
    pub(super) fn waiting(&self) -> Waiting {
        let (entries, bytes) = self
            .segments
            .iter()
            .fold((0, 0), |(entries, bytes), segment| (entries + segment.waiting, bytes + segment.length));
        let entries = entries + self.expected;
        Waiting { entries, oldest: self.oldest.filter(|_| entries > 0), bytes: bytes + self.expected_bytes }
    }

    /// An entry is on its way.
    pub(super) fn expect(&mut self, length: usize, received_at: Timestamp) {
        if self.waiting().entries == 0 {
            self.oldest = Some(received_at);
        }
        self.expected += 1;
        self.expected_bytes += length as u64;
    }

    /// These entries are on disk, or never will be.
    pub(super) fn expected(&mut self, entries: u64, length: usize) {
        self.expected = self.expected.saturating_sub(entries);
        self.expected_bytes = self.expected_bytes.saturating_sub(length as u64);
    }

    pub(super) fn place(&self) -> Option<Place> {
        let segment = self.segments.iter().find(|segment| segment.read < segment.length)?;
        Some(Place {
            path: segment.path.clone(),
            file: Arc::clone(&segment.file),
            from: segment.read,
            length: segment.length,
            complete: !segment.open,
        })
    }

    /// A part of a segment was replayed. Gives the segment when that was all of it.
    pub(super) fn done(&mut self, path: &Path, end: u64, lines: u64, last: Option<&Entry>) -> Option<Segment> {
        if let Some(last) = last {
            self.oldest = Some(last.received_at);
        }
        let index = self.segments.iter().position(|segment| segment.path == path)?;
        let segment = self.segments.get_mut(index)?;
        segment.read = end;
        segment.waiting = segment.waiting.saturating_sub(lines);
        if segment.open || segment.read < segment.length { None } else { self.segments.remove(index) }
    }

    /// All segments, if nothing waits in them, nothing is on its way, and nobody holds it.
    pub(super) fn end(&mut self) -> Option<Vec<Segment>> {
        let replayed = self.segments.iter().all(|segment| segment.read >= segment.length);
        if self.expected > 0 || self.holds > 0 || !replayed {
            return None;
        }
        self.oldest = None;
        Some(std::mem::take(&mut self.segments).into())
    }

    pub(super) fn take_over(&mut self, found: Found) {
        self.oldest = found.oldest.or(self.oldest);
        self.left.extend(found.foreign);
        for segment in found.segments.into_iter().rev() {
            self.segments.push_front(segment);
        }
    }

    /// A segment that can't be read is left to whoever can, which may be this process later.
    pub(super) fn give_up(&mut self, path: &Path) {
        self.segments.retain(|segment| segment.path != path);
    }
}
