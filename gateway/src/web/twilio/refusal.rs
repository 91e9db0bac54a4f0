//! What a refusal looks like to an application of Twilio's: a number, a text, where to read more.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;

use super::answer::{Answer, Format};
use crate::channels::Declined;
use crate::channels::twilio::xml::Subject;
use crate::message::Scope;
use crate::outbound::FeedbackError;
use crate::web::keys::NoEntry;
use crate::{outbound, store};

/// Of a parameter that has no number of its own.
pub(super) const UNREADABLE: u32 = 20001;

/// An answer that says no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    status: StatusCode,
    pub(super) code: u32,
    message: String,
    detail: Option<&'static str>,
}

impl Refusal {
    fn new(status: StatusCode, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), detail: None }
    }

    /// The usual kind: HTTP 400 with a number that says what is wrong.
    pub(super) fn invalid(code: u32, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn unauthorized() -> Self {
        let detail = Some("Your AccountSid or AuthToken was incorrect.");
        Self { detail, ..Self::new(StatusCode::UNAUTHORIZED, 20003, "Authenticate") }
    }

    /// Why a key does not let in. An old one is as good as none.
    pub(super) fn no_entry(why: &NoEntry) -> Self {
        match why {
            NoEntry::Unknown | NoEntry::Expired { .. } => Self::unauthorized(),
            NoEntry::TooMany { .. } => Self::new(StatusCode::TOO_MANY_REQUESTS, 20429, "Too Many Requests"),
            NoEntry::Store(error) => Self::store(error),
        }
    }

    pub(super) fn not_allowed(scope: Scope) -> Self {
        Self::new(StatusCode::FORBIDDEN, 20403, format!("Forbidden: this key lacks the scope {scope}"))
    }

    pub(super) fn not_found(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, 20404, format!("The requested resource {path} was not found"))
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, 20004, "Method not allowed")
    }

    pub(super) fn under_way(what: &str) -> Self {
        let message = format!("Cannot {what} message because delivery has not been completed.");
        Self::new(StatusCode::CONFLICT, 20009, message)
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("The request body is longer than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, UNREADABLE, message)
    }

    pub(super) fn bad_token() -> Self {
        Self::invalid(21481, "Invalid page token")
    }

    /// What the store says; 503 is certain to have changed nothing.
    pub(super) fn store(error: &store::Error) -> Self {
        tracing::error!(%error, "the store did not do it");
        match error {
            store::Error::Unavailable(_) | store::Error::Overtaken(_) => Self::unavailable(),
            store::Error::Refused(_) => Self::internal(),
        }
    }

    fn unavailable() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, 20503, "Service unavailable")
    }

    fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, 20500, "Internal Server Error")
    }

    /// What the way out says of a message whose parameters were good.
    pub(super) fn outbound(error: &outbound::Error, to: &str, from: &str) -> Self {
        use crate::channels::Unsendable;
        use crate::gate::Refusal as Refused;
        use outbound::Error;
        match error {
            Error::To(_) | Error::OtherAddress { .. } => Self::to(to),
            Error::From => Self::from(from),
            Error::Nul => Self::invalid(21602, "Message body has a NUL character, which no provider carries."),
            Error::Media(problem) => Self::invalid(21620, format!("Invalid media URL(s): {problem}")),
            Error::TooFarAhead => Self::invalid(35117, "SendAt is at most 35 days in the future"),
            Error::Unsendable(reason) => match reason {
                Unsendable::Empty => Self::invalid(21602, "Message body is required."),
                Unsendable::TooLong { .. } => Self::too_long(),
                Unsendable::TooManyMedia { .. } => Self::too_many_media(),
                Unsendable::Broken(_) => Self::unavailable(),
                Unsendable::Other(problem) => Self::invalid(21602, format!("Message body can't be carried: {problem}")),
                Unsendable::Option { option, problem } => {
                    let (code, parameter) = parameter(option);
                    Self::invalid(code, format!("{parameter} {problem}"))
                }
            },
            // As a message that was filtered; Twilio would say so only later.
            Error::Rejected { problem, .. } => Self::invalid(30007, format!("Message filtered: {problem}")),
            Error::Gate { refusal: Refused::OptedOut { .. }, .. } => {
                Self::invalid(21610, "Attempt to send to unsubscribed recipient")
            }
            Error::Gate { refusal, .. } => Self::invalid(30007, format!("Message filtered: {refusal}")),
            Error::NoVerdict { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, 20503, format!("Service unavailable: {error}"))
            }
            Error::Store(error) => Self::store(error),
            Error::Uploads(error) => {
                tracing::error!(%error, "an upload can't be shown to the provider");
                Self::internal()
            }
            Error::UnknownChannel { .. } | Error::KeyReused | Error::Template(_) | Error::NotAwaited => {
                tracing::error!(%error, "a request of the front door was refused in a way that it can't be");
                Self::internal()
            }
        }
    }

    /// What became of feedback that was not taken.
    pub(super) fn feedback(error: &FeedbackError, path: &str) -> Self {
        match error {
            FeedbackError::NotFound | FeedbackError::NotTaken => Self::not_found(path),
            FeedbackError::NotWanted => {
                let why = "the message was not sent with ProvideFeedback=true";
                let message = format!("The requested resource {path} was not found: {why}");
                Self::new(StatusCode::NOT_FOUND, 20404, message)
            }
            FeedbackError::NotSent => Self::under_way("give feedback on"),
            FeedbackError::Declined(declined) => Self::declined(declined, path),
            FeedbackError::Away(reason) => {
                tracing::warn!(reason, "Twilio could not be told of feedback");
                Self::unavailable()
            }
            FeedbackError::Store(error) => Self::store(error),
        }
    }

    /// As Twilio said it, but for the credentials, which are not the caller's, and for its own path.
    fn declined(Declined { status, error }: &Declined, path: &str) -> Self {
        let usual = match status.as_u16() {
            404 => return Self::not_found(path),
            429 => 20429,
            400 | 402..500 => 20001,
            500..600 => 20500,
            _ => {
                tracing::error!(%status, code = error.code, "Twilio does not take feedback from this channel");
                return Self::internal();
            }
        };
        let code = error.code.and_then(|code| u32::try_from(code).ok()).unwrap_or(usual);
        Self::new(*status, code, error.message.clone().unwrap_or_default())
    }

    pub(super) fn to(to: &str) -> Self {
        Self::invalid(21211, format!("The 'To' number {to} is not a valid phone number."))
    }

    pub(super) fn from(from: &str) -> Self {
        let what = "is not a valid phone number, shortcode, or alphanumeric sender ID.";
        Self::invalid(21212, format!("The 'From' number {from} {what}"))
    }

    pub(super) fn too_long() -> Self {
        Self::invalid(21617, "The concatenated message body exceeds the 1600 character limit.")
    }

    pub(super) fn too_many_media() -> Self {
        Self::invalid(21623, "Number of media files exceeds allowed limit.")
    }
}

/// What an option is called by Twilio, and the number of an error about it.
fn parameter(option: &str) -> (u32, &str) {
    match option {
        "validity" => (21624, "ValidityPeriod"),
        "content" | "content.sid" => (21655, "ContentSid"),
        "shorten_urls" => (UNREADABLE, "ShortenUrls"),
        "traffic_type" => (UNREADABLE, "TrafficType"),
        "fallback_from" => (UNREADABLE, "FallbackFrom"),
        "persistent_action" => (UNREADABLE, "PersistentAction"),
        "labels" => (UNREADABLE, "Tags"),
        other => (UNREADABLE, other),
    }
}

impl Refusal {
    pub(super) fn written(self, format: Format) -> Response {
        let mut body = json!({
            "code": self.code,
            "message": self.message,
            "more_info": format!("https://www.twilio.com/docs/errors/{}", self.code),
            "status": self.status.as_u16(),
        });
        if let (Some(detail), Some(body)) = (self.detail, body.as_object_mut()) {
            body.insert("detail".to_owned(), detail.into());
        }
        let mut response = Answer::Told(self.status, Subject::Refusal, body).written(format);
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"Twilio API\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
