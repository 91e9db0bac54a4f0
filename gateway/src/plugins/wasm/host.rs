//! What an instance has of the host, whatever version of the contract it speaks.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;
use uuid::Uuid;

use super::limits::{Limits, Memory};
use super::meter::Meter;
use super::wasi::Wasi;
use crate::plugins::{ConversationSeen, Effects, Fetcher, LogLine, Nothing, StateSource, Surroundings};

/// The most log lines of one call, and the most characters of one line.
const MAX_LOG_LINES: usize = 64;
const MAX_LOG_CHARACTERS: usize = 2_000;

/// What all instances of a plugin have in common.
#[derive(Debug)]
pub(super) struct About {
    /// As the operator named it.
    pub(super) plugin: String,
    /// A JSON document.
    pub(super) config: String,
    pub(super) limits: Limits,
    /// Whether it imports anything of WASI.
    pub(super) wasi: bool,
}

/// The state of an instance.
pub(super) struct Host {
    pub(super) about: Arc<About>,
    pub(super) memory: Memory,
    pub(super) meter: Arc<Meter>,
    pub(super) wasi: Option<Wasi>,
    pub(super) call: Call,
}

/// All that belongs to one call and to no other: a new call puts a new one in its place.
pub(super) struct Call {
    pub(super) now: Timestamp,
    pub(super) seed: u64,
    pub(super) random: Xoshiro256PlusPlus,
    pub(super) state: Arc<dyn StateSource>,
    pub(super) fetcher: Arc<dyn Fetcher>,
    pub(super) subjects: Subjects,
    pub(super) effects: Effects,
    /// How many requests it made, and how long it waited for them, and for what it remembers.
    pub(super) fetches: u32,
    pub(super) fetching: Duration,
    pub(super) remembering: Duration,
    /// Of what it changed.
    pub(super) changed_bytes: usize,
    lines: usize,
    notes: Vec<String>,
}

/// Whom a call is about; nobody in the trial call at load.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Subjects {
    pub(super) conversation: Option<Uuid>,
    pub(super) contact: Option<Uuid>,
}

impl Subjects {
    pub(super) fn of(conversation: &ConversationSeen) -> Self {
        Self { conversation: Some(conversation.id.0), contact: Some(conversation.contact.id.0) }
    }
}

impl Call {
    fn new(plugin: &str, surroundings: &Surroundings, subjects: Subjects) -> Self {
        // Two plugins of one message draw different numbers.
        let seed = plugin.bytes().fold(surroundings.seed, |seed, byte| seed.rotate_left(8) ^ u64::from(byte));
        Self {
            now: surroundings.now,
            seed,
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
            state: Arc::clone(&surroundings.state),
            fetcher: Arc::clone(&surroundings.fetcher),
            subjects,
            effects: Effects::default(),
            fetches: 0,
            fetching: Duration::ZERO,
            remembering: Duration::ZERO,
            changed_bytes: 0,
            lines: 0,
            notes: Vec::new(),
        }
    }
}

impl Host {
    pub(super) fn new(about: &Arc<About>, surroundings: &Surroundings, subjects: Subjects) -> Self {
        let call = Call::new(&about.plugin, surroundings, subjects);
        Self {
            about: Arc::clone(about),
            memory: Memory::limited_to(about.limits.memory),
            meter: Arc::default(),
            wasi: about.wasi.then(|| Wasi::new(&call)),
            call,
        }
    }

    /// Another call of the same instance.
    pub(super) fn begin(&mut self, surroundings: &Surroundings, subjects: Subjects) {
        self.call = Call::new(&self.about.plugin, surroundings, subjects);
        if let Some(wasi) = &self.wasi {
            wasi.begin(&self.call);
        }
    }

    /// The end of a call: what it did, and nothing of its surroundings is held any longer.
    pub(super) fn end(&mut self, nothing: &Arc<Nothing>) -> Effects {
        let printed = self.wasi.as_ref().map(Wasi::end).unwrap_or_default();
        for (level, line) in printed {
            self.log(level, &line);
        }
        self.call.state = Arc::<Nothing>::clone(nothing);
        self.call.fetcher = Arc::<Nothing>::clone(nothing);
        std::mem::take(&mut self.call.effects)
    }

    /// A line for the gateway's log and the trace.
    pub(super) fn log(&mut self, level: Level, message: &str) {
        self.call.lines += 1;
        if self.call.lines > MAX_LOG_LINES {
            self.note("the plugin logs too much; the rest of this call is dropped");
            return;
        }
        let line: String = message.chars().filter(|c| !c.is_control()).take(MAX_LOG_CHARACTERS).collect();
        let plugin = self.about.plugin.as_str();
        match level {
            Level::Debug => tracing::debug!(target: "recado::plugin", plugin, "{line}"),
            Level::Info => tracing::info!(target: "recado::plugin", plugin, "{line}"),
            Level::Warn => tracing::warn!(target: "recado::plugin", plugin, "{line}"),
            Level::Error => tracing::error!(target: "recado::plugin", plugin, "{line}"),
        }
        self.call.effects.log.push(LogLine { level: level.as_str(), text: line });
    }

    /// Says in the log and the trace, once for each call, that a quota is used up: a plugin that is told
    /// so itself may keep it to itself.
    pub(super) fn note(&mut self, quota: &str) {
        if self.call.notes.iter().any(|note| note == quota) {
            return;
        }
        self.call.notes.push(quota.to_owned());
        tracing::warn!(plugin = %self.about.plugin, "{quota}");
        self.call.effects.log.push(LogLine { level: Level::Warn.as_str(), text: quota.to_owned() });
    }
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}
