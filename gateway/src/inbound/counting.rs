//! What is counted of webhooks that were let in.

use crate::metrics;
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

