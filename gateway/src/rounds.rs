//! What workers have in common: claim what is due, work on several at a time, look again.
//!
//! Knows nothing of what is worked on.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::{Semaphore, watch};

/// Works on what is in the database until nothing is left.
#[async_trait]
pub trait Worker: Send + Sync + 'static {
    type Claimed: Send + 'static;

    /// Up to `limit` that are due, leased to this worker.
    async fn claim(&self, limit: usize) -> Vec<Self::Claimed>;

    /// Does one and settles it.
    async fn work(&self, claimed: Self::Claimed);

    /// Ends when it is worth looking again.
    async fn rest(&self);
}

/// Works on `parallel` at the same time until told to stop, then finishes what is under way.
pub async fn run(worker: impl Worker, parallel: u32, mut stop: watch::Receiver<bool>) {
    let worker = Arc::new(worker);
    let free = Arc::new(Semaphore::new(parallel as usize));
    while !*stop.borrow() {
        let limit = free.available_permits();
        let claimed = if limit == 0 { Vec::new() } else { worker.claim(limit).await };
        if claimed.is_empty() {
            tokio::select! {
                () = worker.rest() => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
        for claimed in claimed {
            let Ok(permit) = Arc::clone(&free).acquire_owned().await else { return };
            let worker = Arc::clone(&worker);
            tokio::spawn(async move {
                worker.work(claimed).await;
                drop(permit);
            });
        }
    }
    let _ = free.acquire_many(parallel).await;
}
