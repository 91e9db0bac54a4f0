//! Applications that tell Twilio what a message led to: it is passed on, and what Twilio says comes back.

use http::Method;
use recado_tests::{Answer, NUMBER, ScriptedProvider, Step, TestGateway, wait_for};
use serde_json::{Value, json};

const CUSTOMER: &str = "+529981122334";
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const KEPT: &str = r#"{"outcome": "unconfirmed", "date_created": "Thu, 30 Jul 2015 20:00:00 +0000",
    "date_updated": "Thu, 30 Jul 2015 20:01:00 +0000"}"#;

fn send(gateway: &TestGateway, more: &[(&str, &str)]) -> Value {
    let form = [&[("To", CUSTOMER), ("From", NUMBER), ("Body", "Su clave es 1234")], more].concat();
    gateway.door_send(&form).expect(201)
}

fn give(gateway: &TestGateway, message: &Value, outcome: &str) -> Answer {
    let path = format!("Messages/{}/Feedback.json", message["sid"].as_str().unwrap());
    gateway.door(Method::POST, &path, &[("Outcome", outcome)])
}

#[test]
fn feedback_is_passed_on_once_the_message_is_sent() {
    let provider = ScriptedProvider::start([Step::Hold, Step::Answer(200, JSON, KEPT)]);
    let gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let made = send(&gateway, &[("ProvideFeedback", "true")]);
    let sid = made["sid"].as_str().unwrap();
    let uri = format!("/2010-04-01/Accounts/{}/Messages/{sid}/Feedback.json", gateway.account_sid());
    assert_eq!(made["subresource_uris"]["feedback"], uri);
    provider.wait_for(1);
    let kept = std::thread::scope(|scope| {
        let feedback = scope.spawn(|| give(&gateway, &made, "unconfirmed"));
        wait_for("the feedback to wait", || {
            let looked = gateway.door(Method::GET, &format!("Messages/{sid}.json"), &[]);
            (looked.header("twilio-concurrent-requests") == Some("2")).then_some(())
        });
        provider.release();
        feedback.join().unwrap()
    });
    let expected = json!({
        "account_sid": gateway.account_sid(), "message_sid": sid, "outcome": "unconfirmed", "uri": uri,
        "date_created": "Thu, 30 Jul 2015 20:00:00 +0000", "date_updated": "Thu, 30 Jul 2015 20:01:00 +0000",
    });
    assert_eq!(kept.expect(200), expected);
    let received = provider.wait_for(2);
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].get("ProvideFeedback"), "true");
    assert!(received[1].path.ends_with(&format!("/Messages/SM{:032x}/Feedback.json", 1)), "{}", received[1].path);
    assert_eq!(received[1].form, [("Outcome".to_owned(), "unconfirmed".to_owned())]);
    assert!(received[1].authorization.is_some());
}

#[test]
fn what_twilio_says_against_it_is_handed_on() {
    const NO: &str = r#"{"code": 20001, "message": "Not now", "more_info": "", "status": 400}"#;
    const GONE: &str = r#"{"code": 20404, "message": "No SM00000000000000000000000000000001", "status": 404}"#;
    let cases = [
        (Step::Answer(400, JSON, NO), 400, 20001, "Not now"),
        (Step::Answer(429, &[], ""), 429, 20429, "HTTP 429"),
        (Step::Answer(404, JSON, GONE), 404, 20404, "/Feedback.json was not found"),
        (Step::Answer(503, JSON, r#"{"code": 20503, "message": "Later"}"#), 503, 20503, "Later"),
        (Step::Answer(401, JSON, r#"{"code": 20003, "message": "Authenticate"}"#), 500, 20500, "Internal"),
        (Step::Cut, 503, 20503, "Service unavailable"),
    ];
    let steps = cases.iter().map(|(step, ..)| step.clone());
    let provider = ScriptedProvider::start(std::iter::once(Step::Accept).chain(steps));
    // What is wrong with the gateway's own credentials is an error of the gateway.
    let gateway = TestGateway::builder().provider(&provider).no_plugins().allow_errors().start();
    let made = send(&gateway, &[("ProvideFeedback", "true")]);
    for (step, status, code, words) in cases {
        let refused = give(&gateway, &made, "confirmed").expect(status);
        assert_eq!((&refused["code"], &refused["status"]), (&json!(code), &json!(status)), "{step:?}: {refused}");
        assert!(refused["message"].as_str().unwrap().contains(words), "{step:?}: {refused}");
    }
    assert_eq!(provider.received().len(), 7);
}

#[test]
fn feedback_that_nobody_could_use_is_refused_here() {
    let provider = ScriptedProvider::start([Step::Accept, Step::Cut]);
    let gateway = TestGateway::builder().provider(&provider).no_plugins().start();
    let plain = send(&gateway, &[]);
    assert_eq!(plain["subresource_uris"]["feedback"], Value::Null);
    let refused = give(&gateway, &plain, "confirmed").expect(404);
    assert_eq!(refused["code"], 20404);
    assert!(refused["message"].as_str().unwrap().contains("ProvideFeedback"), "{refused}");
    provider.wait_for(1);
    // Whether Twilio has this one is not known.
    let lost = send(&gateway, &[("ProvideFeedback", "true")]);
    provider.wait_for(2);
    assert_eq!(give(&gateway, &lost, "confirmed").expect(409)["code"], 20009);
    assert_eq!(give(&gateway, &lost, "maybe").expect(400)["code"], 20001);
    let nobody = json!({ "sid": format!("SM{:032x}", 5) });
    assert_eq!(give(&gateway, &nobody, "confirmed").expect(404)["code"], 20404);
    let uri = lost["subresource_uris"]["feedback"].as_str().unwrap();
    assert_eq!(gateway.door(Method::GET, uri, &[]).expect(405)["code"], 20004);
    assert_eq!(provider.received().len(), 2);
}
