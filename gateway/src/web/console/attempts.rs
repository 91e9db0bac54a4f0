//! How often somebody may try to sign in: by name and by address, in memory.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
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
/// From all addresses that one customer of a provider may have, with any name.
const SITE: u32 = 250;
/// What is remembered at the most.
const REMEMBERED: usize = 20_000;
/// How much of that is let go of at once, so that it is seldom looked through.
const LET_GO: usize = REMEMBERED / 4;

#[derive(Default)]
pub(super) struct Attempts(Mutex<HashMap<Key, Counted>>);

/// Who tries.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// Somebody who is signed in already.
    Inside,
    Address(IpAddr),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Key {
    Both(String, Option<IpAddr>),
    Name(String),
    Address(IpAddr),
    Site(Ipv6Addr),
}

#[derive(Clone, Copy)]
struct Counted {
    since: Timestamp,
    count: u32,
}

impl Attempts {
    /// Counts an attempt, unless there were too many.
    pub(super) fn may_try(&self, name: &str, origin: Origin, now: Timestamp) -> bool {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let keys = keys(name, origin);
        let full = |key: &Key| counted.get(key).is_some_and(|counted| counted.is_full(key, now));
        if keys.iter().any(full) {
            return false;
        }
        if counted.len() + keys.len() > REMEMBERED {
            make_room(&mut counted, now);
        }
        for key in keys {
            let one = counted.entry(key).or_insert(Counted { since: now, count: 0 });
            if one.is_over(now) {
                *one = Counted { since: now, count: 0 };
            }
            one.count += 1;
        }
        true
    }

    /// It was the right password: what led to it counts no more.
    pub(super) fn succeeded(&self, name: &str, origin: Origin) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys(name, origin) {
            if let Key::Both(..) = key {
                counted.remove(&key);
            } else if let Some(counted) = counted.get_mut(&key) {
                counted.count = counted.count.saturating_sub(1);
            }
        }
    }
}

impl Counted {
    fn is_over(&self, now: Timestamp) -> bool {
        self.since + WINDOW <= now
    }

    fn is_full(&self, key: &Key, now: Timestamp) -> bool {
        let limit = match key {
            Key::Both(..) => BOTH,
            Key::Name(_) => NAME,
            Key::Address(_) => ADDRESS,
            Key::Site(_) => SITE,
        };
        !self.is_over(now) && self.count >= limit
    }
}

/// All that an attempt counts for.
fn keys(name: &str, origin: Origin) -> Vec<Key> {
    let one = |address| vec![Key::Both(name.to_owned(), address), Key::Name(name.to_owned())];
    let Origin::Address(address) = origin else { return one(None) };
    // Of IPv6 the first 64 bits, all below which one person may have; providers give away 48 and all below.
    let begin = |six: Ipv6Addr, bits: u32| Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << (128 - bits)));
    let (address, site) = match address {
        IpAddr::V4(_) => (address, None),
        IpAddr::V6(six) => (IpAddr::V6(begin(six, 64)), Some(begin(six, 48))),
    };
    let mut keys = one(Some(address));
    keys.push(Key::Address(address));
    keys.extend(site.map(Key::Site));
    keys
}

/// Lets go of what is over; else of what was tried least, the oldest first. Whoever wants a name that they guess at to
/// be forgotten has to try thousands of others as often.
fn make_room(counted: &mut HashMap<Key, Counted>, now: Timestamp) {
    counted.retain(|_, counted| !counted.is_over(now));
    let surplus = counted.len().saturating_sub(REMEMBERED - LET_GO);
    if surplus == 0 {
        return;
    }
    let mut all: Vec<_> = counted.iter().map(|(key, one)| (one.count, one.since, key.clone())).collect();
    all.select_nth_unstable(surplus - 1);
    for (.., key) in all.into_iter().take(surplus) {
        counted.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn from(address: &str) -> Origin {
        Origin::Address(address.parse().unwrap())
    }

    /// How many of these may try.
    fn tried(attempts: &Attempts, all: impl Iterator<Item = (String, String)>) -> usize {
        all.filter(|(name, address)| attempts.may_try(name, from(address), NOW)).count()
    }

    #[test]
    fn failures_count_by_name_and_address_and_time_heals() {
        let attempts = Attempts::default();
        for origin in [from("10.0.0.1"), from("2001:db8:1:2::1"), Origin::Inside] {
            for _ in 0..BOTH {
                assert!(attempts.may_try("ana", origin, NOW));
            }
            assert!(!attempts.may_try("ana", origin, NOW));
        }
        assert!(!attempts.may_try("ana", from("2001:db8:1:2:3::9"), NOW), "one person may have them all");
        assert!(attempts.may_try("ana", from("10.0.0.2"), NOW), "others may still be her");
        assert!(attempts.may_try("luis", from("10.0.0.1"), NOW), "and she may have been somebody else");
        assert!(attempts.may_try("ana", from("10.0.0.1"), NOW + WINDOW));
    }

    #[test]
    fn one_address_can_not_go_through_all_names_nor_all_addresses_through_one() {
        let attempts = Attempts::default();
        let names = (0..200).map(|number| (format!("name{number}"), "10.0.0.1".to_owned()));
        assert_eq!(tried(&attempts, names), 50);
        let addresses = (0..200).map(|number| ("ana".to_owned(), format!("10.1.0.{number}")));
        assert_eq!(tried(&attempts, addresses), 100);
        let site = (0..500).map(|number| (format!("other{number}"), format!("2001:db8:7:{number:x}::1")));
        assert_eq!(tried(&attempts, site), 250, "one customer of a provider has 65,536 of them");
    }

    #[test]
    fn who_gets_in_begins_anew() {
        let attempts = Attempts::default();
        for _ in 0..500 {
            assert!(attempts.may_try("ana", from("2001:db8::1"), NOW));
            attempts.succeeded("ana", from("2001:db8::1"));
        }
    }

    #[test]
    fn whoever_fills_the_memory_keeps_nobody_out_and_has_no_name_forgotten() {
        let attempts = Attempts::default();
        let guesses = |network: u8| (0..20).map(move |number| ("ana".to_owned(), format!("10.{network}.0.{number}")));
        assert_eq!(tried(&attempts, guesses(0).chain(guesses(0)).chain(guesses(0))), 60);
        let flood = (0..1_000).flat_map(|network| {
            (0..50).map(move |number| (format!("n{network}x{number}"), format!("2001:db8:{network:x}::1")))
        });
        assert_eq!(tried(&attempts, flood), 50_000);
        assert!(attempts.0.lock().unwrap().len() <= REMEMBERED);
        assert!(attempts.may_try("luis", from("192.0.2.1"), NOW), "somebody of the staff");
        assert_eq!(tried(&attempts, guesses(1).chain(guesses(1)).chain(guesses(1))), 40, "of 100");
        assert!(!attempts.may_try("ana", from("192.0.2.1"), NOW));
    }
}
