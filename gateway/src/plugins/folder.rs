//! The folder of plugins: each component that is put into it is a plugin, without a line of settings.
//!
//! `NAME.toml` beside `NAME.wasm` may hold what would stand under `[[plugins]]`.

use std::io;
use std::path::{Path, PathBuf};

use toml::Table;

use super::Settings;

/// Why the folder can't be used; names the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} can't be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{}: {problem}", path.display())]
    Settings { path: PathBuf, problem: String },
}

/// The plugins in the folder, by name; none where there is no folder.
pub fn read(folder: &Path) -> Result<Vec<Settings>, Error> {
    let unreadable = |source| Error::Unreadable { path: folder.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut components = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            components.push(path);
        }
    }
    components.sort();
    components.iter().map(|component| settings(component, &component.with_extension("toml"))).collect()
}

/// The settings of a component in a file; without the file, as usual.
pub fn settings(component: &Path, path: &Path) -> Result<Settings, Error> {
    let path = path.to_owned();
    let mut table = match std::fs::read_to_string(&path) {
        Ok(text) => text
            .parse::<Table>()
            .map_err(|error| Error::Settings { path: path.clone(), problem: error.message().to_owned() })?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Table::new(),
        Err(source) => return Err(Error::Unreadable { path, source }),
    };
    if table.contains_key("component") {
        let problem = "`component` is the file beside it and can't be another".to_owned();
        return Err(Error::Settings { path, problem });
    }
    let stem = component.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    table.insert("component".to_owned(), component.display().to_string().into());
    table.entry("name").or_insert_with(|| stem.into());
    table.try_into().map_err(|error: toml::de::Error| Error::Settings { path, problem: error.message().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::OnError;

    #[test]
    fn components_are_plugins_and_what_lies_beside_them_their_settings() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        assert!(read(&folder.path().join("none")).unwrap().is_empty());
        for name in ["b.wasm", "a.wasm", "notes.txt"] {
            write(name, "");
        }
        write("b.toml", "name = \"survey\"\non_error = \"stop\"\n[config]\nquestion = \"¿Todo bien?\"\n");
        let plugins = read(folder.path()).unwrap();
        let names: Vec<&str> = plugins.iter().map(|plugin| plugin.name.as_str()).collect();
        assert_eq!(names, ["a", "survey"]);
        assert!(
            plugins.iter().all(|plugin| Path::new(&plugin.component).extension().is_some_and(|kind| kind == "wasm"))
        );
        assert_eq!((plugins[1].on_error, &plugins[1].config["question"]), (OnError::Stop, &"¿Todo bien?".into()));
    }

    #[test]
    fn wrong_settings_name_their_file() {
        for (text, problem) in [
            ("name = ", "b.toml: "),
            ("on_eror = \"skip\"", "unknown field `on_eror`"),
            ("component = \"builtin:router\"", "can't be another"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("b.wasm"), "").unwrap();
            std::fs::write(folder.path().join("b.toml"), text).unwrap();
            let told = read(folder.path()).unwrap_err().to_string();
            assert!(told.contains("b.toml") && told.contains(problem), "{told}");
        }
    }
}
