//! What one plugin decided lately, for whoever wants to know what it is up to.

use recado_tests::{Behaviour, Plugin, TestGateway, Visitor};
use serde_json::{Value, json};

use super::plugin_hooks::says;

const ANA: &str = "+529981122334";
const LUIS: &str = "+529981122335";

fn gateway() -> TestGateway {
    let traps = Plugin::that("traps", Behaviour::Trap);
    TestGateway::builder().plugin(traps).plugin(Plugin::obedient()).allow_errors().start()
}

fn decisions(gateway: &TestGateway, query: &str) -> Value {
    gateway.get(&format!("/v1/plugins/{query}")).expect(200)
}

#[test]
fn an_application_reads_what_a_plugin_decided_newest_first() {
    let gateway = gateway();
    says(&gateway, ANA, "say hola");
    says(&gateway, LUIS, "tag vip");
    gateway.post("/v1/messages?wait=sent", &json!({ "to": ANA, "text": "Su pedido" })).expect(200);
    let inbound: Vec<Value> = gateway
        .messages()
        .into_iter()
        .filter(|one| one["direction"] == "inbound")
        .map(|one| one["id"].clone())
        .collect();

    let list = decisions(&gateway, "obedient/decisions");
    let came_in: Vec<&Value> =
        list["items"].as_array().unwrap().iter().filter(|one| one["hook"] == "inbound").collect();
    assert_eq!(came_in.len(), 2, "{list}");
    assert_eq!(came_in[0]["decision"]["actions"], json!([{ "action": "tag", "tag": "vip" }]));
    assert_eq!(came_in[1]["decision"]["actions"][0]["text"], "hola");
    assert!(inbound.iter().all(|id| came_in.iter().any(|one| one["message_id"] == *id)), "{list}");
    assert_eq!((&came_in[0]["plugin"], &came_in[0]["error"]), (&json!("obedient"), &Value::Null));
    // It also let the message leave.
    assert!(list["items"].as_array().unwrap().iter().any(|one| one["decision"]["verdict"] == "accept"), "{list}");

    assert_eq!(decisions(&gateway, "obedient/decisions?failed=true")["items"], json!([]));
    let failed = decisions(&gateway, "traps/decisions?failed=true&limit=1");
    assert!(failed["items"][0]["error"].as_str().is_some_and(|error| error.starts_with("it trapped")), "{failed}");
    let cursor = failed["next_cursor"].as_str().unwrap();
    let rest = decisions(&gateway, &format!("traps/decisions?failed=true&limit=1&cursor={cursor}"));
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(1));
    assert_ne!(rest["items"][0]["message_id"], failed["items"][0]["message_id"]);

    gateway.get("/v1/plugins/nobody/decisions").expect(404);
    gateway.get("/v1/plugins/obedient/decisions?limit=0").expect(422);
    gateway.get("/v1/plugins/obedient/decisions?cursor=x").expect(422);
}

#[test]
fn what_a_plugin_that_is_gone_decided_is_still_told() {
    let mut gateway = TestGateway::builder().plugin(Plugin::obedient()).start();
    says(&gateway, ANA, "say hola");
    gateway.set_plugins(&[Plugin::obedient().named("other")]);
    gateway.restart();
    assert_ne!(decisions(&gateway, "obedient/decisions")["items"], json!([]));
    assert_eq!(decisions(&gateway, "obedient/decisions?failed=true")["items"], json!([]));
    let before_all = "obedient/decisions?cursor=01900000-0000-7000-8000-000000000000";
    assert_eq!(decisions(&gateway, before_all), json!({ "items": [], "next_cursor": null }));
    assert_eq!(decisions(&gateway, "other/decisions")["items"], json!([]));
}

#[test]
fn everybody_who_works_there_reads_it_in_words() {
    let gateway = gateway();
    says(&gateway, ANA, "say <b>hola</b>; tag vip; timer later 3600000 say sigues");
    gateway.post("/v1/messages?wait=sent", &json!({ "to": ANA, "text": "Su pedido" })).expect(200);
    for role in ["viewer", "owner"] {
        let visitor = Visitor::new(&gateway, role, role);
        let list = visitor.get("/console/plugins").text();
        assert!(list.contains("href=\"/console/plugins/obedient/decisions\""), "{list}");
        let page = visitor.get("/console/plugins/obedient/decisions").text();
        for part in ["Decisions of obedient", ANA, "message that came in", "tag vip", "It let the message leave."] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(page.contains("reply &#34;&#60;b&#62;hola&#60;/b&#62;&#34;") && !page.contains("<b>hola"), "{page}");
        assert!(page.contains("/trace\">") && !page.contains("data-testid=\"older\""), "{page}");
        let failures = visitor.get("/console/plugins/traps/decisions?failed=1").text();
        assert!(failures.contains("it trapped"), "{failures}");
        let none = visitor.get("/console/plugins/obedient/decisions?failed=1").text();
        assert!(none.contains("No failure."), "{none}");
        assert_eq!(visitor.get("/console/plugins/nobody/decisions").status(), 404);
    }
    let message = gateway.messages().into_iter().find(|message| message["direction"] == "inbound").unwrap();
    let owner = Visitor::new(&gateway, "luis", "owner");
    let trace = owner.get(&format!("/console/messages/{}/trace", message["id"].as_str().unwrap())).text();
    assert!(trace.contains("<p class=\"breaks\" dir=\"auto\">tag vip</p>"), "{trace}");
    assert_eq!(gateway.request(http::Method::GET, "/console/plugins/obedient/decisions", &[], "").status(), 303);
}
