//! A fingerprint of sources, so that a stale component is noticed without any compiler.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Error, read};

/// What of a crate goes into a component; the rest of its folder may change freely.
const PARTS: [&str; 4] = ["Cargo.toml", "build.rs", "src", "wit"];

/// SHA-256 in hex.
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// SHA-256 in hex over the sources of these crates: relative paths and contents, in order. Where
/// the crates lie does not matter, their order does.
pub fn source_digest<P: AsRef<Path>>(crates: &[P]) -> Result<String, Error> {
    let mut hasher = Sha256::new();
    for (number, root) in crates.iter().enumerate() {
        let root = root.as_ref();
        for path in files(root)? {
            let contents = read(&root.join(&path))?;
            hasher.update(format!("{number} {path} {}\n", contents.len()));
            hasher.update(contents);
        }
    }
    Ok(hex::encode(hasher.finalize()))
}

/// The source files below a crate, by their path from there, sorted.
fn files(root: &Path) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = PARTS.iter().map(|part| root.join(part)).filter(|path| path.exists()).collect();
    if !root.join("Cargo.toml").is_file() {
        return Err(Error::NoCrate { directory: root.to_owned() });
    }
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let unreadable = |source| Error::Unreadable { path: path.clone(), source };
            for entry in path.read_dir().map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                // Editors leave their own files about.
                if !entry.file_name().as_encoded_bytes().starts_with(b".") {
                    open.push(entry.path());
                }
            }
        } else if let Ok(relative) = path.strip_prefix(root) {
            let names: Vec<_> = relative.iter().map(std::ffi::OsStr::to_string_lossy).collect();
            found.push(names.join("/"));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// All files below a folder, by their path from there, sorted.
    pub(in crate::plugins::authoring) fn files_below(folder: &Path) -> Vec<String> {
        let mut open = vec![folder.to_owned()];
        let mut found = Vec::new();
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
            } else {
                let path = path.strip_prefix(folder).unwrap();
                found.push(path.iter().map(std::ffi::OsStr::to_string_lossy).collect::<Vec<_>>().join("/"));
            }
        }
        found.sort();
        found
    }

    fn sources(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, contents) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
        }
        folder
    }

    const CRATE: [(&str, &str); 4] =
        [("Cargo.toml", "[package]"), ("src/lib.rs", "mod a;"), ("src/a/b.rs", "b"), ("wit/plugin.wit", "package p;")];

    #[test]
    fn the_same_sources_elsewhere_have_the_same_digest() {
        let (one, other) = (sources(&CRATE), sources(&CRATE));
        let (one, other) = (source_digest(&[one.path()]).unwrap(), source_digest(&[other.path()]).unwrap());
        assert_eq!(one, other);
        assert_eq!(one.len(), 64);
    }

    #[test]
    fn what_goes_into_the_component_changes_the_digest() {
        let crate_ = sources(&CRATE);
        let before = source_digest(&[crate_.path()]).unwrap();
        for (path, contents) in CRATE {
            let path = crate_.path().join(path);
            fs::write(&path, "other").unwrap();
            assert_ne!(source_digest(&[crate_.path()]).unwrap(), before, "{}", path.display());
            fs::write(&path, contents).unwrap();
        }
        for path in ["build.rs", "src/new.rs"] {
            fs::write(crate_.path().join(path), "").unwrap();
            assert_ne!(source_digest(&[crate_.path()]).unwrap(), before, "{path}");
            fs::remove_file(crate_.path().join(path)).unwrap();
        }
        fs::rename(crate_.path().join("src/a/b.rs"), crate_.path().join("src/b.rs")).unwrap();
        assert_ne!(source_digest(&[crate_.path()]).unwrap(), before);
    }

    #[test]
    fn what_stays_out_of_the_component_does_not() {
        let crate_ = sources(&CRATE);
        let before = source_digest(&[crate_.path()]).unwrap();
        for path in ["README.md", "target/a.rs", "tests/a.rs", "src/.lib.rs.swp"] {
            let path = crate_.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
        assert_eq!(source_digest(&[crate_.path()]).unwrap(), before);
    }

    #[test]
    fn which_crate_a_file_belongs_to_matters() {
        let (one, other) = (sources(&CRATE), sources(&[("Cargo.toml", "[package]")]));
        let there = source_digest(&[one.path(), other.path()]).unwrap();
        assert_ne!(there, source_digest(&[other.path(), one.path()]).unwrap());
        assert_ne!(there, source_digest(&[one.path()]).unwrap());
    }

    #[test]
    fn a_folder_without_a_crate_is_an_error() {
        let folder = sources(&[("src/lib.rs", "")]);
        assert!(matches!(source_digest(&[folder.path()]), Err(Error::NoCrate { .. })));
    }
}
