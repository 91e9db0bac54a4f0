//! One channel: what it was refused, and what that means for the next part.

use std::time::Duration;

use jiff::Timestamp;

use super::{Lengths, News, Pause, Probe, later};
use crate::channels::Scope;
use crate::clock::ends;
use crate::message::{PartId, ProviderError};

/// How many refused parts are remembered. If so many are, it is not for something of their own.
const REMEMBERED: usize = 50;

/// A channel that was refused something since the start.
#[derive(Debug, Default)]
pub(super) struct State {
    fault: Option<Fault>,
    hold: Option<Hold>,
    /// Tries in a row that nobody answered.
    silences: u32,
    /// Parts of the last pause, which ended when another part was sent.
    particular: Vec<PartId>,
}

#[derive(Debug)]
struct Fault {
    pause: Pause,
    scope: Scope,
    length: Duration,
    refused: Vec<PartId>,
    /// Whether another part may try before the pause is over. One that was refused for its sender
    /// may be refused for where it goes, and then must not keep others from going elsewhere.
    doubted: bool,
    /// The part that tries whether the fault is over.
    probe: Option<Trying>,
}

/// One that was never heard of again must not keep the channel paused for good.
#[derive(Clone, Copy, Debug)]
struct Trying {
    part: PartId,
    /// When its lease ends.
    until: Timestamp,
    lease: Duration,
}

#[derive(Debug)]
struct Hold {
    until: Timestamp,
    length: Duration,
    /// Without anything taken in between.
    refusals: u32,
}

impl State {
    pub(super) fn pause(&self) -> Option<&Pause> {
        self.fault.as_ref().map(|fault| &fault.pause)
    }

    pub(super) fn is_closed(&mut self, now: Timestamp) -> bool {
        self.set_right(now);
        self.fault.is_some() || self.is_held(now)
    }

    /// Nothing lasts longer than it was to because the clock was set back.
    fn set_right(&mut self, now: Timestamp) {
        if let Some(hold) = &mut self.hold {
            hold.until = ends(hold.until, hold.length, now);
        }
        if let Some(fault) = &mut self.fault {
            fault.pause.until = ends(fault.pause.until, fault.length, now);
            if let Some(trying) = &mut fault.probe {
                trying.until = ends(trying.until, trying.lease, now);
            }
        }
    }

    pub(super) fn is_particular(&self, part: PartId) -> bool {
        self.fault.is_none() && self.particular.contains(&part)
    }

    fn is_held(&self, now: Timestamp) -> bool {
        self.hold.as_ref().is_some_and(|hold| hold.until > now)
    }

    pub(super) fn probe_at(&mut self, channel: &str, now: Timestamp) -> Option<Probe> {
        self.set_right(now);
        let fault = self.fault.as_ref().filter(|_| !self.is_held(now))?;
        let again = fault.pause.until <= now;
        let free = fault.probe.is_none_or(|trying| trying.until < now);
        (free && (again || fault.doubted)).then(|| Probe {
            channel: channel.to_owned(),
            refused: fault.refused.clone(),
            again,
        })
    }

    pub(super) fn begin_probe(&mut self, part: PartId, now: Timestamp, lease: Duration) {
        if let Some(fault) = &mut self.fault {
            fault.probe = Some(Trying { part, until: later(now, lease), lease });
            fault.doubted = false;
        }
    }

    /// True if the pause begins with it. What else was under way at that time changes nothing, while
    /// each probe that fails when the pause is over doubles it.
    pub(super) fn refused(
        &mut self,
        part: PartId,
        scope: Scope,
        error: &ProviderError,
        now: Timestamp,
        lengths: Lengths,
    ) -> bool {
        self.set_right(now);
        let Some(fault) = &mut self.fault else {
            let doubted = scope == Scope::Sender;
            self.fault = Some(Fault { refused: vec![part], doubted, ..Fault::new(scope, error, now, lengths) });
            return true;
        };
        if !fault.refused.contains(&part) {
            fault.doubted = false;
            if fault.refused.len() < REMEMBERED {
                fault.refused.push(part);
            }
        }
        if fault.is_probe(part) {
            fault.probe = None;
            (fault.scope, fault.pause.error) = (scope, error.clone());
            if fault.pause.until <= now {
                fault.length = (fault.length * 2).min(lengths.longest);
                fault.pause.until = later(now, fault.length);
            }
        }
        false
    }

    /// True if a pause begins with it. A probe that nobody answers doubles the pause.
    pub(super) fn silent(&mut self, part: PartId, error: &ProviderError, now: Timestamp, lengths: Lengths) -> bool {
        self.silences = self.silences.saturating_add(1);
        if let Some(fault) = self.fault.as_mut() {
            if fault.is_probe(part) {
                fault.probe = None;
                fault.length = (fault.length * 2).min(lengths.longest);
                fault.pause.until = later(now, fault.length);
            }
            return false;
        }
        let begins = lengths.silences > 0 && self.silences >= lengths.silences;
        if begins {
            self.fault = Some(Fault::new(Scope::Channel, error, now, lengths));
        }
        begins
    }

    /// The provider answered, whatever it said.
    pub(super) fn answered(&mut self) {
        self.silences = 0;
    }

    /// The same, of a message that the provider had taken before.
    pub(super) fn reported(&mut self, error: &ProviderError, now: Timestamp, lengths: Lengths) -> bool {
        let begins = self.fault.is_none();
        if begins {
            self.fault = Some(Fault::new(Scope::Channel, error, now, lengths));
        }
        begins
    }

    /// True if that ended a pause, which only its probe does.
    pub(super) fn tried(&mut self, part: PartId, news: News, now: Timestamp) -> bool {
        if news != News::Nothing {
            self.particular.retain(|particular| *particular != part);
            if let Some(hold) = &mut self.hold {
                hold.refusals = 0;
            }
        }
        let Some(fault) = self.fault.as_mut().filter(|fault| fault.is_probe(part)) else { return false };
        fault.probe = None;
        match (news, fault.scope) {
            (News::Sends, _) | (News::Particular, Scope::Channel) => {
                self.particular = std::mem::take(&mut fault.refused);
                self.particular.retain(|particular| *particular != part);
                self.fault = None;
                true
            }
            // It says nothing of the channel's own sender, so another may try at once.
            (News::Particular, Scope::Sender) => {
                fault.doubted = true;
                false
            }
            (News::Nothing, _) => {
                fault.pause.until = later(now, fault.length);
                false
            }
        }
    }

    /// When nothing was held before: until when it is now.
    pub(super) fn busy(
        &mut self,
        now: Timestamp,
        pause: impl FnOnce(u32) -> Duration,
        lengths: Lengths,
    ) -> Option<Timestamp> {
        self.set_right(now);
        let hold = self.hold.get_or_insert(Hold { until: Timestamp::MIN, length: Duration::ZERO, refusals: 0 });
        let begins = hold.until <= now;
        if begins {
            hold.refusals += 1;
        }
        let length = pause(hold.refusals).min(lengths.longest);
        let until = later(now, length);
        if until > hold.until {
            (hold.until, hold.length) = (until, length);
        }
        begins.then_some(hold.until)
    }
}

impl Fault {
    fn new(scope: Scope, error: &ProviderError, now: Timestamp, lengths: Lengths) -> Self {
        let pause = Pause { since: now, until: later(now, lengths.first), error: error.clone() };
        Self { pause, scope, length: lengths.first, refused: Vec::new(), doubted: false, probe: None }
    }

    fn is_probe(&self, part: PartId) -> bool {
        self.probe.is_some_and(|trying| trying.part == part)
    }
}
