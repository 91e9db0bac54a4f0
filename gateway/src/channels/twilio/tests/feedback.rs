//! What Twilio is told that a message led to, and what it answers.

use http::StatusCode;

use super::*;
use crate::message::ProviderError;

#[test]
fn feedback_goes_to_the_message_it_is_about() {
    let sid = "SM00000000000000000000000000000007";
    let request = channel("base_url = 'http://localhost:9000'").feedback(sid, Feedback::Unconfirmed).unwrap();
    let uri = format!("http://localhost:9000/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}/Feedback.json");
    assert_eq!((request.method(), request.uri().to_string()), (&http::Method::POST, uri));
    assert_eq!(form::decode(request.body()).unwrap(), pairs(&[("Outcome", "unconfirmed")]));
    for odd in ["", "SM1", "SM0000000000000000000000000000000/"] {
        assert!(channel("").feedback(odd, Feedback::Confirmed).is_none(), "{odd}");
    }
}

#[test]
fn an_answer_tells_when_or_why_not() {
    let told = |status: u16, body: &str| {
        let response = http::Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap();
        channel("").fed_back(&response)
    };
    let dates = r#"{"date_created": "Thu, 30 Jul 2015 20:00:00 +0000", "date_updated": null}"#;
    let expected = FedBack { created_at: "2015-07-30T20:00:00Z".parse().ok(), updated_at: None };
    assert_eq!(told(200, dates), Ok(expected));
    assert_eq!(told(201, "<html>"), Ok(FedBack::default()));
    let declined = |status: StatusCode, code, message: &str| {
        Err(Declined { status, error: ProviderError { code, message: Some(message.to_owned()) } })
    };
    let no = r#"{"code": 20001, "message": "Not this one", "status": 400}"#;
    assert_eq!(told(400, no), declined(StatusCode::BAD_REQUEST, Some(20001), "Not this one"));
    assert_eq!(told(307, ""), declined(StatusCode::TEMPORARY_REDIRECT, None, "HTTP 307"));
}
