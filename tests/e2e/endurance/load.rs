//! Customers who text and applications that send, at the same time and to the same people.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Scope;
use std::time::{Duration, Instant};

use recado_tests::{Outside, wait_up_to};
use serde_json::json;

use crate::journal::customer;

pub(super) const CUSTOMERS: usize = 6;
const APPLICATIONS: usize = 3;
/// Longer than any gateway is away, and than what a busy machine makes of it.
const PATIENCE: Duration = Duration::from_mins(4);

/// One text or message after the other from each, as many as are allowed.
pub(super) struct Load {
    outside: Outside,
    allowed: AtomicU64,
    begun: AtomicU64,
    taken: AtomicU64,
    over: AtomicBool,
    acknowledged: Mutex<Acknowledged>,
    /// Which were taken when, since somebody last asked.
    times: Mutex<Vec<(u64, Instant)>>,
}

/// What somebody heard that it was taken, in the order of each customer.
#[derive(Clone, Default)]
pub(super) struct Acknowledged {
    /// The provider's ids of each customer's texts.
    pub(super) texts: [Vec<String>; CUSTOMERS],
    /// The messages to each customer: id and text.
    pub(super) messages: [Vec<(String, String)>; CUSTOMERS],
}

impl Load {
    pub(super) fn new(outside: Outside) -> Self {
        Self {
            outside,
            allowed: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            over: AtomicBool::new(false),
            acknowledged: Mutex::default(),
            times: Mutex::default(),
        }
    }

    /// Lets everybody begin; they go on until [`Ending`] is dropped, at the latest when the scope ends.
    pub(super) fn begin<'scope, 'env>(&'env self, scope: &'scope Scope<'scope, 'env>) -> Ending<'env> {
        for number in 0..CUSTOMERS {
            scope.spawn(move || self.text(number));
        }
        for number in 0..APPLICATIONS {
            scope.spawn(move || self.send(number));
        }
        Ending(self)
    }

    /// Allows so many more; which ones of all these are.
    pub(super) fn allow(&self, count: u64) -> Range<u64> {
        let before = self.allowed.fetch_add(count, Ordering::SeqCst);
        before..before + count
    }

    /// Waits until so many were taken.
    pub(super) fn wait_for(&self, count: u64) {
        let taken = || self.taken.load(Ordering::SeqCst);
        let there = wait_up_to(PATIENCE, || (taken() >= count).then_some(()));
        assert!(there.is_some(), "{} of {count} were taken", taken());
    }

    pub(super) fn acknowledged(&self) -> Acknowledged {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Which were taken when, since the last time.
    pub(super) fn times(&self) -> Vec<(u64, Instant)> {
        std::mem::take(&mut *self.times.lock().unwrap())
    }

    fn is_taken(&self, which: u64) {
        self.times.lock().unwrap().push((which, Instant::now()));
        self.taken.fetch_add(1, Ordering::SeqCst);
    }

    /// The text of a customer: how many there were, which was the one before, and which this is.
    fn text(&self, number: usize) {
        let mut count = 0;
        while let Some(which) = self.may_begin() {
            let text = format!("count total; recall last; remember last {count}; say text {number} {count}");
            let sid = self.outside.text(&customer(number), &text);
            self.acknowledged.lock().unwrap().texts[number].push(sid);
            self.is_taken(which);
            count += 1;
        }
    }

    /// Messages to customers of its own, so that it is known which came first.
    fn send(&self, number: usize) {
        let own: Vec<usize> = (0..CUSTOMERS).filter(|customer| customer % APPLICATIONS == number).collect();
        let mut count = 0;
        while let Some(which) = self.may_begin() {
            let to = own[count % own.len()];
            let text = format!("message {number} {count}");
            let message = json!({ "to": customer(to), "text": text });
            let taken = self.outside.send(&format!("{number}-{count}"), &message);
            let id = taken["id"].as_str().unwrap().to_owned();
            self.acknowledged.lock().unwrap().messages[to].push((id, text));
            self.is_taken(which);
            count += 1;
        }
    }

    /// Waits until one more is allowed, and says which that is; none when it is over.
    fn may_begin(&self) -> Option<u64> {
        loop {
            let allowed = self.allowed.load(Ordering::SeqCst);
            let one_more = |begun| (begun < allowed).then_some(begun + 1);
            if let Ok(which) = self.begun.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_more) {
                return Some(which);
            }
            let more = || self.over.load(Ordering::SeqCst) || self.allowed.load(Ordering::SeqCst) > allowed;
            wait_up_to(PATIENCE, || more().then_some(()));
            if self.over.load(Ordering::SeqCst) {
                return None;
            }
        }
    }
}

/// Ends the load when it is dropped, also by a test that fails.
pub(super) struct Ending<'a>(&'a Load);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::SeqCst);
    }
}
