//! What one call may use.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

use super::host::Host;
use super::meter::Meter;
use crate::plugins::settings::MAX_MEMORY_MIB;
use crate::plugins::{STATE_BUDGET, Settings};

/// The most bytes that the host copies out of a plugin at once: its decision, or what it gives to a
/// function of the host.
pub(super) const HOST_COPY_BYTES: usize = 1024 * 1024;
/// The most table entries of one instance, in all its tables.
pub(super) const MAX_TABLE_ELEMENTS: usize = 20_000;
/// How many epoch ticks a plugin runs before its deadline is looked at.
const TICKS: u64 = 1;
/// What an instance that is used again may have grown by, however little it began with.
const USUAL_GROWTH: usize = 4 * MIB;
const MIB: usize = 1024 * 1024;

/// The operator's limits of one plugin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Of the plugin's own running.
    pub(super) deadline: Duration,
    pub(super) memory: usize,
    pub(super) fetches: u32,
    pub(super) fetch_budget: Duration,
    /// Whether it may ask anybody.
    reaches: bool,
}

impl Limits {
    pub(super) fn of(settings: &Settings) -> Self {
        Self {
            deadline: Duration::from_millis(u64::from(settings.deadline_ms)),
            memory: settings.memory_mib.min(MAX_MEMORY_MIB).saturating_mul(MIB),
            fetches: settings.fetches,
            fetch_budget: Duration::from_millis(u64::from(settings.fetch_budget_ms)),
            reaches: !(settings.hosts.is_empty() && settings.private_hosts.is_empty()),
        }
    }

    /// The most that a call may take, whatever it waits for.
    pub(super) fn wall(&self) -> Duration {
        self.deadline + STATE_BUDGET + if self.reaches { self.fetch_budget } else { Duration::ZERO }
    }
}

/// What an instance wanted, and did not get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    Memory,
    Tables,
}

/// Counts all linear memories and tables of an instance.
#[derive(Debug)]
pub(super) struct Memory {
    pub(super) limit: usize,
    used: usize,
    /// What it used once it was made.
    at_first: usize,
    elements: usize,
    /// What was asked for first of all that there was not.
    pub(super) denied: Option<Denied>,
}

impl Memory {
    pub(super) fn limited_to(limit: usize) -> Self {
        Self { limit, used: 0, at_first: 0, elements: 0, denied: None }
    }

    /// From here on, what is used is growth.
    pub(super) fn made(&mut self) {
        self.at_first = self.used;
    }

    /// Whether it grew so much that a fresh instance is better: more than it began with, or so far
    /// that half of what was left is gone.
    pub(super) fn grew_much(&self) -> bool {
        let growth = self.used - self.at_first;
        let left = self.limit.saturating_sub(self.at_first);
        growth > self.at_first.max(USUAL_GROWTH).min(left / 2)
    }
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used + desired.saturating_sub(current);
        if used > self.limit {
            self.denied.get_or_insert(Denied::Memory);
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let elements = self.elements + desired.saturating_sub(current);
        if elements > MAX_TABLE_ELEMENTS {
            self.denied.get_or_insert(Denied::Tables);
            return Ok(false);
        }
        self.elements = elements;
        Ok(true)
    }
}

/// The error that a call past its deadline ends with.
#[derive(Debug, thiserror::Error)]
#[error("the deadline passed")]
pub(super) struct DeadlinePassed;

/// Lets others run at each tick, and ends a call that has run for as long as it may. The clock is
/// read, not the ticks counted: one long host or memory operation counts as well.
pub(super) fn interrupt(store: &mut Store<Host>, meter: Arc<Meter>) {
    store.epoch_deadline_callback(move |_| {
        if meter.is_over() { Err(DeadlinePassed.into()) } else { Ok(UpdateDeadline::Yield(TICKS)) }
    });
}

/// Before each call: the last one's ticks are over.
pub(super) fn arm(store: &mut Store<Host>) {
    store.set_epoch_deadline(TICKS);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_much_beside_what_there_was_and_what_is_left() {
        let grown = |limit: usize, first: usize, by: usize| {
            let mut memory = Memory::limited_to(limit * MIB);
            assert!(memory.memory_growing(0, first * MIB, None).unwrap());
            memory.made();
            assert!(memory.memory_growing(first * MIB, (first + by) * MIB, None).unwrap());
            memory.grew_much()
        };
        // Limit, at first, more.
        assert!(!grown(16, 1, 4) && grown(16, 1, 5), "the usual");
        assert!(!grown(64, 10, 10) && grown(64, 10, 11), "as much as there was");
        assert!(!grown(16, 14, 1) && grown(16, 14, 2), "half of what was left");
    }

    #[test]
    fn memories_and_tables_are_counted_together() {
        let mut memory = Memory::limited_to(2 * MIB);
        assert!(memory.memory_growing(0, MIB, None).unwrap() && memory.memory_growing(0, MIB, None).unwrap());
        assert!(!memory.memory_growing(MIB, MIB + 1, None).unwrap());
        assert_eq!(memory.denied, Some(Denied::Memory));
        let mut tables = Memory::limited_to(0);
        assert!(tables.table_growing(0, 12_000, None).unwrap());
        assert!(!tables.table_growing(0, 12_000, None).unwrap());
        assert_eq!(tables.denied, Some(Denied::Tables));
    }
}
