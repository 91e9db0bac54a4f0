//! What an application is told, in Twilio's form, signed with the token of its key. Pure.

use bytes::Bytes;
use form_urlencoded::Serializer;
use hmac::{Hmac, KeyInit, Mac};
use http::Request;
use http::header::CONTENT_TYPE;
use sha2::Sha256;
use url::{Host, Url};

use crate::channels::twilio::resource::{API_VERSION, message_sid, status_word};
use crate::channels::twilio::signature;
use crate::message::Status;
use crate::store::ClaimedCallback;
use crate::transport::is_private;

/// What is wrong with the address of an application.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadUrl(pub(super) String);

/// The longest address that Twilio takes, in characters.
const LONGEST: usize = 4000;

/// The token that an application checks signatures with, from what is stored of its key: it can be
/// told again, and needs no place of its own.
pub fn token(key_hash: &str) -> String {
    // HMAC takes a key of any length, so there always is one; the type can't say so.
    let Ok(mut hash) = Hmac::<Sha256>::new_from_slice(key_hash.as_bytes()) else { return String::new() };
    hash.update(b"recado callback token");
    let mut token = hex::encode(hash.finalize().into_bytes());
    token.truncate(32);
    token
}

/// Whether an application may be called there.
pub fn check_url(text: &str, private_addresses: bool) -> Result<(), BadUrl> {
    let bad = |problem: &str| Err(BadUrl(problem.to_owned()));
    if text.chars().count() > LONGEST {
        return bad("it is longer than 4000 characters");
    }
    let Ok(url) = Url::parse(text) else { return bad("it can't be read as a URL") };
    if !matches!(url.scheme(), "http" | "https") {
        return bad("it must begin with http:// or https://");
    }
    let Some(host) = url.host() else { return bad("it has no host") };
    if matches!(host, Host::Domain(name) if name.contains('_')) {
        return bad("its host has an underscore");
    }
    if !private_addresses && is_private(&host) {
        return bad("it is an address of this machine or network, which `callbacks.private_addresses` would allow");
    }
    Ok(())
}

