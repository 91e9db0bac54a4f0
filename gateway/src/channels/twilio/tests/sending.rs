//! From a message to provider requests, and from their responses to outcomes.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::message::{ContentTemplate, Options, ProviderError, Status};

fn outbound(text: &str, media: usize) -> Outbound {
    let media = (0..media).map(|index| format!("https://m.example/{index}")).collect();
    Outbound { text: text.to_owned(), media, options: Options::default(), service: None }
}

fn part(sender: Option<&str>, text: &str, media: usize) -> Part {
    let Outbound { text, media, options, .. } = outbound(text, media);
    Part {
        id: "01936f2e-7d4a-7000-8000-000000000001".parse().unwrap(),
        sender: sender.map(Address::received),
        service: None,
        recipient: Address::received("+14017122661"),
        content: Content { text, media },
        options,
        send_at: None,
        status_callback: "https://recado.example/webhooks/sms/status?part=1".to_owned(),
    }
}

#[test]
fn a_message_must_have_something_and_not_too_many_media() {
    let twilio = channel("");
    assert_eq!(twilio.split(&outbound("", 0)), Err(Unsendable::Empty));
    assert_eq!(twilio.split(&outbound(" \n", 0)), Err(Unsendable::Empty));
    assert_eq!(twilio.split(&outbound("x", 11)), Err(Unsendable::TooManyMedia { count: 11, limit: 10 }));
    let Outbound { text, media, .. } = outbound("", 10);
    assert_eq!(twilio.split(&outbound("", 10)), Ok(vec![Content { text, media }]));
}

#[test]
fn a_long_text_goes_by_the_rule() {
    let message = outbound("one two three", 2);
    let texts = |settings: &str| {
        let parts = channel(settings).split(&message)?;
        let (first, others) = parts.split_first().unwrap();
        assert_eq!(first.media, message.media, "media ride the first part");
        assert!(others.iter().all(|part| part.media.is_empty()), "and no other");
        Ok(parts.into_iter().map(|part| part.text).collect::<Vec<_>>())
    };
    assert_eq!(texts("max_text_units = 13\nlong_text = 'reject'"), Ok(vec!["one two three".to_owned()]));
    assert_eq!(texts("max_text_units = 8"), Ok(vec!["one two".to_owned(), "three".to_owned()]));
    assert_eq!(texts("max_text_units = 8\nlong_text = 'truncate'").unwrap().len(), 1);
    let refusal = Unsendable::TooLong { units: 13, limit: 8 };
    assert_eq!(texts("max_text_units = 8\nlong_text = 'reject'"), Err(refusal));
    // Twilio counts UTF-16 units: an emoji is two.
    assert_eq!(channel("").split(&outbound(&"😀".repeat(801), 0)).unwrap().len(), 2);
}

fn sent(twilio: &Twilio, part: &Part) -> Vec<(String, String)> {
    form::decode(twilio.encode(part).body()).unwrap()
}

#[test]
fn a_request_says_what_to_send_and_who_asks() {
    let request = channel("base_url = 'http://localhost:9000/twilio/'").encode(&part(None, "¿Qué & cómo?", 2));
    assert_eq!(request.method(), http::Method::POST);
    let url = format!("http://localhost:9000/twilio/2010-04-01/Accounts/{ACCOUNT}/Messages.json");
    assert_eq!(request.uri().to_string(), url);
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(request.headers()["accept"], "application/json");
    let authorization = &request.headers()["authorization"];
    assert_eq!(authorization, &format!("Basic {}", STANDARD.encode(format!("{ACCOUNT}:12345"))));
    assert!(authorization.is_sensitive());
    let expected = [
        ("To", "+14017122661"),
        ("From", "+15558675310"),
        ("Body", "¿Qué & cómo?"),
        ("MediaUrl", "https://m.example/0"),
        ("MediaUrl", "https://m.example/1"),
        ("StatusCallback", "https://recado.example/webhooks/sms/status?part=1"),
    ];
    assert_eq!(form::decode(request.body()).unwrap(), pairs(&expected));
}

#[test]
fn an_api_key_goes_before_the_token() {
    let twilio = channel(&format!("api_key = '{KEY}'\napi_key_secret = 'hush'"));
    let expected = format!("Basic {}", STANDARD.encode(format!("{KEY}:hush")));
    assert_eq!(twilio.encode(&part(None, "hi", 0)).headers()["authorization"], expected);
}

