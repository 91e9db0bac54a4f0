//! What Twilio's answers to a request to send come to.

use std::time::Duration;

use proptest::prelude::*;

use super::sending::outbound;
use super::*;
use crate::message::{ProviderError, Status};

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
