//! The journal on real files, and what becomes of them when they are cut, damaged or in the way.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::oneshot;

use super::entry::tests::inbound;
use super::*;

fn settings(folder: &Path) -> Settings {
    Settings { path: folder.join("journal"), max_bytes: 1024 * 1024, after_ms: 100 }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn open(folder: &TempDir) -> Journal {
    Journal::open(&settings(folder.path()), "test").unwrap()
}

/// Until its thread has let go of its files, as the end of a process would make it.
async fn close(journal: Journal) {
    let shared = Arc::downgrade(&journal.shared);
    drop(journal);
    while shared.strong_count() > 0 {
        tokio::task::yield_now().await;
    }
}

async fn append(journal: &Journal, entry: &Entry) -> Result<(), Error> {
    let (told, kept) = oneshot::channel();
    journal.append(entry, told);
    kept.await.unwrap()
}

async fn fill(journal: &Journal, numbers: std::ops::Range<u128>) {
    for number in numbers {
        append(journal, &inbound(number)).await.unwrap();
    }
}

/// All that waits, taken out.
async fn drain(journal: &Journal) -> Vec<u128> {
    let mut all = Vec::new();
    while let Some(batch) = journal.next().await {
        all.extend(batch.entries.iter().map(|entry| entry.id.as_u128() & 0xffff));
        journal.done(batch).await;
    }
    all
}

fn files(folder: &TempDir) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(folder.path().join("journal")).unwrap().map(|e| e.unwrap().path()).collect();
    found.sort();
    found
}

fn only_file(folder: &TempDir) -> PathBuf {
    let files = files(folder);
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

fn numbers(range: std::ops::Range<u128>) -> Vec<u128> {
    range.collect()
}

#[tokio::test]
async fn what_was_kept_is_there_after_the_end_of_the_process_and_gone_after_its_replay() {
    let folder = TempDir::new().unwrap();
    let journal = open(&folder);
    fill(&journal, 0..5).await;
    close(journal).await;
    let journal = open(&folder);
    let waiting = journal.waiting();
    assert_eq!((waiting.entries, waiting.oldest), (5, Some(inbound(0).received_at)));
    assert!(!journal.end(), "something waits");
    fill(&journal, 5..8).await;
    assert_eq!(drain(&journal).await, numbers(0..8));
    assert!(journal.end());
    assert_eq!((journal.waiting(), journal.next().await.is_none()), (Waiting::default(), true));
    close(journal).await;
    let journal = open(&folder);
    assert_eq!(journal.waiting().entries, 0);
    assert!(files(&folder).is_empty(), "{:?}", files(&folder));
}

#[tokio::test]
async fn who_holds_it_keeps_it_from_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(&folder);
    let (one, other) = (journal.hold(), journal.hold());
    fill(&journal, 1..3).await;
    assert_eq!(drain(&journal).await, numbers(1..3));
    drop(one);
    assert!(journal.is_held() && !journal.end(), "somebody may still put something here");
    drop(other);
    // Whoever waits for something to come is woken, and finds the end.
    journal.written().await;
    assert!(!journal.is_held() && journal.end());
}

#[tokio::test]
async fn what_was_not_marked_done_comes_again() {
    let folder = TempDir::new().unwrap();
    let journal = open(&folder);
    fill(&journal, 0..3).await;
    assert_eq!(journal.next().await.unwrap().entries.len(), 3);
    close(journal).await;
    assert_eq!(drain(&open(&folder)).await, numbers(0..3));
}

