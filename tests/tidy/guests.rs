//! Plugins are compiled by whatever compiler a distribution brings for WebAssembly: what they are
//! made of must ask for no newer one.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::root;

/// Debian 12's.
const OLDEST: (u32, u32) = (1, 85);

/// What cargo knows of this workspace and of all that it is compiled of on this machine. Nothing is
/// downloaded for it.
fn metadata() -> Value {
    let version = Command::new(env!("CARGO")).arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

/// The ids of the crates that plugins are, and of what those are made of.
fn guests(metadata: &Value) -> BTreeSet<&str> {
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    let is_guest = |package: &&Value| {
        let folder = Path::new(text(package, "manifest_path")).parent().unwrap();
        folder.starts_with(root().join("sdk")) || folder.starts_with(root().join("plugins"))
    };
    let mut open: Vec<&str> =
        metadata["packages"].as_array().unwrap().iter().filter(is_guest).map(|package| text(package, "id")).collect();
    let mut found = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !found.insert(id) {
            continue;
        }
        let node = nodes.iter().find(|node| text(node, "id") == id).unwrap();
        for dependency in node["deps"].as_array().unwrap() {
            let kinds = dependency["dep_kinds"].as_array().unwrap();
            if kinds.iter().any(|kind| kind["kind"] != "dev") {
                open.push(text(dependency, "pkg"));
            }
        }
    }
    found
}

/// The compiler that a crate asks for, as far as two numbers say.
fn asked(package: &Value) -> Option<(u32, u32)> {
    let mut numbers = package["rust_version"].as_str()?.split('.').map(|number| number.parse().unwrap());
    Some((numbers.next()?, numbers.next().unwrap_or(0)))
}

#[test]
fn plugins_and_what_they_are_made_of_build_with_an_old_compiler() {
    let metadata = metadata();
    let guests = guests(&metadata);
    let packages = metadata["packages"].as_array().unwrap().iter();
    let of_guests: Vec<&Value> = packages.filter(|package| guests.contains(text(package, "id"))).collect();
    let newer: Vec<String> = of_guests
        .iter()
        .filter(|package| asked(package).is_some_and(|asked| asked > OLDEST))
        .map(|package| {
            format!("{} {} asks for {}", text(package, "name"), text(package, "version"), package["rust_version"])
        })
        .collect();
    assert!(newer.is_empty(), "Rust {OLDEST:?} is what plugins can count on: {newer:#?}");
    for name in ["recado-sdk", "auto-reply"] {
        let declared =
            of_guests.iter().find(|package| text(package, "name") == name).and_then(|package| asked(package));
        assert_eq!(declared, Some(OLDEST), "{name} says so, and so Clippy minds it");
    }
}
