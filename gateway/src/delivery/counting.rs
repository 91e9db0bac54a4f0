//! What is counted and timed of sending.

use std::time::Duration;

use jiff::Timestamp;

use crate::channels::exchange::Failure;
use crate::channels::{Exchange, Outcome};
use crate::metrics;
use crate::store::Claimed;

/// It was claimed: how long it could have been sent by then.
pub(super) fn waited(part: &Claimed, now: Timestamp) {
    let waited = Duration::try_from(now.duration_since(part.due_at)).unwrap_or_default();
    metrics::QUEUE_SECONDS.took(&part.channel, [part.priority.as_str()], waited);
}

/// Where nothing was asked of the provider.
pub(super) const NOT_SENT: &str = "not-sent";

/// Of which kind what was said is, in a word; or why nothing was.
pub(super) fn class(outcome: &Outcome, exchange: Option<&Exchange>) -> &'static str {
    let Some(exchange) = exchange else { return NOT_SENT };
    match exchange.failure {
        Some(Failure::NotConnected) => return "not-connected",
        Some(Failure::TimedOut) => return "timed-out",
        Some(Failure::CutOff) => return "cut-off",
        Some(Failure::Unreadable) => return "unreadable",
        None => {}
    }
    match outcome {
        Outcome::Accepted { .. } => "none",
        Outcome::Retry { .. } => "retry",
        Outcome::Busy { .. } => "busy",
        Outcome::Rejected { .. } => "rejected",
        Outcome::OptedOut { .. } => "opted-out",
        Outcome::Fault { .. } => "fault",
        Outcome::Unknown { .. } => "unknown",
    }
}