#[test]
fn what_the_part_names_goes_before_what_the_channel_is_set_up_with() {
    let senders = |twilio: &Twilio, sender, service: Option<&str>| {
        let mut form = sent(twilio, &Part { service: service.map(str::to_owned), ..part(sender, "hi", 0) });
        form.retain(|(name, _)| name == "From" || name == "MessagingServiceSid");
        form
    };
    let number = channel("");
    assert_eq!(senders(&number, None, None), pairs(&[("From", "+15558675310")]));
    assert_eq!(senders(&number, Some("22395"), None), pairs(&[("From", "22395")]));
    let service = channel(&format!("messaging_service_sid = '{SERVICE}'"));
    assert_eq!(senders(&service, None, None), pairs(&[("MessagingServiceSid", SERVICE)]));
    assert_eq!(senders(&service, Some("22395"), None), pairs(&[("From", "22395")]), "a reply from where it came to");
    let both = pairs(&[("From", "22395"), ("MessagingServiceSid", "MG2")]);
    assert_eq!(senders(&service, Some("22395"), Some("MG2")), both);
    assert_eq!(senders(&number, None, Some("MG2")), pairs(&[("MessagingServiceSid", "MG2")]));
}

#[test]
fn what_is_not_set_is_not_sent() {
    let bare = Part { status_callback: String::new(), ..part(None, "", 1) };
    let names = |twilio: &Twilio| sent(twilio, &bare).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&channel("")), ["To", "From", "MediaUrl"]);
    assert_eq!(names(&channel("validity = 60")), ["To", "From", "MediaUrl", "ValidityPeriod"]);
}

