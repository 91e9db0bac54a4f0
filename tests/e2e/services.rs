//! Messages that go by a Messaging Service: who sent them is learned, and the service is not forgotten.

use std::time::Duration;

use http::Method;
use recado_tests::{Builder, NUMBER, ScriptedProvider, Step, TestGateway, wait_for};
use serde_json::{Value, json};

const CUSTOMER: &str = "+529981122334";
const SERVICE: &str = "MG00000000000000000000000000000001";
const TEMPLATE: &str = "HX0123456789abcdef0123456789abcdef";
/// Questions come soon one after the other.
const HASTY: &str = "[delivery]\ntimeout_s = 1\nlease_s = 7\n\
    [reconcile]\nask_after_s = 1\nask_max_s = 1\nresend_after_s = 6\npoll_s = [1, 1, 2, 4, 8]";

fn by_service() -> Builder {
    TestGateway::builder().no_plugins().messaging_service(SERVICE)
}

fn sid(message: &Value) -> &str {
    message["sid"].as_str().unwrap()
}

fn fetch(gateway: &TestGateway, message: &Value) -> Value {
    gateway.door(Method::GET, message["uri"].as_str().unwrap(), &[]).expect(200)
}

fn wait_until(gateway: &TestGateway, message: &Value, status: &str) -> Value {
    wait_for(status, || Some(fetch(gateway, message)).filter(|message| message["status"] == status))
}

/// The message of that text as the local Twilio has it.
fn at_twilio(gateway: &TestGateway, body: &str) -> Value {
    wait_for("the message at Twilio", || {
        gateway.twilio_messages().into_iter().find(|message| message["body"] == body && message["from"].is_string())
    })
}

/// What stands under a message that is known to have come from the number.
fn is_from_the_number(gateway: &TestGateway, message: &Value) {
    let shown = fetch(gateway, message);
    assert_eq!((&shown["from"], &shown["messaging_service_sid"]), (&json!(NUMBER), &json!(SERVICE)));
    let filter = format!("Messages.json?From=%2B{}", NUMBER.trim_start_matches('+'));
    let listed = gateway.door(Method::GET, &filter, &[]).expect(200);
    assert!(listed["messages"].as_array().unwrap().iter().any(|listed| listed["sid"] == message["sid"]), "{listed}");
    let own = gateway.messages().into_iter().find(|own| own["text"] == message["body"]).unwrap();
    assert_eq!((&own["from"], &own["service"]), (&json!(NUMBER), &json!(SERVICE)), "{own}");
}

#[test]
fn whom_a_service_chose_is_told_by_reports_and_passed_on() {
    let gateway = by_service().config_toml("[callbacks]\nprivate_addresses = true").start();
    let application = ScriptedProvider::start([]);
    let url = application.url();
    let form = [("To", CUSTOMER), ("MessagingServiceSid", SERVICE), ("Body", "Hola"), ("StatusCallback", &url)];
    let made = gateway.door_send(&form).expect(201);
    assert_eq!((&made["from"], &made["messaging_service_sid"]), (&Value::Null, &json!(SERVICE)));
    wait_until(&gateway, &made, "delivered");
    is_from_the_number(&gateway, &made);
    let told = application.wait_for(3);
    let statuses: Vec<&str> = told.iter().map(|told| told.get("MessageStatus")).collect();
    assert_eq!(statuses, ["queued", "sent", "delivered"]);
    for told in told {
        assert_eq!((told.get("From"), told.get("MessagingServiceSid")), (NUMBER, SERVICE), "{told:?}");
    }
}

#[test]
fn whom_a_service_chose_is_asked_for_when_no_report_comes() {
    for faults in [
        json!({ "callback_lost": { "every": 1 } }),
        json!({ "callback_lost": { "every": 1 }, "create_cut_after": { "every": 1 } }),
    ] {
        let gateway = by_service().config_toml(HASTY).start();
        gateway.set_faults(&faults);
        let form = [("To", CUSTOMER), ("MessagingServiceSid", SERVICE), ("Body", "Hola")];
        let made = gateway.door_send(&form).expect(201);
        wait_until(&gateway, &made, "delivered");
        is_from_the_number(&gateway, &made);
        assert_eq!(gateway.creates()["accepted"], 1);
    }
}

#[test]
fn a_sender_and_a_service_are_both_passed_on_and_neither_is_added() {
    let gateway = by_service().start();
    let (to, from, service) = (("To", CUSTOMER), ("From", NUMBER), ("MessagingServiceSid", SERVICE));
    for (text, named, sender, by) in [
        ("Ambos", vec![from, service], json!(NUMBER), json!(SERVICE)),
        ("Solo el número", vec![from], json!(NUMBER), Value::Null),
        ("Solo el servicio", vec![service], Value::Null, json!(SERVICE)),
    ] {
        let form = [vec![to, ("Body", text)], named].concat();
        let made = gateway.door_send(&form).expect(201);
        assert_eq!((&made["from"], &made["messaging_service_sid"]), (&sender, &by), "{made}");
        assert_eq!(at_twilio(&gateway, text)["messaging_service_sid"], by);
        let delivered = wait_until(&gateway, &made, "delivered");
        assert_eq!((&delivered["from"], &delivered["messaging_service_sid"]), (&json!(NUMBER), &by));
    }
    // Twilio alone knows the pool: a number that is not in it is refused there.
    let stranger = gateway.door_send(&[to, service, ("From", "+14155550100"), ("Body", "De otro")]).expect(201);
    assert_eq!(wait_until(&gateway, &stranger, "failed")["error_code"], 21606);

    let own = json!({ "to": CUSTOMER, "text": "Por la API", "from": NUMBER, "options": { "shorten_urls": true } });
    let taken = gateway.post("/v1/messages", &own).expect(202);
    assert_eq!((&taken["from"], &taken["service"]), (&json!(NUMBER), &json!(SERVICE)));
    assert_eq!(at_twilio(&gateway, "Por la API")["messaging_service_sid"], SERVICE);
    gateway.wait_for_status(taken["id"].as_str().unwrap(), "delivered");
}

