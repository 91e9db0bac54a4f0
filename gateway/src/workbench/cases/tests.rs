//! Cases, run on real components.

use super::*;
use crate::plugins::wasm::Engine;
use crate::plugins::{Settings, builtin};

const OBEDIENT: &[u8] = include_bytes!("../../../../tests/harness/obedient.wasm");

/// What each case of a file comes to.
async fn run(component: &[u8], text: &str) -> Vec<Report> {
    let cases = Cases::parse(text).unwrap();
    let settings = Settings { deadline_ms: 10_000, ..Settings::new("tried", "tried.wasm") };
    let bench = Bench { engine: Engine::new().unwrap(), component: component.to_vec(), settings };
    let mut reports = Vec::new();
    for case in &cases.cases {
        reports.push(bench.run(case, &cases).await.unwrap());
    }
    reports
}

async fn passes(component: &[u8], text: &str) {
    for report in run(component, text).await {
        assert!(report.ok, "{}: {:#?}", report.name, report.differences);
    }
}

/// The expectations that are not met, in order.
async fn differs(component: &[u8], steps: &str) -> Vec<String> {
    let text = format!("[[case]]\nname = \"a\"\nsteps = [{steps}]\n");
    let report = run(component, &text).await.remove(0);
    report.differences.into_iter().map(|difference| difference.what).collect()
}

#[tokio::test]
async fn a_shipped_plugin_does_what_its_cases_say() {
    let text = r#"
        [given]
        at = "2026-08-03 12:00"
        config = { text = "Gracias.", cool_down_minutes = 60 }

        [[case]]
        name = "the default text once an hour"
        steps = [
            { receive = "hola", replies = ["Gracias."] },
            { receive = "¿hola?" },
            { wait = "1h", receive = "¿hola?", replies = [{ contains = "acia" }] },
            { from = "+525587654321", receive = "hola", replies = ["Gracias."] },
        ]

        [[case]]
        name = "a case's keys take the place of the shared ones"
        given = { config = { text = "Hola." } }
        steps = [
            { receive = "hola", replies = ["Hola."] },
            { at = "2026-08-03 12:30", receive = "¿hola?" },
        ]

        [[case]]
        name = "an odd configuration is refused"
        given = { config = { texto = "Hola." } }
        refused_config = "texto"
    "#;
    passes(builtin("auto-reply").unwrap(), text).await;
}

/// Those beside the sources of the plugins that come with Recado.
#[tokio::test]
async fn the_shipped_plugins_do_what_their_cases_say() {
    for (name, text) in [
        ("auto-reply", include_str!("../../../../plugins/auto-reply/cases.toml")),
        ("router", include_str!("../../../../plugins/router/cases.toml")),
    ] {
        passes(builtin(name).unwrap(), text).await;
    }
}

#[tokio::test]
async fn a_decision_is_done_to_what_is_there() {
    let text = r#"
        [given]
        at = "2026-08-03 12:00"

        [[case]]
        name = "people and conversations"
        given.contact = { attributes = { tier = "gold" } }
        given.conversation = { tags = ["vip"], assignee = "ana", status = "active" }
        given.state.conversation = { note = "blue" }
        steps = [
            { receive = "who", replies = ["ana tier=gold"], tags = ["vip"], status = "active" },
            { receive = "recall note; note city Cancun; note tier", replies = ["blue"], attributes = { city = "Cancun" } },
            { receive = "assign; tag late", assignee = "", tags = ["late", "vip"] },
            { change = { status = "closed", tags = ["done"] }, status = "closed", tags = ["done"] },
            { receive = "recall note", replies = ["nothing"], tags = [], status = "pending", attributes = { city = "Cancun" } },
        ]

        [[case]]
        name = "timers run out in order, each at its moment"
        steps = [
            { receive = "timer b 7200000 say b/tag b; timer a 3600000 say a/timer c 1000 say c", timers = { a = "1h", b = "2h" } },
            { wait = "90m", replies = ["a", "c"], timers = { b = "30m" } },
            { receive = "cancel b", timers = {} },
            { wait = "1d", tags = [] },
            { timer = "made-up", payload = "say now", replies = ["now"] },
        ]

        [[case]]
        name = "what is remembered, in its scopes"
        given.state.global = { seen = 2 }
        steps = [
            { receive = "count seen", replies = ["seen=3"], state.global = { seen = 3 }, state.conversation = {} },
            { receive = "remember key {\"a\":[1,2]}", state.conversation = { key = { a = [1, 2] } } },
            { from = "+525587654321", receive = "recall key", replies = ["nothing"] },
        ]

        [[case]]
        name = "messages pass the plugin's own hook"
        steps = [
            { receive = "send +525587654321 [shout] aviso", sends = [{ to = "+525587654321", text = "AVISO" }] },
            { receive = "send +525587654321 [refuse]", refused = ["the text says so"] },
            { receive = "send nobody hola", left_out = ["`nobody`"] },
            { send = "[shout] hola", becomes = { text = "HOLA" }, tags = ["loud"] },
            { send = "[refuse] hola", rejected = "the text says so" },
            { receive = "look outbound", replies = ["outbound=4"] },
        ]

        [[case]]
        name = "reports, forwards and discards"
        steps = [
            { receive = "on failed say perdón" },
            { report = "failed", error_code = 30003, replies = ["perdón"] },
            { receive = "forward crm", forwards = [{ endpoint = "crm" }], stops = false },
            { receive = "say hola; discard spam", discarded = "spam" },
        ]
    "#;
    passes(OBEDIENT, text).await;
}

