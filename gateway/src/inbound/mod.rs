//! The flow of what comes in: verify, record, process, answer.
//!
//! A webhook is acknowledged only after its message is on disk. Processing (plugins, plan,
//! commit) begins then; if it is done soon enough, the replies ride the webhook's own answer,
//! otherwise they go through the outbox.

mod process;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::mpsc;

use crate::channels::{self, Answer, Channels, Event, Refused, Webhook};
use crate::clock::{Clock, Ids};
use crate::message::{ContactId, ConversationId, Line, MessageId, Place};
use crate::pauses::Pauses;
use crate::processing::Processing;
use crate::rates::Rates;
use crate::store::{self, Answered, NewInbound, NewObservation, Observed, Receipt, Recorded, Store};
use waiting::Waiting;

/// `[inbound]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How long a webhook waits for its replies, in milliseconds, before it is answered empty.
    pub reply_within_ms: u32,
    /// How many conversations are processed at the same time.
    pub parallel: usize,
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
}

/// The way in. Cheap to clone.
#[derive(Clone)]
pub struct Inbound {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
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
}

/// What the way in is made of.
pub struct Parts {
    pub store: Store,
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
}

/// How many messages the sweep at start takes at once.
const SWEEP: u64 = 100_000;

impl Inbound {
    /// Starts processing: first what an earlier run recorded and did not process, then what
    /// `recordings` brings.
    pub async fn start(parts: Parts, mut recordings: mpsc::UnboundedReceiver<Recorded>) -> Result<Self, Error> {
        let Parts {
            store,
            channels,
            processing,
            clock,
            ids,
            settings,
            place,
            public_url,
            outbox,
            wanted,
            pauses,
            rates,
        } = parts;
        let waiting = Waiting::default();
        let shared = Arc::new(Shared {
            store,
            channels,
            processing,
            clock,
            ids,
            settings,
            place,
            public_url,
            waiting,
            outbox,
            wanted,
            pauses,
            rates,
        });
        let inbound = Self { shared };
        let left = inbound.shared.store.unprocessed(SWEEP).await?;
        if !left.is_empty() {
            tracing::info!(messages = left.len(), "processing what an earlier run left");
        }
        for recorded in left {
            inbound.enqueue(recorded);
        }
        let consumer = inbound.clone();
        tokio::spawn(async move {
            while let Some(recorded) = recordings.recv().await {
                consumer.enqueue(recorded);
            }
        });
        Ok(inbound)
    }

    fn enqueue(&self, recorded: Recorded) {
        let shared = Arc::clone(&self.shared);
        if !recorded.media.is_empty() {
            shared.wanted.notify_one();
        }
        let lanes = self.shared.processing.lanes();
        lanes.enqueue(recorded.conversation_id, async move { process::process(&shared, recorded).await });
    }

    /// Waits until all that was recorded so far is processed.
    pub async fn drain(&self) {
        self.shared.processing.lanes().drain().await;
    }

    /// Takes a webhook. When this returns an answer, all that the webhook brought is on disk.
    pub async fn receive(&self, channel: &str, webhook: Webhook) -> Result<Answer, Error> {
        let (channel, provider) = self.shared.channels.of(channel, &webhook).ok_or(Error::UnknownChannel)?;
        let verified = provider.verify(webhook)?;
        let events = provider.parse(&verified).map_err(Refused::from)?;
        let mut answer = verified.answer().cloned().unwrap_or_else(|| provider.answer(&[]));
        let replies_ride = provider.capabilities().answer.is_some();
        for event in events {
            match event {
                Event::Inbound(message) => {
                    if !replies_ride {
                        self.record(channel, message).await?;
                    } else if let Some(body) = self.take(channel, message).await? {
                        answer = Answer { content_type: provider.answer(&[]).content_type, body };
                    }
                }
                Event::Status(observation) => self.observe(channel, observation).await?,
            }
        }
        Ok(answer)
    }

    /// For a channel whose answers carry no replies: nobody waits for them.
    async fn record(&self, name: &str, message: channels::Inbound) -> Result<(), Error> {
        if let Receipt::Repeat { of, .. } = self.shared.store.record(self.shared.new_inbound(name, message)).await? {
            tracing::info!(message_id = %of, "a message came again");
        }
        Ok(())
    }

