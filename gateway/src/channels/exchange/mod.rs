//! What went over the wire in one try to send a part, without what is secret or personal.
//!
//! What is kept in clear is named; of all else only the length is. No header is, but for the provider's
//! own id of the request.

mod masking;
#[cfg(test)]
mod tests;

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde::Serialize;

use super::Outcome;
pub use masking::Kept;

/// The most parameters that are kept.
const PARAMETERS: usize = 32;

/// What a channel lets be kept of its requests that send, and of the responses.
#[derive(Clone, Copy, Debug)]
pub struct Harmless {
    /// The parameters of which more than the length is kept.
    pub parameters: &'static [(&'static str, Kept)],
    /// The header by which the provider names the request.
    pub request_id: &'static str,
}

impl Default for Harmless {
    fn default() -> Self {
        Self { parameters: &[], request_id: "x-request-id" }
    }
}

/// A request that sends a part, and what came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exchange {
    pub method: String,
    pub host: String,
    pub path: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Parameter>,
    /// How many parameters more there were.
    #[serde(skip_serializing_if = "is_zero")]
    pub further_parameters: usize,
    pub request_bytes: usize,
    pub duration_ms: u64,
    /// Of the response, if one came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_bytes: Option<usize>,
    /// Why there is no response to go by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// One parameter of a request, with what is shown of its value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Parameter {
    pub name: String,
    pub value: String,
}

/// Why there is no response to go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// There was no connection: nothing was asked.
    NotConnected,
    /// None came in time.
    TimedOut,
    /// The connection ended before it was there.
    CutOff,
    /// What came does not say whether the message was taken.
    Unreadable,
}

impl Exchange {
    /// What is asked; what comes of it is still to be told.
    pub fn asked(request: &Request<Bytes>, harmless: &Harmless) -> Self {
        let mut parameters = masking::parameters(request);
        let further_parameters = parameters.len().saturating_sub(PARAMETERS);
        parameters.truncate(PARAMETERS);
        let masked = |(name, value): (String, String)| Parameter {
            value: masking::value(&value, harmless.kept(&name)),
            name: masking::name(&name),
        };
        Self {
            method: request.method().to_string(),
            host: masking::host(request.uri()),
            path: masking::path(request.uri().path()),
            parameters: parameters.into_iter().map(masked).collect(),
            further_parameters,
            request_bytes: request.body().len(),
            duration_ms: 0,
            status: None,
            error_code: None,
            request_id: None,
            response_bytes: None,
            failure: None,
        }
    }

    /// With the response, and what the channel read from it.
    #[must_use]
    pub fn answered(self, response: &Response<Bytes>, outcome: &Outcome, harmless: &Harmless) -> Self {
        let unreadable = response.status().is_success() && matches!(outcome, Outcome::Unknown { .. });
        let header = response.headers().get(harmless.request_id).and_then(|value| value.to_str().ok());
        Self {
            status: Some(response.status().as_u16()),
            error_code: outcome.error().and_then(|error| error.code),
            request_id: header.and_then(masking::request_id),
            response_bytes: Some(response.body().len()),
            failure: unreadable.then_some(Failure::Unreadable),
            ..self
        }
    }

    /// Without a response to go by.
    #[must_use]
    pub fn unanswered(self, failure: Failure) -> Self {
        Self { failure: Some(failure), ..self }
    }

    #[must_use]
    pub fn took(self, duration: Duration) -> Self {
        Self { duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), ..self }
    }
}

impl Harmless {
    fn kept(&self, name: &str) -> Kept {
        let known = self.parameters.iter().find(|(known, _)| *known == name);
        known.map_or(Kept::Length, |(_, kept)| *kept)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
