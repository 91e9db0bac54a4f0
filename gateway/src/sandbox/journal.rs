//! The file in which messages survive a restart: one JSON record per line, only ever appended to. Later
//! records of the same message replace earlier ones.
//!
//! Nothing is left out of it, since it holds only what was made up on this machine; so it can be read by
//! its owner alone.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
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
    /// Opens or creates the file, and reads what is in it. A last line without an end was cut off by a
    /// crash and is dropped; any other line that can't be read is passed over.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<Record>)> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
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
        Ok((Self(file), read.into_iter().flatten().collect()))
    }

    pub(super) fn append(&mut self, record: &Record) -> io::Result<()> {
        let mut line = serde_json::to_vec(record)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
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

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        Journal::open(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
