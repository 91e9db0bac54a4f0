//! How long a plugin itself runs.
//!
//! What counts is the time in which its call holds a thread. While it waits for what it remembers or
//! for another host, or for its turn among others, it holds none.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Measures one call after the other. Shared by the call and the interruptions that look at it.
#[derive(Debug, Default)]
pub(super) struct Meter(Mutex<Measured>);

#[derive(Debug, Default)]
struct Measured {
    limit: Duration,
    /// Up to when it last gave up its thread.
    spent: Duration,
    /// Since when it has one.
    since: Option<Instant>,
}

impl Meter {
    /// A new call, which may run for so long.
    pub(super) fn begin(&self, limit: Duration) {
        *self.measured() = Measured { limit, ..Measured::default() };
    }

    /// Whether the call has run for as long as it may.
    pub(super) fn is_over(&self) -> bool {
        let measured = self.measured();
        measured.spent + measured.since.map_or(Duration::ZERO, |since| since.elapsed()) >= measured.limit
    }

    /// Runs a call, measuring it.
    pub(super) async fn measure<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        poll_fn(|context| {
            self.measured().since = Some(Instant::now());
            let polled = call.as_mut().poll(context);
            let mut measured = self.measured();
            let ran = measured.since.take().map_or(Duration::ZERO, |since| since.elapsed());
            measured.spent += ran;
            polled
        })
        .await
    }

    fn measured(&self) -> MutexGuard<'_, Measured> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waiting_does_not_count_and_running_does() {
        let meter = Meter::default();
        meter.begin(Duration::from_millis(20));
        meter.measure(tokio::time::sleep(Duration::from_hours(1))).await;
        assert!(!meter.is_over(), "an hour of waiting");
        let run = async {
            let started = Instant::now();
            while started.elapsed() < Duration::from_millis(25) {
                std::hint::spin_loop();
            }
            meter.is_over()
        };
        assert!(meter.measure(run).await, "seen while it runs");
        assert!(meter.is_over());
        meter.begin(Duration::from_millis(20));
        assert!(!meter.is_over(), "each call begins anew");
    }
}
