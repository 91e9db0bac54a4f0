//! How fast each sender sends: as the operator says, or else as the provider does; slower for a while after
//! it was told that it is too fast.
//!
//! Kept in memory, so that a restart begins anew, with a second's worth saved up. Several gateways on one
//! database each take their share. Must not know how a part is sent, nor what the store makes of it.

mod bucket;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::channels::{self, Channels};
use crate::message::Line;
pub use bucket::Bucket;

/// The rates of all senders. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Rates(Arc<Shared>);

struct Shared {
    channels: Channels,
    settings: BTreeMap<String, channels::Rates>,
    /// How many gateways share the database, and so the senders.
    gateways: u32,
    buckets: Mutex<BTreeMap<Line, Bucket>>,
}

/// How fast a sender is, for others to see.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Segments a second, of all gateways together.
    pub limit: Option<f64>,
    /// What it is while the provider said that it was too fast.
    pub slowed_to: Option<f64>,
}

impl Rates {
    /// `gateways` share the senders evenly.
    pub fn new(channels: Channels, settings: BTreeMap<String, channels::Rates>, gateways: u32) -> Self {
        Self(Arc::new(Shared { channels, settings, gateways: gateways.max(1), buckets: Mutex::default() }))
    }

    /// How many segments may leave now by this sender. None: as many as there are.
    pub fn room(&self, line: &Line, now: Timestamp) -> Option<u32> {
        self.with(line, now, |bucket| bucket.room(now))
    }

    /// When something may leave by this sender next.
    pub fn next(&self, line: &Line, now: Timestamp) -> Timestamp {
        self.with(line, now, |bucket| bucket.next(now))
    }

    /// So many segments leave.
    pub fn take(&self, line: &Line, segments: u32, now: Timestamp) {
        self.with(line, now, |bucket| bucket.take(segments, now));
    }

    /// The provider says that this sender is too fast.
    pub fn refused(&self, line: &Line, now: Timestamp) {
        self.with(line, now, |bucket| bucket.refused(now));
        let Some(rate) = self.rate(line, now).slowed_to else { return };
        tracing::info!(channel = line.channel, rate, "the provider says that a sender is too fast: it is slowed down");
    }

    pub fn rate(&self, line: &Line, now: Timestamp) -> Rate {
        let all = f64::from(self.0.gateways);
        self.with(line, now, |bucket| Rate {
            limit: self.limit(line),
            slowed_to: bucket.rate(now).filter(|_| bucket.is_slowed(now)).map(|rate| rate * all),
        })
    }

    /// Of all gateways together.
    fn limit(&self, line: &Line) -> Option<f64> {
        let known = || self.0.channels.get(&line.channel)?.segments_per_s(&line.sender);
        self.said(line).or_else(known).filter(|limit| *limit > 0.0)
    }

    /// By the operator.
    fn said(&self, line: &Line) -> Option<f64> {
        self.0.settings.get(&line.channel)?.of(&line.sender)
    }

    fn with<T>(&self, line: &Line, now: Timestamp, act: impl FnOnce(&mut Bucket) -> T) -> T {
        let mut buckets = self.lock();
        if let Some(bucket) = buckets.get_mut(line) {
            return act(bucket);
        }
        let bucket = if self.said(line).is_some_and(|limit| limit <= 0.0) {
            Bucket::free(now)
        } else {
            Bucket::new(self.limit(line).map(|limit| limit / f64::from(self.0.gateways)), now)
        };
        act(buckets.entry(line.clone()).or_insert(bucket))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Line, Bucket>> {
        self.0.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Address;

    const CHANNEL: &str =
        "kind = 'twilio'\naccount_sid = 'AC00000000000000000000000000000001'\nauth_token = 'a'\nfrom = '+15005550006'";

    fn rates(more: &str, gateways: u32) -> Rates {
        let settings: channels::Settings = toml::from_str(&format!("{CHANNEL}\n{more}")).unwrap();
        let said = BTreeMap::from([("sms".to_owned(), settings.rates().clone())]);
        let settings = BTreeMap::from([("sms".to_owned(), settings)]);
        Rates::new(Channels::build(&settings, &channels::no_components).unwrap(), said, gateways)
    }

    fn line(sender: &str) -> Line {
        Line::of("sms", Some(&Address::received(sender)), None)
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn the_operator_goes_before_the_provider_and_each_sender_has_its_own() {
        let rates = rates("[rates]\nsegments_per_s = 5\nsenders = { '22395' = 0 }", 1);
        let room = |sender: &str| rates.room(&line(sender), at(0));
        assert_eq!((room("+15005550006"), room("22395"), room("+529983162438")), (Some(5), None, Some(5)));
        rates.take(&line("+15005550006"), 5, at(0));
        assert_eq!((room("+15005550006"), room("+529983162438")), (Some(0), Some(5)));
        assert_eq!(rates.next(&line("+529983162438"), at(0)), at(0));
    }

    #[test]
    fn what_nobody_says_is_what_twilio_documents() {
        let rates = rates("", 1);
        let room = |sender: &str| rates.room(&line(sender), at(0));
        assert_eq!((room("+15005550006"), room("+18005550199"), room("22395")), (Some(1), Some(3), Some(100)));
    }

    #[test]
    fn who_is_said_to_have_no_limit_learns_none() {
        let rates = rates("[rates]\nsenders = { '22395' = 0 }", 1);
        rates.refused(&line("22395"), at(0));
        assert_eq!(rates.rate(&line("22395"), at(0)), Rate { limit: None, slowed_to: None });
    }

    #[test]
    fn gateways_share_a_sender() {
        let rates = rates("[rates]\nsegments_per_s = 12", 3);
        assert_eq!(rates.room(&line("22395"), at(0)), Some(4));
        assert_eq!(rates.rate(&line("22395"), at(0)), Rate { limit: Some(12.0), slowed_to: None });
        rates.refused(&line("22395"), at(0));
        assert_eq!(rates.rate(&line("22395"), at(0)).slowed_to, Some(6.0));
        assert_eq!(rates.rate(&line("+15005550006"), at(0)).slowed_to, None, "that is another one");
        assert_eq!(rates.room(&line("22395"), at(9)), Some(2));
    }
}
