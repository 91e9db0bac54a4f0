//! How many reports and timers are followed up at a time, and which have their place in a lane already.
//!
//! What only waits, for its turn or for what fails, leaves its hand to others. Of those that wait there are not any number:
//! beyond that they keep their hands, and no more are claimed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::message::ConversationId;
use crate::store::Cause;

pub(super) struct Hands {
    free: Arc<Semaphore>,
    /// The places of those that wait.
    places: Arc<Semaphore>,
    /// What is in the lanes.
    taken: Mutex<BTreeMap<Cause, Taken>>,
    /// Told when a hand is free, or one was followed up: the next of its conversation may be claimed.
    changed: Notify,
}

struct Taken {
    conversation: ConversationId,
    leased: Leased,
}

/// Until when one is leased, as this process last wrote it down: if something else is on record, another has it.
#[derive(Clone)]
pub(super) struct Leased(Arc<Mutex<Timestamp>>);

impl Leased {
    pub(super) fn new(until: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(until)))
    }

    pub(super) fn until(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, until: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }
}

/// Follows one up, until it is dropped.
pub(super) struct Hand {
    hands: Arc<Hands>,
    cause: Cause,
    leased: Leased,
    permit: Option<OwnedSemaphorePermit>,
    place: Option<OwnedSemaphorePermit>,
}

impl Hands {
    pub(super) fn new(parallel: usize, places: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(parallel)),
            places: Arc::new(Semaphore::new(places)),
            taken: Mutex::default(),
            changed: Notify::new(),
        }
    }

    pub(super) fn free(&self) -> usize {
        self.free.available_permits()
    }

    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// For whoever is the only one to take any, and takes no more than are free. None for what is in its lane already:
    /// its lease had ended there, and is another now.
    pub(super) fn take(self: &Arc<Self>, cause: Cause, conversation: ConversationId, until: Timestamp) -> Option<Hand> {
        let mut taken = self.taken();
        if let Some(before) = taken.get(&cause) {
            before.leased.set(until);
            return None;
        }
        let leased = Leased::new(until);
        taken.insert(cause, Taken { conversation, leased: leased.clone() });
        let permit = Arc::clone(&self.free).try_acquire_owned().ok();
        Some(Hand { hands: Arc::clone(self), cause, leased, permit, place: None })
    }

    /// The conversations that have a timer in their lanes.
    pub(super) fn with_timers(&self) -> Vec<ConversationId> {
        let taken = self.taken();
        let timers = taken.iter().filter(|(cause, _)| matches!(cause, Cause::Timer(_)));
        timers.map(|(_, taken)| taken.conversation).collect()
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<Cause, Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hand {
    pub(super) fn leased(&self) -> Leased {
        self.leased.clone()
    }

    /// Others are followed up meanwhile, if there is a place to wait.
    pub(super) fn waits(&mut self) {
        if self.permit.is_none() {
            return;
        }
        if let Ok(place) = Arc::clone(&self.hands.places).try_acquire_owned() {
            (self.permit, self.place) = (None, Some(place));
            self.hands.changed.notify_one();
        }
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        (self.permit, self.place) = (None, None);
        self.hands.taken().remove(&self.cause);
        self.hands.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn take(hands: &Arc<Hands>, number: u128) -> Option<Hand> {
        take_until(hands, number, Timestamp::UNIX_EPOCH)
    }

    fn take_until(hands: &Arc<Hands>, number: u128, until: Timestamp) -> Option<Hand> {
        hands.take(Cause::Report(Uuid::from_u128(number)), ConversationId(Uuid::from_u128(number)), until)
    }

    #[test]
    fn who_waits_leaves_its_hand_to_others_while_there_are_places() {
        let hands = Arc::new(Hands::new(2, 1));
        let [mut first, mut second] = [1, 2].map(|number| take(&hands, number).unwrap());
        assert_eq!(hands.free(), 0);
        for _ in 0..2 {
            first.waits();
            second.waits();
            assert_eq!(hands.free(), 1, "the second has no place");
        }
        drop(first);
        assert_eq!(hands.free(), 1);
        second.waits();
        assert_eq!(hands.free(), 2);
    }

    #[test]
    fn what_is_in_its_lane_is_not_taken_a_second_time() {
        let hands = Arc::new(Hands::new(2, 1));
        let first = take(&hands, 1).unwrap();
        assert!(take_until(&hands, 1, Timestamp::MAX).is_none());
        assert_eq!(first.leased().until(), Timestamp::MAX, "it is leased anew");
        assert_eq!((hands.free(), hands.with_timers()), (1, Vec::new()));
        drop(first);
        let again = take(&hands, 1);
        assert!(again.is_some() && hands.free() == 1);
        let timer = hands.take(Cause::Timer(Uuid::nil()), ConversationId(Uuid::nil()), Timestamp::UNIX_EPOCH);
        assert_eq!(hands.with_timers(), [ConversationId(Uuid::nil())]);
        drop(timer);
        assert_eq!((hands.with_timers(), hands.free()), (Vec::new(), 1));
    }
}
