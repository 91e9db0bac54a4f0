//! Plugins that want more of the host than there is: they get no more, and the operator is told.

use std::sync::Arc;

use super::guest::{Guest, SCRATCH, TEXT};
use super::hooks::{HOOKS, all_in};
use super::imports::{FETCH, STATE};
use super::*;
use crate::plugins::{Change, Effects, LogLine};

/// Code that does this a thousand times.
fn a_thousand_times(code: &str) -> String {
    format!(
        "(local $left i32) (local.set $left (i32.const 1000))
         (loop $again
            {code}
            (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))"
    )
}

/// One that does this in every hook, a thousand times, before it answers.
fn flooding(code: &str) -> Guest {
    Guest::doing_always(&a_thousand_times(code))
}

/// What it did in each hook, having answered.
async fn effects(guest: Guest) -> Vec<(&'static str, Effects)> {
    let engine = Engine::new().unwrap();
    let plugin = load(&engine, PATIENT, guest.component()).await.unwrap();
    let mut effects = Vec::new();
    for (hook, called) in HOOKS.into_iter().zip(all_in(&plugin, &surroundings()).await) {
        assert_eq!(called.result.as_deref(), Ok("hola"), "it lives on in {hook}");
        effects.push((hook, called.effects));
    }
    effects
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
    let guest = Guest { text: "hola\nERROR forged\r\x1b[31m", ..flooding(&write) };
    let effects = effects(guest).await;
    drop(guard);
    let lines = std::fs::read_to_string(log.path()).unwrap();
    let lines: Vec<&str> = lines.lines().filter(|line| line.contains("guest")).collect();
    assert_eq!(lines.len(), 4 * 65, "64, and one that says so, of each hook");
    assert!(lines[0].contains("holaERROR forged[31m"), "{}", lines[0]);
    assert!(lines.iter().all(|line| line.len() < 2_200));
    let dropped = "the plugin logs too much; the rest of this call is dropped";
    assert!(lines[64].contains(dropped));
    for (hook, effects) in effects {
        assert_eq!(effects.log.len(), 65, "{hook}");
        assert_eq!(effects.log[64], warned(dropped), "{hook}");
    }
}

#[tokio::test]
async fn of_changes_the_first_are_kept() {
    let set = format!(
        "(call $set (i32.const 2) (i32.const {TEXT}) (i32.const 4) (i32.const {TEXT}) (i32.const 4) (i32.const 0)
           (f64.const 0) (i32.const {SCRATCH}))"
    );
    for (hook, effects) in effects(Guest { imports: &[STATE], ..flooding(&set) }).await {
        assert_eq!(effects.changes.len(), 64, "{hook}");
        assert_eq!(effects.log, [warned("64 changes in one call are the most")], "{hook}");
    }
}

#[tokio::test]
async fn of_changes_no_more_is_kept_than_fits() {
    let set = format!(
        "(memory.fill (i32.const 65536) (i32.const 97) (i32.const 60000))
         (call $set (i32.const 2) (i32.const {TEXT}) (i32.const 4) (i32.const 65536) (i32.const 60000) (i32.const 0)
           (f64.const 0) (i32.const {SCRATCH}))"
    );
    let whole = |change: &Change| matches!(change, Change::Set { value, .. } if value.len() == 60_000);
    for (hook, effects) in effects(Guest { pages: 2, imports: &[STATE], ..flooding(&set) }).await {
        assert_eq!(effects.changes.len(), 4, "{hook}");
        assert!(effects.changes.iter().all(|one| whole(&one.change)), "{hook}");
        assert_eq!(effects.log, [warned("262144 bytes of changes in one call are the most")], "{hook}");
    }
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
    let guest = Guest { text: "hola.........", imports: &[STATE], ..flooding(&get) };
    for (hook, effects) in effects(guest).await {
        assert_eq!(effects.looked.len(), 256, "{hook}");
        assert_eq!(effects.log, [warned("256 keys in one call are the most to look at")], "{hook}");
    }
}

#[tokio::test]
async fn no_more_requests_are_made_than_some() {
    let send = format!(
        "(call $send (i32.const {TEXT}) (i32.const 4) (i32.const {TEXT}) (i32.const 4) (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {SCRATCH}))"
    );
    for (hook, effects) in effects(Guest { imports: &[FETCH], ..flooding(&send) }).await {
        assert_eq!(effects.fetches.len(), 4, "{hook}");
        assert_eq!(effects.log, [warned("4 requests in one call are the most")], "{hook}");
    }
}

/// What a plugin does while it only says what it is, nobody asked for: it counts nowhere, reaches nobody, and
/// fills no log.
#[tokio::test]
async fn no_flood_comes_of_describing() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let _other = tracing::Dispatch::new(tracing_subscriber::registry());
    let subscriber = tracing_subscriber::fmt().with_writer(Arc::new(log.reopen().unwrap())).with_ansi(false).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let write = format!("(call $write (i32.const 2) (i32.const {TEXT}) (i32.const 4))");
    let set = format!(
        "(call $set (i32.const 2) (i32.const {TEXT}) (i32.const 4) (i32.const {TEXT}) (i32.const 4) (i32.const 0)
           (f64.const 0) (i32.const {SCRATCH}))"
    );
    let send = format!(
        "(call $send (i32.const {TEXT}) (i32.const 4) (i32.const {TEXT}) (i32.const 4) (i32.const 0) (i32.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const {SCRATCH}))"
    );
    let engine = Engine::new().unwrap();
    for code in [write, set, send] {
        let describe = format!("{} {{{{manifest}}}}", a_thousand_times(&code));
        let guest = Guest { describe, imports: &[STATE, FETCH], ..Guest::default() };
        let plugin = load_reusing(&engine, PATIENT, guest.component()).await;
        let Effects { log, fetches, changes, looked } = decide_in(&plugin, "hola", &surroundings()).await.effects;
        assert_eq!((log.len(), fetches.len(), changes.len(), looked.len()), (0, 0, 0, 0), "{code}");
    }
    drop(guard);
    let lines = std::fs::read_to_string(log.path()).unwrap();
    let told = lines.lines().filter(|line| line.contains("guest")).count();
    assert_eq!(told, 65 + 1 + 1, "64 lines and their end, and one for each other quota: {lines}");
}

/// Two million bytes of a name.
#[tokio::test]
async fn too_long_a_manifest_is_refused() {
    let engine = Engine::new().unwrap();
    let long = "(i32.store offset=4 (i32.const 64) (i32.const 2000000)) (i32.const 64)";
    let guest = Guest { pages: 64, describe: format!("{{{{manifest}}}} drop {long}"), ..Guest::default() };
    let told = load(&engine, PATIENT, guest.component()).await.err().unwrap().to_string();
    assert!(told.starts_with("its trial call failed: it gave more than the host takes"), "{told}");
}
