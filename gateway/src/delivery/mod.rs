//! Sending what is in the outbox: claim, encode, send, decode, settle.
//!
//! A part is marked as being sent, durably, before its request is written. Only what is known
//! not to have happened is tried again; a time-out or a crash leaves a part *unknown*, to be
//! settled by a status report and never resent blindly. A channel whose account can't send at all
//! is paused, and its parts stay in the queue.

mod pauses;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::Rng;
use serde::Deserialize;
use tokio::sync::{Notify, Semaphore, broadcast, watch};

use crate::channels::{self, Channels, Content, Outcome};
use crate::clock::{Clock, Ids};
use crate::message::{Locale, MessageId, ProviderError};
use crate::store::{self, Claimed, Settled, Settlement, Store, Within};
use crate::transport::{Failure, Transport};
use pauses::Lengths;
pub use pauses::{Pause, Pauses};

/// `[delivery]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How many provider requests are under way at the same time.
    pub parallel: usize,
    /// How long the provider may take to answer, in seconds.
    pub timeout_s: u32,
    /// How long a worker holds a part, in seconds; longer than the time-out.
    pub lease_s: u32,
    /// How often a part is tried, while it is known not to have been sent.
    pub tries: u32,
    /// The pause before the second try, in seconds; it doubles from try to try.
    pub backoff_s: u32,
    /// The longest pause, in seconds.
    pub backoff_max_s: u32,
    /// How long a channel whose account can't send is paused at first, in seconds; it doubles
    /// from probe to probe.
    pub pause_s: u32,
    /// The longest such pause, in seconds.
    pub pause_max_s: u32,
}

impl Settings {
    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.lease_s <= self.timeout_s + 5 {
            let least = self.timeout_s + 6;
            return Err((
                "lease_s",
                format!(
                    "is {}, but must be at least {least} (`timeout_s` + 6): a lease that ends before the \
                     request does would leave a part that was sent marked as unknown",
                    self.lease_s
                ),
            ));
        }
        if self.parallel == 0 {
            return Err(("parallel", "is 0, but at least 1 request must be allowed".to_owned()));
        }
        if self.tries == 0 {
            return Err(("tries", "is 0, but a part must be tried at least once".to_owned()));
        }
        if self.pause_s == 0 {
            return Err(("pause_s", "is 0, but a channel that can't send must be left alone for 1 second".to_owned()));
        }
        if self.pause_max_s < self.pause_s {
            let problem = format!("is {}, but must be at least {} (`pause_s`)", self.pause_max_s, self.pause_s);
            return Err(("pause_max_s", problem));
        }
        Ok(())
    }
}

/// What the worker is made of.
pub struct Parts {
    pub store: Store,
    pub channels: Channels,
    pub transport: Arc<dyn Transport>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub settings: Settings,
    pub public_url: String,
    pub outbox: Arc<Notify>,
    pub settled: broadcast::Sender<MessageId>,
    pub pauses: Pauses,
    /// Of what the log says about a channel that can't send.
    pub locale: Locale,
}

/// How long the worker sleeps when nobody wakes it: retries become due, leases end.
const LOOK: Duration = Duration::from_secs(1);

