//! Plugins that want more of the host than there is: they get no more, and the operator is told.

use std::sync::Arc;

use super::guest::{Guest, SCRATCH, TEXT, reply};
use super::imports::{FETCH, STATE};
use super::*;
use crate::plugins::{Effects, LogLine};

/// Code that does this a thousand times, and then replies "hola".
fn a_thousand_times(code: &str) -> String {
    format!(
        "(local $left i32) (local.set $left (i32.const 1000))
         (loop $again
            {code}
            (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
         {}",
        reply(TEXT, 4)
    )
}

/// What it did, having replied.
async fn effects(guest: Guest) -> Effects {
    let engine = Engine::new().unwrap();
    let plugin = load(&engine, PATIENT, guest.component()).await.unwrap();
    let called = decide_in(&plugin, "hola", &surroundings()).await;
    assert_eq!(replies(&called.result.unwrap()), ["hola"], "it lives on");
    called.effects
}

fn warned(text: &str) -> LogLine {
    LogLine { level: "warn", text: text.to_owned() }
}

#[tokio::test]
async fn of_log_lines_the_first_are_kept() {
    let log = tempfile::NamedTempFile::new().unwrap();
    // With a single subscriber, a line that another test's thread comes by first is off for all.
    let _other = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber = tracing_subscriber::fmt().with_writer(Arc::new(log.reopen().unwrap())).with_ansi(false).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    // One long line with what could pass for another.
    let write = format!("(call $write (i32.const 2) (i32.const {TEXT}) (i32.const 10000))");
    let guest = Guest { text: "hola\nERROR forged\r\x1b[31m", ..Guest::running(a_thousand_times(&write)) };
    let effects = effects(guest).await;
    drop(guard);
    let lines = std::fs::read_to_string(log.path()).unwrap();
    let lines: Vec<&str> = lines.lines().filter(|line| line.contains("guest")).collect();
    assert_eq!(lines.len(), 65, "64, and one that says so");
    assert!(lines[0].contains("holaERROR forged[31m"), "{}", lines[0]);
    assert!(lines.iter().all(|line| line.len() < 2_200));
    let dropped = "the plugin logs too much; the rest of this call is dropped";
    assert!(lines[64].contains(dropped));
    assert_eq!(effects.log.len(), 65);
    assert_eq!(effects.log[64], warned(dropped));
}

#[tokio::test]
async fn of_changes_the_first_are_kept() {
    let set = format!(
        "(call $set (i32.const 2) (i32.const {TEXT}) (i32.const 4) (i32.const {TEXT}) (i32.const 4) (i32.const 0)
           (f64.const 0) (i32.const {SCRATCH}))"
    );
    let effects = effects(Guest { imports: &[STATE], ..Guest::running(a_thousand_times(&set)) }).await;
    assert_eq!(effects.changes.len(), 64);
    assert_eq!(effects.log, [warned("64 changes in one call are the most")]);
}

#[tokio::test]
async fn of_changes_no_more_is_kept_than_fits() {
    let set = format!(
        "(memory.fill (i32.const 65536) (i32.const 97) (i32.const 60000))
         (call $set (i32.const 2) (i32.const {TEXT}) (i32.const 4) (i32.const 65536) (i32.const 60000) (i32.const 0)
           (f64.const 0) (i32.const {SCRATCH}))"
    );
    let guest = Guest { pages: 2, imports: &[STATE], ..Guest::running(a_thousand_times(&set)) };
    let effects = effects(guest).await;
    assert_eq!(effects.changes.len(), 4, "of 60,000 bytes each");
    assert_eq!(effects.log, [warned("262144 bytes of changes in one call are the most")]);
}

#[tokio::test]
async fn no_more_keys_are_looked_at_than_some() {
    let digit = |shift: usize| {
        format!(
            "(i32.store8 (i32.const {}) (i32.add (i32.const 97)
               (i32.and (i32.shr_u (local.get $left) (i32.const {shift})) (i32.const 15))))",
            TEXT + 4 + shift
        )
    };
    let get = format!(
        "{}{}{} (call $get (i32.const 2) (i32.const {TEXT}) (i32.const 13) (i32.const {SCRATCH}))",
        digit(0),
        digit(4),
        digit(8)
    );
    let guest = Guest { text: "hola.........", imports: &[STATE], ..Guest::running(a_thousand_times(&get)) };
    let effects = effects(guest).await;
    assert_eq!(effects.looked.len(), 256);
    assert_eq!(effects.log, [warned("256 keys in one call are the most to look at")]);
}

#[tokio::test]
async fn no_more_requests_are_made_than_some() {
    let send = format!(
        "(call $send (i32.const {TEXT}) (i32.const 4) (i32.const {TEXT}) (i32.const 4) (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {SCRATCH}))"
    );
    let effects = effects(Guest { imports: &[FETCH], ..Guest::running(a_thousand_times(&send)) }).await;
    assert_eq!(effects.fetches.len(), 4);
    assert_eq!(effects.log, [warned("4 requests in one call are the most")]);
}
