//! The files: one being written, others waiting to be replayed. What is being written or replayed is
//! locked, so that gateways that share a folder leave each other's alone, and take over what one that
//! died has left.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::Entry;
use super::entry::Unreadable;
use super::format::{self, HEADER, Line};

/// Behind the names of segments, of what is not a segment yet, and of those that are kept for a person.
const SEGMENT: &str = "journal";
const NEW: &str = "new";
const DAMAGED: &str = "damaged";
/// The segment that nobody replays, with what the database refused.
const REFUSED: &str = "refused";
/// Of what has holes, nobody can tell whether it was acknowledged.
const HOLLOW: &str = "it has holes: the disk lost it, or power was lost before anybody was told that it is kept";
/// The most that is read at once, unless an entry is longer.
const PIECE: u64 = 256 * 1024;

/// One file of the journal.
pub(super) struct Segment {
    pub(super) path: PathBuf,
    /// Locked for as long as it is here.
    pub(super) file: Arc<File>,
    /// How many bytes are on disk.
    pub(super) length: u64,
    /// How many of them are replayed.
    pub(super) read: u64,
    /// How many entries are not.
    pub(super) waiting: u64,
    /// Whether it is written to.
    pub(super) open: bool,
    pub(super) fate: Fate,
}

/// What becomes of a segment once all of it that can be read here is in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    Removed,
    /// Something in it could not be read, and a person should look at it.
    KeptAside,
    /// Something in it is for a newer gateway, which finds it by its name.
    Left,
}

/// What others left behind.
pub(super) struct Found {
    /// Oldest first.
    pub(super) segments: Vec<Segment>,
    /// When the oldest entry came in.
    pub(super) oldest: Option<Timestamp>,
    /// What only a gateway of another version can read.
    pub(super) foreign: Vec<PathBuf>,
}

enum Looked {
    Adopted(Segment),
    Foreign,
    /// Somebody else has it, or there is nothing.
    Nothing,
}

/// Some entries of a segment, in order.
pub(super) struct Piece {
    pub(super) entries: Vec<Entry>,
    /// How many lines these are, bad ones included.
    pub(super) lines: u64,
    /// Where the next piece begins.
    pub(super) end: u64,
    /// Where what could not be read begins, and why.
    pub(super) damage: Vec<(u64, String)>,
    /// Where entries of a newer gateway begin, and why they can't be read here.
    pub(super) newer: Vec<(u64, String)>,
    /// Where what was not written to its end begins.
    pub(super) torn: Option<u64>,
}

/// Makes the folder where it is missing: only the gateway's user may look into it.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|path| !path.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    // Each is on disk only once the folder is that it was made in.
    missing
        .into_iter()
        .filter_map(Path::parent)
        .try_for_each(|parent| sync(if parent.as_os_str().is_empty() { Path::new(".") } else { parent }))
}

/// A new segment with a number above all that are there. `mark` tells processes apart.
pub(super) fn create(folder: &Path, mark: &str) -> io::Result<Segment> {
    make_folder(folder)?;
    let number = 1 + names(folder, SEGMENT)?.iter().filter_map(|path| number(path)).max().unwrap_or(0);
    let path = folder.join(format!("{number:010}-{mark}.{SEGMENT}"));
    // Under another name until it is locked and whole, or somebody else would take it for left behind.
    let meanwhile = path.with_extension(NEW);
    let file = open_new(&meanwhile)?;
    file.try_lock()?;
    file.write_all_at(HEADER, 0)?;
    file.sync_all()?;
    fs::rename(&meanwhile, &path)?;
    sync(folder)?;
    let length = length_of(HEADER);
    let file = Arc::new(file);
    Ok(Segment { path, file, length, read: length, waiting: 0, open: true, fate: Fate::Removed })
}

/// Whether a file can be written here, found out by doing it.
pub(super) fn probe(folder: &Path, name: &str) -> io::Result<()> {
    make_folder(folder)?;
    let path = folder.join(name).with_extension(NEW);
    let written = open_new(&path).and_then(|file| {
        file.try_lock()?;
        file.write_all_at(&[b'.'; 4096], 0)?;
        file.sync_all()
    });
    let removed = fs::remove_file(&path);
    written.and(removed)
}

