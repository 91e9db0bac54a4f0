//! One lane for each conversation: its messages, reports and timers are processed one at a time, in
//! order, while different conversations go in parallel. One that waits for what fails holds up no other.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::message::ConversationId;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Cheap to clone.
#[derive(Clone)]
pub struct Lanes {
    /// A lane is here for as long as somebody works on it.
    open: Arc<Mutex<HashMap<ConversationId, VecDeque<Work>>>>,
    running: Arc<Semaphore>,
    /// How many lanes there are.
    count: watch::Sender<usize>,
    draining: watch::Sender<bool>,
}

impl Lanes {
    /// At most `parallel` conversations at a time.
    pub fn new(parallel: usize) -> Self {
        let running = Arc::new(Semaphore::new(parallel.max(1)));
        Self { open: Arc::default(), running, count: watch::Sender::new(0), draining: watch::Sender::new(false) }
    }

    /// Behind all that this lane has.
    pub fn enqueue(&self, lane: ConversationId, work: impl Future<Output = ()> + Send + 'static) {
        let work: Work = Box::pin(work);
        let mut lanes = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = lanes.get_mut(&lane) {
            queue.push_back(work);
            return;
        }
        lanes.insert(lane, VecDeque::from([work]));
        self.count.send_replace(lanes.len());
        drop(lanes);
        let this = self.clone();
        tokio::spawn(async move { this.work_off(lane).await });
    }

    /// Whether this lane has work, so that what comes now waits for it.
    pub fn is_open(&self, lane: ConversationId) -> bool {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&lane)
    }

    async fn work_off(&self, lane: ConversationId) {
        while let Some(work) = self.next(lane) {
            let Ok(_running) = self.running.acquire().await else { return };
            // In a task of its own: should it panic, the lane goes on.
            if let Err(error) = tokio::spawn(work).await {
                tracing::error!(conversation_id = %lane, %error, "processing broke off; the next start takes it up again");
            }
        }
    }

    fn next(&self, lane: ConversationId) -> Option<Work> {
        let mut lanes = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let work = lanes.get_mut(&lane).and_then(VecDeque::pop_front);
        if work.is_none() {
            lanes.remove(&lane);
            self.count.send_replace(lanes.len());
        }
        work
    }

    /// For work on a lane that is to be tried again. Meanwhile it is none of those that go at a time, and what comes
    /// behind it on its lane waits. False when there is no time for another try: the lanes are drained.
    pub async fn rest(&self, pause: Duration) -> bool {
        let mut draining = self.draining.subscribe();
        self.running.add_permits(1);
        // The sender lives as long as `self`.
        let rested = tokio::time::timeout(pause, draining.wait_for(|draining| *draining)).await.is_err();
        if let Ok(running) = self.running.acquire().await {
            running.forget();
        }
        rested
    }

    /// Waits until no lane has work, for the last time. What rests has had its last try.
    pub async fn drain(&self) {
        self.draining.send_replace(true);
        let mut count = self.count.subscribe();
        // The sender lives as long as `self`, so this ends only with an empty table.
        let _ = count.wait_for(|count| *count == 0).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::{mpsc, oneshot};
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn one_lane_keeps_its_order_and_others_overtake_it() {
        let lanes = Lanes::new(8);
        let (slow, fast) = (ConversationId(Uuid::from_u128(1)), ConversationId(Uuid::from_u128(2)));
        let (done, mut order) = mpsc::unbounded_channel();
        let (go, gate) = oneshot::channel::<()>();
        let first = done.clone();
        assert!(!lanes.is_open(slow));
        lanes.enqueue(slow, async move {
            gate.await.unwrap();
            first.send("slow 1").unwrap();
        });
        let second = done.clone();
        lanes.enqueue(slow, async move { second.send("slow 2").unwrap() });
        assert!(lanes.is_open(slow) && !lanes.is_open(fast));
        lanes.enqueue(fast, async move { done.send("fast").unwrap() });
        assert_eq!(order.recv().await, Some("fast"));
        go.send(()).unwrap();
        assert_eq!(order.recv().await, Some("slow 1"));
        assert_eq!(order.recv().await, Some("slow 2"));
        lanes.drain().await;
        assert!(lanes.open.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn what_rests_holds_up_its_lane_alone_and_no_drain() {
        let lanes = Lanes::new(1);
        let (resting, other) = (ConversationId(Uuid::from_u128(1)), ConversationId(Uuid::from_u128(2)));
        let (done, mut order) = mpsc::unbounded_channel();
        let (rests, first, last) = (lanes.clone(), done.clone(), done.clone());
        lanes.enqueue(resting, async move {
            assert!(rests.rest(Duration::ZERO).await);
            first.send("tried again").unwrap();
            assert!(!rests.rest(Duration::from_hours(1)).await);
        });
        lanes.enqueue(resting, async move { last.send("behind").unwrap() });
        assert_eq!(order.recv().await, Some("tried again"));
        lanes.enqueue(other, async move { done.send("other").unwrap() });
        assert_eq!(order.recv().await, Some("other"));
        lanes.drain().await;
        assert_eq!(order.recv().await, Some("behind"));
        assert_eq!(lanes.running.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_panic_does_not_stop_the_lane() {
        let lanes = Lanes::new(1);
        let id = ConversationId(Uuid::nil());
        let (done, after) = oneshot::channel();
        lanes.enqueue(id, async { panic!("on purpose") });
        lanes.enqueue(id, async move { done.send(()).unwrap() });
        after.await.unwrap();
    }
}
