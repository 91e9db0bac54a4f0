//! Asking the plugins, one after the other.

#[cfg(test)]
pub(crate) mod tests;
mod traced;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use self::traced::cut;

use super::{
    Called, ConversationSeen, Effects, Failure, FetchCounts, Fetcher, Health, InboundCall, LiveFetcher, Manifest,
    OnError, OutboundCall, Plugin, StateChange, StatusCall, Surroundings, TimerCall,
};
use crate::actions::{Changes, Decision, Flow, Plan, Planner, Taken, Verdict, cut_reason};
use crate::message::{Address, ConversationId, MessageId};
use crate::metrics;

/// A plugin in its place in the chain, under the name the operator gave it.
#[derive(Clone)]
pub struct Link {
    pub name: String,
    pub on_error: OnError,
    pub plugin: Arc<dyn Plugin>,
    pub health: Arc<Health>,
}

/// The plugins in the order they are asked, and whom they may ask themselves.
#[derive(Clone, Default)]
pub struct Chain {
    links: Vec<Link>,
    fetcher: Arc<LiveFetcher>,
}

/// What one plugin came to, for the trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Ran {
    pub plugin: String,
    pub manifest: Manifest,
    /// What it decided, what of that was left out and why, what it logged, fetched and changed.
    pub decision: Value,
    pub error: Option<String>,
    pub duration: Duration,
}

/// What asking the chain came to.
#[derive(Clone, Debug)]
pub struct Asked<T> {
    pub outcome: T,
    pub ran: Vec<Ran>,
    /// What the plugins want to remember, in the order they said so.
    pub changes: Vec<StateChange>,
}

/// A plugin is tripped, and was not asked about its timer: that can wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftAlone {
    pub until: Timestamp,
}

/// What the outbound plugins made of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Passed {
    /// With what they changed, and the labels they gave: the conversation may be another by then, if they
    /// chose another channel.
    Accepted {
        call: Box<OutboundCall>,
        tags: Vec<String>,
    },
    Rejected {
        plugin: String,
        reason: String,
    },
    /// A plugin gave no verdict, and without it nothing is to be sent. Another time it may.
    Failed {
        plugin: String,
        reason: String,
    },
}

impl Chain {
    pub fn new(links: Vec<Link>) -> Self {
        Self { links, fetcher: Arc::default() }
    }

    /// The same plugins, with hosts that they may ask.
    #[must_use]
    pub fn reaching(self, fetcher: LiveFetcher) -> Self {
        Self { fetcher: Arc::new(fetcher), ..self }
    }

    /// The same plugins apart from what is live: how they fare there counts nowhere, and none is ever left
    /// alone.
    #[must_use]
    pub fn apart(&self) -> Self {
        let apart = |link: &Link| Link { health: Arc::new(Health::patient()), ..link.clone() };
        Self { links: self.links.iter().map(apart).collect(), fetcher: Arc::default() }
    }

    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// What carries out the fetches of a live call.
    pub fn fetcher(&self) -> Arc<dyn Fetcher> {
        Arc::<LiveFetcher>::clone(&self.fetcher)
    }

    /// How often each plugin asked other hosts.
    pub fn fetch_counts(&self) -> Vec<(&str, FetchCounts)> {
        self.fetcher.counts()
    }

    /// Whether any plugin wants to hear what becomes of messages.
    pub fn wants_status(&self) -> bool {
        self.links.iter().any(|link| link.plugin.manifest().hooks.status)
    }

    /// Whether any plugin wants to see what is about to be sent.
    pub fn wants_outbound(&self) -> bool {
        self.links.iter().any(|link| link.plugin.manifest().hooks.outbound)
    }

    /// Asks every plugin that wants inbound messages, until one stops the chain. Tags that one
    /// sets are seen by the next.
    pub async fn on_inbound(&self, mut call: InboundCall, surroundings: &Surroundings) -> Asked<Plan> {
        let mut asking = Asking::new(Some(call.id), &call.conversation);
        for link in self.links.iter().filter(|link| link.plugin.manifest().hooks.inbound) {
            call.conversation.tags = asking.planner.tags().to_vec();
            let conversation = Some(call.conversation.id);
            let asked =
                link.ask("inbound", conversation, surroundings, link.plugin.on_inbound(&call, surroundings)).await;
            if asking.take(link, asked) == Flow::Stop {
                break;
            }
        }
        asking.finish()
    }

