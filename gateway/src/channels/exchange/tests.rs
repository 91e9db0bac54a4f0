//! What is kept of an exchange, and that nothing else ever is.

use proptest::prelude::*;

use super::*;
use crate::message::{ProviderError, Status};

const HARMLESS: Harmless = Harmless {
    parameters: &[
        ("To", Kept::Ends),
        ("From", Kept::Ends),
        ("Body", Kept::Segments),
        ("MediaUrl", Kept::Host),
        ("MessagingServiceSid", Kept::All),
        ("SendAt", Kept::All),
    ],
    request_id: "twilio-request-id",
};
const URL: &str =
    "https://user:password@api.example/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json";

fn form(url: &str, parameters: &[(&str, &str)]) -> Request<Bytes> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    Request::post(url)
        .header("authorization", "Basic c2VjcmV0")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.into())
        .unwrap()
}

fn json(exchange: &Exchange) -> String {
    serde_json::to_string(exchange).unwrap()
}

#[test]
fn of_each_parameter_as_much_is_kept_as_its_name_allows() {
    let service = "MG00000000000000000000000000000001";
    let cases = [
        ("To", "+529981122334", "+52…34"),
        ("To", "whatsapp:+529981122334", "whatsapp:+52…34"),
        ("To", "22395", "2…95"),
        ("To", "1234", "4 characters"),
        ("From", "RECADO", "R…DO"),
        ("Body", "Su código es 4711", "17 characters, 1 segment"),
        ("Body", "", "0 characters, 1 segment"),
        ("Body", "+529981122334", "13 characters, 1 segment"),
        ("MediaUrl", "https://user:secret@media.example:8443/v1/TOKEN?key=1", "media.example:8443"),
        ("MediaUrl", "data:no url", "11 characters"),
        ("MessagingServiceSid", service, service),
        ("MessagingServiceSid", "529981122334", "12 characters"),
        ("MessagingServiceSid", "998-112_2334", "12 characters"),
        ("MessagingServiceSid", "2026-11-25T998112.2334", "22 characters"),
        ("MessagingServiceSid", "a text", "6 characters"),
        ("SendAt", "2026-11-25T10:20:30Z", "2026-11-25T10:20:30Z"),
        ("Tags", r#"{"customer":"Ana"}"#, "18 characters"),
        ("AuthToken", "secret", "6 characters"),
    ];
    for (name, value, expected) in cases {
        let exchange = Exchange::asked(&form(URL, &[(name, value)]), &HARMLESS);
        let kept = Parameter { name: name.to_owned(), value: expected.to_owned() };
        assert_eq!(exchange.parameters, [kept], "{name}={value}");
    }
    for odd in ["+529981122334", "529981122334", "to529981122334", "mi nombre", "ñ", "", &"a".repeat(41)] {
        assert_eq!(Exchange::asked(&form(URL, &[(odd, "1")]), &HARMLESS).parameters[0].name, "…", "{odd}");
    }
}

#[test]
fn a_place_is_shown_without_what_may_be_a_token_or_a_number() {
    let account = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages.json";
    let cases = [
        (URL.to_owned(), "api.example", account),
        (
            "http://127.0.0.1:4010/bot123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/sendMessage".to_owned(),
            "127.0.0.1:4010",
            "/…/sendMessage",
        ),
        ("https://graph.example/v19.0/106540352242922/messages".to_owned(), "graph.example", "/v19.0/…/messages"),
        ("https://api.example/send/%2B529981122334".to_owned(), "api.example", "/send/…"),
        ("https://api.example/0123456789abcdef01234567".to_owned(), "api.example", "/…"),
        ("https://api.example/998-112-2334/998.112.2334".to_owned(), "api.example", "/…/…"),
        (format!("https://api.example{}", "/a".repeat(30)), "api.example", "/a/a/a/a/a/a/a/a/a/a/a/…"),
    ];
    for (url, host, path) in cases {
        let exchange = Exchange::asked(&form(&url, &[]), &HARMLESS);
        assert_eq!((exchange.host.as_str(), exchange.path.as_str()), (host, path), "{url}");
    }
}

#[test]
fn queries_and_objects_are_parameters_too_and_other_bodies_are_a_length() {
    let post = |body: &'static str| Request::post("https://api.example/send?token=secret").body(Bytes::from(body));
    let exchange = Exchange::asked(&post(r#"{"chat_id":123456789,"text":"hola","more":{"a":1}}"#).unwrap(), &HARMLESS);
    let kept: Vec<_> =
        exchange.parameters.iter().map(|parameter| (parameter.name.as_str(), parameter.value.as_str())).collect();
    let expected =
        [("token", "6 characters"), ("chat_id", "9 characters"), ("more", "7 characters"), ("text", "4 characters")];
    assert_eq!(kept, expected);
    let exchange = Exchange::asked(&post("<text>hola</text>").unwrap(), &HARMLESS);
    assert_eq!((exchange.parameters.len(), exchange.request_bytes), (1, 17));
}

#[test]
fn an_answer_is_its_status_code_and_id_and_what_is_missing_is_named() {
    let asked = Exchange::asked(&form(URL, &[]), &HARMLESS).took(Duration::from_millis(12));
    let id = "RQ00000000000000000000000000000001";
    let answer = |status: u16, id: &str| {
        let response = Response::builder().status(status).header("twilio-request-id", id);
        response.body(Bytes::from_static(b"{}")).unwrap()
    };
    let error = ProviderError { code: Some(21211), message: Some("The 'To' number +529981122334 …".to_owned()) };
    let refused = asked.clone().answered(&answer(400, id), &Outcome::Rejected { error: error.clone() }, &HARMLESS);
    assert_eq!((refused.status, refused.error_code, refused.response_bytes), (Some(400), Some(21211), Some(2)));
    assert_eq!((refused.request_id.as_deref(), refused.failure, refused.duration_ms), (Some(id), None, 12));
    let taken =
        Outcome::Accepted { provider_id: "SM1".to_owned(), status: Status::Queued, segments: None, sender: None };
    let taken = asked.clone().answered(&answer(201, "to +529981122334"), &taken, &HARMLESS);
    assert_eq!((taken.status, taken.error_code, taken.request_id), (Some(201), None, None));
    let unknown = Outcome::Unknown { error };
    let odd = asked.clone().answered(&answer(200, id), &unknown, &HARMLESS);
    assert_eq!(odd.failure, Some(Failure::Unreadable));
    let broken = asked.clone().answered(&answer(500, "529981122334"), &unknown, &HARMLESS);
    assert_eq!((broken.failure, broken.request_id.as_deref()), (None, Some("529…34")));
    let silent = asked.unanswered(Failure::TimedOut);
    assert_eq!((silent.status, silent.response_bytes), (None, None));
    assert!(json(&silent).contains(r#""failure":"timed_out""#));
}

proptest! {
    /// The texts are told from all else by a mark that is in nothing else.
    #[test]
    fn no_text_number_or_secret_is_ever_kept(
        name in prop::sample::select(vec!["To", "From", "Body", "MediaUrl", "Tags", "MessagingServiceSid", "Other"]),
        number in "[+]?[1-9][0-9]{7,14}",
        words in "\\PC{0,40}",
    ) {
        let text = format!("ZQX{words}");
        let request = form(
            "https://me:ZQX@api.example/ZQXZQXZQXZQXZQXZQXZQX/a?key=ZQX",
            &[("Body", &text), ("To", &number), (name, &number), ("Tags", &text), ("MediaUrl", &format!("https://m.example/{text}"))],
        );
        let response = Response::builder().status(400).header("twilio-request-id", &number).header("set-cookie", "ZQX");
        let response = response.body(Bytes::from(text.clone())).unwrap();
        let error = ProviderError { code: None, message: Some(text) };
        let exchange = Exchange::asked(&request, &HARMLESS).answered(&response, &Outcome::Rejected { error }, &HARMLESS);
        let kept = json(&exchange);
        prop_assert!(!kept.contains("ZQX"), "{kept}");
        prop_assert!(!kept.contains(number.trim_start_matches('+')), "{kept}");
        prop_assert!(!kept.contains("c2VjcmV0"), "{kept}");
    }

    #[test]
    fn what_is_kept_is_small_whatever_was_asked(
        parameters in prop::collection::vec(("\\PC{0,300}", "\\PC{0,300}"), 0..80),
        path in "[a-z/]{0,600}",
    ) {
        let pairs: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let exchange = Exchange::asked(&form(&format!("https://api.example/{path}"), &pairs), &HARMLESS);
        prop_assert!(json(&exchange).len() < 6000);
        prop_assert_eq!(exchange.parameters.len() + exchange.further_parameters, pairs.len());
    }
}
