//! Trying again what was given up.

use super::Outbound;
use crate::message::MessageId;
use crate::store::{self, NotRetried, Retried};

/// Why a message is not tried again.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    #[error("there is no such outbound message")]
    NotFound,
    #[error(transparent)]
    Refused(NotRetried),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Outbound {
    /// Puts back into the queue what certainly was not handed over and was tried long enough; how many parts
    /// that was. What waits already goes on waiting.
    pub async fn retry(&self, id: MessageId) -> Result<usize, RetryError> {
        match self.0.store.retry(id, self.0.clock.now()).await? {
            Retried::NotFound => Err(RetryError::NotFound),
            Retried::Refused(reason) => Err(RetryError::Refused(reason)),
            Retried::Waiting { parts } => {
                if parts > 0 {
                    tracing::info!(message_id = %id, parts, "tried again by hand");
                    self.wake();
                }
                Ok(parts)
            }
        }
    }
}
