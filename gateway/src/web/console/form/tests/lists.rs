//! Lists: entry by entry, and by boxes to tick.

use super::*;

const RULES: &str = r#"{"properties":{
    "rules":{"title":"Rules","type":"array","items":{"title":"Rule","type":"object","required":["words"],"properties":{
        "words":{"title":"Words","type":"array","items":{"type":"string"}},
        "reply":{"type":"string","default":"Hi"},"stop":{"type":"boolean","default":false},
        "hours":{"type":"array","items":{"type":"object","properties":{"from":{"type":"string"}}},"default":[{"from":"09:00"}]}}}},
    "deep":{"properties":{"more":{"type":"array","items":{"properties":{"x":{"type":"integer"}}}}}},
    "kept":{"type":"array","items":{"properties":{"s":{"type":"string","writeOnly":true}}}}}}"#;

#[test]
fn a_list_is_shown_entry_by_entry_and_read_as_it_was() {
    let schema = ordered(RULES);
    let value = json!({ "rules": [
        { "words": ["precio", "precios"], "reply": "Cuesta $450.", "own": 7 },
        { "words": ["*"], "hours": [{ "from": "10:00" }] },
    ] });
    let form = Form::of(&schema, &value);
    let shown = items(&form, &value);
    let entries: Vec<_> = shown.iter().filter(|item| item.part == Part::Entry).collect();
    let told: Vec<_> = entries.iter().map(|item| (item.pointer.as_str(), item.number, item.value.as_str())).collect();
    assert_eq!(told, [("/rules/0", 1, "precio, precios"), ("/rules/1", 2, "*"), ("/rules/1/hours/0", 1, "10:00")]);
    let labels: Vec<&str> = entries.iter().map(|item| item.label.as_str()).collect();
    assert_eq!(labels, ["Rule", "Rule", "hours"], "as its list, where it has no name of its own");
    assert!(entries.iter().all(|item| !item.is_open));
    let kept = shown.iter().find(|item| item.label == "kept").unwrap();
    assert_eq!(kept.part, Part::Json, "what is hidden in it would be lost");

    assert_eq!(form.read(&untouched(&form, &value), &value), Read { value: value.clone(), wrong: Vec::new() });
    // What is written into one stays there, and so does what the form does not know.
    let mut written = untouched(&form, &value);
    written.set("c/rules/0/words", "costo");
    let mut changed = value.clone();
    changed["rules"][0]["words"] = json!(["costo"]);
    assert_eq!(form.read(&written, &value), Read { value: changed, wrong: Vec::new() });
    // A fault is told where it is, and opens what it is in.
    assert_eq!(form.home("/rules/1/words/3"), Some("/rules/1/words"));
    assert_eq!((form.home("/rules/1"), form.home("/rules")), (Some("/rules/1"), Some("/rules")));
    let errors = BTreeMap::from([("/rules/1/words".to_owned(), vec!["?".to_owned()])]);
    let around = Around { posted: None, hidden: &[], errors: &errors, at: Some("/rules/1/hours/0") };
    let open: Vec<bool> =
        form.items(&value, &around).iter().filter(|item| item.part == Part::Entry).map(|item| item.is_open).collect();
    assert_eq!(open, [false, true, true]);
    let here = |at| {
        let around = Around { posted: None, hidden: &[], errors: &errors, at };
        let items = form.items(&value, &around).into_iter().filter(|item| item.is_here);
        items.map(|item| (item.part, item.pointer, item.name)).collect::<Vec<_>>()
    };
    let entry = (Part::Entry, "/rules/1/hours/0".to_owned(), "c/rules/1/hours/0".to_owned());
    assert_eq!(here(Some("/rules/1/hours/0")), [entry], "where a button left them");
    assert_eq!(here(None), [(Part::Lines, String::new(), "c/rules/1/words".to_owned())], "at what is to be mended");
}

