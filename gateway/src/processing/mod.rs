//! What processing a message, a report and a timer have in common: a lane for each conversation, from
//! the plugins' plan to what is committed, and deciding again when it was overtaken.

mod failing;
mod lanes;
mod plan;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{Clock, Ids};
use crate::deciding::Deciding;
use crate::events::Endpoints;
use crate::message::MessageId;
use crate::outbound::{self, Outbound};
use crate::store::{self, Cause, Committed, Processed, Route, Store, Thread};

pub use failing::{Decision, Error, Failures, Patience, as_read};
pub use lanes::Lanes;

/// What processing is made of.
pub struct Parts {
    pub store: Store,
    pub deciding: Deciding,
    pub outbound: Outbound,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub endpoints: Endpoints,
    /// How many conversations are processed at the same time.
    pub parallel: usize,
    /// Told when there is something to send.
    pub outbox: Arc<Notify>,
    /// How long what fails for now is waited for.
    pub patience: Patience,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Processing {
    parts: Arc<Parts>,
    lanes: Lanes,
}

/// What the plugins were asked about.
pub struct Matter<'a> {
    pub cause: Cause,
    /// The message that all that follows is explained by.
    pub message_id: MessageId,
    pub thread: &'a Thread,
    /// How many reports in a row led here, this one included.
    pub hops: u32,
    pub failures: Failures,
}

impl Processing {
    pub fn new(parts: Parts) -> Self {
        let lanes = Lanes::new(parts.parallel);
        Self { parts: Arc::new(parts), lanes }
    }

    pub fn lanes(&self) -> &Lanes {
        &self.lanes
    }

    pub fn deciding(&self) -> &Deciding {
        &self.parts.deciding
    }

    /// For one more message, report or timer.
    pub fn patience(&self) -> Patience {
        self.parts.patience
    }

    /// Makes the media of a reply ready for the provider to fetch.
    pub async fn publish(&self, media: &mut [String]) -> Result<(), outbound::Error> {
        self.parts.outbound.publish(media).await
    }

    /// Commits all that was decided as one, and wakes whoever sends it.
    pub async fn commit(&self, mut processed: Processed) -> Result<Committed, store::Error> {
        processed.at = self.parts.clock.now();
        let outbox = !processed.sends.is_empty() || processed.replies.iter().any(|reply| reply.route == Route::Outbox);
        let committed = self.parts.store.commit(processed).await?;
        if outbox && committed.is_done() {
            self.parts.outbox.notify_one();
        }
        Ok(committed)
    }
}

/// Between two tries to commit while the database is away.
pub fn pauses() -> impl Iterator<Item = Duration> + Send {
    [1, 2, 5, 10, 20, 30].into_iter().chain(std::iter::repeat(30)).map(Duration::from_secs)
}

#[cfg(test)]
mod tests;
