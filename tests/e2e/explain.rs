//! All that happened to a message can be told.

use recado_tests::{Plugin, ScriptedProvider, Step, TestGateway, form, run, wait_for};
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
        "; the gate let it through: never opted out",
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
    let exchange = &trace["attempts"][0]["exchange"];
    assert_eq!((&exchange["method"], &exchange["status"]), (&json!("POST"), &json!(201)), "{exchange}");
    assert!(exchange["path"].as_str().is_some_and(|path| path.ends_with("/Messages.json")), "{exchange}");
    assert!(exchange["request_id"].as_str().is_some_and(|id| id.starts_with("RQ")), "{exchange}");
    assert!(exchange["response_bytes"].as_u64().is_some_and(|bytes| bytes > 100), "{exchange}");
    for (name, value) in [("To", "+52…34"), ("From", "+52…38"), ("Body", "9 characters, 1 segment")] {
        let kept = json!({ "name": name, "value": value });
        assert!(exchange["parameters"].as_array().unwrap().contains(&kept), "{exchange}");
    }
    let statuses: Vec<&Value> =
        trace["observations"].as_array().unwrap().iter().map(|report| &report["status"]).collect();
    assert!(statuses.contains(&&json!("delivered")), "{statuses:?}");
    let told = format!("{} {}", trace["attempts"], trace["observations"]);
    assert!(!told.contains("Su pedido") && !told.contains(ANA), "{told}");
    let text = explain(&gateway, id);
    assert!(text.contains("Body=(9 characters, 1 segment)") && text.contains("HTTP 201 after "), "{text}");
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(
        place("taken to be sent by sms") < place("accepted") && place("accepted") < place("reports delivered"),
        "{text}"
    );
}

