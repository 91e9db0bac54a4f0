//! Keeps the house in order: which room may use which, who alone may name an outside crate, and
//! what every file owes its reader.
#![expect(clippy::unwrap_used, reason = "a test, helpers included")]

mod bindings;
mod guests;
mod rooms;
mod statements;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rooms::{ALONE, ROOMS};

const LONGEST_FILE: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file below a folder, with its path from there and its text.
fn files(folder: &str) -> Vec<(String, String)> {
    fn walk(base: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(base, &path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(base).unwrap().to_string_lossy().into_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let base = root().join(folder);
    let mut found = Vec::new();
    walk(&base, &base, &mut found);
    assert!(!found.is_empty(), "no files in {folder}");
    found.sort();
    found
}

fn is_test(name: &str) -> bool {
    name.ends_with("tests.rs") || name.contains("/tests/")
}

/// The lines that are code, up to the tests at the end.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().take_while(|line| *line != "#[cfg(test)]").filter(|line| !line.trim_start().starts_with("//"))
}

fn room(name: &str) -> &str {
    name.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The paths of this crate that a file names: `crate::a::b` and the members of `crate::{a, b::c}`.
fn named(text: &str) -> BTreeSet<String> {
    let whole: String = code(text).collect::<Vec<_>>().join("\n");
    let mut named = BTreeSet::new();
    for after in whole.split("crate::").skip(1) {
        if let Some(inside) = after.strip_prefix('{') {
            let mut depth = 1;
            let mut member = String::new();
            for character in inside.chars() {
                match character {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 || (depth == 1 && character == ',') {
                    named.insert(member.trim().to_owned());
                    member.clear();
                    if depth == 0 {
                        break;
                    }
                } else {
                    member.push(character);
                }
            }
        } else {
            let end = after.find(|c: char| !c.is_alphanumeric() && !"_:".contains(c)).unwrap_or(after.len());
            named.insert(after.get(..end).unwrap_or(after).to_owned());
        }
    }
    named.retain(|path| !path.is_empty());
    named
}

#[test]
fn a_room_uses_only_rooms_above_it() {
    let mut breaches = Vec::new();
    for (name, text) in files("gateway/src") {
        let here = room(&name);
        if here == "lib" || is_test(&name) {
            continue;
        }
        let allowed = ROOMS.iter().find(|(room, _)| *room == here).map(|(_, allowed)| *allowed);
        let Some(allowed) = allowed else {
            breaches.push(format!("{name}: the room `{here}` is not on the list"));
            continue;
        };
        for path in named(&text) {
            let own = path.split("::").next() == Some(here);
            let may = allowed.iter().any(|allowed| path == *allowed || path.starts_with(&format!("{allowed}::")));
            if !own && !may {
                breaches.push(format!("{name}: names crate::{path}"));
            }
        }
    }
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn an_outside_crate_is_named_only_where_it_is_at_home() {
    let mut breaches = Vec::new();
    for (name, text) in files("gateway/src") {
        if is_test(&name) {
            continue;
        }
        for (outside, homes) in ALONE {
            let at_home =
                homes.iter().any(|home| name.starts_with(&format!("{home}/")) || name == format!("{home}.rs"));
            let word = format!("{outside}::");
            let names = code(&text).any(|line| {
                line.match_indices(&word).any(|(at, _)| {
                    let before = line.get(..at).and_then(|before| before.chars().last());
                    before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != ':')
                })
            });
            if names && !at_home {
                breaches.push(format!("{name}: names {outside}, which is at home in {}", homes.join(", ")));
            }
        }
    }
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn the_check_itself_finds_what_it_looks_for() {
    let text = "use crate::store::{self, Store};\nuse crate::{web, channels::{twilio, Channel}};\n// crate::cli\nfn f() { crate::plugins::load() }\n#[cfg(test)]\nuse crate::sandbox;";
    let found: Vec<String> = named(text).into_iter().collect();
    assert_eq!(found, ["channels::{twilio, Channel}", "plugins::load", "store::", "web"]);
}

#[test]
fn every_file_says_what_it_is_and_stays_readable() {
    let mut breaches = Vec::new();
    for folder in ["gateway/src", "migrations/src", "sdk/src", "plugins", "tests"] {
        for (name, text) in files(folder) {
            let lines = text.lines().count();
            if !text.starts_with("//!") && !name.ends_with("bindings.rs") {
                breaches.push(format!("{folder}/{name}: does not begin with //!"));
            }
            if lines > LONGEST_FILE && !name.ends_with("bindings.rs") {
                breaches.push(format!("{folder}/{name}: {lines} lines, {LONGEST_FILE} are the most"));
            }
        }
    }
    assert!(breaches.is_empty(), "\n{}", breaches.join("\n"));
}

#[test]
fn migrations_stand_alone() {
    for (name, text) in files("migrations/src") {
        assert!(!text.contains("recado::"), "{name} imports from the gateway");
    }
}

/// A component that was not built from the sources beside it would run other rules than one reads.
#[test]
fn the_components_are_built_from_these_sources() {
    for folder in ["plugins", "tests/harness"] {
        let stale = recado::plugins::authoring::stale(&root().join(folder)).unwrap();
        assert!(stale.is_empty(), "build anew with `recado plugin build`: {stale:?}");
    }
}
