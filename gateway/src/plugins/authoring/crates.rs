//! What cargo knows of a plugin's crate.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::Error;
use super::toolchain::Toolchain;

/// A crate that shall become a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Crate {
    pub(super) name: String,
    /// The name of the library that the compiler makes.
    pub(super) library: String,
    pub(super) manifest: PathBuf,
    pub(super) workspace: PathBuf,
    pub(super) target: PathBuf,
    /// Its own folder, then those of the crates beside it that it is made of, sorted.
    pub(super) sources: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
    dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    /// `dev`, `build`, or neither.
    kind: Option<String>,
    /// Only of a crate in a folder of this machine.
    path: Option<PathBuf>,
}

impl Crate {
    /// Asks cargo about the crate in `directory`.
    pub(super) fn read(directory: &Path, toolchain: &Toolchain) -> Result<Self, Error> {
        let manifest = directory.join("Cargo.toml");
        if !manifest.is_file() {
            return Err(Error::NoCrate { directory: directory.to_owned() });
        }
        let output = Command::new(&toolchain.cargo)
            .args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"])
            .arg(&manifest)
            .current_dir(directory)
            .output()
            .map_err(|source| Error::Unreadable { path: toolchain.cargo.clone(), source })?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(Error::BadCrate { directory: directory.to_owned(), reason });
        }
        Self::find(directory, &output.stdout)
    }

    fn find(directory: &Path, metadata: &[u8]) -> Result<Self, Error> {
        let bad = |reason: String| Error::BadCrate { directory: directory.to_owned(), reason };
        let metadata: Metadata = serde_json::from_slice(metadata).map_err(|error| bad(error.to_string()))?;
        let package = metadata
            .package_in(directory)
            .ok_or_else(|| bad("its Cargo.toml holds a workspace, but no package".to_owned()))?;
        let library = package
            .targets
            .iter()
            .find(|target| target.crate_types.iter().any(|kind| kind.ends_with("lib")))
            .ok_or_else(|| bad("it has no library; a plugin is one (src/lib.rs)".to_owned()))?;
        Ok(Self {
            name: package.name.clone(),
            library: library.name.clone(),
            manifest: package.manifest_path.clone(),
            sources: metadata.sources_of(package),
            workspace: metadata.workspace_root.clone(),
            target: metadata.target_directory.join("plugins"),
        })
    }
}

impl Metadata {
    fn package_in(&self, directory: &Path) -> Option<&Package> {
        self.packages.iter().find(|package| same(package.directory(), directory))
    }

    fn sources_of(&self, package: &Package) -> Vec<PathBuf> {
        let mut open = vec![package];
        let mut found: Vec<PathBuf> = Vec::new();
        while let Some(package) = open.pop() {
            for dependency in package.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"))
            {
                let Some(path) = &dependency.path else { continue };
                if !found.contains(path) {
                    found.push(path.clone());
                    open.extend(self.package_in(path));
                }
            }
        }
        found.sort();
        found.insert(0, package.directory().to_owned());
        found
    }
}

impl Package {
    fn directory(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}

/// Whether two paths lead to the same folder.
fn same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn package(name: &str, targets: &Value, dependencies: &Value) -> Value {
        json!({ "name": name, "manifest_path": format!("/w/{name}/Cargo.toml"), "targets": targets, "dependencies": dependencies })
    }

    fn find(directory: &str, packages: &[Value]) -> Result<Crate, Error> {
        let metadata = json!({ "packages": packages, "workspace_root": "/w", "target_directory": "/w/target" });
        Crate::find(Path::new(directory), metadata.to_string().as_bytes())
    }

    #[test]
    fn a_plugin_is_made_of_itself_and_the_crates_beside_it() {
        let library = json!([{ "name": "my_plugin", "crate_types": ["lib"] }]);
        let packages = [
            package("other", &json!([]), &json!([])),
            package(
                "my-plugin",
                &library,
                &json!([
                    { "name": "words", "kind": null, "path": "/w/words" },
                    { "name": "serde", "kind": null },
                    { "name": "other", "kind": "dev", "path": "/w/other" },
                    { "name": "far", "kind": "build", "path": "/far" },
                ]),
            ),
            package("words", &json!([]), &json!([{ "name": "letters", "kind": null, "path": "/w/letters" }])),
            package("letters", &json!([]), &json!([{ "name": "words", "kind": null, "path": "/w/words" }])),
        ];
        let expected = Crate {
            name: "my-plugin".to_owned(),
            library: "my_plugin".to_owned(),
            manifest: "/w/my-plugin/Cargo.toml".into(),
            workspace: "/w".into(),
            target: "/w/target/plugins".into(),
            sources: ["/w/my-plugin", "/far", "/w/letters", "/w/words"].map(PathBuf::from).to_vec(),
        };
        assert_eq!(find("/w/my-plugin", &packages).unwrap(), expected);
    }

    #[test]
    fn what_can_be_no_plugin_is_refused_with_the_reason() {
        let program = json!([{ "name": "program", "crate_types": ["bin"] }]);
        let packages = [package("program", &program, &json!([]))];
        for (directory, reason) in [("/w/program", "no library"), ("/w", "no package")] {
            let error = find(directory, &packages).unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains(directory), "{error}");
        }
    }
}
