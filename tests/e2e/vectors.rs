//! Cases from elsewhere, in the folder that `RECADO_EXTRA_VECTORS` names: what status reports come to, what
//! survives, and what the front door takes. Without the folder there is nothing to check.
//!
//! Where Recado differs on purpose, the case says so here, and `gateway/decisions/` says why.

use std::path::PathBuf;

use recado_tests::{ACCOUNT_SID, Behaviour, NUMBER, Plugin, ScriptedProvider, Step, TestGateway, form, wait_for};
use serde_json::{Value, json};

use super::{going, message_sid, number};

const CUSTOMER: &str = "+529981122334";
const SERVICE: &str = "MG00000000000000000000000000000001";

fn section(name: &str) -> Vec<Value> {
    let Some(folder) = std::env::var_os("RECADO_EXTRA_VECTORS") else { return Vec::new() };
    let text = std::fs::read_to_string(PathBuf::from(folder).join("twilio.json")).unwrap();
    let table: Value = serde_json::from_str(&text).unwrap();
    table[name].as_array().unwrap().clone()
}

/// A message whose outcome is not known, so that every status is news.
struct Unknown {
    gateway: TestGateway,
    id: String,
    part: String,
    sid: String,
}

impl Unknown {
    fn new() -> Self {
        let provider = ScriptedProvider::start([Step::Cut]);
        let gateway = TestGateway::builder().no_plugins().provider(&provider).start();
        let taken = gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "text": "Hola" })).expect(202);
        let id = taken["id"].as_str().unwrap().to_owned();
        let part = gateway.wait_for_status(&id, "unknown")["parts"][0]["id"].as_str().unwrap().to_owned();
        Self { gateway, id, part, sid: message_sid() }
    }

    /// The status of the answer to a report with these members, and the message after it.
    fn report(&self, members: &Value) -> (u16, Value) {
        let mut parameters = vec![("AccountSid".to_owned(), ACCOUNT_SID.to_owned())];
        match members.as_str() {
            Some(word) => parameters.push(("MessageStatus".to_owned(), word.to_owned())),
            None => parameters.extend(members.as_object().unwrap().iter().map(|(name, value)| {
                let value = if name == "MessageSid" { &self.sid } else { value.as_str().unwrap() };
                (name.clone(), value.to_owned())
            })),
        }
        if !parameters.iter().any(|(name, _)| name == "MessageSid") {
            parameters.push(("MessageSid".to_owned(), self.sid.clone()));
        }
        let answer = self.gateway.signed_webhook(&format!("sms/status?part={}", self.part), &parameters);
        (answer.status(), self.gateway.message(&self.id))
    }

    fn count(&self, what: &str) -> i64 {
        number(&self.gateway, &format!("SELECT COALESCE({what}, 0) AS number FROM observations"))
    }
}

#[test]
fn reports_in_sequence_come_to_what_they_come_to_elsewhere() {
    for case in section("status_sequences") {
        let unknown = Unknown::new();
        let name = case["id"].as_str().unwrap();
        if let Some(forms) = case["forms"].as_array() {
            // What came in is no report, and these two lack what a message must have.
            assert_eq!(name, "seq-inbound-not-status");
            for form in forms {
                assert_eq!(unknown.report(form).0, 400, "{case}");
            }
            assert_eq!(
                (unknown.count("COUNT(*)"), &unknown.gateway.message(&unknown.id)["status"]),
                (0, &json!("unknown"))
            );
            continue;
        }
        let mut last = Value::Null;
        for (index, observation) in case["observations"].as_array().unwrap().iter().enumerate() {
            let (status, message) = unknown.report(observation);
            assert_eq!(status, 200, "{case}");
            if let Some(expected) = case["expect_after_each"].get(index) {
                assert_eq!(&message["status"], expected, "{case}");
            }
            last = message;
        }
        if let Some(late) = case.get("then_late") {
            last = unknown.report(late).1;
        }
        check_end(&unknown, name, &case, &last);
    }
}

fn check_end(unknown: &Unknown, name: &str, case: &Value, last: &Value) {
    let code = |value: &Value| value.as_i64().map(|code| json!(code.to_string())).unwrap_or_default();
    match name {
        // A contradiction is a flag beside the status that was first, and its code stays with the report.
        "seq-terminal-conflict" => {
            assert_eq!(case["expect_final"], "conflicted");
            assert_eq!((&last["status"], &last["conflict"]), (&json!("delivered"), &json!(true)));
            assert_eq!(last["error_code"], Value::Null);
            assert_eq!(code(&json!(unknown.count("MAX(error_code)"))), case["expect_error_code"]);
        }
        // A report is known again by all that it says, so that this is another one; it changes nothing.
        "seq-duplicate-callback" => {
            assert_eq!(case["expect_duplicates"], json!([false, true]));
            assert_eq!(last["status"], case["expect_final"]);
            assert_eq!((unknown.count("COUNT(*)"), unknown.count("SUM(times)")), (2, 2));
            for observation in case["observations"].as_array().unwrap() {
                unknown.report(observation);
            }
            assert_eq!((unknown.count("COUNT(*)"), unknown.count("SUM(times)")), (2, 4));
        }
        _ => {
            assert_eq!(last["status"], case["expect_final"], "{case}");
            assert_eq!(code(&last["error_code"]), case["expect_error_code"], "{case}");
            assert_eq!(last["conflict"], false, "{case}");
        }
    }
}

