//! Nothing stays unknown that the provider knows: nothing is lost for it, and nothing is sent twice.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use recado_tests::{
    Behaviour, Builder, NUMBER, Plugin, ScriptedProvider, Step, TestGateway, at_once, form, sign, wait_for, wait_up_to,
};
use serde_json::{Value, json};

use super::{going, message_sid};

const CUSTOMER: &str = "+529981122334";
const OTHER: &str = "+529985550100";
const SERVICE: &str = "MG00000000000000000000000000000001";
/// Questions come soon one after the other.
const HASTY: &str = "[delivery]\ntimeout_s = 1\nlease_s = 7\n\
    [reconcile]\nask_after_s = 1\nask_max_s = 1\nresend_after_s = 6\npoll_s = [1, 1, 2, 4, 8]\n\
    pull_every_s = 1\npull_after_s = 1\nparallel = 16";
const LONG: Duration = Duration::from_mins(3);

const CALLERS: usize = 8;
const EACH: usize = 250;

fn hasty() -> Builder {
    TestGateway::builder().config_toml(HASTY).no_plugins()
}

fn post(gateway: &TestGateway, to: &str, text: &str) -> String {
    let taken = gateway.post("/v1/messages", &json!({ "to": to, "text": text })).expect(202);
    taken["id"].as_str().unwrap().to_owned()
}

fn bodies(provider: &ScriptedProvider) -> Vec<String> {
    provider.received().iter().map(|request| request.get("Body").to_owned()).collect()
}

/// A page of the provider's list with what it took, in its own form.
fn listed(to: &str, body: &str, direction: &str, created: &str) -> Value {
    json!([{
        "sid": "SM00000000000000000000000000000abc", "direction": direction, "from": NUMBER, "to": to,
        "body": body, "num_media": "0", "num_segments": "1", "status": "delivered", "error_code": null,
        "error_message": null, "date_created": created, "date_sent": created, "messaging_service_sid": null,
    }])
}

