//! Every hook, with plugins that behave and with plugins that do not.

use super::guest::{ALL_HOOKS, Guest, actions};
use super::*;

/// The deadline of what never ends by itself.
const SHORT: Duration = Duration::from_millis(50);

/// What each hook comes to: a text it replied with or rejected for, or its failure.
async fn all(plugin: &WasmPlugin) -> [Result<String, Failure>; 4] {
    let first = |decision: Decision| replies(&decision).first().map(ToString::to_string).unwrap_or_default();
    let here = surroundings();
    [
        plugin.on_inbound(&call("hola"), &here).await.result.map(first),
        plugin.on_outbound(&outbound_call(), &here).await.result.map(|verdict| match verdict {
            Verdict::Reject { reason } => reason,
            Verdict::Accept(_) => "accepted".to_owned(),
        }),
        plugin.on_status(&status_call(), &here).await.result.map(first),
        plugin.on_timer(&timer_call(), &here).await.result.map(first),
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
        for (hook, came) in ["inbound", "outbound", "status", "timer"].iter().zip(all(&plugin).await) {
            let failure = came.unwrap_err().to_string();
            assert!(failure.starts_with(expected), "{name} in {hook}: {failure}");
        }
    }
}

/// A huge list of actions from the hooks that decide.
#[tokio::test]
async fn too_much_is_too_much_in_each() {
    let engine = Engine::new().unwrap();
    let guest = Guest { pages: 16, ..Guest::running_always(actions(65_536, 13_000)) };
    let plugin = load(&engine, PATIENT, guest.component()).await.unwrap();
    let [inbound, _, status, timer] = all(&plugin).await;
    for came in [inbound, status, timer] {
        assert!(matches!(came, Err(Failure::TooMuch(_))), "{came:?}");
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