/// Sends until told to stop, then until what is under way has come to an end.
pub async fn run(parts: Parts, mut stop: watch::Receiver<bool>) {
    let worker = Arc::new(parts);
    let free = Arc::new(Semaphore::new(worker.settings.parallel));
    while !*stop.borrow() {
        let claimed = worker.claim(free.available_permits()).await;
        let busy = !claimed.is_empty();
        for part in claimed {
            let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
            let worker = Arc::clone(&worker);
            tokio::spawn(async move {
                worker.deliver(part).await;
                drop(permit);
                worker.outbox.notify_one();
            });
        }
        if !busy {
            tokio::select! {
                () = worker.outbox.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }
    let all = u32::try_from(worker.settings.parallel).unwrap_or(u32::MAX);
    let _ = free.acquire_many(all).await;
}

impl Parts {
    async fn claim(&self, free: usize) -> Vec<Claimed> {
        if free == 0 {
            return Vec::new();
        }
        let now = self.clock.now();
        let until = later(now, Duration::from_secs(u64::from(self.settings.lease_s)));
        let attempt_ids = (0..free).map(|_| self.ids.next(now)).collect();
        match self.claim_at(now, until, attempt_ids).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "nothing can be sent for now");
                Vec::new()
            }
        }
    }

    async fn claim_at(
        &self,
        now: Timestamp,
        until: Timestamp,
        mut attempt_ids: Vec<uuid::Uuid>,
    ) -> Result<Vec<Claimed>, store::Error> {
        for part in self.store.expire_leases(now).await? {
            tracing::warn!(part_id = %part, "a part was being sent when its worker stopped: its outcome is unknown");
        }
        let mut claimed = Vec::new();
        for channel in self.pauses.due(now) {
            let Some(attempt_id) = attempt_ids.pop() else { break };
            let probe = self.store.claim(now, until, vec![attempt_id], Within::Only(channel.clone())).await?;
            if let Some(part) = probe.first() {
                self.pauses.probe(&channel, part.id, until);
            }
            claimed.extend(probe);
        }
        // Only after the probes, so that none that was claimed is forgotten should this fail.
        match self.store.claim(now, until, attempt_ids, Within::AllBut(self.pauses.names())).await {
            Ok(others) => claimed.extend(others),
            Err(error) if claimed.is_empty() => return Err(error),
            Err(error) => tracing::warn!(%error, "nothing but probes can be sent for now"),
        }
        Ok(claimed)
    }

    async fn deliver(&self, part: Claimed) {
        let started = std::time::Instant::now();
        let outcome = match self.too_late_for_the_provider(&part) {
            Some(wait) => wait,
            None => self.send(&part).await,
        };
        let now = self.clock.now();
        // Before the part goes back to the queue: nobody shall claim it while its channel is paused.
        self.mind(&part, &outcome, now);
        let result = self.judge(&part, outcome, now);
        tracing::info!(
            message_id = %part.message_id,
            part_id = %part.id,
            attempt = part.attempts,
            outcome = name(&result),
            code = error(&result).and_then(|error| error.code),
            millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "sent a part"
        );
        let settlement = Settlement { part_id: part.id, attempt_id: part.attempt_id, at: now, result };
        self.settle(settlement).await;
        let _ = self.settled.send(part.message_id);
    }

    /// The provider has answered, so this is tried until it is on record; should the gateway
    /// stop first, the lease ends and the part is unknown.
    async fn settle(&self, settlement: Settlement) {
        let mut pause = Duration::from_millis(100);
        while let Err(error) = self.store.settle(settlement.clone()).await {
            tracing::error!(part_id = %settlement.part_id, %error, "what a send came to is not on record yet");
            if matches!(error, store::Error::Refused(_)) {
                return;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(10));
        }
    }

    /// What the provider was to keep until its time, and would no longer take: it waits here.
    fn too_late_for_the_provider(&self, part: &Claimed) -> Option<Outcome> {
        let at = part.send_at?;
        let now = self.clock.now();
        let schedule = self.channels.get(&part.channel)?.capabilities().schedule;
        if at <= now || schedule.is_some_and(|schedule| schedule.takes(now, at)) {
            return None;
        }
        let message = "its time is too close for the provider to keep it; it is sent then";
        let after = Duration::from_millis(u64::try_from(at.as_millisecond() - now.as_millisecond()).ok()?);
        Some(Outcome::Retry {
            after: Some(after),
            error: ProviderError { code: None, message: Some(message.to_owned()) },
        })
    }

    async fn send(&self, part: &Claimed) -> Outcome {
        let Some(channel) = self.channels.get(&part.channel) else {
            let message = format!("the channel `{}` is no longer configured", part.channel);
            return Outcome::Rejected { error: ProviderError { code: None, message: Some(message) } };
        };
        let request = channel.encode(&channels::Part {
            id: part.id,
            sender: part.sender.clone(),
            service: part.service.clone(),
            recipient: part.recipient.clone(),
            content: Content { text: part.text.clone(), media: part.media.clone() },
            options: part.options.clone(),
            // A time that is over is over: it leaves now.
            send_at: part.send_at.filter(|at| *at > self.clock.now()),
            status_callback: channels::status_callback(&self.public_url, &part.channel, part.id),
        });
        match self.transport.send(request).await {
            Ok(response) => channel.decode(&response),
            Err(failure) => {
                let error = ProviderError { code: None, message: Some(failure.to_string()) };
                match failure {
                    Failure::NotSent(_) => Outcome::Retry { after: None, error },
                    Failure::Unanswered(_) | Failure::TooLong(_) => Outcome::Unknown { error },
                }
            }
        }
    }

    /// Pauses the channel or resumes it, by what a try to send came to.
    fn mind(&self, part: &Claimed, outcome: &Outcome, now: Timestamp) {
        match outcome {
            Outcome::Fault { error } => self.pause(part, error, now),
            Outcome::Accepted { .. } | Outcome::Rejected { .. } | Outcome::OptedOut { .. } => {
                if self.pauses.answered(&part.channel, part.id) {
                    tracing::info!(channel = part.channel, "the channel can send again");
                }
            }
            Outcome::Retry { .. } | Outcome::Unknown { .. } => self.pauses.undecided(&part.channel, part.id, now),
        }
    }

    fn pause(&self, part: &Claimed, error: &ProviderError, now: Timestamp) {
        let [first, longest] =
            [self.settings.pause_s, self.settings.pause_max_s].map(|seconds| Duration::from_secs(u64::from(seconds)));
        if !self.pauses.fault(&part.channel, part.id, error, now, Lengths { first, longest }) {
            return;
        }
        let channel = self.channels.get(&part.channel);
        let explained = error.code.and_then(|code| channel?.explain(code, self.locale));
        tracing::error!(
            channel = part.channel,
            code = error.code,
            title = explained.map(|explained| explained.title),
            remedy = explained.map(|explained| explained.remedy),
            "the channel's account can't send: it is paused, and what is to be sent stays in the queue"
        );
    }

    fn judge(&self, part: &Claimed, outcome: Outcome, now: Timestamp) -> Settled {
        match outcome {
            Outcome::Fault { error } => Settled::Held { error },
            Outcome::Accepted { provider_id, status, segments, sender } => {
                Settled::Accepted { provider_id, status, segments, sender }
            }
            Outcome::Rejected { error } => Settled::Failed { error },
            Outcome::OptedOut { error } => Settled::OptedOut { error },
            Outcome::Unknown { error } => Settled::Unknown { error },
            Outcome::Retry { error, .. } if part.attempts >= self.settings.tries => Settled::Failed { error },
            Outcome::Retry { after, error } => {
                let seed = u128::from_le_bytes(*part.attempt_id.as_bytes());
                let pause = after.unwrap_or_else(|| backoff(&self.settings, part.attempts, &mut seeded(seed)));
                Settled::Retry { due_at: later(now, pause), error }
            }
        }
    }
}

