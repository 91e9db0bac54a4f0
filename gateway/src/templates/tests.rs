//! Templates that are refused, and what becomes of those that are not.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn definition(json: Value) -> Definition {
    serde_json::from_value(json).unwrap()
}

fn one(text: &str) -> Definition {
    definition(json!({
        "default_locale": "es",
        "variables": { "name": { "example": "Ana" }, "total": { "default": 10 }, "member": { "default": false } },
        "bodies": { "es": { "text": text } },
    }))
}

fn given(json: Value) -> BTreeMap<String, Value> {
    serde_json::from_value(json).unwrap()
}

fn rendered(text: &str, variables: Value) -> Result<String, Vec<Fault>> {
    let definition = one(text).check()?;
    definition.render(None, &given(variables), Kept::Defaults).map(|rendered| rendered.text)
}

#[track_caller]
fn refused(definition: Definition, pointer: &str, code: &str, detail: &str) {
    let faults = definition.check().unwrap_err();
    let found = faults.iter().find(|fault| fault.pointer == pointer && fault.code == code);
    let found = found.unwrap_or_else(|| panic!("no {code} at {pointer}: {faults:?}"));
    assert!(found.detail.contains(detail), "{found:?}");
}

#[test]
fn what_is_given_is_put_in_as_it_is() {
    let cases = [
        ("Hola {{ name }}", json!({ "name": "Ana" }), "Hola Ana"),
        ("{{ name }}: ${{ total }}", json!({ "name": "<b>&\"", "total": 1.5 }), "<b>&\": $1.5"),
        ("{{ name }} {{ total }}", json!({ "name": "a" }), "a 10"),
        ("{% if member %}Socio {% endif %}{{ name | upper }}", json!({ "name": "ana", "member": true }), "Socio ANA"),
        ("{{ name }}{# nobody sees this #}", json!({ "name": "{{ total }}" }), "{{ total }}"),
        ("{% set first = name | first %}{{ first }} {{ name }}", json!({ "name": "Ana" }), "A Ana"),
        ("{% for letter in name %}{{ letter }}.{% endfor %}", json!({ "name": "Ana" }), "A.n.a."),
        (
            "{% raw %}{{ other | odd_one }}{% endraw %} {{ name }}",
            json!({ "name": "Ana" }),
            "{{ other | odd_one }} Ana",
        ),
        ("{{ '| nothing' }} {{ name }}", json!({ "name": "Ana" }), "| nothing Ana"),
        ("{{ total }}", json!({ "name": "Ana", "total": 12_345_678 }), "12345678"),
    ];
    for (text, variables, expected) in cases {
        assert_eq!(rendered(text, variables).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_missing_or_unknown_is_named() {
    let fault = |variables| {
        let [fault] = rendered("Hola {{ name }}", variables).unwrap_err().try_into().unwrap();
        (fault.pointer, fault.code)
    };
    let named = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
    assert_eq!(fault(json!({})), named("/variables/name", "missing-variable"));
    let unknown = fault(json!({ "name": "Ana", "nombre": "Ana" }));
    assert_eq!(unknown, named("/variables/nombre", "undeclared-variable"));
    for value in [json!(null), json!(["Ana"]), json!({ "first": "Ana" })] {
        assert_eq!(fault(json!({ "name": value })), named("/variables/name", "not-a-value"));
    }
    let nothing = one("{% if member %}{{ name }}{% endif %}").check().unwrap();
    let [empty] =
        nothing.render(None, &given(json!({ "name": "Ana" })), Kept::Defaults).unwrap_err().try_into().unwrap();
    assert_eq!(empty.code, "empty");
    assert_eq!(nothing.render(None, &given(json!({ "member": true })), Kept::Examples).unwrap().text, "Ana");
}

#[test]
fn a_template_that_would_fail_is_refused_with_the_line() {
    let text = "/bodies/es/text";
    refused(one("Hola\n\n{{ nombre }}"), text, "undeclared-variable", "line 3 uses `nombre`");
    refused(one("Hola\n{{ name"), text, "syntax", "line 2 can't be read");
    refused(one("Hola {% if name %}"), text, "syntax", "line 1");
    refused(one("Hola\n{{ name | shout }}"), text, "unknown-word", "line 2 uses the filter `shout`");
    refused(one("{% if member %}{{ name | shout }}{% endif %} "), text, "unknown-word", "`shout`");
    refused(one("{% if name is nice %}a{% endif %}"), text, "unknown-word", "the test `nice`");
    refused(one("{% if name is not nice %}a{% endif %}"), text, "unknown-word", "the test `nice`");
    refused(one("{% include 'other' %}"), text, "syntax", "include no others");
    refused(one("{% extends 'other' %}"), text, "syntax", "include no others");
    refused(one("{% macro a() %}{% endmacro %}"), text, "syntax", "include no others");
    refused(one("{% for i in range(9) %}{{ i }}{% endfor %}"), text, "undeclared-variable", "`range`");
    refused(one("{{ name.first }}"), text, "not-rendered", "line 1");
    refused(one("  "), text, "length", "1 to 8000");
    refused(one(&"a".repeat(8_001)), text, "length", "1 to 8000");
}

#[test]
fn a_template_that_works_too_hard_or_swells_is_refused() {
    let nested = "{% for a in name %}".repeat(12) + &"{% endfor %}".repeat(12);
    let swells = "{% set a = name * 100 %}{% set b = a * 100 %}{% set c = b * 100 %}{{ c * 100 }}";
    for (text, name) in [(nested.as_str(), "0123456789"), (swells, "x")] {
        let mut definition = one(text);
        definition
            .variables
            .insert("name".to_owned(), Variable { example: Some(Scalar::Text(name.to_owned())), default: None });
        refused(definition, "/bodies/es/text", "not-rendered", "does too much");
    }
    let long = one("{{ name * 1000 }}").check().unwrap();
    let [fault] = long
        .render(None, &given(json!({ "name": "0123456789abcdefghi" })), Kept::Defaults)
        .unwrap_err()
        .try_into()
        .unwrap();
    assert!(fault.detail.contains("16384 bytes"), "{fault:?}");
}

#[test]
fn what_is_no_template_is_refused() {
    let with = |key: &str, value: Value| {
        let mut json = json!({
            "default_locale": "es", "variables": { "name": { "example": "Ana" } }, "bodies": { "es": { "text": "a" } },
        });
        json[key] = value;
        definition(json)
    };
    refused(with("default_locale", json!("en")), "/default_locale", "no-body", "`en`");
    refused(with("bodies", json!({})), "/bodies", "too-many-or-none", "1 to 30");
    refused(with("bodies", json!({ "español": { "text": "a" } })), "/bodies/español", "not-a-locale", "es-MX");
    let twice = json!({ "es": { "text": "a" }, "ES": { "text": "b" } });
    refused(with("bodies", twice), "/bodies/es", "twice", "`es`");
    refused(with("variables", json!({ "name": {} })), "/variables/name", "no-example", "`name`");
    for name in ["1st", "a b", "loop", "naïve", ""] {
        let pointer = format!("/variables/{name}");
        refused(with("variables", json!({ name: { "default": "a" } })), &pointer, "not-a-name", name);
    }
    let content = |content: Value| with("bodies", json!({ "es": { "text": "a", "content": { "sms": content } } }));
    refused(content(json!({ "sid": "" })), "/bodies/es/content/sms/sid", "not-an-id", "HX");
    let unknown = content(json!({ "sid": "HX1", "variables": { "1": "who" } }));
    refused(unknown, "/bodies/es/content/sms/variables/1", "undeclared-variable", "`who`");
    assert!(serde_json::from_value::<Scalar>(json!(["a"])).unwrap_err().to_string().contains("must be a text"));
}

#[test]
fn the_nearest_locale_is_taken() {
    let definition = definition(json!({
        "default_locale": "en",
        "bodies": { "es": { "text": "es" }, "ES_mx": { "text": "es-MX" }, "en": { "text": "en" } },
    }));
    let definition = definition.check().unwrap();
    let cases = [
        (None, "en"),
        (Some("es-MX"), "es-MX"),
        (Some("es_mx"), "es-MX"),
        (Some("es-AR"), "es"),
        (Some("es-MX-x1"), "es-MX"),
        (Some("fr"), "en"),
    ];
    for (wanted, expected) in cases {
        let rendered = definition.render(wanted, &BTreeMap::new(), Kept::Defaults).unwrap();
        assert_eq!((rendered.text.as_str(), rendered.locale.as_str()), (expected, expected), "{wanted:?}");
        assert_eq!(definition.nearest(wanted.unwrap_or_default()), expected, "{wanted:?}");
    }
    for wanted in ["", "español", "e", "es-", "es-MX-a-b-c"] {
        let [fault] =
            definition.render(Some(wanted), &BTreeMap::new(), Kept::Defaults).unwrap_err().try_into().unwrap();
        assert_eq!((fault.pointer.as_str(), fault.code.as_str()), ("/locale", "not-a-locale"), "{wanted:?}");
    }
}

#[test]
fn the_provider_s_own_template_gets_the_variables_by_its_numbers() {
    let definition = definition(json!({
        "default_locale": "es",
        "variables": { "name": { "example": "Ana" }, "total": { "default": 10 } },
        "bodies": { "es": {
            "text": "Hola {{ name }}: {{ total }}",
            "content": { "whatsapp": { "sid": "HX1", "variables": { "1": "total", "2": "name" } } },
        } },
    }));
    let rendered = definition.check().unwrap().render(None, &given(json!({ "name": "Luis" })), Kept::Defaults).unwrap();
    let variables = BTreeMap::from([("1".to_owned(), "10".to_owned()), ("2".to_owned(), "Luis".to_owned())]);
    let expected = crate::message::ContentTemplate { sid: "HX1".to_owned(), variables };
    assert_eq!(rendered.content, BTreeMap::from([("whatsapp".to_owned(), expected)]));
}

#[test]
fn names_are_plain() {
    for good in ["order-ready", "a", "2fa_code"] {
        assert!(is_name(good), "{good}");
    }
    for bad in ["", "Order", "a b", "año", "a/b", &"a".repeat(65)] {
        assert!(!is_name(bad), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC*|(\\{\\{|\\}\\}|\\{%|%\\}|name|\\||is|not|'|\"|raw|endraw| |\n|\\{#|#\\}|é){0,30}") {
        let _ = rendered(&text, json!({ "name": "Ana" }));
    }
}
