//! Applications are told what becomes of their messages: in order, signed, once, and in the end.

use http::Method;
use recado::channels::twilio::signature::sign;
use recado_tests::{NUMBER, Received, ScriptedProvider, Step, TestGateway, wait_for};
use serde_json::{Value, json};

const CUSTOMER: &str = "+529981122334";

fn gateway(settings: &str) -> TestGateway {
    let settings = format!("[callbacks]\nprivate_addresses = true\n{settings}");
    TestGateway::builder().no_plugins().config_toml(&settings).start()
}

fn send(gateway: &TestGateway, application: &ScriptedProvider) -> Value {
    let url = format!("{}/status?order=17#rc=2&rp=all", application.url());
    let form = [("To", CUSTOMER), ("From", NUMBER), ("Body", "Su pedido va en camino"), ("StatusCallback", &url)];
    gateway.door_send(&form).expect(201)
}

fn statuses(received: &[Received]) -> Vec<&str> {
    received.iter().map(|told| told.get("MessageStatus")).collect()
}

fn wait_for_delivery(gateway: &TestGateway, message: &Value) {
    let uri = message["uri"].as_str().unwrap();
    wait_for("delivery", || (gateway.door(Method::GET, uri, &[]).expect(200)["status"] == "delivered").then_some(()));
}

/// What an application checks of a callback with the token that came with its key.
fn check(gateway: &TestGateway, application: &ScriptedProvider, message: &Value, told: &Received) {
    assert_eq!(told.path, "/status?order=17", "without what is behind #");
    let url = format!("{}{}", application.url(), told.path);
    assert_eq!(told.signature.as_deref(), Some(sign(gateway.callback_token(), &url, &told.form).as_str()));
    let (sid, account) = (message["sid"].as_str().unwrap(), gateway.account_sid());
    assert_eq!((told.get("MessageSid"), told.get("SmsSid")), (sid, sid));
    assert_eq!((told.get("AccountSid"), told.get("ApiVersion")), (account, "2010-04-01"));
    assert_eq!((told.get("From"), told.get("To")), (NUMBER, CUSTOMER));
    assert_eq!(told.get("SmsStatus"), told.get("MessageStatus"));
}

#[test]
fn an_application_is_told_once_in_order_and_signed() {
    let gateway = gateway("");
    let application = ScriptedProvider::start([]);
    let first = send(&gateway, &application);
    let told = application.wait_for(2);
    assert_eq!(statuses(&told), ["sent", "delivered"]);
    for told in &told {
        check(&gateway, &application, &first, told);
    }
    assert_eq!((told[0].get("RawDlrDoneDate"), told[1].get("RawDlrDoneDate").len()), ("", 10), "as the carrier told");
    // Once another message has had all of its callbacks, a second one of the first would be there.
    let second = send(&gateway, &application);
    let told = application.wait_for(4);
    assert_eq!(statuses(&told), ["sent", "delivered", "sent", "delivered"]);
    check(&gateway, &application, &second, &told[3]);
}

#[test]
fn an_application_that_sends_by_a_service_is_told_which_sender_was_chosen() {
    const SERVICE: &str = "MG00000000000000000000000000000001";
    let settings = "[callbacks]\nprivate_addresses = true";
    let gateway = TestGateway::builder().no_plugins().messaging_service(SERVICE).config_toml(settings).start();
    let application = ScriptedProvider::start([]);
    let url = application.url();
    let form = [("To", CUSTOMER), ("MessagingServiceSid", SERVICE), ("Body", "Hola"), ("StatusCallback", &url)];
    gateway.door_send(&form).expect(201);
    let told = application.wait_for(3);
    assert_eq!(statuses(&told), ["queued", "sent", "delivered"]);
    for told in &told[1..] {
        assert_eq!((told.get("From"), told.get("MessagingServiceSid")), (NUMBER, SERVICE), "{told:?}");
    }
}

#[test]
fn an_application_that_fails_is_told_again_before_it_is_told_more() {
    let gateway = gateway("backoff_s = 0");
    let application = ScriptedProvider::start([Step::Answer(500, &[], ""), Step::Cut]);
    let message = send(&gateway, &application);
    let told = application.wait_for(4);
    assert_eq!(statuses(&told), ["sent", "sent", "sent", "delivered"]);
    for told in &told {
        check(&gateway, &application, &message, told);
    }
}

#[test]
fn an_application_that_refuses_or_never_answers_is_given_up_visibly() {
    let gateway = gateway("backoff_s = 0\ntries = 2");
    let failed = Step::Answer(503, &[], "");
    let application = ScriptedProvider::start([Step::Answer(404, &[], ""), failed.clone(), failed]);
    send(&gateway, &application);
    assert_eq!(statuses(&application.wait_for(3)), ["sent", "delivered", "delivered"]);
    let given_up = || {
        let lines = gateway.log().lines();
        let message = "an application could not be told what became of its message";
        lines.into_iter().filter(|line| line["message"] == message).map(|line| line["problem"].clone()).collect()
    };
    let problems = wait_for("both to be given up", || Some(given_up()).filter(|lines: &Vec<_>| lines.len() == 2));
    assert_eq!(problems, [json!("answered 404"), json!("answered 503")]);
}

#[test]
fn what_an_application_is_to_be_told_survives_a_crash() {
    let mut gateway = gateway("backoff_s = 1\ntries = 100");
    let mut application = ScriptedProvider::closed([]);
    let message = send(&gateway, &application);
    wait_for_delivery(&gateway, &message);
    gateway.kill();
    assert_eq!(application.received().len(), 0);
    application.open();
    gateway.restart();
    let told = application.wait_for(2);
    assert_eq!(statuses(&told), ["sent", "delivered"]);
    check(&gateway, &application, &message, &told[1]);
}

#[test]
fn a_message_that_fails_is_told_with_its_reason() {
    let gateway = gateway("");
    let application = ScriptedProvider::start([]);
    let url = application.url();
    for (to, statuses, code) in
        [("+529981121614", vec!["failed"], "21614"), ("+529981130003", vec!["sent", "undelivered"], "30003")]
    {
        let before = application.received().len();
        let form = [("To", to), ("From", NUMBER), ("Body", "Hola"), ("StatusCallback", &url)];
        let message = gateway.door_send(&form).expect(201);
        let told = application.wait_for(before + statuses.len()).split_off(before);
        assert_eq!(self::statuses(&told), statuses);
        let last = told.last().unwrap();
        assert_eq!((last.get("ErrorCode"), last.get("MessageSid")), (code, message["sid"].as_str().unwrap()));
        let shown = gateway.door(Method::GET, message["uri"].as_str().unwrap(), &[]).expect(200);
        assert_eq!(
            (&shown["error_code"], &shown["status"]),
            (&json!(code.parse::<u32>().unwrap()), &json!(statuses.last()))
        );
    }
}
