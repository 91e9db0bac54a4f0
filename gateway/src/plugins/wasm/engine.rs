//! The engine that all plugins share.

use std::time::Duration;

use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::plugin::LoadError;

/// How often a running plugin is interrupted to look at its deadline.
const TICK: Duration = Duration::from_millis(2);
/// The most memory that any plugin may be given.
pub(super) const MAX_MEMORY: usize = 64 * 1024 * 1024;
/// The most calls that run at once.
const MAX_CALLS: u32 = 200;

/// Compiles and runs components; cheap to clone.
#[derive(Clone)]
pub struct Engine(wasmtime::Engine);

impl Engine {
    pub fn new() -> Result<Self, LoadError> {
        // Where address space is rationed (`ulimit -v`) the pool can't be mapped; calls then cost
        // more, but work the same.
        let engine = wasmtime::Engine::new(&config(true)).or_else(|error| {
            tracing::warn!(%error, "no memory pool for plugins: each call maps its own");
            wasmtime::Engine::new(&config(false))
        });
        let engine = engine.map_err(|error| LoadError::Engine(error.to_string()))?;
        tick(&engine)?;
        Ok(Self(engine))
    }

    pub(super) fn inner(&self) -> &wasmtime::Engine {
        &self.0
    }
}

fn config(pooled: bool) -> Config {
    let mut config = Config::new();
    config.concurrency_support(false);
    config.epoch_interruption(true);
    config.max_wasm_stack(512 * 1024);
    config.async_stack_size(1024 * 1024);
    config.memory_reservation(MAX_MEMORY as u64);
    if pooled {
        let mut pool = PoolingAllocationConfig::default();
        pool.total_component_instances(MAX_CALLS)
            .total_core_instances(MAX_CALLS * 4)
            .total_memories(MAX_CALLS)
            .total_tables(MAX_CALLS * 2)
            .total_stacks(MAX_CALLS)
            .max_memory_size(MAX_MEMORY)
            .table_elements(20_000)
            .linear_memory_keep_resident(128 * 1024)
            .table_keep_resident(32 * 1024)
            .async_stack_keep_resident(32 * 1024);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    }
    config
}

/// A thread of its own, so that ticks come even when every worker thread is inside a plugin. It
/// ends with the engine.
fn tick(engine: &wasmtime::Engine) -> Result<(), LoadError> {
    let weak = engine.weak();
    std::thread::Builder::new()
        .name("plugin-ticks".to_owned())
        .spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })
        .map(drop)
        .map_err(|error| LoadError::Engine(error.to_string()))
}
