//! Sending what is in the outbox: claim, encode, send, decode, settle.
//!
//! A part is marked as being sent, durably, before its request is written. Only what is known
//! not to have happened is tried again; a time-out or a crash leaves a part *unknown*, to be
//! settled by a status report and never resent blindly. A channel that can't send is paused, and its
//! parts stay in the queue.

mod claiming;
mod counting;
mod judge;
mod lease;
mod settings;
mod shares;
#[cfg(test)]
mod tests;
mod under_way;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, broadcast, watch};

use crate::channels::{self, Channels, Content, Exchange, Outcome, exchange};
use crate::clock::{Clock, Ids};
use crate::message::{MessageId, ProviderError};
use crate::metrics;
use crate::pauses::{News, Pauses};
use crate::rates::Rates;
use crate::spans;
use crate::store::{self, Adopting, Claimed, Settled, Settlement, Store};
use crate::transport::{Failure, Transport};
use claiming::Claims;
pub use claiming::Turns;
pub use settings::Settings;
pub use under_way::UnderWay;

/// What the worker is made of.
pub struct Parts {
    pub store: Store,
    pub channels: Channels,
    pub transport: Arc<dyn Transport>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub settings: Settings,
    pub public_url: String,
    /// For how long a public link to an upload is good, from when it is handed over.
    pub links_last: Duration,
    pub outbox: Arc<Notify>,
    pub settled: broadcast::Sender<MessageId>,
    pub pauses: Pauses,
    pub rates: Rates,
    /// Whose turn it is.
    pub turns: Turns,
    /// What is being sent, for who stops the gateway.
    pub under_way: UnderWay,
}

/// How long the worker sleeps when nobody wakes it: retries become due, leases end.
const LOOK: Duration = Duration::from_secs(1);
/// How long it waits at the most for room for several, so that what is urgent waits no longer.
const MOMENT: Duration = Duration::from_millis(20);

