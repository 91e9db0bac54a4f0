//! How often somebody may try to sign in: by name and by address, in memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Within this time.
const WINDOW: SignedDuration = SignedDuration::from_mins(15);
/// Attempts that failed, for one name from one address.
const BOTH: u32 = 10;
/// For one name, from anywhere: so that nobody who knows a name can easily lock somebody out.
const NAME: u32 = 100;
/// From one address, with any name.
const ADDRESS: u32 = 50;
/// What is remembered at the most; more than that many at once are let wait.
const REMEMBERED: usize = 20_000;

#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<Key, Counted>>);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key {
    Both(String, String),
    Name(String),
    Address(String),
}

struct Counted {
    since: Timestamp,
    count: u32,
}

impl Attempts {
    /// Counts an attempt, unless there were too many.
    pub(super) fn may_try(&self, name: &str, address: &str, now: Timestamp) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.len() >= REMEMBERED {
            counted.retain(|_, counted| counted.since + WINDOW > now);
        }
        if counted.len() >= REMEMBERED {
            return false;
        }
        let limits = [
            (Key::Both(name.to_owned(), address.to_owned()), BOTH),
            (Key::Name(name.to_owned()), NAME),
            (Key::Address(address.to_owned()), ADDRESS),
        ];
        let full = |(key, limit): &(Key, u32)| {
            counted.get(key).is_some_and(|counted| counted.since + WINDOW > now && counted.count >= *limit)
        };
        if limits.iter().any(full) {
            return false;
        }
        for (key, _) in limits {
            let one = counted.entry(key).or_insert(Counted { since: now, count: 0 });
            if one.since + WINDOW <= now {
                *one = Counted { since: now, count: 0 };
            }
            one.count += 1;
        }
        true
    }

    /// It was the right password: what led to it counts no more.
    pub(super) fn succeeded(&self, name: &str, address: &str) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.remove(&Key::Both(name.to_owned(), address.to_owned()));
        for key in [Key::Name(name.to_owned()), Key::Address(address.to_owned())] {
            if let Some(counted) = counted.get_mut(&key) {
                counted.count = counted.count.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_by_name_and_address_and_time_heals() {
        let attempts = Attempts::default();
        let now = Timestamp::UNIX_EPOCH;
        for _ in 0..BOTH {
            assert!(attempts.may_try("ana", "10.0.0.1", now));
        }
        assert!(!attempts.may_try("ana", "10.0.0.1", now));
        assert!(attempts.may_try("ana", "10.0.0.2", now), "others may still be her");
        assert!(attempts.may_try("luis", "10.0.0.1", now), "and she may have been somebody else");
        assert!(attempts.may_try("ana", "10.0.0.1", now + WINDOW));
    }

    #[test]
    fn one_address_can_not_go_through_all_names_nor_all_addresses_through_one() {
        let attempts = Attempts::default();
        let now = Timestamp::UNIX_EPOCH;
        let tried = (0..200).filter(|number| attempts.may_try(&format!("name{number}"), "10.0.0.1", now)).count();
        assert_eq!(tried, 50);
        let tried = (0..200).filter(|number| attempts.may_try("ana", &format!("10.1.0.{number}"), now)).count();
        assert_eq!(tried, 100);
    }

    #[test]
    fn who_gets_in_begins_anew() {
        let attempts = Attempts::default();
        let now = Timestamp::UNIX_EPOCH;
        for _ in 0..500 {
            assert!(attempts.may_try("ana", "10.0.0.1", now));
            attempts.succeeded("ana", "10.0.0.1");
        }
    }
}
