//! What could not be put in force is left alone for a while, so that it is not tried, and told, at every look.

use std::time::{Duration, Instant};

/// How long it is left alone at first; it doubles up to the longest.
const FIRST_REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_mins(5);

/// What failed, and when it is tried again. `S` is what it was like.
#[derive(Debug, Default)]
pub struct Failed<S> {
    state: S,
    tries: u32,
    again_at: Option<Instant>,
}

impl<S: PartialEq> Failed<S> {
    /// Anything else is tried at once.
    pub fn rests(&self, state: &S, now: Instant) -> bool {
        self.state == *state && self.again_at.is_some_and(|at| now < at)
    }

    pub fn note(&mut self, state: S, now: Instant) {
        let tries = if self.state == state { self.tries.saturating_add(1) } else { 1 };
        let rest = FIRST_REST.saturating_mul(1 << (tries - 1).min(16)).min(LONGEST_REST);
        *self = Self { state, tries, again_at: Some(now + rest) };
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_can_not_be_put_in_force_is_tried_ever_more_seldom_and_anything_else_at_once() {
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        let versions = |version| BTreeMap::from([("a".to_owned(), version), ("b".to_owned(), 1)]);
        let mut failed = Failed::default();
        assert!(!failed.rests(&versions(2), at(0)));
        failed.note(versions(2), at(0));
        assert!(failed.rests(&versions(2), at(4)) && !failed.rests(&versions(2), at(5)));
        assert!(!failed.rests(&versions(3), at(1)), "it was changed again");
        failed.note(versions(2), at(5));
        assert!(failed.rests(&versions(2), at(14)) && !failed.rests(&versions(2), at(15)));
        for _ in 0..40 {
            failed.note(versions(2), at(20));
        }
        assert!(failed.rests(&versions(2), at(319)) && !failed.rests(&versions(2), at(320)));
        failed.note(versions(3), at(400));
        assert!(!failed.rests(&versions(3), at(405)), "it begins anew");
    }
}
