//! All that happened to a message can be told.

use recado_tests::{Plugin, TestGateway, run};
use serde_json::{Value, json};

use super::plugin_hooks::says;

const ANA: &str = "+529981122334";

fn explain(gateway: &TestGateway, id: &str) -> String {
    let (url, key) = (gateway.url(), gateway.key());
    let arguments = ["explain", id, "--gateway", url.as_str(), "--key", key];
    run(gateway.folder(), &arguments, &[]).good().stdout
}

#[test]
fn a_message_is_explained_from_its_beginning_to_what_is_still_to_come() {
    let gateway = TestGateway::builder().plugin(Plugin::obedient()).start();
    says(&gateway, ANA, "say hola; tag vip; timer nudge 3600000 say sigues ahi; forward crm");
    let came = gateway.messages().into_iter().find(|message| message["direction"] == "inbound").unwrap();
    let id = came["id"].as_str().unwrap();
    let trace = gateway.get(&format!("/v1/messages/{id}/trace")).expect(200);
    assert_eq!(trace["led_to"][0]["reply"], true);
    assert_eq!((&trace["timers"][0]["name"], &trace["timers"][0]["plugin"]), (&json!("nudge"), &json!("obedient")));
    let text = explain(&gateway, id);
    for part in [
        "came in on sms",
        "obedient 0.1.0",
        "reply \"hola\"",
        "tag \"vip\"",
        "`crm`",
        "the reply of obedient",
        "timer nudge",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // By the provider's id it is the same.
    assert_eq!(explain(&gateway, came["provider_id"].as_str().unwrap()), text);
    gateway.get("/v1/messages/SMnone/trace").expect(404);
    gateway.get("/v1/messages/%00").expect(404);
}

#[test]
fn tries_and_reports_of_a_message_are_told_and_nothing_in_clear() {
    let gateway = TestGateway::builder().no_plugins().start();
    let sent = gateway.post("/v1/messages?wait=sent", &json!({ "to": ANA, "text": "Su pedido" })).expect(200);
    let id = sent["id"].as_str().unwrap();
    gateway.wait_for_status(id, "delivered");
    let trace = gateway.get(&format!("/v1/messages/{id}/trace")).expect(200);
    assert_eq!(trace["attempts"].as_array().map(Vec::len), Some(1));
    assert_eq!((&trace["attempts"][0]["number"], &trace["attempts"][0]["outcome"]), (&json!(1), &json!("accepted")));
    let statuses: Vec<&Value> =
        trace["observations"].as_array().unwrap().iter().map(|report| &report["status"]).collect();
    assert!(statuses.contains(&&json!("delivered")), "{statuses:?}");
    let told = format!("{} {}", trace["attempts"], trace["observations"]);
    assert!(!told.contains("Su pedido") && !told.contains(ANA), "{told}");
    let text = explain(&gateway, id);
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(
        place("taken to be sent by sms") < place("accepted") && place("accepted") < place("reports delivered"),
        "{text}"
    );
}
