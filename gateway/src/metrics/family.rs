//! One metric with its labels: found by them without making a string, and recorded by a handle.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use ::metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder};

/// How a metric moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Only up, from 0 at each start.
    Counter,
    /// As it stands when one looks.
    Gauge,
    /// How often something was at most so much, for each of these.
    Histogram(&'static [f64]),
}

/// A line of the table.
pub trait Described: Sync {
    fn name(&self) -> &'static str;
    fn kind(&self) -> Kind;
    /// seconds, bytes, or nothing where things are counted.
    fn unit(&self) -> &'static str;
    fn help(&self) -> &'static str;
    fn labels(&self) -> &'static [&'static str];
}

/// A metric. Its labels are a name from the settings, if it has one label more than `N`, and `N` words of this
/// program.
pub struct Family<H, const N: usize> {
    name: &'static str,
    kind: Kind,
    unit: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    known: RwLock<BTreeMap<String, BTreeMap<[&'static str; N], H>>>,
}

/// More names than anybody configures; the next are counted as one.
const NAMES: usize = 1000;
/// How the names beyond those are called.
const OTHER: &str = "other";

static METADATA: Metadata<'static> = Metadata::new("recado", Level::INFO, None);

/// What the recorder hands out.
pub trait Handle: Clone {
    fn register(recorder: &dyn Recorder, key: &Key) -> Self;
}

impl Handle for Counter {
    fn register(recorder: &dyn Recorder, key: &Key) -> Self {
        recorder.register_counter(key, &METADATA)
    }
}

impl Handle for Gauge {
    fn register(recorder: &dyn Recorder, key: &Key) -> Self {
        recorder.register_gauge(key, &METADATA)
    }
}

impl Handle for Histogram {
    fn register(recorder: &dyn Recorder, key: &Key) -> Self {
        recorder.register_histogram(key, &METADATA)
    }
}

impl<H, const N: usize> Family<H, N> {
    pub(super) const fn new(
        name: &'static str,
        kind: Kind,
        unit: &'static str,
        labels: &'static [&'static str],
        help: &'static str,
    ) -> Self {
        Self { name, kind, unit, help, labels, known: RwLock::new(BTreeMap::new()) }
    }
}

impl<H: Handle, const N: usize> Family<H, N> {
    /// None before the start. To be kept by whoever records later than it is known what.
    pub fn of(&self, name: &str, words: [&'static str; N]) -> Option<H> {
        let recorder = super::recorder()?;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = known.get(name).and_then(|of_name| of_name.get(&words)) {
            return Some(handle.clone());
        }
        drop(known);
        Some(self.register(recorder, name, words))
    }

    fn register(&self, recorder: &dyn Recorder, name: &str, words: [&'static str; N]) -> H {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let full = known.len() >= NAMES && !known.contains_key(name);
        let name = if full { OTHER } else { name };
        let of_name = known.entry(name.to_owned()).or_default();
        of_name.entry(words).or_insert_with(|| H::register(recorder, &self.key(name, words))).clone()
    }

    fn key(&self, name: &str, words: [&'static str; N]) -> Key {
        let named = self.labels.len() > N;
        let mut labels = self.labels.iter().copied();
        let first = named.then(|| labels.next()).flatten().map(|label| Label::new(label, name.to_owned()));
        let rest = labels.zip(words).map(|(label, word)| Label::new(label, word));
        Key::from_parts(self.name, first.into_iter().chain(rest).collect::<Vec<_>>())
    }
}

impl<const N: usize> Family<Counter, N> {
    /// One more.
    pub fn add(&self, name: &str, words: [&'static str; N]) {
        if let Some(counter) = self.of(name, words) {
            counter.increment(1);
        }
    }

    /// It is there from now on, with 0, so that the first one shows as a change.
    pub fn expect(&self, name: &str, words: [&'static str; N]) {
        drop(self.of(name, words));
    }
}

impl<const N: usize> Family<Gauge, N> {
    pub fn set(&self, name: &str, words: [&'static str; N], value: f64) {
        if let Some(gauge) = self.of(name, words) {
            gauge.set(value);
        }
    }
}

impl<const N: usize> Family<Histogram, N> {
    pub fn took(&self, name: &str, words: [&'static str; N], duration: Duration) {
        self.record(name, words, duration.as_secs_f64());
    }

    pub fn record(&self, name: &str, words: [&'static str; N], value: f64) {
        if let Some(histogram) = self.of(name, words) {
            histogram.record(value);
        }
    }
}

impl<H: Send + Sync, const N: usize> Described for Family<H, N> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn unit(&self) -> &'static str {
        self.unit
    }

    fn help(&self) -> &'static str {
        self.help
    }

    fn labels(&self) -> &'static [&'static str] {
        self.labels
    }
}
