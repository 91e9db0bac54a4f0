//! Who listens: how many streams there may be, of all and of each, and when they look again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::App;
use crate::store::Store;

/// How soon whoever listens looks again.
pub(super) struct Pace {
    /// Commits that are as close as this are one.
    pub(super) together: Duration,
    /// Where other gateways may have written.
    pub(super) often: Duration,
    /// In any case: also whether somebody is still let in.
    pub(super) seldom: Duration,
}

/// What may have been committed since it was last looked.
pub(super) struct News {
    store: Store,
    commits: watch::Receiver<u64>,
    stopping: watch::Receiver<bool>,
    pace: Pace,
}

impl News {
    pub(super) fn of(app: &App, pace: Pace) -> Self {
        Self { store: app.store.clone(), commits: app.store.commits(), stopping: app.stopping.clone(), pace }
    }

    /// What is committed from here on is news. Before a look, so that what is committed during it is not missed.
    pub(super) fn looking(&mut self) {
        self.commits.mark_unchanged();
    }

    pub(super) fn are_over(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits until there may be something else to see. False if there is nothing more to wait for.
    pub(super) async fn wait(&mut self) -> bool {
        let often = if self.store.can_be_shared() { self.pace.often } else { self.pace.seldom };
        let stopped = tokio::select! {
            changed = self.commits.changed() => changed.is_err(),
            () = tokio::time::sleep(often) => false,
            _ = self.stopping.wait_for(|stopping| *stopping) => true,
        };
        if stopped {
            return false;
        }
        tokio::select! {
            () = tokio::time::sleep(self.pace.together) => true,
            _ = self.stopping.wait_for(|stopping| *stopping) => false,
        }
    }
}

/// The most streams of events at the same time.
const MOST: usize = 256;
/// And of one key.
const MOST_EACH: usize = 16;

/// Who listens to what happens, if that is kept.
#[derive(Clone)]
pub struct Listeners {
    pub(super) seats: Seats,
    pub(super) are_possible: bool,
}

impl Listeners {
    pub fn new(are_possible: bool) -> Self {
        Self { seats: Seats::new(MOST, MOST_EACH), are_possible }
    }
}

/// As many as may listen. Cheap to clone.
#[derive(Clone)]
pub(super) struct Seats {
    taken: Arc<Mutex<HashMap<String, usize>>>,
    most: usize,
    most_each: usize,
}

/// One of them, until it is dropped.
pub(super) struct Seat {
    seats: Seats,
    who: String,
}

impl Seats {
    pub(super) fn new(most: usize, most_each: usize) -> Self {
        Self { taken: Arc::default(), most, most_each }
    }

    /// None, if there is no other, or not for this one.
    pub(super) fn take(&self, who: &str) -> Option<Seat> {
        let mut taken = self.taken();
        let all: usize = taken.values().sum();
        let theirs = taken.get(who).copied().unwrap_or(0);
        if all >= self.most || theirs >= self.most_each {
            return None;
        }
        taken.insert(who.to_owned(), theirs + 1);
        Some(Seat { seats: self.clone(), who: who.to_owned() })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        match taken.get_mut(&self.who) {
            Some(theirs) if *theirs > 1 => *theirs -= 1,
            _ => drop(taken.remove(&self.who)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_seats_and_who_leaves_makes_room() {
        let seats = Seats::new(3, 2);
        let (first, second) = (seats.take("ana").unwrap(), seats.take("ana").unwrap());
        assert!(seats.take("ana").is_none(), "two are theirs");
        let third = seats.take("luis").unwrap();
        assert!(seats.take("eva").is_none(), "there are three");
        drop(first);
        let again = seats.take("ana").unwrap();
        drop((second, third, again));
        assert!(seats.taken().is_empty(), "nothing is kept of those who left");
    }
}
