//! The webhooks that wait for their replies.
//!
//! Whether replies ride a webhook's answer or go through the outbox is decided once, under one
//! lock: either somebody still waits when processing is about to commit, or all have gone. So a
//! reply is never both, and never neither.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::message::MessageId;

/// How long a webhook waits beyond its time for a commit that already counts on it.
const COMMIT_GRACE: Duration = Duration::from_secs(8);

#[derive(Clone, Default)]
pub(super) struct Waiting(Arc<Mutex<HashMap<MessageId, Slot>>>);

struct Slot {
    waiters: usize,
    state: State,
    done: watch::Sender<Option<Done>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Processing has decided that the replies ride the answer.
    Claimed,
    /// Answered; who joins now gets the same answer.
    Closed,
}

/// What the webhook is answered; `None` is nothing to say.
type Done = Option<String>;

impl Waiting {
    fn slots(&self) -> MutexGuard<'_, HashMap<MessageId, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits along for a message's replies. The wait ends when the value is dropped.
    pub(super) fn join(&self, id: MessageId) -> Waiter {
        let mut slots = self.slots();
        let slot =
            slots.entry(id).or_insert_with(|| Slot { waiters: 0, state: State::Open, done: watch::Sender::new(None) });
        slot.waiters += 1;
        Waiter { waiting: self.clone(), id, done: slot.done.subscribe() }
    }

    /// True when somebody waits; from then on they wait for the commit. Also a second time, when the
    /// decision was overtaken and made again before its commit.
    pub(super) fn claim(&self, id: MessageId) -> bool {
        match self.slots().get_mut(&id) {
            Some(slot) if slot.state != State::Closed => {
                slot.state = State::Claimed;
                true
            }
            _ => false,
        }
    }

    /// The commit is done, or has failed and is tried again later: then with nothing to say.
    pub(super) fn finish(&self, id: MessageId, answer: Done) {
        if let Some(slot) = self.slots().get_mut(&id) {
            slot.state = State::Closed;
            slot.done.send_replace(Some(answer));
        }
    }

    /// Gives up unless processing counts on us; one step, so that it can't be claimed in
    /// between. All who wait get the same empty answer.
    fn give_up(&self, id: MessageId) -> bool {
        match self.slots().get_mut(&id) {
            Some(slot) if slot.state == State::Claimed => false,
            Some(slot) if slot.state == State::Open => {
                slot.state = State::Closed;
                slot.done.send_replace(Some(None));
                true
            }
            _ => true,
        }
    }

    fn leave(&self, id: MessageId) {
        let mut slots = self.slots();
        if let Some(slot) = slots.get_mut(&id) {
            slot.waiters -= 1;
            if slot.waiters == 0 {
                slots.remove(&id);
            }
        }
    }
}

/// One webhook that waits.
pub(super) struct Waiter {
    waiting: Waiting,
    id: MessageId,
    done: watch::Receiver<Option<Done>>,
}

impl Waiter {
    /// What to answer: `None` when there is nothing to say, or not soon enough.
    pub(super) async fn reply(mut self, within: Duration) -> Done {
        if let Ok(done) = tokio::time::timeout(within, wait(&mut self.done)).await {
            return done;
        }
        if self.waiting.give_up(self.id) {
            return self.done.borrow().clone().flatten();
        }
        tokio::time::timeout(COMMIT_GRACE, wait(&mut self.done)).await.unwrap_or_default()
    }
}

async fn wait(done: &mut watch::Receiver<Option<Done>>) -> Done {
    match done.wait_for(Option::is_some).await {
        Ok(done) => done.clone().flatten(),
        Err(_) => None,
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        // Who hangs up after the claim changes nothing: the replies are unknown then, until the
        // provider asks again or a report tells.
        self.waiting.leave(self.id);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn id() -> MessageId {
        MessageId(Uuid::from_u128(7))
    }

    #[tokio::test]
    async fn all_who_wait_get_the_same_answer() {
        let waiting = Waiting::default();
        let waiters: Vec<Waiter> = (0..3).map(|_| waiting.join(id())).collect();
        assert!(waiting.claim(id()));
        waiting.finish(id(), Some("<Response/>".to_owned()));
        for waiter in waiters {
            assert_eq!(waiter.reply(Duration::from_secs(1)).await.as_deref(), Some("<Response/>"));
        }
        assert!(waiting.0.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn who_gave_up_is_not_counted_on() {
        let waiting = Waiting::default();
        assert_eq!(waiting.join(id()).reply(Duration::from_secs(5)).await, None);
        assert!(!waiting.claim(id()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_counted_on_waits_for_the_commit() {
        let waiting = Waiting::default();
        let waiter = waiting.join(id());
        assert!(waiting.claim(id()));
        let other = waiting.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(7)).await;
            other.finish(id(), Some("late".to_owned()));
        });
        assert_eq!(waiter.reply(Duration::from_secs(5)).await.as_deref(), Some("late"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_commit_that_failed_answers_empty_and_counts_on_nobody_the_next_time() {
        let waiting = Waiting::default();
        let waiter = waiting.join(id());
        assert!(waiting.claim(id()));
        waiting.finish(id(), None);
        assert!(!waiting.claim(id()));
        assert_eq!(waiter.reply(Duration::from_secs(5)).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_counted_on_still_is_when_it_is_decided_again() {
        let waiting = Waiting::default();
        let waiter = waiting.join(id());
        assert!(waiting.claim(id()));
        assert!(waiting.claim(id()), "the first decision was overtaken");
        waiting.finish(id(), Some("the second".to_owned()));
        assert_eq!(waiter.reply(Duration::from_secs(5)).await.as_deref(), Some("the second"));
    }

    #[tokio::test]
    async fn who_hangs_up_is_not_counted_on() {
        let waiting = Waiting::default();
        drop(waiting.join(id()));
        assert!(!waiting.claim(id()));
    }
}
