//! What the documents show is what happens: the examples of the API are run, and their answers compared.

use std::collections::BTreeMap;

use recado_tests::{Log, Process, folder, is_there, shell};
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!("../../config/examples/api.md");
/// What stands for anything.
const ANYTHING: &str = "…";

/// The fenced blocks of a document: language and text.
fn blocks(document: &str) -> Vec<(&str, String)> {
    let mut blocks: Vec<(&str, String)> = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        match line.strip_prefix("```") {
            Some(_) if inside => inside = false,
            Some(language) => {
                inside = true;
                blocks.push((language, String::new()));
            }
            None if inside => {
                let text = &mut blocks.last_mut().unwrap().1;
                text.push_str(line);
                text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

/// The first thing that is shown and not so; names get what they stand for.
fn differs(shown: &Value, came: &Value, names: &mut BTreeMap<String, String>, place: &str) -> Option<String> {
    let wrong = || Some(format!("{place}: shown is {shown}, but it is {came}"));
    match (shown, came) {
        (Value::String(text), _) if text == ANYTHING => None,
        (Value::String(text), _) if text.starts_with('$') => {
            let Some(came) = came.as_str() else { return wrong() };
            let name = text.trim_start_matches('$').to_owned();
            let known = names.entry(name).or_insert_with(|| came.to_owned());
            if known == came { None } else { wrong() }
        }
        (Value::Object(shown), Value::Object(came)) => shown.iter().find_map(|(key, value)| match came.get(key) {
            Some(there) => differs(value, there, names, &format!("{place}/{key}")),
            None => Some(format!("{place}/{key} is shown, but not there")),
        }),
        (Value::Array(shown), Value::Array(there)) => {
            if shown.len() != there.len() {
                return wrong();
            }
            let mut pairs = shown.iter().zip(there).enumerate();
            pairs.find_map(|(at, (shown, came))| differs(shown, came, names, &format!("{place}/{at}")))
        }
        _ if shown == came => None,
        _ => wrong(),
    }
}

#[test]
fn the_examples_of_the_api_come_out_as_shown() {
    if !is_there("curl") {
        eprintln!("skipped: no curl");
        return;
    }
    let blocks = blocks(DOCUMENT);
    let settings = blocks.iter().find(|(language, _)| *language == "toml").unwrap();
    let folder = folder();
    std::fs::create_dir(folder.path().join("config")).unwrap();
    std::fs::write(folder.path().join("config/recado.toml"), &settings.1).unwrap();
    let dev = Process::start(folder.path(), &["dev", "--port", "0", "--json"], &Log::default());
    let told: Value = serde_json::from_str(&dev.wait_for_stdout(|text| text.ends_with('\n'))).unwrap();
    let mut names: BTreeMap<String, String> = [("RECADO", "gateway"), ("KEY", "key"), ("PHONES", "phones")]
        .map(|(name, key)| (name.to_owned(), told[key].as_str().unwrap().to_owned()))
        .into();

    let mut wrong = Vec::new();
    let mut compared = 0;
    for (at, (language, script)) in blocks.iter().enumerate() {
        if *language != "sh" {
            continue;
        }
        let variables: Vec<(&str, &str)> = names.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let ran = shell(folder.path(), script, &variables);
        if ran.code != Some(0) {
            wrong.push(format!("{script}failed: {ran:?}"));
            continue;
        }
        let Some((_, shown)) = blocks.get(at + 1).filter(|(language, _)| *language == "json") else { continue };
        let shown: Value = serde_json::from_str(shown).unwrap_or_else(|error| panic!("{error}: {shown}"));
        if let Some(difference) = differs(&shown, &ran.json(), &mut names, "") {
            wrong.push(format!("{script}{difference}\n{}\n", ran.stdout));
        }
        compared += 1;
    }
    assert!(wrong.is_empty(), "config/examples/api.md is not so any more:\n\n{}", wrong.join("\n"));
    assert!(compared >= 20, "{compared} examples only");
}

#[test]
fn what_is_shown_and_not_so_is_found() {
    let shown = json!({ "id": "$ID", "status": "…", "items": [{ "a": 1 }] });
    let compare = |came: Value, names: &mut BTreeMap<String, String>| differs(&shown, &came, names, "");
    let mut names = BTreeMap::new();
    let first = json!({ "id": "7", "status": null, "items": [{ "a": 1, "b": 2 }], "more": true });
    assert_eq!(compare(first.clone(), &mut names), None);
    assert_eq!(names["ID"], "7");
    for (pointer, other, expected) in [
        ("/id", json!("8"), "/id: shown is"),
        ("/items/0/a", json!(2), "/items/0/a: shown is 1, but it is 2"),
        ("/items", json!([]), "/items: shown is"),
        ("/items/0", json!({}), "/items/0/a is shown, but not there"),
    ] {
        let mut came = first.clone();
        *came.pointer_mut(pointer).unwrap() = other;
        let difference = compare(came, &mut names).unwrap();
        assert!(difference.starts_with(expected), "{difference}");
    }
}
