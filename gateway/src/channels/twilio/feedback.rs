//! Feedback about a message that was sent with `ProvideFeedback`: the request that tells Twilio, and
//! what its answer says.

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;
use serde_json::Value;

use super::rest::{self, Rest};
use crate::channels::{Declined, FedBack, Feedback};

impl Rest {
    /// None for what can't be a message's id.
    pub(super) fn feedback(&self, sid: &str, feedback: Feedback) -> Option<Request<Bytes>> {
        Some(self.post(self.message(sid, "/Feedback.json")?, format!("Outcome={}", feedback.as_str())))
    }
}

pub(super) fn decode(response: &Response<Bytes>) -> Result<FedBack, Declined> {
    let status = response.status();
    if !status.is_success() {
        return Err(Declined { status, error: rest::error(status, response.body()) });
    }
    let body: Value = serde_json::from_slice(response.body()).unwrap_or_default();
    Ok(FedBack { created_at: date(&body, "date_created"), updated_at: date(&body, "date_updated") })
}

fn date(body: &Value, name: &str) -> Option<Timestamp> {
    let written = body.get(name)?.as_str()?;
    jiff::fmt::rfc2822::parse(written).ok().map(|date| date.timestamp())
}