#[tokio::test]
async fn many_at_once_keep_their_order_over_several_files() {
    let folder = TempDir::new().unwrap();
    let journal = Journal::open(&Settings { max_bytes: 256 * 1024, ..settings(folder.path()) }, "test").unwrap();
    let told: Vec<_> = (0..400)
        .map(|number| {
            let (told, kept) = oneshot::channel();
            journal.append(&inbound(number), told);
            kept
        })
        .collect();
    assert_eq!(journal.waiting().entries, 400, "counted from the beginning");
    for kept in told {
        kept.await.unwrap().unwrap();
    }
    fill(&journal, 400..500).await;
    assert!(files(&folder).len() > 1, "{:?}", files(&folder));
    assert_eq!(drain(&journal).await, numbers(0..500));
    assert!(files(&folder).len() <= 1, "what is replayed is gone: {:?}", files(&folder));
}

#[tokio::test]
async fn a_file_that_is_cut_at_any_byte_gives_all_that_was_whole() {
    let folder = TempDir::new().unwrap();
    let journal = open(&folder);
    fill(&journal, 0..2).await;
    let kept = fs::metadata(only_file(&folder)).unwrap().len();
    fill(&journal, 2..3).await;
    close(journal).await;
    let path = only_file(&folder);
    let bytes = fs::read(&path).unwrap();
    for end in usize::try_from(kept).unwrap()..bytes.len() {
        fs::write(&path, &bytes[..end]).unwrap();
        let journal = open(&folder);
        assert_eq!(drain(&journal).await, [0, 1], "cut at {end}");
        assert!(files(&folder).is_empty(), "nothing was damaged: {:?}", files(&folder));
        close(journal).await;
    }
}

#[tokio::test]
async fn a_damaged_file_is_kept_aside_and_the_rest_of_it_is_replayed() {
    let folder = TempDir::new().unwrap();
    let journal = open(&folder);
    fill(&journal, 0..4).await;
    close(journal).await;
    let path = only_file(&folder);
    let mut bytes = fs::read(&path).unwrap();
    let second = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 30;
    bytes[second] ^= 4;
    fs::write(&path, &bytes).unwrap();
    assert_eq!(drain(&open(&folder)).await, [0, 2, 3]);
    let aside = only_file(&folder);
    assert_eq!(aside, path.with_extension("damaged"));
    assert_eq!(fs::read(aside).unwrap(), bytes);
}

#[tokio::test]
async fn of_an_entry_with_holes_it_is_not_said_that_it_was_acknowledged() {
    let folder = TempDir::new().unwrap();
    let journal = open(&folder);
    fill(&journal, 0..3).await;
    let path = only_file(&folder);
    let mut bytes = fs::read(&path).unwrap();
    let ends: Vec<usize> = (0..bytes.len()).filter(|index| bytes[*index] == b'\n').collect();
    // The first page of a write of two entries did not come to the disk, and the second did.
    bytes[ends[1] + 1..ends[2] - 9].fill(0);
    fs::write(&path, &bytes).unwrap();
    let piece = segment::read(&fs::File::open(&path).unwrap(), 17, bytes.len() as u64, true).unwrap();
    let [(place, reason)] = &piece.damage[..] else { panic!("{:?}", piece.damage) };
    assert_eq!((*place, piece.entries.len()), (ends[1] as u64 + 1, 2));
    assert!(reason.contains("before anybody was told"), "{reason}");
}

#[tokio::test]
async fn what_another_program_wrote_is_kept_aside() {
    for other in ["recado diary 1\n and more", "", "recado jour"] {
        let folder = TempDir::new().unwrap();
        let journal = folder.path().join("journal");
        fs::create_dir(&journal).unwrap();
        fs::write(journal.join("0000000001-other.journal"), other).unwrap();
        assert_eq!(drain(&open(&folder)).await, numbers(0..0));
        assert_eq!(only_file(&folder), journal.join("0000000001-other.damaged"), "{other}");
    }
}

#[tokio::test]
async fn what_another_version_wrote_stays_for_a_gateway_of_that() {
    for version in ["recado journal 2\nwhat it likes", "recado journal 10\n"] {
        let folder = TempDir::new().unwrap();
        let journal = folder.path().join("journal");
        fs::create_dir(&journal).unwrap();
        let path = journal.join("0000000001-other.journal");
        fs::write(&path, version).unwrap();
        let journal = open(&folder);
        assert_eq!(drain(&journal).await, numbers(0..0));
        assert!(!journal.adopt().await);
        assert_eq!(fs::read_to_string(only_file(&folder)).unwrap(), version);
        fs::File::open(path).unwrap().try_lock().unwrap();
    }
}

