//! Which versions of the contract are spoken here, and which of them a component speaks.
//!
//! Everything else in this folder knows no version. Another one is another variant of both types,
//! beside the first: old components keep running as they are.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre, Linker};

use super::host::Host;
use super::v0_1;
use crate::actions::{Decision, Verdict};
use crate::plugins::{Failure, Hooks, InboundCall, OutboundCall, StatusCall, TimerCall};

/// What a component says of itself.
pub(super) struct Said {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) description: String,
    pub(super) hooks: Hooks,
    pub(super) config_schema: String,
}

/// What the host tells of a call itself.
pub(super) struct Context<'a> {
    pub(super) plugin: &'a str,
    pub(super) locale: &'a str,
    pub(super) time_zone: &'a str,
    /// In milliseconds.
    pub(super) deadline: u32,
}

/// The version that a component was built for, and where its exports are.
pub(super) enum Contract {
    V0_1(Arc<v0_1::Indices>),
}

impl Contract {
    /// Offers what any version imports.
    pub(super) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
        v0_1::link(linker)
    }

    /// Nothing for a component that is no plugin.
    pub(super) fn of(pre: &InstancePre<Host>) -> Option<Self> {
        v0_1::Indices::of(pre).map(|indices| Self::V0_1(Arc::new(indices)))
    }

    /// The first interface that the plugin says it has, and has not.
    pub(super) fn missing(&self, wanted: Hooks) -> Option<&'static str> {
        match self {
            Self::V0_1(indices) => indices.missing(wanted),
        }
    }

    pub(super) fn guest(&self, instance: Instance) -> Guest {
        match self {
            Self::V0_1(indices) => Guest::V0_1(v0_1::Guest::new(indices, instance)),
        }
    }
}

/// An instance of a component, spoken to in its version.
pub(super) enum Guest {
    V0_1(v0_1::Guest),
}

/// What a hook comes to: a failure of the plugin's own, or a trap.
type Came<T> = wasmtime::Result<Result<T, Failure>>;

impl Guest {
    pub(super) async fn describe(&mut self, store: &mut Store<Host>) -> wasmtime::Result<Said> {
        match self {
            Self::V0_1(guest) => guest.describe(store).await,
        }
    }

    pub(super) async fn on_inbound(
        &mut self,
        store: &mut Store<Host>,
        call: &InboundCall,
        context: &Context<'_>,
    ) -> Came<Decision> {
        match self {
            Self::V0_1(guest) => guest.on_inbound(store, call, context).await,
        }
    }

    pub(super) async fn on_outbound(
        &mut self,
        store: &mut Store<Host>,
        call: &OutboundCall,
        context: &Context<'_>,
    ) -> Came<Verdict> {
        match self {
            Self::V0_1(guest) => guest.on_outbound(store, call, context).await,
        }
    }

    pub(super) async fn on_status(
        &mut self,
        store: &mut Store<Host>,
        call: &StatusCall,
        context: &Context<'_>,
    ) -> Came<Decision> {
        match self {
            Self::V0_1(guest) => guest.on_status(store, call, context).await,
        }
    }

    pub(super) async fn on_timer(
        &mut self,
        store: &mut Store<Host>,
        call: &TimerCall,
        context: &Context<'_>,
    ) -> Came<Decision> {
        match self {
            Self::V0_1(guest) => guest.on_timer(store, call, context).await,
        }
    }
}