    /// The same for what became of a message.
    pub async fn on_status(&self, mut call: StatusCall, surroundings: &Surroundings) -> Asked<Plan> {
        let mut asking = Asking::new(Some(call.message_id), &call.conversation);
        for link in self.links.iter().filter(|link| link.plugin.manifest().hooks.status) {
            call.conversation.tags = asking.planner.tags().to_vec();
            let conversation = Some(call.conversation.id);
            let asked =
                link.ask("status", conversation, surroundings, link.plugin.on_status(&call, surroundings)).await;
            if asking.take(link, asked) == Flow::Stop {
                break;
            }
        }
        asking.finish()
    }

    /// Until when a plugin that is tripped is not asked about its timers either. None may still be too late: others
    /// ask meanwhile.
    pub fn waits(&self, plugin: &str, now: Timestamp) -> Option<Timestamp> {
        self.links.iter().find(|link| link.name == plugin)?.health.waits(now)
    }

    /// The names of the plugins, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.links.iter().map(|link| link.name.as_str())
    }

    /// Asks the one plugin whose timer ran out. None when it is no longer there, or wants no timers.
    pub async fn on_timer(
        &self,
        plugin: &str,
        call: TimerCall,
        surroundings: &Surroundings,
    ) -> Result<Option<Asked<Plan>>, LeftAlone> {
        let takes_it = |link: &&Link| link.name == plugin && link.plugin.manifest().hooks.timer;
        let Some(link) = self.links.iter().find(takes_it) else { return Ok(None) };
        let mut asking = Asking::new(None, &call.conversation);
        let conversation = Some(call.conversation.id);
        let asked = link.ask("timer", conversation, surroundings, link.plugin.on_timer(&call, surroundings)).await;
        if let Err(Failure::Tripped(until)) = asked.0.result {
            return Err(LeftAlone { until });
        }
        asking.take(link, asked);
        Ok(Some(asking.finish()))
    }

    /// Asks every plugin that wants outbound messages, until one stops the chain or rejects. Each
    /// sees the message as the one before left it, and the tags of its conversation, if there is one, with
    /// those that were set on the way. What a plugin could not look at, whose failure stops
    /// the chain, is not sent.
    pub async fn on_outbound(&self, mut call: OutboundCall, surroundings: &Surroundings) -> Asked<Passed> {
        let known = call.conversation.as_ref().map(|conversation| conversation.tags.clone()).unwrap_or_default();
        let mut tagging = Planner::new(known.clone());
        let (mut ran, mut changes) = (Vec::new(), Vec::new());
        let (mut given, mut rejected) = (Vec::new(), None);
        for link in self.links.iter().filter(|link| link.plugin.manifest().hooks.outbound) {
            let conversation = call.conversation.as_mut().map(|conversation| {
                conversation.tags = tagging.tags().to_vec();
                conversation.id
            });
            let asked =
                link.ask("outbound", conversation, surroundings, link.plugin.on_outbound(&call, surroundings)).await;
            let (Called { result, effects }, duration) = asked;
            match result {
                Ok(Verdict::Accept(mut wanted)) => {
                    let left_out = change(&mut call, &mut tagging, &mut given, &mut wanted);
                    let decision =
                        json!({ "verdict": "accept", "changes": traced::changes(&wanted), "left_out": left_out });
                    ran.push(link.ran(decision, &effects, None, duration));
                    changes.extend(effects.changes);
                    if wanted.flow == Flow::Stop {
                        break;
                    }
                }
                Ok(Verdict::Reject { mut reason }) => {
                    let mut decision = json!({ "verdict": "reject" });
                    if let Some(told) = cut_reason("the reason to refuse it", &mut reason) {
                        decision["left_out"] = json!([told]);
                    }
                    decision["reason"] = json!(reason);
                    ran.push(link.ran(decision, &effects, None, duration));
                    changes.extend(effects.changes);
                    rejected = Some(Passed::Rejected { plugin: link.name.clone(), reason });
                    break;
                }
                Err(failure) => {
                    tracing::warn!(plugin = %link.name, message_id = %call.id, reason = %failure, "a plugin gave no verdict");
                    let stop = link.on_error == OnError::Stop;
                    let decision = json!({ "verdict": if stop { "none" } else { "accept" } });
                    ran.push(link.ran(decision, &effects, Some(failure.to_string()), duration));
                    if stop {
                        rejected = Some(Passed::Failed { plugin: link.name.clone(), reason: failure.to_string() });
                        break;
                    }
                }
            }
        }
        if let Some(conversation) = &mut call.conversation {
            // What they set is told apart.
            conversation.tags = known;
        }
        let accepted = || Passed::Accepted { call: Box::new(call), tags: given };
        let outcome = rejected.unwrap_or_else(accepted);
        Asked { outcome, ran, changes }
    }
}

