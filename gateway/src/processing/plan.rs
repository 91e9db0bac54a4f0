//! From a plan to the records that are committed: what the plugins asked for is done, or the trace says
//! why not.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Error, Failures, Matter, Processing};
use crate::actions::{self, Plan, PlannedForward, PlannedReply, PlannedSend, PlannedTimer};
use crate::deciding::Decided;
use crate::message::{Address, Options, Priority};
use crate::outbound::{self, Following, Origin, Request};
use crate::store::{self, Cause, NewEvent, Processed, Submission, TimerChange};

/// The most that is noted about one contact.
const MAX_ATTRIBUTES: usize = 100;
/// The most timers of one plugin in one conversation.
const MAX_TIMERS: usize = 100;
/// A plugin that sends something at each report of what it had sent would never come to an end, nor would one
/// whose timer starts itself again at once.
const MAX_HOPS: u32 = 3;
/// The most messages that reports of one message lead to.
const MAX_FOLLOWING: u64 = 3;
/// A timer that waits this long begins anew: what it leads to comes slowly enough for people to see it.
const CALM: SignedDuration = SignedDuration::from_mins(10);

impl Processing {
    /// What a plan comes to, and what is still to be made messages of.
    pub async fn plan(
        &self,
        matter: &Matter<'_>,
        decided: Decided<Plan>,
    ) -> Result<(Processed, Outgoing), store::Error> {
        let Decided { outcome: mut plan, traces, state, at, .. } = decided;
        let (conversation, contact) = (&matter.thread.conversation, &matter.thread.contact);
        let mut processed = Processed::new(matter.cause, matter.message_id, conversation.id, contact.id, at);
        (processed.traces, processed.state) = (traces, state);
        (processed.status, processed.tags, processed.assignee) = (plan.status, plan.tags.take(), plan.assignee.take());
        processed.tags_seen.clone_from(&conversation.tags);
        processed.discarded = discarded(matter.cause, plan.discarded.take(), &mut processed);
        processed.attributes = attributes(&contact.attributes, std::mem::take(&mut plan.attributes), &mut processed);
        processed.timers = self.timers(matter, std::mem::take(&mut plan.timers), &mut processed).await?;
        self.forwards(std::mem::take(&mut plan.forwards), &mut processed);
        self.limit(matter, &mut plan, &mut processed).await?;
        Ok((processed, Outgoing { replies: plan.replies, sends: plan.sends }))
    }

    /// The messages to others. After the replies, so that somebody who gets both gets them in this order.
    pub async fn send(
        &self,
        matter: &Matter<'_>,
        sends: Vec<PlannedSend>,
        processed: &mut Processed,
    ) -> Result<(), Error> {
        for planned in sends {
            self.send_one(matter, planned, processed).await?;
        }
        Ok(())
    }

    /// Ends what would go on and on: messages of which each follows from a report or a timer of the one
    /// before, and a message whose every report leads to another.
    async fn limit(&self, matter: &Matter<'_>, plan: &mut Plan, processed: &mut Processed) -> Result<(), store::Error> {
        let wanted = plan.sends.len() + plan.replies.len();
        if wanted == 0 {
            return Ok(());
        }
        let mut room = usize::MAX;
        if matter.hops > MAX_HOPS {
            room = 0;
        } else if matches!(matter.cause, Cause::Report(_)) {
            let before = self.parts.store.followed(matter.message_id).await?;
            room = usize::try_from(MAX_FOLLOWING.saturating_sub(before)).unwrap_or(0);
        }
        let left = room.saturating_sub(plan.replies.len()).min(plan.sends.len());
        let sends = plan.sends.split_off(left).into_iter().map(|send| send.plugin);
        let replies = plan.replies.split_off(room.min(plan.replies.len())).into_iter().map(|reply| reply.plugin);
        for plugin in replies.chain(sends) {
            let reason = if matter.hops > MAX_HOPS {
                format!(
                    "a message was left out: {MAX_HOPS} in a row that each follow from a report or a short timer are the most"
                )
            } else {
                format!("a message was left out: the reports of one message lead to {MAX_FOLLOWING} others at the most")
            };
            processed.leave_out(Some(&plugin), reason);
        }
        Ok(())
    }

