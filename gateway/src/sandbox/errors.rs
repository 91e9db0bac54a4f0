//! Twilio's error numbers: what the API answers to a bad request, and what the debugger calls the
//! trouble with a webhook.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error answer of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: u32,
    pub(super) message: String,
    detail: Option<&'static str>,
}

impl Refusal {
    /// Twilio's number for a parameter that can't be read and has none of its own.
    pub(super) const UNREADABLE: u32 = 20001;

    /// The usual kind: HTTP 400 with a number that says what is wrong.
    pub(super) fn invalid(code: u32, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into(), detail: None }
    }

    pub(super) fn unreadable(name: &str, value: &str) -> Self {
        Self::invalid(Self::UNREADABLE, format!("{name} is invalid: {value}"))
    }

    pub(super) fn unauthorized() -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            code: 20003,
            message: "Authenticate".to_owned(),
            detail: Some("Your AccountSid or AuthToken was incorrect."),
        }
    }

    pub(super) fn not_found(path: &str) -> Self {
        let message = format!("The requested resource {path} was not found");
        Self { status: StatusCode::NOT_FOUND, code: 20404, message, detail: None }
    }

    pub(super) fn method_not_allowed() -> Self {
        let message = "Method not allowed".to_owned();
        Self { status: StatusCode::METHOD_NOT_ALLOWED, code: 20004, message, detail: None }
    }

    pub(super) fn incomplete() -> Self {
        let message = "Cannot delete message because delivery has not been completed.".to_owned();
        Self { status: StatusCode::CONFLICT, code: 20009, message, detail: None }
    }

    pub(super) fn too_many_requests() -> Self {
        let message = "Too Many Requests".to_owned();
        Self { status: StatusCode::TOO_MANY_REQUESTS, code: 20429, message, detail: None }
    }

    pub(super) fn unavailable() -> Self {
        let message = "Service unavailable".to_owned();
        Self { status: StatusCode::SERVICE_UNAVAILABLE, code: 20503, message, detail: None }
    }

    pub(super) fn internal() -> Self {
        let message = "Internal Server Error".to_owned();
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, code: 20500, message, detail: None }
    }

    /// Twilio says this by either status, so that only the number tells it from too many requests.
    pub(super) fn queue_full(status: StatusCode) -> Self {
        Self { status, code: 21611, message: "SMS queue is full.".to_owned(), detail: None }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut body = json!({
            "code": self.code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code),
            "status": self.status.as_u16(),
        });
        if let (Some(detail), Some(body)) = (self.detail, body.as_object_mut()) {
            body.insert("detail".to_owned(), detail.into());
        }
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"Twilio API\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// The short title of an error that is not an answer of the API: one that a status or a warning carries.
pub(super) fn title(code: u32) -> &'static str {
    match code {
        11200 => "HTTP retrieval failure",
        11205 => "HTTP connection failure",
        11215 => "HTTP too many redirects",
        11243 => "HTTP retry policy is invalid",
        11321 => "Misconfigured webhook",
        11750 => "TwiML response body too large",
        12100 => "Document parse failure",
        12102 => "The root element must be Response",
        12200 => "Schema validation warning",
        12300 => "Invalid Content-Type",
        14101 => "Invalid \"To\" attribute",
        14102 => "Invalid \"From\" attribute",
        14103 => "Invalid Body",
        14104 => "Invalid Method attribute",
        14105 => "Invalid statusCallback attribute",
        14106 => "Document retrieval limit reached",
        14107 => "SMS send rate limit exceeded",
        14109 => "TwiML Reply message limit exceeded",
        14110 => "Invalid Verb for SMS Reply",
        21211 => "Invalid 'To' Phone Number",
        21408 => "Permission to send an SMS has not been enabled for the region indicated by the 'To' number",
        21610 => "Attempt to send to unsubscribed recipient",
        21612 => "The 'To' phone number is not currently reachable via SMS",
        21614 => "'To' number is not a valid mobile number",
        30001 => "Queue overflow",
        30003 => "Unreachable destination handset",
        30004 => "Message blocked",
        30005 => "Unknown destination handset",
        30006 => "Landline or unreachable carrier",
        30007 => "Message filtered",
        30036 => "Validity Period Expired",
        30139 => "URL not valid for link shortening",
        _ => "Unknown error",
    }
}
