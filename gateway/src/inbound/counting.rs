//! What is counted and timed of webhooks that were let in.

use std::time::Duration;

use uuid::Uuid;

use crate::message::MessageId;
use crate::metrics;
use crate::spans::{self, Place, Span};
use crate::store::{Observed, Receipt};

/// What the database made of something that came in.
pub(super) trait Kept {
    const KIND: &'static str;
    fn outcome(&self) -> &'static str;
}

impl Kept for Receipt {
    const KIND: &'static str = "inbound";

    fn outcome(&self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Repeat { .. } => "repeat",
        }
    }
}

impl Kept for Observed {
    const KIND: &'static str = "status";

    fn outcome(&self) -> &'static str {
        "recorded"
    }
}

/// It is in the database, or else in the journal.
pub(super) fn kept<T: Kept>(channel: &str, kept: Option<&T>) {
    metrics::WEBHOOKS.add(channel, [T::KIND, kept.map_or("journaled", T::outcome)]);
}

/// It is committed: a text of this id, by this channel, or else a report.
pub(super) fn recorded(text: Option<(Uuid, String)>, took: Duration) {
    metrics::RECORDING_SECONDS.took("", [], took);
    if let Some((id, channel)) = text {
        span(id, Place::After, "recording", &channel, took);
    }
}

/// Decided about, and what follows from it committed.
pub(super) fn processed(channel: &str, id: MessageId, took: Duration) {
    metrics::PROCESSING_SECONDS.took(channel, [], took);
    span(id.0, Place::After, "processing", channel, took);
}

/// In the trace of this text.
pub(super) fn span(trace: Uuid, place: Place, name: &'static str, channel: &str, took: Duration) {
    spans::record(|| Span {
        trace,
        place,
        name,
        took,
        attributes: vec![("recado.message.id", trace.to_string()), ("recado.channel", channel.to_owned())],
        failed: false,
    });
}
