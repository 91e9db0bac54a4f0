//! Webhooks that no fixture shows: rotation, order of refusals, broken and hostile ones.

use http::{HeaderValue, Method};
use proptest::prelude::*;

use super::*;
use crate::channels::{Event, Refused, Webhook};

const URL: &str = "https://recado.example/webhooks/sms/inbound";

fn inbound() -> Webhook {
    posted(URL, &pairs(&[("MessageSid", "SM1"), ("From", "+14017122661"), ("To", "+15558675310")]))
}

fn malformed(webhook: Webhook) -> bool {
    matches!(channel("").verify(webhook), Err(Refused::Malformed(_)))
}

#[test]
fn while_a_token_is_replaced_both_are_good() {
    for (settings, accepted) in [
        ("auth_token = 'new'\nauth_tokens = ['', '12345']", true),
        ("auth_token = '12345'\nauth_tokens = ['old']", true),
        ("auth_token = 'new'\nauth_tokens = ['old']", false),
    ] {
        assert_eq!(channel(settings).verify(inbound()).is_ok(), accepted, "{settings}");
    }
}

#[test]
fn refusals_come_in_order() {
    let mut webhook = inbound();
    webhook.body = "Body=%zz".into();
    assert!(malformed(webhook.clone()), "unreadable goes before forged");
    webhook.headers.remove("x-twilio-signature");
    assert_eq!(channel("").verify(webhook).unwrap_err(), Refused::Unsigned);
}

#[test]
fn what_is_of_another_account_is_refused_though_it_is_signed() {
    let of = |account: &str| {
        let given = [("MessageSid", "SM1"), ("From", "+14017122661"), ("To", "+15558675310"), ("AccountSid", account)];
        posted(URL, &pairs(&given))
    };
    let other = ACCOUNT.replace("01", "02");
    for (account, refused) in [
        (ACCOUNT, None),
        (&ACCOUNT.to_lowercase(), None),
        ("", None),
        (&other, Some(Refused::Foreign)),
        ("AC-other", Some(Refused::Foreign)),
    ] {
        assert_eq!(channel("").verify(of(account)).err(), refused, "{account}");
    }
    // Nobody learns that but who has the token.
    assert_eq!(channel("auth_token = 'another'").verify(of(&other)).unwrap_err(), Refused::Forged);
}

#[test]
fn only_bodies_that_are_signed_are_read() {
    let with_type = |content_type: Option<&str>| {
        let mut webhook = inbound();
        webhook.headers.remove("content-type");
        if let Some(content_type) = content_type {
            webhook.headers.insert("content-type", HeaderValue::from_str(content_type).unwrap());
        }
        webhook
    };
    assert!(channel("").verify(with_type(Some("Application/X-WWW-Form-Urlencoded; charset=UTF-8"))).is_ok());
    for content_type in [None, Some("text/plain"), Some("multipart/form-data"), Some("application/json")] {
        assert!(malformed(with_type(content_type)), "{content_type:?}");
    }
    // The signature of the URL alone is good here, and says nothing about the body.
    let mut webhook = posted(URL, &[]);
    webhook.body = r#"{"MessageSid":"SM1"}"#.into();
    webhook.headers.insert("content-type", HeaderValue::from_static("application/json"));
    assert!(malformed(webhook.clone()));
    webhook.headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
    assert_eq!(channel("").verify(webhook.clone()).unwrap_err(), Refused::Forged);
    webhook.method = Method::PUT;
    assert!(malformed(webhook));
}

#[test]
fn what_lacks_its_essentials_is_malformed() {
    let all = [("MessageSid", "SM1"), ("From", "+14017122661"), ("To", "+15558675310")];
    for (index, (name, _)) in all.iter().enumerate() {
        for value in [None, Some(""), Some("  ")] {
            let mut parameters = pairs(&all);
            match value {
                Some(value) => value.clone_into(&mut parameters[index].1),
                None => drop(parameters.remove(index)),
            }
            let verified = channel("").verify(posted(URL, &parameters)).unwrap();
            assert!(channel("").parse(&verified).unwrap_err().0.contains(name), "{name} {value:?}");
        }
    }
    let nothing = channel("").verify(posted(URL, &[])).unwrap();
    assert!(channel("").parse(&nothing).is_err());
}