/// Whatever came back: a message's tries, in order.
#[test]
fn of_each_try_it_is_told_what_went_over_the_wire() {
    const ID: [(&str, &str); 2] =
        [("Twilio-Request-Id", "RQ00000000000000000000000000000001"), ("content-type", "application/json")];
    let provider = ScriptedProvider::start([
        Step::Answer(429, &ID, r#"{"code":20429,"message":"Too many requests to +529981122334"}"#),
        Step::Answer(400, &ID, r#"{"code":21211,"message":"The 'To' number +52 998 112 2334 is not valid"}"#),
        Step::Hold,
        Step::Cut,
        Step::Answer(500, &ID, "oops"),
        Step::Answer(201, &ID, "{}"),
    ]);
    let settings = "[delivery]\ntimeout_s = 1\nlease_s = 7";
    let gateway = TestGateway::builder().provider(&provider).no_plugins().config_toml(settings).start();
    let id = "RQ00000000000000000000000000000001";
    let tries = |to: &str, status: &str| {
        let taken = gateway.post("/v1/messages", &json!({ "to": to, "text": "Su pedido" })).expect(202);
        let message_id = taken["id"].as_str().unwrap().to_owned();
        gateway.wait_for_status(&message_id, status);
        let trace = gateway.get(&format!("/v1/messages/{message_id}/trace")).expect(200);
        let told = format!("{} {}", trace["attempts"], explain(&gateway, &message_id));
        for number in ["998112", "998 112"] {
            let told: Vec<&str> = told.lines().filter(|line| !line.contains("taken to be sent")).collect();
            assert!(told.iter().all(|line| !line.contains(number)), "{told:#?}");
        }
        (trace["attempts"].as_array().unwrap().clone(), told)
    };
    let (refused, told) = tries(ANA, "failed");
    let [busy, refused] = refused.try_into().unwrap();
    assert_eq!((&busy["outcome"], &busy["exchange"]["status"]), (&json!("retry"), &json!(429)));
    assert_eq!(busy["error_message"], "Too many requests to +52…34");
    assert_eq!((&refused["outcome"], &refused["exchange"]["error_code"]), (&json!("rejected"), &json!(21211)));
    assert_eq!((&refused["exchange"]["status"], &refused["exchange"]["request_id"]), (&json!(400), &json!(id)));
    assert_eq!(refused["error_message"], "The 'To' number +52…34 is not valid");
    assert!(
        told.contains("HTTP 400 after ") && told.contains(&format!(" ms, code 21211, 72 bytes, request {id}")),
        "{told}"
    );
    let unknown = [
        (json!(null), json!("timed_out"), "timed out after "),
        (json!(null), json!("cut_off"), "cut off after "),
        (json!(500), json!(null), " ms, 4 bytes, request "),
        (json!(201), json!("unreadable"), " ms, unreadable, 2 bytes"),
    ];
    for (number, (status, failure, line)) in unknown.iter().enumerate() {
        let (tries, told) = tries(&format!("+52998112234{number}"), "unknown");
        let exchange = &tries[0]["exchange"];
        assert_eq!((&exchange["status"], &exchange["failure"]), (status, failure), "{exchange}");
        assert!(told.contains(line), "{told}");
    }
}

#[test]
fn a_provider_that_is_not_there_is_told_from_one_that_does_not_answer() {
    let provider = ScriptedProvider::closed([]);
    let gateway = TestGateway::builder().provider(&provider).no_plugins().allow_unsent().start();
    let taken = gateway.post("/v1/messages", &json!({ "to": ANA, "text": "Su pedido" })).expect(202);
    let id = taken["id"].as_str().unwrap();
    let tried = wait_for("a try", || {
        let trace = gateway.get(&format!("/v1/messages/{id}/trace")).expect(200);
        trace["attempts"].as_array()?.first().filter(|attempt| attempt["finished_at"].is_string()).cloned()
    });
    assert_eq!((&tried["outcome"], &tried["exchange"]["failure"]), (&json!("retry"), &json!("not_connected")));
    assert!(explain(&gateway, id).contains("not connected after "));
}

/// The answer comes too late and no report comes at all, so that the provider's list has to tell.
#[test]
fn how_a_message_was_found_at_the_provider_is_told() {
    let settings = "[delivery]\ntimeout_s = 1\nlease_s = 7\n[reconcile]\nask_after_s = 1\nask_max_s = 1";
    let gateway = TestGateway::builder().no_plugins().config_toml(settings).start();
    gateway.set_faults(&json!({ "create_late": { "every": 1, "millis": 1500 }, "callback_lost": { "every": 1 } }));
    let taken = gateway.post("/v1/messages", &json!({ "to": ANA, "text": "Su pedido" })).expect(202);
    let id = taken["id"].as_str().unwrap();
    let trace = wait_for("the message in the list", || {
        let trace = gateway.get(&format!("/v1/messages/{id}/trace")).expect(200);
        trace["looks"].as_array()?.last().is_some_and(|look| look["concluded"] == "found").then_some(trace)
    });
    assert_eq!((&trace["attempts"][0]["outcome"], trace["attempts"].as_array().unwrap().len()), (&json!("unknown"), 1));
    assert_eq!(trace["attempts"][0]["exchange"]["failure"], "timed_out");
    let look = trace["looks"].as_array().unwrap().last().unwrap();
    assert_eq!((&look["found"], &look["listed"]), (&json!("one"), &json!(1)));
    assert_eq!((&trace["gate"]["verdict"], &trace["gate"]["consent"]), (&json!("allowed"), &json!("never_opted_out")));
    let text = explain(&gateway, id);
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part}: {text}"));
    assert!(place("the gate let it through: never opted out") < place("timed out after "), "{text}");
    assert!(place("timed out after ") < place(": it, of 1 listed; found"), "{text}");
}

#[test]
fn what_the_gate_refused_and_what_came_again_is_told() {
    let gateway = TestGateway::builder().plugin(Plugin::obedient()).start();
    says(&gateway, ANA, "STOP");
    let parameters = form("SM0000000000000000000000000000dead", ANA, "say hola");
    for _ in 0..3 {
        assert_eq!(gateway.signed_webhook("sms/inbound", &parameters).status(), 200);
    }
    let trace = gateway.get("/v1/messages/SM0000000000000000000000000000dead/trace").expect(200);
    let refusal = &trace["plugins"][0]["decision"]["gate"][0];
    assert_eq!((&refusal["verdict"], &refusal["consent"]), (&json!("refused"), &json!("opted_out")), "{trace}");
    assert_eq!((&refusal["to"], &refusal["message"]), (&json!("+52…34"), &json!("a reply")));
    assert_eq!(trace["repeated"]["times"], 2);
    let text = explain(&gateway, "SM0000000000000000000000000000dead");
    assert!(text.contains("the gate refused a reply to +52…34: opted out since "), "{text}");
    assert!(text.contains("its webhook came again, 2 times by now"), "{text}");
}
