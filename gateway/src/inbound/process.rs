//! Processing one recorded message: plugins, plan, commit.

use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use crate::actions::{Plan, PlannedReply};
use crate::channels::{self, Channel};
use crate::message::{MessageId, Options, PartId};
use crate::plugins::{Chain, ContactSeen, ConversationSeen, InboundCall, Nothing, Ran, Surroundings};
use crate::store::{
    self, Committed, Conversation, NewOutbound, NewPart, Processed, Recorded, Route, Schedule, Sender, Trace,
};

/// Between two tries to commit while the database is away.
const PAUSES: [u64; 6] = [1, 2, 5, 10, 20, 30];

/// Until it is processed: what was recorded is never given up while the gateway runs.
pub(super) async fn process(shared: &Arc<Shared>, recorded: Recorded) {
    let mut pauses = PAUSES.iter().copied().chain(std::iter::repeat(30));
    loop {
        match process_once(shared, &recorded).await {
            Ok(()) => return,
            Err(store::Error::Refused(reason)) => {
                tracing::error!(message_id = %recorded.id, reason, "a message can't be processed; the next start tries again");
                shared.waiting.finish(recorded.id, None);
                return;
            }
            Err(store::Error::Unavailable(reason)) => {
                let pause = pauses.next().unwrap_or(30);
                tracing::warn!(message_id = %recorded.id, reason, seconds = pause, "processing waits for the database");
                shared.waiting.finish(recorded.id, None);
                tokio::time::sleep(Duration::from_secs(pause)).await;
            }
        }
    }
}

async fn process_once(shared: &Arc<Shared>, recorded: &Recorded) -> Result<(), store::Error> {
    let Some(conversation) = shared.store.conversation(recorded.conversation_id).await? else {
        return Err(store::Error::Refused("its conversation is not there".to_owned()));
    };
    let chain = shared.plugins.chain();
    let asked = chain.on_inbound(call(recorded, &conversation), &shared.surroundings(&chain)).await;
    let plan = asked.outcome;
    let Some(channel) = shared.channels.get(&recorded.channel) else {
        return Err(store::Error::Refused(format!("its channel `{}` is no longer configured", recorded.channel)));
    };
    let mut traces: Vec<Trace> = asked.ran.into_iter().map(|ran| shared.trace(ran)).collect();
    let (mut replies, unsendable) = shared.replies(recorded, channel.as_ref(), &plan);
    note(&mut traces, unsendable);
    // From here on whoever still waits counts on the answer, and gets it after the commit.
    let texts = replies.iter().flat_map(|reply| &reply.parts).map(|part| part.text.as_str());
    let fits = channel.capabilities().answer.is_some_and(|limits| limits.take(texts));
    let rides = fits && shared.waiting.claim(recorded.id);
    let answer = (rides && !replies.is_empty()).then(|| {
        for reply in &mut replies {
            reply.route = Route::Answer { ask_at: shared.store.first_question(reply.at) };
        }
        channel.answer(&shared.rides(recorded, &replies)).body
    });
    let outbox = !rides && !replies.is_empty();
    let processed = Processed {
        message_id: recorded.id,
        conversation_id: recorded.conversation_id,
        at: shared.clock.now(),
        answer: answer.clone(),
        status: plan.status,
        tags: plan.tags,
        replies,
        traces,
    };
    let committed = shared.store.commit(processed).await?;
    match committed {
        Committed::Done => {}
        Committed::Unanswered => tracing::info!(message_id = %recorded.id, "no reply to somebody who has opted out"),
        Committed::Before => tracing::info!(message_id = %recorded.id, "another process had processed this message"),
    }
    shared.waiting.finish(recorded.id, answer.filter(|_| committed == Committed::Done));
    if outbox {
        shared.outbox.notify_one();
    }
    Ok(())
}

/// Replies that the channel can't carry are part of the explanation.
fn note(traces: &mut [Trace], unsendable: Vec<(String, String)>) {
    for (plugin, reason) in unsendable {
        let Some(trace) = traces.iter_mut().find(|trace| trace.plugin == plugin) else { continue };
        if let Some(left_out) = trace.decision.get_mut("left_out").and_then(serde_json::Value::as_array_mut) {
            left_out.push(reason.into());
        }
    }
}

