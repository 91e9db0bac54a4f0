//! Calling a component, hook by hook.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use tokio::time::error::Elapsed;

use super::configuring::{Misfit, misfits};
use super::engine::Compiled;
use super::failures::{LoadError, finish};
use super::host::{About, Subjects};
use super::instances::{Instances, Running};
use super::meter::Meter;
use super::versions::{Context, Said};
use crate::actions::{Decision, Verdict};
use crate::plugins::{
    Called, Failure, InboundCall, Manifest, OutboundCall, Plugin, StatusCall, Surroundings, TimerCall,
};

/// A compiled component, linked and tried once.
pub struct WasmPlugin {
    pub(super) about: Arc<About>,
    pub(super) manifest: Manifest,
    pub(super) instances: Instances,
    /// The JSON Schema of its configuration, as it wrote it.
    pub(super) schema: String,
    /// Whoever loads the same bytes while this one is there need not compile them.
    pub(super) compiled: Compiled,
}

impl WasmPlugin {
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// All that is wrong with a configuration.
    pub fn misfits(&self, config: &Value) -> Result<Vec<Misfit>, LoadError> {
        misfits(&self.schema, config)
    }

    /// The trial call: it shows whether the component runs at all.
    pub(super) async fn describe(&self, surroundings: &Surroundings, deadline: Duration) -> Result<Said, Failure> {
        let deadline = self.about.limits.deadline.max(deadline);
        let mut running = self.instances.take(surroundings, Subjects::default(), deadline).await;
        let meter = running.meter();
        let result = within(&meter, deadline * 2, async {
            let (guest, store) = running.ready(&self.instances).await?;
            guest.describe(store).await
        })
        .await;
        let result = finish(result, &running.store, deadline, deadline * 2);
        self.instances.give_back(running, result.is_err());
        result
    }

    fn context<'a>(&'a self, surroundings: &'a Surroundings) -> Context<'a> {
        Context {
            plugin: &self.about.plugin,
            locale: &surroundings.locale,
            time_zone: &surroundings.time_zone,
            deadline: u32::try_from(self.about.limits.deadline.as_millis()).unwrap_or(u32::MAX),
        }
    }

    async fn take(&self, surroundings: &Surroundings, subjects: Subjects) -> Running {
        self.instances.take(surroundings, subjects, self.about.limits.deadline).await
    }

    /// What a call came to, with what the plugin did on the way.
    fn end<T>(&self, running: Running, result: Timed<Result<T, Failure>>) -> Called<T> {
        let limits = &self.about.limits;
        let (result, fault) = match finish(result, &running.store, limits.deadline, limits.wall()) {
            Ok(said) => (said, false),
            Err(failure) => (Err(failure), true),
        };
        Called { result, effects: self.instances.give_back(running, fault) }
    }
}

/// What a call gives within its time, or not.
type Timed<T> = Result<wasmtime::Result<T>, Elapsed>;

/// A call that is measured, and that is over after `wall`, whatever it waits for.
async fn within<T>(meter: &Meter, wall: Duration, call: impl Future<Output = wasmtime::Result<T>>) -> Timed<T> {
    tokio::time::timeout(wall, meter.measure(call)).await
}

#[async_trait]
impl Plugin for WasmPlugin {
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    async fn on_inbound(&self, call: &InboundCall, surroundings: &Surroundings) -> Called<Decision> {
        let mut running = self.take(surroundings, Subjects::of(&call.conversation)).await;
        let meter = running.meter();
        let result = within(&meter, self.about.limits.wall(), async {
            let (guest, store) = running.ready(&self.instances).await?;
            guest.on_inbound(store, call, &self.context(surroundings)).await
        })
        .await;
        self.end(running, result)
    }

    async fn on_outbound(&self, call: &OutboundCall, surroundings: &Surroundings) -> Called<Verdict> {
        let subjects = call.conversation.as_ref().map(Subjects::of).unwrap_or_default();
        let mut running = self.take(surroundings, subjects).await;
        let meter = running.meter();
        let result = within(&meter, self.about.limits.wall(), async {
            let (guest, store) = running.ready(&self.instances).await?;
            guest.on_outbound(store, call, &self.context(surroundings)).await
        })
        .await;
        self.end(running, result)
    }

    async fn on_status(&self, call: &StatusCall, surroundings: &Surroundings) -> Called<Decision> {
        let mut running = self.take(surroundings, Subjects::of(&call.conversation)).await;
        let meter = running.meter();
        let result = within(&meter, self.about.limits.wall(), async {
            let (guest, store) = running.ready(&self.instances).await?;
            guest.on_status(store, call, &self.context(surroundings)).await
        })
        .await;
        self.end(running, result)
    }

    async fn on_timer(&self, call: &TimerCall, surroundings: &Surroundings) -> Called<Decision> {
        let mut running = self.take(surroundings, Subjects::of(&call.conversation)).await;
        let meter = running.meter();
        let result = within(&meter, self.about.limits.wall(), async {
            let (guest, store) = running.ready(&self.instances).await?;
            guest.on_timer(store, call, &self.context(surroundings)).await
        })
        .await;
        self.end(running, result)
    }
}
