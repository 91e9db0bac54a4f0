//! What a schema comes to, and what comes back.

mod lists;

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::message::Locale;
use crate::web::console::posted::Fields;

fn posted(fields: &[(&str, &str)]) -> Fields {
    let text = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    Fields::read(text.as_bytes())
}

/// A form of one key `a`.
fn form(schema: &Value, value: &Value) -> Form {
    Form::of(&ordered(&json!({ "properties": { "a": schema } }).to_string()), value)
}

fn items(form: &Form, value: &Value) -> Vec<Item> {
    form.items(value, &Around { posted: None, hidden: &[], errors: &BTreeMap::new(), at: None })
}

/// What a browser sends of a form that nobody touched.
fn untouched(form: &Form, value: &Value) -> Fields {
    let sent = |item: Item| {
        let chosen = item.choices.iter().filter(|one| one.is_chosen).map(|one| one.value.clone());
        let mut fields = vec![(item.name.clone(), item.value.clone())];
        match item.part {
            Part::Check if !item.is_checked => fields.clear(),
            Part::Several => fields.extend(chosen.map(|name| (name, "on".to_owned()))),
            _ => fields.extend(chosen.map(|way| (item.way_name.clone(), way))),
        }
        fields
    };
    Fields::of(items(form, value).into_iter().flat_map(sent))
}

#[test]
fn each_kind_of_schema_has_its_field() {
    let no = json!({});
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let days = json!({ "type": "array", "uniqueItems": true, "items": { "enum": ["mon", "tue", "wed"] } });
    let pairs = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let cases = [
        (json!({ "type": "string" }), no.clone(), Part::Line, ""),
        (json!({ "type": "string" }), json!({ "a": "Hola" }), Part::Line, "Hola"),
        (json!({ "type": "string" }), json!({ "a": "dos\nlíneas" }), Part::Text, "dos\nlíneas"),
        (json!({ "type": "string" }), json!({ "a": "x".repeat(81) }), Part::Text, ""),
        (json!({ "type": "string", "maxLength": 1600 }), no.clone(), Part::Text, ""),
        (json!({ "type": "string", "default": "dos\nlíneas" }), no.clone(), Part::Text, ""),
        // A line would lose its blanks.
        (json!({ "type": "string" }), json!({ "a": " x " }), Part::Json, "\" x \""),
        (json!({ "type": "string", "writeOnly": true }), no.clone(), Part::Secret, ""),
        (json!({ "type": "string", "format": "password" }), json!({ "a": "s" }), Part::Secret, ""),
        (json!({ "type": "integer" }), json!({ "a": 30 }), Part::Number, "30"),
        (json!({ "type": "number" }), json!({ "a": 1.5 }), Part::Number, "1.5"),
        (json!({ "type": "boolean" }), no.clone(), Part::Check, ""),
        (json!({ "enum": ["x", "y", null] }), json!({ "a": "y" }), Part::Choice, "\"y\""),
        (json!({ "enum": ["x", null] }), json!({ "a": null }), Part::Choice, "null"),
        (json!({ "type": ["boolean", "null"] }), json!({ "a": false }), Part::Choice, "false"),
        (json!({ "const": 7 }), no.clone(), Part::Choice, ""),
        (json!({ "oneOf": [{ "const": 1, "title": "uno" }, { "const": 2 }] }), json!({ "a": 2 }), Part::Choice, "2"),
        (texts.clone(), json!({ "a": ["uno", "dos"] }), Part::Lines, "uno\ndos"),
        (texts.clone(), json!({ "a": ["uno\ndos"] }), Part::Json, "[\n  \"uno\\ndos\"\n]"),
        (json!({ "type": "array", "items": { "enum": ["mon", "tue"] } }), no.clone(), Part::Lines, ""),
        (days.clone(), no.clone(), Part::Several, ""),
        (days.clone(), json!({ "a": ["mon", "wed"] }), Part::Several, "mon\nwed"),
        // Boxes would bring them into order.
        (days.clone(), json!({ "a": ["wed", "mon"] }), Part::Lines, "wed\nmon"),
        (days.clone(), json!({ "a": ["mon", "mon"] }), Part::Lines, "mon\nmon"),
        (json!({ "type": "array", "items": { "type": "integer" } }), json!({ "a": [1] }), Part::Json, "[\n  1\n]"),
        (pairs.clone(), json!({ "a": { "es": "Hola = sí", "en": "" } }), Part::Pairs, "en =\nes = Hola = sí"),
        (pairs.clone(), json!({ "a": { "x=y": "z" } }), Part::Json, "{\n  \"x=y\": \"z\"\n}"),
        (json!({ "anyOf": [{ "type": "string" }, pairs.clone()] }), json!({ "a": "Hola" }), Part::Either, "Hola"),
        (
            json!({ "anyOf": [{ "type": "string" }, pairs.clone()] }),
            json!({ "a": { "es": "x" } }),
            Part::Either,
            "es = x",
        ),
        (json!({ "anyOf": [{ "type": "string" }, { "type": "number" }] }), no.clone(), Part::Json, ""),
        (json!({ "properties": { "b": {} } }), no.clone(), Part::Open, ""),
        (json!({ "properties": { "b": {} } }), json!({ "a": 7 }), Part::Json, "7"),
        (json!({ "type": ["string", "null"] }), no.clone(), Part::Json, ""),
        (json!({}), json!({ "a": [null] }), Part::Json, "[\n  null\n]"),
        (json!(true), no.clone(), Part::Json, ""),
        (json!({ "$ref": "#/properties/a" }), no.clone(), Part::Json, ""),
        (json!({ "$ref": "https://example.com/schema" }), no, Part::Json, ""),
    ];
    for (schema, value, part, text) in cases {
        let form = form(&schema, &value);
        let first = items(&form, &value).swap_remove(0);
        let value_text = if text.is_empty() && first.value.starts_with('x') { "" } else { first.value.as_str() };
        assert_eq!((first.part, value_text), (part, text), "{schema} {value}");
        // What nobody touched comes back as it was.
        assert_eq!(
            form.read(&untouched(&form, &value), &value),
            Read { value: value.clone(), wrong: vec![] },
            "{schema}"
        );
    }
}

