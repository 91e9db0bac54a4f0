//! The file in which messages survive a restart: one JSON record per line, appended to. Later records of the same message
//! replace earlier ones, and what was replaced is let go of at an opening, once that is most of it.
//!
//! Nothing is left out of it, since it holds only what was made up on this machine; so it can be read by
//! its owner alone.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::message::Message;

/// One line.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Record {
    /// A message as it now stands.
    Message(Box<Message>),
    /// A picture, sound or document that was sent from a phone.
    Media { sid: String, content_type: String, data: String },
    /// A message or a file was deleted.
    Deleted(String),
    /// Whether a customer wants no messages.
    OptOut { phone: String, out: bool },
}

/// Where records are written.
#[derive(Debug)]
pub(super) struct Journal(File);

impl Journal {
    /// Opens or creates the file, and reads what its records come to. A last line without an end was cut off by a
    /// crash and is dropped; any other line that can't be read is passed over.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Record>)> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = private(OpenOptions::new().read(true).append(true).create(true)).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if whole < bytes.len() {
            file.set_len(u64::try_from(whole).unwrap_or(u64::MAX))?;
            file.seek(SeekFrom::End(0))?;
            bytes.truncate(whole);
        }
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let read: Vec<_> = lines.map(serde_json::from_slice).collect();
        let unreadable = read.iter().filter(|record| record.is_err()).count();
        if unreadable > 0 {
            tracing::warn!(unreadable, path = %path.display(), "lines of the local Twilio's journal were passed over");
        }
        let lines = read.len();
        let live = live(read.into_iter().flatten());
        // A line that can't be read may be of a newer version, which will want it.
        if unreadable == 0 && lines > live.len() * 2 {
            match rewrite(path, &live) {
                Ok(rewritten) => file = rewritten,
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "the local Twilio's journal stays as long as it is");
                }
            }
        }
        Ok((Self(file), live))
    }

    pub(super) fn append(&mut self, record: &Record) -> io::Result<()> {
        self.0.write_all(&line(record)?)
    }
}

impl Record {
    /// Whose it is: the id of a message or file, or a number.
    fn of(&self) -> &str {
        match self {
            Self::Message(message) => &message.sid,
            Self::Media { sid, .. } | Self::Deleted(sid) => sid,
            Self::OptOut { phone, .. } => phone,
        }
    }

    /// Whether nothing is left of what was recorded before.
    fn ends(&self) -> bool {
        matches!(self, Self::Deleted(_) | Self::OptOut { out: false, .. })
    }
}

/// Of each message, file and number the last record, where its first was.
fn live(records: impl Iterator<Item = Record>) -> Vec<Record> {
    let mut live: Vec<Option<Record>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for record in records {
        let before = if record.ends() { places.remove(record.of()) } else { places.get(record.of()).copied() };
        match before.and_then(|place| live.get_mut(place)) {
            Some(before) => *before = Some(record).filter(|record| !record.ends()),
            None if record.ends() => {}
            None => {
                places.insert(record.of().to_owned(), live.len());
                live.push(Some(record));
            }
        }
    }
    live.into_iter().flatten().collect()
}

/// Puts a file with these records in the place of the one that is there.
fn rewrite(path: &Path, records: &[Record]) -> io::Result<File> {
    let beside = path.with_added_extension("new");
    let mut file = BufWriter::new(private(OpenOptions::new().write(true).create(true).truncate(true)).open(&beside)?);
    for record in records {
        file.write_all(&line(record)?)?;
    }
    file.into_inner()?.sync_all()?;
    let file = OpenOptions::new().append(true).open(&beside)?;
    fs::rename(&beside, path)?;
    Ok(file)
}

fn line(record: &Record) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(record)?;
    line.push(b'\n');
    Ok(line)
}

fn private(options: &mut OpenOptions) -> &OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(sid: &str) -> Record {
        Record::Media { sid: sid.to_owned(), content_type: "image/png".to_owned(), data: String::new() }
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_a_bad_one_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/journal");
        let (mut journal, records) = Journal::open(&path).unwrap();
        assert_eq!(records, []);
        journal.append(&media("ME1")).unwrap();
        journal.0.write_all(b"{\"unknown\":1}\n\xff\n").unwrap();
        journal.append(&media("ME2")).unwrap();
        journal.0.write_all(b"{\"media\":{\"sid\":\"ME3\"").unwrap();

        let (mut journal, records) = Journal::open(&path).unwrap();
        assert_eq!(records, [media("ME1"), media("ME2")]);
        journal.append(&media("ME4")).unwrap();
        assert_eq!(Journal::open(&path).unwrap().1, [media("ME1"), media("ME2"), media("ME4")]);
    }

    #[test]
    fn what_was_replaced_is_let_go_of_once_it_is_most_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let lines = || fs::read_to_string(&path).unwrap().lines().count();
        let says = |phone: &str, out| Record::OptOut { phone: phone.to_owned(), out };
        let newer = Record::Media { sid: "ME1".to_owned(), content_type: "image/gif".to_owned(), data: String::new() };
        let (mut journal, _) = Journal::open(&path).unwrap();
        let all = [media("ME1"), media("ME2"), says("+1", true), says("+2", true), Record::Deleted("ME2".to_owned())];
        for record in &all {
            journal.append(record).unwrap();
        }
        let (mut journal, records) = Journal::open(&path).unwrap();
        assert_eq!((records, lines()), (vec![media("ME1"), says("+1", true), says("+2", true)], 5));

        let last = [newer, says("+1", false), Record::Deleted("ME3".to_owned())];
        for record in &last {
            journal.append(record).unwrap();
        }
        let [newer, ..] = last;
        let (mut journal, records) = Journal::open(&path).unwrap();
        assert_eq!((&records, lines()), (&vec![newer, says("+2", true)], 2));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        // It goes on in the new file.
        journal.append(&media("ME4")).unwrap();
        assert_eq!((Journal::open(&path).unwrap().1.len(), lines()), (3, 3));

        // What this version can't read stays.
        journal.0.write_all(b"{\"unknown\":1}\n").unwrap();
        for _ in 0..9 {
            journal.append(&says("+2", true)).unwrap();
        }
        assert_eq!((Journal::open(&path).unwrap().1.len(), lines()), (3, 13));
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        let (mut journal, _) = Journal::open(&path).unwrap();
        assert_eq!(mode(), 0o600);
        journal.append(&Record::Deleted("ME1".to_owned())).unwrap();
        Journal::open(&path).unwrap();
        assert_eq!((mode(), fs::metadata(&path).unwrap().len()), (0o600, 0), "it was written anew");
    }
}
