//! What one call may use.

use std::time::{Duration, Instant};

use wasmtime::{ResourceLimiter, UpdateDeadline};

use super::host::Host;

/// The most bytes that the host copies out of a plugin in one call: its decision, its log lines.
pub(super) const HOST_COPY_BYTES: usize = 1024 * 1024;
/// The most table entries of one call.
const MAX_TABLE_ELEMENTS: usize = 20_000;
/// How many epoch ticks a plugin runs before its deadline is looked at.
pub(super) const TICKS: u64 = 1;

/// Counts the memory of all of a call's linear memories.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) limit: usize,
    used: usize,
    /// True once more was asked for than there is.
    pub(super) denied: bool,
}

impl Memory {
    pub(super) fn limited_to(limit: usize) -> Self {
        Self { limit, used: 0, denied: false }
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used + desired.saturating_sub(current);
        if used > self.limit {
            self.denied = true;
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}

/// The error that a call past its deadline ends with.
#[derive(Debug, thiserror::Error)]
#[error("the deadline passed")]
pub(super) struct DeadlinePassed;

/// Ends the call once `limit` has passed since now; until then lets others run at each tick.
/// The clock is read, not the ticks counted: one long host or memory operation counts as well.
pub(super) fn arm(store: &mut wasmtime::Store<Host>, limit: Duration) {
    let started = Instant::now();
    store.set_epoch_deadline(TICKS);
    store.epoch_deadline_callback(move |_| {
        if started.elapsed() >= limit { Err(DeadlinePassed.into()) } else { Ok(UpdateDeadline::Yield(TICKS)) }
    });
}