#[test]
fn what_was_taken_is_taken_once_and_what_was_refused_leaves_nothing() {
    for case in section("durability") {
        let mut gateway = TestGateway::builder().plugin(Plugin::that("first", Behaviour::Reply("Primera"))).start();
        let text = form(&message_sid(), CUSTOMER, "Hola");
        let replies = |gateway: &TestGateway| going(&gateway.messages(), "outbound").len();
        match case["id"].as_str().unwrap() {
            "dur-tombstone" => {
                for _ in 0..2 {
                    assert!(gateway.signed_webhook("sms/inbound", &text).text().contains("Primera"), "{case}");
                }
                assert_eq!((going(&gateway.messages(), "inbound").len(), replies(&gateway)), (1, 1));
            }
            "dur-handler-reload" => {
                assert!(gateway.signed_webhook("sms/inbound", &text).text().contains("Primera"), "{case}");
                gateway.set_plugins(&[Plugin::that("second", Behaviour::Reply("Segunda"))]);
                gateway.restart();
                let again = gateway.signed_webhook("sms/inbound", &text).text();
                assert!(again.contains("Primera") && !again.contains("Segunda"), "{again}");
                assert_eq!(replies(&gateway), 1);
            }
            // Kept nowhere, not as a dead letter either: Twilio's console is where it is found.
            "dur-dead-letter-invalid" => refused(&gateway, &case, 400),
            "dur-dead-letter-wrong-account" => refused(&gateway, &case, 403),
            other => panic!("{other}"),
        }
    }
}

fn refused(gateway: &TestGateway, case: &Value, status: u16) {
    let members = case["form"].as_object().unwrap().iter();
    let form: Vec<(String, String)> =
        members.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
    for _ in 0..2 {
        assert_eq!(gateway.signed_webhook("sms/inbound", &form).status(), status, "{case}");
    }
    assert_eq!(gateway.messages(), [] as [Value; 0]);
    let warned = gateway.log().lines().into_iter().filter(|line| line["level"] == "WARN" && line["channel"] == "sms");
    assert_eq!(warned.count(), 2, "the log says why");
}

#[test]
fn the_front_door_takes_what_is_taken_elsewhere() {
    let service = |gateway: &TestGateway, more: &[(&str, &str)]| {
        let form =
            [&[("To", "+855716788123"), ("Body", "Hello World"), ("MessagingServiceSid", SERVICE)], more].concat();
        gateway.door_send(&form)
    };
    let ahead = |seconds: i64| {
        let now = recado::clock::Clock::now(&recado::clock::SystemClock);
        (now + jiff::SignedDuration::from_secs(seconds)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let fixed = ("ScheduleType", "fixed");
    for case in section("server_api") {
        let gateway = TestGateway::builder().no_plugins().messaging_service(SERVICE).start();
        let code = |form: &[(&str, &str)]| gateway.door_send(form).expect(400)["code"].clone();
        match case["id"].as_str().unwrap() {
            "api-schedule" => {
                let at = ahead(5 * 24 * 60 * 60);
                let made = service(&gateway, &[fixed, ("SendAt", &at)]).expect(201);
                assert_eq!(made["status"], case["expect"]["json"]["status"]);
                let kept = || gateway.twilio_messages().into_iter().find(|message| message["status"] == "scheduled");
                assert_eq!(wait_for("the message at Twilio", kept)["to"], "+855716788123");
            }
            "api-schedule-rules" => {
                let text = [("To", CUSTOMER), ("Body", "Hola")];
                let at = ahead(60 * 60);
                let from = ("From", NUMBER);
                assert_eq!(code(&[&text[..], &[from, fixed, ("SendAt", &at)]].concat()), 35118);
                assert_eq!(service(&gateway, &[("SendAt", &at)]).expect(400)["code"], 35119);
                // Twilio's limits of today, wider than those of the case: 5 minutes, and 35 days.
                for (seconds, expected) in [(200, 35115), (36 * 24 * 60 * 60, 35117)] {
                    let refused = service(&gateway, &[fixed, ("SendAt", &ahead(seconds))]);
                    assert_eq!(refused.expect(400)["code"], expected);
                }
                assert_eq!(code(&text), 21603);
                assert_eq!(code(&[("To", CUSTOMER), from]), 21602);
                assert_eq!(code(&[("To", CUSTOMER), from, ("Body", &"x".repeat(1601))]), 21617);
                for period in ["0", "36001"] {
                    assert_eq!(code(&[&text[..], &[from, ("ValidityPeriod", period)]].concat()), 21624);
                }
                for period in ["1", "36000"] {
                    gateway.door_send(&[&text[..], &[from, ("ValidityPeriod", period)]].concat()).expect(201);
                }
            }
            other => panic!("{other}"),
        }
    }
}
