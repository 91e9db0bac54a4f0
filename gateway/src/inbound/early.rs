//! Webhooks that come while a gateway starts and its database is away: checked like any, and kept in the journal
//! alone. Once the database is there, [`super::Inbound`] brings them to it, before all that comes later.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Error;
use super::recording::entry;
use crate::channels::{Answer, Channels, Event, Refused, Webhook};
use crate::clock::{Clock, Ids};
use crate::journal::{self, Hold, Journal};
use crate::metrics;

/// What it takes to keep a webhook without a database.
#[derive(Clone)]
pub struct Early {
    channels: Channels,
    journal: Journal,
    clock: Arc<dyn Clock>,
    ids: Arc<Ids>,
    /// What a gateway at work takes goes behind what this keeps, as long as there is anybody who may keep something.
    _hold: Arc<Hold>,
}

impl Early {
    pub fn new(channels: &Channels, journal: &Journal, clock: &Arc<dyn Clock>, ids: &Arc<Ids>) -> Self {
        Self {
            channels: channels.clone(),
            journal: journal.clone(),
            clock: Arc::clone(clock),
            ids: Arc::clone(ids),
            _hold: Arc::new(journal.hold()),
        }
    }

    /// By the names of the settings.
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// What waits.
    pub fn waiting(&self) -> journal::Waiting {
        self.journal.waiting()
    }

    /// Whether the journal takes webhooks, found out by writing.
    pub async fn probe_journal(&self) -> Result<(), journal::Error> {
        self.journal.probe(self.clock.now()).await
    }

    /// Takes a webhook. When this returns an answer, all that the webhook brought is on disk. Replies go by
    /// themselves later.
    pub async fn receive(&self, channel: &str, webhook: Webhook) -> Result<Answer, Error> {
        let (channel, provider) = self.channels.of(channel, &webhook).ok_or(Error::UnknownChannel)?;
        let verified = provider.verify(webhook)?;
        let events = provider.parse(&verified).map_err(Refused::from)?;
        for event in events {
            let kind = if matches!(event, Event::Inbound(_)) { "inbound" } else { "status" };
            let (told, kept) = oneshot::channel();
            self.journal.append(&entry(self.clock.as_ref(), &self.ids, channel, event), told);
            // Its thread has ended, and nothing is on disk.
            let nowhere = |_| journal::Error::Unwritable {
                folder: "journal.path".to_owned(),
                reason: "its thread has ended".to_owned(),
            };
            kept.await.map_err(nowhere)??;
            metrics::WEBHOOKS.add(channel, [kind, "journaled"]);
        }
        Ok(verified.answer().cloned().unwrap_or_else(|| provider.answer(&[])))
    }
}
