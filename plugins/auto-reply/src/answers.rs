//! Answers that are not to be repeated all the time.

use std::time::Duration;

use recado_sdk::Failure;
use recado_sdk::state::{self, Scope};

/// What the operator may write at the most: a year.
const LONGEST: f64 = 366.0 * 24.0 * 60.0;

/// Whether an answer is due in this conversation: not, if it was given less than so many minutes ago.
/// If it is, it counts as given.
pub(crate) fn is_due(answer: &str, cool_down_minutes: f64) -> Result<bool, Failure> {
    if cool_down_minutes <= 0.0 {
        return Ok(true);
    }
    let key = format!("answered {answer}");
    if state::get(Scope::Conversation, &key)?.is_some() {
        return Ok(false);
    }
    state::set_for(Scope::Conversation, &key, "", minutes(cool_down_minutes))?;
    Ok(true)
}

/// A length of time as the operator writes it.
pub(crate) fn minutes(minutes: f64) -> Duration {
    Duration::from_secs_f64(minutes.clamp(0.0, LONGEST) * 60.0)
}