/// As good as now for a list; the gateway allows for clocks that differ.
fn now() -> String {
    let now = recado::clock::Clock::now(&recado::clock::SystemClock);
    now.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

/// How many messages stand where, over all pages, and how many of the provider's ids they have.
fn standing(gateway: &TestGateway) -> (BTreeMap<String, usize>, usize) {
    let (mut standing, mut ids) = (BTreeMap::new(), BTreeSet::new());
    let mut path = "/v1/messages?limit=200".to_owned();
    loop {
        let page = gateway.get(&path).expect(200);
        for message in page["items"].as_array().unwrap() {
            ids.extend(message["provider_id"].as_str().map(str::to_owned));
            *standing.entry(message["status"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        let Some(cursor) = page["next_cursor"].as_str() else { return (standing, ids.len()) };
        path = format!("/v1/messages?limit=200&cursor={cursor}");
    }
}

/// Two thousand messages, from several callers at once: most to a person each, some with the same
/// text to the same person.
fn all_are_settled_and_none_is_doubled(builder: Builder, faults: &Value) {
    let gateway = builder.start();
    gateway.set_faults(faults);
    at_once(CALLERS, |caller| {
        for number in 0..EACH {
            if number % 10 == 0 {
                post(&gateway, OTHER, "Igual para todos");
            } else {
                post(&gateway, &format!("+52998{:07}", 4_000_000 + caller * 1000 + number), &format!("Aviso {number}"));
            }
        }
    });
    let total = CALLERS * EACH;
    let delivered = (BTreeMap::from([("delivered".to_owned(), total)]), total);
    let mut last = Default::default();
    let end = wait_up_to(LONG, || {
        last = standing(&gateway);
        (last == delivered).then_some(())
    });
    assert!(end.is_some(), "{last:?}");
    let creates = gateway.creates();
    assert_eq!(creates["accepted"], total);
    // Those with the same text to the same person are no doubles.
    assert_eq!(creates["doubles"], total / 10 - 1);
    let newest = gateway.get("/v1/messages?limit=200").expect(200);
    assert!(newest["items"].as_array().unwrap().iter().all(|message| message["from"] == NUMBER));
}

#[test]
fn with_cut_connections_and_all_reports_lost_two_thousand_messages_are_settled_and_none_is_doubled() {
    all_are_settled_and_none_is_doubled(hasty(), &cut_and_silent());
}

/// The list is read by recipient alone, and at first tells no sender.
#[test]
fn by_a_messaging_service_two_thousand_messages_are_settled_too_and_all_have_their_sender() {
    all_are_settled_and_none_is_doubled(hasty().messaging_service(SERVICE), &cut_and_silent());
}

fn cut_and_silent() -> Value {
    json!({
        "create_cut_after": { "probability": 0.2, "seed": 7 },
        "callback_lost": { "every": 1 },
    })
}

#[test]
fn with_errors_after_accepting_two_thousand_messages_are_settled_and_none_is_doubled() {
    let faults = json!({
        "create_failed_after": { "probability": 0.2, "seed": 7 },
        "callback_lost": { "probability": 0.5, "seed": 8 },
    });
    all_are_settled_and_none_is_doubled(hasty(), &faults);
}

#[test]
fn what_the_provider_never_accepted_is_sent_again_once_it_certainly_is_not_there() {
    let gateway = hasty().start();
    gateway.set_faults(&json!({ "create_failed_before": { "every": 1 } }));
    let ids: Vec<String> = (0..5).map(|_| post(&gateway, CUSTOMER, "Hola")).collect();
    for id in &ids {
        gateway.wait_for_status(id, "unknown");
    }
    gateway.set_faults(&json!({}));
    for id in &ids {
        let message = gateway.wait_for_status(id, "delivered");
        assert_eq!(message["parts"][0]["attempts"], 2, "{message}");
        assert!(message["error_message"].is_null(), "{message}");
    }
    assert_eq!(gateway.creates()["accepted"], 5);
}

#[test]
fn what_is_to_be_held_stays_unknown_and_says_why() {
    let provider = ScriptedProvider::start([Step::Cut]);
    let gateway = hasty().config_toml("[reconcile]\non_unknown = \"hold\"").provider(&provider).start();
    let id = post(&gateway, CUSTOMER, "Hola");
    let message = wait_for("the reason", || {
        let message = gateway.message(&id);
        message["error_message"].as_str().is_some_and(|text| text.contains("on_unknown")).then_some(message)
    });
    assert_eq!(message["status"], "unknown");
    // Well beyond the time at which it would be sent again.
    provider.wait_for_lists(10);
    assert_eq!(gateway.message(&id)["status"], "unknown");
    assert_eq!(bodies(&provider), ["Hola"]);
}

#[test]
fn a_message_that_nobody_accounts_for_keeps_others_from_being_sent_again() {
    let provider = ScriptedProvider::start([Step::Cut]);
    let gateway = hasty().provider(&provider).start();
    provider.list(listed(CUSTOMER, "Otra cosa de otro", "outbound-api", &now()));
    let id = post(&gateway, CUSTOMER, "Hola");
    let message = wait_for("the reason", || {
        let message = gateway.message(&id);
        message["error_message"].as_str().is_some_and(|text| text.contains("none of ours")).then_some(message)
    });
    assert_eq!(message["status"], "unknown");
    provider.wait_for_lists(10);
    assert_eq!(bodies(&provider), ["Hola"], "it may be the one that is listed");
    // An answer to a webhook can't be what was sent by a request.
    provider.list(listed(CUSTOMER, "Otra cosa de otro", "outbound-reply", &now()));
    gateway.wait_for_status(&id, "queued");
    assert_eq!(bodies(&provider), ["Hola", "Hola"]);
}

#[test]
fn a_refusal_of_the_recipient_that_only_the_list_tells_of_is_an_opting_out() {
    // The one is found in the list by its text, the other is asked for by its id.
    for step in [Step::Cut, Step::Accept] {
        let provider = ScriptedProvider::start([step.clone()]);
        let gateway = hasty().provider(&provider).start();
        let mut refused = listed(CUSTOMER, "Hola", "outbound-api", &now());
        for (name, value) in
            [("sid", json!(format!("SM{:032x}", 1))), ("status", json!("failed")), ("error_code", json!(21610))]
        {
            refused[0][name] = value;
        }
        provider.list(refused);
        let id = post(&gateway, CUSTOMER, "Hola");
        assert_eq!(gateway.wait_for_status(&id, "failed")["error_code"], 21610, "{step:?}");
        let known = gateway.get(&format!("/v1/consents?address=%2B{}", CUSTOMER.trim_start_matches('+'))).expect(200);
        let known = &known["items"][0];
        let expected = (&json!("opted_out"), &json!("provider"), &json!(id));
        assert_eq!((&known["state"], &known["source"], &known["message_id"]), expected, "{step:?}");
        gateway.post("/v1/messages", &json!({ "to": CUSTOMER, "text": "Aviso" })).expect(422);
        assert_eq!(bodies(&provider), ["Hola"]);
    }
}

#[test]
fn a_text_that_was_changed_on_the_way_is_still_ours() {
    let provider = ScriptedProvider::start([Step::Cut, Step::Cut]);
    let gateway = hasty().provider(&provider).start();
    let trial = "Sent from your Twilio trial account - Dijo \"hola\"...";
    provider.list(listed(CUSTOMER, trial, "outbound-api", &now()));
    let id = post(&gateway, CUSTOMER, "Dijo “hola”…");
    let message = gateway.wait_for_status(&id, "delivered");
    assert_eq!(message["provider_id"], "SM00000000000000000000000000000abc");
    assert_eq!(bodies(&provider).len(), 1);
}

#[test]
fn a_reply_whose_reports_are_lost_is_settled_by_the_list() {
    let gateway = hasty().plugin(Plugin::that("helper", Behaviour::Reply("Aqui estamos"))).start();
    gateway.set_faults(&json!({ "callback_lost": { "every": 1 } }));
    gateway.text(CUSTOMER, "Hola");
    let messages = gateway.wait_for_messages("the reply delivered", |messages| {
        going(messages, "outbound").iter().any(|reply| reply["status"] == "delivered")
    });
    assert_eq!(going(&messages, "outbound").len(), 1);
    let sent = gateway.twilio_messages();
    let replies = going(&sent, "outbound");
    assert_eq!((replies.len(), &replies[0]["direction"]), (1, &json!("outbound-reply")));
    assert_eq!(going(&messages, "outbound")[0]["provider_id"], replies[0]["sid"]);
}

#[test]
fn a_reply_that_never_reached_the_provider_is_sent_by_itself_and_rides_no_later_answer() {
    let provider = ScriptedProvider::start([]);
    let gateway = TestGateway::builder()
        .config_toml(HASTY)
        .plugin(Plugin::that("helper", Behaviour::Reply("Aqui estamos")))
        .provider(&provider)
        .start();
    let parameters = form(&message_sid(), CUSTOMER, "Hola");
    // The caller hears the answer, and the provider's list never shows a reply.
    let (signature, body) = sign(&gateway.webhook_url("sms/inbound"), &parameters);
    let answer = gateway.post_webhook("sms/inbound", &signature, &body);
    assert!(answer.text().contains("Aqui estamos"), "{}", answer.text());
    let sent = wait_up_to(LONG, || Some(bodies(&provider)).filter(|bodies| !bodies.is_empty()));
    assert_eq!(sent.as_deref(), Some(&["Aqui estamos".to_owned()][..]));
    let again = gateway.post_webhook("sms/inbound", &signature, &body);
    assert!(!again.text().contains("Aqui estamos"), "it was sent by itself: {}", again.text());
    assert_eq!(going(&gateway.messages(), "outbound").len(), 1);
    assert_eq!(bodies(&provider).len(), 1);
}

#[test]
fn a_text_whose_webhook_never_came_is_processed_and_answered_once() {
    let mut gateway = TestGateway::builder()
        .config_toml(HASTY)
        .plugin(Plugin::that("helper", Behaviour::Reply("Aqui estamos")))
        .start();
    gateway.text(CUSTOMER, "Llega por webhook");
    // Nobody is called, and then nobody is there.
    gateway.set_inbound(false);
    gateway.text(CUSTOMER, "Nadie llama");
    gateway.kill();
    gateway.text(CUSTOMER, "Nadie esta");
    gateway.restart();
    let answered = |gateway: &TestGateway| {
        let sent = gateway.twilio_messages();
        going(&sent, "outbound").len()
    };
    wait_for("a reply to each", || (answered(&gateway) == 3).then_some(()));
    let messages = gateway.messages();
    let inbound = going(&messages, "inbound");
    let texts: Vec<&str> = inbound.iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["Llega por webhook", "Nadie llama", "Nadie esta"]);
    // The webhook comes after all.
    let sid = inbound[1]["provider_id"].as_str().unwrap().to_owned();
    let late = gateway.signed_webhook("sms/inbound", &form(&sid, CUSTOMER, "Nadie llama"));
    assert_eq!(late.status(), 200);
    assert!(!late.text().contains("Aqui estamos"), "{}", late.text());
    // Whatever was pulled before this one is done by the time this one is.
    gateway.text(OTHER, "Otro mas");
    wait_for("its reply", || (answered(&gateway) == 4).then_some(()));
    let messages = gateway.messages();
    assert_eq!((going(&messages, "inbound").len(), going(&messages, "outbound").len()), (4, 4));
}

#[test]
fn a_provider_that_fails_decides_nothing() {
    let provider = ScriptedProvider::start([Step::Cut]);
    let gateway = hasty().provider(&provider).start();
    provider.list(json!("no list"));
    let id = post(&gateway, CUSTOMER, "Hola");
    gateway.wait_for_status(&id, "unknown");
    // The pauses are longer than the time after which it would be sent again.
    provider.wait_for_lists(2);
    wait_for("what is said about it", || gateway.log().find("the provider does not say what became of messages"));
    assert_eq!((&gateway.message(&id)["status"], bodies(&provider).len()), (&json!("unknown"), 1));
    provider.list(json!([]));
    let sent = wait_up_to(LONG, || (bodies(&provider).len() == 2).then_some(()));
    assert!(sent.is_some(), "now it certainly is not there");
    gateway.wait_for_status(&id, "queued");
}

#[test]
fn whoever_said_stop_last_stays_so_when_an_older_start_is_found() {
    // The list is read later than both are said.
    let gateway =
        TestGateway::builder().config_toml(&HASTY.replace("pull_after_s = 1", "pull_after_s = 4")).no_plugins().start();
    gateway.set_inbound(false);
    gateway.text(CUSTOMER, "START");
    gateway.set_inbound(true);
    gateway.text(CUSTOMER, "STOP");
    let state = || gateway.get("/v1/consents?address=%2B529981122334").expect(200)["items"][0]["state"].clone();
    assert_eq!(state(), "opted_out");
    wait_for("the text that nobody was told of", || {
        gateway.messages().iter().any(|message| message["text"] == "START").then_some(())
    });
    assert_eq!(state(), "opted_out");
}