/// A schema, what was there, what is written, and what comes of it.
type Case = (Value, Value, Vec<(&'static str, &'static str)>, Result<Value, Wrong>);

#[test]
fn what_is_written_is_read() {
    let text = || json!({ "type": "string" });
    let usual = || json!({ "type": "string", "default": "Gracias" });
    let texts = || json!({ "type": "array", "items": { "type": "string" } });
    let pairs = || json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let either = || json!({ "anyOf": [{ "type": "string" }, pairs()], "default": "Gracias" });
    let cases: Vec<Case> = vec![
        (text(), json!({}), vec![("c/a", " Hola ")], Ok(json!({ "a": "Hola" }))),
        (text(), json!({ "a": "x", "b": 1 }), vec![("c/a", "")], Ok(json!({ "b": 1 }))),
        (text(), json!({ "a": "x" }), vec![], Ok(json!({ "a": "x" }))),
        (text(), json!({ "a": "" }), vec![("c/a", "")], Ok(json!({ "a": "" }))),
        (
            json!({ "type": "string", "maxLength": 900 }),
            json!({}),
            vec![("c/a", " x\r\ny")],
            Ok(json!({ "a": " x\ny" })),
        ),
        // Blank is the default, unless somebody says that nothing is meant.
        (usual(), json!({ "a": "x" }), vec![("c/a", "")], Ok(json!({}))),
        (usual(), json!({ "a": "x" }), vec![("c/a", ""), ("no/a", "on")], Ok(json!({ "a": "" }))),
        (usual(), json!({ "a": "" }), vec![("c/a", "")], Ok(json!({}))),
        (usual(), json!({}), vec![("c/a", "y"), ("no/a", "on")], Ok(json!({ "a": "y" }))),
        (json!({ "type": "integer" }), json!({}), vec![("c/a", "30")], Ok(json!({ "a": 30 }))),
        (json!({ "type": "number" }), json!({ "a": 1 }), vec![("c/a", "1,5")], Ok(json!({ "a": 1.5 }))),
        (json!({ "type": "number" }), json!({ "a": 90.0 }), vec![("c/a", "90.0")], Ok(json!({ "a": 90.0 }))),
        (json!({ "type": "number" }), json!({ "a": 1 }), vec![("c/a", "")], Ok(json!({}))),
        (json!({ "type": "number" }), json!({}), vec![("c/a", "uno")], Err(Wrong::Number)),
        (json!({ "type": "number" }), json!({}), vec![("c/a", "inf")], Err(Wrong::Number)),
        (json!({ "type": "boolean" }), json!({}), vec![("c/a", "on")], Ok(json!({ "a": true }))),
        (json!({ "type": "boolean" }), json!({ "a": true }), vec![], Ok(json!({ "a": false }))),
        (json!({ "type": "boolean", "default": true }), json!({}), vec![], Ok(json!({ "a": false }))),
        (json!({ "type": "boolean", "default": true }), json!({}), vec![("c/a", "on")], Ok(json!({}))),
        (json!({ "enum": ["x", 1] }), json!({}), vec![("c/a", "1")], Ok(json!({ "a": 1 }))),
        (json!({ "enum": ["x", 1] }), json!({ "a": 1 }), vec![("c/a", "")], Ok(json!({}))),
        (json!({ "enum": ["x", 1] }), json!({}), vec![("c/a", "\"z\"")], Err(Wrong::Choice)),
        (texts(), json!({}), vec![("c/a", " uno \r\n\r\ndos")], Ok(json!({ "a": ["uno", "dos"] }))),
        (texts(), json!({ "a": ["x"] }), vec![("c/a", " ")], Ok(json!({}))),
        (pairs(), json!({}), vec![("c/a", "es = a=b\nen=")], Ok(json!({ "a": { "es": "a=b", "en": "" } }))),
        (pairs(), json!({}), vec![("c/a", "es = x\n\nen")], Err(Wrong::Pair(3))),
        (pairs(), json!({}), vec![("c/a", "es = x\nes = y")], Err(Wrong::Twice("es".to_owned()))),
        (either(), json!({}), vec![("c/a", "Hola"), ("as/a", "0")], Ok(json!({ "a": "Hola" }))),
        (
            either(),
            json!({ "a": "x" }),
            vec![("c/a", "es = Hola"), ("as/a", "1")],
            Ok(json!({ "a": { "es": "Hola" } })),
        ),
        (either(), json!({ "a": "x" }), vec![("c/a", "Hola"), ("as/a", "1")], Err(Wrong::Pair(1))),
        (either(), json!({ "a": "x" }), vec![("c/a", ""), ("as/a", "0"), ("no/a", "on")], Ok(json!({ "a": "" }))),
        (json!({}), json!({}), vec![("c/a", "[1, {\"b\": null}]")], Ok(json!({ "a": [1, { "b": null }] }))),
        (json!({}), json!({ "a": 1 }), vec![("c/a", "")], Ok(json!({}))),
        // Blank leaves a secret as it is.
        (json!({ "type": "string", "writeOnly": true }), json!({}), vec![("c/a", "")], Ok(json!({}))),
        (json!({ "type": "string", "writeOnly": true }), json!({}), vec![("c/a", "s")], Ok(json!({ "a": "s" }))),
        (json!({ "properties": { "b": text() } }), json!({}), vec![("c/a/b", "")], Ok(json!({}))),
        (json!({ "properties": { "b": text() } }), json!({}), vec![("c/a/b", "x")], Ok(json!({ "a": { "b": "x" } }))),
        (
            json!({ "properties": { "b": text() } }),
            json!({ "a": { "b": "x", "c": 1 } }),
            vec![("c/a/b", "")],
            Ok(json!({ "a": { "c": 1 } })),
        ),
    ];
    for (schema, before, fields, expected) in cases {
        let Read { value, wrong } = form(&schema, &before).read(&posted(&fields), &before);
        let found = wrong.into_iter().next().map_or(Ok(value), |(at, wrong)| {
            assert_eq!(at, "/a");
            Err(wrong)
        });
        assert_eq!(found, expected, "{schema} {before} {fields:?}");
    }
    let broken = form(&json!({}), &json!({})).read(&posted(&[("c/a", "{")]), &json!({}));
    assert!(matches!(&broken.wrong[..], [(at, Wrong::Json(_))] if at == "/a"), "{broken:?}");
}

