//! Channels that can't send for now: since when, why, and when they are tried again.
//!
//! A *pause* is for a fault of the account, the sender or the settings, or for a provider that answers
//! nobody: one part at a time tries whether it is over. A *hold* is for a provider that is busy, and ends by itself. Both are kept in
//! memory alone, so that a restart tries anew. What somebody paused *by hand* is on record in the store; here
//! is only which channels these are, as it was read last. Must not know how a part is sent, nor what the store
//! makes of it.

mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::channels::{Channels, Scope};
use crate::message::{Locale, PartId, ProviderError};
use state::State;

/// Which channels can't send, and why. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Pauses(Arc<Shared>);

struct Shared {
    channels: Channels,
    lengths: Lengths,
    /// Of what the log says.
    locale: Locale,
    states: Mutex<BTreeMap<String, State>>,
    by_hand: Mutex<BTreeSet<String>>,
}

/// How long a pause is: at first, and at the most; and what else begins one.
#[derive(Clone, Copy, Debug)]
pub struct Lengths {
    pub first: Duration,
    pub longest: Duration,
    /// So many tries in a row that nobody answered begin one; 0 is never.
    pub silences: u32,
}

/// A pause as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    pub since: Timestamp,
    /// When one part tries again, if there is one to send.
    pub until: Timestamp,
    pub error: ProviderError,
}

/// A paused channel of which one part may try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub channel: String,
    /// Those that were refused already: any other comes first, for it may be that only they are.
    pub refused: Vec<PartId>,
    /// Whether one of these may try if there is no other.
    pub again: bool,
}

/// What a try tells about its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It can send by its own sender.
    Sends,
    /// The provider had something against this part alone, or took it from another sender.
    Particular,
    Nothing,
}

impl Pauses {
    pub fn new(channels: Channels, lengths: Lengths, locale: Locale) -> Self {
        Self(Arc::new(Shared { channels, lengths, locale, states: Mutex::default(), by_hand: Mutex::default() }))
    }

    /// What is paused, and why.
    pub fn all(&self) -> BTreeMap<String, Pause> {
        self.lock().iter().filter_map(|(name, state)| Some((name.clone(), state.pause()?.clone()))).collect()
    }

    /// These channels are paused by hand, and no others.
    pub fn set_by_hand(&self, channels: impl IntoIterator<Item = String>) {
        *self.by_hand() = channels.into_iter().collect();
    }

    /// Whether somebody paused it, as it was read last: what would go out in a webhook's answer waits, too.
    pub fn is_by_hand(&self, channel: &str) -> bool {
        self.by_hand().contains(channel)
    }

    fn by_hand(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.0.by_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The channels of which nothing may be claimed, but for a probe.
    pub fn closed(&self, now: Timestamp) -> Vec<String> {
        let mut states = self.lock();
        states.iter_mut().filter_map(|(name, state)| state.is_closed(now).then(|| name.clone())).collect()
    }

    /// The paused channels that it is time to probe.
    pub fn probes(&self, now: Timestamp) -> Vec<Probe> {
        self.lock().iter_mut().filter_map(|(name, state)| state.probe_at(name, now)).collect()
    }

    /// This part has been claimed to try whether the channel can send again, for as long as its lease.
    pub fn probe(&self, channel: &str, part: PartId, now: Timestamp, lease: Duration) {
        self.change(channel, |state| state.begin_probe(part, now, lease));
    }

    /// A part was refused for a fault, so nothing else will be taken.
    pub fn fault(&self, channel: &str, part: PartId, scope: Scope, error: &ProviderError, now: Timestamp) {
        if self.change(channel, |state| state.refused(part, scope, error, now, self.0.lengths)) {
            self.say(channel, error);
        }
    }

    /// A part was handed over and nobody answered, so that what became of it is unknown. After some in a row
    /// the channel is paused, since each would leave another message that nobody knows of.
    pub fn silent(&self, channel: &str, part: PartId, error: &ProviderError, now: Timestamp) {
        if self.change(channel, |state| state.silent(part, error, now, self.0.lengths)) {
            self.say(channel, error);
        }
    }

    /// A message that the provider had taken failed by this error. If it is one of the account, that
    /// can't send any other.
    pub fn reported(&self, channel: &str, error: Option<&ProviderError>, now: Timestamp) {
        let Some(error) = error else { return };
        let fault = error.code.and_then(|code| self.0.channels.get(channel)?.fault(code));
        if fault == Some(Scope::Channel) && self.change(channel, |state| state.reported(error, now, self.0.lengths)) {
            self.say(channel, error);
        }
    }

    /// Whether this part was refused for a fault that ended when another part was sent. If it is
    /// refused again, that is for something of its own.
    pub fn is_particular(&self, channel: &str, part: PartId) -> bool {
        self.lock().get(channel).is_some_and(|state| state.is_particular(part))
    }

    /// What else a try tells.
    pub fn tried(&self, channel: &str, part: PartId, news: News, now: Timestamp) {
        let ended = match self.lock().get_mut(channel) {
            Some(state) => state.tried(part, news, now),
            None => false,
        };
        if ended {
            tracing::info!(channel, "the channel can send again");
        }
    }

    /// The provider answered a try, whatever it said.
    pub fn answered(&self, channel: &str) {
        if let Some(state) = self.lock().get_mut(channel) {
            state.answered();
        }
    }

    /// The provider takes no more for now: until then nothing is claimed. The pause is that after
    /// so many refusals in a row, but not longer than the longest; what was under way at the same
    /// time counts as one.
    pub fn busy(&self, channel: &str, now: Timestamp, pause: impl FnOnce(u32) -> Duration) {
        if let Some(until) = self.change(channel, |state| state.busy(now, pause, self.0.lengths)) {
            tracing::info!(channel, %until, "the provider is busy: nothing more is sent until then");
        }
    }

    fn say(&self, channel: &str, error: &ProviderError) {
        let provider = self.0.channels.get(channel);
        let explained = error.code.and_then(|code| provider?.explain(code, self.0.locale));
        tracing::error!(
            channel,
            code = error.code,
            title = explained.map(|explained| explained.title),
            remedy = explained.map(|explained| explained.remedy),
            "the channel can't send: it is paused, and what is to be sent stays in the queue"
        );
    }

    fn change<T>(&self, channel: &str, change: impl FnOnce(&mut State) -> T) -> T {
        change(self.lock().entry(channel.to_owned()).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, State>> {
        self.0.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn later(time: Timestamp, by: Duration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}
