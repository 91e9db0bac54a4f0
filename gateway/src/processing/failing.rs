//! What fails for now where messages are made: a plugin that must look at them gives no verdict, or their channel itself
//! fails. It is waited for, and not for ever: what comes behind it in its conversation waits, too.

use std::time::Duration;

use crate::actions::Plan;
use crate::deciding::Decided;
use crate::store::{self, Thread};

/// Why something is not processed yet.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Nobody can make a message of what a plugin asked for, and another try may help.
    #[error("{0}")]
    Failing(String),
}

/// What the plugins decided, kept while only messages of it can't be made: they are not asked, nor do they ask others,
/// a second time.
pub struct Decision {
    pub thread: Thread,
    pub decided: Decided<Plan>,
}

/// What the plugins decided, unless one failed where it could not read what it remembers, and may be waited for.
pub fn as_read(decided: Decided<Plan>, failures: Failures) -> Result<Decided<Plan>, Error> {
    if decided.unread && failures == Failures::Wait {
        return Err(Error::Failing("a plugin can't read what it remembers".to_owned()));
    }
    Ok(decided)
}

/// What is to become of what fails for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failures {
    /// All waits for it.
    Wait,
    /// It was waited for long enough: it is left out, and the trace says why.
    LeaveOut,
}

/// How long one message, report or timer waits for what fails: the pauses that are left.
#[derive(Clone, Copy, Debug)]
pub struct Patience(pub &'static [Duration]);

/// Together a minute, as long as a plugin that is tripped is left alone at first, and a try at the end of it.
const PAUSES: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(25),
];

impl Default for Patience {
    fn default() -> Self {
        Self(&PAUSES)
    }
}

impl Patience {
    /// What to do about what fails at the next try.
    pub fn failures(&self) -> Failures {
        if self.0.is_empty() { Failures::LeaveOut } else { Failures::Wait }
    }

    /// The pause before the next try. None left is none at all: nothing fails then.
    pub fn pause(&mut self) -> Duration {
        let Some((pause, rest)) = self.0.split_first() else { return Duration::ZERO };
        self.0 = rest;
        *pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_could_not_read_is_asked_again_while_it_may_be_waited_for() {
        let decided = |unread| Decided {
            outcome: Plan::default(),
            traces: Vec::new(),
            state: Vec::new(),
            at: jiff::Timestamp::UNIX_EPOCH,
            unread,
        };
        assert!(matches!(as_read(decided(true), Failures::Wait), Err(Error::Failing(_))));
        assert!(as_read(decided(true), Failures::LeaveOut).is_ok() && as_read(decided(false), Failures::Wait).is_ok());
    }

    #[test]
    fn what_fails_is_waited_for_for_a_minute_and_no_longer() {
        let mut patience = Patience::default();
        let mut waited = Vec::new();
        while patience.failures() == Failures::Wait {
            waited.push(patience.pause());
        }
        let minute = Duration::from_mins(1);
        let sum: Duration = waited.iter().sum();
        assert!(waited.len() >= 5 && (minute..minute + Duration::from_secs(10)).contains(&sum), "{waited:?}");
    }
}
