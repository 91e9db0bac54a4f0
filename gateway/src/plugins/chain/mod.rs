//! Asking the plugins, one after the other.

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{
    Called, Effects, FetchCounts, Fetcher, InboundCall, LiveFetcher, Manifest, OnError, OutboundCall, Plugin,
    StateChange, StatusCall, Surroundings, TimerCall,
};
use crate::actions::{Decision, Flow, Plan, Planner, Verdict};
use crate::message::Address;

/// A plugin in its place in the chain, under the name the operator gave it.
#[derive(Clone)]
pub struct Link {
    pub name: String,
    pub on_error: OnError,
    pub plugin: Arc<dyn Plugin>,
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

/// What the outbound plugins made of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Passed {
    /// With what they changed, and the labels they gave.
    Accepted {
        call: Box<OutboundCall>,
        tags: Vec<String>,
    },
    Rejected {
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
        let mut asking = Asking::new(call.conversation.tags.clone());
        for link in self.links.iter().filter(|link| link.plugin.manifest().hooks.inbound) {
            call.conversation.tags = asking.planner.tags().to_vec();
            let started = Instant::now();
            let called = link.plugin.on_inbound(&call, surroundings).await;
            if asking.take(link, called, started.elapsed()) == Flow::Stop {
                break;
            }
        }
        asking.finish()
    }

    /// The same for what became of a message.
    pub async fn on_status(&self, mut call: StatusCall, surroundings: &Surroundings) -> Asked<Plan> {
        let mut asking = Asking::new(call.conversation.tags.clone());
        for link in self.links.iter().filter(|link| link.plugin.manifest().hooks.status) {
            call.conversation.tags = asking.planner.tags().to_vec();
            let started = Instant::now();
            let called = link.plugin.on_status(&call, surroundings).await;
            if asking.take(link, called, started.elapsed()) == Flow::Stop {
                break;
            }
        }
        asking.finish()
    }

    /// Asks the one plugin whose timer ran out. None when it is no longer there, or wants no timers.
    pub async fn on_timer(&self, plugin: &str, call: TimerCall, surroundings: &Surroundings) -> Option<Asked<Plan>> {
        let link = self.links.iter().find(|link| link.name == plugin && link.plugin.manifest().hooks.timer)?;
        let mut asking = Asking::new(call.conversation.tags.clone());
        let started = Instant::now();
        let called = link.plugin.on_timer(&call, surroundings).await;
        asking.take(link, called, started.elapsed());
        Some(asking.finish())
    }

    /// Asks every plugin that wants outbound messages, until one stops the chain or rejects. Each
    /// sees the message as the one before left it. A plugin that fails, and whose failure stops the
    /// chain, rejects: what an operator's rule could not look at is not sent.
    pub async fn on_outbound(&self, mut call: OutboundCall, surroundings: &Surroundings) -> Asked<Passed> {
        let mut tagging = Planner::new(Vec::new());
        let (mut ran, mut changes) = (Vec::new(), Vec::new());
        let mut rejected = None;
        for link in self.links.iter().filter(|link| link.plugin.manifest().hooks.outbound) {
            let started = Instant::now();
            let Called { result, effects } = link.plugin.on_outbound(&call, surroundings).await;
            let duration = started.elapsed();
            match result {
                Ok(Verdict::Accept(wanted)) => {
                    let left_out = change(&mut call, &mut tagging, &wanted);
                    let decision = json!({ "verdict": "accept", "changes": wanted, "left_out": left_out });
                    ran.push(link.ran(decision, &effects, None, duration));
                    changes.extend(effects.changes);
                    if wanted.flow == Flow::Stop {
                        break;
                    }
                }
                Ok(Verdict::Reject { reason }) => {
                    let decision = json!({ "verdict": "reject", "reason": reason });
                    ran.push(link.ran(decision, &effects, None, duration));
                    changes.extend(effects.changes);
                    rejected = Some((link.name.clone(), reason));
                    break;
                }
                Err(failure) => {
                    tracing::warn!(plugin = %link.name, message_id = %call.id, reason = %failure, "a plugin gave no verdict");
                    let stop = link.on_error == OnError::Stop;
                    let decision = json!({ "verdict": if stop { "reject" } else { "accept" } });
                    ran.push(link.ran(decision, &effects, Some(failure.to_string()), duration));
                    if stop {
                        rejected = Some((link.name.clone(), failure.to_string()));
                        break;
                    }
                }
            }
        }
        let outcome = match rejected {
            Some((plugin, reason)) => Passed::Rejected { plugin, reason },
            None => Passed::Accepted { call: Box::new(call), tags: tagging.tags().to_vec() },
        };
        Asked { outcome, ran, changes }
    }
}

/// Takes over what a plugin wants different. Gives the reason for each thing that is left out.
fn change(call: &mut OutboundCall, tagging: &mut Planner, wanted: &crate::actions::Changes) -> Vec<String> {
    let mut left_out: Vec<String> = wanted.tags.iter().filter_map(|tag| tagging.tag(tag).err()).collect();
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
            None => left_out.push(format!("the sender `{sender}` was left out: it is no address")),
        }
    }
    call.send_at = wanted.send_at.or(call.send_at);
    left_out
}

/// The state of asking one plugin after the other for decisions.
struct Asking {
    planner: Planner,
    ran: Vec<Ran>,
    changes: Vec<StateChange>,
}

impl Asking {
    fn new(tags: Vec<String>) -> Self {
        Self { planner: Planner::new(tags), ran: Vec::new(), changes: Vec::new() }
    }

    /// What one plugin said. Whether the next one is asked.
    fn take(&mut self, link: &Link, called: Called<Decision>, duration: Duration) -> Flow {
        let Called { result, effects } = called;
        match result {
            Ok(Decision { actions, flow }) => {
                let left_out = self.planner.add(&link.name, &actions);
                let decision = json!({ "actions": actions, "flow": flow, "left_out": left_out });
                self.ran.push(link.ran(decision, &effects, None, duration));
                self.changes.extend(effects.changes);
                flow
            }
            Err(failure) => {
                tracing::warn!(plugin = %link.name, reason = %failure, "a plugin gave no decision");
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
    fn ran(&self, mut decision: Value, effects: &Effects, error: Option<String>, duration: Duration) -> Ran {
        if let Some(fields) = decision.as_object_mut() {
            if !effects.log.is_empty() {
                fields.insert("log".to_owned(), json!(effects.log));
            }
            if !effects.fetches.is_empty() {
                fields.insert("fetches".to_owned(), json!(effects.fetches));
            }
            if !effects.changes.is_empty() && error.is_none() {
                fields.insert("state".to_owned(), json!(effects.changes));
            }
        }
        Ran { plugin: self.name.clone(), manifest: self.plugin.manifest().clone(), decision, error, duration }
    }
}
