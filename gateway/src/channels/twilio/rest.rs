//! Twilio's REST API: the request that sends a part, and what the response to it came to.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use quick_xml::escape::unescape;
use serde_json::Value;

use super::errors::{Advice, known};
use super::events::{sender_named, status_named};
use super::options;
use crate::channels::{Harmless, Kept, Outcome, Part, Scope};
use crate::message::{Address, ProviderError, Status};

/// No pause asked for by a response is taken for longer than this: a misread header must not park a message.
const LONGEST_PAUSE: Duration = Duration::from_hours(24);

/// Twilio's code for credentials that it does not take.
const CREDENTIALS: i32 = 20003;
/// For a method that it does not allow there.
const METHOD: i32 = 20004;
/// For an address at which there is nothing.
const NOT_FOUND: i32 = 20404;

/// Of the create's parameters, those that may be kept: nothing that anybody wrote but for the ends of numbers.
pub(super) const HARMLESS: Harmless = Harmless {
    parameters: &[
        ("To", Kept::Ends),
        ("From", Kept::Ends),
        ("FallbackFrom", Kept::Ends),
        ("Body", Kept::Segments),
        ("MediaUrl", Kept::Host),
        ("StatusCallback", Kept::Host),
        ("MessagingServiceSid", Kept::All),
        ("ContentSid", Kept::All),
        ("ValidityPeriod", Kept::All),
        ("ScheduleType", Kept::All),
        ("SendAt", Kept::All),
        ("SmartEncoded", Kept::All),
        ("ShortenUrls", Kept::All),
        ("RiskCheck", Kept::All),
        ("ProvideFeedback", Kept::All),
        ("ContentRetention", Kept::All),
        ("SendAsMms", Kept::All),
        ("ForceDelivery", Kept::All),
        ("TrafficType", Kept::All),
    ],
    request_id: "twilio-request-id",
};

/// What every request of a channel has in common.
#[derive(Debug)]
pub(super) struct Rest {
    pub(super) endpoint: Uri,
    pub(super) authorization: HeaderValue,
    pub(super) sender: Sender,
    pub(super) validity: Option<u32>,
    pub(super) smart_encoded: bool,
}

/// What a channel sends from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    Address(Address),
    /// A messaging service, which chooses the number.
    Service(String),
}

impl Sender {
    pub(super) fn address(&self) -> Option<&Address> {
        match self {
            Self::Address(address) => Some(address),
            Self::Service(_) => None,
        }
    }

    fn service(&self) -> Option<&str> {
        match self {
            Self::Address(_) => None,
            Self::Service(sid) => Some(sid),
        }
    }
}

impl Rest {
    /// What the part names goes before what the channel is set up with. Twilio takes a sender and a service
    /// together; the sender must be in the service's pool then.
    pub(super) fn encode(&self, part: &Part) -> Request<Bytes> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("To", part.recipient.as_str());
        let (sender, service) = match (part.sender.as_ref(), part.service.as_deref()) {
            (None, None) => (self.sender.address(), self.sender.service()),
            named => named,
        };
        if let Some(address) = sender {
            form.append_pair("From", address.as_str());
        }
        if let Some(sid) = service {
            form.append_pair("MessagingServiceSid", sid);
        }
        if !part.content.text.is_empty() {
            form.append_pair("Body", &part.content.text);
        }
        for url in &part.content.media {
            form.append_pair("MediaUrl", url);
        }
        if !part.status_callback.is_empty() {
            form.append_pair("StatusCallback", &part.status_callback);
        }
        for (name, value) in options::parameters(part, self.validity, self.smart_encoded) {
            form.append_pair(name, &value);
        }
        self.post(self.endpoint.clone(), form.finish())
    }

    /// Twilio takes back what it keeps until its time, or has not begun to send.
    pub(super) fn cancel(&self, sid: &str) -> Option<Request<Bytes>> {
        Some(self.post(self.message(sid, ".json")?, "Status=canceled".to_owned()))
    }

    /// Where one message is found, or what belongs to it; nothing for what can't be a message's id.
    pub(super) fn message(&self, sid: &str, tail: &str) -> Option<Uri> {
        let known = sid.len() == 34 && sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let base = self.endpoint.to_string();
        let base = base.strip_suffix(".json").filter(|_| known)?;
        format!("{base}/{sid}{tail}").parse().ok()
    }

    pub(super) fn post(&self, uri: Uri, form: String) -> Request<Bytes> {
        let mut request = Request::new(Bytes::from(form));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.authorization.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        request
    }
}

