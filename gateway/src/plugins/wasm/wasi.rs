//! WASI 0.2 for components that import it, as most compilers and interpreters make them do: a wall clock
//! that stands at the call's time, a monotonic one that counts the milliseconds of the instance's calls,
//! randomness from the call's seed, output that goes to the log. No files, no sockets, no environment, no
//! arguments.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{SeedableRng, TryRng};
use tokio::time::Instant;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult, add_to_linker_async};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::host::{Call, Host, Level};
use crate::plugins::contract::is_wasi;

/// The most bytes of output of one call that are kept.
const MAX_PRINTED: usize = 64 * 1024;
/// What one write may bring.
const WRITE: usize = 4 * 1024;
/// The most handles that one instance may have open.
const MAX_HANDLES: usize = 1_000;
/// The most random bytes at once.
const MAX_RANDOM: u64 = 64 * 1024;
/// Interpreters seed their hash tables with it. It is the same always, so that a message that is
/// replayed meets the same order.
const HASH_SEED: u128 = 0x5265_6361_646f;

/// Whether a component imports anything of WASI.
pub(super) fn is_needed(component: &Component, engine: &wasmtime::Engine) -> bool {
    component.component_type().imports(engine).any(|(name, _)| is_wasi(name))
}

pub(super) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    add_to_linker_async(linker)
}

/// What an instance has of WASI.
pub(super) struct Wasi {
    context: WasiCtx,
    handles: ResourceTable,
    shared: Arc<Mutex<Shared>>,
}

/// What changes from call to call, behind handles that an instance may keep.
struct Shared {
    /// Since 1970.
    now: Duration,
    /// How long the calls before took, all together, and since when this one runs.
    ran: Duration,
    began: Option<Instant>,
    random: Xoshiro256PlusPlus,
    printed: Vec<(Level, Vec<u8>)>,
    bytes: usize,
}

impl Shared {
    fn new(call: &Call, ran: Duration) -> Self {
        let now = Duration::from_millis(u64::try_from(call.now.as_millisecond()).unwrap_or(0));
        // Another sequence than that of the contract's `random`, which must not depend on what an
        // interpreter draws.
        let random = Xoshiro256PlusPlus::seed_from_u64(!call.seed);
        Self { now, ran, began: Some(Instant::now()), random, printed: Vec::new(), bytes: 0 }
    }

    /// How long calls have taken so far.
    fn running(&self) -> Duration {
        self.ran + self.began.map_or(Duration::ZERO, |began| began.elapsed())
    }
}

fn open(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wasi {
    pub(super) fn new(call: &Call) -> Self {
        let shared = Arc::new(Mutex::new(Shared::new(call, Duration::ZERO)));
        let mut handles = ResourceTable::new();
        handles.set_max_capacity(MAX_HANDLES);
        let printer = |level| Printer { shared: Arc::clone(&shared), level };
        let mut builder = WasiCtxBuilder::new();
        builder
            .allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .stdout(printer(Level::Info))
            .stderr(printer(Level::Warn))
            .wall_clock(Standing(Arc::clone(&shared)))
            .monotonic_clock(Coarse(Arc::clone(&shared)))
            .secure_random(Seeded(Arc::clone(&shared)))
            .insecure_random(Seeded(Arc::clone(&shared)))
            .insecure_random_seed(HASH_SEED)
            .max_random_size(MAX_RANDOM);
        Self { context: builder.build(), handles, shared }
    }

    pub(super) fn begin(&self, call: &Call) {
        let mut shared = open(&self.shared);
        *shared = Shared::new(call, shared.running());
    }

    /// The end of a call: what was printed since it began, line by line.
    pub(super) fn end(&self) -> Vec<(Level, String)> {
        let printed = {
            let mut shared = open(&self.shared);
            shared.ran = shared.running();
            shared.began = None;
            std::mem::take(&mut shared.printed)
        };
        let mut lines = Vec::new();
        for (level, bytes) in printed {
            let text = String::from_utf8_lossy(&bytes);
            let written = text.lines().filter(|line| !line.trim().is_empty());
            lines.extend(written.map(|line| (level, line.to_owned())));
        }
        lines
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // It is there whenever the linker has WASI.
        let call = &self.call;
        let wasi = self.wasi.get_or_insert_with(|| Wasi::new(call));
        WasiCtxView { ctx: &mut wasi.context, table: &mut wasi.handles }
    }
}

/// A clock that shows the call's time.
struct Standing(Arc<Mutex<Shared>>);

impl HostWallClock for Standing {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        open(&self.0).now
    }
}

/// What is needed for waiting, and for measuring oneself: time that passes while a call runs, in whole
/// milliseconds. From it nobody learns when the machine started, how long an instance was idle between two
/// people's messages, or what else takes microseconds here.
struct Coarse(Arc<Mutex<Shared>>);

const NANOS_OF_MILLISECOND: u64 = 1_000_000;

impl HostMonotonicClock for Coarse {
    fn resolution(&self) -> u64 {
        NANOS_OF_MILLISECOND
    }

    fn now(&self) -> u64 {
        u64::try_from(open(&self.0).running().as_millis()).unwrap_or(u64::MAX).saturating_mul(NANOS_OF_MILLISECOND)
    }
}

/// Numbers from the call's seed.
struct Seeded(Arc<Mutex<Shared>>);

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        open(&self.0).random.try_next_u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        open(&self.0).random.try_next_u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        open(&self.0).random.try_fill_bytes(bytes)
    }
}

/// Output, kept up to a cap until the call ends. What is over it goes nowhere, and nobody is told: a
/// plugin must not fail for talking.
#[derive(Clone)]
struct Printer {
    shared: Arc<Mutex<Shared>>,
    level: Level,
}

impl IsTerminal for Printer {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Printer {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // For WASI 0.3 alone, which is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Printer {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Printer {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut shared = open(&self.shared);
        let room = MAX_PRINTED.saturating_sub(shared.bytes).min(bytes.len());
        shared.bytes += room;
        let taken = bytes.get(..room).unwrap_or_default();
        match shared.printed.last_mut() {
            _ if taken.is_empty() => {}
            Some((last, text)) if *last == self.level => text.extend_from_slice(taken),
            _ => shared.printed.push((self.level, taken.to_vec())),
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_monotonic_clock_shows_whole_milliseconds() {
        let began = Some(Instant::now());
        let random = Xoshiro256PlusPlus::seed_from_u64(0);
        let ran = Duration::from_micros(700);
        let shared = Shared { now: Duration::ZERO, ran, began, random, printed: Vec::new(), bytes: 0 };
        let clock = Coarse(Arc::new(Mutex::new(shared)));
        assert_eq!((clock.now(), clock.resolution()), (0, 1_000_000));
        tokio::time::advance(Duration::from_millis(2)).await;
        assert_eq!(clock.now(), 2_000_000);
    }
}
