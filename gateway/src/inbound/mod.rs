//! The flow of what comes in: verify, record, process, answer.
//!
//! A webhook is acknowledged only after its message is on disk: in the database, or in the journal
//! while that is away or too slow (`gate`), from where it is brought there (`replaying`). Processing
//! (plugins, plan, commit) begins then; if it is done soon enough, the replies ride the webhook's own
//! answer, otherwise they go through the outbox.

mod counting;
mod early;
mod gate;
mod held;
mod process;
mod recording;
mod replaying;
mod sharing;
#[cfg(test)]
mod tests;
mod waiting;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;
use uuid::Uuid;

use crate::channels::{self, Answer, Channels, Event, Refused, Webhook};
use crate::clock::{Clock, Ids};
use crate::gate::Rules;
use crate::journal::{self, Entry, Journal};
use crate::message::{MessageId, Place};
use crate::pauses::Pauses;
use crate::processing::Processing;
use crate::rates::Rates;
use crate::spans;
use crate::store::{self, Answered, NewInbound, Orphans, Receipt, Recorded, Store};
pub use early::Early;
use gate::{Gate, Way};
use held::Held;
use recording::Told;
use waiting::Waiting;

/// `[inbound]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How long a webhook waits for its replies, in milliseconds, before it is answered empty.
    pub reply_within_ms: u32,
    /// How many conversations are processed at the same time.
    pub parallel: usize,
    /// How long another gateway on the same database gives no sign, in seconds, before its texts are taken over.
    pub lease_s: u32,
}

impl Settings {
    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.lease_s == 0 {
            return Err((
                "lease_s",
                "is 0, but must be at least 1: gateways would take each other for dead".to_owned(),
            ));
        }
        Ok(())
    }
}

/// Why a webhook was not taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no channel of this name")]
    UnknownChannel,
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The database is away or too slow, and the journal does not take it either.
    #[error(transparent)]
    Journal(#[from] journal::Error),
}

/// What waits in the journal, and whether webhooks go there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journalled {
    pub waiting: journal::Waiting,
    /// Webhooks go there, or one was kept nowhere a moment ago.
    pub in_use: bool,
}

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct Inbound {
    shared: Arc<Shared>,
}

struct Shared {
    /// This one, among those on the database.
    gateway: Uuid,
    /// Whether it is the only one.
    alone: bool,
    store: Store,
    gate: Gate,
    channels: Channels,
    processing: Processing,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
    settings: Settings,
    place: Place,
    public_url: String,
    waiting: Waiting,
    /// Told when a part that waited may be sent.
    outbox: Arc<tokio::sync::Notify>,
    /// Told when there is something to fetch.
    wanted: Arc<tokio::sync::Notify>,
    /// Told when a report says that a channel can't send.
    pauses: Pauses,
    /// Told when a report says that a sender was too fast.
    rates: Rates,
    /// What comes behind another gateway's texts.
    held: Arc<Held>,
    rules: Rules,
    running: Mutex<Running>,
    is_draining: AtomicBool,
}

/// What goes on until the lanes are to be drained, until they are, and until this gateway leaves the others.
#[derive(Default)]
struct Running {
    replaying: Option<AbortHandle>,
    letting_go: Option<AbortHandle>,
    sharing: Option<AbortHandle>,
}

/// What the way in is made of.
pub struct Parts {
    pub store: Store,
    pub journal: Journal,
    /// How long the database may take before the journal is taken.
    pub journal_after: Duration,
    pub channels: Channels,
    pub processing: Processing,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub settings: Settings,
    pub place: Place,
    /// Where the provider reaches us: scheme, host and prefix, without a slash at the end.
    pub public_url: String,
    pub outbox: Arc<tokio::sync::Notify>,
    pub wanted: Arc<tokio::sync::Notify>,
    pub pauses: Pauses,
    pub rates: Rates,
    /// Whether this is the only gateway on the database.
    pub alone: bool,
    /// What words say that somebody wants no messages, and what they are told.
    pub rules: Rules,
}

