//! Twilio's own record: what is asked of it, and what is read from its answers.

use http::{Request, Response};
use serde_json::{Value, json};

use super::*;
use crate::channels::{Listed, Search, Unreadable};
use crate::message::{Direction, ProviderError, Status};

const PATH: &str = "/2010-04-01/Accounts/AC00000000000000000000000000000001/Messages";
const SID: &str = "SM00000000000000000000000000000001";

fn search(direction: Direction, sender: Option<&str>, recipient: Option<&str>) -> Search {
    Search {
        direction,
        sender: sender.map(Address::received),
        recipient: recipient.map(Address::received),
        since: "2026-11-24T01:02:03Z".parse().unwrap(),
        until: "2026-11-24T05:00:00Z".parse().unwrap(),
    }
}

fn asked(request: &Request<Bytes>) -> (String, Vec<(String, String)>) {
    assert_eq!(request.method(), http::Method::GET);
    assert!(request.headers()["authorization"].is_sensitive());
    assert_eq!(request.headers()["accept"], "application/json");
    let query = request.uri().query().unwrap_or_default();
    (request.uri().path().to_owned(), form_urlencoded::parse(query.as_bytes()).into_owned().collect())
}

fn answered(status: u16, body: &Value) -> Response<Bytes> {
    Response::builder().status(status).body(body.to_string().into()).unwrap()
}

fn resource() -> Value {
    json!({
        "sid": SID, "direction": "outbound-api", "from": "+15558675310", "to": "+14017122661", "body": "Hola",
        "num_media": "2", "num_segments": "3", "status": "undelivered", "error_code": 30003, "error_message": "away",
        "date_created": "Thu, 24 Aug 2023 05:01:45 +0000", "date_sent": "Thu, 24 Aug 2023 05:01:46 +0000",
        "messaging_service_sid": SERVICE, "account_sid": ACCOUNT,
    })
}

fn read(change: &Value) -> Result<Listed, Unreadable> {
    let mut resource = resource();
    for (name, value) in change.as_object().unwrap() {
        resource[name] = value.clone();
    }
    channel("").records().unwrap().read_message(&answered(200, &resource))
}

#[test]
fn what_went_out_is_asked_for_without_a_date_and_what_came_in_with_one() {
    let twilio = channel("");
    let records = twilio.records().unwrap();
    let outbound = search(Direction::Outbound, Some("+15558675310"), Some("+14017122661"));
    let size = ("PageSize".to_owned(), "200".to_owned());
    let expected = [pairs(&[("To", "+14017122661"), ("From", "+15558675310")]), vec![size.clone()]].concat();
    assert_eq!(asked(&records.list(&outbound)), (format!("{PATH}.json"), expected));
    let inbound = search(Direction::Inbound, None, Some("+15558675310"));
    let expected = [pairs(&[("To", "+15558675310"), ("DateSent>", "2026-11-24")]), vec![size.clone()]].concat();
    assert_eq!(asked(&records.list(&inbound)).1, expected);
    let of_all = search(Direction::Inbound, None, None);
    assert_eq!(asked(&records.list(&of_all)).1, [pairs(&[("DateSent>", "2026-11-24")]), vec![size]].concat());
    assert_eq!(asked(&records.fetch(SID).unwrap()), (format!("{PATH}/{SID}.json"), vec![]));
    assert_eq!(asked(&records.list_media(SID).unwrap()), (format!("{PATH}/{SID}/Media.json"), vec![]));
}

