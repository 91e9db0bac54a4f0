//! What is counted and timed of webhooks that were let in.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::Error;
use super::gate::Gate;
use crate::journal::Entry;
use crate::message::MessageId;
use crate::metrics;
use crate::spans::{self, Place, Span};
use crate::store::{self, Observed, Receipt};

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

/// [`Gate::keep`], counted and timed.
pub(super) async fn keep<T: Kept>(
    gate: &Gate,
    entry: Entry,
    record: impl Future<Output = Result<T, store::Error>>,
) -> Result<Option<T>, Error> {
    let (began, id, channel) = (Instant::now(), entry.id, entry.channel.clone());
    let is_text = entry.is_message();
    let kept = gate.keep(entry, record).await?;
    metrics::WEBHOOKS.add(&channel, [T::KIND, kept.as_ref().map_or("journaled", T::outcome)]);
    if kept.is_some() {
        metrics::RECORDING_SECONDS.took("", [], began.elapsed());
        if is_text {
            span(id, Place::After, "recording", &channel, began.elapsed());
        }
    }
    Ok(kept)
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