    /// Replies that answer no webhook: messages like any other, to the person of the conversation.
    pub async fn reply(
        &self,
        matter: &Matter<'_>,
        ours: Option<&Address>,
        replies: Vec<PlannedReply>,
        processed: &mut Processed,
    ) -> Result<(), Error> {
        let conversation = &matter.thread.conversation;
        for reply in replies {
            let request = Request {
                from: ours.map(|ours| ours.as_str().to_owned()),
                ..request(conversation.address.as_str(), &conversation.channel, reply.text, reply.media)
            };
            let following = matter.following(&reply.plugin);
            let prepared = self.parts.outbound.prepare_to(
                conversation.address.clone(),
                request,
                Some(&following),
                &processed.state,
            );
            take(matter, "a reply", &reply.plugin, prepared.await, processed)?;
        }
        Ok(())
    }

    async fn send_one(
        &self,
        matter: &Matter<'_>,
        planned: PlannedSend,
        processed: &mut Processed,
    ) -> Result<(), Error> {
        let PlannedSend { plugin, outgoing } = planned;
        let channel = outgoing.channel.as_deref().unwrap_or(&matter.thread.conversation.channel);
        let request = Request {
            from: outgoing.sender,
            send_at: outgoing.send_at,
            ..request(&outgoing.recipient, channel, outgoing.text, outgoing.media)
        };
        let following = matter.following(&plugin);
        let prepared = self.parts.outbound.prepare(request, Some(&following), &processed.state).await;
        take(matter, "a message to send", &plugin, prepared, processed)
    }

    /// What applications are to be told.
    fn forwards(&self, planned: Vec<PlannedForward>, processed: &mut Processed) {
        let endpoints = &self.parts.endpoints;
        for PlannedForward { plugin, endpoint, payload } in planned {
            if endpoints.get(&endpoint).is_none() {
                let there: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.name.as_str()).collect();
                let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
                let reason = format!(
                    "a forward to `{endpoint}` was left out: there is no endpoint of this name; there are: {there}"
                );
                processed.leave_out(Some(&plugin), reason);
                continue;
            }
            let id = endpoints.event_id(self.parts.clock.now());
            processed.events.push(NewEvent { id, endpoint, plugin, payload });
        }
    }

    async fn timers(
        &self,
        matter: &Matter<'_>,
        planned: Vec<PlannedTimer>,
        processed: &mut Processed,
    ) -> Result<Vec<TimerChange>, store::Error> {
        if planned.is_empty() {
            return Ok(Vec::new());
        }
        let names = self.parts.store.timer_names(matter.thread.conversation.id).await?;
        let mut running: BTreeSet<(String, String)> = names.into_iter().collect();
        // When the plugins were asked.
        let at = processed.at;
        let mut changes = Vec::with_capacity(planned.len());
        for PlannedTimer { plugin, name, change } in planned {
            let timer = (plugin, name);
            match change {
                actions::TimerChange::Cancel => {
                    running.remove(&timer);
                    let (plugin, name) = timer;
                    changes.push(TimerChange::Cancel { plugin, name });
                }
                actions::TimerChange::Start { after, payload } => {
                    let count = running.iter().filter(|(plugin, _)| *plugin == timer.0).count();
                    if count >= MAX_TIMERS && !running.contains(&timer) {
                        let reason = format!("the timer `{}` was left out: {MAX_TIMERS} at the most", timer.1);
                        processed.leave_out(Some(&timer.0), reason);
                        continue;
                    }
                    let hops = matter.next_hops(after);
                    if hops > MAX_HOPS {
                        let reason = format!(
                            "the timer `{}` was left out: {MAX_HOPS} short ones in a row are the most",
                            timer.1
                        );
                        processed.leave_out(Some(&timer.0), reason);
                        continue;
                    }
                    running.insert(timer.clone());
                    let (plugin, name) = timer;
                    let due_at = at.checked_add(after).unwrap_or(Timestamp::MAX);
                    let id = self.parts.ids.next(self.parts.clock.now());
                    changes.push(TimerChange::Start { id, plugin, name, payload, started_at: at, due_at, hops });
                }
            }
        }
        Ok(changes)
    }
}

