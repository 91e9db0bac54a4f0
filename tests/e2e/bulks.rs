//! Bulk sends: one call, many recipients, each of whom gets one message or is told why not.

use std::collections::BTreeSet;
use std::time::Duration;

use recado_tests::{Builder, TestGateway, wait_for, wait_up_to};
use serde_json::{Value, json};

use super::number;

const CUSTOMER: &str = "+529981122334";
const LONG: Duration = Duration::from_mins(2);

/// A number of somebody who is on the list: none that the local Twilio refuses (they end in its error codes).
fn person(number: usize) -> String {
    format!("+52998115{number:04}")
}

fn people(count: usize) -> Vec<Value> {
    (0..count).map(|number| json!({ "to": person(number), "variables": { "name": format!("N{number}") } })).collect()
}

fn with_template(builder: Builder) -> TestGateway {
    let gateway = builder.no_plugins().start();
    let template = json!({
        "name": "sale", "default_locale": "es",
        "variables": { "name": { "example": "Ana" }, "shop": { "example": "Centro" } },
        "bodies": { "es": { "text": "Hola {{ name }}, oferta en {{ shop }}" } },
    });
    gateway.post("/v1/templates", &template).expect(201);
    gateway
}

fn start(gateway: &TestGateway, recipients: &[Value]) -> String {
    let template = json!({ "name": "sale", "variables": { "shop": "Centro" } });
    let taken = gateway.post("/v1/bulks", &json!({ "template": template, "recipients": recipients })).expect(202);
    taken["id"].as_str().unwrap().to_owned()
}

fn progress(gateway: &TestGateway, id: &str) -> Value {
    gateway.get(&format!("/v1/bulks/{id}")).expect(200)
}

fn count(progress: &Value, state: &str) -> u64 {
    progress["counts"][state].as_u64().unwrap()
}

fn wait_for_state(gateway: &TestGateway, id: &str, state: &str) -> Value {
    let mut last = Value::Null;
    let found = wait_up_to(LONG, || {
        last = progress(gateway, id);
        (last["state"] == state && last["finished_at"].is_string()).then(|| last.clone())
    });
    found.unwrap_or_else(|| panic!("the bulk send did not become {state}: {last}"))
}

fn wait_for_delivered(gateway: &TestGateway, id: &str, delivered: u64) -> Value {
    let found = wait_up_to(LONG, || Some(progress(gateway, id)).filter(|there| count(there, "delivered") == delivered));
    found.unwrap_or_else(|| panic!("not {delivered} delivered: {}", progress(gateway, id)))
}

