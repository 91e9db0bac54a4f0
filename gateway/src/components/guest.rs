//! One call of a component: an instance of its own, against a deadline and limits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};

use super::Engine;
use super::secrets::Secrets;
use super::turns::{Caller, Turns};
use bindings::exports::recado::channel::provider;
use bindings::recado::channel::{config, log, secrets, types};

/// What `sdk/wit/channel` generates.
pub(super) mod bindings {
    wasmtime::component::bindgen!({
        path: "../sdk/wit/channel",
        world: "channel",
        imports: { default: trappable },
    });
}

/// The most bytes that the host copies out of a component at once.
const HOST_COPY_BYTES: usize = 4 * 1024 * 1024;
/// The most entries of one table.
const MAX_TABLE_ELEMENTS: usize = 20_000;
/// The most log lines of one call, and the most characters of one line.
const MAX_LOG_LINES: u32 = 32;
const MAX_LOG_CHARACTERS: usize = 1_000;

/// How often an answer is read for which the time was too short. Each time it is given twice as much: on a machine that
/// is busy with other things, time passes without the call.
const READS: u32 = 3;

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    #[error("it took longer than its deadline of {0:?}")]
    Deadline(Duration),
    #[error("it wanted more memory than its limit of {0} bytes")]
    Memory(usize),
    #[error("it trapped: {0}")]
    Trapped(String),
    #[error("as many calls of it are under way as there may be")]
    Busy,
}

/// What all calls of a channel have in common.
#[derive(Debug)]
pub(super) struct About {
    /// As the operator named it.
    pub(super) channel: String,
    /// A JSON document.
    pub(super) config: String,
    pub(super) secrets: Secrets,
    pub(super) deadline: Duration,
    pub(super) memory: usize,
    pub(super) turns: Turns,
}

/// Runs what may take as long as a deadline, so that whatever else waits on this thread goes on on another.
fn aside<T>(run: impl FnOnce() -> T) -> T {
    let several = Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if several { tokio::task::block_in_place(run) } else { run() }
}

/// A component that is compiled and linked.
pub(super) struct Guest {
    engine: Engine,
    pre: bindings::ChannelPre<Host>,
    pub(super) about: Arc<About>,
}

impl Guest {
    pub(super) fn link(engine: &Engine, component: &Component, about: About) -> wasmtime::Result<Self> {
        let mut linker = Linker::<Host>::new(engine.inner());
        bindings::Channel::add_to_linker::<_, HasSelf<_>>(&mut linker, |host| host)?;
        let pre = bindings::ChannelPre::new(linker.instantiate_pre(component)?)?;
        Ok(Self { engine: engine.clone(), pre, about: Arc::new(about) })
    }

    /// Calls one function in a fresh instance.
    pub(super) fn call<T>(
        &self,
        caller: Caller,
        function: impl FnOnce(&provider::Guest, &mut Store<Host>) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        self.call_within(caller, self.about.deadline, function)
    }

    /// The same for an answer that the provider gives once: it waits longer for its turn, and is read again where only
    /// the time was too short.
    pub(super) fn read<T>(
        &self,
        function: impl Fn(&provider::Guest, &mut Store<Host>) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        let mut deadline = self.about.deadline;
        for _ in 1..READS {
            match self.call_within(Caller::Answer, deadline, &function) {
                Err(Failure::Deadline(_)) => deadline *= 2,
                came => return came,
            }
        }
        self.call_within(Caller::Answer, deadline, function)
    }

    fn call_within<T>(
        &self,
        caller: Caller,
        deadline: Duration,
        function: impl FnOnce(&provider::Guest, &mut Store<Host>) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        let turns = &self.about.turns;
        let turn = turns.now(caller);
        if turn.is_none() && caller == Caller::Stranger {
            return Err(Failure::Busy);
        }
        aside(|| {
            let _turn = turn.or_else(|| turns.wait(caller)).ok_or(Failure::Busy)?;
            self.run(deadline, function)
        })
    }

    fn run<T>(
        &self,
        deadline: Duration,
        function: impl FnOnce(&provider::Guest, &mut Store<Host>) -> wasmtime::Result<T>,
    ) -> Result<T, Failure> {
        let host = Host { about: Arc::clone(&self.about), used: 0, denied: false, lines: 0 };
        let mut store = Store::new(self.engine.inner(), host);
        store.limiter(|host| host);
        store.set_hostcall_fuel(HOST_COPY_BYTES);
        let began = Instant::now();
        store.epoch_deadline_callback(move |_| {
            if began.elapsed() >= deadline { Err(DeadlinePassed.into()) } else { Ok(UpdateDeadline::Continue(1)) }
        });
        store.set_epoch_deadline(1);
        let instance = self.pre.instantiate(&mut store);
        let result = instance.and_then(|instance| function(instance.recado_channel_provider(), &mut store));
        result.map_err(|error| self.failure(&error, store.data(), deadline))
    }

    fn failure(&self, error: &wasmtime::Error, host: &Host, deadline: Duration) -> Failure {
        if error.downcast_ref::<DeadlinePassed>().is_some() {
            Failure::Deadline(deadline)
        } else if host.denied {
            // A guest whose allocation was denied aborts; the denial is the reason, not the abort.
            Failure::Memory(self.about.memory)
        } else {
            Failure::Trapped(shorten(&error.root_cause().to_string()))
        }
    }
}

/// The error that a call past its deadline ends with.
#[derive(Debug, thiserror::Error)]
#[error("the deadline passed")]
pub(super) struct DeadlinePassed;

/// One line, of a length that fits a log.
pub(super) fn shorten(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

/// What an instance has of the host.
pub(super) struct Host {
    about: Arc<About>,
    used: usize,
    denied: bool,
    lines: u32,
}

impl ResourceLimiter for Host {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let used = self.used + desired.saturating_sub(current);
        if used > self.about.memory {
            self.denied = true;
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(desired <= MAX_TABLE_ELEMENTS)
    }
}

impl types::Host for Host {}

impl config::Host for Host {
    fn get(&mut self) -> wasmtime::Result<String> {
        Ok(self.about.config.clone())
    }
}

impl secrets::Host for Host {
    fn placeholder(&mut self, name: String) -> wasmtime::Result<String> {
        Ok(self.about.secrets.placeholder(&name))
    }

    fn equals(&mut self, name: String, value: Vec<u8>) -> wasmtime::Result<bool> {
        Ok(self.about.secrets.equals(&name, &value))
    }

    fn hmac_sha1(&mut self, name: String, data: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.about.secrets.hmac_sha1(&name, &data))
    }

    fn hmac_sha256(&mut self, name: String, data: Vec<u8>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.about.secrets.hmac_sha256(&name, &data))
    }
}

impl log::Host for Host {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        self.lines += 1;
        if self.lines > MAX_LOG_LINES {
            return Ok(());
        }
        let line: String = message.chars().filter(|c| !c.is_control()).take(MAX_LOG_CHARACTERS).collect();
        let channel = self.about.channel.as_str();
        match level {
            log::Level::Debug => tracing::debug!(target: "recado::channel", channel, "{line}"),
            log::Level::Info => tracing::info!(target: "recado::channel", channel, "{line}"),
            log::Level::Warn => tracing::warn!(target: "recado::channel", channel, "{line}"),
            log::Level::Error => tracing::error!(target: "recado::channel", channel, "{line}"),
        }
        Ok(())
    }
}
