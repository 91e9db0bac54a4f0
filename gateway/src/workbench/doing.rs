//! Doing what was decided: to people, conversations, timers and what the plugin remembers.

use jiff::Timestamp;

use super::{Content, Hook, NotAsked, Outcome, Running, Sending, Sent, Workbench};
use crate::actions::{Outgoing, Plan, PlannedTimer, TimerChange};
use crate::message::{Address, ConversationId, Locale};
use crate::plugins::{Asked, Origin, OutboundCall, Passed, Ran};

/// Where a message goes, and the labels that go with it.
type Labels = Vec<(String, Address, Vec<String>)>;

impl Workbench {
    pub(super) fn outcome(&self, hook: Hook, about: String, person: Address, ran: Ran) -> Outcome {
        let left_out = ran.decision["left_out"].as_array().into_iter().flatten();
        Outcome {
            hook,
            about,
            at: self.world.now,
            person,
            left_out: left_out.filter_map(|reason| reason.as_str().map(str::to_owned)).collect(),
            decision: ran.decision,
            failure: ran.error,
            replies: Vec::new(),
            sends: Vec::new(),
            refused: Vec::new(),
            becomes: None,
            rejected: None,
            discarded: None,
            micros: u64::try_from(ran.duration.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// Does what was decided, in the order of the gateway: what is sent passes the plugin's own hook
    /// for what goes out, which sees what it remembers already, and the conversation as it was.
    pub(super) async fn decided(
        &mut self,
        hook: Hook,
        about: String,
        id: ConversationId,
        asked: Asked<Plan>,
    ) -> Result<Outcome, NotAsked> {
        let Asked { outcome: mut plan, ran, changes } = asked;
        let ran = ran.into_iter().next().ok_or(NotAsked(hook))?;
        let conversation = self.world.people.conversation(id).ok_or(NotAsked(hook))?;
        let (channel, person) = (conversation.channel.clone(), conversation.address.clone());
        let mut outcome = self.outcome(hook, about, person.clone(), ran);
        self.world.memory.commit(&changes, self.world.now);
        outcome.discarded = plan.discarded.take();
        if hook != Hook::Inbound && outcome.discarded.take().is_some() {
            outcome.left_out.push("a discard was left out: only what came in can be discarded".to_owned());
        }
        let mut labels = Labels::new();
        for planned in std::mem::take(&mut plan.replies) {
            let mut reply = Content { text: planned.text, media: planned.media };
            if hook != Hook::Inbound {
                let sending = Self::own(&channel, &person, reply.text, reply.media);
                let Some(sent) = self.leave(sending, &mut outcome, &mut labels).await else { continue };
                reply = Content { text: sent.text, media: sent.media };
            }
            outcome.replies.push(reply);
        }
        for planned in std::mem::take(&mut plan.sends) {
            if let Some(sending) = self.addressed(planned.outgoing, &channel, &mut outcome)
                && let Some(sent) = self.leave(sending, &mut outcome, &mut labels).await
            {
                outcome.sends.push(sent);
            }
        }
        self.world.people.apply(id, &plan);
        for (channel, to, tags) in labels {
            let id = self.open(&channel, &to);
            self.label(id, tags);
        }
        self.set_timers(id, plan.timers);
        Ok(outcome)
    }

    fn set_timers(&mut self, id: ConversationId, planned: Vec<PlannedTimer>) {
        for PlannedTimer { name, change, .. } in planned {
            self.world.timers.retain(|timer| (timer.conversation, timer.name.as_str()) != (id, name.as_str()));
            if let TimerChange::Start { after, payload } = change {
                let started_at = self.world.now;
                let due_at = started_at.checked_add(after).unwrap_or(Timestamp::MAX);
                self.world.timers.push(Running { conversation: id, name, payload, started_at, due_at });
            }
        }
    }

    fn own(channel: &str, to: &Address, text: String, media: Vec<String>) -> Sending {
        let (channel, to) = (channel.to_owned(), to.clone());
        Sending { channel, to, sender: None, text, media, origin: Origin::Plugin, send_at: None }
    }

    /// A message to send, if it can be sent at all.
    fn addressed(&self, outgoing: Outgoing, channel: &str, outcome: &mut Outcome) -> Option<Sending> {
        let Outgoing { channel: wanted, sender, recipient, text, media, send_at } = outgoing;
        let to = match Address::recipient(&recipient, &self.setting.region) {
            Ok(to) => to,
            Err(refusal) => {
                let reason = refusal.reason(Locale::En);
                outcome.left_out.push(format!("a message to send was left out: `{recipient}`: {reason}"));
                return None;
            }
        };
        let sender = match sender.as_deref().map(|sender| (sender, Address::sender(sender))) {
            Some((sender, None)) => {
                outcome.left_out.push(format!("a message to send was left out: `{sender}` is no sender"));
                return None;
            }
            sender => sender.and_then(|(_, sender)| sender),
        };
        Some(Sending { sender, send_at, ..Self::own(wanted.as_deref().unwrap_or(channel), &to, text, media) })
    }

    /// Passes the plugin's own hook, if it has one.
    async fn leave(&mut self, sending: Sending, outcome: &mut Outcome, labels: &mut Labels) -> Option<Sent> {
        let call = self.outbound_call(sending);
        if !self.chain.wants_outbound() {
            labels.push((call.channel.clone(), call.recipient.clone(), Vec::new()));
            return Some(left(call));
        }
        let surroundings = self.surroundings();
        let Asked { outcome: passed, ran, changes } = self.chain.on_outbound(call, &surroundings).await;
        self.world.memory.commit(&changes, self.world.now);
        let failures = ran.into_iter().filter_map(|ran| ran.error);
        outcome.left_out.extend(failures.map(|error| format!("the plugin's own hook outbound: {error}")));
        match passed {
            Passed::Accepted { call, tags } => {
                labels.push((call.channel.clone(), call.recipient.clone(), tags));
                Some(left(*call))
            }
            Passed::Rejected { reason, .. } => {
                outcome.refused.push(reason);
                None
            }
            // Why is said already.
            Passed::Failed { .. } => None,
        }
    }

    pub(super) fn outbound_call(&mut self, sending: Sending) -> OutboundCall {
        let Sending { channel, to, sender, text, media, origin, send_at } = sending;
        let people = &mut self.world.people;
        let conversation = people.find(&channel, &to).and_then(|id| people.seen(id));
        OutboundCall {
            id: people.next_message(),
            channel,
            sender,
            recipient: to,
            text,
            media,
            origin,
            send_at,
            created_at: self.world.now,
            conversation,
        }
    }

    pub(super) fn label(&mut self, id: ConversationId, tags: Vec<String>) {
        let Some(conversation) = self.world.people.conversation_mut(id) else { return };
        for tag in tags {
            if !conversation.tags.contains(&tag) {
                conversation.tags.push(tag);
            }
        }
    }
}

pub(super) fn left(call: OutboundCall) -> Sent {
    let OutboundCall { channel, sender, recipient: to, text, media, send_at, .. } = call;
    Sent { to, channel, sender, text, media, send_at }
}
