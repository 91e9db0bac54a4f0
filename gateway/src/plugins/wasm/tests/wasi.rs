//! Components that import WASI: they get a world with nothing in it.

use super::guest::{Guest, SCRATCH, TEXT, reply, reply_letter};
use super::imports::{OUTSIDE, WASI};
use super::*;

fn importing(code: impl Into<String>) -> Guest {
    Guest { imports: &[WASI], ..Guest::running(code) }
}

fn printing(times: usize) -> String {
    format!(
        "(local $left i32) (local $stream i32)
         (local.set $left (i32.const {times})) (local.set $stream (call $stderr))
         (loop $again
            (call $print (local.get $stream) (i32.const {TEXT}) (i32.const 21) (i32.const {SCRATCH}))
            (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
         {}",
        reply(TEXT, 4)
    )
}

#[tokio::test]
async fn it_is_linked_for_those_alone_that_want_it() {
    let engine = Engine::new().unwrap();
    let plain = load(&engine, PATIENT, Guest::default().component()).await.unwrap();
    let with = load(&engine, PATIENT, importing(reply(TEXT, 4)).component()).await.unwrap();
    assert!(!plain.about.wasi && with.about.wasi);
    assert_eq!(replies(&decide(&with, "hola").await.unwrap()), ["hola"]);
}

#[tokio::test]
async fn what_is_printed_goes_to_the_plugins_log() {
    let engine = Engine::new().unwrap();
    let guest = Guest { text: "hola\nTraceback:\n  oh\n\n", ..importing(printing(1)) };
    let plugin = load_reusing(&engine, PATIENT, guest.component()).await;
    for _ in 0..2 {
        let called = decide_in(&plugin, "hola", &surroundings()).await;
        let lines: Vec<_> = called.effects.log.iter().map(|line| (line.level, line.text.as_str())).collect();
        assert_eq!(lines, [("warn", "hola"), ("warn", "Traceback:"), ("warn", "  oh")]);
    }
}

/// The words with which an interpreter gives up are not lost with it.
#[tokio::test]
async fn what_was_printed_before_a_trap_is_there() {
    let engine = Engine::new().unwrap();
    let guest = Guest { text: "hola\nTraceback:\n  oh\n\n", ..importing(format!("{} unreachable", printing(1))) };
    let plugin = load(&engine, PATIENT, guest.component()).await.unwrap();
    let called = decide_in(&plugin, "hola", &surroundings()).await;
    assert!(matches!(called.result, Err(Failure::Trapped(_))));
    assert_eq!(called.effects.log.len(), 3);
}

#[tokio::test]
async fn printing_without_end_is_no_failure_and_no_flood() {
    let engine = Engine::new().unwrap();
    let guest = Guest { text: "hola\nTraceback:\n  oh\n\n", ..importing(printing(10_000)) };
    let plugin = load(&engine, PATIENT, guest.component()).await.unwrap();
    let called = decide_in(&plugin, "hola", &surroundings()).await;
    assert_eq!(replies(&called.result.unwrap()), ["hola"]);
    assert_eq!(called.effects.log.len(), 65, "64 lines, and one that says so");
}

#[tokio::test]
async fn its_clock_stands_at_the_calls_time() {
    let engine = Engine::new().unwrap();
    let code = format!(
        "(call $wall-now (i32.const {SCRATCH})) {}",
        reply_letter(&format!("(i32.wrap_i64 (i64.load (i32.const {SCRATCH})))"))
    );
    let plugin = load_reusing(&engine, PATIENT, importing(code).component()).await;
    for (seconds, expected) in [(3, "D"), (9, "J"), (0, "A")] {
        let here = Surroundings { now: Timestamp::from_second(seconds).unwrap(), ..surroundings() };
        assert_eq!(replies(&decide_in(&plugin, "hola", &here).await.result.unwrap()), [expected]);
    }
}

#[tokio::test]
async fn its_randomness_comes_from_the_calls_seed() {
    let engine = Engine::new().unwrap();
    let component = importing(reply_letter("(i32.wrap_i64 (call $random-u64))")).component();
    let fresh = load(&engine, PATIENT, component.clone()).await.unwrap();
    let reused = load_reusing(&engine, PATIENT, component).await;
    let mut drawn = Vec::new();
    for seed in 0..10 {
        let here = Surroundings { seed, ..surroundings() };
        let one = decide_in(&fresh, "hola", &here).await.result.unwrap();
        assert_eq!(decide_in(&reused, "hola", &here).await.result.unwrap(), one, "in whatever instance");
        drawn.push(replies(&one).concat());
    }
    drawn.dedup();
    assert!(drawn.len() > 1, "another seed, other numbers");
}

#[tokio::test]
async fn its_environment_is_empty() {
    let engine = Engine::new().unwrap();
    let count = format!("(i32.load (i32.const {}))", SCRATCH + 4);
    let code = format!("(call $environment (i32.const {SCRATCH})) {}", reply_letter(&count));
    let plugin = load(&engine, PATIENT, importing(code).component()).await.unwrap();
    assert_eq!(replies(&decide(&plugin, "hola").await.unwrap()), ["A"]);
}

/// Whoever sleeps holds up nobody, and comes to an end as well.
#[tokio::test(start_paused = true)]
async fn sleeping_for_too_long_ends_the_call() {
    let engine = Engine::new().unwrap();
    let code = format!("(call $block (call $sleep (i64.const 60000000000))) {}", reply(TEXT, 4));
    let deadline = Duration::from_millis(50);
    let plugin = load(&engine, deadline, importing(code).component()).await.unwrap();
    let failure = decide(&plugin, "hola").await.unwrap_err();
    assert_eq!(failure, Failure::Waiting(Duration::from_millis(1050)));
    assert_eq!(failure.to_string(), "it was not done after 1.05s, with all its waiting");
}

/// It waits as long as it means to, and learns neither the machine's time nor how long nobody called it.
#[tokio::test(start_paused = true)]
async fn its_monotonic_clock_counts_what_its_calls_took() {
    let engine = Engine::new().unwrap();
    let millis = "(i32.wrap_i64 (i64.div_u (call $monotonic-now) (i64.const 1000000)))";
    let code = format!(
        "(local $before i32) (local.set $before {millis})
         (call $block (call $sleep (i64.const 3000000)))
         (i32.store8 (i32.const {SCRATCH}) (i32.add (i32.const 65) (local.get $before)))
         (i32.store8 (i32.const {}) (i32.add (i32.const 65) {millis})) {}",
        SCRATCH + 1,
        reply(SCRATCH, 2)
    );
    let component = importing(code).component();
    let reused = load_reusing(&engine, PATIENT, component.clone()).await;
    for expected in ["AD", "DG", "GJ"] {
        assert_eq!(replies(&decide(&reused, "hola").await.unwrap()), [expected]);
        tokio::time::advance(Duration::from_secs(5)).await;
    }
    let fresh = load(&engine, PATIENT, component).await.unwrap();
    for _ in 0..2 {
        assert_eq!(replies(&decide(&fresh, "hola").await.unwrap()), ["AD"]);
    }
}

/// What it may import is there, with nothing behind it.
#[tokio::test]
async fn it_has_no_files_and_gets_no_sockets() {
    let engine = Engine::new().unwrap();
    let at = |place: usize| format!("(i32.const {})", SCRATCH + 64 + place);
    // How far the code of the failure, if it is one, is from this one: `access-denied`, `permanent-resolver-failure`.
    let refusal = |code: usize| {
        let told = format!("(i32.sub (i32.load8_u {}) (i32.const {code}))", at(4));
        format!("(if (result i32) (i32.load8_u {}) (then {told}) (else (i32.const 9)))", at(0))
    };
    let name = format!("(i32.const {TEXT}) (i32.const 9)");
    let cases = [
        ("directories", format!("(call $directories {})", at(0)), format!("(i32.load {})", at(4))),
        ("a TCP socket", format!("(call $tcp (i32.const 0) {})", at(0)), refusal(1)),
        ("a TCP socket of IPv6", format!("(call $tcp (i32.const 1) {})", at(0)), refusal(1)),
        ("a UDP socket", format!("(call $udp (i32.const 0) {})", at(0)), refusal(1)),
        ("an address", format!("(call $lookup (call $network) {name} {})", at(0)), refusal(20)),
    ];
    for (what, code, number) in cases {
        let code = format!("{code} {}", reply_letter(&number));
        let guest = Guest { text: "localhost", imports: &[OUTSIDE], ..Guest::running(code) };
        let plugin = load(&engine, PATIENT, guest.component()).await.unwrap();
        assert_eq!(replies(&decide(&plugin, "hola").await.unwrap()), ["A"], "{what}");
    }
}