impl Inbound {
    /// Nothing is processed yet.
    pub fn new(parts: Parts) -> Self {
        let now = parts.clock.now();
        let shared = Arc::new(Shared {
            gateway: parts.ids.next(now),
            alone: parts.alone || !parts.store.can_be_shared(),
            store: parts.store,
            gate: Gate::new(parts.journal, parts.journal_after),
            channels: parts.channels,
            processing: parts.processing,
            clock: parts.clock,
            ids: parts.ids,
            settings: parts.settings,
            place: parts.place,
            public_url: parts.public_url,
            waiting: Waiting::default(),
            outbox: parts.outbox,
            wanted: parts.wanted,
            pauses: parts.pauses,
            rates: parts.rates,
            held: Arc::default(),
            rules: parts.rules,
            running: Mutex::default(),
            is_draining: AtomicBool::new(false),
        });
        Self { shared }
    }

    /// Starts processing what an earlier run recorded and did not process. Where it fails, it may be asked for again.
    pub async fn join(&self) -> Result<(), store::Error> {
        self.shared.store.join(self.shared.gateway, self.shared.clock.now()).await?;
        self.take_up(if self.shared.alone { Orphans::All } else { Orphans::AtStart }).await
    }

    /// Processes what `recordings` brings, too, and what waits in the journal.
    pub fn start(&self, mut recordings: mpsc::UnboundedReceiver<Recorded>) {
        let consumer = self.clone();
        tokio::spawn(async move {
            while let Some(recorded) = recordings.recv().await {
                consumer.enqueue(recorded);
            }
        });
        self.shared.gate.begin();
        let mut running = self.running();
        running.replaying = Some(tokio::spawn(replaying::run(Arc::clone(&self.shared))).abort_handle());
        running.letting_go = Some(tokio::spawn(self.clone().let_go()).abort_handle());
        if self.shared.store.can_be_shared() {
            running.sharing = Some(tokio::spawn(self.clone().share()).abort_handle());
        }
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.shared.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enqueue(&self, recorded: Recorded) {
        if !recorded.media.is_empty() {
            self.shared.wanted.notify_one();
        }
        if recorded.behind {
            self.shared.held.hold(recorded);
        } else {
            self.shared.held.pass(recorded, |recorded| self.put_in_lane(recorded));
        }
    }

    fn put_in_lane(&self, recorded: Recorded) {
        let shared = Arc::clone(&self.shared);
        let (conversation, id) = (recorded.conversation_id, recorded.id);
        self.shared.processing.lanes().enqueue(conversation, async move {
            let processed = AssertUnwindSafe(process::process(&shared, recorded)).catch_unwind().await;
            if let Err(panic) = processed {
                // It must not hold up what comes behind it. The lane says what became of it.
                process::set_aside(&shared, id).await;
                resume_unwind(panic);
            }
        });
    }

    /// What waits in the journal, and whether webhooks go there now.
    pub fn journalled(&self) -> Journalled {
        let gate = &self.shared.gate;
        Journalled { waiting: gate.journal().waiting(), in_use: gate.way() != Way::Database || gate.refuses() }
    }

    /// Whether the journal takes webhooks, found out by writing.
    pub async fn probe_journal(&self) -> Result<(), journal::Error> {
        self.shared.gate.journal().probe(self.shared.clock.now()).await
    }

    /// Waits until all that was recorded so far is processed. What waits in the journal is left to the
    /// next start, and what waits for other gateways to these. They go on seeing this one at work.
    pub async fn drain(&self) {
        self.shared.is_draining.store(true, Ordering::Relaxed);
        let end = |work: Option<AbortHandle>| work.into_iter().for_each(|work| work.abort());
        end(self.running().replaying.take());
        self.shared.processing.lanes().drain().await;
        end(self.running().letting_go.take());
    }

    /// Others may take over what is left.
    pub async fn leave(&self) {
        if let Some(sharing) = self.running().sharing.take() {
            sharing.abort();
        }
        if let Err(error) = self.shared.store.leave(self.shared.clock.now()).await {
            tracing::warn!(%error, "other gateways are not told that this one stops; they notice by and by");
        }
    }

    /// Takes a webhook. When this returns an answer, all that the webhook brought is on disk.
    pub async fn receive(&self, channel: &str, webhook: Webhook) -> Result<Answer, Error> {
        let (channel, provider) = self.shared.channels.of(channel, &webhook).ok_or(Error::UnknownChannel)?;
        let verified = provider.verify(webhook)?;
        let events = provider.parse(&verified).map_err(Refused::from)?;
        let mut answer = verified.answer().cloned().unwrap_or_else(|| provider.answer(&[]));
        let replies_ride = provider.capabilities().answer.is_some();
        for event in events {
            let entry = self.shared.entry(channel, event.clone());
            let (id, began) = (entry.id, Instant::now());
            match event {
                Event::Inbound(message) => {
                    if !replies_ride {
                        self.record(entry, message).await?;
                    } else if let Some(body) = self.take(entry, message).await? {
                        answer = Answer { content_type: provider.answer(&[]).content_type, body };
                    }
                    counting::span(id, spans::Place::First, "webhook", channel, began.elapsed());
                }
                Event::Status(report) => {
                    let report = self.shared.new_observation(&entry, report);
                    let told = Told::of(&report);
                    let observe = self.shared.store.observe(report);
                    if let Some(observed) = counting::keep(&self.shared.gate, entry, observe).await? {
                        self.shared.observed(channel, &told, observed).await;
                    }
                }
            }
        }
        Ok(answer)
    }

    /// For a channel whose answers carry no replies: nobody waits for them.
    async fn record(&self, entry: Entry, message: channels::Inbound) -> Result<(), Error> {
        let new = self.shared.new_inbound(&entry, message);
        let id = new.id;
        match counting::keep(&self.shared.gate, entry, self.shared.store.record(new)).await? {
            Some(Receipt::Repeat { of, .. }) if of == id => self.shared.process_anyhow(of).await?,
            Some(Receipt::Repeat { of, .. }) => tracing::info!(message_id = %of, "a message came again"),
            Some(Receipt::Recorded) | None => {}
        }
        Ok(())
    }

    /// What the webhook is answered with the replies, if any ride its answer.
    async fn take(&self, entry: Entry, message: channels::Inbound) -> Result<Option<String>, Error> {
        let shared = &self.shared;
        let began = Instant::now();
        let new = shared.new_inbound(&entry, message);
        let id = new.id;
        // Open before the message is recorded, so that processing finds somebody waiting.
        let waiter = shared.waiting.join(id);
        let within = Duration::from_millis(u64::from(shared.settings.reply_within_ms));
        let receipt = counting::keep(&shared.gate, entry, shared.store.record(new)).await?;
        // The provider does not wait longer because the database took its time.
        let within = within.saturating_sub(began.elapsed());
        match receipt {
            Some(Receipt::Recorded) => Ok(waiter.reply(within).await),
            // The writer did it twice, since the first commit was lost from sight.
            Some(Receipt::Repeat { of, .. }) if of == id => {
                shared.process_anyhow(of).await?;
                Ok(waiter.reply(within).await)
            }
            Some(Receipt::Repeat { of, answered }) => {
                drop(waiter);
                self.repeat(of, answered, within).await
            }
            // Its replies go through the outbox, unless the database had it after all and they count on us by now.
            None => Ok(waiter.reply(Duration::ZERO).await),
        }
    }

    /// A repeat gets the first answer again, and waits for it if there is none yet.
    async fn repeat(&self, of: MessageId, answered: Answered, within: Duration) -> Result<Option<String>, Error> {
        tracing::info!(message_id = %of, "a message came again");
        match answered {
            Answered::Empty => return Ok(None),
            Answered::With(body) => return self.answer_again(of, body).await,
            Answered::NotYet => {}
        }
        let waiter = self.shared.waiting.join(of);
        // It may have been processed between the look and the wait.
        match self.shared.store.answered(of).await? {
            Answered::NotYet => Ok(waiter.reply(within).await),
            Answered::Empty => Ok(None),
            Answered::With(body) => self.answer_again(of, body).await,
        }
    }

    /// Not with replies that were sent by themselves meanwhile.
    async fn answer_again(&self, of: MessageId, body: String) -> Result<Option<String>, Error> {
        let still = self.shared.store.answer_again(of, self.shared.clock.now()).await?;
        Ok(still.then_some(body))
    }

    /// Takes a message that the provider lists, from when it says, and whose webhook is not to be waited for; its
    /// replies go through the outbox. False when it was here before.
    pub async fn recover(&self, channel: &str, message: channels::Inbound, from: Timestamp) -> Result<bool, Error> {
        let entry = self.shared.entry(channel, Event::Inbound(message.clone()));
        let said_at = Some(from.min(entry.received_at));
        let new = NewInbound { said_at, ..self.shared.new_inbound(&entry, message) };
        let id = new.id;
        let receipt = self.shared.store.record(new).await?;
        if receipt == Receipt::Recorded {
            tracing::info!(message_id = %id, channel, "recorded a message whose webhook did not come");
        }
        Ok(receipt == Receipt::Recorded)
    }
}