/// The request that tells it.
pub(super) fn build(callback: &ClaimedCallback) -> Result<Request<Bytes>, BadUrl> {
    // What is behind `#` tells Twilio how to call; it is neither sent nor signed.
    let url = callback.callback.url.split('#').next().unwrap_or_default();
    let parameters = parameters(callback);
    let signature = signature::sign(&token(&callback.key_hash), url, &parameters);
    let body = Serializer::new(String::new()).extend_pairs(&parameters).finish();
    Request::post(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("x-twilio-signature", signature)
        .body(Bytes::from(body))
        .map_err(|error| BadUrl(format!("the address can't be called: {error}")))
}

fn parameters(callback: &ClaimedCallback) -> Vec<(String, String)> {
    let sid = message_sid(callback.message_id, callback.has_media);
    let status = status_word(callback.status);
    let mut pairs = vec![
        ("SmsSid", sid.clone()),
        ("SmsStatus", status.to_owned()),
        ("MessageStatus", status.to_owned()),
        ("To", callback.to.as_str().to_owned()),
        ("MessageSid", sid),
        ("AccountSid", callback.callback.account.clone()),
        ("ApiVersion", API_VERSION.to_owned()),
    ];
    if let Some(from) = &callback.from {
        pairs.push(("From", from.as_str().to_owned()));
    }
    if let Some(service) = &callback.service {
        pairs.push(("MessagingServiceSid", service.clone()));
    }
    if let (Status::Failed | Status::Undelivered, Some(code)) = (callback.status, callback.error_code) {
        pairs.push(("ErrorCode", code.to_string()));
    }
    if let (Status::Delivered | Status::Undelivered, Some(date)) = (callback.status, &callback.carrier_date) {
        pairs.push(("RawDlrDoneDate", date.clone()));
    }
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::message::{Address, MessageId};
    use crate::store::Callback;

    #[test]
    fn a_token_is_of_its_key_and_always_the_same() {
        let hash = hex::encode([7; 32]);
        assert_eq!(token(&hash), token(&hash));
        assert_eq!((token(&hash).len(), token(&hash) == token("other")), (32, false));
        assert!(token(&hash).bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn addresses_that_twilio_or_prudence_refuses() {
        let long = format!("https://example.com/{}", "a".repeat(LONGEST));
        let cases = [
            ("https://example.com/status?order=1#rc=2&rp=all", true, true),
            ("http://example.com:8080/", true, true),
            ("https://my_app.example.com/", false, false),
            ("ftp://example.com/", false, false),
            ("/status", false, false),
            ("", false, false),
            (long.as_str(), false, false),
            ("http://localhost:3000/", false, true),
            ("http://app.localhost/", false, true),
            ("http://127.0.0.1/", false, true),
            ("http://0/", false, true),
            ("http://10.1.2.3/", false, true),
            ("http://169.254.169.254/latest/meta-data", false, true),
            ("http://100.64.0.1/", false, true),
            ("http://[::1]/", false, true),
            ("http://[::ffff:127.0.0.1]/", false, true),
            ("http://[fd00::1]/", false, true),
            ("http://93.184.216.34/", true, true),
        ];
        for (url, outside, inside) in cases {
            assert_eq!(check_url(url, false).is_ok(), outside, "{url}");
            assert_eq!(check_url(url, true).is_ok(), inside, "{url}");
        }
    }

    fn callback(status: Status, error_code: Option<i32>) -> ClaimedCallback {
        ClaimedCallback {
            message_id: MessageId(Uuid::parse_str("0190a5b1-7e6f-7abc-8def-0123456789ab").unwrap()),
            position: 0,
            status,
            error_code,
            from: Some(Address::received("+529983162438")),
            service: None,
            carrier_date: None,
            to: Address::received("+529981234567"),
            has_media: false,
            callback: Callback {
                url: "https://app.example.com/status?order=1#rc=2".to_owned(),
                api_key_id: Uuid::nil(),
                account: "AC0190a5b17e6f7abc8def0123456789ac".to_owned(),
            },
            key_hash: "aa".to_owned(),
            tries: 1,
        }
    }

    #[test]
    fn an_application_is_told_in_twilios_form_and_can_check_the_signature() {
        let request = build(&callback(Status::Failed, Some(30003))).unwrap();
        assert_eq!(request.uri(), "https://app.example.com/status?order=1");
        let parameters: Vec<(String, String)> = form_urlencoded::parse(request.body()).into_owned().collect();
        let value = |name: &str| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let sid = Some("SM0190a5b17e6f7abc8def0123456789ab");
        assert_eq!((value("MessageSid"), value("SmsSid")), (sid, sid));
        assert_eq!((value("MessageStatus"), value("SmsStatus")), (Some("failed"), Some("failed")));
        assert_eq!((value("From"), value("To")), (Some("+529983162438"), Some("+529981234567")));
        assert_eq!((value("ErrorCode"), value("ApiVersion")), (Some("30003"), Some("2010-04-01")));
        assert_eq!(value("MessagingServiceSid"), None);
        let expected = signature::sign(&token("aa"), "https://app.example.com/status?order=1", &parameters);
        assert_eq!(request.headers()["x-twilio-signature"], expected.as_str());

        let by_service = ClaimedCallback { service: Some("MG1".to_owned()), ..callback(Status::Sent, Some(30003)) };
        let request = build(&by_service).unwrap();
        let body = std::str::from_utf8(request.body()).unwrap();
        assert!(body.contains("MessagingServiceSid=MG1") && body.contains("From=%2B529983162438"), "{body}");
        assert!(!body.contains("ErrorCode"), "{body}");
    }

    #[test]
    fn what_the_provider_told_goes_along() {
        let told = |status| {
            let carrier_date = Some("2611230037".to_owned());
            let request = build(&ClaimedCallback { carrier_date, ..callback(status, None) }).unwrap();
            String::from_utf8(request.body().to_vec()).unwrap()
        };
        for (status, dated) in [(Status::Delivered, true), (Status::Undelivered, true), (Status::Sent, false)] {
            assert_eq!(told(status).contains("RawDlrDoneDate=2611230037"), dated, "{status}");
        }
    }
}
