//! What is counted only if a transaction is committed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ::metrics::Counter;

use super::Family;

/// Counters that go up by one each, once somebody says so.
#[derive(Default)]
pub struct Pending(Mutex<Vec<Counter>>);

impl Pending {
    pub fn add<const N: usize>(&self, family: &Family<Counter, N>, name: &str, words: [&'static str; N]) {
        self.counters().extend(family.of(name, words));
    }

    /// It happened.
    pub fn happened(&self) {
        for counter in self.counters().drain(..) {
            counter.increment(1);
        }
    }

    /// It did not.
    pub fn forget(&self) {
        self.counters().clear();
    }

    fn counters(&self) -> MutexGuard<'_, Vec<Counter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