/// What is to be written to people.
pub struct Outgoing {
    /// Left to the caller, who knows whether they ride an answer.
    pub replies: Vec<PlannedReply>,
    pub sends: Vec<PlannedSend>,
}

impl Matter<'_> {
    /// Whether all else waits until this does not fail any more.
    pub fn waits_for(&self, error: &outbound::Error) -> bool {
        self.failures == Failures::Wait && error.is_passing()
    }

    /// How many in a row a timer that is started now is.
    fn next_hops(&self, after: SignedDuration) -> u32 {
        match self.cause {
            _ if after >= CALM => 0,
            Cause::Timer(_) => self.hops + 1,
            Cause::Message | Cause::Report(_) => self.hops,
        }
    }

    fn following(&self, plugin: &str) -> Following {
        Following { plugin: plugin.to_owned(), caused_by: self.message_id, hops: self.hops }
    }
}

/// A message of a plugin's, with nothing special about it.
fn request(to: &str, channel: &str, text: String, media: Vec<String>) -> Request {
    Request {
        to: to.to_owned(),
        from: None,
        by_service: false,
        channel: Some(channel.to_owned()),
        text,
        media,
        send_at: None,
        options: Options::default(),
        priority: Priority::Normal,
        idempotency: None,
        callback: None,
        origin: Origin::Plugin,
        template: None,
        bulk: None,
    }
}

/// What is decided about it is committed with all else; what can't be sent is said, and what fails for now is waited for.
fn take(
    matter: &Matter<'_>,
    what: &str,
    plugin: &str,
    prepared: Result<Submission, outbound::Error>,
    processed: &mut Processed,
) -> Result<(), Error> {
    match prepared {
        Ok(mut submission) => {
            processed.state.append(&mut submission.state);
            processed.traces.append(&mut submission.traces);
            processed.sends.push(submission);
            Ok(())
        }
        Err(outbound::Error::Store(error)) => Err(error.into()),
        Err(error) if matter.waits_for(&error) => Err(Error::Failing(error.to_string())),
        Err(error) => {
            processed.leave_out(Some(plugin), format!("{what} was left out: {error}"));
            Ok(())
        }
    }
}

/// Only what came in can be of no interest.
fn discarded(cause: Cause, reason: Option<String>, processed: &mut Processed) -> Option<String> {
    match (cause, reason) {
        (Cause::Message, reason) => reason,
        (Cause::Report(_) | Cause::Timer(_), None) => None,
        (Cause::Report(_) | Cause::Timer(_), Some(_)) => {
            let reason = "a discard was left out: only what came in can be discarded".to_owned();
            processed.leave_out(None, reason);
            None
        }
    }
}

/// The changes of a contact's attributes that there is room for.
fn attributes(
    known: &BTreeMap<String, String>,
    wanted: BTreeMap<String, Option<String>>,
    processed: &mut Processed,
) -> BTreeMap<String, Option<String>> {
    let gone = wanted.iter().filter(|(name, value)| value.is_none() && known.contains_key(*name)).count();
    let mut room = (MAX_ATTRIBUTES + gone).saturating_sub(known.len());
    let mut changes = BTreeMap::new();
    for (name, value) in wanted {
        if value.is_some() && !known.contains_key(&name) {
            if room == 0 {
                let reason = format!("the attribute `{name}` was left out: a contact has {MAX_ATTRIBUTES} at the most");
                processed.leave_out(None, reason);
                continue;
            }
            room -= 1;
        }
        changes.insert(name, value);
    }
    changes
}
