//! Taking a message back: here, while it is in the outbox; at the provider, while it keeps it.

use std::time::Duration;

use super::Outbound;
use crate::channels::Outcome;
use crate::message::{MessageId, PartId, ProviderError, Status};
use crate::store::{self, Cancellation, NewObservation};

/// How long a message that is just being handed over is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a message was not taken back.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    #[error("there is no such outbound message")]
    NotFound,
    #[error("nothing of it is left to take back: it was sent, or has come to its end")]
    TooLate,
    #[error("the provider did not take it back: {0}")]
    Provider(String),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Outbound {
    /// Takes back what has not been sent. What was canceled here stays so, also when the provider
    /// refuses for the rest. What may have been sent is canceled if it turns out that it was not, and taken back at
    /// the provider if that turns out to keep it (`recalling.rs`).
    pub async fn cancel(&self, id: MessageId) -> Result<(), CancelError> {
        let mut found = self.take_back(id).await?;
        if found.sending > 0 {
            // The provider may be about to take it, and keep it until its time.
            self.wait_sent(id, PATIENCE).await?;
            let then = self.take_back(id).await?;
            // What came back meanwhile has ended by this wish.
            found = Cancellation { canceled: then.canceled + then.before - found.before.min(then.before), ..then };
        }
        if found.canceled == 0 && found.at_provider.is_empty() && found.unsure == 0 {
            return Err(CancelError::TooLate);
        }
        for (part, provider_id) in &found.at_provider {
            self.cancel_at_provider(&found.channel, *part, provider_id, None).await?;
        }
        let (here, provider) = (found.canceled, found.at_provider.len());
        tracing::info!(message_id = %id, here, provider, unsure = found.unsure, "canceled");
        // The conversation's next message may have waited for this one.
        self.0.outbox.notify_one();
        let _ = self.0.settled.send(id);
        Ok(())
    }

    async fn take_back(&self, id: MessageId) -> Result<Cancellation, CancelError> {
        self.0.store.cancel(id, self.0.clock.now()).await?.ok_or(CancelError::NotFound)
    }

    /// The provider's answer is kept like a report of its own: its `canceled` may come before it.
    pub(super) async fn cancel_at_provider(
        &self,
        channel: &str,
        part: PartId,
        provider_id: &str,
        why: Option<&str>,
    ) -> Result<(), CancelError> {
        let refused =
            |reason: Option<String>| CancelError::Provider(reason.unwrap_or_else(|| "no reason given".into()));
        let provider = self.0.channels.get(channel);
        let request = provider.and_then(|provider| provider.cancel(provider_id));
        let (Some(provider), Some(request)) = (provider, request) else {
            return Err(refused(Some("it has no way to".to_owned())));
        };
        let response = self.0.transport.send(request).await.map_err(|error| refused(Some(error.to_string())))?;
        match provider.decode(&response) {
            Outcome::Accepted { status: Status::Canceled, .. } => {}
            Outcome::Accepted { status, .. } => return Err(refused(Some(format!("it is {status}")))),
            Outcome::Retry { error, .. }
            | Outcome::Busy { error, .. }
            | Outcome::Fault { error, .. }
            | Outcome::Rejected { error }
            | Outcome::OptedOut { error }
            | Outcome::Unknown { error } => return Err(refused(error.message)),
        }
        let now = self.0.clock.now();
        let observation = NewObservation {
            id: self.0.ids.next(now),
            channel: channel.to_owned(),
            provider_id: provider_id.to_owned(),
            part_id: Some(part),
            sender: None,
            status: Status::Canceled,
            error: why.map(|why| ProviderError { code: None, message: Some(why.to_owned()) }),
            consent: None,
            raw: Vec::new(),
            received_at: now,
        };
        self.0.store.observe(observation).await?;
        Ok(())
    }
}