/// An attempt's id is random enough to spread its retries.
fn seeded(seed: u128) -> rand::rngs::SmallRng {
    use rand::SeedableRng;
    let [low, high] = [seed, seed >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)).unwrap_or(0));
    rand::rngs::SmallRng::seed_from_u64(low ^ high)
}

/// The pause after the given try: doubling, capped, and anywhere in its upper half, so that
/// parts that failed together do not come back together.
fn backoff(settings: &Settings, attempts: u32, random: &mut impl Rng) -> Duration {
    use rand::RngExt;
    let doubled = u64::from(settings.backoff_s).saturating_mul(1 << attempts.saturating_sub(1).min(20));
    let millis = doubled.min(u64::from(settings.backoff_max_s)).saturating_mul(1000);
    Duration::from_millis(random.random_range(millis / 2..=millis))
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

fn name(result: &Settled) -> &'static str {
    match result {
        Settled::Accepted { .. } => "accepted",
        Settled::Retry { .. } => "retry",
        Settled::Held { .. } => "held",
        Settled::Failed { .. } => "rejected",
        Settled::OptedOut { .. } => "opted-out",
        Settled::Unknown { .. } => "unknown",
    }
}

fn error(result: &Settled) -> Option<&ProviderError> {
    match result {
        Settled::Accepted { .. } => None,
        Settled::Retry { error, .. }
        | Settled::Held { error }
        | Settled::Failed { error }
        | Settled::OptedOut { error }
        | Settled::Unknown { error } => Some(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            parallel: 4,
            timeout_s: 15,
            lease_s: 60,
            tries: 5,
            backoff_s: 2,
            backoff_max_s: 60,
            pause_s: 60,
            pause_max_s: 900,
        }
    }

    #[test]
    fn pauses_double_up_to_the_cap_and_spread_over_their_upper_half() {
        let mut random = seeded(7);
        for (attempts, most) in [(1, 2), (2, 4), (3, 8), (5, 32), (6, 60), (30, 60)] {
            for _ in 0..100 {
                let pause = backoff(&settings(), attempts, &mut random).as_millis();
                assert!((most * 500..=most * 1000).contains(&pause), "try {attempts}: {pause} ms");
            }
        }
    }

    #[test]
    fn a_lease_must_outlive_the_request() {
        assert_eq!(settings().check(), Ok(()));
        for (wrong, key) in [
            (Settings { lease_s: 20, ..settings() }, "lease_s"),
            (Settings { parallel: 0, ..settings() }, "parallel"),
            (Settings { tries: 0, ..settings() }, "tries"),
            (Settings { pause_s: 0, ..settings() }, "pause_s"),
            (Settings { pause_s: 901, ..settings() }, "pause_max_s"),
        ] {
            assert_eq!(wrong.check().map_err(|(key, _)| key), Err(key));
        }
    }
}