#[tokio::test]
async fn an_entry_of_a_newer_version_stays_for_a_newer_gateway_and_the_rest_is_replayed_once() {
    let folder = TempDir::new().unwrap();
    let journal = open(&folder);
    fill(&journal, 0..3).await;
    close(journal).await;
    let path = only_file(&folder);
    let newer = String::from_utf8(inbound(3).write().unwrap()).unwrap().replacen("\"v\":1", "\"v\":2", 1);
    let bytes = [fs::read(&path).unwrap(), format::line(newer.as_bytes())].concat();
    fs::write(&path, &bytes).unwrap();
    let journal = open(&folder);
    assert_eq!(journal.waiting().entries, 4);
    assert_eq!(drain(&journal).await, [0, 1, 2]);
    assert!(journal.end());
    assert_eq!((only_file(&folder), fs::read(&path).unwrap()), (path.clone(), bytes));
    // Others may have it, and this gateway is through with it.
    fs::File::open(&path).unwrap().try_lock().unwrap();
    assert!(!journal.adopt().await);
    fill(&journal, 4..5).await;
    assert_eq!(drain(&journal).await, [4]);
}

/// Virtual time: the pauses between the tries pass by themselves.
#[tokio::test(start_paused = true)]
async fn what_the_disk_does_not_give_is_asked_for_again() {
    let folder = TempDir::new().unwrap();
    let journal = open(&folder);
    fill(&journal, 0..3).await;
    let path = only_file(&folder);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    let mended = async {
        tokio::time::sleep(PAUSES[0] + PAUSES[1]).await;
        fs::write(&path, &bytes).unwrap();
    };
    let (read, ()) = tokio::join!(drain(&journal), mended);
    assert_eq!(read, [0, 1, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_the_disk_does_not_give_at_all_keeps_its_name_and_is_taken_up_later() {
    let folder = TempDir::new().unwrap();
    let journal = open(&folder);
    fill(&journal, 0..3).await;
    let path = only_file(&folder);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, "").unwrap();
    assert_eq!(drain(&journal).await, numbers(0..0));
    assert_eq!((only_file(&folder), journal.waiting().entries), (path.clone(), 0));
    // What comes in meanwhile goes elsewhere.
    fill(&journal, 3..5).await;
    assert_eq!(drain(&journal).await, [3, 4]);
    fs::write(&path, &bytes).unwrap();
    assert!(journal.adopt().await);
    assert_eq!(drain(&journal).await, [0, 1, 2]);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_until_there_is_room() {
    let folder = TempDir::new().unwrap();
    let journal = Journal::open(&Settings { max_bytes: 8192, ..settings(folder.path()) }, "test").unwrap();
    let mut kept = 0;
    let full = loop {
        match append(&journal, &inbound(kept)).await {
            Ok(()) => kept += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, Error::Full { most: 8192, .. }), "{full}");
    assert!((8..20).contains(&kept), "{kept}");
    assert!(matches!(journal.probe(at(0)).await, Err(Error::Full { .. })));
    let size: u64 = files(&folder).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(size <= 8192, "{size}");
    assert_eq!(drain(&journal).await, numbers(0..kept));
    journal.probe(at(0)).await.unwrap();
    append(&journal, &inbound(kept)).await.unwrap();
}

#[tokio::test]
async fn where_nothing_can_be_written_nothing_is_said_to_be_kept() {
    let folder = TempDir::new().unwrap();
    let journal = open(&folder);
    journal.probe(at(0)).await.unwrap();
    let path = folder.path().join("journal");
    fs::remove_dir(&path).unwrap();
    fs::write(&path, "in the way").unwrap();
    assert!(matches!(append(&journal, &inbound(0)).await, Err(Error::Unwritable { .. })));
    assert!(journal.probe(at(1)).await.is_err());
    assert!(journal.end(), "nothing waits");
    fs::remove_file(&path).unwrap();
    journal.probe(at(2)).await.unwrap();
    append(&journal, &inbound(1)).await.unwrap();
    assert_eq!(drain(&journal).await, [1]);
}

#[tokio::test]
async fn what_is_refused_is_set_aside_and_can_be_put_back() {
    let folder = TempDir::new().unwrap();
    let journal = open(&folder);
    journal.refuse(&inbound(7)).await.unwrap();
    journal.refuse(&inbound(8)).await.unwrap();
    close(journal).await;
    let journal = open(&folder);
    assert_eq!(journal.waiting().entries, 0, "nobody replays it");
    close(journal).await;
    let refused = only_file(&folder);
    fs::rename(&refused, refused.with_file_name("0000000001-refused.journal")).unwrap();
    assert_eq!(drain(&open(&folder)).await, [7, 8]);
}

#[tokio::test]
async fn what_was_set_aside_is_not_spoilt_by_what_follows() {
    let folder = TempDir::new().unwrap();
    let journal = open(&folder);
    let entries: Vec<Entry> = (0..8).map(inbound).collect();
    for refused in futures::future::join_all(entries.iter().map(|entry| journal.refuse(entry))).await {
        refused.unwrap();
    }
    let path = only_file(&folder);
    // One was cut off, as if the machine had stopped.
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"0123456789abcdef {\"v\""].concat()).unwrap();
    journal.refuse(&inbound(8)).await.unwrap();
    close(journal).await;
    fs::rename(&path, path.with_file_name("0000000001-refused.journal")).unwrap();
    let mut put_back = drain(&open(&folder)).await;
    put_back.sort_unstable();
    assert_eq!(put_back, numbers(0..9));
}

#[tokio::test]
async fn one_file_that_cant_be_read_keeps_no_other_from_being_taken_over() {
    let folder = TempDir::new().unwrap();
    let journal = open(&folder);
    fill(&journal, 0..2).await;
    close(journal).await;
    let path = only_file(&folder);
    fs::create_dir(path.with_file_name("0000000000-other.journal")).unwrap();
    assert_eq!(drain(&open(&folder)).await, [0, 1]);
}

#[tokio::test]
async fn gateways_that_share_a_folder_leave_each_other_alone_and_take_over_from_the_dead() {
    let folder = TempDir::new().unwrap();
    let (one, other) = (open(&folder), Journal::open(&settings(folder.path()), "other").unwrap());
    fill(&one, 0..3).await;
    fill(&other, 3..5).await;
    assert!(!other.adopt().await);
    assert_eq!(drain(&other).await, [3, 4]);
    assert!(other.end());
    close(one).await;
    assert!(other.adopt().await);
    assert_eq!(other.waiting().entries, 3);
    assert_eq!(drain(&other).await, [0, 1, 2]);
}

#[tokio::test]
async fn nobody_else_may_look_into_it() {
    let folder = TempDir::new().unwrap();
    let journal = open(&folder);
    fill(&journal, 0..1).await;
    journal.refuse(&inbound(1)).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder.path().join("journal")), 0o700);
    for file in files(&folder) {
        assert_eq!(mode(&file), 0o600, "{file:?}");
    }
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let sound = settings(Path::new("data"));
    assert_eq!(sound.check(), Ok(()));
    let key = |settings: Settings| settings.check().unwrap_err().0;
    assert_eq!(key(Settings { path: PathBuf::new(), ..sound.clone() }), "path");
    assert_eq!(key(Settings { after_ms: 20_000, ..sound.clone() }), "after_ms");
    assert_eq!(key(Settings { max_bytes: 100, ..sound }), "max_bytes");
}