/// The provider's messages that are of a bulk send, by recipient.
fn went(gateway: &TestGateway) -> Vec<String> {
    let messages = gateway.twilio_messages();
    let bulk = messages.iter().filter(|message| message["body"].as_str().is_some_and(|body| body.contains("oferta")));
    bulk.map(|message| message["to"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn everybody_gets_one_message_or_is_told_why_not() {
    let gateway = with_template(TestGateway::builder());
    gateway.text(&person(7), "STOP");
    let mut recipients = people(196);
    recipients.push(json!({ "to": "12", "variables": { "name": "a" } }));
    recipients.push(json!({ "to": person(9_000) }));
    recipients.push(json!({ "to": "998 115 0000", "variables": { "name": "again" } }));
    recipients.push(json!({ "to": person(9_001), "variables": { "name": "a", "nam": "b" } }));
    let taken = gateway.post(
        "/v1/bulks",
        &json!({
            "name": "Rebajas", "template": { "name": "sale", "variables": { "shop": "Centro" } }, "recipients": recipients,
        }),
    );
    let location = taken.header("location").unwrap().to_owned();
    let taken = taken.expect(202);
    // What is wrong with the list is known before anything is sent.
    assert_eq!((count(&taken, "refused"), count(&taken, "duplicate"), &taken["total"]), (3, 1, &json!(200)));
    let id = taken["id"].as_str().unwrap();
    assert_eq!((location, &taken["priority"]), (format!("/v1/bulks/{id}"), &json!("bulk")));
    assert_eq!(taken["template"]["version"], 1);

    let done = wait_for_state(&gateway, id, "done");
    assert_eq!((count(&done, "waiting"), count(&done, "refused")), (0, 4));
    let reasons = json!({ "too-short": 1, "missing-variable": 1, "undeclared-variable": 1, "opted-out": 1 });
    assert_eq!(done["refused_for"], reasons);
    wait_for_delivered(&gateway, id, 195);
    let went = went(&gateway);
    assert_eq!((went.len(), went.iter().collect::<BTreeSet<_>>().len()), (195, 195));
    assert!(!went.contains(&person(7)));
    let body = gateway.twilio_messages().iter().find(|message| message["to"] == person(3)).unwrap()["body"].clone();
    assert_eq!(body, "Hola N3, oferta en Centro");

    let refused = gateway.all(&format!("/v1/bulks/{id}/recipients?state=refused"));
    // `all` turns a page round: the last comes first.
    let told: Vec<_> =
        refused.iter().rev().map(|one| (one["position"].clone(), one["problem"]["code"].clone())).collect();
    let expected = [(7, "opted-out"), (196, "too-short"), (197, "missing-variable"), (199, "undeclared-variable")];
    assert_eq!(told, expected.map(|(position, code)| (json!(position), json!(code))));
    assert!(refused.iter().all(|one| !one["problem"]["detail"].as_str().unwrap().is_empty()));
    let page = gateway.get(&format!("/v1/bulks/{id}/recipients?limit=2")).expect(200);
    let next = format!("/v1/bulks/{id}/recipients?limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    let third = gateway.get(&next).expect(200)["items"][0].clone();
    assert_eq!(
        (&third["position"], &third["to"], &third["state"]),
        (&json!(2), &json!(person(2)), &json!("delivered"))
    );
    let message = gateway.message(third["message_id"].as_str().unwrap());
    assert_eq!((&message["bulk_id"], &message["template"]["name"]), (&json!(id), &json!("sale")));
    assert_eq!(gateway.all("/v1/bulks")[0]["name"], "Rebajas");
    // What was put into the texts is not kept a second time.
    let kept = "SELECT COUNT(*) AS number FROM bulk_recipients WHERE variables IS NOT NULL";
    assert_eq!(number(&gateway, kept), 0);
}

#[test]
fn what_is_wrong_with_all_is_refused_and_the_same_call_makes_no_other() {
    let gateway = with_template(TestGateway::builder());
    let template = json!({ "name": "sale", "variables": { "shop": "Centro" } });
    let refused = |body: Value| {
        let problem = gateway.post("/v1/bulks", &body).expect(422);
        problem["errors"][0]["pointer"].as_str().unwrap().to_owned()
    };
    assert_eq!(refused(json!({ "template": template, "recipients": [] })), "/recipients");
    assert_eq!(refused(json!({ "recipients": people(1) })), "/template");
    assert_eq!(refused(json!({ "text": "a", "template": template, "recipients": people(1) })), "/template");
    assert_eq!(refused(json!({ "template": { "name": "sael" }, "recipients": people(1) })), "/template/name");
    let unknown = json!({ "name": "sale", "variables": { "shpo": "Centro" } });
    assert_eq!(refused(json!({ "template": unknown, "recipients": people(1) })), "/template/variables/shpo");
    assert_eq!(refused(json!({ "template": template, "channel": "fax", "recipients": people(1) })), "/channel");
    assert_eq!(refused(json!({ "text": " ", "recipients": [{ "to": CUSTOMER }] })), "/text");
    assert_eq!(refused(json!({ "text": "a", "recipients": [{ "to": CUSTOMER }, { "to": 7 }] })), "/recipients/1/to");
    assert!(gateway.all("/v1/bulks").is_empty());

    let body = json!({ "text": "Hola, oferta", "recipients": [{ "to": CUSTOMER }] });
    let call = |body: &Value| gateway.post_with("/v1/bulks", &[("idempotency-key", "may")], body);
    let first = call(&body).expect(202);
    let again = call(&body);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.expect(202)["id"], first["id"]);
    assert_eq!(call(&json!({ "text": "Otra", "recipients": [{ "to": CUSTOMER }] })).status(), 409);
    wait_for_delivered(&gateway, first["id"].as_str().unwrap(), 1);
    assert_eq!((went(&gateway).len(), gateway.all("/v1/bulks").len()), (1, 1));
}

/// Slow enough that there is time to stop it.
fn slow() -> TestGateway {
    with_template(TestGateway::builder().config_toml("[channels.sms.rates]\nsegments_per_s = 8"))
}

fn wait_for_some(gateway: &TestGateway) {
    wait_for("some of it", || (went(gateway).len() >= 5).then_some(()));
}

/// What was being handed over when it was stopped is with the provider by now.
fn wait_for_quiet(gateway: &TestGateway) {
    let sending = "SELECT COUNT(*) AS number FROM parts WHERE state = 'sending'";
    wait_for("what is being sent", || (number(gateway, sending) == 0).then_some(()));
}

#[test]
fn a_paused_bulk_send_sends_nothing_and_holds_nobody_up_until_it_goes_on() {
    let gateway = slow();
    let id = start(&gateway, &people(60));
    wait_for_some(&gateway);
    assert_eq!(gateway.post(&format!("/v1/bulks/{id}/pause"), &Value::Null).expect(200)["state"], "paused");
    wait_for_quiet(&gateway);
    let went_by_then = went(&gateway).len();
    assert!(went_by_then < 60, "it was over before it was paused");
    // Everybody else is written to, also who is still to get the bulk send's message.
    let last = person(59);
    for (turn, to) in [CUSTOMER, last.as_str(), CUSTOMER, last.as_str()].into_iter().enumerate() {
        let body = json!({ "to": to, "text": format!("Otra cosa {turn}"), "priority": "bulk" });
        let sent = gateway.post("/v1/messages?wait=sent", &body).expect(200);
        gateway.wait_for_status(sent["id"].as_str().unwrap(), "delivered");
    }
    assert_eq!(went(&gateway).len(), went_by_then);
    assert_eq!(gateway.post(&format!("/v1/bulks/{id}/pause"), &Value::Null).expect(200)["state"], "paused");

    assert_eq!(gateway.post(&format!("/v1/bulks/{id}/resume"), &Value::Null).expect(200)["state"], "running");
    wait_for_state(&gateway, &id, "done");
    wait_for_delivered(&gateway, &id, 60);
    assert_eq!(went(&gateway).into_iter().collect::<BTreeSet<_>>().len(), 60);
    assert_eq!(gateway.creates()["doubles"], 0);
    assert_eq!(gateway.post(&format!("/v1/bulks/{id}/resume"), &Value::Null).status(), 409);
}

#[test]
fn what_was_not_sent_of_a_canceled_bulk_send_never_is() {
    let gateway = slow();
    let id = start(&gateway, &people(60));
    wait_for_some(&gateway);
    // Also from a pause.
    gateway.post(&format!("/v1/bulks/{id}/pause"), &Value::Null).expect(200);
    assert_eq!(gateway.post(&format!("/v1/bulks/{id}/cancel"), &Value::Null).expect(200)["state"], "canceled");
    let canceled = wait_for_state(&gateway, &id, "canceled");
    let went_by_then = went(&gateway).len();
    assert!(went_by_then < 60, "it was over before it was canceled");
    assert_eq!(count(&canceled, "canceled") + u64::try_from(went_by_then).unwrap(), 60);
    let sent = gateway.post("/v1/messages?wait=sent", &json!({ "to": person(59), "text": "Otra cosa" })).expect(200);
    gateway.wait_for_status(sent["id"].as_str().unwrap(), "delivered");
    assert_eq!(went(&gateway).len(), went_by_then);
    for wish in ["resume", "pause"] {
        assert_eq!(gateway.post(&format!("/v1/bulks/{id}/{wish}"), &Value::Null).status(), 409);
    }
    let nobody = "/v1/bulks/00000000-0000-7000-8000-000000000000";
    assert_eq!(
        (gateway.get(nobody).status(), gateway.post(&format!("{nobody}/pause"), &Value::Null).status()),
        (404, 404)
    );
}

#[test]
fn a_bulk_send_waits_for_its_time() {
    let gateway = with_template(TestGateway::builder());
    let later = recado::clock::Clock::now(&recado::clock::SystemClock) + jiff::SignedDuration::from_hours(1);
    let body = json!({ "text": "Hola, oferta", "send_at": later, "recipients": [{ "to": CUSTOMER }] });
    let id = gateway.post("/v1/bulks", &body).expect(202)["id"].as_str().unwrap().to_owned();
    let now = start(&gateway, &people(3));
    wait_for_delivered(&gateway, &now, 3);
    let waits = progress(&gateway, &id);
    assert_eq!((&waits["state"], count(&waits, "waiting")), (&json!("running"), 1));
    // Paused and resumed, it still does.
    for wish in ["pause", "resume"] {
        gateway.post(&format!("/v1/bulks/{id}/{wish}"), &Value::Null).expect(200);
    }
    let again = start(&gateway, &[json!({ "to": person(50), "variables": { "name": "a" } })]);
    wait_for_delivered(&gateway, &again, 1);
    assert_eq!(count(&progress(&gateway, &id), "waiting"), 1);
    gateway.post(&format!("/v1/bulks/{id}/cancel"), &Value::Null).expect(200);
    assert_eq!(count(&wait_for_state(&gateway, &id, "canceled"), "canceled"), 1);
}

#[test]
fn nobody_gets_two_messages_or_none_although_the_gateway_is_killed() {
    let hasty = "[delivery]\ntimeout_s = 1\nlease_s = 7\n[reconcile]\nask_after_s = 1\nask_max_s = 1\n\
                 resend_after_s = 6\npoll_s = [1, 1, 2, 4, 8]";
    let mut gateway = with_template(TestGateway::builder().config_toml(hasty));
    let id = start(&gateway, &people(200));
    for some in [1, 60, 130] {
        wait_for("some of it", || (went(&gateway).len() >= some).then_some(()));
        gateway.kill();
        gateway.restart();
    }
    wait_for_state(&gateway, &id, "done");
    wait_for_delivered(&gateway, &id, 200);
    let went = went(&gateway);
    assert_eq!((went.len(), went.into_iter().collect::<BTreeSet<_>>().len()), (200, 200));
    assert_eq!(gateway.creates()["doubles"], 0);
    assert_eq!(number(&gateway, "SELECT COUNT(*) AS number FROM messages WHERE direction = 'outbound'"), 200);
}

#[test]
fn each_recipient_gets_the_uploaded_file_by_a_link_of_their_own() {
    let gateway = TestGateway::builder().no_plugins().start();
    let bearer = format!("Bearer {}", gateway.key());
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/pdf")];
    let upload = gateway.request(http::Method::POST, "/v1/media", &headers, "%PDF-1.4 the menu").expect(201);
    let recipients = [json!({ "to": person(1) }), json!({ "to": person(2) })];
    let bulk = |media: &Value| json!({ "text": "oferta", "media": [media], "recipients": recipients });
    let refused = gateway.post("/v1/bulks", &bulk(&json!("media:0192f3a4-5b6c-7d8e-9f00-112233445566"))).expect(422);
    assert!(refused["detail"].as_str().unwrap().contains("there is no upload"), "{refused}");
    let id = gateway.post("/v1/bulks", &bulk(&upload["media"])).expect(202)["id"].as_str().unwrap().to_owned();
    wait_for_delivered(&gateway, &id, 2);
    let media: Vec<Value> = gateway.messages().iter().map(|message| message["media"][0].clone()).collect();
    let links: BTreeSet<&str> = media.iter().map(|medium| medium["url"].as_str().unwrap()).collect();
    assert_eq!(links.len(), 2);
    assert!(media.iter().all(|medium| medium["state"] == "stored"), "{media:?}");
}
