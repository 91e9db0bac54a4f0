//! `[delivery]`: how much at once, and how long and how often something is tried.

use std::time::Duration;

use rand::{Rng, RngExt};
use serde::Deserialize;

use crate::pauses::Lengths;

/// `[delivery]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How many provider requests are under way at the same time.
    pub parallel: usize,
    /// How long the provider may take to answer, in seconds.
    pub timeout_s: u32,
    /// How long a worker holds a part, in seconds; longer than the time-out.
    pub lease_s: u32,
    /// How often a part is handed over whose outcome stays unknown.
    pub tries: u32,
    /// How long a part is tried that is known not to have been sent, in seconds.
    pub give_up_after_s: u32,
    /// The pause before the second try, in seconds.
    pub backoff_s: u32,
    /// By how much it grows from try to try.
    pub backoff_factor: f64,
    /// The longest pause, in seconds.
    pub backoff_max_s: u32,
    /// How much of a pause is left to chance, from 0 to 1, so that parts that failed together do not come
    /// back together.
    pub backoff_jitter: f64,
    /// How long a channel that can't send is paused at first, in seconds; it doubles from probe to
    /// probe.
    pub pause_s: u32,
    /// The longest such pause, in seconds.
    pub pause_max_s: u32,
    /// After how many tries in a row that nobody answered the channel is paused; 0 is never.
    pub pause_after: u32,
    /// How many gateways share the database, and with it what each sender may send.
    pub gateways: u32,
}

impl Settings {
    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.lease_s <= self.timeout_s + 5 {
            let least = self.timeout_s + 6;
            return Err((
                "lease_s",
                format!(
                    "is {}, but must be at least {least} (`timeout_s` + 6): a lease that ends before the \
                     request does would leave a part that was sent marked as unknown",
                    self.lease_s
                ),
            ));
        }
        if self.parallel == 0 {
            return Err(("parallel", "is 0, but at least 1 request must be allowed".to_owned()));
        }
        if self.tries == 0 {
            return Err(("tries", "is 0, but a part must be tried at least once".to_owned()));
        }
        if self.give_up_after_s < self.backoff_s {
            let problem = format!(
                "is {}, but must be at least {} (`backoff_s`): nothing would be tried a second time",
                self.give_up_after_s, self.backoff_s
            );
            return Err(("give_up_after_s", problem));
        }
        if !(1.0..=10.0).contains(&self.backoff_factor) {
            let problem = format!("is {}, but must be from 1 (always the same pause) to 10", self.backoff_factor);
            return Err(("backoff_factor", problem));
        }
        if !(0.0..=1.0).contains(&self.backoff_jitter) {
            let problem = format!("is {}, but must be from 0 (no chance) to 1 (all chance)", self.backoff_jitter);
            return Err(("backoff_jitter", problem));
        }
        if self.gateways == 0 {
            return Err(("gateways", "is 0, but this is one".to_owned()));
        }
        if self.pause_s == 0 {
            return Err(("pause_s", "is 0, but a channel that can't send must be left alone for 1 second".to_owned()));
        }
        if self.pause_max_s < self.pause_s {
            let problem = format!("is {}, but must be at least {} (`pause_s`)", self.pause_max_s, self.pause_s);
            return Err(("pause_max_s", problem));
        }
        Ok(())
    }

    /// How long a channel that can't send is left alone.
    pub fn lengths(&self) -> Lengths {
        let [first, longest] = [self.pause_s, self.pause_max_s].map(|seconds| Duration::from_secs(u64::from(seconds)));
        Lengths { first, longest, silences: self.pause_after }
    }

    /// The pause after so many tries: growing, capped, and shorter by chance. Not shorter than what the
    /// provider asked for.
    pub(super) fn pause(&self, tries: u32, asked: Option<Duration>, random: &mut impl Rng) -> Duration {
        let grown = f64::from(self.backoff_s) * self.backoff_factor.powf(f64::from(tries.saturating_sub(1)));
        let longest = grown.min(f64::from(self.backoff_max_s));
        let seconds = longest * (1.0 - self.backoff_jitter * random.random_range(0.0..=1.0));
        Duration::try_from_secs_f64(seconds).unwrap_or_default().max(asked.unwrap_or_default())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    pub(in crate::delivery) fn settings() -> Settings {
        Settings {
            parallel: 4,
            timeout_s: 15,
            lease_s: 60,
            tries: 5,
            give_up_after_s: 600,
            backoff_s: 2,
            backoff_factor: 2.0,
            backoff_max_s: 60,
            backoff_jitter: 0.5,
            pause_s: 60,
            pause_max_s: 900,
            pause_after: 5,
            gateways: 1,
        }
    }

    #[test]
    fn pauses_double_up_to_the_cap_and_spread_over_their_upper_half() {
        let mut random = SmallRng::seed_from_u64(7);
        for (tries, most) in [(1, 2), (2, 4), (3, 8), (5, 32), (6, 60), (30, 60)] {
            for _ in 0..100 {
                let pause = settings().pause(tries, None, &mut random).as_millis();
                assert!((most * 500..=most * 1000).contains(&pause), "try {tries}: {pause} ms");
            }
        }
    }

    #[test]
    fn factor_and_jitter_are_as_they_are_set() {
        let mut random = SmallRng::seed_from_u64(7);
        let steady = Settings { backoff_factor: 1.0, backoff_jitter: 0.0, ..settings() };
        let steep = Settings { backoff_factor: 5.0, backoff_jitter: 0.0, ..settings() };
        for (settings, tries, seconds) in [(&steady, 1, 2), (&steady, 9, 2), (&steep, 2, 10), (&steep, 4, 60)] {
            assert_eq!(settings.pause(tries, None, &mut random), Duration::from_secs(seconds));
        }
        assert_eq!(steep.pause(u32::MAX, None, &mut random), Duration::from_mins(1));
        let all_chance = Settings { backoff_jitter: 1.0, ..settings() };
        let pauses: Vec<Duration> = (0..100).map(|_| all_chance.pause(9, None, &mut random)).collect();
        assert!(pauses.iter().any(|pause| pause.as_secs() < 10) && pauses.iter().any(|pause| pause.as_secs() > 50));
    }

    #[test]
    fn what_the_provider_asks_for_is_the_least() {
        let mut random = SmallRng::seed_from_u64(7);
        let minute = Duration::from_mins(1);
        assert_eq!(settings().pause(1, Some(minute), &mut random), minute);
        assert!(settings().pause(1, Some(Duration::ZERO), &mut random) >= Duration::from_secs(1));
        let patient = Settings { backoff_max_s: 300, ..settings() };
        assert!(patient.pause(9, Some(minute), &mut random) > minute, "and it grows beyond that");
    }

    #[test]
    fn settings_that_make_no_sense_are_named() {
        assert_eq!(settings().check(), Ok(()));
        for (wrong, key) in [
            (Settings { lease_s: 20, ..settings() }, "lease_s"),
            (Settings { parallel: 0, ..settings() }, "parallel"),
            (Settings { tries: 0, ..settings() }, "tries"),
            (Settings { give_up_after_s: 1, ..settings() }, "give_up_after_s"),
            (Settings { backoff_factor: 0.5, ..settings() }, "backoff_factor"),
            (Settings { backoff_jitter: f64::NAN, ..settings() }, "backoff_jitter"),
            (Settings { gateways: 0, ..settings() }, "gateways"),
            (Settings { pause_s: 0, ..settings() }, "pause_s"),
            (Settings { pause_s: 901, ..settings() }, "pause_max_s"),
        ] {
            assert_eq!(wrong.check().map_err(|(key, _)| key), Err(key));
        }
    }
}
