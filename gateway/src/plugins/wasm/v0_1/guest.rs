//! What a component exports, and calling it. All but `about` may be missing; a later version of the
//! contract brings more.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre};

use super::bindings::exports::recado::plugin::{about, inbound, outbound, status, timers};
use super::bindings::recado::plugin::types;
use super::{said, told};
use crate::actions::{Decision, Verdict};
use crate::plugins::wasm::host::Host;
use crate::plugins::wasm::versions::{Context, Said};
use crate::plugins::{Failure, Hooks, InboundCall, OutboundCall, StatusCall, TimerCall};

/// Where a component's exports are found in an instance of it.
pub(in crate::plugins::wasm) struct Indices {
    about: about::GuestIndices,
    inbound: Option<inbound::GuestIndices>,
    outbound: Option<outbound::GuestIndices>,
    status: Option<status::GuestIndices>,
    timers: Option<timers::GuestIndices>,
}

impl Indices {
    /// Nothing without `about`: then it is no plugin.
    pub(in crate::plugins::wasm) fn of(pre: &InstancePre<Host>) -> Option<Self> {
        Some(Self {
            about: about::GuestIndices::new(pre).ok()?,
            inbound: inbound::GuestIndices::new(pre).ok(),
            outbound: outbound::GuestIndices::new(pre).ok(),
            status: status::GuestIndices::new(pre).ok(),
            timers: timers::GuestIndices::new(pre).ok(),
        })
    }

    /// The first interface that the plugin says it has, and has not.
    pub(in crate::plugins::wasm) fn missing(&self, wanted: Hooks) -> Option<&'static str> {
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

/// One instance. Its functions are looked up, and their types compared, when they are called first.
pub(in crate::plugins::wasm) struct Guest {
    indices: Arc<Indices>,
    instance: Instance,
    inbound: Option<inbound::Guest>,
    outbound: Option<outbound::Guest>,
    status: Option<status::Guest>,
    timers: Option<timers::Guest>,
}

/// What a hook comes to: a failure of the plugin's own, or a trap.
type Came<T> = wasmtime::Result<Result<T, Failure>>;

impl Guest {
    pub(in crate::plugins::wasm) fn new(indices: &Arc<Indices>, instance: Instance) -> Self {
        let indices = Arc::clone(indices);
        Self { indices, instance, inbound: None, outbound: None, status: None, timers: None }
    }

    /// What the plugin says of itself. A hook of another type shows here, not with the first message.
    pub(in crate::plugins::wasm) async fn describe(&mut self, store: &mut Store<Host>) -> wasmtime::Result<Said> {
        self.inbound(store)?;
        self.outbound(store)?;
        self.status(store)?;
        self.timers(store)?;
        let about = self.indices.about.load(&mut *store, &self.instance)?;
        about.call_describe(&mut *store).await.map(said::manifest)
    }

    pub(in crate::plugins::wasm) async fn on_inbound(
        &mut self,
        store: &mut Store<Host>,
        call: &InboundCall,
        context: &Context<'_>,
    ) -> Came<Decision> {
        let Some(hook) = self.inbound(store)? else { return Ok(Err(absent("inbound"))) };
        let lists = told::InboundLists::of(call);
        let seen = told::Seen::of(&call.conversation);
        let came = hook.call_on_inbound(store, lists.lend(call), seen.lend(), told::context(context)).await?;
        Ok(came.map(said::decision).map_err(said::failure))
    }

    pub(in crate::plugins::wasm) async fn on_outbound(
        &mut self,
        store: &mut Store<Host>,
        call: &OutboundCall,
        context: &Context<'_>,
    ) -> Came<Verdict> {
        let Some(hook) = self.outbound(store)? else { return Ok(Err(absent("outbound"))) };
        let lists = told::OutboundLists::of(call);
        let seen = call.conversation.as_ref().map(told::Seen::of);
        let conversation = seen.as_ref().map(told::Seen::lend);
        let came = hook.call_on_outbound(store, lists.lend(call), conversation, told::context(context)).await?;
        Ok(came.map(said::verdict).map_err(said::failure))
    }

    pub(in crate::plugins::wasm) async fn on_status(
        &mut self,
        store: &mut Store<Host>,
        call: &StatusCall,
        context: &Context<'_>,
    ) -> Came<Decision> {
        let Some(hook) = self.status(store)? else { return Ok(Err(absent("status"))) };
        let id = call.message_id.to_string();
        let seen = told::Seen::of(&call.conversation);
        let came = hook.call_on_status(store, told::report(call, &id), seen.lend(), told::context(context)).await?;
        Ok(came.map(said::decision).map_err(said::failure))
    }

    pub(in crate::plugins::wasm) async fn on_timer(
        &mut self,
        store: &mut Store<Host>,
        call: &TimerCall,
        context: &Context<'_>,
    ) -> Came<Decision> {
        let Some(hook) = self.timers(store)? else { return Ok(Err(absent("timers"))) };
        let seen = told::Seen::of(&call.conversation);
        let came = hook.call_on_timer(store, told::timer(call), seen.lend(), told::context(context)).await?;
        Ok(came.map(said::decision).map_err(said::failure))
    }

    fn inbound(&mut self, store: &mut Store<Host>) -> wasmtime::Result<Option<&inbound::Guest>> {
        if let (None, Some(hook)) = (&self.inbound, &self.indices.inbound) {
            self.inbound = Some(hook.load(store, &self.instance)?);
        }
        Ok(self.inbound.as_ref())
    }

    fn outbound(&mut self, store: &mut Store<Host>) -> wasmtime::Result<Option<&outbound::Guest>> {
        if let (None, Some(hook)) = (&self.outbound, &self.indices.outbound) {
            self.outbound = Some(hook.load(store, &self.instance)?);
        }
        Ok(self.outbound.as_ref())
    }

    fn status(&mut self, store: &mut Store<Host>) -> wasmtime::Result<Option<&status::Guest>> {
        if let (None, Some(hook)) = (&self.status, &self.indices.status) {
            self.status = Some(hook.load(store, &self.instance)?);
        }
        Ok(self.status.as_ref())
    }

    fn timers(&mut self, store: &mut Store<Host>) -> wasmtime::Result<Option<&timers::Guest>> {
        if let (None, Some(hook)) = (&self.timers, &self.indices.timers) {
            self.timers = Some(hook.load(store, &self.instance)?);
        }
        Ok(self.timers.as_ref())
    }
}

/// The chain asks only for what the manifest names, and that was looked at when it was loaded.
fn absent(interface: &str) -> Failure {
    Failure::Failed(format!("it does not export recado:plugin/{interface}@0.1.0"))
}

impl From<types::Hooks> for Hooks {
    fn from(hooks: types::Hooks) -> Self {
        Self {
            inbound: hooks.contains(types::Hooks::INBOUND),
            outbound: hooks.contains(types::Hooks::OUTBOUND),
            status: hooks.contains(types::Hooks::STATUS),
            timer: hooks.contains(types::Hooks::TIMER),
        }
    }
}
