//! The reference is whole, true, and what is kept in the repository.

use std::path::Path;

use super::*;
use crate::config::{Environment, Sources};

const SAMPLE: &str = r#"# About all.
#
# In two paragraphs.

# What the first is for.
[first]
# How many | or none.
many = 3
# A place, as in
# a street.
# place = "…"
# more = [1, 2]

# Another.
# [second.other]
# free = { a = 1 }

[[plugins]]
# This one speaks of the list.

# And this of the name.
name = "a"
# At the end.
# last = true
"#;

#[test]
fn a_commented_file_is_read_with_what_its_comments_hold() {
    let read = reading::read(SAMPLE);
    assert_eq!(read.about, "About all.\n\nIn two paragraphs.");
    let sections: Vec<_> = read
        .sections
        .iter()
        .map(|section| (section.name.as_str(), section.list, section.built_in, section.about.as_str()))
        .collect();
    let expected = [
        ("first", false, true, "What the first is for."),
        ("second.other", false, false, "Another."),
        ("plugins", true, true, "This one speaks of the list."),
    ];
    assert_eq!(sections, expected);
    let keys: Vec<_> = read
        .sections
        .iter()
        .flat_map(|section| &section.keys)
        .map(|key| (key.name.as_str(), key.value.as_str(), key.kind, key.built_in, key.about.as_str()))
        .collect();
    let expected = [
        ("many", "3", Kind::Number, true, "How many | or none."),
        ("place", "\"…\"", Kind::Text, false, "A place, as in a street."),
        ("more", "[1, 2]", Kind::NumberList, false, ""),
        ("free", "{ a = 1 }", Kind::Table, false, ""),
        ("name", "\"a\"", Kind::Text, true, "And this of the name."),
        ("last", "true", Kind::Truth, false, "At the end."),
    ];
    assert_eq!(keys, expected);
    assert_eq!(read.sections[0].keys[0].variables, ["RECADO_FIRST__MANY"]);
    assert!(read.sections[1].keys[0].variables.is_empty() && read.sections[2].keys[0].variables.is_empty());
    let written = read.markdown();
    for line in [
        "## `[[plugins]]`",
        "| `many`<br>`RECADO_FIRST__MANY` | `3`<br>number | How many \\| or none. |",
        "| `place`<br>`RECADO_FIRST__PLACE` | *as in* `\"…\"`<br>text | A place, as in a street. |",
    ] {
        assert!(written.lines().any(|written| written == line), "{line}\nis not in\n{written}");
    }
}

#[test]
fn what_is_kept_in_the_repository_is_what_the_program_makes() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/REFERENCE.md");
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    let made = Reference::of_defaults().markdown();
    let differs = kept.lines().zip(made.lines()).find(|(kept, made)| kept != made);
    assert!(
        kept == made,
        "config/REFERENCE.md is not what the settings say; make it anew:\n  {}\n{differs:#?}",
        markdown::ANEW
    );
}

/// What is wrong with a file, and with nothing else.
fn problem(file: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("recado.toml");
    std::fs::write(&path, file).unwrap();
    let sources = Sources { file: Some(path), environment: Environment::default(), flags: Vec::new() };
    sources.load().unwrap_err().to_string()
}

/// Whatever key the program takes, the reference has.
#[test]
fn every_key_that_is_taken_is_in_the_reference() {
    const PLUGIN: &str = "[[plugins]]\nname = \"a\"\ncomponent = \"b\"\n";
    const COMPONENT: &str = "[channels.telegram]\nkind = \"component\"\ncomponent = \"b\"\n";
    let reference = Reference::of_defaults();
    let sections: Vec<&str> = reference.sections.iter().map(|section| section.name.as_str()).collect();
    let is_there = |section: &str, key: &str| {
        let whole = if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") };
        let below = format!("{whole}.");
        let of = reference.sections.iter().find(|known| known.name == section);
        of.is_some_and(|of| of.keys.iter().any(|known| known.name == key))
            || sections.iter().any(|known| *known == whole || known.starts_with(&below))
    };
    let mut checked = 0;
    for section in [""].iter().chain(&sections) {
        let header = match *section {
            "" => String::new(),
            "plugins" => PLUGIN.to_owned(),
            "conversations.assign" => "[[conversations.assign]]\n".to_owned(),
            "channels.telegram" => COMPONENT.to_owned(),
            below if below.starts_with("channels.telegram.") => format!("{COMPONENT}[{below}]\n"),
            below if below.starts_with("plugins.") => format!("{PLUGIN}[{below}]\n"),
            other => format!("[{other}]\n"),
        };
        // What stands there is the plugin's own.
        if ["plugins.config", "plugins.secrets"].contains(section) {
            continue;
        }
        let problem = problem(&format!("{header}bogus = 1"));
        let (_, keys) =
            problem.split_once("there are: ").unwrap_or_else(|| panic!("[{section}] takes anything: {problem}"));
        for key in keys.split(", ") {
            assert!(is_there(section, key), "[{section}]: `{key}` is not in config/recado.toml");
            checked += 1;
        }
    }
    assert!(checked > 100, "{checked} keys only");
}

/// A variable does what the file would do: also where the key is an example only.
#[test]
fn every_variable_of_the_reference_sets_its_key() {
    let reference = Reference::of_defaults();
    let mut checked = 0;
    for section in &reference.sections {
        for key in &section.keys {
            let written: toml::Table = toml::from_str(&format!("value = {}", key.value)).unwrap();
            let mut expected = serde_json::to_value(&written["value"]).unwrap();
            if expected.as_array().is_some_and(Vec::is_empty) {
                expected = serde_json::json!(["a", "b"]);
            } else if expected.as_str().is_some_and(str::is_empty) {
                expected = "a".into();
            }
            let text = match &expected {
                serde_json::Value::String(text) => text.clone(),
                serde_json::Value::Array(items) => {
                    let items = items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
                    items.collect::<Vec<_>>().join(",")
                }
                other => other.to_string(),
            };
            for variable in &key.variables {
                let environment = [(variable.clone(), text.clone())].into_iter().collect();
                // No file, whatever there is where the tests run.
                let sources = Sources { file: Some("/dev/null".into()), environment, flags: Vec::new() };
                let set = sources.figment().unwrap().find_value(&format!("{}.{}", section.name, key.name)).unwrap();
                assert_eq!(serde_json::to_value(set).unwrap(), expected, "{variable}={text}");
                checked += 1;
            }
        }
    }
    assert!(checked > 100, "{checked} variables only");
}

#[test]
fn a_channel_of_another_name_takes_the_same_kinds() {
    let reference = Reference::of_defaults();
    assert_eq!(reference.kind("channels.other.validity"), Some(Kind::Number));
    assert_eq!(reference.kind("endpoints.shop.retry_s"), Some(Kind::NumberList));
    assert_eq!(reference.kind("endpoints.shop.bogus"), None);
    assert_eq!(reference.kind("server.other.listen"), None);
}
