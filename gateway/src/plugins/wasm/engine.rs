//! The engine that all plugins share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::component::Component;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::LoadError;

/// How often a running plugin is interrupted to look at its deadline.
const TICK: Duration = Duration::from_millis(2);
/// The most memory that any plugin may be given.
pub(super) const MAX_MEMORY: usize = 64 * 1024 * 1024;
/// The most calls that run at once; the next ones wait for a place.
const MAX_CALLS: u32 = 200;
/// How many tables come with each place in the pool.
const TABLES_PER_PLACE: u32 = 2;
/// The most of each in one component: interpreters bring several.
const MAX_MEMORIES: u32 = 8;
const MAX_TABLES: u32 = 16;
const MAX_CORE_INSTANCES: u32 = 64;

/// How many places of the pool a call of a component takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weight(u32);

impl Weight {
    pub(super) fn of(component: &Component) -> Self {
        let needed = component
            .resources_required()
            .map_or(1, |needed| needed.num_memories.max(needed.num_tables.div_ceil(TABLES_PER_PLACE)));
        Self(needed.clamp(1, MAX_CALLS))
    }
}

/// Compiles and runs components; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    engine: wasmtime::Engine,
    places: Arc<Semaphore>,
}

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
        Ok(Self { engine, places: Arc::new(Semaphore::new(MAX_CALLS as usize)) })
    }

    pub(super) fn inner(&self) -> &wasmtime::Engine {
        &self.engine
    }

    /// Waits until there is room for a call, first come, first served.
    pub(super) async fn place(&self, weight: Weight) -> Option<SemaphorePermit<'_>> {
        // It fails only when closed, which it never is.
        self.places.acquire_many(weight.0).await.ok()
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
            .total_core_instances(MAX_CALLS * MAX_CORE_INSTANCES)
            .max_core_instances_per_component(MAX_CORE_INSTANCES)
            .max_memories_per_component(MAX_MEMORIES)
            .max_tables_per_component(MAX_TABLES)
            .total_memories(MAX_CALLS)
            .total_tables(MAX_CALLS * TABLES_PER_PLACE)
            .total_stacks(MAX_CALLS)
            .max_memory_size(MAX_MEMORY)
            .table_elements(20_000)
            // Resets only the pages that a call wrote to, where the kernel can tell (Linux 6.7).
            .pagemap_scan(Enabled::Auto)
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
