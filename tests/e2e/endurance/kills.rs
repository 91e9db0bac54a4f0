//! One gateway, killed again and again at random moments.

use std::time::Duration;

use recado_tests::{TestGateway, wait_up_to};

use super::load::Load;
use super::{Chance, hasty, kills, on_postgres, zeros};

/// How many texts and messages there are for each kill.
const EACH: u64 = 24;

#[test]
fn nothing_is_lost_or_doubled_although_the_gateway_is_killed_at_random() {
    endure(hasty().start());
}

#[test]
fn nothing_is_lost_or_doubled_on_postgres_although_the_gateway_is_killed_at_random() {
    if let Some(builder) = on_postgres() {
        endure(builder.start());
    }
}

fn endure(mut gateway: TestGateway) {
    let mut chance = Chance::new();
    gateway.set_faults(&chance.faults());
    let outside = gateway.outside();
    let load = Load::new(outside.clone());
    std::thread::scope(|scope| {
        let _ending = load.begin(scope);
        for _ in 0..kills() {
            let these = load.allow(EACH);
            load.wait_for(these.start + chance.below(EACH));
            a_moment(&mut chance);
            gateway.kill();
            gateway.restart();
            load.wait_for(these.end);
        }
    });
    eprintln!("{} kills", kills());
    zeros::all_are_zero(&gateway, &outside, &load.acknowledged());
}

/// Up to a tenth of a second, since what happens between an acknowledgement and the next is many things.
pub(super) fn a_moment(chance: &mut Chance) {
    wait_up_to(Duration::from_millis(chance.below(100)), || None::<()>);
}