fn call(recorded: &Recorded, conversation: &Conversation) -> InboundCall {
    InboundCall {
        id: recorded.id,
        channel: recorded.channel.clone(),
        sender: recorded.sender.clone(),
        recipient: recorded.recipient.clone(),
        text: recorded.text.clone(),
        media: recorded.media.clone(),
        received_at: recorded.received_at,
        extra: recorded.extra.clone(),
        conversation: ConversationSeen {
            id: conversation.id,
            channel: conversation.channel.clone(),
            address: conversation.address.clone(),
            status: conversation.status,
            subject: conversation.subject.clone(),
            tags: conversation.tags.clone(),
            assignee: None,
            contact: ContactSeen { id: conversation.contact_id, name: None, attributes: Vec::new() },
            inbound_count: recorded.ordinal,
            previous_inbound_at: recorded.previous_inbound_at,
        },
    }
}

impl Shared {
    fn surroundings(&self, chain: &Chain) -> Surroundings {
        Surroundings {
            now: self.clock.now(),
            seed: 0,
            locale: self.place.locale.clone(),
            time_zone: self.place.time_zone.clone(),
            state: Arc::new(Nothing),
            fetcher: chain.fetcher(),
        }
    }

    fn trace(&self, ran: Ran) -> Trace {
        Trace {
            id: self.ids.next(self.clock.now()),
            plugin: ran.plugin,
            version: ran.manifest.version,
            digest: ran.manifest.digest,
            decision: ran.decision,
            error: ran.error,
            duration_micros: u64::try_from(ran.duration.as_micros()).unwrap_or(u64::MAX),
        }
    }

    /// The replies as messages to be stored, and those the channel can't carry with the reason.
    fn replies(
        &self,
        recorded: &Recorded,
        channel: &dyn Channel,
        plan: &Plan,
    ) -> (Vec<NewOutbound>, Vec<(String, String)>) {
        let mut replies = Vec::new();
        let mut unsendable = Vec::new();
        for reply in &plan.replies {
            match self.reply(recorded, channel, reply) {
                Ok(message) => replies.push(message),
                Err(reason) => unsendable.push((reply.plugin.clone(), reason.to_string())),
            }
        }
        (replies, unsendable)
    }

    fn reply(
        &self,
        recorded: &Recorded,
        channel: &dyn Channel,
        reply: &PlannedReply,
    ) -> Result<NewOutbound, channels::Unsendable> {
        let outbound =
            channels::Outbound { text: reply.text.clone(), media: reply.media.clone(), ..Default::default() };
        let now = self.clock.now();
        let id = MessageId(self.ids.next(now));
        let parts: Vec<NewPart> = channel
            .split(&outbound)?
            .into_iter()
            .map(|content| NewPart {
                id: PartId(self.ids.next(now)),
                segments: channel.segments(&content.text, &outbound.options),
                text: content.text,
                media: content.media,
            })
            .collect();
        Ok(NewOutbound {
            id,
            channel: recorded.channel.clone(),
            // The person wrote to this address and expects the answer from it.
            sender: Sender::Named(recorded.recipient.clone()),
            service: None,
            recipient: recorded.sender.clone(),
            text: reply.text.clone(),
            media: reply.media.clone(),
            segments: parts.iter().map(|part| part.segments).sum(),
            parts,
            route: Route::Outbox,
            in_reply_to: Some(recorded.id),
            plugin: Some(reply.plugin.clone()),
            options: Options::default(),
            schedule: Schedule::Now,
            callback: None,
            at: now,
        })
    }

    fn rides(&self, recorded: &Recorded, replies: &[NewOutbound]) -> Vec<channels::Reply> {
        replies
            .iter()
            .flat_map(|reply| &reply.parts)
            .map(|part| channels::Reply {
                text: part.text.clone(),
                media: part.media.clone(),
                status_callback: channels::status_callback(&self.public_url, &recorded.channel, part.id),
            })
            .collect()
    }
}
