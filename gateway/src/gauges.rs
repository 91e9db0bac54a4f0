//! The flow of a look at what waits: sets the gauges, and gives the page that Prometheus reads.
//!
//! However often somebody asks, the database is looked at once in a while; and should it not answer, the page
//! comes all the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};

use crate::channels::Channels;
use crate::clock::Clock;
use crate::events::Endpoints;
use crate::inbound::Inbound;
use crate::message::Priority;
use crate::metrics;
use crate::pauses::Pauses;
use crate::plugins::InForce;
use crate::plugins::health::State;
use crate::store::{self, Backlog, ByHand, Store};

/// For how long what was seen is as good as new.
const FRESH: Duration = Duration::from_secs(2);
/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often what was timed is put into its buckets, also if nobody asks.
const TIDY: Duration = Duration::from_secs(5);
/// How a channel is called that the settings no longer have.
const OTHER: &str = "other";

/// What is looked at.
pub struct Parts {
    pub store: Store,
    pub channels: Channels,
    pub inbound: Inbound,
    pub pauses: Pauses,
    pub plugins: InForce,
    pub endpoints: Endpoints,
    pub clock: Arc<dyn Clock>,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Gauges(Arc<Shared>);

struct Shared {
    parts: Parts,
    looked: Mutex<Option<Instant>>,
}

impl Gauges {
    pub fn new(parts: Parts) -> Self {
        metrics::BUILD.set(env!("CARGO_PKG_VERSION"), [], 1.0);
        // Counted from 0, so that the first is a change.
        for channel in parts.channels.names() {
            for kind in ["inbound", "status"] {
                for outcome in ["recorded", "repeat", "journaled"] {
                    metrics::WEBHOOKS.expect(channel, [kind, outcome]);
                }
            }
            for outcome in ["forged", "malformed", "busy", "failed"] {
                metrics::WEBHOOKS.expect(channel, ["unread", outcome]);
            }
        }
        for endpoint in parts.endpoints.iter() {
            for outcome in ["delivered", "retry", "given-up", "gone"] {
                metrics::EVENTS.expect(&endpoint.name, [outcome]);
            }
        }
        Self(Arc::new(Shared { parts, looked: Mutex::default() }))
    }

    /// All metrics as they stand.
    pub async fn page(&self) -> String {
        let mut looked = self.0.looked.lock().await;
        if looked.is_none_or(|at| at.elapsed() >= FRESH) {
            self.0.parts.look().await;
            *looked = Some(Instant::now());
        }
        drop(looked);
        metrics::render()
    }
}

/// Keeps what was timed in order until told to stop.
pub async fn run(mut stop: watch::Receiver<bool>) {
    while timeout(TIDY, stop.wait_for(|stop| *stop)).await.is_err() {
        metrics::tidy();
    }
}

impl Parts {
    async fn look(&self) {
        let now = self.clock.now();
        let waiting = u32::try_from(self.store.writes_waiting()).unwrap_or(u32::MAX);
        metrics::WRITES_WAITING.set("", [], f64::from(waiting));
        let journalled = self.inbound.journalled().waiting;
        metrics::JOURNAL_ENTRIES.set("", [], number(journalled.entries));
        metrics::JOURNAL_BYTES.set("", [], number(journalled.bytes));
        metrics::JOURNAL_OLDEST.set("", [], age(journalled.oldest, now));
        for link in self.plugins.chain().links() {
            metrics::PLUGIN_DISABLED.set(&link.name, [], flag(link.health.fares().state == State::Tripped));
        }
        let seen = timeout(PATIENCE, self.ask(now)).await;
        let seen = seen.unwrap_or_else(|_| Err(store::Error::Unavailable("it takes too long".to_owned())));
        metrics::DATABASE_UP.set("", [], flag(seen.is_ok()));
        match &seen {
            Ok((backlog, _)) => self.show(backlog, now),
            Err(error) => tracing::warn!(%error, "what waits in the database is not known for now"),
        }
        self.show_pauses(seen.ok().map(|(_, by_hand)| by_hand).as_ref(), now);
    }

    async fn ask(&self, now: Timestamp) -> Result<(Backlog, BTreeMap<String, ByHand>), store::Error> {
        Ok((self.store.backlog(now).await?, self.store.paused().await?))
    }

    fn show(&self, backlog: &Backlog, now: Timestamp) {
        // With 0 where nothing waits.
        let names = self.channels.names().chain([OTHER]);
        let mut due: BTreeMap<(&str, Priority), (u64, f64)> =
            names.flat_map(|name| Priority::ALL.map(|priority| ((name, priority), (0, 0.0)))).collect();
        for line in &backlog.outbound {
            let name = if self.channels.get(&line.channel).is_some() { line.channel.as_str() } else { OTHER };
            let (parts, oldest) = due.entry((name, line.priority)).or_default();
            *parts += line.parts;
            *oldest = oldest.max(age(Some(line.since), now));
        }
        for ((channel, priority), (parts, oldest)) in due {
            metrics::OUTBOUND_DUE.set(channel, [priority.as_str()], number(parts));
            metrics::OUTBOUND_OLDEST.set(channel, [priority.as_str()], oldest);
        }
        metrics::OUTBOUND_SENDING.set("", [], number(backlog.sending));
        metrics::UNPROCESSED.set("", [], number(backlog.unprocessed));
        metrics::UNPROCESSED_OLDEST.set("", [], age(backlog.oldest_unprocessed, now));
        for endpoint in backlog.endpoints.iter().filter(|endpoint| self.endpoints.get(&endpoint.name).is_some()) {
            metrics::EVENTS_WAITING.set(&endpoint.name, [], number(endpoint.waiting));
            metrics::ENDPOINT_DISABLED.set(&endpoint.name, [], flag(endpoint.disabled));
        }
    }

    fn show_pauses(&self, by_hand: Option<&BTreeMap<String, ByHand>>, now: Timestamp) {
        let (by_fault, closed) = (self.pauses.all(), self.pauses.closed(now));
        for channel in self.channels.names() {
            let is_at_fault = by_fault.contains_key(channel);
            let is_held = !is_at_fault && closed.iter().any(|name| name == channel);
            metrics::CHANNEL_PAUSED.set(channel, ["fault"], flag(is_at_fault));
            metrics::CHANNEL_PAUSED.set(channel, ["busy"], flag(is_held));
            if let Some(by_hand) = by_hand {
                metrics::CHANNEL_PAUSED.set(channel, ["hand"], flag(by_hand.contains_key(channel)));
            }
        }
    }
}

fn flag(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has only floating numbers, exact beyond any count here")]
fn number(count: u64) -> f64 {
    count as f64
}

/// In seconds; 0 of nothing, and of what another gateway's clock puts into the future.
fn age(since: Option<Timestamp>, now: Timestamp) -> f64 {
    since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0))
}
