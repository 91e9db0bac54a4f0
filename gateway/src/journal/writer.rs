//! Group commit for files: one thread writes what has queued up meanwhile and waits for the disk once.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, mpsc};

use super::segment::{self, Segment};
use super::state::Shared;
use super::{Error, Told};

/// An entry that is to be written, and who waits for it.
pub(super) struct Append {
    pub(super) line: Vec<u8>,
    pub(super) told: Told,
}

/// The most bytes that are written before the disk is waited for.
const BATCH: usize = 1024 * 1024;

/// Runs until every handle is gone.
pub(super) fn run(shared: &Shared, appends: &mpsc::Receiver<Append>) {
    while let Ok(first) = appends.recv() {
        let (lines, waiting) = gather(first, appends);
        let kept = keep(shared, &lines, waiting.len() as u64);
        for told in waiting {
            // Whoever asked may have gone; it is kept all the same.
            let _ = told.send(kept.clone());
        }
        shared.written.notify_one();
    }
}

/// What has queued up meanwhile, as one write.
fn gather(first: Append, appends: &mpsc::Receiver<Append>) -> (Vec<u8>, Vec<Told>) {
    let (mut lines, mut waiting) = (first.line, vec![first.told]);
    while lines.len() < BATCH {
        let Ok(next) = appends.try_recv() else { break };
        lines.extend_from_slice(&next.line);
        waiting.push(next.told);
    }
    (lines, waiting)
}

fn keep(shared: &Shared, lines: &[u8], entries: u64) -> Result<(), Error> {
    let written = open_segment(shared).and_then(|(file, length)| write(&file, lines, length));
    let mut state = shared.state();
    state.expected(entries, lines.len());
    let segment = state.segments.back_mut().filter(|segment| segment.open);
    match (written, segment) {
        (Ok(()), Some(segment)) => {
            segment.length += lines.len() as u64;
            segment.waiting += entries;
            Ok(())
        }
        (written, segment) => {
            // Nobody knows what the disk has of it now: the next entries go to another file.
            if let Some(segment) = segment {
                segment.open = false;
            }
            let empty = state.segments.pop_back_if(|segment| !segment.open && segment.read >= segment.length);
            drop(state);
            empty.iter().for_each(segment::remove);
            let error = written.err().unwrap_or_else(|| io::Error::other("the file is gone"));
            tracing::warn!(%error, "the journal can't be written");
            Err(shared.unwritable(&error))
        }
    }
}

/// The file to write to, and where.
fn open_segment(shared: &Shared) -> io::Result<(Arc<File>, u64)> {
    {
        let mut state = shared.state();
        match state.segments.back_mut() {
            Some(segment) if segment.open && segment.length < shared.longest() => {
                return Ok((Arc::clone(&segment.file), segment.length));
            }
            Some(segment) => segment.open = false,
            None => {}
        }
    }
    let segment = segment::create(&shared.folder, &shared.mark)?;
    let place = (Arc::clone(&segment.file), segment.length);
    let replayed = {
        let mut state = shared.state();
        // It was full and read to its end, so that nobody will look at it again.
        let replayed = state.segments.pop_back_if(|segment: &mut Segment| segment.read >= segment.length);
        state.segments.push_back(segment);
        replayed
    };
    replayed.iter().for_each(segment::remove);
    Ok(place)
}

fn write(file: &File, lines: &[u8], at: u64) -> io::Result<()> {
    let written = file.write_all_at(lines, at).and_then(|()| file.sync_data());
    if written.is_err() {
        // What is half there was promised to nobody. If it stays, it is found to be torn.
        let _ = file.set_len(at).and_then(|()| file.sync_data());
    }
    written
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn what_has_queued_up_is_one_write() {
        let (work, appends) = mpsc::channel();
        for number in 0..100 {
            work.send(Append { line: format!("{number}\n").into_bytes(), told: oneshot::channel().0 }).unwrap();
        }
        let (lines, waiting) = gather(appends.recv().unwrap(), &appends);
        let expected = (0..100).map(|number| number.to_string() + "\n").collect::<Vec<_>>().concat();
        assert_eq!((String::from_utf8(lines).unwrap(), waiting.len()), (expected, 100));
    }
}
