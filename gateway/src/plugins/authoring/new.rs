//! The folder of a new plugin: all of it, so that it builds without another line.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Error, record, vendored, world, write};

/// What a plugin is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Written {
    Rust,
    Js,
    Python,
    C,
}

/// A folder that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Begun {
    pub folder: PathBuf,
    pub language: Written,
    pub files: Vec<String>,
}

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub name: String,
    pub language: Written,
    /// Where its folder is made.
    pub place: PathBuf,
    /// For Rust, where the SDK is. None: its sources go into the folder.
    pub sdk: Option<PathBuf>,
}

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../../../sdk/templates/", $path))
    };
}

const SCHEMA: &str = template!("shared/schema.json");
const BINDINGS: [(&str, &[u8]); 3] = [
    ("bindings/recado_plugin.c", include_bytes!("../../../../sdk/templates/c/bindings/recado_plugin.c")),
    ("bindings/recado_plugin.h", include_bytes!("../../../../sdk/templates/c/bindings/recado_plugin.h")),
    (
        "bindings/recado_plugin_component_type.o",
        include_bytes!("../../../../sdk/templates/c/bindings/recado_plugin_component_type.o"),
    ),
];

/// What Cargo, Python or Node would take for something else.
const TAKEN: [&str; 8] = ["alloc", "core", "plugin", "proc-macro", "recado-sdk", "serde", "std", "test"];
const LONGEST_NAME: usize = 64;

/// Makes the folder. Nothing that is there is written over.
pub fn begin(wanted: &Wanted) -> Result<Begun, Error> {
    check_name(&wanted.name)?;
    let folder = wanted.place.join(&wanted.name);
    let is_empty = folder.read_dir().map(|mut entries| entries.next().is_none());
    if folder.exists() && !is_empty.unwrap_or(false) {
        return Err(Error::There { path: folder });
    }
    let files = files(wanted, &folder)?;
    for (path, contents) in &files {
        let path = folder.join(path);
        let unwritable = |source| Error::Unwritable { path: path.clone(), source };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(unwritable)?;
        }
        write(&path, contents)?;
    }
    let files = files.into_iter().map(|(path, _)| path).collect();
    Ok(Begun { folder, language: wanted.language, files })
}

fn check_name(name: &str) -> Result<(), Error> {
    let is_word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bad = |reason: String| Err(Error::BadName { name: name.to_owned(), reason });
    if !name.starts_with(|first: char| first.is_ascii_lowercase()) || !name.split('-').all(is_word) {
        return bad(
            "a name is of lower-case letters and digits, with hyphens between words, as in `my-plugin`".to_owned()
        );
    }
    if name.len() > LONGEST_NAME {
        return bad(format!("a name has {LONGEST_NAME} characters at the most"));
    }
    if TAKEN.contains(&name) {
        return bad(format!("others are called so already; how about `my-{name}`?"));
    }
    Ok(())
}

/// Each file of the folder, and what is in it.
fn files(wanted: &Wanted, folder: &Path) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let name = &wanted.name;
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |path: &str, text: &str| files.push((path.to_owned(), text.replace("{{name}}", name).into_bytes()));
    let (settings, source, install) = about(wanted.language);
    let readme = template!("shared/README.md").replace("{{source}}", source).replace("{{install}}", install);
    add("README.md", &readme);
    add("cases.toml", template!("shared/cases.toml"));
    add(&format!("{name}.toml"), &template!("shared/settings.toml").replace("{{settings}}", settings));
    add(".gitignore", template!("shared/gitignore"));
    add("wit/plugin.wit", world::CONTRACT);
    match wanted.language {
        Written::Rust => {
            let sdk =
                wanted.sdk.as_deref().map_or_else(|| Ok("vendor/recado-sdk".to_owned()), |sdk| way(folder, sdk))?;
            add("Cargo.toml", &template!("rust/Cargo.toml").replace("{{sdk}}", &sdk));
            add("src/lib.rs", template!("rust/src/lib.rs"));
            add("src/schema.json", SCHEMA);
            if wanted.sdk.is_none() {
                let bad = |reason| Error::BadProject { directory: folder.to_owned(), reason };
                for (path, text) in vendored::files().map_err(bad)? {
                    files.push((format!("vendor/recado-sdk/{path}"), text.into_bytes()));
                }
            }
        }
        Written::Js => {
            add("package.json", template!("js/package.json"));
            add("plugin.js", &template!("js/plugin.js").replace("{{schema}}", SCHEMA.trim_end()));
        }
        Written::Python => {
            add("pyproject.toml", template!("python/pyproject.toml"));
            add("plugin.py", &template!("python/plugin.py").replace("{{schema}}", &of_python(SCHEMA)));
        }
        Written::C => {
            add("plugin.c", &template!("c/plugin.c").replace("{{schema}}", &of_c(SCHEMA)));
            add("json.h", template!("c/json.h"));
            files.extend(BINDINGS.map(|(path, bytes)| (path.to_owned(), bytes.to_vec())));
        }
    }
    Ok(files)
}

