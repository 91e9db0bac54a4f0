//! Whose a webhook is, when its address names only the kind of channel.

use std::collections::BTreeMap;

use super::*;
use crate::channels::Channels;

const OTHER_SERVICE: &str = "MG00000000000000000000000000000002";
const OTHER_ACCOUNT: &str = "AC00000000000000000000000000000002";
const FIRST: &str = "+15558675310";
const SECOND: &str = "+15558675311";
const CUSTOMER: &str = "+14017122661";

/// Two channels of one account, one of another.
fn channels() -> Channels {
    let each = [
        ("first", String::new()),
        ("second", format!("from = '{SECOND}'\nmessaging_service_sid = '{SERVICE}'")),
        ("foreign", format!("account_sid = '{OTHER_ACCOUNT}'\nmessaging_service_sid = '{SERVICE}'\nfrom = ''")),
    ];
    let settings = each.map(|(name, more)| (name.to_owned(), AnyChannel::Twilio(settings(&more))));
    Channels::build(&BTreeMap::from(settings), &crate::channels::no_components).unwrap()
}

/// Parameters, and the channel they belong to.
type Case<'a> = (&'a [(&'a str, &'a str)], Option<&'a str>);

fn found(name: &str, parameters: &[(&str, &str)]) -> Option<String> {
    let webhook = posted("https://recado.example/webhooks/twilio/inbound", &pairs(parameters));
    channels().of(name, &webhook).map(|(name, _)| name.to_owned())
}

#[test]
fn a_name_goes_before_a_kind() {
    for name in ["first", "second", "foreign"] {
        assert_eq!(found(name, &[("To", SECOND)]).as_deref(), Some(name));
    }
    assert_eq!(found("fax", &[("To", FIRST)]), None);
    assert_eq!(found("", &[("To", FIRST)]), None);
}

#[test]
fn a_message_is_its_numbers_then_its_services() {
    let cases: [Case<'_>; 12] = [
        (&[("To", FIRST), ("AccountSid", ACCOUNT)], Some("first")),
        (&[("To", SECOND), ("AccountSid", ACCOUNT)], Some("second")),
        (&[("To", SECOND)], Some("second")),
        (&[("To", SECOND), ("AccountSid", OTHER_ACCOUNT)], None),
        // The number goes before the service.
        (&[("To", FIRST), ("MessagingServiceSid", SERVICE), ("AccountSid", ACCOUNT)], Some("first")),
        (&[("To", CUSTOMER), ("MessagingServiceSid", SERVICE), ("AccountSid", ACCOUNT)], Some("second")),
        (&[("To", CUSTOMER), ("MessagingServiceSid", SERVICE), ("AccountSid", OTHER_ACCOUNT)], Some("foreign")),
        // Never by the service alone.
        (&[("To", CUSTOMER), ("MessagingServiceSid", SERVICE)], None),
        (&[("To", CUSTOMER), ("MessagingServiceSid", OTHER_SERVICE), ("AccountSid", ACCOUNT)], None),
        (&[("To", CUSTOMER), ("AccountSid", ACCOUNT)], None),
        // One channel writes to another.
        (&[("From", FIRST), ("To", SECOND), ("SmsStatus", "received"), ("AccountSid", ACCOUNT)], Some("second")),
        (&[], None),
    ];
    for (parameters, expected) in cases {
        assert_eq!(found("twilio", parameters).as_deref(), expected, "{parameters:?}");
    }
}

#[test]
fn a_report_is_its_senders() {
    let report = |pairs: &[(&str, &str)]| {
        let mut all = vec![("MessageSid", "SM1"), ("MessageStatus", "delivered"), ("AccountSid", ACCOUNT)];
        all.extend(pairs);
        found("twilio", &all)
    };
    assert_eq!(report(&[("From", FIRST), ("To", SECOND)]).as_deref(), Some("first"));
    assert_eq!(report(&[("From", SECOND), ("To", FIRST)]).as_deref(), Some("second"));
    assert_eq!(report(&[("From", CUSTOMER), ("To", SECOND)]), None);
    assert_eq!(report(&[("MessagingServiceSid", SERVICE), ("To", CUSTOMER)]).as_deref(), Some("second"));
}

#[test]
fn what_can_not_be_read_is_nobodys() {
    let mut webhook = posted("https://recado.example/webhooks/twilio/inbound", &pairs(&[("To", FIRST)]));
    webhook.body = "To=%zz".into();
    assert!(channels().of("twilio", &webhook).is_none());
    webhook.method = http::Method::GET;
    webhook.url = "https://recado.example/webhooks/twilio/inbound?To=%2B15558675310".to_owned();
    assert_eq!(channels().of("twilio", &webhook).map(|(name, _)| name), Some("first"));
}