#[test]
fn a_further_page_is_followed_only_within_the_account() {
    let twilio = channel("base_url = 'https://proxy.example/twilio'");
    let records = twilio.records().unwrap();
    let next = records.list_on(&format!("{PATH}.json?PageSize=200&Page=1&PageToken=PASM1")).unwrap();
    let expected = format!("https://proxy.example/twilio{PATH}.json?PageSize=200&Page=1&PageToken=PASM1");
    assert_eq!(next.uri().to_string(), expected);
    assert!(next.headers().contains_key("authorization"));
    let other = "AC00000000000000000000000000000002";
    for bad in [
        format!("https://elsewhere.example{PATH}.json?Page=1"),
        format!("//elsewhere.example{PATH}.json?Page=1"),
        format!("{}.json?Page=1", PATH.replace(ACCOUNT, other)),
        format!("{PATH}/../../{other}/Messages.json?Page=1"),
        format!("{PATH}.json"),
        format!("{PATH}.json?a=b#c"),
        format!("{PATH}.json?a b"),
        "/Messages.json?Page=1".to_owned(),
        "?Page=1".to_owned(),
        String::new(),
    ] {
        assert!(matches!(records.list_on(&bad), Err(Unreadable::Malformed(_))), "{bad}");
    }
    for bad in ["", "../x", "SM1/Media", "SM1?x", "SM1#", "%2e"] {
        assert!(records.fetch(bad).is_err() && records.list_media(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_message_is_read_whole() {
    let created = "2023-08-24T05:01:45Z".parse().unwrap();
    let expected = Listed {
        provider_id: SID.to_owned(),
        direction: Direction::Outbound,
        reply: false,
        sender: Some(Address::received("+15558675310")),
        recipient: Some(Address::received("+14017122661")),
        text: "Hola".to_owned(),
        media: 2,
        status: Status::Undelivered,
        error: Some(ProviderError { code: Some(30003), message: Some("away".to_owned()) }),
        segments: Some(3),
        created_at: created,
        sent_at: "2023-08-24T05:01:46Z".parse().ok(),
        consent: None,
        handled: false,
        service: Some(SERVICE.to_owned()),
        extra: pairs(&[
            ("DateCreated", "Thu, 24 Aug 2023 05:01:45 +0000"),
            ("DateSent", "Thu, 24 Aug 2023 05:01:46 +0000"),
            ("MessagingServiceSid", SERVICE),
            ("AccountSid", ACCOUNT),
        ]),
    };
    assert_eq!(read(&json!({})), Ok(expected.clone()));
    let just_made = json!({
        "from": null, "num_media": "0", "num_segments": "0", "status": "accepted", "error_code": null,
        "error_message": null, "date_sent": null, "messaging_service_sid": null, "direction": "outbound-reply",
        "body": "Sent from your Twilio trial account - Hola",
    });
    let extra = pairs(&[("DateCreated", "Thu, 24 Aug 2023 05:01:45 +0000"), ("AccountSid", ACCOUNT)]);
    let made = Listed {
        reply: true,
        sender: None,
        media: 0,
        status: Status::Accepted,
        error: None,
        segments: None,
        sent_at: None,
        service: None,
        extra,
        ..expected
    };
    assert_eq!(read(&just_made), Ok(made));
    let trial = "Sent from your Twilio trial account - Hola";
    let said = read(&json!({ "direction": "inbound", "status": "received", "body": trial })).unwrap();
    assert_eq!((said.direction, said.status, said.text.as_str()), (Direction::Inbound, Status::Received, trial));
    assert_eq!(read(&json!({ "status": "a new word" })).unwrap().status, Status::Queued);
}

#[test]
fn what_can_t_be_told_apart_spoils_the_list() {
    for change in [
        json!({ "sid": null }),
        json!({ "direction": "" }),
        json!({ "date_created": null }),
        json!({ "date_created": "yesterday" }),
    ] {
        assert!(matches!(read(&change), Err(Unreadable::Malformed(_))), "{change}");
    }
    let twilio = channel("");
    let records = twilio.records().unwrap();
    let page = json!({ "messages": [resource()], "next_page_uri": "/x?y" });
    let listing = records.read_list(&answered(200, &page)).unwrap();
    assert_eq!((listing.messages.len(), listing.next.as_deref()), (1, Some("/x?y")));
    let last = json!({ "messages": [], "next_page_uri": null });
    assert_eq!(records.read_list(&answered(200, &last)).unwrap().next, None);
    for bad in [
        json!({}),
        json!({ "messages": 1 }),
        json!({ "messages": [{}] }),
        json!({ "messages": [], "next_page_uri": 1 }),
    ] {
        assert!(matches!(records.read_list(&answered(200, &bad)), Err(Unreadable::Malformed(_))), "{bad}");
    }
}

#[test]
fn a_refusal_says_nothing_about_messages() {
    let twilio = channel("");
    let records = twilio.records().unwrap();
    for status in [401, 403, 429, 500, 503, 302, 201] {
        let refused = records.read_list(&answered(status, &json!({ "messages": [] })));
        assert_eq!(refused, Err(Unreadable::Refused { status, after: None }));
    }
    let busy = Response::builder().status(429).header("retry-after", "7").body(Bytes::new()).unwrap();
    let after = Some(std::time::Duration::from_secs(7));
    assert_eq!(records.read_list(&busy), Err(Unreadable::Refused { status: 429, after }));
    assert_eq!(records.read_message(&answered(404, &json!({}))), Err(Unreadable::Missing));
}

#[test]
fn media_are_at_the_account_and_a_message_is_ours_by_number_or_service() {
    let number = channel("");
    let service = channel(&format!("messaging_service_sid = '{SERVICE}'"));
    let media = json!({ "media_list": [{ "sid": "ME1", "parent_sid": SID, "content_type": "image/png" }] });
    let url = format!("https://api.twilio.com{PATH}/{SID}/Media/ME1");
    let expected = vec![crate::message::Media { url, content_type: Some("image/png".to_owned()) }];
    assert_eq!(number.records().unwrap().read_media(&answered(200, &media)), Ok(expected));
    let bad = json!({ "media_list": [{ "sid": "../x", "parent_sid": SID }] });
    assert!(number.records().unwrap().read_media(&answered(200, &bad)).is_err());
    let ours = |twilio: &Twilio, change: &Value| twilio.records().unwrap().is_ours(&read(change).unwrap());
    assert!(ours(&number, &json!({ "to": "+15558675310" })) && !ours(&number, &json!({ "to": "+15558675311" })));
    assert!(ours(&service, &json!({})) && !ours(&service, &json!({ "messaging_service_sid": null })));
}
