//! From a message to provider requests, and from their responses to outcomes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::message::{ContentTemplate, Options};

pub(super) fn outbound(text: &str, media: usize) -> Outbound {
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
    form::decode(twilio.encode(part).unwrap().body()).unwrap()
}

#[test]
fn a_request_says_what_to_send_and_who_asks() {
    let request = channel("base_url = 'http://localhost:9000/twilio/'").encode(&part(None, "¿Qué & cómo?", 2)).unwrap();
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
    assert_eq!(twilio.encode(&part(None, "hi", 0)).unwrap().headers()["authorization"], expected);
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
fn nothing_that_anybody_wrote_is_kept_of_a_create() {
    let mut part = part(Some("+15558675310"), "Su código es 4711", 1);
    part.content.media = vec!["https://m.example/token-4711".to_owned()];
    part.options = Options {
        validity: Some(600),
        persistent_action: vec!["geo:4711".to_owned()],
        labels: [("pedido".to_owned(), "4711".to_owned())].into(),
        ..Options::default()
    };
    let twilio = channel("");
    let exchange = crate::channels::Exchange::asked(&twilio.encode(&part).unwrap(), &twilio.harmless());
    let kept: Vec<(&str, &str)> =
        exchange.parameters.iter().map(|parameter| (parameter.name.as_str(), parameter.value.as_str())).collect();
    let expected = [
        ("To", "+14…61"),
        ("From", "+15…10"),
        ("Body", "17 characters, 1 segment"),
        ("MediaUrl", "m.example"),
        ("StatusCallback", "recado.example"),
        ("ValidityPeriod", "600"),
        ("PersistentAction", "8 characters"),
        ("Tags", "17 characters"),
    ];
    assert_eq!(kept, expected);
    assert_eq!(exchange.path, format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"));
}
