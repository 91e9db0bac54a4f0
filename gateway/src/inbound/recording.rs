//! What is recorded of an event, also when it comes from the journal.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Shared, process};
use crate::channels::{self, Event};
use crate::clock::{Clock, Ids};
use crate::journal::Entry;
use crate::message::{ContactId, ConversationId, Line, MessageId, ProviderError, Status};
use crate::store::{self, Answered, NewInbound, NewObservation, Observed};

/// What a report says, for what follows from it.
pub(super) struct Told {
    status: Status,
    error: Option<ProviderError>,
    at: Timestamp,
}

impl Told {
    pub(super) fn of(report: &NewObservation) -> Self {
        Self { status: report.status, error: report.error.clone(), at: report.received_at }
    }
}

/// An event that came in just now.
pub(super) fn entry(clock: &dyn Clock, ids: &Ids, channel: &str, event: Event) -> Entry {
    let received_at = clock.now();
    Entry { id: ids.next(received_at), channel: channel.to_owned(), received_at, event }
}

impl Shared {
    pub(super) fn entry(&self, channel: &str, event: Event) -> Entry {
        entry(self.clock.as_ref(), &self.ids, channel, event)
    }

    pub(super) fn new_inbound(&self, entry: &Entry, message: channels::Inbound) -> NewInbound {
        let now = entry.received_at;
        let (heard, consent) = self.rules.hear(&message.text, message.consent, message.handled);
        NewInbound {
            id: MessageId(entry.id),
            conversation_id: ConversationId(self.ids.next(now)),
            contact_id: ContactId(self.ids.next(now)),
            subject: self.place.subject(&entry.channel, message.sender.as_str()),
            channel: entry.channel.clone(),
            provider_id: message.provider_id,
            sender: message.sender,
            recipient: message.recipient,
            text: message.text,
            media: message.media,
            segments: message.segments,
            extra: message.extra,
            consent,
            heard,
            received_at: now,
            said_at: None,
        }
    }

    /// The same of what came in a while ago and waited in the journal.
    pub(super) fn late_inbound(&self, entry: &Entry, message: channels::Inbound) -> NewInbound {
        NewInbound { said_at: Some(entry.received_at), ..self.new_inbound(entry, message) }
    }

    /// Under an id of its own at each try: of a report the database counts how often it came.
    pub(super) fn new_observation(&self, entry: &Entry, report: channels::Observation) -> NewObservation {
        NewObservation {
            id: self.ids.next(self.clock.now()),
            channel: entry.channel.clone(),
            provider_id: report.provider_id,
            part_id: report.part,
            sender: report.sender,
            status: report.status,
            error: report.error,
            consent: report.consent,
            raw: report.raw,
            received_at: entry.received_at,
        }
    }

    /// What follows from a report that is on record.
    pub(super) async fn observed(&self, name: &str, told: &Told, observed: Observed) {
        let Told { status, error, at } = told;
        if let Observed::Message { .. } = observed {
            self.pauses.reported(name, error.as_ref(), *at);
        }
        match observed {
            Observed::Unrelated => {
                tracing::info!(channel = name, %status, "a status report of no message of ours");
            }
            Observed::Message { id, conflict: true, .. } => {
                tracing::warn!(message_id = %id, %status, "a status report contradicts the final status");
            }
            Observed::Message { id, .. } => {
                tracing::debug!(message_id = %id, %status, "status report");
                // The conversation's next part may have waited for this one.
                self.outbox.notify_one();
            }
        }
        let is_too_fast = |code| self.channels.get(name).is_some_and(|channel| channel.is_too_fast(code));
        if let Observed::Message { id, .. } = observed
            && error.as_ref().and_then(|error| error.code).is_some_and(is_too_fast)
            && let Err(error) = self.slow_down(id, *at).await
        {
            tracing::warn!(message_id = %id, %error, "which sender was too fast is not known");
        }
    }

    /// The sender of this message, and the service that it went by, were too fast.
    async fn slow_down(&self, id: MessageId, at: Timestamp) -> Result<(), store::Error> {
        let Some(message) = self.store.message(id).await? else { return Ok(()) };
        let by_service = message.service.as_deref().map(|service| Line::of(&message.channel, None, Some(service)));
        let by_sender = message.from.map(|from| Line::of(&message.channel, Some(&from), None));
        for line in by_service.into_iter().chain(by_sender) {
            self.rates.refused(&line, at);
        }
        Ok(())
    }

    /// Behind whatever its conversation has, and unless it was processed by then.
    pub(super) async fn process_anyhow(self: &Arc<Self>, id: MessageId) -> Result<(), store::Error> {
        let Some(recorded) = self.store.unprocessed_one(id).await? else { return Ok(()) };
        let shared = Arc::clone(self);
        // It comes to its turn: should an earlier one be elsewhere, processing finds that out.
        self.processing.lanes().enqueue(recorded.conversation_id, async move {
            if !matches!(shared.store.answered(id).await, Ok(Answered::Empty | Answered::With(_))) {
                process::process(&shared, recorded).await;
            }
        });
        Ok(())
    }
}