/// Sends until told to stop, then until what is under way has come to an end.
pub async fn run(parts: Parts, mut stop: watch::Receiver<bool>) {
    let worker = Arc::new(parts);
    let free = Arc::new(Semaphore::new(worker.settings.parallel));
    loop {
        let adopted = tokio::select! {
            adopted = worker.adopt_senders() => adopted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        let Err(error) = adopted else { break };
        tracing::warn!(%error, "nothing can be sent for now");
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
    }
    while !*stop.borrow() {
        let room = free.available_permits();
        let Claims { claimed, again_at, since } = worker.claim(room).await;
        let busy = !claimed.is_empty();
        let is_backlog = busy && claimed.len() == room;
        let mut left = Vec::new();
        for part in claimed {
            if *stop.borrow() {
                left.push(under_way::released(&part, worker.clock.now()));
                continue;
            }
            let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
            let worker = Arc::clone(&worker);
            worker.under_way.begin(&part);
            tokio::spawn(async move {
                let id = part.id;
                worker.deliver(part, since).await;
                worker.under_way.end(id);
                drop(permit);
                worker.outbox.notify_one();
            });
        }
        // Nothing was asked of the provider yet, so that the next start need not wait for the lease's end.
        join_all(left.into_iter().map(|released| worker.settle(released))).await;
        if is_backlog {
            tokio::select! {
                () = worker.some_room(&free) => {}
                () = tokio::time::sleep(MOMENT) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        } else if !busy {
            tokio::select! {
                () = worker.outbox.notified() => {}
                () = tokio::time::sleep(worker.rest(again_at)) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }
    let all = u32::try_from(worker.settings.parallel).unwrap_or(u32::MAX);
    let _ = free.acquire_many(all).await;
}

impl Parts {
    /// Until an eighth of what may be under way is free: while more waits than that, one claim for several parts costs
    /// hardly more than one for each.
    async fn some_room(&self, free: &Semaphore) {
        while free.available_permits() < self.settings.parallel.div_ceil(8) {
            self.outbox.notified().await;
        }
    }

    /// What waits to go by a channel's own sender may have been stored before that was set right.
    async fn adopt_senders(&self) -> Result<(), store::Error> {
        let now = self.channels.iter().map(|(name, channel)| {
            let sender = channel.sender();
            // A service picks the sender, so there is one or the other.
            Adopting::new(name, sender, channel.known_as().service.filter(|_| sender.is_none()))
        });
        let parts = self.store.adopt_senders(&now.collect::<Vec<_>>()).await?;
        if parts > 0 {
            tracing::info!(parts, "what waited goes by the sender that its channel has now");
        }
        Ok(())
    }

    /// Of what was claimed then.
    async fn deliver(&self, part: Claimed, claimed: Instant) {
        let started = Instant::now();
        counting::waited(&part, self.clock.now());
        let mut class = counting::NOT_SENT;
        let (result, exchange) = match self.channels.get(&part.channel) {
            None => (without_a_channel(&part), None),
            Some(channel) => {
                if let Some(waits) = self.too_late_for_the_provider(&part) {
                    (waits, None)
                } else {
                    match self.send(channel.as_ref(), &part, claimed).await {
                        Ok((outcome, exchange)) => {
                            class = counting::class(&outcome, exchange.as_ref());
                            (self.judge(&part, outcome, self.clock.now()).await, exchange)
                        }
                        Err(too_late) => {
                            self.pauses.tried(&part.channel, part.id, News::Nothing, self.clock.now());
                            (too_late, None)
                        }
                    }
                }
            }
        };
        let now = self.clock.now();
        metrics::ATTEMPTS.add(&part.channel, [name(&result), class]);
        tracing::info!(
            message_id = %part.message_id,
            part_id = %part.id,
            attempt = part.attempts,
            outcome = name(&result),
            code = error(&result).and_then(|error| error.code),
            millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "sent a part"
        );
        self.tell_span(&part, name(&result), started.elapsed()).await;
        let exchange = exchange.and_then(|exchange| serde_json::to_value(exchange).ok());
        let settlement = Settlement { part_id: part.id, attempt_id: part.attempt_id, at: now, result, exchange };
        self.settle(settlement).await;
        let _ = self.settled.send(part.message_id);
    }

    /// In the trace of the text that led to it, if one did.
    async fn tell_span(&self, part: &Claimed, outcome: &'static str, took: Duration) {
        if !spans::wanted() {
            return;
        }
        let cause = self.store.cause_of(part.message_id).await.unwrap_or_default().unwrap_or(part.message_id);
        spans::record(|| spans::Span {
            trace: cause.0,
            place: spans::Place::After,
            name: "send",
            took,
            attributes: vec![
                ("recado.message.id", part.message_id.to_string()),
                ("recado.part.id", part.id.to_string()),
                ("recado.attempt.id", part.attempt_id.to_string()),
                ("recado.channel", part.channel.clone()),
                ("recado.outcome", outcome.to_owned()),
            ],
            failed: outcome != "accepted",
        });
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
    fn too_late_for_the_provider(&self, part: &Claimed) -> Option<Settled> {
        let at = part.send_at?;
        let now = self.clock.now();
        let schedule = self.channels.get(&part.channel)?.capabilities().schedule;
        if at <= now || schedule.is_some_and(|schedule| schedule.takes(now, at)) {
            return None;
        }
        self.pauses.tried(&part.channel, part.id, News::Nothing, now);
        let message = "its time is too close for the provider to keep it; it is sent then";
        Some(Settled::Held { until: Some(at), error: ProviderError { code: None, message: Some(message.to_owned()) } })
    }

    /// What it came to, and what went over the wire; or what becomes of it, if it is too late for that.
    async fn send(
        &self,
        channel: &dyn channels::Channel,
        part: &Claimed,
        claimed: Instant,
    ) -> Result<(Outcome, Option<Exchange>), Settled> {
        let request = match channel.encode(&self.provider_part(part)) {
            Ok(request) => request,
            Err(reason) => return Ok((unencoded(&reason), None)),
        };
        if let Some(too_late) = self.after_its_lease(part, claimed) {
            return Err(too_late);
        }
        let (harmless, began) = (channel.harmless(), Instant::now());
        let asked = Exchange::asked(&request, &harmless);
        let response = self.transport.send(request).await;
        metrics::PROVIDER_SECONDS.took(&part.channel, [], began.elapsed());
        let asked = asked.took(began.elapsed());
        match response {
            Ok(response) => {
                let outcome = channel.decode(&response);
                let exchange = asked.answered(&response, &outcome, &harmless);
                Ok((outcome, Some(exchange)))
            }
            Err(failure) => {
                let exchange = asked.unanswered(silence(&failure));
                Ok((unanswered(&failure), Some(exchange)))
            }
        }
    }

    fn provider_part(&self, part: &Claimed) -> channels::Part {
        channels::Part {
            id: part.id,
            sender: part.sender.clone(),
            service: part.service.clone(),
            recipient: part.recipient.clone(),
            content: Content { text: part.text.clone(), media: part.media.clone() },
            options: part.options.clone(),
            // A time that is over is over: it leaves now.
            send_at: part.send_at.filter(|at| *at > self.clock.now()),
            status_callback: channels::status_callback(&self.public_url, &part.channel, part.id),
        }
    }
}

/// Somebody took the channel out of the settings; it may come back.
fn without_a_channel(part: &Claimed) -> Settled {
    let message = format!("the channel `{}` is no longer configured", part.channel);
    Settled::GivenUp { error: ProviderError { code: None, message: Some(message) } }
}

/// Nothing left.
fn unencoded(reason: &channels::Unencodable) -> Outcome {
    let error = ProviderError { code: None, message: Some(reason.to_string()) };
    match reason {
        channels::Unencodable::Refused(_) => Outcome::Rejected { error },
        channels::Unencodable::Broken(_) => Outcome::Retry { after: None, error },
    }
}

fn unanswered(failure: &Failure) -> Outcome {
    let error = ProviderError { code: None, message: Some(failure.to_string()) };
    match failure {
        Failure::NotSent(_) => Outcome::Retry { after: None, error },
        Failure::Unanswered(_) | Failure::TooLong(_) => Outcome::Unknown { error },
    }
}

fn silence(failure: &Failure) -> exchange::Failure {
    match failure {
        Failure::NotSent(_) => exchange::Failure::NotConnected,
        Failure::Unanswered(_) if failure.is_timed_out() => exchange::Failure::TimedOut,
        Failure::Unanswered(_) => exchange::Failure::CutOff,
        Failure::TooLong(_) => exchange::Failure::Unreadable,
    }
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
        Settled::GivenUp { .. } => "given-up",
        Settled::OptedOut { .. } => "opted-out",
        Settled::Unknown { .. } => "unknown",
    }
}

fn error(result: &Settled) -> Option<&ProviderError> {
    match result {
        Settled::Accepted { .. } => None,
        Settled::Retry { error, .. }
        | Settled::Held { error, .. }
        | Settled::Failed { error }
        | Settled::GivenUp { error }
        | Settled::OptedOut { error }
        | Settled::Unknown { error } => Some(error),
    }
}
