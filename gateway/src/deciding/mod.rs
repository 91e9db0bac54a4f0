//! Asking the plugins: what surrounds their calls, what they remember, and what they did, for the
//! record.
//!
//! Knows the chain and the store, but not what a decision leads to: that is the flows' business.

mod remembering;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;

use crate::actions::Plan;
use crate::clock::{Clock, Ids};
use crate::message::{MessageId, Place};
use crate::plugins::{
    Asked, Chain, ContactSeen, ConversationSeen, InForce, InboundCall, LeftAlone, OutboundCall, Passed, Ran,
    StateSource, StatusCall, Surroundings, TimerCall,
};
use crate::store::{Hook, StateChange, Store, Thread, Trace};

use remembering::Watched;
pub use remembering::{Now, Pending, Then};

/// What asking is made of.
pub struct Parts {
    pub store: Store,
    pub plugins: InForce,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<Ids>,
    pub place: Place,
    /// Where the randomness of a decision begins.
    pub random: fn() -> u64,
}

/// Asks the plugins. Cheap to clone.
#[derive(Clone)]
pub struct Deciding {
    parts: Arc<Parts>,
    turn: Arc<Mutex<()>>,
}

/// What the plugins decided, ready to be stored.
#[derive(Clone, Debug)]
pub struct Decided<T> {
    pub outcome: T,
    /// In the order they were asked.
    pub traces: Vec<Trace>,
    /// What they want to remember.
    pub state: Vec<StateChange>,
    /// When they were asked.
    pub at: Timestamp,
    /// One of them failed, and something that they remember could not be read: asked again, it may decide.
    pub unread: bool,
}

/// One asking of the chain.
struct Run {
    chain: Arc<Chain>,
    surroundings: Surroundings,
    hook: Hook,
    message_id: MessageId,
    /// Made before all that is decided: what was remembered by then has an older id.
    moment: Uuid,
}

/// Whoever holds it is among those whose decision was overtaken, and decides alone of them.
pub struct Turn {
    _turn: OwnedMutexGuard<()>,
}

impl Deciding {
    pub fn new(parts: Parts) -> Self {
        Self { parts: Arc::new(parts), turn: Arc::default() }
    }

    /// The chain that is in force.
    pub fn chain(&self) -> Arc<Chain> {
        self.parts.plugins.chain()
    }

    /// Where the randomness of a new decision begins.
    pub fn seed(&self) -> u64 {
        (self.parts.random)()
    }

    /// For whoever found that plugins' state had changed meanwhile. One after the other, so that
    /// many who want to change the same value all come to it.
    pub async fn turn(&self) -> Turn {
        Turn { _turn: Arc::clone(&self.turn).lock_owned().await }
    }

    /// About a message that came in.
    pub async fn inbound(&self, call: InboundCall, seed: u64) -> Decided<Plan> {
        let run = self.run(Hook::Inbound, call.id, seed, &[]);
        let asked = run.chain.on_inbound(call, &run.surroundings).await;
        self.decided(&run, asked)
    }

    /// About a message that is to be sent. `pending` is what is committed together with it and was
    /// decided before.
    pub async fn outbound(&self, call: OutboundCall, seed: u64, pending: &[StateChange]) -> Decided<Passed> {
        let run = self.run(Hook::Outbound, call.id, seed, pending);
        let asked = run.chain.on_outbound(call, &run.surroundings).await;
        self.decided(&run, asked)
    }

    /// About what became of a message.
    pub async fn status(&self, call: StatusCall, seed: u64) -> Decided<Plan> {
        let run = self.run(Hook::Status, call.message_id, seed, &[]);
        let asked = run.chain.on_status(call, &run.surroundings).await;
        self.decided(&run, asked)
    }

