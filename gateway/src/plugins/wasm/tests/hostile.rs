//! Plugins that mean harm, or are as bad as if they did.

use std::sync::Arc;
use std::time::Instant;

use futures::future::join_all;

use super::guest::{Guest, TEXT, actions, failure, reply};
use super::*;

/// The deadline of what never ends by itself.
const SHORT: Duration = Duration::from_millis(50);
const ENDLESS: &str = "(loop $again (br $again)) unreachable";
const NO_END: &str = "it took longer than its deadline of 50ms";

/// What a call of each comes to, in the words of the log and the trace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_harms_only_its_own_call() {
    let engine = Engine::new().unwrap();
    let healthy = auto_reply(&engine, Value::Null).await.unwrap();
    for (name, guest, deadline, expected) in [endings(), lies()].concat() {
        let plugin = load(&engine, deadline, guest.component()).await.unwrap();
        let started = Instant::now();
        let failure = decide(&plugin, "hola").await.unwrap_err().to_string();
        assert_eq!(failure, expected, "{name}");
        assert!(started.elapsed() < deadline * 10, "{name} took {:?}", started.elapsed());
        let decision = decide(&healthy, "hola").await.unwrap();
        assert_eq!(replies(&decision).len(), 1, "after {name}");
    }
}

type Case = (&'static str, Guest, Duration, &'static str);

/// Code that does not come to a good end.
fn endings() -> Vec<Case> {
    // Both ways to go on when memory is denied: to try again for ever, and to give up.
    let swell = "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) unreachable";
    let give_up = "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    let grow_table = "(table.grow $table (ref.null func) (i32.const 1000))";
    let deeper = Guest {
        more: "(func $deeper (param i32) (result i32) (i32.add (call $deeper (local.get 0)) (i32.const 1)))",
        ..Guest::running("(call $deeper (local.get 0))")
    };
    let chatter =
        format!("(loop $again (call $write (i32.const 1) (i32.const {TEXT}) (i32.const 4)) (br $again)) unreachable");
    vec![
        ("a loop", Guest::running(ENDLESS), SHORT, NO_END),
        ("a loop that logs", Guest::running(chatter), SHORT, NO_END),
        ("memory without end", Guest::running(swell), SHORT, NO_END),
        (
            "memory until denied",
            Guest::running(give_up),
            PATIENT,
            "it wanted more memory than its limit of 16777216 bytes",
        ),
        (
            "tables without end",
            Guest::running(format!("(loop $again (drop {grow_table}) (br $again)) unreachable")),
            SHORT,
            NO_END,
        ),
        (
            "tables until denied",
            Guest::running(format!("(loop $again (br_if $again (i32.ne {grow_table} (i32.const -1)))) unreachable")),
            PATIENT,
            "it wanted larger tables than the limit of 20000 entries",
        ),
        (
            "giving up",
            Guest::running("unreachable"),
            PATIENT,
            "it trapped: wasm `unreachable` instruction executed (in on-inbound)",
        ),
        (
            "dividing by nothing",
            Guest::running("(i32.div_u (i32.const 1) (i32.const 0))"),
            PATIENT,
            "it trapped: integer divide by zero (in on-inbound)",
        ),
        ("no bottom", deeper, PATIENT, "it trapped: call stack exhausted (in deeper)"),
        (
            "reading beyond its memory",
            Guest::running("(i32.load (i32.const 0x7ffffff0))"),
            PATIENT,
            "it trapped: out of bounds memory access (in on-inbound)",
        ),
    ]
}

/// Answers that are none, and failures of every kind.
fn lies() -> Vec<Case> {
    let no_room =
        Guest { more: "(func $start (global.set $free (i32.const 0x7fff0000))) (start $start)", ..Guest::default() };
    let unconfigurable = Guest { text: "no\n  such hour", ..Guest::running(failure(0, 14)) };
    let failing = Guest { text: "no idea", ..Guest::running(failure(1, 7)) };
    let too_much = "it gave more than the host takes: too much data is being copied between the host and the guest: \
                    fuel allocated for hostcalls has been exhausted";
    vec![
        (
            "an answer beyond its memory",
            Guest::running("(i32.const 0x7ffffff0)"),
            PATIENT,
            "it trapped: pointer out of bounds of memory",
        ),
        ("a crooked answer", Guest::running("(i32.const 3)"), PATIENT, "it trapped: return pointer not aligned"),
        (
            "a list beyond its memory",
            Guest::running(actions(65_536, 100_000_000)),
            PATIENT,
            "it trapped: list pointer/length out of bounds of memory",
        ),
        (
            "a text beyond its memory",
            Guest::running(reply(65_530, 100)),
            PATIENT,
            "it trapped: string pointer/length out of bounds of memory",
        ),
        (
            "neither ok nor error",
            Guest::running("(i32.store (i32.const 64) (i32.const 9)) (i32.const 64)"),
            PATIENT,
            "it trapped: invalid expected discriminant",
        ),
        (
            "a text that is none",
            Guest::running(format!("(i32.store8 (i32.const {TEXT}) (i32.const 255)) {}", reply(TEXT, 4))),
            PATIENT,
            "it trapped: invalid utf-8 sequence of 1 bytes from index 0",
        ),
        ("no room for what it is told", no_room, PATIENT, "it trapped: realloc return: beyond end of memory"),
        ("very many actions", Guest { pages: 16, ..Guest::running(actions(65_536, 13_000)) }, PATIENT, too_much),
        ("a very long text", Guest { pages: 64, ..Guest::running(reply(65_536, 2_000_000)) }, PATIENT, too_much),
        ("one text many times", amplified(), PATIENT, too_much),
        ("no sense in its configuration", unconfigurable, PATIENT, "its configuration makes no sense: no such hour"),
        ("failing", failing, PATIENT, "it failed: no idea"),
    ]
}