/// What the operator's file begins with, where the plugin is, and what to install first.
fn about(language: Written) -> (&'static str, &'static str, &'static str) {
    match language {
        Written::Rust => (
            "",
            "`src/lib.rs`",
            "It is built with a Rust that compiles for WebAssembly: `rustup target add wasm32-unknown-unknown`. \
             Its own tests are plain Rust: `cargo test`.",
        ),
        Written::Js => (
            "",
            "`plugin.js`",
            "It is built with componentize-qjs, which `npm install` fetches. Needs Node.js 20 or newer.",
        ),
        Written::Python => (
            "\n# An interpreter takes room, and is made once and then used again.\nmemory_mib = 48\nisolation = \"reuse\"\n",
            "`plugin.py`",
            "It is built with componentize-py: `python3 -m venv .venv && .venv/bin/pip install componentize-py`.",
        ),
        Written::C => (
            "",
            "`plugin.c`",
            "It is built with clang; on Debian and Ubuntu: \
             `apt-get install clang-19 lld-19 wasi-libc libclang-rt-19-dev-wasm32`.",
        ),
    }
}

/// The way from the new folder, which need not be there yet, to the SDK.
fn way(folder: &Path, sdk: &Path) -> Result<String, Error> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |source| Error::Unreadable { path, source }
    };
    let sdk = sdk.canonicalize().map_err(unreadable(sdk))?;
    if !sdk.join("Cargo.toml").is_file() {
        return Err(Error::NoCrate { directory: sdk });
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).map_err(|source| Error::Unwritable { path: parent.to_owned(), source })?;
    let parent = parent.canonicalize().map_err(unreadable(parent))?;
    Ok(record::way(&parent.join(folder.file_name().unwrap_or_default()), &sdk))
}

/// JSON as Python writes it, where the two differ.
fn of_python(json: &str) -> String {
    json.trim_end().replace(": false", ": False").replace(": true", ": True").replace(": null", ": None")
}

/// JSON as texts of C, line by line.
fn of_c(json: &str) -> String {
    let lines =
        json.trim_end().lines().map(|line| format!("\n    \"{}\\n\"", line.replace('\\', "\\\\").replace('"', "\\\"")));
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::authoring::project::Project;
    use crate::workbench::cases::Cases;

    fn wanted(name: &str, language: Written, place: &Path) -> Wanted {
        Wanted { name: name.to_owned(), language, place: place.to_owned(), sdk: None }
    }

    #[test]
    fn each_language_begins_with_all_that_a_build_and_a_test_need() {
        let place = tempfile::tempdir().unwrap();
        for (name, language, file) in [
            ("in-rust", Written::Rust, "src/lib.rs"),
            ("in-js", Written::Js, "plugin.js"),
            ("in-python", Written::Python, "plugin.py"),
            ("in-c", Written::C, "plugin.c"),
        ] {
            let begun = begin(&wanted(name, language, place.path())).unwrap();
            for needed in [file, "README.md", "cases.toml", "wit/plugin.wit", ".gitignore", &format!("{name}.toml")] {
                assert!(begun.files.iter().any(|path| path == needed), "{name}: {needed}");
            }
            for path in begun.files.iter().filter(|path| !path.starts_with("vendor/")) {
                let bytes = std::fs::read(begun.folder.join(path)).unwrap();
                let text = String::from_utf8_lossy(&bytes);
                for gap in ["name", "schema", "sdk", "settings", "source", "install"] {
                    assert!(!text.contains(&["{{", gap, "}}"].concat()), "{path} of {name} has a gap: {gap}");
                }
            }
            let project = Project::read(&begun.folder).unwrap();
            assert!(project.is_none_or(|project| project.name == name && language != Written::Rust));
            let cases = Cases::read(&begun.folder.join("cases.toml")).unwrap();
            assert_eq!(cases.component, Some(PathBuf::from(format!("{name}.wasm"))));
        }
    }

    #[test]
    fn nothing_is_written_over() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir(place.path().join("empty")).unwrap();
        assert!(begin(&wanted("empty", Written::Js, place.path())).is_ok());
        let told = begin(&wanted("empty", Written::Python, place.path())).unwrap_err().to_string();
        assert!(told.contains("empty") && told.contains("another name"), "{told}");
        std::fs::write(place.path().join("file"), "").unwrap();
        assert!(matches!(begin(&wanted("file", Written::Js, place.path())), Err(Error::There { .. })));
    }

    #[test]
    fn a_name_that_is_none_is_refused_before_anything_is_made() {
        let place = tempfile::tempdir().unwrap();
        for name in ["", "My-Plugin", "../up", "a_b", "-a", "a-", "2a", "test", "día", &"a".repeat(65)] {
            assert!(matches!(begin(&wanted(name, Written::C, place.path())), Err(Error::BadName { .. })), "{name}");
        }
        assert_eq!(place.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn the_sdk_of_a_checkout_is_named_by_its_way() {
        let place = tempfile::tempdir().unwrap();
        let sdk = place.path().join("recado/sdk");
        std::fs::create_dir_all(&sdk).unwrap();
        std::fs::write(sdk.join("Cargo.toml"), "").unwrap();
        let wanted = Wanted { sdk: Some(sdk), ..wanted("mine", Written::Rust, &place.path().join("plugins")) };
        let begun = begin(&wanted).unwrap();
        let manifest = std::fs::read_to_string(begun.folder.join("Cargo.toml")).unwrap();
        assert!(manifest.contains("path = \"../../recado/sdk\""), "{manifest}");
        assert!(!begun.folder.join("vendor").exists());
    }
}
