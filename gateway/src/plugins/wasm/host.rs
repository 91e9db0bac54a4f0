//! What the host gives a component: the imports of `sdk/wit`, and the types both sides share.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use super::convert::{millis, moment};
use super::limits::Memory;
use crate::plugins::{Effects, Fetcher, LogLine, StateSource, Surroundings};

pub(super) mod bindings {
    wasmtime::component::bindgen!({
        path: "../sdk/wit",
        world: "plugin",
        imports: {
            "recado:plugin/state.get": async | trappable,
            "recado:plugin/state.set": async | trappable,
            "recado:plugin/state.delete": async | trappable,
            "recado:plugin/state.add": async | trappable,
            "recado:plugin/fetch.send": async | trappable,
            default: trappable,
        },
        exports: { default: async },
    });
}

use bindings::recado::plugin::{clock, config, log, random, types};

/// The most log lines of one call, and the most characters of one line.
const MAX_LOG_LINES: usize = 64;
const MAX_LOG_CHARACTERS: usize = 2_000;

/// The state of one call.
pub(super) struct Host {
    pub(super) plugin: Arc<str>,
    config: Arc<str>,
    pub(super) memory: Memory,
    dropped_lines: bool,
    now: Timestamp,
    random: Xoshiro256PlusPlus,
    pub(super) state: Arc<dyn StateSource>,
    pub(super) fetcher: Arc<dyn Fetcher>,
    pub(super) subjects: Subjects,
    pub(super) effects: Effects,
    pub(super) fetches: u32,
}

/// Whom a call is about; nobody in the trial call at load.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Subjects {
    pub(super) conversation: Option<Uuid>,
    pub(super) contact: Option<Uuid>,
}

impl Host {
    pub(super) fn new(
        plugin: Arc<str>,
        config: Arc<str>,
        memory_limit: usize,
        surroundings: &Surroundings,
        subjects: Subjects,
    ) -> Self {
        // Two plugins of one message draw different numbers.
        let seed = plugin.bytes().fold(surroundings.seed, |seed, byte| seed.rotate_left(8) ^ u64::from(byte));
        Self {
            plugin,
            config,
            memory: Memory::limited_to(memory_limit),
            dropped_lines: false,
            now: surroundings.now,
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
            state: Arc::clone(&surroundings.state),
            fetcher: Arc::clone(&surroundings.fetcher),
            subjects,
            effects: Effects::default(),
            fetches: 0,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }
}

impl types::Host for Host {}

impl config::Host for Host {
    fn get(&mut self) -> wasmtime::Result<String> {
        Ok(self.config.as_ref().to_owned())
    }
}

impl log::Host for Host {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        if self.effects.log.len() >= MAX_LOG_LINES {
            if !self.dropped_lines {
                self.dropped_lines = true;
                tracing::warn!(plugin = %self.plugin, "the plugin logs too much; the rest of this call is dropped");
            }
            return Ok(());
        }
        let line: String = message.chars().filter(|c| !c.is_control()).take(MAX_LOG_CHARACTERS).collect();
        let plugin = self.plugin.as_ref();
        let level = match level {
            log::Level::Debug => {
                tracing::debug!(target: "recado::plugin", plugin, "{line}");
                "debug"
            }
            log::Level::Info => {
                tracing::info!(target: "recado::plugin", plugin, "{line}");
                "info"
            }
            log::Level::Warn => {
                tracing::warn!(target: "recado::plugin", plugin, "{line}");
                "warn"
            }
            log::Level::Error => {
                tracing::error!(target: "recado::plugin", plugin, "{line}");
                "error"
            }
        };
        self.effects.log.push(LogLine { level, text: line });
        Ok(())
    }
}

impl clock::Host for Host {
    fn now(&mut self) -> wasmtime::Result<f64> {
        Ok(millis(self.now))
    }

    fn local(&mut self, time: f64, time_zone: String) -> wasmtime::Result<Option<clock::LocalTime>> {
        let zone = TimeZone::get(&time_zone).ok();
        Ok(zone.zip(moment(time)).map(|(zone, time)| local(&time.to_zoned(zone))))
    }
}

fn local(time: &jiff::Zoned) -> clock::LocalTime {
    let small = |number: i8| u32::try_from(number).unwrap_or(0);
    clock::LocalTime {
        year: u32::try_from(time.year()).unwrap_or(0),
        month: small(time.month()),
        day: small(time.day()),
        hour: small(time.hour()),
        minute: small(time.minute()),
        second: small(time.second()),
        weekday: small(time.weekday().to_monday_one_offset()),
        offset: time.offset().seconds() / 60,
    }
}

impl random::Host for Host {
    fn next(&mut self) -> wasmtime::Result<u32> {
        Ok(self.random.next_u32())
    }
}
