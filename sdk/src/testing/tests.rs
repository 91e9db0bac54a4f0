//! The stand-ins themselves.

use std::time::Duration;

use super::*;
use crate::state::{self, Scope};
use crate::{clock, fetch, random};

#[test]
fn what_a_test_set_ends_with_it_even_if_it_fails() {
    let failed = std::panic::catch_unwind(|| with_config("inner", || panic!("as a failed assertion does")));
    assert!(failed.is_err());
    assert_eq!(config(), "{}");
    let mut host = Host::new();
    let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        host.run(|| panic!("as a failed assertion does"));
    }));
    assert!(failed.is_err());
    state::set(Scope::Global, "key", "value").unwrap();
    assert_eq!(state::get(Scope::Global, "key"), Ok(None), "there is no host any more");
}

#[test]
fn the_inner_of_two_wins_while_it_lasts() {
    with_config("outer", || {
        with_config("inner", || assert_eq!(config(), "inner"));
        assert_eq!(config(), "outer");
    });
    let ((), outer) = logged(|| {
        log(Level::Info, "outer");
        let ((), inner) = logged(|| log(Level::Warn, "inner"));
        assert_eq!(inner, [(Level::Warn, "inner".to_owned())]);
    });
    assert_eq!(outer, [(Level::Info, "outer".to_owned())]);
    let (mut one, mut other) = (Host::new().seed(1), Host::new().time(5.0));
    one.run(|| {
        state::set(Scope::Global, "key", "one").unwrap();
        other.run(|| {
            assert_eq!(state::get(Scope::Global, "key"), Ok(None));
            assert!((clock::now() - 5.0).abs() < f64::EPSILON);
        });
        assert_eq!(state::get(Scope::Global, "key").unwrap().as_deref(), Some("one"));
    });
}

#[test]
fn what_a_failed_call_wrote_is_forgotten() {
    let mut host = Host::new();
    host.run(|| state::set(Scope::Contact, "step", "1")).unwrap();
    let failed = host.attempt(|| {
        state::set(Scope::Contact, "step", "2").unwrap();
        state::add(Scope::Global, "calls", 1.0).unwrap();
        assert_eq!(state::get(Scope::Contact, "step").unwrap().as_deref(), Some("2"));
        Err::<(), _>("no idea")
    });
    assert_eq!(failed, Err("no idea"));
    assert_eq!(host.remembered(Scope::Contact, "step"), Some("1".to_owned()));
    assert_eq!(host.remembered(Scope::Global, "calls"), None);
}

#[test]
fn sums_are_texts_and_what_is_no_number_counts_as_none() {
    let mut host = Host::new();
    host.run(|| {
        state::set(Scope::Global, "a", " 2.5 ").unwrap();
        state::set(Scope::Global, "b", "many").unwrap();
        assert_eq!(state::add(Scope::Global, "a", 0.5), Ok(3.0));
        assert_eq!(state::add(Scope::Global, "b", -1.0), Ok(-1.0));
        assert!(matches!(state::add(Scope::Global, "a", f64::NAN), Err(state::Failure::Quota(_))));
    });
    assert_eq!(host.remembered(Scope::Global, "a"), Some("3".to_owned()));
    assert_eq!(host.remembered(Scope::Global, "b"), Some("-1".to_owned()));
}

