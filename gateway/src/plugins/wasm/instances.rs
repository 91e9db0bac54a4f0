//! Instances: fresh ones, and those that wait to be used again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::Store;
use wasmtime::component::InstancePre;

use super::Engine;
use super::engine::Weight;
use super::host::{About, Host, Subjects};
use super::limits::{HOST_COPY_BYTES, arm, interrupt};
use super::meter::Meter;
use super::versions::{Contract, Guest};
use crate::plugins::{Effects, Isolation, Nothing, Surroundings};

/// The most calls of one instance.
const MAX_CALLS: u32 = 1_000;
/// The longest that one is used.
const MAX_AGE: Duration = Duration::from_mins(10);
/// The most instances of one plugin that wait.
const MAX_IDLE: usize = 16;

/// Where instances of one plugin come from, and where they wait.
pub(super) struct Instances {
    engine: Engine,
    about: Arc<About>,
    pre: InstancePre<Host>,
    contract: Contract,
    weight: Weight,
    isolation: Isolation,
    nothing: Arc<Nothing>,
    /// A plugin that makes its callers wait leaves places for the others.
    own: Arc<Semaphore>,
    /// Whoever waited least is used first: what it needs is still at hand.
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    store: Store<Host>,
    guest: Guest,
    calls: u32,
    since: Instant,
    /// Given back after the store is gone.
    _place: OwnedSemaphorePermit,
}

/// An instance in a call. Whoever drops it in the middle of one drops the instance.
pub(super) struct Running {
    pub(super) store: Store<Host>,
    /// None until the call has made it.
    guest: Option<Guest>,
    calls: u32,
    since: Instant,
    _place: Option<OwnedSemaphorePermit>,
    _own: Option<OwnedSemaphorePermit>,
}

impl Running {
    pub(super) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.store.data().meter)
    }

    /// What is called. Makes the instance, if it is a fresh one: its start code runs against the deadline, too.
    pub(super) async fn ready(&mut self, instances: &Instances) -> wasmtime::Result<(&mut Guest, &mut Store<Host>)> {
        let guest = if let Some(guest) = self.guest.take() {
            guest
        } else {
            let instance = instances.pre.instantiate_async(&mut self.store).await?;
            self.store.data_mut().memory.made();
            instances.contract.guest(instance)
        };
        Ok((self.guest.insert(guest), &mut self.store))
    }
}

impl Instances {
    pub(super) fn new(
        engine: &Engine,
        about: Arc<About>,
        pre: InstancePre<Host>,
        contract: Contract,
        isolation: Isolation,
    ) -> Self {
        let weight = Weight::of(pre.component());
        Self {
            engine: engine.clone(),
            about,
            weight,
            own: Arc::new(Semaphore::new(weight.share())),
            pre,
            contract,
            isolation,
            nothing: Arc::default(),
            idle: Mutex::default(),
        }
    }

    pub(super) fn contract(&self) -> &Contract {
        &self.contract
    }

    /// An instance for one call, as soon as there is a place for it; the call's deadline counts from here.
    pub(super) async fn take(&self, surroundings: &Surroundings, subjects: Subjects, deadline: Duration) -> Running {
        // It fails only when closed, which it never is.
        let own = Arc::clone(&self.own).acquire_owned().await.ok();
        let place = self.engine.place(self.weight).await;
        let idle = self.waiting().pop();
        let mut running = match idle {
            Some(Idle { mut store, guest, calls, since, .. }) => {
                store.data_mut().begin(surroundings, subjects);
                Running { store, guest: Some(guest), calls, since, _place: place, _own: own }
            }
            None => Running {
                store: self.store(surroundings, subjects),
                guest: None,
                calls: 0,
                since: Instant::now(),
                _place: place,
                _own: own,
            },
        };
        running.store.data().meter.begin(deadline);
        arm(&mut running.store);
        running
    }

    fn store(&self, surroundings: &Surroundings, subjects: Subjects) -> Store<Host> {
        let mut store = Store::new(self.engine.inner(), Host::new(&self.about, surroundings, subjects));
        store.limiter(|host| &mut host.memory);
        store.set_hostcall_fuel(HOST_COPY_BYTES);
        let meter = Arc::clone(&store.data().meter);
        interrupt(&mut store, meter);
        store
    }

    /// The end of a call. An instance in which all went well waits for the next one, if it may.
    pub(super) fn give_back(&self, mut running: Running, fault: bool) -> Effects {
        let effects = running.store.data_mut().end(&self.nothing);
        running.calls += 1;
        let memory = &running.store.data().memory;
        let worn = fault
            || memory.denied.is_some()
            || memory.grew_much()
            || running.calls >= MAX_CALLS
            || running.since.elapsed() >= MAX_AGE;
        if self.isolation == Isolation::Reuse && !worn {
            self.keep(running);
        }
        effects
    }

    fn keep(&self, running: Running) {
        let Running { store, guest: Some(guest), calls, since, .. } = running else { return };
        let Some(place) = self.engine.idle_place(self.weight) else { return };
        let mut idle = self.waiting();
        // What nobody has used for long goes.
        idle.retain(|idle| idle.since.elapsed() < MAX_AGE);
        if idle.len() < MAX_IDLE {
            idle.push(Idle { store, guest, calls, since, _place: place });
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn idle(&self) -> usize {
        self.waiting().len()
    }
}
