//! Under load from both sides, with all of the local Twilio's faults, while gateways are killed at random
//! moments: nothing that was acknowledged is lost, nothing is processed or sent twice, nothing stays unsent,
//! and each conversation keeps its order.
//!
//! `RECADO_TEST_KILLS` says how often they are killed (3 times), `RECADO_TEST_SEED` when and what goes wrong
//! (each time something else), and `RECADO_TEST_SOAK_MIN` how many minutes a gateway is to run at half load
//! (not at all).

mod fleet;
mod kills;
mod load;
mod soak;
mod zeros;

use recado::clock::{Clock, SystemClock};
use recado_tests::{Builder, Plugin, TestGateway};
use serde_json::{Value, json};

/// Questions to the provider and their answers come soon one after the other.
const HASTY: &str = "[inbound]\nreply_within_ms = 2000\nlease_s = 3\n\
    [delivery]\ntimeout_s = 1\nlease_s = 7\npause_s = 1\npause_max_s = 2\n\
    [reconcile]\nask_after_s = 1\nask_max_s = 1\nresend_after_s = 6\npoll_s = [1, 1, 2, 4, 8, 8]\n\
    pull_every_s = 1\npull_after_s = 1\nparallel = 16";

#[expect(clippy::disallowed_methods, reason = "how long a test runs is no setting")]
fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

fn kills() -> u64 {
    variable("RECADO_TEST_KILLS").unwrap_or(3)
}

fn hasty() -> Builder {
    TestGateway::builder().plugin(Plugin::obedient()).config_toml(HASTY)
}

/// The same on a database that several gateways can share, where there is one for tests.
fn on_postgres() -> Option<Builder> {
    let builder = hasty().postgres();
    if builder.is_none() {
        eprintln!("skipped: no Postgres");
    }
    builder
}

/// What is left to chance, all of which follows from one number.
struct Chance(u128);

impl Chance {
    fn new() -> Self {
        let seed = variable("RECADO_TEST_SEED").unwrap_or_else(|| SystemClock.now().as_millisecond().unsigned_abs());
        eprintln!("what happens follows from RECADO_TEST_SEED={seed}");
        Self(u128::from(seed))
    }

    /// One of the numbers from 0 to below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(0x5851_f42d_4c95_7f2d);
        u64::try_from((self.0 >> 64) % u128::from(end.max(1))).unwrap()
    }

    /// All that goes wrong at the local Twilio, each now and then.
    fn faults(&mut self) -> Value {
        let mut fault = |probability: f64| json!({ "probability": probability, "seed": self.below(1 << 30) });
        let mut faults = json!({
            "create_cut_after": fault(0.05),
            "create_failed_after": fault(0.05),
            "create_failed_before": fault(0.03),
            "create_refused": fault(0.02),
            "create_late": fault(0.02),
            "callback_lost": fault(0.1),
            "callback_late": fault(0.1),
            "callback_duplicated": fault(0.1),
            "callback_reordered": fault(0.1),
        });
        faults["create_late"]["millis"] = json!(1500);
        faults["callback_late"]["millis"] = json!(300);
        faults
    }
}