#[test]
fn status_words_tell_reports_from_messages() {
    let cases = [
        // MessageStatus, SmsStatus, what it is.
        ("received", "", "message"),
        ("receiving", "", "message"),
        ("", "received", "message"),
        ("", "RECEIVED", "message"),
        ("", "", "message"),
        ("", "something new", "message"),
        ("", "sent", "report"),
        ("Delivered", "", "report"),
        ("read", "received", "report"),
        ("something new", "sent", "nothing"),
        ("pending", "", "nothing"),
        ("unknown", "", "nothing"),
    ];
    for (message_status, sms_status, expected) in cases {
        let mut parameters = pairs(&[("MessageSid", "SM1"), ("From", "+14017122661"), ("To", "+15558675310")]);
        parameters.extend(pairs(&[("MessageStatus", message_status), ("SmsStatus", sms_status)]));
        let verified = channel("").verify(posted(URL, &parameters)).unwrap();
        let found = match channel("").parse(&verified).unwrap().as_slice() {
            [Event::Inbound(_)] => "message",
            [Event::Status(_)] => "report",
            [] => "nothing",
            _ => "several",
        };
        assert_eq!(found, expected, "{message_status:?} {sms_status:?}");
    }
}

#[test]
fn a_value_that_was_not_used_stays_among_the_extras() {
    let parameters = pairs(&[
        ("MessageSid", "SM1"),
        ("SmsSid", "SM2"),
        ("From", "+14017122661"),
        ("To", "+15558675310"),
        ("Body", "first"),
        ("Body", "second"),
        ("NumMedia", "3"),
        ("NumSegments", "0"),
        ("MediaUrl0", "https://m.example/0"),
    ]);
    let verified = channel("").verify(posted(URL, &parameters)).unwrap();
    let events = channel("").parse(&verified).unwrap();
    let [Event::Inbound(inbound)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((inbound.text.as_str(), inbound.segments), ("first", None));
    assert_eq!(inbound.extra, pairs(&[("SmsSid", "SM2"), ("Body", "second"), ("NumMedia", "3")]));
}

fn parameter() -> impl Strategy<Value = (String, String)> {
    let known = "MessageSid|SmsSid|From|To|Body|NumMedia|NumSegments|MediaUrl[0-9]|MessageStatus|ErrorCode|.{0,4}";
    (known, "delivered|failed|received|[0-9]{0,3}|.{0,12}")
}

proptest! {
    #[test]
    fn what_is_signed_is_let_in_and_read_without_a_panic(
        parameters in proptest::collection::vec(parameter(), 1..12),
        query in "[ -~]{0,20}",
    ) {
        let twilio = channel("");
        let url = format!("{URL}?{}", query.replace('#', ""));
        let verified = twilio.verify(posted(&url, &parameters)).unwrap();
        prop_assert_eq!(verified.parameters().len(), parameters.len());
        let _ = twilio.parse(&verified);
    }

    #[test]
    fn what_is_not_signed_is_kept_out_without_a_panic(
        post: bool, url in "(https?://)?\\PC{0,30}", signature in "[ -~]{0,30}", body: Vec<u8>,
        content_type in "application/(json|x-www-form-urlencoded)|.{0,9}",
    ) {
        let mut webhook = inbound();
        webhook.method = if post { Method::POST } else { Method::GET };
        webhook.headers.insert("x-twilio-signature", HeaderValue::from_str(&signature).unwrap());
        if let Ok(content_type) = HeaderValue::from_bytes(content_type.as_bytes()) {
            webhook.headers.insert("content-type", content_type);
        }
        let refused = channel("").verify(Webhook { url, body: body.into(), ..webhook }).is_err();
        prop_assert!(refused);
    }
}
