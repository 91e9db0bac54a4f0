//! `[reconcile]`: when the provider is asked, and what is done when it does not know.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::store::Questions;

/// How much longer than the provider's time to answer a resend waits at the least, in seconds.
const MARGIN: u32 = 5;

/// `[reconcile]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What is done about a part that the provider does not list.
    pub on_unknown: OnUnknown,
    /// How long after its try a part must be absent before it is sent again, in seconds.
    pub resend_after_s: u32,
    /// When to ask first about a part whose outcome is unknown, in seconds; the pause doubles.
    pub ask_after_s: u32,
    /// The longest pause, in seconds.
    pub ask_max_s: u32,
    /// When to ask about a part whose status is not final, in seconds after the question before.
    pub poll_s: Vec<u32>,
    /// How often the list of what came in is read, in seconds; 0 is never.
    pub pull_every_s: u32,
    /// How far back it is read after a time of absence, in hours.
    pub pull_window_h: u32,
    /// How old a message must be to be taken from the list, in seconds: its webhook may be on its
    /// way.
    pub pull_after_s: u32,
    /// How many questions are under way at the same time.
    pub parallel: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// What is certainly absent is sent again.
    ResendAfter,
    /// It stays unknown.
    Hold,
}

impl Settings {
    /// The key that makes no sense, and why.
    pub fn check(&self, timeout_s: u32) -> Result<(), (&'static str, String)> {
        let least = timeout_s.saturating_add(MARGIN);
        if self.resend_after_s < least {
            let problem = format!(
                "is {}, but must be at least {least} (`delivery.timeout_s` + {MARGIN}): before that, the message may \
                 still be on its way, and would be sent twice",
                self.resend_after_s
            );
            return Err(("resend_after_s", problem));
        }
        if self.ask_after_s == 0 || self.ask_max_s < self.ask_after_s {
            let problem = "must be at least `ask_after_s`, which must be at least 1".to_owned();
            return Err(("ask_max_s", problem));
        }
        if self.poll_s.contains(&0) {
            return Err(("poll_s", "holds a 0; leave the list empty to never ask".to_owned()));
        }
        if self.pull_every_s > 0 && self.pull_window_h == 0 {
            return Err(("pull_window_h", "is 0; set `pull_every_s = 0` to never read the list".to_owned()));
        }
        if self.parallel == 0 {
            return Err(("parallel", "is 0, but at least 1 question must be allowed".to_owned()));
        }
        Ok(())
    }

    /// When the store has a part asked about first.
    pub fn questions(&self) -> Questions {
        Questions { unknown: seconds(self.ask_after_s), accepted: self.poll_s.first().map(|pause| seconds(*pause)) }
    }

    pub(super) fn pull_window(&self) -> Duration {
        Duration::from_secs(u64::from(self.pull_window_h) * 3600)
    }

    /// The pause after so many questions about an unknown part.
    pub(super) fn ask_pause(&self, checks: u32) -> Duration {
        let doubled = u64::from(self.ask_after_s).saturating_mul(1 << checks.min(20));
        Duration::from_secs(doubled.min(u64::from(self.ask_max_s)))
    }

    /// The pause after so many questions about a status, if there is to be another.
    pub(super) fn poll_pause(&self, checks: u32) -> Option<Duration> {
        let next = usize::try_from(checks).ok()?;
        self.poll_s.get(next).map(|pause| seconds(*pause))
    }
}

pub(super) fn seconds(count: u32) -> Duration {
    Duration::from_secs(u64::from(count))
}

pub(super) fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

pub(super) fn earlier(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::reconcile) fn settings() -> Settings {
        Settings {
            on_unknown: OnUnknown::ResendAfter,
            resend_after_s: 600,
            ask_after_s: 20,
            ask_max_s: 3600,
            poll_s: vec![900, 3600],
            pull_every_s: 300,
            pull_window_h: 24,
            pull_after_s: 120,
            parallel: 8,
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_polls_end() {
        let pauses = [0, 1, 2, 7, 8, 4_000_000].map(|checks| settings().ask_pause(checks).as_secs());
        assert_eq!(pauses, [20, 40, 80, 2560, 3600, 3600]);
        assert_eq!(
            [0, 1, 2].map(|checks| settings().poll_pause(checks).map(|p| p.as_secs())),
            [Some(900), Some(3600), None]
        );
    }

    #[test]
    fn nonsense_is_refused_by_its_key() {
        assert_eq!(settings().check(15), Ok(()));
        for (wrong, key) in [
            (Settings { resend_after_s: 19, ..settings() }, "resend_after_s"),
            (Settings { ask_after_s: 0, ..settings() }, "ask_max_s"),
            (Settings { ask_max_s: 19, ..settings() }, "ask_max_s"),
            (Settings { poll_s: vec![900, 0], ..settings() }, "poll_s"),
            (Settings { pull_window_h: 0, ..settings() }, "pull_window_h"),
            (Settings { parallel: 0, ..settings() }, "parallel"),
        ] {
            assert_eq!(wrong.check(15).map_err(|(key, _)| key), Err(key));
        }
    }
}
