//! What is being sent just now, for a stop that can't wait for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use uuid::Uuid;

use crate::message::{PartId, ProviderError};
use crate::store::{Claimed, Settled, Settlement, Store};

/// How it is told that a stop did not wait for the provider.
const STOPPED: &str = "the gateway stopped before the provider answered";
/// How it is told that a stop came before the request.
const NOT_BEGUN: &str = "the gateway stopped before it was sent; it is sent by the next start";

/// The parts that were claimed and are not settled. Cheap to clone; all clones are one.
#[derive(Clone, Default)]
pub struct UnderWay(Arc<Mutex<BTreeMap<PartId, Uuid>>>);

impl UnderWay {
    pub(super) fn begin(&self, part: &Claimed) {
        self.lock().insert(part.id, part.attempt_id);
    }

    pub(super) fn end(&self, part: PartId) {
        self.lock().remove(&part);
    }

    /// Says of all of them that what became of them is unknown, as it would be said when their leases end: so
    /// that others find out at once, and what waits for them can be sent.
    pub async fn give_up(&self, store: &Store, now: Timestamp) {
        let left = std::mem::take(&mut *self.lock());
        let settlements = left.into_iter().map(|(part_id, attempt_id)| {
            let error = ProviderError { code: None, message: Some(STOPPED.to_owned()) };
            Settlement { part_id, attempt_id, at: now, result: Settled::Unknown { error }, exchange: None }
        });
        let settled = settlements.map(async |settlement| {
            let part_id = settlement.part_id;
            match store.settle(settlement).await {
                Ok(()) => {
                    tracing::warn!(part_id = %part_id, "a part was being sent at the stop: its outcome is unknown");
                }
                Err(error) => tracing::warn!(part_id = %part_id, %error, "a part stays leased until its lease ends"),
            }
        });
        futures::future::join_all(settled).await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PartId, Uuid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Back to the queue as if it had never been claimed: nothing was asked of the provider.
pub(super) fn released(part: &Claimed, now: Timestamp) -> Settlement {
    let error = ProviderError { code: None, message: Some(NOT_BEGUN.to_owned()) };
    Settlement {
        part_id: part.id,
        attempt_id: part.attempt_id,
        at: now,
        result: Settled::Held { until: None, error },
        exchange: None,
    }
}
