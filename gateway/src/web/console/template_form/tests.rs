//! Forms that come to the template that they were made of, and marks beside what is wrong.

use serde_json::{Value, json};

use super::*;
use crate::templates::Scalar;

fn definition(json: Value) -> Definition {
    serde_json::from_value(json).unwrap()
}

fn words() -> &'static TemplateWords {
    TemplateWords::of(Locale::En)
}

/// As a browser would send the form.
fn sent(form: &Form) -> Fields {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("name", &form.name).append_pair("mark", &form.mark);
    for (at, row) in form.variables.iter().enumerate() {
        query.append_pair(&format!("variable-{at}"), &row.name).append_pair(&format!("kind-{at}"), row.kind.as_str());
        query.append_pair(&format!("example-{at}"), &row.example.replace('\n', "\r\n"));
        query.append_pair(&format!("default-{at}"), &row.default.replace('\n', "\r\n"));
        if row.is_optional {
            query.append_pair(&format!("optional-{at}"), "1");
        }
    }
    for (at, row) in form.bodies.iter().enumerate() {
        query.append_pair(&format!("locale-{at}"), &row.locale);
        query.append_pair(&format!("text-{at}"), &row.text.replace('\n', "\r\n"));
        if row.is_main {
            query.append_pair("main", &at.to_string());
        }
        for (column, content) in row.content.iter().enumerate() {
            query.append_pair(&format!("channel-{at}-{column}"), &content.channel);
            query.append_pair(&format!("sid-{at}-{column}"), &content.sid);
            query.append_pair(&format!("places-{at}-{column}"), &content.places.replace('\n', "\r\n"));
        }
    }
    Fields::read(query.finish().as_bytes())
}

#[test]
fn what_is_shown_and_sent_back_is_what_it_was() {
    let whole = definition(json!({
        "default_locale": "es-MX",
        "variables": {
            "name": { "example": "Ana" },
            "total": { "example": 10, "default": 1.5 },
            "member": { "default": false },
            "place": { "default": "" },
            "address": { "example": "Calle 5\nCentro", "default": "\nx" },
        },
        "bodies": {
            "en": { "text": "Hi {{ name }}" },
            "es-MX": {
                "text": "\nHola {{ name }},\n{% if member %}socio {% endif %}son {{ total }} {{ place }}",
                "content": {
                    "gone": { "sid": "HX2" },
                    "whatsapp": { "sid": "HX1", "variables": { "1": "total", "2": "name" } },
                },
            },
        },
    }));
    let channels = ["sms".to_owned(), "whatsapp".to_owned()];
    for words in [Locale::Es, Locale::En].map(TemplateWords::of) {
        let mut form = Form::read(&sent(&Form::of(&whole, words, &channels)));
        assert_eq!(form.bodies.iter().map(|row| row.content.len()).collect::<Vec<_>>(), [2, 3], "a row a channel");
        // Rows without a name, and without language and text, are none.
        form.add_variable();
        form.add_language(&channels);
        let variable = form.variables.last_mut().unwrap();
        (variable.example, variable.default) = ("Ana".to_owned(), "x".to_owned());
        form.bodies.last_mut().unwrap().content[0].sid = "HX3".to_owned();
        assert_eq!(Form::read(&sent(&form)).definition(words), whole);
        assert_eq!(form.definition(words).check().unwrap(), whole);
        assert!(!form.is_faulty());
    }
}

#[test]
fn what_is_wrong_is_marked_where_it_stands() {
    let mut form = Form::fresh("es", &["sms".to_owned()]);
    form.add_variable();
    form.add_variable();
    form.add_language(&["sms".to_owned()]);
    for (row, (name, kind, example)) in
        [("a/b", Kind::Text, "x"), ("total", Kind::Number, "ten"), ("total", Kind::Flag, "")].into_iter().enumerate()
    {
        form.variables[row] =
            VariableRow { name: name.to_owned(), kind, example: example.to_owned(), ..VariableRow::default() };
    }
    form.variables[2].is_optional = true;
    form.bodies[0].text = "Hola {{ nombre }}".to_owned();
    form.bodies[0].content[0].sid = "HX 1".to_owned();
    form.bodies[0].content[0].places = "1 = nombre\n2".to_owned();
    form.bodies[1].locale = "español".to_owned();
    form.bodies[1].text = "Hola".to_owned();
    let mut form = Form::read(&sent(&form));
    let faults = form.definition(words()).check().unwrap_err();
    form.mark(&faults, Locale::En);
    let details = |wrong: &[Wrong]| wrong.iter().map(|wrong| wrong.said.unwrap_or(&wrong.detail).to_owned()).collect();
    let has = |wrong: &[Wrong], piece: &str| {
        let all: Vec<String> = details(wrong);
        assert!(all.iter().any(|one| one.contains(piece)), "{piece}: {all:?}");
    };
    has(&form.variables[0].wrong, "can't be a variable");
    has(&form.variables[1].wrong, words().not_number);
    has(&form.variables[2].wrong, words().not_flag);
    has(&form.variables[2].wrong, words().twice);
    has(&form.bodies[0].wrong_text, "`nombre`");
    has(&form.bodies[0].content[0].wrong, "as in `HX…`");
    has(&form.bodies[0].content[0].wrong, words().bad_place);
    has(&form.bodies[1].wrong, "`español` is no locale");
    assert_eq!(form.wrong, [], "each has a field of its own");
    assert!(form.is_faulty());

    let mut empty = Form::read(&Fields::default());
    let faults = empty.definition(words()).check().unwrap_err();
    empty.mark(&faults, Locale::Es);
    assert_eq!(empty.wrong[0].said, Some("Hace falta un idioma al menos, y caben 30."));
}

#[test]
fn a_value_is_read_as_what_it_is() {
    let cases = [
        (Kind::Text, "10", Some(Scalar::Text("10".to_owned()))),
        (Kind::Number, " 10 ", Some(Scalar::Number(10.into()))),
        (Kind::Number, "1,5", serde_json::Number::from_f64(1.5).map(Scalar::Number)),
        (Kind::Number, "-0,125", serde_json::Number::from_f64(-0.125).map(Scalar::Number)),
        (Kind::Number, "1,500", None),
        (Kind::Number, "1,", None),
        (Kind::Number, "1,5,5", None),
        (Kind::Number, "1.000,5", None),
        (Kind::Number, "", None),
        (Kind::Flag, "Sí", Some(Scalar::Flag(true))),
        (Kind::Flag, "no", Some(Scalar::Flag(false))),
        (Kind::Flag, "quizá", None),
    ];
    for (kind, text, expected) in cases {
        assert_eq!(kind.read(text, words()).ok(), expected, "{kind:?} {text}");
    }
    let kind = |json: Value| Kind::of(&serde_json::from_value(json).unwrap());
    assert_eq!(kind(json!({ "example": 1 })), Kind::Number);
    assert_eq!(kind(json!({ "example": "1", "default": 1 })), Kind::Text);
    assert_eq!(kind(json!({ "default": true })), Kind::Flag);
}
