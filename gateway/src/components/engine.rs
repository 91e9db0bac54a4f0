//! The engine that channels share. Calls are short and never wait, so they need no asynchronous one.

use std::time::Duration;

use wasmtime::Config;

use super::LoadError;

/// How often a running call is interrupted to look at its deadline.
const TICK: Duration = Duration::from_millis(2);
/// What is set aside for one memory; it may move to grow beyond.
const MEMORY: u64 = 16 * 1024 * 1024;

/// Compiles and runs components; cheap to clone.
#[derive(Clone)]
pub struct Engine(wasmtime::Engine);

impl Engine {
    pub fn new() -> Result<Self, LoadError> {
        let mut config = Config::new();
        config.concurrency_support(false);
        config.epoch_interruption(true);
        config.max_wasm_stack(512 * 1024);
        config.memory_reservation(MEMORY);
        let engine = wasmtime::Engine::new(&config).map_err(|error| LoadError::Engine(error.to_string()))?;
        tick(&engine).map_err(|error| LoadError::Engine(error.to_string()))?;
        Ok(Self(engine))
    }

    pub(super) fn inner(&self) -> &wasmtime::Engine {
        &self.0
    }
}

/// A thread of its own, since a call holds the thread that it is made on. It ends with the engine.
fn tick(engine: &wasmtime::Engine) -> std::io::Result<()> {
    let weak = engine.weak();
    let run = move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::sleep(TICK);
        }
    };
    std::thread::Builder::new().name("channel-ticks".to_owned()).spawn(run).map(drop)
}