#[test]
fn what_must_be_there_is_there_where_blank_can_be_meant() {
    let schema = json!({ "required": ["a", "b", "c"], "properties": {
        "a": { "type": "string" }, "b": { "type": "integer" }, "c": { "type": "array", "items": { "type": "string" } },
    } });
    let form = Form::of(&schema, &json!({}));
    let read = form.read(&posted(&[("c/a", ""), ("c/b", ""), ("c/c", "")]), &json!({ "a": "x", "c": ["x"] }));
    assert_eq!(read.value, json!({ "a": "", "c": [] }));
}

#[test]
fn a_field_says_what_the_schema_says() {
    let text = r##"{"title":"T","required":["z"],"properties":{
        "z":{"type":"integer","title":"Edad","description":"En años.","minimum":1,"exclusiveMaximum":9,"multipleOf":2,"default":4},
        "a":{"$ref":"#/$defs/text","title":"Saludo"},
        "m":{"properties":{"y":{"type":"string","format":"email"},"b":{"enum":["x"],"default":"x"}}}},
        "$defs":{"text":{"type":"string","title":"Texto","description":"Lo que se dice.","default":"Hola"}}}"##;
    let form = Form::of(&ordered(text), &json!({}));
    let errors = BTreeMap::from([("/m/y".to_owned(), vec!["no".to_owned()])]);
    let items = form.items(&json!({}), &Around { posted: None, hidden: &[], errors: &errors, at: None });
    let told: Vec<_> =
        items.iter().map(|item| (item.part, &*item.name, &*item.label, &*item.hint, item.required)).collect();
    // As they are written, not by the alphabet.
    let expected = [
        (Part::Number, "c/z", "Edad", "En años.", true),
        (Part::Line, "c/a", "Saludo", "Lo que se dice.", false),
        (Part::Open, "c/m", "m", "", false),
        (Part::Line, "c/m/y", "y", "", false),
        (Part::Choice, "c/m/b", "b", "", false),
        (Part::Close, "", "", "", false),
    ];
    assert_eq!(told, expected);
    let [number, text, _, email, choice, _] = &items[..] else { panic!("{items:?}") };
    assert_eq!((&*number.placeholder, &*text.placeholder, &*choice.placeholder), ("4", "Hola", "x"));
    assert_eq!((text.can_be_empty, email.kind, &email.errors[..]), (true, "email", &["no".to_owned()][..]));
    let homes =
        [("/a", Some("/a")), ("/m/y", Some("/m/y")), ("/m", None), ("/z/0/b", Some("/z")), ("/aa", None), ("", None)];
    for (pointer, home) in homes {
        assert_eq!(form.home(pointer), home, "{pointer}");
    }
}

