//! Which hooks a component exports. All but `about` may be missing; a later version of the contract
//! brings more.

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::host::Host;
use super::host::bindings::exports::recado::plugin::{about, inbound, outbound, status, timers};
use crate::plugins::Hooks;

/// Where a component's exports are found in an instance of it.
pub(super) struct Indices {
    pub(super) about: about::GuestIndices,
    pub(super) inbound: Option<inbound::GuestIndices>,
    pub(super) outbound: Option<outbound::GuestIndices>,
    pub(super) status: Option<status::GuestIndices>,
    pub(super) timers: Option<timers::GuestIndices>,
}

impl Indices {
    /// Nothing without `about`: then it is no plugin.
    pub(super) fn of(pre: &InstancePre<Host>) -> Option<Self> {
        Some(Self {
            about: about::GuestIndices::new(pre).ok()?,
            inbound: inbound::GuestIndices::new(pre).ok(),
            outbound: outbound::GuestIndices::new(pre).ok(),
            status: status::GuestIndices::new(pre).ok(),
            timers: timers::GuestIndices::new(pre).ok(),
        })
    }

    /// Whether each hook has the contract's type.
    pub(super) fn check(&self, store: &mut Store<Host>, instance: &Instance) -> wasmtime::Result<()> {
        if let Some(hook) = &self.inbound {
            hook.load(&mut *store, instance)?;
        }
        if let Some(hook) = &self.outbound {
            hook.load(&mut *store, instance)?;
        }
        if let Some(hook) = &self.status {
            hook.load(&mut *store, instance)?;
        }
        if let Some(hook) = &self.timers {
            hook.load(&mut *store, instance)?;
        }
        Ok(())
    }

    /// The first interface that the plugin says it has, and has not.
    pub(super) fn missing(&self, wanted: Hooks) -> Option<&'static str> {
        [
            (wanted.inbound && self.inbound.is_none(), "inbound"),
            (wanted.outbound && self.outbound.is_none(), "outbound"),
            (wanted.status && self.status.is_none(), "status"),
            (wanted.timer && self.timers.is_none(), "timers"),
        ]
        .into_iter()
        .find_map(|(missing, interface)| missing.then_some(interface))
    }
}
