//! What is known of the components in a folder: `components.toml` beside them.
//!
//! It lets a test tell without any compiler that a component is older than its sources, and a
//! rebuild whether it must come to the very same bytes.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::digest::{digest, source_digest};
use super::{Error, read, write};

/// The file's name.
pub(super) const FILE: &str = "components.toml";

const HEADING: &str = "# Written by `recado plugin build`: what each component was made of, and by what.\n";

/// What one component was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Of the component.
    pub sha256: String,
    /// Of its sources.
    pub source_sha256: String,
    /// The crates it is made of, from the record's folder.
    pub sources: Vec<String>,
    /// The same compiler makes the same bytes.
    pub compiler: String,
}

/// All components of a folder, by file name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Record(pub BTreeMap<String, Entry>);

impl Record {
    /// Reads a folder's record; without one, nothing is known.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let bytes = read(&path)?;
        toml::from_slice(&bytes).map_err(|error| Error::BadRecord { path, reason: error.to_string() })
    }

    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(FILE);
        let body = toml::to_string(self)
            .map_err(|error| Error::BadRecord { path: path.clone(), reason: error.to_string() })?;
        write(&path, format!("{HEADING}\n{body}").as_bytes())
    }
}

impl Entry {
    /// Says what, if anything, makes the component in `folder` another than the one recorded, or
    /// older than its sources.
    pub fn staleness(&self, folder: &Path, component: &str) -> Result<Option<String>, Error> {
        let sources: Vec<PathBuf> = self.sources.iter().map(|path| folder.join(path)).collect();
        if source_digest(&sources)? != self.source_sha256 {
            return Ok(Some(format!("{component} is older than its sources ({})", self.sources.join(", "))));
        }
        if digest(&read(&folder.join(component))?) != self.sha256 {
            return Ok(Some(format!("{component} is not the component that was recorded")));
        }
        Ok(None)
    }
}

/// Says of each recorded component of a folder that is not fresh what is wrong with it. Needs no
/// compiler.
pub fn stale(folder: &Path) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for (component, entry) in &Record::read(folder)?.0 {
        found.extend(entry.staleness(folder, component)?);
    }
    Ok(found)
}

/// The way from one folder to another, both absolute and free of links, with `/` between names.
pub(super) fn way(from: &Path, to: &Path) -> String {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| "..".into());
    let down = to.components().skip(shared).map(|name: Component<'_>| name.as_os_str().to_string_lossy());
    let names: Vec<_> = up.chain(down).collect();
    if names.is_empty() { ".".to_owned() } else { names.join("/") }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_way_between_folders_is_found() {
        let cases = [
            ("/a/plugins", "/a/plugins/auto-reply", "auto-reply"),
            ("/a/plugins", "/a/sdk", "../sdk"),
            ("/a/b/c", "/x", "../../../x"),
            ("/a", "/a", "."),
        ];
        for (from, to, expected) in cases {
            assert_eq!(way(Path::new(from), Path::new(to)), expected, "{from} {to}");
        }
    }

    #[test]
    fn a_record_survives_its_file_and_a_folder_without_one_knows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Record::read(folder.path()).unwrap(), Record::default());
        let entry = Entry {
            sha256: "a".to_owned(),
            source_sha256: "b".to_owned(),
            sources: vec!["auto-reply".to_owned(), "../sdk".to_owned()],
            compiler: "rustc 1.95.0".to_owned(),
        };
        let record = Record(BTreeMap::from([("auto-reply.wasm".to_owned(), entry)]));
        record.write(folder.path()).unwrap();
        assert_eq!(Record::read(folder.path()).unwrap(), record);
    }

    #[test]
    fn a_record_that_cant_be_read_names_its_file() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "nonsense").unwrap();
        assert!(Record::read(folder.path()).unwrap_err().to_string().contains(FILE));
    }

    #[test]
    fn a_component_is_stale_when_it_or_a_source_changes() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("mine/src")).unwrap();
        fs::write(at("mine/Cargo.toml"), "[package]").unwrap();
        fs::write(at("mine/src/lib.rs"), "one").unwrap();
        fs::write(at("mine.wasm"), "component").unwrap();
        let entry = Entry {
            sha256: digest(b"component"),
            source_sha256: source_digest(&[at("mine")]).unwrap(),
            sources: vec!["mine".to_owned()],
            compiler: String::new(),
        };
        Record(BTreeMap::from([("mine.wasm".to_owned(), entry)])).write(folder.path()).unwrap();
        assert_eq!(stale(folder.path()).unwrap(), Vec::<String>::new());

        fs::write(at("mine.wasm"), "other").unwrap();
        assert_eq!(stale(folder.path()).unwrap(), ["mine.wasm is not the component that was recorded"]);
        fs::write(at("mine/src/lib.rs"), "two").unwrap();
        assert_eq!(stale(folder.path()).unwrap(), ["mine.wasm is older than its sources (mine)"]);
    }
}
