//! Every hook, with plugins that behave and with plugins that do not.

use super::guest::{ALL_HOOKS, Guest, accept, actions, failure, reject, reply};
use super::*;

/// The deadline of what never ends by itself.
const SHORT: Duration = Duration::from_millis(50);

pub(super) const HOOKS: [&str; 4] = ["inbound", "outbound", "status", "timer"];

/// What each hook comes to: a text it replied with or rejected for, or its failure.
async fn all(plugin: &WasmPlugin) -> [Result<String, Failure>; 4] {
    all_in(plugin, &surroundings()).await.map(|called| called.result)
}

/// The same, with what it did on the way.
pub(super) async fn all_in(plugin: &WasmPlugin, here: &Surroundings) -> [Called<String>; 4] {
    let first = |decision: Decision| replies(&decision).first().map(ToString::to_string).unwrap_or_default();
    let decided = |called: Called<Decision>| Called { result: called.result.map(first), effects: called.effects };
    let outbound = plugin.on_outbound(&outbound_call(), here).await;
    let verdict = outbound.result.map(|verdict| match verdict {
        Verdict::Reject { reason } => reason,
        Verdict::Accept(_) => "accepted".to_owned(),
    });
    [
        decided(plugin.on_inbound(&call("hola"), here).await),
        Called { result: verdict, effects: outbound.effects },
        decided(plugin.on_status(&status_call(), here).await),
        decided(plugin.on_timer(&timer_call(), here).await),
    ]
}

#[tokio::test]
async fn each_is_called_and_answers() {
    let engine = Engine::new().unwrap();
    let guest = Guest { hooks: ALL_HOOKS, ..Guest::default() };
    let plugin = load(&engine, PATIENT, guest.component()).await.unwrap();
    let hooks = plugin.manifest().hooks;
    assert!(hooks.inbound && hooks.outbound && hooks.status && hooks.timer);
    assert_eq!(all(&plugin).await, [(); 4].map(|()| Ok("hola".to_owned())));
}

/// The same harm in each hook, in the words of the log and the trace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_is_contained() {
    let engine = Engine::new().unwrap();
    let deeper = Guest {
        more: "(func $deeper (param i32) (result i32) (i32.add (call $deeper (local.get 0)) (i32.const 1)))",
        ..Guest::running_always("(call $deeper (local.get 0))")
    };
    let swell = "(loop $again (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable";
    let cases = [
        (
            "a loop",
            Guest::running_always("(loop $again (br $again)) unreachable"),
            SHORT,
            "it took longer than its deadline of 50ms",
        ),
        (
            "memory without end",
            Guest::running_always(swell),
            PATIENT,
            "it wanted more memory than its limit of 16777216 bytes",
        ),
        ("no bottom", deeper, PATIENT, "it trapped: call stack exhausted (in deeper)"),
        (
            "a trap",
            Guest::running_always("unreachable"),
            PATIENT,
            "it trapped: wasm `unreachable` instruction executed",
        ),
        ("an answer beyond its memory", Guest::running_always("(i32.const 0x7ffffff0)"), PATIENT, "it trapped: "),
    ];
    for (name, guest, deadline, expected) in cases {
        let plugin = load(&engine, deadline, guest.component()).await.unwrap();
        for (hook, came) in HOOKS.iter().zip(all(&plugin).await) {
            let failure = came.unwrap_err().to_string();
            assert!(failure.starts_with(expected), "{name} in {hook}: {failure}");
        }
    }
}

/// Huge lists and huge texts.
#[tokio::test]
async fn too_much_is_too_much_in_each() {
    let engine = Engine::new().unwrap();
    let long = 2_000_000;
    // By the canonical ABI: whether there is a text, where, and how long; where the tags are, and how many.
    let text = accept(&[(16, 1), (20, 65_536), (24, long)]);
    let tags = accept(&[(80, 65_536), (84, 400_000)]);
    let cases = [
        ("many actions", Guest { on_outbound: tags, ..Guest::running_always(actions(65_536, 50_000)) }),
        ("a long reply", Guest { on_outbound: text, ..Guest::running_always(reply(65_536, long)) }),
        ("a long reason", Guest { on_outbound: reject(65_536, long), ..Guest::running_always(failure(1, long)) }),
    ];
    for (name, guest) in cases {
        let guest = Guest { pages: 64, hooks: ALL_HOOKS, ..guest };
        let plugin = load(&engine, PATIENT, guest.component()).await.unwrap();
        for (hook, came) in HOOKS.iter().zip(all(&plugin).await) {
            assert!(matches!(came, Err(Failure::TooMuch(_))), "{name} in {hook}: {came:?}");
        }
    }
}

/// A loop that only begins once the decision was read.
#[tokio::test]
async fn tidying_up_counts_as_well() {
    let engine = Engine::new().unwrap();
    let source = Guest::default().source();
    let source = source.replace("(call $begin))", "(loop $again (br $again)))");
    let plugin = load(&engine, SHORT, wat::parse_str(source).unwrap()).await.unwrap();
    assert_eq!(decide(&plugin, "hola").await, Err(Failure::Deadline(SHORT)));
}
