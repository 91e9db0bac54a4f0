//! Three gateways on one Postgres, one of them killed every now and then.

use std::time::{Duration, Instant};

use recado_tests::{Fleet, wait_up_to};

use super::kills::a_moment;
use super::load::Load;
use super::{Chance, kills, on_postgres, zeros};
use crate::going;
use crate::journal::everything;

const GATEWAYS: usize = 3;
/// How many texts and messages there are for each kill.
const EACH: u64 = 24;
/// How many are measured for each kill of the other tests.
const MEASURED: u32 = 80;
/// How long they may take to have done all.
const PATIENCE: Duration = Duration::from_mins(2);

#[test]
fn nothing_is_lost_or_doubled_on_postgres_although_one_of_three_gateways_is_killed_at_random() {
    let Some(builder) = on_postgres() else { return };
    let mut fleet = Fleet::start(builder, GATEWAYS);
    let mut chance = Chance::new();
    fleet.first().set_faults(&chance.faults());
    let load = Load::new(fleet.outside());
    std::thread::scope(|scope| {
        let _ending = load.begin(scope);
        for _ in 0..kills() {
            let these = load.allow(EACH);
            load.wait_for(these.start + chance.below(EACH));
            a_moment(&mut chance);
            let number = usize::try_from(chance.below(GATEWAYS as u64)).unwrap();
            fleet.kill(number);
            // The others go on for a while, or until nobody has anything more.
            let rest = these.end - these.start;
            load.wait_for((these.start + chance.below(2 * rest)).min(these.end));
            fleet.restart(number);
            load.wait_for(these.end);
        }
    });
    eprintln!("{} kills of one of {GATEWAYS}", kills());
    zeros::all_are_zero(fleet.first(), &fleet.outside(), &load.acknowledged());
}

/// On a machine with few processors this is no more than it can do; it is told, not judged.
#[test]
fn what_three_gateways_on_postgres_take_compared_with_one() {
    let Some(builder) = on_postgres() else { return };
    let mut fleet = Fleet::start(builder, GATEWAYS);
    let load = Load::new(fleet.outside());
    compare(&mut fleet, &load, "with one value that all share");
    zeros::all_are_zero(fleet.first(), &fleet.outside(), &load.acknowledged());
}

/// A value that all texts and messages share is written by one gateway at a time; without any, each works alone.
#[test]
fn what_three_gateways_on_postgres_take_compared_with_one_where_nothing_is_shared() {
    let Some(builder) = on_postgres() else { return };
    let mut fleet = Fleet::start(builder.no_plugins(), GATEWAYS);
    let load = Load::new(fleet.outside());
    compare(&mut fleet, &load, "with nothing that all share");
    let acknowledged = load.acknowledged();
    let texts: usize = acknowledged.texts.iter().map(Vec::len).sum();
    let messages: usize = acknowledged.messages.iter().map(Vec::len).sum();
    let done = wait_up_to(PATIENCE, || {
        let all = everything(fleet.first());
        let processed = going(&all, "inbound").iter().filter(|one| one["processed_at"].is_string()).count();
        let delivered = going(&all, "outbound").iter().filter(|one| one["status"] == "delivered").count();
        ((processed, delivered) == (texts, messages)).then_some(all.len())
    });
    assert_eq!(done, Some(texts + messages), "nothing lost, nothing twice");
}

/// The same load on all of them, and on one alone.
fn compare(fleet: &mut Fleet, load: &Load, how: &str) {
    let each = MEASURED * u32::try_from(kills()).unwrap();
    std::thread::scope(|scope| {
        let _ending = load.begin(scope);
        load.wait_for(load.allow(EACH).end);
        for gateways in [GATEWAYS, 1] {
            for number in gateways..GATEWAYS {
                fleet.kill(number);
            }
            let began = Instant::now();
            load.wait_for(load.allow(u64::from(each)).end);
            eprintln!(
                "{gateways} gateways, {how}: {:.0} texts and messages a second",
                f64::from(each) / began.elapsed().as_secs_f64()
            );
        }
    });
}