    /// What the webhook is answered with the replies, if any ride its answer.
    async fn take(&self, name: &str, message: channels::Inbound) -> Result<Option<String>, Error> {
        let shared = &self.shared;
        let new = shared.new_inbound(name, message);
        let id = new.id;
        // Open before the message is recorded, so that processing finds somebody waiting.
        let waiter = shared.waiting.join(id);
        let within = Duration::from_millis(u64::from(shared.settings.reply_within_ms));
        match shared.store.record(new).await? {
            Receipt::Recorded => Ok(waiter.reply(within).await),
            Receipt::Repeat { of, answered } => {
                drop(waiter);
                self.repeat(of, answered, within).await
            }
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

    /// Takes a message that the provider lists and whose webhook is not to be waited for; its
    /// replies go through the outbox. False when it was here before.
    pub async fn recover(&self, channel: &str, message: channels::Inbound) -> Result<bool, Error> {
        let new = self.shared.new_inbound(channel, message);
        let id = new.id;
        let receipt = self.shared.store.record(new).await?;
        if receipt == Receipt::Recorded {
            tracing::info!(message_id = %id, channel, "recorded a message whose webhook did not come");
        }
        Ok(receipt == Receipt::Recorded)
    }

    async fn observe(&self, name: &str, observation: channels::Observation) -> Result<(), Error> {
        let shared = &self.shared;
        let now = shared.clock.now();
        let (status, error) = (observation.status, observation.error.clone());
        let observed = shared
            .store
            .observe(NewObservation {
                id: shared.ids.next(now),
                channel: name.to_owned(),
                provider_id: observation.provider_id,
                part_id: observation.part,
                sender: observation.sender,
                status,
                error: observation.error,
                consent: observation.consent,
                raw: observation.raw,
                received_at: now,
            })
            .await?;
        if let Observed::Message { .. } = observed {
            shared.pauses.reported(name, error.as_ref(), now);
        }
        let is_too_fast = |code| shared.channels.get(name).is_some_and(|channel| channel.is_too_fast(code));
        if let Observed::Message { id, .. } = observed
            && error.as_ref().and_then(|error| error.code).is_some_and(is_too_fast)
        {
            shared.slow_down(id, now).await?;
        }
        match observed {
            Observed::Unrelated => tracing::info!(channel = name, %status, "a status report of no message of ours"),
            Observed::Message { id, conflict: true, .. } => {
                tracing::warn!(message_id = %id, %status, "a status report contradicts the final status");
            }
            Observed::Message { id, .. } => {
                tracing::debug!(message_id = %id, %status, "status report");
                // The conversation's next part may have waited for this one.
                shared.outbox.notify_one();
            }
        }
        Ok(())
    }
}

impl Shared {
    /// The sender of this message, and the service that it went by, were too fast.
    async fn slow_down(&self, id: MessageId, now: jiff::Timestamp) -> Result<(), Error> {
        let Some(message) = self.store.message(id).await? else { return Ok(()) };
        let by_service = message.service.as_deref().map(|service| Line::of(&message.channel, None, Some(service)));
        for line in by_service.into_iter().chain(message.from.map(|from| Line::of(&message.channel, Some(&from), None)))
        {
            self.rates.refused(&line, now);
        }
        Ok(())
    }

    fn new_inbound(&self, channel: &str, message: channels::Inbound) -> NewInbound {
        let now = self.clock.now();
        NewInbound {
            id: MessageId(self.ids.next(now)),
            conversation_id: ConversationId(self.ids.next(now)),
            contact_id: ContactId(self.ids.next(now)),
            channel: channel.to_owned(),
            provider_id: message.provider_id,
            subject: self.place.subject(channel, message.sender.as_str()),
            sender: message.sender,
            recipient: message.recipient,
            text: message.text,
            media: message.media,
            segments: message.segments,
            extra: message.extra,
            consent: message.consent,
            received_at: now,
        }
    }
}