/// What others left behind, but for what was `left` to others before. What is whole and empty is removed.
pub(super) fn adopt(folder: &Path, left: &BTreeSet<PathBuf>) -> io::Result<Found> {
    let mut found = Found { segments: Vec::new(), oldest: None, foreign: Vec::new() };
    for path in names(folder, SEGMENT)?.into_iter().filter(|path| !left.contains(path)) {
        let segment = match adopt_one(path.clone()) {
            Ok(Looked::Adopted(segment)) => segment,
            Ok(Looked::Foreign) => {
                found.foreign.push(path);
                continue;
            }
            Ok(Looked::Nothing) => continue,
            // The others are not to wait for somebody to mend it.
            Err(error) => {
                tracing::error!(file = %path.display(), %error, "a journal can't be read; it is left where it is");
                continue;
            }
        };
        if segment.waiting == 0 {
            remove(&segment);
            continue;
        }
        if found.oldest.is_none() {
            let first = read(&segment.file, segment.read, segment.length, true).ok();
            found.oldest = first.and_then(|piece| piece.entries.first().map(|entry| entry.received_at));
        }
        found.segments.push(segment);
    }
    Ok(found)
}

/// Removes what a process left that died while it made a segment.
pub(super) fn tidy(folder: &Path) -> io::Result<()> {
    for path in names(folder, NEW)? {
        let removed = File::open(&path).and_then(|left| match left.try_lock() {
            Ok(()) => fs::remove_file(&path),
            Err(_) => Ok(()),
        });
        // Another gateway may have made it what it was to be meanwhile.
        removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })?;
    }
    Ok(())
}

fn adopt_one(path: PathBuf) -> io::Result<Looked> {
    let file = match OpenOptions::new().read(true).write(true).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Looked::Nothing),
        opened => opened?,
    };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(Looked::Nothing),
        locked => locked?,
    }
    // Whoever had it may have removed it between the opening and the lock.
    if !is_named(&file, &path) {
        return Ok(Looked::Nothing);
    }
    let length = file.metadata()?.len();
    // What the disk does not give now it may give later, or to somebody else.
    let header = bytes(&file, 0, length.min(length_of(HEADER)))?;
    if format::is_another_version(&header) {
        tracing::error!(file = %path.display(), "is a journal of another version of Recado; it waits for a gateway of that");
        return Ok(Looked::Foreign);
    }
    if header != HEADER {
        tracing::error!(file = %path.display(), "is no journal; it is kept aside");
        keep_aside(&path);
        return Ok(Looked::Nothing);
    }
    let mut segment = Segment {
        path,
        file: Arc::new(file),
        length,
        read: length_of(HEADER),
        waiting: 0,
        open: false,
        fate: Fate::Removed,
    };
    segment.waiting = count(&segment.file, segment.read, length)?;
    Ok(Looked::Adopted(segment))
}

/// Whether the file is the one that has this name now.
fn is_named(file: &File, path: &Path) -> bool {
    fs::metadata(path)
        .is_ok_and(|named| file.metadata().is_ok_and(|ours| (ours.dev(), ours.ino()) == (named.dev(), named.ino())))
}

/// How many lines there are, an unfinished one included.
fn count(file: &File, mut from: u64, length: u64) -> io::Result<u64> {
    let (mut lines, mut last) = (0, b'\n');
    while from < length {
        let bytes = bytes(file, from, length.min(from + PIECE))?;
        lines += length_of_lines(&bytes);
        last = bytes.last().copied().unwrap_or(b'\n');
        from += length_of(&bytes);
    }
    Ok(lines + u64::from(last != b'\n'))
}