#[test]
fn the_limits_are_the_gateways() {
    let mut host = Host::new();
    host.run(|| {
        let (key, value) = ("k".repeat(257), "v".repeat(64 * 1024 + 1));
        assert_eq!(state::get(Scope::Global, &key), Err(state::Failure::TooLarge(256)));
        assert_eq!(state::set(Scope::Global, "key", &value), Err(state::Failure::TooLarge(64 * 1024)));
        for number in 0..64 {
            state::set(Scope::Global, &number.to_string(), "").unwrap();
        }
        let reason = "64 changes in one call are the most".to_owned();
        assert_eq!(state::delete(Scope::Global, "0"), Err(state::Failure::Quota(reason)));
    });
    for call in 0..8 {
        for number in 0..32 {
            host.run(|| state::set(Scope::Contact, &format!("{call} {number}"), "")).unwrap();
        }
    }
    let reason = "256 keys are the most".to_owned();
    assert_eq!(host.run(|| state::set(Scope::Contact, "more", "")), Err(state::Failure::Quota(reason)));
    assert_eq!(host.run(|| state::set(Scope::Contact, "0 0", "again")), Ok(()));
    let value = "v".repeat(64 * 1024);
    for number in 0..4 {
        host.run(|| state::set(Scope::Conversation, &number.to_string(), &value)).unwrap();
    }
    let reason = "262144 bytes are the most".to_owned();
    assert_eq!(host.run(|| state::set(Scope::Conversation, "4", "v")), Err(state::Failure::Quota(reason)));
    assert_eq!(host.run(|| state::set(Scope::Global, "4", "v")), Ok(()));
}

#[test]
fn without_a_conversation_only_the_plugins_own_state_is_there() {
    let mut host = Host::new().without_conversation();
    host.run(|| {
        for scope in [Scope::Conversation, Scope::Contact] {
            assert_eq!(state::get(scope, "key"), Err(state::Failure::NoSuchScope));
            assert_eq!(state::set(scope, "key", ""), Err(state::Failure::NoSuchScope));
        }
        assert_eq!(state::set(Scope::Global, "key", ""), Ok(()));
    });
}

#[test]
fn state_may_be_away() {
    let mut host = Host::new().state_unavailable("the database is away");
    let away = state::Failure::Unavailable("the database is away".to_owned());
    host.run(|| {
        assert_eq!(state::get(Scope::Global, "key"), Err(away.clone()));
        assert_eq!(state::set(Scope::Global, "key", ""), Err(away.clone()));
        assert_eq!(state::add(Scope::Global, "key", 1.0), Err(away));
    });
}

#[test]
fn other_hosts_answer_once_each_in_order_and_four_times_at_the_most() {
    let mut host = Host::new()
        .answer("https://a.example/", response(200, "first"))
        .answer("https://b.example/", response(500, ""))
        .answer("https://a.example/", response(200, "second"))
        .refuse("https://a.example/slow", fetch::Failure::Timeout);
    let ask = |url: &str| fetch::Request::get(url).send();
    host.run(|| {
        assert_eq!(ask("https://a.example/x").unwrap().body, "first");
        assert_eq!(ask("https://a.example/slow").unwrap().body, "second");
        assert_eq!(ask("https://a.example/slow"), Err(fetch::Failure::Timeout));
        assert!(matches!(ask("https://a.example/x"), Err(fetch::Failure::NotAllowed(_))));
        assert!(matches!(ask("https://b.example/"), Err(fetch::Failure::Budget(_))));
    });
    assert_eq!(host.run(|| ask("https://b.example/")).unwrap().status, 500, "the next call may ask again");
    assert_eq!(host.requests().len(), 5);
}

#[test]
fn randomness_is_even_and_comes_from_the_seed() {
    let draw = |seed| Host::new().seed(seed).run(|| (0..6_000).map(|_| random::below(6)).collect::<Vec<_>>());
    let drawn = draw(7);
    assert_eq!(draw(7), drawn);
    assert_ne!(draw(8), drawn);
    for face in 0..6 {
        let times = drawn.iter().filter(|number| **number == face).count();
        assert!((850..1_150).contains(&times), "{face}: {times}");
    }
    assert_eq!(random::choose::<u8>(&[]), None);
}

#[test]
fn the_clock_shows_what_a_time_zone_shows_at_either_side_of_the_change() {
    let mut host = Host::new().at("2026-03-29 01:59", "Europe/Madrid");
    let hours = |host: &mut Host| host.run(|| clock::local(clock::now(), "Europe/Madrid")).unwrap();
    assert_eq!((hours(&mut host).hour, hours(&mut host).offset), (1, 60));
    host.advance(Duration::from_secs(60));
    assert_eq!((hours(&mut host).hour, hours(&mut host).offset), (3, 120));
    assert_eq!(hours(&mut host).weekday, 7);
}