#[test]
fn every_wish_has_its_parameter() {
    let options = Options {
        validity: Some(3600),
        smart_encoded: Some(false),
        shorten_urls: Some(true),
        risk_check: Some(false),
        provide_feedback: Some(true),
        discard_content: Some(true),
        send_as_mms: Some(true),
        force_delivery: Some(false),
        traffic_type: Some("free".to_owned()),
        fallback_from: Some("+15005550006".to_owned()),
        persistent_action: vec!["geo:20.2,-87.4".to_owned(), "other".to_owned()],
        labels: [("campaign".to_owned(), "mayo".to_owned())].into(),
        content: None,
    };
    let wishes = Part { options, send_at: Some("2026-03-01T09:30:00.9Z".parse().unwrap()), ..part(None, "hi", 0) };
    let twilio = channel(&format!("messaging_service_sid = '{SERVICE}'\nvalidity = 60\nsmart_encoded = true"));
    let mut form = sent(&twilio, &wishes);
    assert_eq!(
        form.drain(..4).map(|(name, _)| name).collect::<Vec<_>>(),
        ["To", "MessagingServiceSid", "Body", "StatusCallback"]
    );
    let expected = [
        ("ValidityPeriod", "3600"),
        ("ScheduleType", "fixed"),
        ("SendAt", "2026-03-01T09:30:00Z"),
        ("SmartEncoded", "false"),
        ("ShortenUrls", "true"),
        ("RiskCheck", "disable"),
        ("ProvideFeedback", "true"),
        ("ContentRetention", "discard"),
        ("SendAsMms", "true"),
        ("ForceDelivery", "false"),
        ("TrafficType", "free"),
        ("FallbackFrom", "+15005550006"),
        ("PersistentAction", "geo:20.2,-87.4"),
        ("PersistentAction", "other"),
        ("Tags", r#"{"campaign":"mayo"}"#),
    ];
    assert_eq!(form, pairs(&expected));
    let usual = sent(&twilio, &part(None, "hi", 0));
    assert!(usual.contains(&("SmartEncoded".to_owned(), "true".to_owned())), "the channel's own wish: {usual:?}");
    assert!(usual.contains(&("ValidityPeriod".to_owned(), "60".to_owned())), "{usual:?}");
}

const TEMPLATE: &str = "HX0123456789abcdef0123456789ABCDEF";

fn with_template(sid: &str, text: &str) -> Outbound {
    let variables = [("1".to_owned(), "Ana \"A\"".to_owned())].into();
    let content = Some(ContentTemplate { sid: sid.to_owned(), variables });
    Outbound { options: Options { content, ..Options::default() }, ..outbound(text, 0) }
}

#[test]
fn a_template_takes_the_place_of_the_text() {
    let message = with_template(TEMPLATE, "");
    let [content] = channel("").split(&message).unwrap().try_into().unwrap();
    let form = sent(&channel(""), &Part { content, options: message.options, ..part(None, "", 0) });
    assert!(!form.iter().any(|(name, _)| name == "Body"));
    let expected = [("ContentSid", TEMPLATE), ("ContentVariables", r#"{"1":"Ana \"A\""}"#)];
    assert_eq!(form.last_chunk::<2>().unwrap().as_slice(), pairs(&expected));
}

#[test]
fn what_twilio_would_refuse_is_refused_here() {
    let refused = |settings: &str, message: &Outbound| match channel(settings).split(message) {
        Err(Unsendable::Option { option, .. }) => option,
        other => panic!("{other:?}"),
    };
    let wish = |options: Options| Outbound { options, ..outbound("hi", 0) };
    for seconds in [0, 36_001] {
        assert_eq!(refused("", &wish(Options { validity: Some(seconds), ..Options::default() })), "validity");
    }
    let short = wish(Options { shorten_urls: Some(true), ..Options::default() });
    let fallback = |from: &str| wish(Options { fallback_from: Some(from.to_owned()), ..Options::default() });
    let service = format!("messaging_service_sid = '{SERVICE}'");
    let by_service = |message: Outbound| Outbound { service: Some(SERVICE.to_owned()), ..message };
    for (message, option) in [(short, "shorten_urls"), (fallback("22395"), "fallback_from")] {
        for settings in ["", &service] {
            assert_eq!(refused(settings, &message), option, "it does not go by a service: {settings}");
        }
        assert!(channel(&service).split(&by_service(message)).is_ok());
    }
    assert_eq!(refused(&service, &by_service(fallback("not a sender!"))), "fallback_from");
    let other = wish(Options { traffic_type: Some("paid".to_owned()), ..Options::default() });
    assert_eq!(refused("", &other), "traffic_type");
    let place = |action: &str| Options { persistent_action: vec![action.to_owned()], ..Options::default() };
    assert_eq!(refused("", &wish(place(" "))), "persistent_action");
    let long = Outbound { options: place("geo:20.2,-87.4"), ..outbound("one two three", 0) };
    assert_eq!(refused("max_text_units = 8", &long), "persistent_action");
    assert!(channel("").split(&long).is_ok());
    let labels = |count: usize, name: &str, value: &str| {
        let labels = (0..count).map(|number| (format!("{name}{number}"), value.to_owned())).collect();
        wish(Options { labels, ..Options::default() })
    };
    assert!(channel("").split(&labels(10, &"n".repeat(127), &"ñ".repeat(256))).is_ok());
    for message in [labels(11, "n", ""), labels(1, &"n".repeat(128), ""), labels(1, "n", &"v".repeat(257))] {
        assert_eq!(refused("", &message), "labels");
    }
    assert_eq!(refused("", &with_template("HX12", "")), "content.sid");
    assert_eq!(refused("", &with_template(TEMPLATE, "hi")), "content");
}

#[test]
fn only_a_messaging_service_keeps_a_message_until_its_time() {
    assert_eq!(channel("").capabilities().schedule, None);
    let schedule = channel(&format!("messaging_service_sid = '{SERVICE}'")).capabilities().schedule.unwrap();
    let now = jiff::Timestamp::UNIX_EPOCH;
    for (ahead, taken) in [(-1, false), (0, false), (900, false), (960, true), (3_023_940, true), (3_024_000, false)] {
        assert_eq!(schedule.takes(now, jiff::Timestamp::from_second(ahead).unwrap()), taken, "{ahead} s");
    }
}

#[test]
fn a_message_is_taken_back_by_its_id() {
    let sid = "SM0123456789abcdef0123456789abcdef";
    let request = channel("").cancel(sid).unwrap();
    let url = format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json");
    assert_eq!((request.method(), request.uri().to_string()), (&http::Method::POST, url));
    assert_eq!(&request.body()[..], b"Status=canceled");
    for odd in ["", "SM1", "SM0123456789abcdef0123456789abcd/f", "../../../Accounts0123456789abcdef0"] {
        assert!(channel("").cancel(odd).is_none(), "{odd}");
    }
}

fn outcome(status: u16, retry_after: Option<&str>, body: &str) -> Outcome {
    let mut response = http::Response::new(Bytes::from(body.to_owned()));
    *response.status_mut() = status.try_into().unwrap();
    if let Some(value) = retry_after {
        response.headers_mut().insert("retry-after", value.parse().unwrap());
    }
    channel("").decode(&response)
}

#[test]
fn a_success_names_the_message() {
    let cases = [
        (201, r#"{"sid":"SM1","status":"queued","num_segments":"2"}"#, Status::Queued, Some(2)),
        (201, r#"{"sid":"SM1","status":"accepted","num_segments":"0","from":null}"#, Status::Accepted, None),
        (200, r#"{"sid":"SM1","status":"sent","num_segments":3}"#, Status::Sent, Some(3)),
        (202, r#"{"sid":"SM1","status":"teleported"}"#, Status::Queued, None),
        (201, r#"{"sid":"SM1","num_segments":"-1"}"#, Status::Queued, None),
    ];
    for (http, body, status, segments) in cases {
        let expected = Outcome::Accepted { provider_id: "SM1".to_owned(), status, segments, sender: None };
        assert_eq!(outcome(http, None, body), expected, "{body}");
    }
}

#[test]
fn a_success_names_the_sender_once_it_is_chosen() {
    let cases = [("+5219983162438", Some("+529983162438")), ("RECADO", Some("RECADO")), ("", None), (SERVICE, None)];
    for (from, expected) in cases {
        let body = format!(r#"{{"sid":"SM1","status":"queued","from":"{from}"}}"#);
        let Outcome::Accepted { sender, .. } = outcome(201, None, &body) else { panic!("{body}") };
        assert_eq!(sender.as_ref().map(Address::as_str), expected, "{body}");
    }
}

#[test]
fn segments_are_counted_as_the_channel_sends_them() {
    let text = "Dijo “hola” ".repeat(10);
    let wish = |smart_encoded| Options { smart_encoded, ..Options::default() };
    for (settings, wanted, expected) in [
        ("", None, 2),
        ("", Some(true), 1),
        ("smart_encoded = true", None, 1),
        ("smart_encoded = true", Some(false), 2),
    ] {
        assert_eq!(channel(settings).segments(&text, &wish(wanted)), expected, "{settings} {wanted:?}");
    }
}

#[test]
fn a_success_that_cannot_be_read_is_unknown() {
    for (http, body) in
        [(201, ""), (201, r#"{"sid":"#), (200, "<html>"), (201, r#"{"sid":""}"#), (202, "[]"), (204, "")]
    {
        assert!(matches!(outcome(http, None, body), Outcome::Unknown { .. }), "{http} {body}");
    }
}

#[test]
fn failures_are_told_apart() {
    let json = |code: i32| format!(r#"{{"code":{code},"message":"told","more_info":"x","status":400}}"#);
    let xml = "<?xml version='1.0'?><TwilioResponse><RestException><Code>21610</Code><Message>a &amp; b</Message>\
               <Status>400</Status></RestException></TwilioResponse>";
    let error = |code: Option<i32>, message: &str| ProviderError { code, message: Some(message.to_owned()) };
    let told = |code: i32| error(Some(code), "told");
    let retry = |seconds: Option<u64>, error| Outcome::Retry { after: seconds.map(Duration::from_secs), error };
    let rejected = |error| Outcome::Rejected { error };
    let fault = |error| Outcome::Fault { scope: Scope::Channel, error };
    let of_sender = |code| Outcome::Fault { scope: Scope::Sender, error: told(code) };
    let busy =
        |scope, seconds: Option<u64>, error| Outcome::Busy { scope, after: seconds.map(Duration::from_secs), error };
    let all = |seconds, error| busy(Scope::Channel, seconds, error);
    let full = |seconds, code| busy(Scope::Sender, Some(seconds), told(code));
    let unknown = |error| Outcome::Unknown { error };
    let cases = [
        (400, None, json(21211), rejected(told(21211))),
        (401, None, json(20003), fault(told(20003))),
        (401, None, r#"{"detail":"Why","status":401}"#.to_owned(), fault(error(Some(20003), "Why"))),
        (401, None, "<html>".to_owned(), fault(error(Some(20003), "HTTP 401"))),
        (401, None, json(21606), fault(told(21606))),
        (405, None, json(20004), fault(told(20004))),
        (403, None, json(20008), fault(told(20008))),
        (400, None, json(20005), fault(told(20005))),
        (400, None, json(20010), fault(told(20010))),
        (400, None, json(30002), fault(told(30002))),
        (503, None, json(20005), unknown(told(20005))),
        (400, None, json(21606), of_sender(21606)),
        (400, None, json(21212), of_sender(21212)),
        (400, None, json(21705), of_sender(21705)),
        (400, None, json(21609), fault(told(21609))),
        (400, None, json(572_006), fault(told(572_006))),
        (400, None, json(21608), rejected(told(21608))),
        (400, None, json(21703), rejected(told(21703))),
        (404, None, r#"{"status":404,"message":"Not found"}"#.to_owned(), fault(error(Some(20404), "Not found"))),
        (404, None, json(20404), fault(told(20404))),
        (404, None, "<html>".to_owned(), fault(error(Some(20404), "HTTP 404"))),
        (404, None, json(21211), rejected(told(21211))),
        (400, None, json(20404), rejected(told(20404))),
        (405, None, "<html>".to_owned(), fault(error(Some(20004), "HTTP 405"))),
        (403, None, r#"{"type":"x","title":"Denied","code":"20006"}"#.to_owned(), fault(error(Some(20006), "Denied"))),
        (400, None, String::new(), rejected(error(None, "HTTP 400"))),
        (413, None, "<html><h1>Too large</h1></html>".to_owned(), rejected(error(None, "HTTP 413"))),
        (307, None, String::new(), fault(error(None, "HTTP 307"))),
        (400, None, json(21610), Outcome::OptedOut { error: told(21610) }),
        (400, None, xml.to_owned(), Outcome::OptedOut { error: error(Some(21610), "a & b") }),
        (429, None, json(20429), all(None, told(20429))),
        (429, Some("7"), json(20429), all(Some(7), told(20429))),
        (429, Some("0"), String::new(), all(Some(0), error(None, "HTTP 429"))),
        (429, Some("Wed, 21 Oct 2026 07:28:00 GMT"), json(20429), all(None, told(20429))),
        (429, Some("-5"), json(20429), all(None, told(20429))),
        (429, Some("99999999999999"), json(20429), all(Some(86_400), told(20429))),
        (400, None, json(20429), all(None, told(20429))),
        (429, None, json(21611), full(60, 21611)),
        (400, None, json(21611), full(60, 21611)),
        (400, Some("90"), json(21611), full(90, 21611)),
        (400, None, json(30001), full(60, 30001)),
        (400, None, json(14107), retry(Some(30), told(14107))),
        (400, None, json(30017), retry(None, told(30017))),
        (429, None, json(14107), all(Some(30), told(14107))),
        (429, None, json(21211), all(None, told(21211))),
        (429, None, json(21610), Outcome::OptedOut { error: told(21610) }),
        (400, None, json(21408), rejected(told(21408))),
        (400, None, json(30007), rejected(told(30007))),
        (400, None, json(4321), rejected(told(4321))),
        (400, None, json(20500), unknown(told(20500))),
        (500, None, json(20500), unknown(told(20500))),
        (503, Some("5"), json(20503), unknown(told(20503))),
        (502, None, "<html>".to_owned(), unknown(error(None, "HTTP 502"))),
        (500, None, json(21610), unknown(told(21610))),
        (408, None, String::new(), unknown(error(None, "HTTP 408"))),
    ];
    for (http, retry_after, body, expected) in cases {
        assert_eq!(outcome(http, retry_after, &body), expected, "{http} {retry_after:?} {body}");
    }
}

#[test]
fn an_error_is_explained_in_the_operators_language() {
    let title = |code, locale| channel("").explain(code, locale).map(|explanation| explanation.title);
    assert_eq!(title(21610, Locale::Es), Some("El destinatario se dio de baja"));
    assert_eq!(title(30007, Locale::En), Some("Twilio or the carrier filtered the message"));
    assert_eq!(title(4321, Locale::Es), None);
    let explanation = serde_json::to_value(channel("").explain(63031, Locale::En)).unwrap();
    let expected = serde_json::json!({
        "title": "Sender and recipient are the same", "remedy": "Send to another recipient.", "advice": "permanent",
    });
    assert_eq!(explanation, expected);
    let full = serde_json::to_value(channel("").explain(21611, Locale::Es)).unwrap();
    assert_eq!((&full["advice"], &full["retry_after_s"]), (&serde_json::json!("retry_later"), &serde_json::json!(60)));
}

const JSON: &str = r#"\{"(sid|code|message|num_segments)":("?[0-9a-z]{0,30}"?|null|\[\])\}"#;

proptest! {
    #[test]
    fn no_response_makes_it_panic(
        status in 100_u16..1000, retry_after in "[ -~]{0,9}",
        body in prop_oneof!["\\PC*", JSON, "<RestException><(Code|Message)>.{0,9}"],
    ) {
        outcome(status, Some(&retry_after), &body);
    }

    #[test]
    fn parts_are_within_the_limit_and_carry_all_media(
        text in "\\PC{1,80}", limit in 2_usize..40, media in 1_usize..=10,
    ) {
        let message = outbound(&text, media);
        let parts = channel(&format!("max_text_units = {limit}")).split(&message).unwrap();
        prop_assert!(parts.iter().all(|part| utf16_units(&part.text) <= limit));
        prop_assert_eq!(parts.iter().flat_map(|part| part.media.clone()).collect::<Vec<_>>(), message.media);
    }
}
