//! Files by the SHA-256 of their contents: the same contents are kept once, and what has a name is
//! whole, since it is written elsewhere and renamed when it is on disk.
//!
//! Knows bytes and digests, and nothing of messages.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Where files are before they have a name.
const INCOMING: &str = "incoming";
/// What is older there was left by a crash: nobody writes for so long.
const LEFT: SignedDuration = SignedDuration::from_hours(1);
/// What was kept, or kept again, since then may be somebody's who has not put it down yet.
const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// How much of a file is in memory at once for each who reads it.
const PIECE: u64 = 64 * 1024;

/// A folder of files; cheap to clone. Several gateways may share one.
#[derive(Clone, Debug)]
pub struct Files(Arc<PathBuf>);

impl Files {
    /// Makes the folder where it is missing, removes what a crash left, and gives back its name to what was about to be
    /// removed: it is whole, and somebody may have it.
    pub fn open(path: &Path, now: Timestamp) -> io::Result<Self> {
        let incoming = path.join(INCOMING);
        fs::create_dir_all(&incoming)?;
        let files = Self(Arc::new(path.to_owned()));
        for entry in fs::read_dir(&incoming)? {
            let entry = entry?;
            if let Some(place) = entry.file_name().to_str().and_then(|name| files.place(name)) {
                put_back(&entry.path(), &place, now)?;
                continue;
            }
            let written = Timestamp::try_from(entry.metadata()?.modified()?).unwrap_or(now);
            if now.duration_since(written) > LEFT {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(files)
    }

    /// Keeps the bytes, and gives their digest. `id` is for the meantime.
    pub async fn keep(&self, contents: Bytes, id: Uuid, now: Timestamp) -> io::Result<String> {
        let files = self.clone();
        apart(move || files.write(&contents, id, now)).await
    }

    /// Removes a file that nobody has, unless it was kept, or kept again, lately: whoever did may put it down any moment.
    /// Whether there is none now.
    pub async fn remove(&self, digest: &str, now: Timestamp) -> io::Result<bool> {
        let path = self.place(digest).ok_or(io::ErrorKind::InvalidInput)?;
        let aside = self.0.join(INCOMING).join(digest);
        let unused_since = now.checked_sub(FRESH).unwrap_or(Timestamp::MIN);
        apart(move || {
            let is_unused = kept(&path).map(|kept| kept < unused_since);
            let removed = match is_unused {
                Ok(true) => remove_unless_kept(&path, &aside, unused_since),
                other => other,
            };
            match removed {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
                other => other,
            }
        })
        .await
    }

    fn write(&self, contents: &[u8], id: Uuid, now: Timestamp) -> io::Result<String> {
        let digest = hex::encode(Sha256::digest(contents));
        let path = self.place(&digest).ok_or(io::ErrorKind::InvalidInput)?;
        let length = u64::try_from(contents.len()).unwrap_or(u64::MAX);
        // Who removes what is old must see that it is wanted again.
        match fs::File::options().write(true).open(&path) {
            Ok(found) if found.metadata()?.len() == length && touch(&found, &path, now)? => return Ok(digest),
            _ => {}
        }
        let incoming = self.0.join(INCOMING).join(id.simple().to_string());
        let written = settle(contents, &incoming, &path);
        if written.is_err() {
            // What is left is removed at a later start.
            let _ = fs::remove_file(&incoming);
        }
        written.map(|()| digest)
    }

    /// `length` bytes of a file from `start` on, one piece after the other as they are wanted. That there are so many is
    /// known before the first.
    pub async fn pieces(
        &self,
        digest: &str,
        start: u64,
        length: u64,
    ) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
        let path = self.place(digest).ok_or(io::ErrorKind::NotFound)?;
        let end = start.saturating_add(length);
        let file = apart(move || {
            let file = fs::File::open(path)?;
            if file.metadata()?.len() < end {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            Ok(file)
        })
        .await?;
        let pieces = stream::try_unfold((file, start), move |(file, from)| async move {
            if from >= end {
                return Ok(None);
            }
            apart(move || {
                let next = end.min(from + PIECE);
                let mut piece = vec![0; usize::try_from(next - from).unwrap_or(0)];
                file.read_exact_at(&mut piece, from)?;
                Ok(Some((piece.into(), (file, next))))
            })
            .await
        });
        Ok(pieces.boxed())
    }

    /// Only what is a digest is a path.
    fn place(&self, digest: &str) -> Option<PathBuf> {
        let plain =
            digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        let (folder, name) = digest.split_at_checked(2).filter(|_| plain)?;
        Some(self.0.join(folder).join(name))
    }
}

/// When it was kept, or kept again.
fn kept(path: &Path) -> io::Result<Timestamp> {
    Ok(Timestamp::try_from(fs::metadata(path)?.modified()?).unwrap_or(Timestamp::MAX))
}

/// Marks a file as kept again at this time. False if it has gone meanwhile.
fn touch(file: &fs::File, path: &Path, now: Timestamp) -> io::Result<bool> {
    file.set_modified(now.into())?;
    let ours = file.metadata()?;
    Ok(fs::metadata(path).is_ok_and(|named| (named.dev(), named.ino()) == (ours.dev(), ours.ino())))
}

/// Takes its name from it first, so that from then on nobody finds that it is there: whoever did before has marked it,
/// and then it has its name again.
fn remove_unless_kept(path: &Path, aside: &Path, unused_since: Timestamp) -> io::Result<bool> {
    fs::rename(path, aside)?;
    remove_aside(path, aside, unused_since)
}

fn remove_aside(path: &Path, aside: &Path, unused_since: Timestamp) -> io::Result<bool> {
    let removed = match kept(aside) {
        Ok(kept) if kept < unused_since => fs::remove_file(aside).map(|()| true),
        Ok(_) => fs::rename(aside, path).map(|()| false),
        Err(error) => Err(error),
    };
    match removed {
        // A gateway that starts has given it back its name.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        other => other,
    }
}

/// Gives back its name to a file that somebody was about to remove, and may still be, as if it had been kept just now.
fn put_back(aside: &Path, place: &Path, now: Timestamp) -> io::Result<()> {
    let folder = place.parent().ok_or(io::ErrorKind::InvalidInput)?;
    fs::create_dir_all(folder)?;
    // Marked before it has its name: it may take that of the same file that was kept again meanwhile.
    let marked = fs::File::options().write(true).open(aside).and_then(|file| file.set_modified(now.into()));
    match marked.and_then(|()| fs::rename(aside, place)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// On disk under another name, then under its own, then the name on disk.
fn settle(contents: &[u8], incoming: &Path, path: &Path) -> io::Result<()> {
    let mut file = fs::File::create_new(incoming)?;
    file.write_all(contents)?;
    file.sync_all()?;
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let is_new = !folder.is_dir();
    fs::create_dir_all(folder)?;
    fs::rename(incoming, path)?;
    fs::File::open(folder)?.sync_all()?;
    match folder.parent() {
        Some(above) if is_new => fs::File::open(above)?.sync_all(),
        _ => Ok(()),
    }
}

/// Disks make one wait, and nobody else shall wait with them.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_second(4_000_000_000).unwrap()
    }

    async fn read(files: &Files, digest: &str, start: u64, length: u64) -> io::Result<Vec<u8>> {
        files.pieces(digest, start, length).await?.map_ok(|piece| piece.to_vec()).try_concat().await
    }

    fn all(folder: &Path) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if entry.path().is_dir() {
                found.extend(all(&entry.path()).into_iter().map(|inner| format!("{name}/{inner}")));
            } else {
                found.push(name);
            }
        }
        found.sort();
        found
    }