#[test]
fn what_was_written_stands_there_again_but_for_secrets() {
    let schema = json!({ "properties": {
        "n": { "type": "integer" }, "s": { "format": "password" }, "b": { "type": "boolean", "default": true }, "t": {},
    } });
    let form = Form::of(&schema, &json!({ "t": 1 }));
    let posted = posted(&[("c/n", "uno"), ("c/s", "hunter2")]);
    let hidden = ["/s".to_owned()];
    let around = Around { posted: Some(&posted), hidden: &hidden, errors: &BTreeMap::new(), at: None };
    let items: BTreeMap<_, _> =
        form.items(&json!({ "t": 1 }), &around).into_iter().map(|item| (item.name.clone(), item)).collect();
    assert_eq!((&*items["c/n"].value, &*items["c/s"].value, items["c/s"].is_set), ("uno", "", true));
    assert!(!items["c/b"].is_checked, "it was unchecked");
    assert_eq!(items["c/t"].value, "1", "of what did not come back, what there is");
}

#[test]
fn a_schema_without_keys_is_one_field() {
    for schema in [json!({}), json!(true), json!({ "type": "object" }), json!(null)] {
        let value = json!({ "x": 1 });
        let form = Form::of(&schema, &value);
        assert_eq!(items(&form, &value).len(), 1);
        let read = |text| form.read(&posted(&[("c", text)]), &value);
        assert_eq!(read("{\"y\": 2}").value, json!({ "y": 2 }));
        assert_eq!(read("").value, json!({}));
        assert_eq!(read("{").wrong.len(), 1);
        assert_eq!(form.home("/x/0"), Some(""));
    }
}

