//! Instances that serve many calls: as good as fresh ones, and gone when they are not.

use std::sync::Arc;

use futures::future::join_all;
use tokio::sync::Barrier;

use super::guest::{Guest, SCRATCH, TEXT, reply, reply_found_by, reply_letter};
use super::imports::{RANDOM, STATE};
use super::*;

/// Where a guest counts its calls.
const COUNT: usize = 8;

/// Replies with a letter for the number of its calls, and does harm when the text has this length.
fn counting() -> Guest {
    let length = "(i32.load offset=36 (local.get 0))";
    let when = |wanted: usize, harm: &str| format!("(if (i32.eq {length} (i32.const {wanted})) (then {harm}))");
    let code = [
        format!("(i32.store (i32.const {COUNT}) (i32.add (i32.load (i32.const {COUNT})) (i32.const 1)))"),
        when(TRAP.len(), "unreachable"),
        when(LOOP.len(), "(loop $again (br $again))"),
        when(DENIED.len(), "(drop (memory.grow (i32.const 10000)))"),
        when(GROWING.len(), "(drop (memory.grow (i32.const 80)))"),
        reply_letter(&format!("(i32.load (i32.const {COUNT}))")),
    ];
    Guest::running(code.concat())
}

const TRAP: &str = "1";
const LOOP: &str = "22";
/// More than there is: it is told so, and goes on.
const DENIED: &str = "333";
/// Five MiB.
const GROWING: &str = "4444";

async fn letter(plugin: &WasmPlugin, text: &str) -> Result<String, Failure> {
    decide(plugin, text).await.map(|decision| replies(&decision).concat())
}

#[tokio::test]
async fn one_serves_many_calls_if_it_may() {
    let engine = Engine::new().unwrap();
    let (fresh, reused) = tokio::join!(
        load(&engine, PATIENT, counting().component()),
        load_reusing(&engine, PATIENT, counting().component())
    );
    let fresh = fresh.unwrap();
    for expected in ["B", "C", "D"] {
        assert_eq!(letter(&fresh, "hola!").await.unwrap(), "B", "nothing is left of the call before");
        assert_eq!(letter(&reused, "hola!").await.unwrap(), expected);
    }
    assert_eq!((fresh.instances.idle(), reused.instances.idle()), (0, 1));
}

#[tokio::test]
async fn one_in_which_anything_went_wrong_serves_nobody_again() {
    let engine = Engine::new().unwrap();
    let deadline = Duration::from_millis(100);
    for (harm, fails) in [(TRAP, true), (LOOP, true), (DENIED, false), (GROWING, false)] {
        let plugin = load_reusing(&engine, deadline, counting().component()).await;
        assert_eq!(letter(&plugin, "hola!").await.unwrap(), "B");
        assert_eq!(letter(&plugin, "hola!").await.unwrap(), "C", "before {harm}");
        assert_eq!(letter(&plugin, harm).await.is_err(), fails, "{harm}");
        assert_eq!(plugin.instances.idle(), 0, "after {harm}");
        assert_eq!(letter(&plugin, "hola!").await.unwrap(), "B", "after {harm}");
    }
}

#[tokio::test]
async fn one_that_was_left_in_the_middle_of_a_call_serves_nobody_again() {
    let engine = Engine::new().unwrap();
    let plugin = load_reusing(&engine, PATIENT, counting().component()).await;
    assert_eq!(letter(&plugin, "hola!").await.unwrap(), "B");
    let left = tokio::time::timeout(Duration::from_millis(20), letter(&plugin, LOOP)).await;
    assert!(left.is_err());
    assert_eq!(letter(&plugin, "hola!").await.unwrap(), "B");
}

#[tokio::test]
async fn one_is_replaced_after_a_thousand_calls() {
    let engine = Engine::new().unwrap();
    let plugin = load_reusing(&engine, PATIENT, counting().component()).await;
    let mut letters = Vec::new();
    for _ in 0..1000 {
        letters.push(letter(&plugin, "hola!").await.unwrap());
    }
    // The trial call was the first of them; the guest itself counts none but these.
    assert_eq!(letters[998], "H", "its 999th, modulo 16");
    assert_eq!(letters[999], "B");
}