/// Takes over what a plugin wants different. Gives the reason for each thing that is left out.
fn change(
    call: &mut OutboundCall,
    tagging: &mut Planner,
    given: &mut Vec<String>,
    wanted: &mut Changes,
) -> Vec<String> {
    let mut left_out = tagging.tag_all(&mut wanted.tags);
    for tag in &wanted.tags {
        if !given.contains(tag) {
            given.push(tag.clone());
        }
    }
    let text = wanted.text.as_ref().unwrap_or(&call.text);
    let media = wanted.media.as_ref().unwrap_or(&call.media);
    if text.trim().is_empty() && media.is_empty() {
        left_out.push("the text was left as it was: nothing would remain of the message".to_owned());
    } else {
        (call.text, call.media) = (text.clone(), media.clone());
    }
    if let Some(channel) = &wanted.channel {
        call.channel.clone_from(channel);
    }
    if let Some(sender) = &wanted.sender {
        match Address::sender(sender) {
            Some(sender) => call.sender = Some(sender),
            None => left_out.push(format!("the sender `{}` was left out: it is no address", cut(sender))),
        }
    }
    call.send_at = wanted.send_at.or(call.send_at);
    left_out
}

/// The state of asking one plugin after the other for decisions.
struct Asking {
    message_id: Option<MessageId>,
    conversation_id: ConversationId,
    planner: Planner,
    ran: Vec<Ran>,
    changes: Vec<StateChange>,
}

impl Asking {
    fn new(message_id: Option<MessageId>, conversation: &ConversationSeen) -> Self {
        Self {
            message_id,
            conversation_id: conversation.id,
            planner: Planner::new(conversation.tags.clone()),
            ran: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// What one plugin said. Whether the next one is asked.
    fn take(&mut self, link: &Link, asked: (Called<Decision>, Duration)) -> Flow {
        let (Called { result, effects }, duration) = asked;
        match result {
            Ok(Decision { actions, flow }) => {
                let Taken { actions, left_out } = self.planner.take(&link.name, actions);
                let decision = json!({ "actions": actions, "flow": flow, "left_out": left_out });
                self.ran.push(link.ran(decision, &effects, None, duration));
                self.changes.extend(effects.changes);
                flow
            }
            Err(failure) => {
                tracing::warn!(
                    plugin = %link.name,
                    message_id = self.message_id.map(tracing::field::display),
                    conversation_id = %self.conversation_id,
                    reason = %failure,
                    "a plugin gave no decision"
                );
                let flow = if link.on_error == OnError::Stop { Flow::Stop } else { Flow::Proceed };
                let decision = json!({ "actions": [], "flow": flow });
                self.ran.push(link.ran(decision, &effects, Some(failure.to_string()), duration));
                flow
            }
        }
    }

    fn finish(self) -> Asked<Plan> {
        Asked { outcome: self.planner.finish(), ran: self.ran, changes: self.changes }
    }
}

impl Link {
    /// A plugin that starts in good health.
    pub fn new(name: String, on_error: OnError, plugin: Arc<dyn Plugin>) -> Self {
        Self { name, on_error, plugin, health: Arc::default() }
    }

    /// Makes the call, unless the plugin is tripped, and says how long it took.
    async fn ask<T>(
        &self,
        hook: &'static str,
        conversation: Option<ConversationId>,
        surroundings: &Surroundings,
        call: impl Future<Output = Called<T>>,
    ) -> (Called<T>, Duration) {
        if let Some(until) = self.health.tripped(surroundings.now) {
            metrics::PLUGIN_FAILURES.add(&self.name, [Failure::Tripped(until).word()]);
            return (Called { result: Err(Failure::Tripped(until)), effects: Effects::default() }, Duration::ZERO);
        }
        let started = Instant::now();
        let called = call.await;
        let duration = started.elapsed();
        let failure = called.result.as_ref().err();
        if self.health.is_live() {
            self.count(hook, failure, duration);
        }
        let is_excused = failure.is_some() && surroundings.state.failed();
        if !is_excused && self.health.note(failure, conversation.map(|id| id.0), duration, surroundings.now) {
            tracing::error!(plugin = %self.name, "the plugin failed again and again; it is not asked for a while");
        }
        (called, duration)
    }

    fn count(&self, hook: &'static str, failure: Option<&Failure>, duration: Duration) {
        metrics::PLUGIN_SECONDS.took(&self.name, [hook], duration);
        if let Some(failure) = failure {
            metrics::PLUGIN_FAILURES.add(&self.name, [failure.word()]);
        }
    }
}