#[test]
fn groups_that_stand_in_themselves_come_to_an_end() {
    let text = r##"{"$ref":"#/$defs/node","$defs":{"node":{"properties":{"child":{"$ref":"#/$defs/node"},"n":{"type":"integer"}}}}}"##;
    let value = json!({ "child": { "child": { "child": { "child": { "child": { "child": { "n": 1 } } } } } } });
    let form = Form::of(&ordered(text), &value);
    let items = items(&form, &value);
    assert!(items.len() < 40 && items.iter().any(|item| item.part == Part::Json), "{}", items.len());
}

#[test]
fn a_schema_speaks_to_each_in_their_language_where_it_can() {
    let text = r##"{"properties":{
        "hours":{"title":"Hours","description":"When it is open.","x-es":{"title":"Horario","description":"Cuándo abre."},
            "enum":["open","closed",null],"x-en":{"values":{"open":"while open"}}},
        "text":{"title":"Reply","$ref":"#/$defs/text"},
        "x-es":{"title":"Own","$ref":"#/$defs/text"},
        "both":{"title":"Both","anyOf":[{"title":"One","x-es":{"title":"Uno"},"type":"string"},
            {"type":"array","items":{"type":"string"}}]},
        "odd":{"title":"Odd","x-es":7,"type":"string"}},
        "$defs":{"text":{"title":"Text","description":"It.","x-es":{"title":"Texto","description":"Eso."},"type":"string"}}}"##;
    let shown = |locale| {
        let form = Form::of(&in_language(ordered(text), locale), &json!({}));
        let items = items(&form, &json!({}));
        let told = |item: &Item| {
            let options: Vec<&str> = item.choices.iter().map(|choice| choice.label.as_str()).collect();
            format!("{}: {} {}", item.label, item.hint, options.join("|"))
        };
        let is_field = |item: &&Item| !matches!(item.part, Part::Open | Part::Close);
        items.iter().filter(is_field).map(told).collect::<Vec<_>>()
    };
    let whole = json!({ "description": "It.", "x-es": { "description": "Eso." } });
    assert_eq!([Locale::Es, Locale::En].map(|locale| described(&whole, locale)), [Some("Eso."), None]);
    let spanish = shown(Locale::Es);
    assert!(spanish[0].starts_with("Horario: Cuándo abre.") && spanish[0].contains("open|closed"), "{spanish:?}");
    // What a key says itself goes before what it refers to, in whatever language.
    assert!(spanish[1].starts_with("Reply: Eso.") && spanish[2].starts_with("Own: Eso."), "{spanish:?}");
    assert!(spanish[3].starts_with("Both") && spanish[3].contains("Uno"), "{spanish:?}");
    assert!(spanish[4].starts_with("Odd"), "{spanish:?}");
    let english = shown(Locale::En);
    assert!(
        english[0].starts_with("Hours: When it is open.") && english[0].contains("while open|closed"),
        "{english:?}"
    );
}