#[test]
fn entries_are_added_removed_and_moved() {
    let schema = ordered(RULES);
    let mut value = json!({ "rules": [{ "words": ["a"] }, { "words": ["b"] }] });
    let mut take = |step: &str| {
        let at = Form::of(&schema, &value).take(&Step::read(step)?, &mut value)?;
        Some((at, value.clone()))
    };
    let (at, now) = take("up:/rules/1").unwrap();
    assert_eq!((at.as_str(), now["rules"][0]["words"][0].as_str()), ("/rules/0", Some("b")));
    let (at, now) = take("add:/rules").unwrap();
    assert_eq!((at.as_str(), now["rules"][2].clone()), ("/rules/2", json!({})));
    // Where there is none yet, it begins with what is there by default.
    let (at, now) = take("add:/rules/2/hours").unwrap();
    assert_eq!(
        (at.as_str(), now["rules"][2].clone()),
        ("/rules/2/hours/1", json!({ "hours": [{ "from": "09:00" }, {}] }))
    );
    let (at, now) = take("remove:/rules/0").unwrap();
    assert_eq!((at.as_str(), now["rules"][0]["words"][0].as_str()), ("/rules", Some("a")));
    let (at, now) = take("add:/deep/more").unwrap();
    assert_eq!((at.as_str(), now["deep"].clone()), ("/deep/more/0", json!({ "more": [{}] })));
    for none in [
        "up:/rules/0",
        "remove:/rules/9",
        "up:/rules/9",
        "add:/kept",
        "add:/nothing",
        "remove:/rules/x",
        "remove:",
        "else:/rules",
    ] {
        assert_eq!(take(none), None, "{none}");
    }
}

#[test]
fn some_of_several_are_ticked() {
    let schema = json!({ "type": "array", "uniqueItems": true, "items": { "enum": ["mon", "tue", "wed"] },
        "default": ["mon", "tue"] });
    let value = json!({ "a": ["tue"] });
    let form = form(&schema, &value);
    let [item] = items(&form, &value).try_into().unwrap();
    assert_eq!(item.placeholder, "mon, tue");
    let chosen: Vec<(&str, bool)> =
        item.choices.iter().map(|choice| (choice.value.as_str(), choice.is_chosen)).collect();
    assert_eq!(chosen, [("c/a=mon", false), ("c/a=tue", true), ("c/a=wed", false)]);
    let read = |fields: &[(&str, &str)]| form.read(&posted(fields), &value).value;
    assert_eq!(read(&[("c/a", ""), ("c/a=tue", "on")]), value);
    assert_eq!(read(&[("c/a", ""), ("c/a=wed", "on"), ("c/a=mon", "on")]), json!({ "a": ["mon", "wed"] }));
    // None is the default, unless somebody means it.
    assert_eq!(read(&[("c/a", "")]), json!({}));
    assert_eq!(read(&[("c/a", ""), ("no/a", "on")]), json!({ "a": [] }));
    assert_eq!(read(&[]), value, "it was not in the form");
}

/// With one entry in each list, and the ways of the schema's own.
#[test]
fn the_plugins_that_come_along_need_no_json() {
    let whole = [
        include_str!("../../../../../../plugins/auto-reply/src/schema.json"),
        include_str!("../../../../../../plugins/router/src/schema.json"),
    ];
    for text in whole {
        let schema = ordered(text);
        let mut value = json!({});
        let mut lists = 0;
        // Each look may find lists in what the last has added.
        loop {
            let form = Form::of(&schema, &value);
            let shown = items(&form, &value);
            let empty = shown.windows(2).find(|two| two[0].part == Part::List && two[1].part == Part::EndOfList);
            let Some(pointer) = empty.map(|two| two[0].pointer.clone()) else {
                let json: Vec<&str> =
                    shown.iter().filter(|item| item.part == Part::Json).map(|item| item.name.as_str()).collect();
                assert!(json.is_empty(), "{json:?}");
                break;
            };
            form.take(&Step::Add(pointer), &mut value).unwrap();
            lists += 1;
        }
        assert!(lists >= 2, "{lists}");
    }
}

#[test]
fn what_is_wrong_in_an_entry_does_not_keep_it() {
    let step = Step::read("remove:/rules/1").unwrap();
    assert!(step.removes("/rules/1") && step.removes("/rules/1/words"));
    assert!(!step.removes("/rules/10") && !step.removes("/rules/0/words"));
    assert!(!Step::read("up:/rules/1").unwrap().removes("/rules/1"));
}
