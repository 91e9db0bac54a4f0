//! Bulk sends with plugins that fail: for one recipient, who is given up, or for all, who wait.

use std::time::Duration;

use recado_tests::{Plugin, TestGateway, Visitor, wait_up_to};
use serde_json::{Value, json};

/// Longer than somebody is tried for whom a plugin fails each time.
const LONG: Duration = Duration::from_mins(2);

/// A gateway whose plugin must look at everything that is sent.
fn strict() -> TestGateway {
    let strict = Plugin::obedient().setting("on_error", "stop");
    let gateway = TestGateway::builder().no_plugins().plugin(strict).start();
    let template = json!({
        "name": "sale", "default_locale": "es", "variables": { "name": { "example": "Ana" } },
        "bodies": { "es": { "text": "Hola {{ name }}, oferta" } },
    });
    gateway.post("/v1/templates", &template).expect(201);
    gateway
}

/// So many, of whom these have in their text what the plugin traps at.
fn start(gateway: &TestGateway, count: usize, trapped: &[usize]) -> String {
    let recipients = (0..count).map(|number| {
        let name = if trapped.contains(&number) { "[trap]" } else { "Ana" };
        json!({ "to": format!("+52998115{number:04}"), "variables": { "name": name } })
    });
    let body = json!({ "template": { "name": "sale" }, "recipients": recipients.collect::<Vec<_>>() });
    gateway.post("/v1/bulks", &body).expect(202)["id"].as_str().unwrap().to_owned()
}

fn progress(gateway: &TestGateway, id: &str) -> Value {
    gateway.get(&format!("/v1/bulks/{id}")).expect(200)
}

#[track_caller]
fn wait_until(gateway: &TestGateway, id: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let found = wait_up_to(LONG, || Some(progress(gateway, id)).filter(&wanted));
    found.unwrap_or_else(|| panic!("{what}: {}", progress(gateway, id)))
}

#[test]
fn who_alone_fails_each_time_is_refused_and_holds_nobody_up() {
    let gateway = strict();
    let id = start(&gateway, 150, &[2]);
    let others = wait_until(&gateway, &id, "all others", |there| there["counts"]["delivered"] == 149);
    assert_eq!(
        (&others["counts"]["waiting"], &others["state"]),
        (&json!(1), &json!("running")),
        "not at the first try"
    );
    let done = wait_until(&gateway, &id, "done", |there| there["state"] == "done");
    assert_eq!((&done["counts"]["waiting"], &done["refused_for"]), (&json!(0), &json!({ "no-verdict": 1 })));
    let [refused] = gateway.all(&format!("/v1/bulks/{id}/recipients?state=refused")).try_into().unwrap();
    assert_eq!(refused["position"], 2);
    assert!(refused["problem"]["detail"].as_str().unwrap().contains("`obedient`"), "{refused}");
    let page = Visitor::new(&gateway, "eva", "viewer").get(&format!("/console/bulks/{id}?state=refused")).text();
    assert!(page.contains("+529981150002") && page.contains("obedient"), "{page}");
}

#[test]
fn what_fails_for_all_refuses_nobody() {
    let mut gateway = strict();
    let id = start(&gateway, 3, &[0, 1, 2]);
    let tried = |times: usize| {
        let lines = gateway.log().lines();
        let waits = lines.iter().filter(|line| line["message"] == "a message of a bulk send waits");
        (waits.count() >= times).then_some(())
    };
    wait_up_to(LONG, || tried(9)).expect("it is tried again");
    let held = progress(&gateway, &id);
    assert_eq!((&held["state"], &held["counts"]["waiting"]), (&json!("running"), &json!(3)));
    // The plugin is set right.
    gateway.set_plugins(&[]);
    gateway.restart();
    wait_until(&gateway, &id, "all of them", |there| there["counts"]["delivered"] == 3);
    wait_until(&gateway, &id, "done", |there| there["state"] == "done");
}
