//! `[followups]`

use jiff::SignedDuration;
use serde::Deserialize;

/// `[followups]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How many reports and timers plugins are told of at the same time.
    pub parallel: usize,
    /// How long what plugins remembered before is kept, in days.
    pub state_history_days: u32,
}

impl Settings {
    pub fn state_history(&self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.state_history_days))
    }

    /// The key that makes no sense, and why.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        if self.parallel == 0 {
            return Err(("parallel", "is 0, but at least 1 at a time must be allowed".to_owned()));
        }
        Ok(())
    }
}