#[test]
fn what_needs_a_service_is_refused_without_it() {
    let gateway = by_service().start();
    let text = [("To", CUSTOMER), ("From", NUMBER), ("Body", "Vea https://example.mx/17")];
    let short = [&text[..], &[("ShortenUrls", "true")]].concat();
    let refused = gateway.door_send(&short).expect(400);
    assert!(refused["message"].as_str().unwrap().contains("Messaging Service"), "{refused}");
    let by_both = [&short[..], &[("MessagingServiceSid", SERVICE)]].concat();
    let made = gateway.door_send(&by_both).expect(201);
    wait_until(&gateway, &made, "delivered");

    // The service keeps it until its time, also from a named sender.
    let at = recado::clock::Clock::now(&recado::clock::SystemClock) + jiff::SignedDuration::from_hours(2);
    let at = at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let later = [("ScheduleType", "fixed"), ("SendAt", at.as_str()), ("MessagingServiceSid", SERVICE)];
    let made = gateway.door_send(&[&text[..], &later].concat()).expect(201);
    let kept = wait_for("the message at Twilio", || {
        gateway.twilio_messages().into_iter().find(|message| message["status"] == "scheduled")
    });
    assert_eq!((&kept["from"], &kept["messaging_service_sid"]), (&json!(NUMBER), &json!(SERVICE)));
    wait_until(&gateway, &made, "scheduled");
    gateway.door(Method::POST, &format!("Messages/{}.json", sid(&made)), &[("Status", "canceled")]).expect(200);
}

/// What the provider lists of one message, in Twilio's form.
fn listed(to: &str, from: &str, service: Option<&str>, body: &str) -> Value {
    let now = recado::clock::Clock::now(&recado::clock::SystemClock);
    let now = now.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string();
    json!([{
        "sid": "SM00000000000000000000000000000abc", "direction": "outbound-api", "from": from, "to": to, "body": body,
        "num_media": "0", "num_segments": "1", "status": "delivered", "error_code": null, "error_message": null,
        "date_created": now, "date_sent": now, "messaging_service_sid": service,
    }])
}

#[test]
fn a_template_or_a_short_link_whose_answer_was_lost_is_found_and_not_sent_again() {
    let template = json!({ "content": { "sid": TEMPLATE, "variables": { "1": "Ana" } } });
    let links = json!({ "shorten_urls": true });
    let whatsapp = ("whatsapp:+529981122334", "whatsapp:+14155238886");
    for (to, from, service, text, options, body) in [
        (CUSTOMER, None, Some(SERVICE), "", &template, "Hola Ana, su cita es hoy"),
        (CUSTOMER, None, Some(SERVICE), "Vea https://example.mx/17", &links, "Vea https://s.example.mx/aB3"),
        (whatsapp.0, Some(whatsapp.1), None, "", &template, "Hola Ana, su cita es hoy"),
    ] {
        let provider = ScriptedProvider::start([Step::Cut]);
        let builder = if service.is_some() { by_service() } else { TestGateway::builder().no_plugins() };
        let gateway = builder.config_toml(HASTY).provider(&provider).start();
        provider.list(listed(to, from.unwrap_or(NUMBER), service, body));
        let new = json!({ "to": to, "from": from, "text": text, "options": options });
        let taken = gateway.post("/v1/messages", &new).expect(202);
        let found = gateway.wait_for_status(taken["id"].as_str().unwrap(), "delivered");
        assert_eq!(found["provider_id"], "SM00000000000000000000000000000abc");
        assert_eq!(found["from"], from.unwrap_or(NUMBER), "{found}");
        assert_eq!(provider.received().len(), 1, "{:?}", provider.received());
    }
}

#[test]
fn two_templates_of_which_one_is_listed_are_held() {
    let provider = ScriptedProvider::start([Step::Cut, Step::Cut]);
    let gateway = by_service().config_toml(HASTY).provider(&provider).start();
    provider.list(listed(CUSTOMER, NUMBER, Some(SERVICE), "Hola, su cita es hoy"));
    let ids: Vec<String> = ["Ana", "Luis"]
        .map(|name| {
            let content = json!({ "sid": TEMPLATE, "variables": { "1": name } });
            let new = json!({ "to": CUSTOMER, "options": { "content": content } });
            gateway.post("/v1/messages", &new).expect(202)["id"].as_str().unwrap().to_owned()
        })
        .to_vec();
    for id in &ids {
        wait_for("the reason", || {
            let message = gateway.message(id);
            message["error_message"].as_str().is_some_and(|text| text.contains("none of ours")).then_some(())
        });
    }
    // A report says which of the two it is; the other then certainly is not there.
    let part = gateway.message(&ids[1])["parts"][0]["id"].as_str().unwrap().to_owned();
    let report = [
        ("MessageSid", "SM00000000000000000000000000000abc"),
        ("MessageStatus", "delivered"),
        ("AccountSid", recado_tests::ACCOUNT_SID),
        ("From", NUMBER),
        ("To", CUSTOMER),
    ];
    let report = report.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(gateway.signed_webhook(&format!("sms/status?part={part}"), &report).status(), 200);
    gateway.wait_for_status(&ids[1], "delivered");
    let again = recado_tests::wait_up_to(Duration::from_mins(1), || (provider.received().len() == 3).then_some(()));
    assert!(again.is_some(), "it is sent again");
    gateway.wait_for_status(&ids[0], "queued");
}
