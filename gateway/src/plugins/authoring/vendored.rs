//! The SDK's own sources, for a Rust plugin far from any checkout of Recado.

use toml::{Table, Value};

/// Its files, from the SDK's folder, and what is in them.
pub(super) fn files() -> Result<Vec<(String, String)>, String> {
    let mut files = vec![("Cargo.toml".to_owned(), manifest()?)];
    files.extend(SOURCES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())));
    Ok(files)
}

macro_rules! source {
    ($path:literal) => {
        ($path, include_str!(concat!("../../../../sdk/", $path)))
    };
}

/// All but the tests of whole files.
const SOURCES: [(&str, &str); 31] = [
    source!("src/allocator.rs"),
    source!("src/bindings.rs"),
    source!("src/channel/bindings.rs"),
    source!("src/channel/mod.rs"),
    source!("src/channel/splitting.rs"),
    source!("src/channel/testing.rs"),
    source!("src/channel/values.rs"),
    source!("src/clock.rs"),
    source!("src/component.rs"),
    source!("src/config.rs"),
    source!("src/fetch.rs"),
    source!("src/host.rs"),
    source!("src/lib.rs"),
    source!("src/log.rs"),
    source!("src/random.rs"),
    source!("src/state.rs"),
    source!("src/testing/gateway/mod.rs"),
    source!("src/testing/gateway/outcome.rs"),
    source!("src/testing/gateway/people.rs"),
    source!("src/testing/gateway/tests.rs"),
    source!("src/testing/host.rs"),
    source!("src/testing/memory.rs"),
    source!("src/testing/mod.rs"),
    source!("src/testing/samples.rs"),
    source!("src/testing/tests.rs"),
    source!("src/values/decision.rs"),
    source!("src/values/manifest.rs"),
    source!("src/values/mod.rs"),
    source!("src/values/parts.rs"),
    source!("src/values/told.rs"),
    source!("src/values/verdict.rs"),
];

const MANIFEST: &str = include_str!("../../../../sdk/Cargo.toml");
const WORKSPACE: &str = include_str!("../../../../Cargo.toml");

/// The SDK's manifest without a workspace around it: what it takes from there is written out, what only
/// its own tests need is left out.
fn manifest() -> Result<String, String> {
    let parse = |text: &str| text.parse::<Table>().map_err(|error| error.message().to_owned());
    let (mut manifest, workspace) = (parse(MANIFEST)?, parse(WORKSPACE)?);
    let shared = |group: &str, key: &str| {
        let found = workspace.get("workspace").and_then(|workspace| workspace.get(group)?.get(key)).cloned();
        found.ok_or_else(|| format!("the workspace has no `{group}.{key}`"))
    };
    for key in ["dev-dependencies", "lints"] {
        manifest.remove(key);
    }
    for (key, value) in manifest.get_mut("package").and_then(Value::as_table_mut).into_iter().flatten() {
        if is_shared(value) {
            *value = shared("package", key)?;
        }
    }
    let targets = manifest.get_mut("target").and_then(Value::as_table_mut).into_iter().flatten();
    let of_targets: Vec<&mut Table> =
        targets.filter_map(|(_, target)| target.get_mut("dependencies")?.as_table_mut()).collect();
    for table in of_targets {
        written_out(table, shared)?;
    }
    if let Some(table) = manifest.get_mut("dependencies").and_then(Value::as_table_mut) {
        written_out(table, shared)?;
    }
    toml::to_string(&manifest).map_err(|error| error.to_string())
}

fn written_out(dependencies: &mut Table, shared: impl Fn(&str, &str) -> Result<Value, String>) -> Result<(), String> {
    for (name, dependency) in dependencies {
        if !is_shared(dependency) {
            continue;
        }
        let mut whole = match shared("dependencies", name)? {
            Value::Table(table) => table,
            version => Table::from_iter([("version".to_owned(), version)]),
        };
        let own = dependency.as_table().cloned().unwrap_or_default();
        whole.extend(own.into_iter().filter(|(key, _)| key != "workspace"));
        *dependency = Value::Table(whole);
    }
    Ok(())
}

fn is_shared(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::plugins::authoring::digest::tests::files_below;

    #[test]
    fn no_file_of_the_sdk_is_missing() {
        let sdk = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk");
        let there: Vec<String> = files_below(&sdk.join("src")).into_iter().map(|path| format!("src/{path}")).collect();
        let known: Vec<&str> = SOURCES.iter().map(|(path, _)| *path).collect();
        assert_eq!(known, there);
    }

    #[test]
    fn its_manifest_stands_alone() {
        let manifest: Table = manifest().unwrap().parse().unwrap();
        assert!(!manifest.to_string().contains("workspace"), "{manifest}");
        assert_eq!(manifest["package"]["name"].as_str(), Some("recado-sdk"));
        assert!(manifest["dependencies"]["serde"]["optional"].as_bool().unwrap());
        assert!(manifest["dependencies"]["wit-bindgen"]["version"].is_str());
        assert!(manifest["target"].as_table().unwrap().values().all(|target| target.get("dependencies").is_some()));
    }
}