/// A request that only asks; none for an address that is no URL.
pub(super) fn get(url: &str, authorization: &HeaderValue) -> Option<Request<Bytes>> {
    let request = Request::get(url).header(AUTHORIZATION, authorization).header(ACCEPT, "application/json");
    request.body(Bytes::new()).ok()
}

/// A request that changes a resource.
pub(super) fn post(url: &str, authorization: &HeaderValue, form: &[(&str, &str)]) -> Option<Request<Bytes>> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = Request::post(url).header(AUTHORIZATION, authorization).header(ACCEPT, "application/json");
    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body.into()).ok()
}

/// A 5xx may come after the message was made, a 408 from a proxy too; what else is refused was not processed,
/// and its code, where one is known, says what comes of it. A pause that the response names goes before ours.
pub(super) fn decode(response: &Response<Bytes>) -> Outcome {
    let status = response.status();
    if status.is_success() {
        return accepted(status, response.body());
    }
    let mut error = error(status, response.body());
    // Whoever answers so, Twilio or a proxy before it.
    error.code = error.code.or(match status {
        StatusCode::UNAUTHORIZED => Some(CREDENTIALS),
        StatusCode::NOT_FOUND => Some(NOT_FOUND),
        StatusCode::METHOD_NOT_ALLOWED => Some(METHOD),
        _ => None,
    });
    let known = error.code.and_then(known);
    let after = retry_after(response.headers()).or_else(|| known?.pause());
    // Messages are made at one address; who is sent elsewhere, or finds nothing, asked at another.
    let astray = status.is_redirection() || (status == StatusCode::NOT_FOUND && error.code == Some(NOT_FOUND));
    let scope = Scope::Channel;
    match (status.as_u16(), known.map(|known| known.advice)) {
        (..300 | 408 | 500.., _) => Outcome::Unknown { error },
        _ if astray => Outcome::Fault { scope, error },
        (401, _) | (_, Some(Advice::Account)) => Outcome::Fault { scope, error },
        (_, Some(Advice::Sender)) => Outcome::Fault { scope: Scope::Sender, error },
        (_, Some(Advice::OptedOut)) => Outcome::OptedOut { error },
        (_, Some(Advice::Busy(scope))) => Outcome::Busy { scope, after, error },
        (429, _) => Outcome::Busy { scope, after, error },
        (_, Some(Advice::RetryLater(_))) => Outcome::Retry { after, error },
        (_, Some(Advice::Ambiguous)) => Outcome::Unknown { error },
        _ => Outcome::Rejected { error },
    }
}

/// A success that doesn't say which message was made leaves it unknown.
fn accepted(status: StatusCode, body: &[u8]) -> Outcome {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| message.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let Some(sid) = text("sid") else {
        let message = Some(format!("HTTP {}, but no message id in the response", status.as_u16()));
        return Outcome::Unknown { error: ProviderError { code: None, message } };
    };
    Outcome::Accepted {
        provider_id: sid.to_owned(),
        // There is a message; a word for its status that is unknown here says no more than that.
        status: text("status").and_then(status_named).unwrap_or(Status::Queued),
        // While a messaging service hasn't chosen the number yet, Twilio says 0.
        segments: message.get("num_segments").and_then(number).filter(|count| *count > 0),
        sender: text("from").and_then(sender_named),
    }
}

/// What Twilio says went wrong; where it says nothing (a proxy's page, no body), the HTTP status.
pub(super) fn error(status: StatusCode, body: &[u8]) -> ProviderError {
    let ProviderError { code, message } = json_error(body).or_else(|| xml_error(body)).unwrap_or_default();
    ProviderError { code, message: message.or_else(|| Some(format!("HTTP {}", status.as_u16()))) }
}

/// Twilio's own form, `code` and `message`, or that of RFC 9457, which its newer APIs use.
fn json_error(body: &[u8]) -> Option<ProviderError> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let text = |name| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let message = text("message").or_else(|| text("detail")).or_else(|| text("title"));
    Some(ProviderError { code: body.get("code").and_then(number), message })
}

fn xml_error(body: &[u8]) -> Option<ProviderError> {
    let (_, body) = std::str::from_utf8(body).ok()?.split_once("<RestException>")?;
    let text = |open, close| {
        let (text, _) = body.split_once(open)?.1.split_once(close)?;
        Some(unescape(text).ok()?.into_owned())
    };
    let code = text("<Code>", "</Code>").and_then(|code| code.parse().ok());
    Some(ProviderError { code, message: text("<Message>", "</Message>") })
}

/// Twilio writes some numbers as text.
pub(super) fn number<N: std::str::FromStr>(value: &Value) -> Option<N> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

/// In seconds; the other form, a date, is left out since there is no clock here.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}
