//! What Recado asks of Twilio, and what its local Twilio answers, against Twilio's files: sending, finding out what
//! became of things, fetching what came in, looking numbers up, and the doctor.

use std::collections::BTreeSet;

use bytes::Bytes;
use http::{Method, Request};
use recado::clock::{Clock, SystemClock};
use recado_tests::{ACCOUNT_SID, AUTH_TOKEN, NUMBER, TestGateway, at_once, basic, call, json_request, run, wait_for};
use serde_json::{Value, json};

use crate::proxy::{Proxy, holds};
use crate::tools::Tools;
use crate::{SERVICE, by_service};

const CUSTOMER: &str = "+529981122334";
/// More than Recado takes on one page.
const STRANGERS: usize = 201;
const CALLERS: usize = 3;
/// Questions come soon one after the other.
const HASTY: &str = "[delivery]\ntimeout_s = 3\nlease_s = 9\n\
    [reconcile]\nask_after_s = 1\nask_max_s = 1\nresend_after_s = 8\npoll_s = [1, 1, 2, 4, 8]\n\
    pull_every_s = 1\npull_after_s = 1";
const GIF: &[u8] = b"GIF89a\x01\0\x01\0\0\0\0;";

#[test]
fn what_recado_sends_is_as_specified() {
    let Some(tools) = Tools::with_files() else { return };
    let proxy = Proxy::start(&tools);
    let gateway = by_service(Some(&proxy), "");
    proxy.forward(gateway.twilio_url());
    let in_an_hour = (SystemClock.now() + jiff::SignedDuration::from_hours(1)).strftime("%Y-%m-%dT%H:%M:%SZ");
    let every_option = json!({
        "validity": 600, "smart_encoded": true, "shorten_urls": true, "risk_check": false, "provide_feedback": true,
        "discard_content": true, "send_as_mms": true, "force_delivery": true, "traffic_type": "free",
        "fallback_from": "+15005550006", "persistent_action": ["geo:20.2,-87.4|Recado"],
    });
    let content = json!({ "content": { "sid": "HX00000000000000000000000000000001", "variables": { "1": "Ana" } } });
    let cases = [
        (json!({ "text": "Hola ñandú 👍", "from": NUMBER }), "delivered"),
        (json!({ "text": "a".repeat(1700) }), "delivered"),
        (json!({ "text": "Mira", "media": ["https://example.com/a.png", "https://example.com/b.png"] }), "delivered"),
        (json!({ "text": "“Hola”", "options": every_option }), "delivered"),
        (json!({ "options": content }), "delivered"),
        (json!({ "text": "Nadie", "from": "+14155550100" }), "failed"),
        (json!({ "text": "Luego", "send_at": in_an_hour.to_string() }), "scheduled"),
    ];
    for (mut body, status) in cases {
        body["to"] = CUSTOMER.into();
        let id = send(&gateway, &body);
        gateway.wait_for_status(&id, status);
        if body["options"]["provide_feedback"] == true {
            let path = format!("Messages/SM{}/Feedback.json", id.replace('-', ""));
            gateway.door(Method::POST, &path, &[("Outcome", "confirmed")]).expect(200);
        }
        if status == "scheduled" {
            gateway.post(&format!("/v1/messages/{id}/cancel"), &Value::Null).expect(200);
        }
    }
    proxy.settle(&[
        ("CreateMessage", 201, "To= From= Body="),
        ("CreateMessage", 201, "MediaUrl=https%3A%2F%2Fexample.com%2Fb.png"),
        ("CreateMessage", 201, "ValidityPeriod=600"),
        ("CreateMessage", 201, "SmartEncoded=true"),
        ("CreateMessage", 201, "ShortenUrls=true"),
        ("CreateMessage", 201, "RiskCheck=disable"),
        ("CreateMessage", 201, "ProvideFeedback=true"),
        ("CreateMessage", 201, "ContentRetention=discard"),
        ("CreateMessage", 201, "SendAsMms=true"),
        ("CreateMessage", 201, "FallbackFrom="),
        ("CreateMessage", 201, "PersistentAction="),
        ("CreateMessageFeedback", 200, "Outcome=confirmed"),
        ("CreateMessage", 201, "ContentSid=HX"),
        ("CreateMessage", 201, "ScheduleType=fixed"),
        ("UpdateMessage", 200, "Status=canceled"),
        ("CreateMessage", 400, "From="),
    ]);
}