    /// About a timer that was started for a message. A plugin that is gone decides nothing, and the
    /// trace says so; one that is tripped is not asked.
    pub async fn timer(
        &self,
        plugin: &str,
        message_id: MessageId,
        call: TimerCall,
        seed: u64,
    ) -> Result<Decided<Plan>, LeftAlone> {
        let run = self.run(Hook::Timer, message_id, seed, &[]);
        let name = call.name.clone();
        Ok(match run.chain.on_timer(plugin, call, &run.surroundings).await? {
            Some(asked) => self.decided(&run, asked),
            None => self.dropped(&run, plugin, &name),
        })
    }

    fn run(&self, hook: Hook, message_id: MessageId, seed: u64, pending: &[StateChange]) -> Run {
        let parts = &self.parts;
        // As it is kept, in milliseconds: put to plugins once more, a message is decided about at the same moment.
        let now = parts.clock.now();
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        let chain = self.chain();
        let mut state: Arc<dyn StateSource> = Arc::new(Now { store: parts.store.clone(), now });
        if !pending.is_empty() {
            state = Arc::new(Pending { committed: state, changes: pending.to_vec() });
        }
        let surroundings = Surroundings {
            now,
            seed,
            locale: parts.place.locale.clone(),
            time_zone: parts.place.time_zone.clone(),
            state: Arc::new(Watched::new(state)),
            fetcher: chain.fetcher(),
        };
        Run { chain, surroundings, hook, message_id, moment: parts.ids.next(now) }
    }

    fn decided<T>(&self, run: &Run, asked: Asked<T>) -> Decided<T> {
        let Asked { outcome, ran, changes } = asked;
        let mut id = Some(run.moment);
        let unread = run.surroundings.state.failed() && ran.iter().any(|ran| ran.error.is_some());
        let traces = ran.into_iter().map(|ran| self.trace(run, id.take(), ran)).collect();
        let state = remembering::summed(changes, || self.parts.ids.next(self.parts.clock.now()));
        Decided { outcome, traces, state, at: run.surroundings.now, unread }
    }

    fn trace(&self, run: &Run, id: Option<Uuid>, ran: Ran) -> Trace {
        Trace {
            id: id.unwrap_or_else(|| self.parts.ids.next(self.parts.clock.now())),
            message_id: run.message_id,
            hook: run.hook,
            plugin: ran.plugin,
            version: ran.manifest.version,
            digest: ran.manifest.digest,
            decision: ran.decision,
            error: ran.error,
            duration_micros: u64::try_from(ran.duration.as_micros()).unwrap_or(u64::MAX),
            at: run.surroundings.now,
            seed: Some(run.surroundings.seed),
        }
    }

    fn dropped(&self, run: &Run, plugin: &str, name: &str) -> Decided<Plan> {
        tracing::warn!(plugin, message_id = %run.message_id, "a timer was dropped: its plugin is gone, or takes none");
        let reason = format!("the timer `{name}` was dropped: the plugin is no longer there, or takes no timers");
        let ran = Ran {
            plugin: plugin.to_owned(),
            manifest: crate::plugins::Manifest::default(),
            decision: serde_json::json!({ "actions": [], "left_out": [reason] }),
            error: None,
            duration: Duration::ZERO,
        };
        let traces = vec![self.trace(run, Some(run.moment), ran)];
        Decided { outcome: Plan::default(), traces, state: Vec::new(), at: run.surroundings.now, unread: false }
    }
}

/// A conversation as plugins see it.
pub fn seen(thread: &Thread, inbound_count: u32, previous_inbound_at: Option<Timestamp>) -> ConversationSeen {
    let Thread { conversation, contact, .. } = thread;
    ConversationSeen {
        id: conversation.id,
        channel: conversation.channel.clone(),
        address: conversation.address.clone(),
        status: conversation.status,
        subject: conversation.subject.clone(),
        tags: conversation.tags.clone(),
        assignee: conversation.assignee.clone(),
        contact: ContactSeen {
            id: contact.id,
            name: contact.name.clone(),
            attributes: contact.attributes.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        },
        inbound_count,
        previous_inbound_at,
    }
}

#[cfg(test)]
pub(crate) mod tests;
