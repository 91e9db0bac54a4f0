//! Twilio's Lookup: the request that asks about a number, and what its answer says.

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use serde_json::Value;

use super::errors::{Advice, known};
use super::rest;
use crate::channels::{LookedUp, Untold};
use crate::message::{Address, ProviderError};

/// The package that tells the kind of line; what is not asked for is not told, and not billed.
const FIELDS: &str = "line_type_intelligence";

/// None for an address that is no number.
pub(super) fn encode(lookups: &str, authorization: &HeaderValue, number: &Address) -> Option<Request<Bytes>> {
    let digits = number.as_str().strip_prefix('+')?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let url = format!("{lookups}/v2/PhoneNumbers/%2B{digits}?Fields={FIELDS}");
    rest::get(&url, authorization)
}

pub(super) fn decode(response: &Response<Bytes>) -> Result<LookedUp, Untold> {
    let status = response.status();
    if !status.is_success() {
        return Err(refusal(response));
    }
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    let Some(valid) = body.get("valid").and_then(Value::as_bool) else {
        let message = Some(format!("HTTP {}, but no answer about the number in it", status.as_u16()));
        return Err(Untold::Later { after: None, error: ProviderError { code: None, message } });
    };
    let line = body.get("line_type_intelligence").unwrap_or(&Value::Null);
    let line_type = text(line, "type");
    Ok(LookedUp {
        valid,
        validation_errors: words(body.get("validation_errors")),
        country: text(&body, "country_code"),
        national: text(&body, "national_format"),
        mobile: line_type.as_deref().and_then(is_mobile),
        line_type,
        carrier: text(line, "carrier_name"),
        mobile_country_code: text(line, "mobile_country_code"),
        mobile_network_code: text(line, "mobile_network_code"),
        error: line.get("error_code").and_then(rest::number),
    })
}

fn refusal(response: &Response<Bytes>) -> Untold {
    let error = rest::error(response.status(), response.body());
    let known = error.code.and_then(known);
    let after = rest::retry_after(response.headers()).or_else(|| known?.pause());
    match (response.status().as_u16(), known.map(|known| known.advice)) {
        (408 | 429 | 500.., _) | (_, Some(Advice::RetryLater(_) | Advice::Busy(_))) => Untold::Later { after, error },
        _ => Untold::Refused(error),
    }
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn words(value: Option<&Value>) -> Vec<String> {
    let words = value.and_then(Value::as_array).into_iter().flatten();
    words.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn is_mobile(line_type: &str) -> Option<bool> {
    match line_type {
        "unknown" => None,
        line_type => Some(line_type == "mobile"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn answer(status: u16, body: &str) -> Response<Bytes> {
        Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap()
    }

    #[test]
    fn the_request_names_the_number_and_the_package() {
        let authorization = HeaderValue::from_static("Basic x");
        let encode = |number| encode("https://lookups.twilio.com", &authorization, &Address::received(number));
        let request = encode("+529983162438").unwrap();
        assert_eq!(
            request.uri(),
            "https://lookups.twilio.com/v2/PhoneNumbers/%2B529983162438?Fields=line_type_intelligence"
        );
        assert_eq!((request.method(), &request.headers()["authorization"]), (&http::Method::GET, &authorization));
        for other in ["22395", "RECADO", "+", "+52/../..", "whatsapp:+529983162438"] {
            assert!(encode(other).is_none(), "{other}");
        }
    }

    #[test]
    fn an_answer_is_read() {
        let body = r#"{"calling_country_code":"52","country_code":"MX","phone_number":"+529983162438","valid":true,
            "national_format":"998 316 2438","validation_errors":[],"line_type_intelligence":{"type":"mobile",
            "mobile_country_code":"334","mobile_network_code":"020","carrier_name":"Telcel","error_code":null}}"#;
        let expected = LookedUp {
            valid: true,
            validation_errors: Vec::new(),
            country: Some("MX".to_owned()),
            national: Some("998 316 2438".to_owned()),
            line_type: Some("mobile".to_owned()),
            mobile: Some(true),
            carrier: Some("Telcel".to_owned()),
            mobile_country_code: Some("334".to_owned()),
            mobile_network_code: Some("020".to_owned()),
            error: None,
        };
        assert_eq!(decode(&answer(200, body)), Ok(expected));
    }

    #[test]
    fn a_line_is_mobile_or_not_or_nobody_knows() {
        let cases =
            [("mobile", Some(true)), ("landline", Some(false)), ("nonFixedVoip", Some(false)), ("unknown", None)];
        for (line_type, mobile) in cases {
            let body = format!(r#"{{"valid":true,"line_type_intelligence":{{"type":"{line_type}"}}}}"#);
            assert_eq!(decode(&answer(200, &body)).unwrap().mobile, mobile, "{line_type}");
        }
        let invalid = r#"{"valid":false,"validation_errors":["TOO_SHORT"],"line_type_intelligence":null}"#;
        let told = decode(&answer(200, invalid)).unwrap();
        assert_eq!((told.valid, told.mobile), (false, None));
        assert_eq!(told.validation_errors, ["TOO_SHORT"]);
        let partial =
            r#"{"valid":true,"validation_errors":null,"line_type_intelligence":{"type":null,"error_code":60600}}"#;
        let told = decode(&answer(200, partial)).unwrap();
        assert_eq!((told.valid, told.mobile, told.error), (true, None, Some(60600)));
    }

    #[test]
    fn what_is_not_told_is_refused_or_comes_later() {
        let code =
            |status, code: i32| decode(&answer(status, &format!(r#"{{"code":{code},"message":"m"}}"#))).unwrap_err();
        let error = |code| ProviderError { code: Some(code), message: Some("m".to_owned()) };
        assert_eq!(code(401, 20003), Untold::Refused(error(20003)));
        assert_eq!(code(404, 20404), Untold::Refused(error(20404)));
        assert_eq!(code(429, 20429), Untold::Later { after: None, error: error(20429) });
        let minute = Some(Duration::from_mins(1));
        assert_eq!(code(400, 60616), Untold::Later { after: minute, error: error(60616) });
        for (status, body) in [(503, ""), (429, "slow down"), (200, "<html>"), (200, "{}")] {
            assert!(matches!(decode(&answer(status, body)), Err(Untold::Later { after: None, .. })), "{status} {body}");
        }
    }
}
