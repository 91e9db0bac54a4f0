//! What is compiled is kept, and compiled once.

use std::path::{Path, PathBuf};

use super::guest::Guest;
use super::*;

fn keeping(folder: &Path) -> Engine {
    Engine::keeping(Some(folder)).unwrap()
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn a_start_takes_what_an_earlier_one_compiled() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("plugins");
    let component = Guest::default().component();
    let first = keeping(&folder);
    load(&first, PATIENT, component.clone()).await.unwrap();
    assert_eq!(first.cached(), (0, 1));
    let second = keeping(&folder);
    let plugin = load(&second, PATIENT, component.clone()).await.unwrap();
    assert_eq!(second.cached(), (1, 0));
    assert_eq!(replies(&decide(&plugin, "hola").await.unwrap()), ["hola"]);
    // Others are compiled.
    let other = Guest { text: "otra", ..Guest::default() }.component();
    load(&second, PATIENT, other).await.unwrap();
    assert_eq!(second.cached(), (1, 1));
}

#[tokio::test]
async fn what_cannot_be_read_back_is_compiled_anew() {
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("plugins");
    let component = Guest::default().component();
    load(&keeping(&folder), PATIENT, component.clone()).await.unwrap();
    for bytes in [&b""[..], b"nonsense"] {
        let kept = files(&folder);
        assert!(!kept.is_empty());
        for path in kept {
            std::fs::write(path, bytes).unwrap();
        }
        let engine = keeping(&folder);
        let plugin = load(&engine, PATIENT, component.clone()).await.unwrap();
        assert_eq!(engine.cached(), (0, 1));
        assert_eq!(replies(&decide(&plugin, "hola").await.unwrap()), ["hola"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_are_compiled_once_however_many_want_them() {
    let outer = tempfile::tempdir().unwrap();
    let engine = keeping(&outer.path().join("plugins"));
    let component = Guest::default().component();
    let loaded = futures::future::join_all((0..8).map(|_| load(&engine, PATIENT, component.clone()))).await;
    assert!(loaded.iter().all(Result::is_ok));
    assert_eq!(engine.cached(), (0, 1));
    // And not again, not even from the folder, while any of them is there.
    load(&engine, PATIENT, component).await.unwrap();
    assert_eq!(engine.cached(), (0, 1));
}

#[tokio::test]
async fn without_a_folder_all_works_the_same() {
    let outer = tempfile::tempdir().unwrap();
    std::fs::write(outer.path().join("file"), "").unwrap();
    let engine = keeping(&outer.path().join("file/plugins"));
    assert!(load(&engine, PATIENT, Guest::default().component()).await.is_ok());
    assert_eq!(engine.cached(), (0, 0));
}
