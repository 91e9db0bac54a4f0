//! What the host gives a component: the imports of `sdk/wit`, and the types both sides share.

use super::limits::Memory;

pub(super) mod bindings {
    wasmtime::component::bindgen!({
        path: "../sdk/wit",
        world: "plugin",
        imports: { default: trappable },
        exports: { default: async },
    });
}

use bindings::recado::plugin::{config, log, types};

/// The most log lines of one call, and the most characters of one line.
const MAX_LOG_LINES: u32 = 64;
const MAX_LOG_CHARACTERS: usize = 2_000;

/// The state of one call.
pub(super) struct Host {
    pub(super) plugin: String,
    pub(super) config: String,
    pub(super) memory: Memory,
    lines: u32,
}

impl Host {
    pub(super) fn new(plugin: String, config: String, memory_limit: usize) -> Self {
        Self { plugin, config, memory: Memory::limited_to(memory_limit), lines: 0 }
    }
}

impl types::Host for Host {}

impl config::Host for Host {
    fn get(&mut self) -> wasmtime::Result<String> {
        Ok(self.config.clone())
    }
}

impl log::Host for Host {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.lines += 1;
        if self.lines > MAX_LOG_LINES {
            if self.lines == MAX_LOG_LINES + 1 {
                tracing::warn!(plugin = %self.plugin, "the plugin logs too much; the rest of this call is dropped");
            }
            return Ok(());
        }
        let line: String = message.chars().filter(|c| !c.is_control()).take(MAX_LOG_CHARACTERS).collect();
        let plugin = self.plugin.as_str();
        match level {
            log::Level::Debug => tracing::debug!(target: "recado::plugin", plugin, "{line}"),
            log::Level::Info => tracing::info!(target: "recado::plugin", plugin, "{line}"),
            log::Level::Warn => tracing::warn!(target: "recado::plugin", plugin, "{line}"),
            log::Level::Error => tracing::error!(target: "recado::plugin", plugin, "{line}"),
        }
        Ok(())
    }
}