    #[tokio::test]
    async fn the_same_contents_are_kept_once_under_their_digest() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path(), now()).unwrap();
        let digest = files.keep("hola".into(), Uuid::from_u128(1), now()).await.unwrap();
        assert_eq!(digest, "b221d9dbb083a7f33428d7c2a3c3198ae925614d70210e28716ccaa7cd4ddb79");
        let written = fs::metadata(files.place(&digest).unwrap()).unwrap().ino();
        assert_eq!(files.keep("hola".into(), Uuid::from_u128(2), now()).await.unwrap(), digest);
        assert_eq!(all(folder.path()), [digest.replacen("b2", "b2/", 1)]);
        let again = fs::metadata(files.place(&digest).unwrap()).unwrap().ino();
        assert_eq!(written, again, "it was not written again");
        assert_eq!(read(&files, &digest, 0, 4).await.unwrap(), b"hola");
        assert_eq!(read(&files, &digest, 1, 2).await.unwrap(), b"ol");
        assert_eq!(read(&files, &digest, 2, 4).await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn a_file_comes_over_whole_and_no_more_of_it_at_once_than_a_piece() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path(), now()).unwrap();
        let contents: Vec<u8> = (0..1_000_003_u32).map(|number| u8::try_from(number % 251).unwrap()).collect();
        let digest = files.keep(contents.clone().into(), Uuid::from_u128(1), now()).await.unwrap();
        let pieces: Vec<Bytes> = files.pieces(&digest, 0, 1_000_003).await.unwrap().try_collect().await.unwrap();
        assert!(pieces.concat() == contents, "byte by byte");
        assert!(pieces.len() == 16 && pieces.iter().all(|piece| piece.len() <= 64 * 1024));
        assert!(read(&files, &digest, 65_000, 70_000).await.unwrap() == contents[65_000..135_000]);
        // It is cut off while somebody reads it.
        let mut cut = files.pieces(&digest, 0, 1_000_003).await.unwrap();
        assert!(cut.try_next().await.unwrap().is_some());
        fs::File::options().write(true).open(files.place(&digest).unwrap()).unwrap().set_len(70_000).unwrap();
        assert_eq!(cut.try_next().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn what_a_crash_left_is_no_file_and_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path(), now()).unwrap();
        let half = folder.path().join(INCOMING).join("half");
        fs::write(&half, "ho").unwrap();
        let digest = hex::encode(Sha256::digest("hola"));
        assert_eq!(read(&files, &digest, 0, 2).await.unwrap_err().kind(), io::ErrorKind::NotFound);
        let written = Timestamp::try_from(fs::metadata(&half).unwrap().modified().unwrap()).unwrap();
        // Another gateway may be at work on it.
        Files::open(folder.path(), written + SignedDuration::from_mins(50)).unwrap();
        assert!(half.exists());
        Files::open(folder.path(), written + SignedDuration::from_mins(70)).unwrap();
        assert!(!half.exists());
    }

    #[tokio::test]
    async fn a_file_that_is_wanted_again_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path(), now()).unwrap();
        let digest = files.keep("hola".into(), Uuid::from_u128(1), now()).await.unwrap();
        files.keep("hola".into(), Uuid::from_u128(2), now()).await.unwrap();
        assert!(!files.remove(&digest, now()).await.unwrap());
        assert_eq!(read(&files, &digest, 0, 4).await.unwrap(), b"hola");
        let kept_for = |minutes| now() + SignedDuration::from_mins(minutes);
        assert!(!files.remove(&digest, kept_for(59)).await.unwrap(), "whoever kept it may not have put it down yet");
        let later = kept_for(61);
        assert!(files.remove(&digest, later).await.unwrap());
        assert_eq!(read(&files, &digest, 0, 4).await.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(files.remove(&digest, later).await.unwrap(), "there is none");
        assert!(files.remove("../../etc/passwd", later).await.is_err());
    }

    #[tokio::test]
    async fn a_file_that_is_wanted_again_while_it_is_removed_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path(), now()).unwrap();
        let later = now() + SignedDuration::from_secs(1);
        let digest = files.keep("hola".into(), Uuid::from_u128(1), now()).await.unwrap();
        let (path, aside) = (files.place(&digest).unwrap(), folder.path().join(INCOMING).join(&digest));
        // It was found to be old, and is wanted again before it goes.
        files.keep("hola".into(), Uuid::from_u128(2), later).await.unwrap();
        assert!(!remove_unless_kept(&path, &aside, later).unwrap());
        assert_eq!(read(&files, &digest, 0, 4).await.unwrap(), b"hola");
        assert_eq!(all(folder.path()), [digest.replacen("b2", "b2/", 1)]);
        // It was found to be there, and goes before it is marked.
        let found = fs::File::options().write(true).open(&path).unwrap();
        assert!(files.remove(&digest, later + SignedDuration::from_hours(2)).await.unwrap());
        assert!(!touch(&found, &path, later).unwrap());
        assert!(all(folder.path()).is_empty());
    }

    #[tokio::test]
    async fn a_file_whose_removal_a_crash_cut_off_is_there_after_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path(), now()).unwrap();
        let digest = files.keep("hola".into(), Uuid::from_u128(1), now()).await.unwrap();
        let (path, aside) = (files.place(&digest).unwrap(), folder.path().join(INCOMING).join(&digest));
        let later = now() + SignedDuration::from_hours(2);
        fs::rename(&path, &aside).unwrap();
        Files::open(folder.path(), later).unwrap();
        assert_eq!(read(&files, &digest, 0, 4).await.unwrap(), b"hola");
        assert_eq!(all(folder.path()), [digest.replacen("b2", "b2/", 1)]);
        assert!(!files.remove(&digest, later).await.unwrap(), "as if it had been kept just now");
        // It was kept again before that start.
        fs::copy(&path, &aside).unwrap();
        Files::open(folder.path(), later).unwrap();
        assert_eq!(all(folder.path()), [digest.replacen("b2", "b2/", 1)]);
        // Whoever removes it, and is not dead after all, does not say that there is none.
        fs::rename(&path, &aside).unwrap();
        Files::open(folder.path(), later).unwrap();
        assert!(!remove_aside(&path, &aside, later).unwrap());
        assert_eq!(read(&files, &digest, 0, 4).await.unwrap(), b"hola");
    }

    #[tokio::test]
    async fn a_file_that_is_cut_off_is_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path(), now()).unwrap();
        let digest = files.keep("hola".into(), Uuid::from_u128(1), now()).await.unwrap();
        fs::write(files.place(&digest).unwrap(), "ho").unwrap();
        files.keep("hola".into(), Uuid::from_u128(2), now()).await.unwrap();
        assert_eq!(read(&files, &digest, 0, 4).await.unwrap(), b"hola");
    }

    #[tokio::test]
    async fn only_a_digest_is_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(&folder.path().join("files"), now()).unwrap();
        let padded = format!("../{}", "a".repeat(61));
        fs::write(folder.path().join("a".repeat(61)), "secret").unwrap();
        for digest in ["", "..", "../../etc/passwd", &padded, &"é".repeat(32), &"A".repeat(64)] {
            assert_eq!(read(&files, digest, 0, 1).await.unwrap_err().kind(), io::ErrorKind::NotFound, "{digest}");
        }
    }
}
