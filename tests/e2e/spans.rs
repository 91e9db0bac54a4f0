//! What a message goes through, as whoever collects OpenTelemetry's spans gets it.

use std::collections::{BTreeMap, BTreeSet};

use recado_tests::{Behaviour, Plugin, ScriptedProvider, TestGateway, wait_for};
use serde_json::{Value, json};

use super::going;

/// All spans that came, by trace and name.
fn spans(collector: &ScriptedProvider) -> BTreeMap<(String, String), Value> {
    let mut all = BTreeMap::new();
    for request in collector.received() {
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/traces"));
        assert_eq!(request.header("content-type"), "application/json");
        let body: Value = serde_json::from_str(&request.body).unwrap();
        let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().clone();
        for span in spans {
            let [trace, name] = ["traceId", "name"].map(|key| span[key].as_str().unwrap().to_owned());
            all.insert((trace, name), span);
        }
    }
    all
}

#[test]
fn a_text_and_its_reply_are_one_trace() {
    let collector = ScriptedProvider::start([]);
    let mut gateway = TestGateway::builder()
        .config_toml(&format!(
            "[telemetry]\notlp_endpoint = \"{}/\"\n[inbound]\nreply_within_ms = 100",
            collector.url()
        ))
        // So slow that the reply is sent by itself.
        .plugin(Plugin::that("slow", Behaviour::Loop).setting("deadline_ms", 800))
        .plugin(Plugin::that("answers", Behaviour::Reply("Aqui estamos, digame")))
        .start();
    gateway.text("+529981122334", "Un texto muy privado");
    let messages = gateway.wait_for_messages("the reply", |messages| {
        going(messages, "outbound").iter().any(|message| message["status"] == "delivered")
    });
    let sent =
        gateway.post("/v1/messages?wait=sent", &json!({ "to": "+529985550100", "text": "Otro texto" })).expect(200);
    let trace = |message: &Value| message["id"].as_str().unwrap().replace('-', "");
    let (text, reply) = (going(&messages, "inbound")[0], going(&messages, "outbound")[0]);
    let (text_trace, sent_trace) = (trace(text), trace(&sent));
    let wanted: BTreeSet<(String, String)> = ["webhook", "recording", "processing", "send"]
        .map(|name| (text_trace.clone(), name.to_owned()))
        .into_iter()
        .chain(["submit", "send"].map(|name| (sent_trace.clone(), name.to_owned())))
        .collect();
    let all =
        wait_for("all spans", || Some(spans(&collector)).filter(|all| wanted.iter().all(|it| all.contains_key(it))));
    let span = |trace: &str, name: &str| &all[&(trace.to_owned(), name.to_owned())];
    let first = span(&text_trace, "webhook");
    assert_eq!(first["parentSpanId"], Value::Null);
    for name in ["recording", "processing", "send"] {
        let after = span(&text_trace, name);
        assert_eq!(after["parentSpanId"], first["spanId"], "{name}");
        let [begin, end] = ["startTimeUnixNano", "endTimeUnixNano"].map(|key| after[key].as_str().unwrap());
        assert!(begin.parse::<u64>().unwrap() <= end.parse::<u64>().unwrap(), "{name}: {begin} to {end}");
    }
    let attributes = span(&text_trace, "send")["attributes"].to_string();
    assert!(attributes.contains(reply["id"].as_str().unwrap()), "it names the reply: {attributes}");
    assert_eq!(span(&sent_trace, "send")["parentSpanId"], span(&sent_trace, "submit")["spanId"]);
    for private in ["privado", "Aqui estamos", "Otro texto", "529981122334", "529985550100"] {
        assert!(collector.received().iter().all(|request| !request.body.contains(private)), "spans tell {private}");
    }

    // What was gathered when the gateway is stopped is sent before it ends.
    let last =
        gateway.post("/v1/messages?wait=sent", &json!({ "to": "+529985550100", "text": "El ultimo" })).expect(200);
    gateway.terminate();
    assert_eq!(gateway.process().ended().code(), Some(0));
    assert!(spans(&collector).contains_key(&(trace(&last), "send".to_owned())));
}

#[test]
fn a_collector_that_is_away_holds_up_nothing() {
    let away = ScriptedProvider::closed([]);
    let gateway = TestGateway::builder()
        .config_toml(&format!("[telemetry]\notlp_endpoint = \"{}\"", away.url()))
        .plugin(Plugin::that("answers", Behaviour::Reply("Hola")))
        .start();
    for number in 0..3 {
        assert_eq!(gateway.text("+529981122334", &format!("Texto {number}"))["webhook"]["status"], 200);
    }
    let told = || {
        gateway.log().lines().into_iter().filter(|line| line.to_string().contains("telemetry.otlp_endpoint")).count()
    };
    wait_for("the log to say so", || (told() == 1).then_some(()));
}
