//! Telling the provider what a message led to, for an application that said beforehand it would.

use std::time::Duration;

use super::Outbound;
use crate::channels::{Declined, FedBack, Feedback};
use crate::message::{Direction, MessageId, Status};
use crate::store::{self, Message};

/// How long a message that is just being sent is waited for: at the provider, an application may
/// tell at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a provider was not told, or did not want to hear it.
#[derive(Debug, thiserror::Error)]
pub enum FeedbackError {
    #[error("there is no such outbound message")]
    NotFound,
    #[error("the message was not sent with the option `provide_feedback`")]
    NotWanted,
    #[error("the provider does not have the message, as far as is known")]
    NotSent,
    #[error("this channel's provider takes no feedback")]
    NotTaken,
    #[error(transparent)]
    Declined(#[from] Declined),
    #[error("the provider can't be told now: {0}")]
    Away(String),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Outbound {
    /// Passes feedback on, in one request for each part. It may be given again: then the last counts.
    pub async fn feedback(&self, id: MessageId, feedback: Feedback) -> Result<FedBack, FeedbackError> {
        let message = self.message_for_feedback(id).await?;
        let channel = self.0.channels.get(&message.channel).ok_or(FeedbackError::NotTaken)?;
        let taken: Vec<&str> = message.parts.iter().filter_map(|part| part.provider_id.as_deref()).collect();
        if taken.is_empty() || taken.len() < message.parts.len() {
            return Err(FeedbackError::NotSent);
        }
        let mut told = FedBack::default();
        for provider_id in taken {
            let request = channel.feedback(provider_id, feedback).ok_or(FeedbackError::NotTaken)?;
            let sent = self.0.transport.send(request).await;
            let response = sent.map_err(|failure| FeedbackError::Away(failure.to_string()))?;
            told = channel.fed_back(&response)?;
        }
        tracing::info!(message_id = %id, feedback = feedback.as_str(), "the provider was told what a message led to");
        Ok(told)
    }

    async fn message_for_feedback(&self, id: MessageId) -> Result<Message, FeedbackError> {
        let message = self.0.store.message(id).await?.ok_or(FeedbackError::NotFound)?;
        if message.direction != Direction::Outbound {
            return Err(FeedbackError::NotFound);
        }
        if message.options.provide_feedback != Some(true) {
            return Err(FeedbackError::NotWanted);
        }
        let later = message.send_at.is_some_and(|at| at > self.0.clock.now());
        if message.status != Status::Pending || later {
            return Ok(message);
        }
        self.wait_sent(id, PATIENCE).await?.ok_or(FeedbackError::NotFound)
    }
}
