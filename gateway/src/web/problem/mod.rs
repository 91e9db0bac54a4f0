//! What a refusal looks like: RFC 9457 problem documents, and the only place that chooses
//! status codes.
//!
//! What a caller did wrong is told in full; what went wrong inside is logged and told in general.

mod bodies;
mod contacts;
mod listening;
mod plugins;
mod templates;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::keys::NoEntry;
use crate::message::{ContactId, ConversationId, Locale, MessageId, Scope};
use crate::store::{MediaState, MessageMedia};
use crate::{inbound, lookup, media, outbound, store};

/// One problem document.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: Box<str>,
    title: &'static str,
    status: u16,
    #[schema(value_type = String)]
    detail: Box<str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// What a provider said, where that is the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Box<lookup::Explained>>,
    /// The message that is on record all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<Box<MessageId>>,
    /// The conversation that stands in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<Box<ConversationId>>,
    /// The contact that does.
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_id: Option<Box<ContactId>>,
    /// When to try again, where that is known better than usual.
    #[serde(skip)]
    retry_after: Option<u32>,
}

/// What is wrong with one field of the request.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct FieldError {
    /// A JSON pointer into the body, or the name of a parameter or header.
    pointer: String,
    code: String,
    detail: String,
}

/// How long a client waits before it tries again while something is away, in seconds.
const RETRY_AFTER: &str = "5";

impl Problem {
    fn new(status: StatusCode, name: &str, title: &'static str, detail: impl Into<String>) -> Self {
        let kind = format!("urn:recado:problem:{name}").into();
        Self {
            kind,
            title,
            status: status.as_u16(),
            detail: detail.into().into_boxed_str(),
            errors: Vec::new(),
            error: None,
            message_id: None,
            conversation_id: None,
            contact_id: None,
            retry_after: None,
        }
    }

    /// What is wrong, and what to do about it.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether it is for want of room alone.
    pub(super) fn is_too_large(&self) -> bool {
        self.status == StatusCode::PAYLOAD_TOO_LARGE.as_u16()
    }

    fn field(mut self, pointer: &str, code: &str) -> Self {
        let detail = self.detail.to_string();
        self.errors.push(FieldError { pointer: pointer.to_owned(), code: code.to_owned(), detail });
        self
    }

    pub(super) fn no_key() -> Self {
        let detail = "send the header `Authorization: Bearer KEY`; `recado key create --name NAME` makes a key";
        Self::new(StatusCode::UNAUTHORIZED, "no-key", "An API key is needed", detail)
    }

    pub(super) fn wrong_key() -> Self {
        let detail = "this key is unknown or was revoked; `recado key list` shows which there are";
        Self::new(StatusCode::UNAUTHORIZED, "wrong-key", "The API key is not valid", detail)
    }

    pub(super) fn no_entry(why: &NoEntry) -> Self {
        match why {
            NoEntry::Unknown => Self::wrong_key(),
            NoEntry::Expired { at } => {
                let detail = format!("this key expired at {at}; `recado key create` makes another");
                Self::new(StatusCode::UNAUTHORIZED, "expired-key", "The API key has expired", detail)
            }
            NoEntry::TooMany { per_second, after } => {
                let detail = format!("this key may make {per_second} requests a second");
                let problem =
                    Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too many requests", detail);
                Self { retry_after: Some(seconds(after.as_secs() + 1)), ..problem }
            }
            NoEntry::Store(error) => Self::store(error),
        }
    }

    pub(super) fn not_allowed(scope: Scope) -> Self {
        let detail =
            format!("this key lacks the scope `{scope}`; `recado key list` shows what each key may be used for");
        Self::new(StatusCode::FORBIDDEN, "not-allowed", "The API key is not for this", detail)
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", format!("there is no such {what}"))
    }

