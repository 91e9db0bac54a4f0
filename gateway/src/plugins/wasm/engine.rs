//! The engine that all plugins share: it compiles components, and keeps places for their instances.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Component;
use wasmtime::{Cache, Config, Enabled, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::failures::{shorten, uncompilable};
use super::{LoadError, cache};
use crate::images;
use crate::plugins::settings::MAX_MEMORY_MIB;

/// How often a running plugin is interrupted to look at its deadline.
const TICK: Duration = Duration::from_millis(2);
/// The most memory that any plugin may be given.
const MAX_MEMORY: usize = MAX_MEMORY_MIB * 1024 * 1024;
/// The most calls that run at once; the next ones wait for a place.
const MAX_CALLS: u32 = 200;
/// The most places of instances that wait for their next call.
const MAX_IDLE: u32 = 64;
const PLACES: u32 = MAX_CALLS + MAX_IDLE;
/// How many tables come with each place in the pool.
const TABLES_PER_PLACE: u32 = 2;
/// The most of each in one component: interpreters bring several.
const MAX_MEMORIES: u32 = 8;
const MAX_TABLES: u32 = 64;
const MAX_CORE_INSTANCES: u32 = 64;

/// How many places of the pool an instance of a component takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weight(u32);

impl Weight {
    pub(super) fn of(component: &Component) -> Self {
        let needed = component
            .resources_required()
            .map_or(1, |needed| needed.num_memories.max(needed.num_tables.div_ceil(TABLES_PER_PLACE)));
        Self(needed.clamp(1, MAX_CALLS))
    }

    /// How many calls of one plugin may run at once: a quarter of all places, and at least one call.
    pub(super) fn share(self) -> usize {
        (MAX_CALLS / 4 / self.0).max(1) as usize
    }
}

/// A component, compiled once for all who have the same bytes.
pub(super) type Compiled = Arc<OnceCell<Component>>;

/// Compiles and runs components; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: wasmtime::Engine,
    calls: Arc<Semaphore>,
    idle: Arc<Semaphore>,
    /// What is in use or being compiled, by its SHA-256.
    compiled: Arc<Mutex<HashMap<String, Weak<OnceCell<Component>>>>>,
    cache: Option<Cache>,
}

impl Engine {
    /// One that keeps nothing of what it compiles.
    pub fn new() -> Result<Self, LoadError> {
        Self::keeping(None)
    }

    /// One that keeps what it compiles in this folder, for the next start.
    pub fn keeping(folder: Option<&Path>) -> Result<Self, LoadError> {
        let cache = folder.and_then(cache::open);
        let make = |pooled| wasmtime::Engine::new(config(pooled).cache(cache.clone()));
        // Where address space is rationed (`ulimit -v`) the pool can't be mapped; calls then cost
        // more, but work the same.
        let engine = make(true).or_else(|error| {
            tracing::warn!(%error, "no memory pool for plugins: each call maps its own");
            make(false)
        });
        let engine = engine.map_err(|error| LoadError::Engine(error.to_string()))?;
        tick(&engine)?;
        Ok(Self {
            inner: engine,
            calls: Arc::new(Semaphore::new(MAX_CALLS as usize)),
            idle: Arc::new(Semaphore::new(MAX_IDLE as usize)),
            compiled: Arc::default(),
            cache,
        })
    }

    pub(super) fn inner(&self) -> &wasmtime::Engine {
        &self.inner
    }

    /// How many components were taken from the folder, and how many were compiled for it.
    pub fn cached(&self) -> (usize, usize) {
        self.cache.as_ref().map_or((0, 0), |cache| (cache.cache_hits(), cache.cache_misses()))
    }

    /// Waits until there is room for a call, first come, first served.
    pub(super) async fn place(&self, weight: Weight) -> Option<OwnedSemaphorePermit> {
        // It fails only when closed, which it never is.
        Arc::clone(&self.calls).acquire_many_owned(weight.0).await.ok()
    }

    /// Room for an instance until its next call, if there is any.
    pub(super) fn idle_place(&self, weight: Weight) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.idle).try_acquire_many_owned(weight.0).ok()
    }

    /// Compiles off the message path, and the same bytes once only, however many want them.
    pub(super) async fn compile(&self, digest: &str, bytes: Vec<u8>) -> Result<Compiled, LoadError> {
        let compiled = self.find(digest);
        let engine = self.inner.clone();
        let compile = || async move {
            let compile = move || {
                let component = Component::new(&engine, bytes).map_err(|error| uncompilable(&error))?;
                images::make(&component).map_err(|error| LoadError::Image(shorten(&format!("{error:#}"))))?;
                Ok(component)
            };
            tokio::task::spawn_blocking(compile).await.unwrap_or_else(|error| Err(LoadError::Engine(error.to_string())))
        };
        compiled.get_or_try_init(compile).await?;
        Ok(compiled)
    }

    fn find(&self, digest: &str) -> Compiled {
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.retain(|_, one| one.strong_count() > 0);
        if let Some(found) = compiled.get(digest).and_then(Weak::upgrade) {
            return found;
        }
        let new = Compiled::default();
        compiled.insert(digest.to_owned(), Arc::downgrade(&new));
        new
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
        pool.total_component_instances(PLACES)
            .total_core_instances(PLACES * MAX_CORE_INSTANCES)
            .max_core_instances_per_component(MAX_CORE_INSTANCES)
            .max_memories_per_component(MAX_MEMORIES)
            .max_tables_per_component(MAX_TABLES)
            .total_memories(PLACES)
            .total_tables(PLACES * TABLES_PER_PLACE)
            .total_stacks(PLACES)
            .max_memory_size(MAX_MEMORY)
            .table_elements(super::limits::MAX_TABLE_ELEMENTS)
            // A place that held the same component before is cheaper to take again.
            .max_unused_warm_slots(PLACES)
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