/// A hundred tags that are all the same 60,000 bytes: 6 MB to the host, but 2 KB to the guest.
fn amplified() -> Guest {
    let tags = "(local $at i32) (local.set $at (i32.const 65536))
        (loop $again
            (i32.store (local.get $at) (i32.const 2))
            (i32.store offset=8 (local.get $at) (i32.const 131072))
            (i32.store offset=12 (local.get $at) (i32.const 60000))
            (br_if $again (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 72))) (i32.const 72736))))";
    Guest { pages: 4, ..Guest::running(format!("{tags} {}", actions(65_536, 100))) }
}

/// The trial call runs against a deadline, too, and so does what runs before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_holds_up_the_start() {
    let engine = Engine::new().unwrap();
    let describing = |code: &str| Guest { describe: code.to_owned(), ..Guest::default() };
    let starting = |more| Guest { more, ..Guest::default() };
    let cases = [
        (describing(ENDLESS), SHORT, NO_END),
        (starting("(func $start (loop $again (br $again))) (start $start)"), SHORT, NO_END),
        (describing("unreachable"), PATIENT, "it trapped: wasm `unreachable` instruction executed (in describe)"),
        (
            starting("(func $start unreachable) (start $start)"),
            PATIENT,
            "it trapped: wasm `unreachable` instruction executed (in start)",
        ),
        // What it gives, and then what comes after.
        (describing("(i32.const 0x7ffffff0)"), PATIENT, "it trapped: pointer out of bounds of memory"),
        // 20 MiB at once, where 16 are allowed.
        (Guest { pages: 320, ..Guest::default() }, PATIENT, "it wanted more memory than its limit of 16777216 bytes"),
    ];
    for (guest, deadline, expected) in cases {
        let started = Instant::now();
        let settings = settings(deadline, Value::Null);
        let loaded = WasmPlugin::load_within(deadline, &engine, &settings, guest.component()).await;
        let error = loaded.err().unwrap();
        assert_eq!(error.to_string(), format!("its trial call failed: {expected}"));
        // Compiling is not part of it.
        assert!(started.elapsed() < deadline * 10 + Duration::from_secs(2));
    }
    assert!(auto_reply(&engine, Value::Null).await.is_ok());
}

/// On one thread, so that nothing but the interruptions lets others run.
#[tokio::test]
async fn others_are_answered_while_some_loop() {
    let engine = Engine::new().unwrap();
    let healthy = auto_reply(&engine, Value::Null).await.unwrap();
    let looping = Arc::new(load(&engine, Duration::from_secs(3), Guest::running(ENDLESS).component()).await.unwrap());
    let loops: Vec<_> = (0..8)
        .map(|_| {
            let looping = Arc::clone(&looping);
            tokio::spawn(async move { decide(&looping, "hola").await })
        })
        .collect();
    tokio::task::yield_now().await;
    for _ in 0..3 {
        let decision = decide(&healthy, "hola").await.unwrap();
        assert_eq!(replies(&decision).len(), 1);
    }
    assert!(loops.iter().all(|call| !call.is_finished()), "answered in the middle of it");
    loops.iter().for_each(tokio::task::JoinHandle::abort);
}

/// More than there are places in the pool: the rest waits, and fails for no other reason.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_places_wait_their_turn() {
    let engine = Engine::new().unwrap();
    let looping = load(&engine, Duration::from_millis(2), Guest::running(ENDLESS).component()).await.unwrap();
    let ended = join_all((0..300).map(|_| decide(&looping, "hola"))).await;
    // On a busy machine some get no turn in time.
    let other = ended.iter().find(|ended| !matches!(ended, Err(Failure::Deadline(_) | Failure::Waiting(_))));
    assert_eq!(other, None);
}
