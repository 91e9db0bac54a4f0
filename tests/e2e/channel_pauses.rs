//! A channel that somebody pauses sends nothing until somebody resumes it.

use recado_tests::{Ran, TestGateway, run, wait_for};
use serde_json::{Value, json};

const ANA: &str = "+529981122334";

fn recado(gateway: &TestGateway, arguments: &[&str]) -> Ran {
    let (url, key) = (gateway.url(), gateway.key());
    let all: Vec<&str> = arguments.iter().copied().chain(["--gateway", url.as_str(), "--key", key]).collect();
    run(gateway.folder(), &all, &[]).good()
}

fn ready(gateway: &TestGateway) -> Value {
    gateway.request(::http::Method::GET, "/readyz", &[], "").expect(200)
}

#[test]
fn nothing_leaves_a_paused_channel_and_a_restart_changes_nothing() {
    let mut gateway = TestGateway::start();
    let paused = recado(&gateway, &["channel", "pause", "sms", "--reason", "cambio de número", "--json"]).json();
    assert_eq!((&paused["state"], &paused["paused"]["by"]), (&json!("paused"), &json!("hand")), "{paused}");
    assert_eq!(paused["paused"]["reason"], "cambio de número");
    // Neither by the outbox nor in a webhook's answer.
    let told = gateway.text(ANA, "Hola");
    assert_eq!(told["replies"], json!([]), "{told}");
    let reply = gateway.wait_for_messages("the reply", |messages| messages.len() == 2);
    let reply = reply.into_iter().find(|message| message["direction"] == "outbound").unwrap();
    let new = json!({ "to": "+529981122335", "text": "Su pedido" });
    let id = gateway.post("/v1/messages", &new).expect(202)["id"].as_str().unwrap().to_owned();
    let told = ready(&gateway);
    assert_eq!((&reply["status"], &told["status"]), (&json!("pending"), &json!("degraded")));
    let why = &told["channels"]["sms"];
    assert_eq!((&why["by"], &why["reason"]), (&json!("hand"), &Value::Null), "anybody may ask: {told}");

    gateway.restart();
    let channel = wait_for("the channel", || Some(gateway.all("/v1/channels")[0].clone()));
    assert_eq!((&channel["state"], &channel["paused"]["by"]), (&json!("paused"), &json!("hand")), "{channel}");
    let trace = gateway.get(&format!("/v1/messages/{id}/trace")).expect(200);
    assert_eq!((&trace["waits"]["for"], &trace["waits"]["by"]), (&json!("channel"), &json!("hand")), "{trace}");
    let explained = recado(&gateway, &["explain", &id]).stdout;
    assert!(explained.contains("waits for its channel") && explained.contains("cambio de número"), "{explained}");
    let examined = run(gateway.folder(), &["--config", "test.toml", "--json", "doctor"], &[]);
    assert!(examined.stdout.contains("channels.sms.paused"), "{examined:?}");
    assert_eq!(gateway.message(&id)["parts"][0]["attempts"], 0);
    assert_eq!(gateway.creates()["accepted"], 0);

    let resumed = recado(&gateway, &["channel", "resume", "sms"]).stdout;
    assert!(resumed.contains("active"), "{resumed}");
    for id in [id.as_str(), reply["id"].as_str().unwrap()] {
        assert_eq!(gateway.wait_for_status(id, "delivered")["parts"][0]["attempts"], 1);
    }
    assert_eq!(gateway.get(&format!("/v1/messages/{id}/trace")).expect(200)["waits"], Value::Null);
    assert_eq!(ready(&gateway), json!({ "status": "ready" }));
    gateway.post("/v1/channels/fax/pause", &json!({})).expect(404);
    gateway.post("/v1/channels/sms/pause", &json!({ "why": "x" })).expect(422);
}