    pub(super) fn invalid(pointer: &str, code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "A field is not valid", detail).field(pointer, code)
    }

    pub(super) fn unavailable() -> Self {
        let detail = "the database does not answer; nothing was stored, try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available for now", detail)
    }

    /// Nobody waits longer.
    pub(super) fn slow() -> Self {
        let detail = "it was not done within a minute, and may have been stored all the same: look for it, or ask again \
            with the same Idempotency-Key, which does nothing twice";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "slow", "It takes too long", detail)
    }

    fn internal() -> Self {
        let detail = "this is a defect of the gateway; its log says more under the request id";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong inside", detail)
    }

    pub(super) fn store(error: &store::Error) -> Self {
        tracing::error!(%error, "the store did not do it");
        match error {
            store::Error::Unavailable(_) | store::Error::Overtaken(_) => Self::unavailable(),
            store::Error::Refused(_) => Self::internal(),
        }
    }

    /// A webhook's caller learns only the code: whoever is not the provider shall learn nothing.
    pub(super) fn webhook(channel: &str, error: &inbound::Error) -> Self {
        use crate::channels::Refused;
        match error {
            inbound::Error::UnknownChannel => Self::not_found("channel"),
            inbound::Error::Refused(reason @ (Refused::Unsigned | Refused::Forged | Refused::Foreign)) => {
                tracing::warn!(channel, %reason, "a webhook was refused");
                Self::new(StatusCode::FORBIDDEN, "forbidden", "Forbidden", "the webhook was not accepted")
            }
            inbound::Error::Refused(Refused::Malformed(reason)) => {
                tracing::warn!(channel, %reason, "a webhook can't be read");
                Self::unreadable(reason.to_string())
            }
            // The log has it: the channel said so itself. The provider is to send it again.
            inbound::Error::Refused(Refused::Broken(_)) => Self::channel_failed(),
            inbound::Error::Store(error) => Self::store(error),
            inbound::Error::Journal(error) => Self::nowhere(error),
        }
    }

    /// Neither the database nor the journal takes a webhook.
    pub(super) fn nowhere(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "webhooks can't be kept: neither the database nor the journal takes them");
        let detail = "nothing was stored; try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available for now", detail)
    }

    pub(super) fn upload(error: &media::Error) -> Self {
        use media::Error;
        use media::kind::Unsuitable;
        match error {
            Error::Empty => Self::invalid("", "empty", error.to_string()),
            Error::Unsuitable(Unsuitable::Contradicted { .. }) => {
                Self::invalid("Content-Type", "contradicted", error.to_string())
            }
            Error::Unsuitable(Unsuitable::Misdeclared) => {
                Self::invalid("Content-Type", "misdeclared", error.to_string())
            }
            Error::Unsuitable(Unsuitable::NotCarried(_)) => Self::invalid("", "not-carried", error.to_string()),
            Error::Unsuitable(Unsuitable::Unknown) => Self::invalid("", "unknown-type", error.to_string()),
            Error::NoUpload(_) => Self::invalid("/media", "invalid-media", error.to_string()),
            Error::Store(error) => Self::store(error),
            Error::Files(_) | Error::NoRandomness => {
                tracing::error!(%error, "an upload was not kept or shown");
                Self::internal()
            }
        }
    }

    /// Why the bytes of a medium are not to be had.
    pub(super) fn no_bytes(medium: &MessageMedia) -> Self {
        let why = medium.error.as_deref().unwrap_or("no try was made yet");
        match medium.state {
            MediaState::Wanted => {
                let detail = format!("it is being fetched; try again soon ({why})");
                Self::new(StatusCode::CONFLICT, "media-not-here-yet", "The file is not here yet", detail)
            }
            MediaState::Failed => {
                let detail = format!("it could not be fetched: {why}");
                Self::new(StatusCode::NOT_FOUND, "media-failed", "The file could not be fetched", detail)
            }
            MediaState::Linked | MediaState::Stored => {
                let detail = "only its `url` is known here";
                Self::new(StatusCode::NOT_FOUND, "media-elsewhere", "The file is elsewhere", detail)
            }
        }
    }

    pub(super) fn unreadable_file(error: &std::io::Error) -> Self {
        tracing::error!(%error, "a file can't be read: look at `media.path`");
        Self::internal()
    }

    fn channel_failed() -> Self {
        let detail = "the channel failed to look at it; nothing was stored: send it again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "channel-failed", "Not available for now", detail)
    }

    pub(super) fn outbound(error: &outbound::Error, locale: Locale) -> Self {
        use outbound::Error;
        match error {
            Error::To(refusal) => Self::invalid("/to", refusal.code(), refusal.reason(locale)),
            Error::OtherAddress { .. } => Self::invalid("/to", "not-of-this-channel", error.to_string()),
            Error::From => Self::invalid("/from", "not-a-sender", error.to_string()),
            Error::TooFarAhead => Self::invalid("/send_at", "too-far-ahead", error.to_string()),
            Error::UnknownChannel { .. } => Self::invalid("/channel", "unknown-channel", error.to_string()),
            Error::Template(faults) => Self::faults("/template", faults),
            Error::Nul => Self::invalid("/text", "nul", error.to_string()),
            Error::Media(_) => Self::invalid("/media", "invalid-media", error.to_string()),
            Error::Uploads(error) => Self::upload(error),
            Error::Unsendable(reason) => {
                use crate::channels::Unsendable;
                let (pointer, code) = match reason {
                    Unsendable::Broken(_) => return Self::channel_failed(),
                    Unsendable::Option { option, .. } => {
                        let pointer = format!("/options/{}", option.replace('.', "/"));
                        return Self::invalid(&pointer, "invalid-option", reason.to_string());
                    }
                    Unsendable::Empty => ("/text", "empty"),
                    Unsendable::TooLong { .. } => ("/text", "too-long"),
                    Unsendable::TooManyMedia { .. } => ("/media", "too-many-media"),
                    Unsendable::Other(_) => ("", "not-carried"),
                };
                Self::invalid(pointer, code, reason.to_string())
            }
            Error::KeyReused => Self::new(
                StatusCode::CONFLICT,
                "idempotency-key-reused",
                "The idempotency key was used before",
                error.to_string(),
            ),
            Error::Gate { refusal, kept } => {
                use crate::gate::Refusal;
                let title = match refusal {
                    Refusal::OptedOut { .. } => "The recipient has opted out",
                    Refusal::QuietHours { .. } => "It is night where the recipient is",
                    Refusal::FrequencyCap { .. } => "The recipient was sent enough",
                };
                let (code, detail) = (refusal.code(), refusal.detail(locale));
                let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, title, detail).field("/to", code);
                Self { message_id: kept.map(Box::new), ..problem }
            }
            Error::NotAwaited => Self::over(error.to_string()),
            Error::NoVerdict { .. } => {
                let title = "A plugin that must look at messages can't for now";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-verdict", title, error.to_string())
            }
            Error::Rejected { id, problem } => {
                let title = "A plugin refused the message";
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                Self { message_id: Some(Box::new(*id)), ..Self::new(status, "rejected-by-plugin", title, problem) }
            }
            Error::Store(error) => Self::store(error),
        }
    }

    pub(super) fn cancel(error: &outbound::CancelError) -> Self {
        use outbound::CancelError;
        let conflict = |name, detail| Self::new(StatusCode::CONFLICT, name, "The message can't be taken back", detail);
        match error {
            CancelError::NotFound => Self::not_found("message"),
            CancelError::TooLate => conflict("too-late", error.to_string()),
            CancelError::Provider(_) => conflict("provider-refused", error.to_string()),
            CancelError::Store(error) => Self::store(error),
        }
    }

    pub(super) fn retry(error: &outbound::RetryError) -> Self {
        use crate::store::NotRetried;
        use outbound::RetryError;
        let name = match error {
            RetryError::NotFound => return Self::not_found("message"),
            RetryError::Store(error) => return Self::store(error),
            RetryError::Refused(NotRetried::Unknown) => "outcome-unknown",
            RetryError::Refused(NotRetried::HandedOver) => "handed-over",
            RetryError::Refused(NotRetried::Final) => "final",
            RetryError::Refused(NotRetried::Canceled) => "canceled",
            RetryError::Refused(NotRetried::OptedOut) => "opted-out",
            RetryError::Refused(NotRetried::Removed) => "text-removed",
            RetryError::Refused(NotRetried::Expired) => "expired",
        };
        Self::new(StatusCode::CONFLICT, name, "The message is not tried again", error.to_string())
    }

    pub(super) fn lookup(error: &lookup::Error, locale: Locale) -> Self {
        use lookup::Error;
        match error {
            Error::Number(refusal) => Self::invalid("number", refusal.code(), refusal.reason(locale)),
            Error::Region(_) => Self::invalid("region", "unknown-region", error.to_string()),
            Error::UnknownChannel { .. } => Self::invalid("channel", "unknown-channel", error.to_string()),
            Error::Refused(reason) => {
                tracing::warn!(code = reason.code, "the provider refused a lookup");
                let title = "The provider refused";
                Self::new(StatusCode::BAD_GATEWAY, "provider-refused", title, told(reason)).because(reason)
            }
            Error::Away { after, reason } => {
                tracing::warn!(code = reason.code, "the provider can't be asked now");
                let title = "The provider can't be asked now";
                let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "provider-away", title, told(reason));
                Self { retry_after: after.map(|after| seconds(after.as_secs().max(1))), ..problem.because(reason) }
            }
            Error::Store(error) => Self::store(error),
        }
    }

    fn because(self, reason: &lookup::Explained) -> Self {
        Self { error: Some(Box::new(reason.clone())), ..self }
    }
}

fn seconds(seconds: u64) -> u32 {
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

fn told(reason: &lookup::Explained) -> String {
    reason.remedy.map_or_else(|| reason.title.clone(), |remedy| format!("{}. {remedy}", reason.title))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after.map_or(HeaderValue::from_static(RETRY_AFTER), HeaderValue::from);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, retry_after);
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(super) async fn no_such_route() -> Problem {
    Problem::not_found("address here")
}

pub(super) async fn no_such_method() -> Problem {
    let detail = "this address does not take that method";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", "Method not allowed", detail)
}

/// A handler that panicked harms only its own request.
pub(super) fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}