/// All that belongs to a call: its randomness, what it wrote and read, its log, its quotas.
#[tokio::test]
async fn a_call_meets_nothing_of_the_one_before() {
    let engine = Engine::new().unwrap();
    let code = format!(
        "(local $left i32) (local.set $left (i32.const 70))
         (loop $again
            (call $write (i32.const 1) (i32.const {TEXT}) (i32.const 4))
            (call $get (i32.const 2) (i32.const {TEXT}) (i32.const 4) (i32.const {SCRATCH}))
            (call $set (i32.const 2) (i32.const {TEXT}) (i32.const 4) (i32.const {TEXT}) (i32.const 4) (i32.const 0)
              (f64.const 0) (i32.const {SCRATCH}))
            (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
         {}",
        reply_letter("(call $next)")
    );
    let guest = Guest { imports: &[STATE, RANDOM], ..Guest::running(code) };
    let plugin = load_reusing(&engine, PATIENT, guest.component()).await;
    let here = surroundings();
    let first = decide_in(&plugin, "hola", &here).await;
    assert_eq!(first.effects.changes.len(), 64);
    assert_eq!(first.effects.log.len(), 66, "64 lines, and two quotas");
    for _ in 0..3 {
        let again = decide_in(&plugin, "hola", &here).await;
        assert_eq!(plugin.instances.idle(), 1, "it was used again");
        assert_eq!((&again.result, &again.effects), (&first.result, &first.effects));
    }
    let mut others = Vec::new();
    for seed in 100..110 {
        others.push(decide_in(&plugin, "hola", &Surroundings { seed, ..here.clone() }).await.result.unwrap());
    }
    assert!(others.iter().any(|other| Ok(other) != first.result.as_ref()), "another seed, other numbers");
}

/// Whom a call is about, too: what it says of the conversation comes from this one.
#[tokio::test]
async fn a_call_is_about_its_own_message() {
    let engine = Engine::new().unwrap();
    let echo = reply_found_by("(i32.load offset=32 (local.get 0))", "(i32.load offset=36 (local.get 0))");
    let plugin = load_reusing(&engine, PATIENT, Guest::running(echo).component()).await;
    for text in ["uno", "dos, y más largo", "", "tres"] {
        assert_eq!(replies(&decide(&plugin, text).await.unwrap()), [text]);
    }
}

/// The promise behind the default for the plugins that come with Recado.
#[tokio::test]
async fn a_thousand_reused_calls_decide_as_fresh_ones_do() {
    let engine = Engine::new().unwrap();
    let config = json!({ "text": "Gracias.", "rules": (0..20).map(|number| {
        json!({ "keywords": [format!("clave{number}")], "reply": format!("respuesta {number}"), "tags": ["x"] })
    }).collect::<Vec<_>>() });
    let with = |isolation| Settings { isolation: Some(isolation), ..settings(PATIENT, config.clone()) };
    let fresh = WasmPlugin::load(&engine, &with(Isolation::Call), AUTO_REPLY.to_vec()).await.unwrap();
    let reused = WasmPlugin::load(&engine, &with(Isolation::Reuse), AUTO_REPLY.to_vec()).await.unwrap();
    for number in 0..1000 {
        let text = format!("¿{} clave{}?", "hola ".repeat(number % 7), number % 23);
        let (one, other) =
            (decide_in(&fresh, &text, &surroundings()).await, decide_in(&reused, &text, &surroundings()).await);
        assert_eq!(one.result, other.result, "{text}");
        assert_eq!(one.effects, other.effects, "{text}");
    }
    assert_eq!((fresh.instances.idle(), reused.instances.idle()), (0, 1));
}

#[test]
fn those_that_come_with_recado_are_used_again_and_others_are_not() {
    assert_eq!(Settings::new("a", "builtin:auto-reply").isolation(), Isolation::Reuse);
    assert_eq!(Settings::new("a", "a.wasm").isolation(), Isolation::Call);
    let said = Settings { isolation: Some(Isolation::Call), ..Settings::new("a", "builtin:auto-reply") };
    assert_eq!(said.isolation(), Isolation::Call);
}

/// A memory that answers once so many ask.
struct Together(Barrier);

#[async_trait]
impl StateSource for Together {
    async fn recall(&self, _: &StateKey) -> Result<Option<Remembered>, String> {
        self.0.wait().await;
        Ok(None)
    }

    async fn usage(&self, _: &str, _: Scope, _: Uuid) -> Result<Usage, String> {
        Ok(Usage::default())
    }
}

#[tokio::test]
async fn no_more_of_them_wait_than_a_few() {
    let engine = Engine::new().unwrap();
    let code =
        format!("(call $get (i32.const 2) (i32.const {TEXT}) (i32.const 4) (i32.const {SCRATCH})) {}", reply(TEXT, 4));
    let guest = Guest { imports: &[STATE], ..Guest::running(code) };
    let plugin = load_reusing(&engine, PATIENT, guest.component()).await;
    let here = Surroundings { state: Arc::new(Together(Barrier::new(40))), ..surroundings() };
    let called = join_all((0..40).map(|_| decide_in(&plugin, "hola", &here))).await;
    assert!(called.iter().all(|called| called.result.is_ok()));
    assert_eq!(plugin.instances.idle(), 16);
    // They hold nothing of the calls they served.
    assert_eq!(Arc::strong_count(&here.state), 1);
}

/// Waiting instances take no place from calls, however many plugins have some.
#[tokio::test]
async fn those_that_wait_are_in_nobodys_way() {
    let engine = Engine::new().unwrap();
    let code =
        format!("(call $get (i32.const 2) (i32.const {TEXT}) (i32.const 4) (i32.const {SCRATCH})) {}", reply(TEXT, 4));
    let component = Guest { imports: &[STATE], ..Guest::running(code) }.component();
    let mut plugins = Vec::new();
    for _ in 0..6 {
        plugins.push(load_reusing(&engine, PATIENT, component.clone()).await);
    }
    for plugin in &plugins {
        let here = Surroundings { state: Arc::new(Together(Barrier::new(20))), ..surroundings() };
        join_all((0..20).map(|_| decide_in(plugin, "hola", &here))).await;
    }
    let idle: usize = plugins.iter().map(|plugin| plugin.instances.idle()).sum();
    assert_eq!(idle, 64, "so many in all");
    let here = Surroundings { state: Arc::new(Together(Barrier::new(200))), ..surroundings() };
    let called = join_all((0..200).map(|_| decide_in(&plugins[5], "hola", &here))).await;
    assert!(called.iter().all(|called| called.result.is_ok()), "all places are there");
}