/// What comes next. `complete` says that nobody writes behind `length` any more.
pub(super) fn read(file: &File, from: u64, length: u64, complete: bool) -> io::Result<Piece> {
    let mut until = length.min(from + PIECE);
    let mut bytes = bytes(file, from, until)?;
    while format::finished(&bytes) == 0 && until < length {
        until = length.min(until + PIECE);
        bytes = self::bytes(file, from, until)?;
    }
    let to_the_end = complete && until == length;
    if !to_the_end {
        bytes.truncate(format::finished(&bytes));
    }
    let mut piece =
        Piece { entries: Vec::new(), lines: 0, end: from, damage: Vec::new(), newer: Vec::new(), torn: None };
    piece.end += length_of(&bytes);
    for (offset, line) in format::lines(&bytes, to_the_end) {
        let place = from + position(offset);
        piece.lines += 1;
        match line {
            Line::Whole(json) => match Entry::read(json) {
                Ok(entry) => piece.entries.push(entry),
                Err(newer @ Unreadable::Version(_)) => piece.newer.push((place, newer.to_string())),
                Err(reason) => piece.damage.push((place, reason.to_string())),
            },
            Line::Damaged => piece.damage.push((place, "its checksum does not match".to_owned())),
            Line::Hollow => piece.damage.push((place, HOLLOW.to_owned())),
            Line::Torn => _ = piece.torn.get_or_insert(place),
        }
    }
    Ok(piece)
}

/// Puts an entry among those that nobody replays. It is on disk when this returns.
pub(super) fn refuse(folder: &Path, line: &[u8]) -> io::Result<()> {
    make_folder(folder)?;
    let path = folder.join(REFUSED);
    while !put(&open_refused(&path)?, &path, line)? {}
    sync(folder)
}

fn open_refused(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// False, and nothing done, if the file has another name by now: somebody puts it back, and it may have been replayed
/// and removed already.
fn put(file: &File, path: &Path, line: &[u8]) -> io::Result<bool> {
    // One after the other; it ends with the file.
    file.lock()?;
    if !is_named(file, path) {
        return Ok(false);
    }
    let mut length = file.metadata()?.len();
    let mut before: &[u8] = b"";
    if length < length_of(HEADER) {
        (length, before) = (0, HEADER);
    } else if bytes(file, length - 1, length)? != b"\n" {
        // The last one was cut off, and its entry is still where it came from.
        before = b"\n";
    }
    let written = file.write_all_at(&[before, line].concat(), length).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = file.set_len(length).and_then(|()| file.sync_all());
    }
    written.map(|()| true)
}

/// All of it that can be read is in the database: it goes, unless somebody else should look at it.
pub(super) fn remove(segment: &Segment) {
    match segment.fate {
        Fate::Removed => {
            if let Err(error) = fs::remove_file(&segment.path) {
                // Being replayed again changes nothing.
                let file = segment.path.display();
                tracing::warn!(%file, %error, "a replayed journal can't be removed; the next start replays it again");
            }
        }
        Fate::KeptAside => keep_aside(&segment.path),
        // Nor does it there.
        Fate::Left => return,
    }
    if let Some(folder) = segment.path.parent() {
        let _ = sync(folder);
    }
}

fn keep_aside(path: &Path) {
    let aside = path.with_extension(DAMAGED);
    if let Err(error) = fs::rename(path, &aside) {
        tracing::error!(file = %path.display(), %error, "a damaged journal can't be kept aside");
    }
}

fn open_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Names are on disk only once their folder is.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn names(folder: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|its| its == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn number(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.split_once('-')?.0.parse().ok()
}

fn bytes(file: &File, from: u64, until: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(until.saturating_sub(from)).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}

fn length_of(bytes: &[u8]) -> u64 {
    position(bytes.len())
}

fn length_of_lines(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |lines, byte| lines + u64::from(*byte == b'\n'))
}

fn position(offset: usize) -> u64 {
    u64::try_from(offset).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_aside_is_not_written_to_a_file_that_was_put_back_and_replayed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(REFUSED);
        let [kept, gone] = ["kept", "gone"].map(|name| folder.path().join(name));
        for (file, line) in [(kept, "one\n"), (gone.clone(), "two\n")] {
            let opened = open_refused(&path).unwrap();
            fs::rename(&path, &file).unwrap();
            if file == gone {
                fs::remove_file(&file).unwrap();
            }
            assert!(!put(&opened, &path, line.as_bytes()).unwrap());
            assert_eq!(opened.metadata().unwrap().len(), 0);
            drop(opened);
            refuse(folder.path(), line.as_bytes()).unwrap();
            let expected = [HEADER, line.as_bytes()].concat();
            assert_eq!(fs::read(&path).unwrap(), expected);
            fs::remove_file(&path).unwrap();
        }
    }
}
