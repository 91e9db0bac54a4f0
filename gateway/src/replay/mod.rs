//! Recorded messages, put to other plugins: what would be different.
//!
//! Each message is asked about as it was: the same text, the clock and the randomness of then, the
//! conversation as its plugins saw it, and what they remembered. Nothing is sent, stored or asked of
//! other hosts.

mod effects;
mod report;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use jiff::SignedDuration;
use tracing::Instrument;
use uuid::Uuid;

use crate::clock::Clock;
use crate::deciding::{Then, seen};
use crate::message::Place;
use crate::plugins::{
    Chain, FetchFailure, FetchRequest, FetchResponse, Fetcher, InboundCall, Objection, Remembered, Scope, StateKey,
    StateSource, Surroundings, Usage,
};
use crate::store::{self, Past, PastFilter, Store, Thread};

pub use effects::Effect;
pub use report::{Asked, Changed, Report};

/// Which messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The newest so many.
    pub last: u64,
    pub filter: PastFilter,
}

/// What replaying is made of. Cheap to clone.
#[derive(Clone)]
pub struct Replay {
    pub store: Store,
    pub place: Place,
    /// How long what plugins remembered before is kept.
    pub history: SignedDuration,
    pub clock: Arc<dyn Clock>,
    /// How many messages are asked about at once.
    pub parallel: usize,
}

/// How many messages are read at a time.
const PAGE: u64 = 200;

impl Replay {
    /// Puts messages to these plugins and says what would be different. `progress` is told of each.
    pub async fn run(
        &self,
        chain: &Chain,
        wanted: &Wanted,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<Report, store::Error> {
        let chain = Arc::new(chain.apart());
        let mut report = Report::of(&chain);
        let (mut before, mut left) = (None::<Uuid>, wanted.last);
        while left > 0 {
            let page = self.store.past(&wanted.filter, before, left.min(PAGE)).await?;
            let Some(oldest) = page.last() else { break };
            before = Some(oldest.recorded.id.0);
            left = left.saturating_sub(page.len() as u64);
            let ask = |past: Past| {
                let (this, chain) = (self.clone(), Arc::clone(&chain));
                let span = tracing::info_span!("replay");
                tokio::spawn(async move { this.ask(&chain, past).await }.instrument(span))
            };
            let mut asked = stream::iter(page).map(ask).buffered(self.parallel);
            while let Some(came) = asked.next().await {
                let (past, came) = came.map_err(|error| store::Error::Refused(error.to_string()))?;
                report.add(&past, came);
                progress(1);
            }
        }
        report.finish();
        Ok(report)
    }

    /// Whether these plugins may be put in force: at most `max_changed` per cent of the last messages would be
    /// treated differently, and some of them, if there are any, could be compared. If not, why.
    pub async fn check(&self, chain: &Chain, last: u64, max_changed: f64) -> Result<Report, Objection> {
        let wanted = Wanted { last, filter: PastFilter::default() };
        let report = self.run(chain, &wanted, |_| ()).await.map_err(|error| match error {
            store::Error::Refused(_) => Objection::Refused(error.to_string()),
            store::Error::Unavailable(_) | store::Error::Overtaken(_) => Objection::Away(error.to_string()),
        })?;
        if let Some(refusal) = report.refusal(max_changed) {
            return Err(Objection::Refused(refusal));
        }
        tracing::info!(summary = report.summary(), "what changed of the plugins was tried on recorded messages");
        Ok(report)
    }

    async fn ask(&self, chain: &Chain, past: Past) -> (Past, Asked) {
        if past.redacted {
            return (past, Asked::Redacted);
        }
        let Some(thread) = past.thread.clone() else { return (past, Asked::Unknown) };
        let Some(recorded) = effects::recorded(&thread, &past.traces) else { return (past, Asked::Unknown) };
        let then = Then { store: self.store.clone(), asked: past.asked };
        let state = Arc::new(Looked { then, at: AtomicBool::new(false) });
        let surroundings = Surroundings {
            now: past.asked.at,
            seed: past.asked.seed.unwrap_or_default(),
            locale: self.place.locale.clone(),
            time_zone: self.place.time_zone.clone(),
            state: Arc::clone(&state) as Arc<dyn StateSource>,
            fetcher: Arc::new(Nobody),
        };
        let asked = chain.on_inbound(call(&past, &thread), &surroundings).await;
        let fetches = asked.ran.iter().any(|ran| ran.decision.get("fetches").is_some());
        let effects = effects::decided(&thread, asked);
        let is_forgotten = state.at.load(Ordering::Relaxed) && past.asked.at < self.clock.now() - self.history;
        let came = match (fetches, is_forgotten) {
            (true, _) => Asked::Fetches,
            (_, true) => Asked::Forgotten,
            _ => Asked::Decided { recorded, candidate: effects },
        };
        (past, came)
    }
}

fn call(past: &Past, thread: &Thread) -> InboundCall {
    let recorded = &past.recorded;
    InboundCall {
        id: recorded.id,
        channel: recorded.channel.clone(),
        sender: recorded.sender.clone(),
        recipient: recorded.recipient.clone(),
        text: recorded.text.clone(),
        media: recorded.media.clone(),
        received_at: recorded.received_at,
        extra: recorded.extra.clone(),
        conversation: seen(thread, recorded.ordinal, recorded.previous_inbound_at),
    }
}

/// Knows whether anybody looked at what was remembered then.
struct Looked {
    then: Then,
    at: AtomicBool,
}

#[async_trait]
impl StateSource for Looked {
    async fn recall(&self, key: &StateKey) -> Result<Option<Remembered>, String> {
        self.at.store(true, Ordering::Relaxed);
        self.then.recall(key).await
    }

    async fn usage(&self, plugin: &str, scope: Scope, subject: Uuid) -> Result<Usage, String> {
        self.then.usage(plugin, scope, subject).await
    }
}

/// Whoever may be asked during a replay.
struct Nobody;

#[async_trait]
impl Fetcher for Nobody {
    async fn fetch(&self, _: &str, _: FetchRequest) -> Result<FetchResponse, FetchFailure> {
        Err(FetchFailure::Failed("nobody is asked while messages are replayed".to_owned()))
    }
}

#[cfg(test)]
mod tests;
