//! Plugins that mean harm.
mod guest;

use super::*;
use crate::plugins::chain::tests::call;
use crate::plugins::{Plugin, Settings};
use guest::Guest;
use std::time::Instant;

fn settings() -> Settings {
    Settings {
        name: "p".to_owned(),
        component: String::new(),
        on_error: Default::default(),
        deadline_ms: 100,
        memory_mib: 16,
        config: serde_json::Value::Null,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explore() {
    let engine = Engine::new().unwrap();
    let endless = "(loop $again (br $again)) (unreachable)";
    let cases: Vec<(&str, Guest)> = vec![
        ("healthy", Guest::default()),
        ("loop", Guest { on_inbound: endless, ..Guest::default() }),
        ("unreachable", Guest { on_inbound: "unreachable", ..Guest::default() }),
        ("div", Guest { on_inbound: "(i32.div_u (i32.const 1) (i32.const 0))", ..Guest::default() }),
        (
            "recursion",
            Guest {
                on_inbound: "(call $deeper (local.get 0))",
                more: "(func $deeper (param i32) (result i32) (i32.add (call $deeper (local.get 0)) (i32.const 1)))",
                ..Guest::default()
            },
        ),
        (
            "memory.grow loop",
            Guest {
                on_inbound: "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) (unreachable)",
                ..Guest::default()
            },
        ),
        (
            "memory.grow abort",
            Guest {
                on_inbound: "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) (unreachable)",
                ..Guest::default()
            },
        ),
        (
            "table.grow loop",
            Guest {
                on_inbound: "(loop $again (drop (table.grow $table (ref.null func) (i32.const 1000))) (br $again)) (unreachable)",
                ..Guest::default()
            },
        ),
        (
            "table.grow abort",
            Guest {
                on_inbound: "(loop $again (br_if $again (i32.ne (table.grow $table (ref.null func) (i32.const 1000)) (i32.const -1)))) (unreachable)",
                ..Guest::default()
            },
        ),
        ("oob", Guest { on_inbound: "(i32.const 0x7ffffff0)", ..Guest::default() }),
        ("unaligned", Guest { on_inbound: "(i32.const 3)", ..Guest::default() }),
        ("oob access", Guest { on_inbound: "(i32.load (i32.const 0x7ffffff0))", ..Guest::default() }),
        (
            "oob list",
            Guest {
                on_inbound: "(i32.store (i32.const 64) (i32.const 0)) (i32.store (i32.const 68) (i32.const 65536)) (i32.store (i32.const 72) (i32.const 100000000)) (i32.const 64)",
                ..Guest::default()
            },
        ),
        (
            "bad disc",
            Guest { on_inbound: "(i32.store (i32.const 64) (i32.const 9)) (i32.const 64)", ..Guest::default() },
        ),
        (
            "amplified",
            Guest {
                pages: 16,
                on_inbound: "(i32.store (i32.const 64) (i32.const 0)) (i32.store (i32.const 68) (i32.const 65536)) (i32.store (i32.const 72) (i32.const 40000)) (i32.store (i32.const 76) (i32.const 0)) (i32.const 64)",
                ..Guest::default()
            },
        ),
        (
            "log flood",
            Guest {
                on_inbound: "(local $i i32) (loop $again (call $write (i32.const 2) (i32.const 1024) (i32.const 5)) (br_if $again (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 1000)))) {{answer}}",
                ..Guest::default()
            },
        ),
        (
            "log flood big",
            Guest {
                pages: 4,
                on_inbound: "(loop $again (call $write (i32.const 2) (i32.const 1024) (i32.const 100000)) (br $again)) unreachable",
                ..Guest::default()
            },
        ),
        (
            "bad realloc",
            Guest {
                on_inbound: "{{answer}}",
                more: "(func $start (global.set $free (i32.const 0x7fff0000))) (start $start)",
                ..Guest::default()
            },
        ),
    ];
    let mut s = settings();
    for (name, guest) in cases {
        let started = Instant::now();
        let plugin = WasmPlugin::load(&engine, &s, guest.component()).await;
        let loaded = started.elapsed();
        match plugin {
            Err(e) => eprintln!("{name}: LOAD {e} ({loaded:?})"),
            Ok(p) => {
                let started = Instant::now();
                let r = p.on_inbound(&call("x")).await;
                eprintln!(
                    "{name}: {r:?} {} load {loaded:?} call {:?}",
                    r.as_ref().err().map(ToString::to_string).unwrap_or_default(),
                    started.elapsed()
                );
            }
        }
    }
    s.deadline_ms = 50;
    let endless = "(loop $again (br $again)) (unreachable)";
    let t = Guest::default().text();
    let bytes = |s: &str| wat::parse_str(s).unwrap();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("empty", vec![]), ("text", b"hello world this".to_vec()), ("core", wat::parse_str("(module)").unwrap()),
        ("truncated", Guest::default().component()[..1500].to_vec()),
        ("empty component", wat::parse_str("(component)").unwrap()),
        ("4gb", Guest { pages: 65536, ..Guest::default() }.component()),
        ("100mb", Guest { pages: 1600, ..Guest::default() }.component()),
        ("20mb", Guest { pages: 320, ..Guest::default() }.component()),
        ("no inbound", bytes(&t.replace(r#"(export "recado:plugin/inbound@0.1.0" (instance $inbound))"#, ""))),
        ("no about", bytes(&t.replace(r#"(export "recado:plugin/about@0.1.0" (instance $about))"#, ""))),
        ("0.2.0", bytes(&t.replace("@0.1.0", "@0.2.0"))),
        ("0.1.7", bytes(&t.replace("@0.1.0", "@0.1.7"))),
        ("other types", bytes(&t.replace(r#"(enum "proceed" "stop")"#, r#"(enum "proceed" "stop" "later")"#))),
        ("other import", Guest { imports: r#"(import "wasi:cli/environment@0.2.0" (instance (export "get-environment" (func (result (list (tuple string string)))))))"#, ..Guest::default() }.component()),
        ("other log fn", bytes(&t.replace(r#"(export "write" (func (param "level" $level) (param "message" string)))))"#, r#"(export "write" (func (param "level" $level) (param "message" string))) (export "flush" (func))))"#))),
        ("bad schema json", Guest { schema: "{", ..Guest::default() }.component()),
        ("bad schema", Guest { schema: r#"{"type":"objekt"}"#, ..Guest::default() }.component()),
        ("remote schema", Guest { schema: r#"{"$ref":"https://example.com/x.json"}"#, ..Guest::default() }.component()),
        ("regex schema", Guest { schema: r#"{"properties":{"a":{"pattern":"("}}}"#, ..Guest::default() }.component()),
        ("trap describe", Guest { describe: "unreachable", ..Guest::default() }.component()),
        ("trap start", Guest { more: "(func $start unreachable) (start $start)", ..Guest::default() }.component()),
        ("loop describe", Guest { describe: endless, ..Guest::default() }.component()),
    ];
    for (name, bytes) in cases {
        let started = Instant::now();
        match WasmPlugin::load(&engine, &s, bytes).await {
            Ok(_) => eprintln!("{name}: OK"),
            Err(e) => eprintln!("{name}: {e}   <<{:?}", started.elapsed()),
        }
    }
}
