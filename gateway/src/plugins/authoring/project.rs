//! A plugin's folder that is no Rust crate: which language it is in, and what it says of itself.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Error, read};

/// A project that shall become a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Project {
    pub(super) directory: PathBuf,
    pub(super) name: String,
    pub(super) language: Language,
    /// As the manifest names them.
    pub(super) hooks: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// The module where it begins.
    JavaScript {
        entry: String,
    },
    /// The name of the module.
    Python {
        module: String,
    },
    C,
}

/// What is asked of `package.json`.
#[derive(Debug, Deserialize)]
struct Package {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    main: Option<String>,
    #[serde(default)]
    recado: Said,
}

/// What is asked of `pyproject.toml`.
#[derive(Debug, Deserialize)]
struct PyProject {
    #[serde(default)]
    project: Named,
    #[serde(default)]
    tool: Tool,
}

#[derive(Debug, Default, Deserialize)]
struct Named {
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Tool {
    #[serde(default)]
    recado: Said,
}

/// What a project says for this build.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    #[serde(default = "inbound")]
    hooks: Vec<String>,
    #[serde(default)]
    module: Option<String>,
}

impl Default for Said {
    fn default() -> Self {
        Self { hooks: inbound(), module: None }
    }
}

fn inbound() -> Vec<String> {
    vec!["inbound".to_owned()]
}

/// The files that tell languages apart.
pub(super) const MARKS: [&str; 4] = ["Cargo.toml", "package.json", "pyproject.toml", "plugin.c"];

impl Project {
    /// Reads what kind of project a folder is; none for a Rust crate.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>, Error> {
        let there = |file: &str| directory.join(file).is_file();
        let bad = |file: &str, reason: String| Error::BadProject {
            directory: directory.to_owned(),
            reason: format!("{file}: {reason}"),
        };
        let folder = directory.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let project = |name: Option<String>, language, hooks| {
            // A scope is no part of a file's name.
            let name = name.map(|name| name.rsplit('/').next().unwrap_or_default().to_owned());
            let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| folder.clone());
            Ok(Some(Self { directory: directory.to_owned(), name, language, hooks }))
        };
        if there("Cargo.toml") {
            Ok(None)
        } else if there("package.json") {
            let package: Package = serde_json::from_slice(&read(&directory.join("package.json"))?)
                .map_err(|error| bad("package.json", error.to_string()))?;
            let entry = package.main.unwrap_or_else(|| "plugin.js".to_owned());
            if !there(&entry) {
                return Err(bad("package.json", format!("there is no {entry}, which `main` names")));
            }
            project(package.name, Language::JavaScript { entry }, package.recado.hooks)
        } else if there("pyproject.toml") {
            let read: PyProject = toml::from_slice(&read(&directory.join("pyproject.toml"))?)
                .map_err(|error| bad("pyproject.toml", error.to_string()))?;
            let module = read.tool.recado.module.unwrap_or_else(|| "plugin".to_owned());
            if !there(&format!("{module}.py")) && !there(&format!("{module}/__init__.py")) {
                return Err(bad(
                    "pyproject.toml",
                    format!("there is no {module}.py, which `tool.recado.module` names"),
                ));
            }
            project(read.project.name, Language::Python { module }, read.tool.recado.hooks)
        } else if there("plugin.c") {
            project(None, Language::C, Vec::new())
        } else {
            Err(Error::NoProject { directory: directory.to_owned() })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Paths, and what is in them.
    type Files<'a> = &'a [(&'a str, &'a str)];

    fn folder(files: Files<'_>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, contents) in files {
            fs::write(folder.path().join(path), contents).unwrap();
        }
        folder
    }

    #[test]
    fn a_language_is_told_by_its_files() {
        let python = Language::Python { module: "plugin".to_owned() };
        let javascript = |entry: &str| Language::JavaScript { entry: entry.to_owned() };
        let cases: [(Files<'_>, Language, &str, &[&str]); 4] = [
            (
                &[("package.json", r#"{"name":"@me/a","main":"a.js"}"#), ("a.js", "")],
                javascript("a.js"),
                "a",
                &["inbound"],
            ),
            (
                &[("package.json", r#"{"name":"a","recado":{"hooks":["timer"]}}"#), ("plugin.js", "")],
                javascript("plugin.js"),
                "a",
                &["timer"],
            ),
            (
                &[
                    ("pyproject.toml", "[project]\nname = \"b\"\n[tool.recado]\nhooks = [\"inbound\", \"status\"]"),
                    ("plugin.py", ""),
                ],
                python,
                "b",
                &["inbound", "status"],
            ),
            (&[("plugin.c", "")], Language::C, "", &[]),
        ];
        for (files, language, name, hooks) in cases {
            let folder = folder(files);
            let project = Project::read(folder.path()).unwrap().unwrap();
            assert_eq!(
                (&project.language, project.hooks.iter().map(String::as_str).collect()),
                (&language, hooks.to_vec())
            );
            assert!(name.is_empty() || project.name == name, "{project:?}");
        }
        assert!(Project::read(folder(&[("Cargo.toml", "")]).path()).unwrap().is_none());
    }

    #[test]
    fn what_is_missing_is_named() {
        for (files, problem) in [
            (&[][..], "holds no plugin"),
            (&[("package.json", "{")][..], "package.json"),
            (&[("package.json", "{}")][..], "there is no plugin.js"),
            (&[("package.json", r#"{"recado":{"hook":[]}}"#), ("plugin.js", "")][..], "unknown field `hook`"),
            (&[("pyproject.toml", "[tool.recado]\nmodule = \"app\"")][..], "there is no app.py"),
        ] {
            let folder = folder(files);
            let told = Project::read(folder.path()).unwrap_err().to_string();
            assert!(told.contains(problem), "{told}");
        }
    }
}
