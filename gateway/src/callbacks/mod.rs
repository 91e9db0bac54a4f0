//! Telling applications what becomes of their messages, as Twilio would: claim, sign, post, settle.
//!
//! What is to be told is in the database, written with the change itself. An application that does
//! not answer is told again; which changes are told is decided in the store, and who may ask for it
//! in `web`.

mod request;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::rounds::{self, Worker};
use crate::store::{self, CallbackResult, CallbackSettlement, ClaimedCallback, Store};
use crate::transport::{Failure, Limits, Reach, Transport};

pub use request::{BadUrl, check_url, token};

/// `[callbacks]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How often an application is told the same, while it does not answer.
    pub tries: u32,
    /// How long it may take to answer, in seconds.
    pub timeout_s: u32,
    /// The pause before the second try, in seconds; it doubles from try to try.
    pub backoff_s: u32,
    /// Whether applications may be on this machine or in its own network.
    pub private_addresses: bool,
}

impl Settings {
    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.tries == 0 {
            return Err(("tries", "is 0, but an application must be told at least once".to_owned()));
        }
        if self.timeout_s == 0 {
            return Err(("timeout_s", "is 0, but an application must have time to answer".to_owned()));
        }
        Ok(())
    }

    /// Of the requests to applications.
    pub fn limits(&self) -> Limits {
        let total = Duration::from_secs(u64::from(self.timeout_s));
        Limits::of_telling(total, if self.private_addresses { Reach::Anyone } else { Reach::Public })
    }
}

/// What the worker is made of.
pub struct Parts {
    pub store: Store,
    pub transport: Arc<dyn Transport>,
    pub clock: Arc<dyn Clock>,
    pub settings: Settings,
}

/// How many applications are told at the same time.
const PARALLEL: u32 = 16;
/// How often the worker looks: what changes a status may be another gateway on the same database.
const LOOK: Duration = Duration::from_millis(250);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// Works until told to stop, then finishes what is under way.
pub async fn run(parts: Parts, stop: watch::Receiver<bool>) {
    rounds::run(parts, PARALLEL, stop).await;
}

#[async_trait]
impl Worker for Parts {
    type Claimed = ClaimedCallback;

    async fn claim(&self, limit: usize) -> Vec<ClaimedCallback> {
        match self.claim_due(limit).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "no application can be told anything for now");
                Vec::new()
            }
        }
    }

    async fn work(&self, callback: ClaimedCallback) {
        self.tell(callback).await;
    }

    async fn rest(&self) {
        tokio::time::sleep(LOOK).await;
    }
}

impl Parts {
    async fn claim_due(&self, free: usize) -> Result<Vec<ClaimedCallback>, store::Error> {
        let now = self.clock.now();
        if !self.store.callbacks_due(now).await? {
            return Ok(Vec::new());
        }
        let lease = Duration::from_secs(u64::from(self.settings.timeout_s) + 10);
        self.store.claim_callbacks(now, later(now, lease), free).await
    }

    async fn tell(&self, callback: ClaimedCallback) {
        let outcome = match request::build(&callback) {
            Ok(request) => self.transport.send(request).await.map(|response| response.status().as_u16()),
            Err(BadUrl(problem)) => Err(Failure::NotSent(problem)),
        };
        let now = self.clock.now();
        let result = judge(&self.settings, &callback, outcome, now);
        match &result {
            CallbackResult::GivenUp { problem } => tracing::warn!(
                message_id = %callback.message_id, status = %callback.status, tries = callback.tries, problem,
                "an application could not be told what became of its message"
            ),
            result => tracing::info!(
                message_id = %callback.message_id, status = %callback.status, tries = callback.tries,
                done = matches!(result, CallbackResult::Done),
                "told an application"
            ),
        }
        let ClaimedCallback { message_id, position, tries, .. } = callback;
        let settlement = CallbackSettlement { message_id, position, tries, at: now, result };
        // Not on record, the lease ends, and the application is told again.
        if let Err(error) = self.store.settle_callback(settlement).await {
            tracing::warn!(%message_id, %error, "what a callback came to is not on record");
        }
    }
}

/// What failed on the way, or in the application, may go well later; what it refuses won't.
fn judge(
    settings: &Settings,
    callback: &ClaimedCallback,
    outcome: Result<u16, Failure>,
    now: Timestamp,
) -> CallbackResult {
    let (problem, again) = match outcome {
        Ok(200..=299) => return CallbackResult::Done,
        Ok(status) => (format!("answered {status}"), matches!(status, 408 | 429 | 500..)),
        Err(failure) => (failure.to_string(), true),
    };
    if !again || callback.tries >= settings.tries {
        return CallbackResult::GivenUp { problem };
    }
    let doubled = u64::from(settings.backoff_s).saturating_mul(1 << callback.tries.saturating_sub(1).min(20));
    let pause = Duration::from_secs(doubled).min(LONGEST_PAUSE);
    CallbackResult::Retry { due_at: later(now, pause), problem }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::message::{Address, MessageId, Status};
    use crate::store::Callback;
    use crate::transport::Body;

    fn callback(tries: u32) -> ClaimedCallback {
        ClaimedCallback {
            message_id: MessageId(Uuid::nil()),
            position: 0,
            status: Status::Sent,
            error_code: None,
            from: None,
            service: None,
            carrier_date: None,
            to: Address::received("+529981234567"),
            has_media: false,
            callback: Callback { url: String::new(), api_key_id: Uuid::nil(), account: String::new() },
            key_hash: String::new(),
            tries,
        }
    }

    #[test]
    fn only_what_may_go_well_later_is_tried_again_and_not_for_ever() {
        let settings = Settings { tries: 4, timeout_s: 10, backoff_s: 3, private_addresses: false };
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let lost = || Err(Failure::Unanswered("timed out".to_owned()));
        let cases = [
            (1, Ok(200), None, "done"),
            (1, Ok(204), None, "done"),
            (1, Ok(500), Some(3), "retry"),
            (2, Ok(503), Some(6), "retry"),
            (3, lost(), Some(12), "retry"),
            (1, Ok(429), Some(3), "retry"),
            (4, Ok(500), None, "given up"),
            (4, lost(), None, "given up"),
            (1, Ok(302), None, "given up"),
            (1, Ok(404), None, "given up"),
        ];
        for (tries, outcome, pause, expected) in cases {
            let text = format!("{outcome:?}");
            let (word, due) = match judge(&settings, &callback(tries), outcome, now) {
                CallbackResult::Done => ("done", None),
                CallbackResult::Retry { due_at, .. } => ("retry", Some(due_at.as_second() - now.as_second())),
                CallbackResult::GivenUp { .. } => ("given up", None),
            };
            assert_eq!((word, due), (expected, pause), "try {tries}: {text}");
        }
    }

    #[test]
    fn an_application_has_been_told_whatever_is_behind_the_head_of_its_answer() {
        let settings = Settings { tries: 4, timeout_s: 10, backoff_s: 3, private_addresses: false };
        let Limits { total, body, reach, .. } = settings.limits();
        assert_eq!((total, body, reach), (Duration::from_secs(10), Body::Unneeded, Reach::Public));
    }

    #[test]
    fn settings_that_make_no_sense_name_the_key() {
        let good = Settings { tries: 1, timeout_s: 1, backoff_s: 0, private_addresses: true };
        assert_eq!(good.check(), Ok(()));
        assert_eq!(Settings { tries: 0, ..good.clone() }.check().map_err(|(key, _)| key), Err("tries"));
        assert_eq!(Settings { timeout_s: 0, ..good }.check().map_err(|(key, _)| key), Err("timeout_s"));
    }
}