/// Cases would be worth nothing if they passed whatever is written.
#[tokio::test]
async fn whatever_is_not_as_expected_is_named() {
    for (step, expected) in [
        (r#"{ receive = "say hola" }"#, "replies"),
        (r#"{ receive = "say hola", replies = ["adiós"] }"#, "replies"),
        (r#"{ receive = "say hola", replies = ["hola", "hola"] }"#, "replies"),
        (r#"{ receive = "say hola", replies = [{ contains = "x" }] }"#, "replies"),
        (r#"{ receive = "send +525587654321 a" }"#, "sends"),
        (r#"{ receive = "send +525587654321 a", sends = [{ to = "+525587654321", text = "b" }] }"#, "sends"),
        (r#"{ receive = "send +525587654321 [refuse]" }"#, "refused"),
        (r#"{ receive = "tag a", tags = [] }"#, "tags"),
        (r#"{ receive = "assign ana", assignee = "eva" }"#, "assignee"),
        (r#"{ receive = "hola", status = "closed" }"#, "status"),
        (r#"{ receive = "note a b", attributes = { a = "c" } }"#, "attributes"),
        (r#"{ receive = "remember a b", state = { conversation = {} } }"#, "state.conversation"),
        (r#"{ receive = "count a", replies = ["a=1"], state = { global = { a = 2 } } }"#, "state.global"),
        (r#"{ receive = "timer a 1000 say b", timers = { a = "2s" } }"#, "timers"),
        (r#"{ receive = "hola", failure = "no idea" }"#, "failure"),
        (r#"{ receive = "hola", stops = true }"#, "stops"),
        (r#"{ receive = "hola", log = ["a line"] }"#, "log"),
        (r#"{ receive = "tag", left_out = [] }"#, "left_out"),
        (r#"{ receive = "hola", discarded = "spam" }"#, "discarded"),
        (r#"{ receive = "forward crm", forwards = [] }"#, "forwards"),
        (r#"{ receive = "hola", requests = [{ url = "https://example.com" }] }"#, "requests"),
        (r#"{ send = "[shout] hola" }"#, "becomes"),
        (r#"{ send = "hola", rejected = "no" }"#, "rejected"),
        (r#"{ send = "[refuse]" }"#, "rejected"),
    ] {
        assert_eq!(differs(OBEDIENT, step).await, [expected], "{step}");
    }
    assert_eq!(differs(builtin("auto-reply").unwrap(), r#"{ send = "hola" }"#).await, ["the hook"]);
}

#[test]
fn a_file_that_makes_no_sense_names_the_place() {
    for (text, problem) in [
        ("", "missing field `case`"),
        ("[[case]]\nname = \"a\"\n", "has no `steps`"),
        ("[[case]]\nname = \"a\"\nsteps = [{ receive = \"x\", replys = [] }]", "unknown field `replys`"),
        ("[[case]]\nname = \"a\"\nsteps = [{ replies = [\"x\"] }]", "case `a`, step 1: nothing happens"),
        ("[[case]]\nname = \"a\"\nsteps = [{ receive = \"x\", send = \"y\" }]", "are two steps"),
        ("[[case]]\nname = \"a\"\nsteps = [{ receive = \"x\", payload = \"y\" }]", "`payload` goes with `timer`"),
        ("[[case]]\nname = \"a\"\nsteps = [{ report = \"lost\" }]", "unknown variant `lost`"),
        ("[plugin]\nconfig = {}\n[[case]]\nname = \"a\"\n", "`plugin.config`"),
        ("[given]\nclock = \"12:00\"\n[[case]]\nname = \"a\"\n", "unknown field `clock`"),
    ] {
        let told = Cases::parse(text).unwrap_err();
        assert!(told.contains(problem), "{text}: {told}");
    }
}

#[tokio::test]
async fn a_moment_that_is_none_names_its_key() {
    let text = "[[case]]\nname = \"a\"\nsteps = [{ wait = \"soon\" }]\n";
    let cases = Cases::parse(text).unwrap();
    let bench = Bench {
        engine: Engine::new().unwrap(),
        component: OBEDIENT.to_vec(),
        settings: Settings::new("tried", "tried.wasm"),
    };
    let told = bench.run(&cases.cases[0], &cases).await.unwrap_err();
    assert!(told.contains("step 1: `wait`: `soon`"), "{told}");
}