#[test]
fn what_recado_asks_is_as_specified() {
    let Some(tools) = Tools::with_files() else { return };
    let proxy = Proxy::start(&tools);
    let gateway = by_service(Some(&proxy), HASTY);
    proxy.forward(gateway.twilio_url());
    gateway.set_inbound(false);
    everything_goes_wrong(&gateway, &proxy);
    a_picture_comes_unheard(&gateway);
    let lookup = ["lookup", "--gateway", &gateway.url(), "--key", gateway.key(), "998 112 2334"];
    assert!(run(gateway.folder(), &lookup, &[]).good().stdout.contains("mobile"));
    let fixed = doctor(&gateway, "test.toml");
    assert_eq!(fixed["fixed"].as_array().map(Vec::len), Some(1), "{fixed}");
    doctor(&gateway, &without_service(&gateway));
    proxy.settle(&[
        ("CreateMessage", 201, "StatusCallback="),
        ("CreateMessage", 429, ""),
        ("CreateMessage", 500, ""),
        ("CreateMessage", 503, ""),
        ("CreateMessage", 0, ""),
        ("ListMessage", 200, "?To= &From= &PageSize=200"),
        ("ListMessage", 200, "?To= &From= &PageSize=200&Page=1&PageToken="),
        ("ListMessage", 200, "?To= &PageSize=200"),
        ("ListMessage", 200, "?DateSent%3E= &PageSize=200"),
        ("ListMessage", 200, "?DateSent%3E= &PageSize=200&Page=1&PageToken="),
        ("FetchMessage", 200, ""),
        ("ListMedia", 200, ""),
        ("FetchMedium", 307, ""),
        ("FetchPhoneNumber", 200, "/%2B529981122334?Fields=line_type_intelligence"),
        ("ListMessage", 200, "?PageSize=1 "),
        ("FetchAccount", 200, ""),
        ("ListIncomingPhoneNumber", 200, "?PhoneNumber=%2B"),
        ("FetchIncomingPhoneNumber", 200, ""),
        ("UpdateIncomingPhoneNumber", 200, "SmsUrl= SmsFallbackUrl="),
    ]);
    // Nothing but Messaging Services and the files behind media passed without being checked, since nothing
    // describes them.
    let report = proxy.report();
    let unchecked = report["unchecked"].as_array().unwrap().iter().filter_map(Value::as_str);
    let (files, others): (BTreeSet<&str>, BTreeSet<&str>) = unchecked.partition(|line| line.starts_with("GET /media/"));
    let service = format!("GET /v1/Services/{SERVICE}");
    let pool = format!("{service}/PhoneNumbers?PageSize=20");
    let all = "GET /v1/Services?PageSize=50".to_owned();
    assert_eq!(others.into_iter().map(str::trim_end).collect::<Vec<_>>(), [service, pool, all]);
    assert_eq!(files.len(), 1, "{files:?}");
}

fn send(gateway: &TestGateway, body: &Value) -> String {
    gateway.post("/v1/messages", body).expect(202)["id"].as_str().unwrap().to_owned()
}

/// Creates fail in every way and no report comes; all is delivered nevertheless, and nothing twice. One of the
/// recipients has more messages of others than a page holds.
fn everything_goes_wrong(gateway: &TestGateway, proxy: &Proxy) {
    at_once(CALLERS, |caller| (0..STRANGERS / CALLERS).for_each(|count| by_a_stranger(gateway, caller * 1000 + count)));
    let faults = [
        ("create_refused", 429, json!({ "to": "+529985550101", "text": "Uno" })),
        ("create_failed_before", 503, json!({ "to": "+529985550102", "text": "Dos" })),
        ("create_failed_after", 500, json!({ "to": "+529985550103", "text": "Tres" })),
        ("create_cut_after", 0, json!({ "to": CUSTOMER, "text": "Cuatro", "from": NUMBER })),
    ];
    let sent = faults.map(|(fault, status, body)| {
        gateway.set_faults(&json!({ fault: { "every": 1 }, "callback_lost": { "every": 1 } }));
        let id = send(gateway, &body);
        wait_for(fault, || holds(&proxy.report(), ("CreateMessage", status, "")).then_some(()));
        id
    });
    gateway.set_faults(&json!({ "callback_lost": { "every": 1 } }));
    for id in sent {
        gateway.wait_for_status(&id, "delivered");
    }
    assert_eq!(gateway.creates()["doubles"], 0);
}

/// A message that somebody else sends by the same account to the customer.
fn by_a_stranger(gateway: &TestGateway, count: usize) {
    let form = [("To", CUSTOMER), ("From", NUMBER), ("Body", &format!("Ajeno {count}"))];
    let request = Request::post(format!("{}/2010-04-01/Accounts/{ACCOUNT_SID}/Messages.json", gateway.twilio_url()))
        .header("authorization", basic(ACCOUNT_SID, AUTH_TOKEN))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish().into());
    call(request.unwrap()).unwrap().expect(201);
}

/// A picture whose webhook nobody takes is found in Twilio's list, and kept.
fn a_picture_comes_unheard(gateway: &TestGateway) {
    let twilio = gateway.twilio_url();
    let request = Request::post(format!("{twilio}/sandbox/media")).header("content-type", "image/gif");
    let kept = call(request.body(Bytes::from_static(GIF)).unwrap()).unwrap().expect(201);
    let text = json!({ "from": CUSTOMER, "text": "Mira", "media": [kept["id"]] });
    call(json_request(Method::POST, &format!("{twilio}/sandbox/messages"), &[], &text)).unwrap().expect(201);
    let media = gateway.wait_for_messages("the picture", |messages| {
        messages.iter().any(|message| message["text"] == "Mira" && message["media"][0]["state"] == "stored")
    });
    let href = media.iter().find_map(|message| message["media"][0]["href"].as_str()).unwrap();
    assert_eq!(gateway.get(href).bytes(), GIF);
}

/// Settings of the same gateway that sends from its number.
fn without_service(gateway: &TestGateway) -> String {
    let settings = std::fs::read_to_string(gateway.folder().join("test.toml")).unwrap();
    let mut settings: toml::Table = settings.parse().unwrap();
    settings["channels"]["sms"].as_table_mut().unwrap().remove("messaging_service_sid").unwrap();
    let name = "number.toml".to_owned();
    std::fs::write(gateway.folder().join(&name), settings.to_string()).unwrap();
    name
}

/// What the doctor found and set right, told where the gateway is.
fn doctor(gateway: &TestGateway, settings: &str) -> Value {
    let (listen, url) = (gateway.address().to_string(), gateway.url());
    let place = [("RECADO_SERVER__PUBLIC_URL", url.as_str()), ("RECADO_SERVER__LISTEN", listen.as_str())];
    run(gateway.folder(), &["--config", settings, "--json", "doctor", "--fix", "--yes"], &place).good().json()
}
