//! Three gateways on one Postgres, one of them killed every now and then.

use std::time::Instant;

use recado_tests::Fleet;

use super::kills::a_moment;
use super::load::Load;
use super::{Chance, kills, on_postgres, zeros};

const GATEWAYS: usize = 3;
/// How many texts and messages there are for each kill.
const EACH: u64 = 24;
/// How many for each measurement.
const MEASURED: u32 = 240;

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
    std::thread::scope(|scope| {
        let _ending = load.begin(scope);
        load.wait_for(load.allow(EACH).end);
        for gateways in [GATEWAYS, 1] {
            for number in gateways..GATEWAYS {
                fleet.kill(number);
            }
            let began = Instant::now();
            load.wait_for(load.allow(u64::from(MEASURED)).end);
            eprintln!(
                "{gateways} gateways: {:.0} texts and messages a second",
                f64::from(MEASURED) / began.elapsed().as_secs_f64()
            );
        }
    });
    zeros::all_are_zero(fleet.first(), &fleet.outside(), &load.acknowledged());
}
