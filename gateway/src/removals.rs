//! Having providers forget what applications removed here: claim, ask, settle.
//!
//! What is to be forgotten is in the database, written with what is forgotten here. A provider that
//! can't be reached, or that won't yet, is asked again for a month; what is to go, and when it may, is
//! decided in the store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::channels::{Channels, NotRemoved};
use crate::clock::Clock;
use crate::message::ProviderError;
use crate::rounds::{self, Worker};
use crate::store::{self, ClaimedRemoval, RemovalResult, RemovalSettlement, Store};
use crate::transport::Transport;

/// What the worker is made of.
pub struct Parts {
    pub store: Store,
    pub channels: Channels,
    pub transport: Arc<dyn Transport>,
    pub clock: Arc<dyn Clock>,
    /// How long a provider may take to answer.
    pub timeout: Duration,
}

/// How many requests are under way at the same time.
const PARALLEL: u32 = 4;
/// How often the worker looks: what is removed may be removed by another gateway on the same database.
const LOOK: Duration = Duration::from_secs(1);
/// How much longer than a request a worker holds what it has claimed.
const MARGIN: Duration = Duration::from_secs(30);
/// The pause after the first try; it doubles.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// How long it goes on. Twilio may take 14 days until a message can be deleted.
const PATIENCE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Works until told to stop, then finishes what is under way.
pub async fn run(parts: Parts, stop: watch::Receiver<bool>) {
    rounds::run(parts, PARALLEL, stop).await;
}

/// What a try came to that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failed {
    code: Option<i32>,
    problem: String,
    /// When it may be tried again, if the provider says so.
    after: Option<Duration>,
    /// Whether it will never succeed.
    hopeless: bool,
}

#[async_trait]
impl Worker for Parts {
    type Claimed = ClaimedRemoval;

    async fn claim(&self, limit: usize) -> Vec<ClaimedRemoval> {
        match self.claim_due(limit).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "no provider can be asked to remove anything for now");
                Vec::new()
            }
        }
    }

    async fn work(&self, removal: ClaimedRemoval) {
        self.remove(removal).await;
    }

    async fn rest(&self) {
        tokio::time::sleep(LOOK).await;
    }
}

impl Parts {
    async fn claim_due(&self, free: usize) -> Result<Vec<ClaimedRemoval>, store::Error> {
        let now = self.clock.now();
        if !self.store.removals_due(now).await? {
            return Ok(Vec::new());
        }
        self.store.claim_removals(now, later(now, self.timeout + MARGIN), free).await
    }

    async fn remove(&self, claimed: ClaimedRemoval) {
        let outcome = self.ask(&claimed).await;
        let now = self.clock.now();
        let code = outcome.as_ref().err().and_then(|failed| failed.code);
        let result = judge(&claimed, outcome, now);
        let (id, removal, attempt) = (claimed.message_id, claimed.removal.as_str(), claimed.tries);
        match &result {
            RemovalResult::Done => {
                tracing::info!(message_id = %id, removal, attempt, "the provider removed what was removed here");
            }
            RemovalResult::Retry { .. } => {
                tracing::info!(message_id = %id, removal, attempt, code, "the provider has not removed it yet");
            }
            RemovalResult::GivenUp { .. } => tracing::error!(
                message_id = %id, removal, attempt, code,
                "the provider keeps what was removed here: remove it there by hand, by the id that the trace names"
            ),
        }
        // Not on record, the lease ends, and the provider is asked again.
        if let Err(error) = self.store.settle_removal(RemovalSettlement { claimed, at: now, result }).await {
            tracing::warn!(message_id = %id, %error, "what became of a removal is not on record");
        }
    }

    async fn ask(&self, claimed: &ClaimedRemoval) -> Result<(), Failed> {
        let failed = |problem: String, hopeless| Failed { code: None, problem, after: None, hopeless };
        let Some(channel) = self.channels.get(&claimed.channel) else {
            return Err(failed(format!("the channel `{}` is not configured", claimed.channel), false));
        };
        let request = channel.remove(&claimed.provider_id, claimed.removal);
        let request = request.ok_or_else(|| failed("the provider has no way to".to_owned(), true))?;
        let response = self.transport.send(request).await.map_err(|failure| failed(failure.to_string(), false))?;
        let NotRemoved { after, error } = match channel.removed(claimed.removal, &response) {
            Ok(()) => return Ok(()),
            Err(kept) => kept,
        };
        let ProviderError { code, message } = error;
        let said = message.unwrap_or_default();
        let problem = code.map_or_else(|| said.clone(), |code| format!("{code}: {said}"));
        Err(Failed { code, problem, after, hopeless: false })
    }
}

/// Whatever a provider says, it may say something else later: credentials are put right, a message is
/// complete in the end.
fn judge(claimed: &ClaimedRemoval, outcome: Result<(), Failed>, now: Timestamp) -> RemovalResult {
    let Err(Failed { problem, after, hopeless, .. }) = outcome else { return RemovalResult::Done };
    if hopeless || now.duration_since(claimed.asked_at) > PATIENCE {
        return RemovalResult::GivenUp { problem };
    }
    let usual = FIRST_PAUSE.saturating_mul(1 << claimed.tries.saturating_sub(1).min(20)).min(LONGEST_PAUSE);
    RemovalResult::Retry { due_at: later(now, after.unwrap_or(usual).max(usual)), problem }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::message::{MessageId, Removal};

    const DAY: i64 = 86_400;

    #[test]
    fn a_provider_is_asked_ever_more_seldom_and_for_a_month() {
        let claimed = |tries| ClaimedRemoval {
            channel: "sms".to_owned(),
            provider_id: "SM1".to_owned(),
            message_id: MessageId(Uuid::nil()),
            removal: Removal::Message,
            asked_at: Timestamp::UNIX_EPOCH,
            tries,
        };
        let failed = |after: Option<u64>, hopeless| {
            let after = after.map(Duration::from_secs);
            Err(Failed { code: Some(20009), problem: "not yet".to_owned(), after, hopeless })
        };
        let cases = [
            (1, 0, Ok(()), "done"),
            (1, 0, failed(None, false), "1"),
            (2, 0, failed(None, false), "2"),
            (2, 0, failed(Some(60), false), "60"),
            (8, 0, failed(Some(60), false), "128"),
            (13, 0, failed(None, false), "3600"),
            (900, 30 * DAY, failed(None, false), "3600"),
            (900, 30 * DAY + 1, failed(None, false), "given up"),
            (1, 0, failed(None, true), "given up"),
        ];
        for (tries, seconds, outcome, expected) in cases {
            let now = Timestamp::from_second(seconds).unwrap();
            let told = match judge(&claimed(tries), outcome.clone(), now) {
                RemovalResult::Done => "done".to_owned(),
                RemovalResult::Retry { due_at, .. } => (due_at.as_second() - seconds).to_string(),
                RemovalResult::GivenUp { .. } => "given up".to_owned(),
            };
            assert_eq!(told, expected, "try {tries} after {seconds} s: {outcome:?}");
        }
    }
}
