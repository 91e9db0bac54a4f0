//! What is not loaded, and whether the operator is told why.

use super::guest::{ALL_HOOKS, Guest};
use super::imports::Import;
use super::*;

/// What the host does not give.
const HTTP: Import = Import::unused(r#"(import "wasi:http/types@0.2.0" (instance (export "fields" (func))))"#);
const NEWER_WASI: Import = Import::unused(r#"(import "wasi:cli/environment@0.3.0" (instance (export "get" (func))))"#);

async fn refusal(component: Vec<u8>) -> String {
    let engine = Engine::new().unwrap();
    load(&engine, PATIENT, component).await.err().unwrap().to_string()
}

#[tokio::test]
async fn what_is_no_component_is_called_so() {
    let component = Guest::default().component();
    let damaged = component.iter().enumerate().map(|(place, byte)| if place < 8 { *byte } else { !byte }).collect();
    let cases = [
        (Vec::new(), "it is not a WebAssembly component: it is empty"),
        (b"#!/bin/sh\necho hello\n".to_vec(), "it is not a WebAssembly component: it begins otherwise"),
        // As compiled code does, which is never taken from an operator.
        (b"\x7fELF\x02\x01\x01".to_vec(), "it is not a WebAssembly component: it begins otherwise"),
        (
            wat::parse_str("(module)").unwrap(),
            "it is not a WebAssembly component: it is a core module, which is not wrapped as a component yet; \
             `recado plugin build` does both",
        ),
        (component.iter().copied().take(component.len() / 2).collect(), "it can't be compiled: "),
        (damaged, "it can't be compiled: "),
        (
            Guest { pages: 65_536, ..Guest::default() }.component(),
            "it can't be compiled: memory has a minimum byte size of 4294967296 which exceeds the limit of 0x4000000 bytes",
        ),
    ];
    for (bytes, expected) in cases {
        let told = refusal(bytes).await;
        assert!(told.starts_with(expected), "{told}");
    }
    let large = refusal(vec![0; 32 * 1024 * 1024 + 1]).await;
    assert_eq!(large, "it has 33554433 bytes; 33554432 are the most");
}

#[tokio::test]
async fn another_contract_is_told_apart() {
    let source = Guest::default().source();
    let without = |interface: &str| {
        source.replace(&format!("(export \"recado:plugin/{interface}@0.1.0\" (instance ${interface}))"), "")
    };
    let other_flow = source.replace(r#"(enum "proceed" "stop")"#, r#"(enum "proceed" "stop" "later")"#);
    let other_log = source.replace(
        r#"(export "write" (func (param "level" $level) (param "message" string)))"#,
        r#"(export "write" (func (param "level" $level) (param "message" string))) (export "flush" (func))"#,
    );
    let plugin = "recado:plugin@0.1.0";
    let cases = [
        (
            "(component)".to_owned(),
            "something else than recado:plugin",
            "it does not export `recado:plugin/about@0.1.0`; it exports nothing",
        ),
        (
            without("about"),
            plugin,
            "it does not export `recado:plugin/about@0.1.0`; it exports `recado:plugin/inbound@0.1.0`, \
             `recado:plugin/outbound@0.1.0`, `recado:plugin/status@0.1.0`, `recado:plugin/timers@0.1.0`",
        ),
        (
            source.replace("@0.1.0", "@0.2.0"),
            "recado:plugin@0.2.0",
            "it needs `recado:plugin/types@0.2.0`, `recado:plugin/log@0.2.0`, which the gateway does not give",
        ),
        (
            source.replace("about@0.1.0", "about@0.2.1"),
            "recado:plugin@0.2.1",
            "it does not export `recado:plugin/about@0.1.0`; it exports `recado:plugin/about@0.2.1`, \
             `recado:plugin/inbound@0.1.0`, `recado:plugin/outbound@0.1.0`, `recado:plugin/status@0.1.0`, \
             `recado:plugin/timers@0.1.0`",
        ),
        (
            Guest { imports: &[HTTP], ..Guest::default() }.source(),
            plugin,
            "it needs `wasi:http/types@0.2.0`, which the gateway does not give",
        ),
        (
            Guest { imports: &[NEWER_WASI], ..Guest::default() }.source(),
            plugin,
            "it needs `wasi:cli/environment@0.3.0`, which the gateway does not give",
        ),
        (
            other_log,
            plugin,
            "component imports instance `recado:plugin/log@0.1.0`, but a matching implementation was not found in the linker: instance export `flush` has the wrong type: function implementation is missing",
        ),
        (
            other_flow,
            plugin,
            "failed to convert function to given type: type mismatch with results: type mismatch for field flow: expected enum of 2 names, found 3 names",
        ),
    ];
    for (source, built_for, expected) in cases {
        let told = refusal(wat::parse_str(source).unwrap()).await;
        assert_eq!(told, format!("it was built for {built_for}; this gateway offers recado:plugin@0.1.0: {expected}"));
    }
    // A later version that only added is compatible.
    let engine = Engine::new().unwrap();
    let later = wat::parse_str(source.replace("@0.1.0", "@0.1.7")).unwrap();
    assert!(load(&engine, PATIENT, later).await.is_ok());
}

/// What it says of itself, and what it is.
#[tokio::test]
async fn a_hook_that_is_told_must_be_there() {
    let source = Guest { hooks: ALL_HOOKS, ..Guest::default() }.source();
    for interface in ["inbound", "outbound", "status", "timers"] {
        let export = format!("(export \"recado:plugin/{interface}@0.1.0\" (instance ${interface}))");
        assert!(source.contains(&export));
        let told = refusal(wat::parse_str(source.replace(&export, "")).unwrap()).await;
        assert_eq!(
            told,
            format!(
                "it wants to be called for the hook `{interface}`, but does not export recado:plugin/{interface}@0.1.0"
            )
        );
    }
}

/// One bit here, one byte there: what comes of it is a refusal or a plugin, and never the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_anywhere_is_survived() {
    let engine = Engine::new().unwrap();
    let component = Guest::default().component();
    let mut place = 12_345_usize;
    for _ in 0..40 {
        place = place.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut damaged = component.clone();
        let length = damaged.len();
        damaged[(place >> 16) % length] ^= 1 << (place >> 8 & 7);
        if let Ok(plugin) = load(&engine, Duration::from_millis(50), damaged).await {
            let _ = decide(&plugin, "hola").await;
        }
    }
    assert!(auto_reply(&engine, Value::Null).await.is_ok());
}

#[tokio::test]
async fn a_schema_must_be_one() {
    let cases = [
        ("{", "EOF while parsing an object"),
        (r#"{"type":"objekt"}"#, "at `/type`: \"objekt\" is not"),
        (r#"{"properties":{"a":{"pattern":"("}}}"#, "at `/properties/a/pattern`: \"(\" is not a \"regex\""),
        // Nothing is fetched.
        (r#"{"$ref":"https://example.com/schema.json"}"#, "Resource 'https://example.com/schema.json' is not present"),
    ];
    for (schema, expected) in cases {
        let told = refusal(Guest { schema, ..Guest::default() }.component()).await;
        let expected = format!("its config schema is not a JSON Schema: {expected}");
        assert!(told.starts_with(&expected), "{told}");
    }
}

#[tokio::test]
async fn a_configuration_must_fit_the_schema() {
    let schema = r#"{"type":"object","required":["text"],"additionalProperties":false,"properties":{
        "text":{"type":"string"},"rules":{"type":"array","items":{"properties":{"keywords":{"minItems":1}}}}}}"#;
    let component = Guest { schema, ..Guest::default() }.component();
    let engine = Engine::new().unwrap();
    let load = async |config| WasmPlugin::load(&engine, &settings(PATIENT, config), component.clone()).await;
    let cases = [
        (Value::Null, "`config`: \"text\" is a required property"),
        (json!({ "text": 1 }), "`config/text`: 1 is not of type \"string\""),
        (
            json!({ "text": "", "rules": [{}, { "keywords": [] }] }),
            "`config/rules/1/keywords`: [] has less than 1 item",
        ),
        (
            json!({ "text": "", "texto": "" }),
            "`config`: Additional properties are not allowed ('texto' was unexpected)",
        ),
    ];
    for (config, expected) in cases {
        assert_eq!(load(config).await.err().unwrap().to_string(), expected);
    }
    assert!(load(json!({ "text": "hola" })).await.is_ok());
}
