//! Processing one recorded message: plugins, plan, commit.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Shared, counting};
use crate::actions::{Plan, PlannedReply};
use crate::channels::{self, Channel};
use crate::deciding::{Decided, seen};
use crate::gate::Refusal;
use crate::message::consent::Keyword;
use crate::message::{Line, MessageId, Options, PartId, Priority};
use crate::outbound;
use crate::plugins::InboundCall;
use crate::processing::{Decision, Error, Failures, Matter, as_read, pauses};
use crate::store::{
    self, Cause, Committed, NewOutbound, NewPart, Processed, Recorded, Route, Schedule, Sender, Snapshot, Thread,
};

/// Until it is processed: what was recorded is never given up while the gateway runs.
pub(super) async fn process(shared: &Arc<Shared>, recorded: Recorded) {
    let began = std::time::Instant::now();
    let deciding = shared.processing.deciding();
    let seed = deciding.seed();
    let (mut pauses, mut patience) = (pauses(), shared.processing.patience());
    let (mut turn, mut asked) = (None, None);
    loop {
        match process_once(shared, &recorded, seed, &mut asked, patience.failures()).await {
            Ok(Committed::Stale) if turn.is_none() => turn = Some(deciding.turn().await),
            Ok(Committed::Stale) => {}
            Ok(Committed::Early) => {
                shared.held.hold(recorded);
                return;
            }
            Ok(_) => return counting::processed(&recorded.channel, recorded.id, began.elapsed()),
            Err(Error::Store(store::Error::Refused(reason))) => {
                tracing::error!(message_id = %recorded.id, reason, "a message can't be processed; the next start tries again");
                shared.waiting.finish(recorded.id, None);
                return set_aside(shared, recorded.id).await;
            }
            Err(Error::Store(store::Error::Unavailable(reason) | store::Error::Overtaken(reason))) => {
                turn = None;
                let pause = pauses.next().unwrap_or_default();
                let seconds = pause.as_secs();
                tracing::warn!(message_id = %recorded.id, reason, seconds, "processing waits for the database");
                shared.waiting.finish(recorded.id, None);
                tokio::time::sleep(pause).await;
            }
            Err(Error::Failing(reason)) => {
                turn = None;
                let pause = patience.pause();
                let seconds = pause.as_secs();
                tracing::warn!(message_id = %recorded.id, reason, seconds, "processing waits for what fails");
                shared.waiting.finish(recorded.id, None);
                if !shared.processing.lanes().rest(pause).await {
                    // The next start takes it up again.
                    return;
                }
            }
        }
    }
}

/// Until that is on record: what comes behind it in its conversation would wait for it as long as this gateway runs.
pub(super) async fn set_aside(shared: &Shared, id: MessageId) {
    let mut pauses = pauses();
    while let Err(error) = shared.store.set_aside(id).await {
        tracing::warn!(message_id = %id, %error, "it holds up its conversation");
        if matches!(error, store::Error::Refused(_)) {
            return;
        }
        tokio::time::sleep(pauses.next().unwrap_or_default()).await;
    }
}

async fn process_once(
    shared: &Arc<Shared>,
    recorded: &Recorded,
    seed: u64,
    asked: &mut Option<Decision>,
    failures: Failures,
) -> Result<Committed, Error> {
    let Decision { thread, decided } = match asked.take() {
        Some(asked) => asked,
        None => ask(shared, recorded, seed, failures).await?,
    };
    let matter = Matter { cause: Cause::Message, message_id: recorded.id, thread: &thread, hops: 0, failures };
    let channel = shared.channel(recorded)?;
    let mut processed = match shared.make(recorded, &matter, channel.as_ref(), decided.clone()).await {
        Err(error @ Error::Failing(_)) => {
            *asked = Some(Decision { thread, decided });
            return Err(error);
        }
        made => made?,
    };
    let answer = shared.answer(recorded, channel.as_ref(), &mut processed);
    let riding: Vec<_> = processed.replies.iter().filter(|_| answer.is_some()).map(leaving).collect();
    processed.seed = Some(seed);
    processed.seen = Some(Snapshot::of(&thread));
    processed.answer.clone_from(&answer);
    let committed = shared.processing.commit(processed).await?;
    match committed {
        // They leave by the same sender as all else, and nothing can hold them up.
        Committed::Done => riding.iter().for_each(|(line, segments, at)| shared.rates.take(line, *segments, *at)),
        Committed::Unanswered => {
            tracing::info!(message_id = %recorded.id, "no reply rides the answer: the gate keeps one, or others wait in front");
        }
        Committed::Before => tracing::info!(message_id = %recorded.id, "another process had processed this message"),
        // Whoever waits goes on waiting.
        Committed::Stale | Committed::Early => return Ok(committed),
    }
    shared.waiting.finish(recorded.id, answer.filter(|_| committed == Committed::Done));
    Ok(committed)
}

async fn ask(shared: &Shared, recorded: &Recorded, seed: u64, failures: Failures) -> Result<Decision, Error> {
    let Some(thread) = shared.store.thread_of(recorded).await? else {
        return Err(store::Error::Refused("its conversation is not there".to_owned()).into());
    };
    let decided = shared.processing.deciding().inbound(call(recorded, &thread), seed).await;
    Ok(Decision { thread, decided: as_read(decided, failures)? })
}

/// What it takes of its sender's rate.
fn leaving(reply: &NewOutbound) -> (Line, u32, Timestamp) {
    (Line::of(&reply.channel, reply.sender.address(), reply.service.as_deref()), reply.segments, reply.at)
}

fn call(recorded: &Recorded, thread: &Thread) -> InboundCall {
    InboundCall {
        id: recorded.id,
        channel: recorded.channel.clone(),
        sender: recorded.sender.clone(),
        recipient: recorded.recipient.clone(),
        text: recorded.text.clone(),
        media: recorded.media.clone(),
        received_at: recorded.received_at,
        extra: recorded.extra.clone(),
        conversation: seen(thread, recorded.ordinal, recorded.previous_inbound_at),
    }
}

impl Shared {
    fn channel(&self, recorded: &Recorded) -> Result<Arc<dyn Channel>, store::Error> {
        let found = self.channels.get(&recorded.channel).cloned();
        let reason = || format!("its channel `{}` is no longer configured", recorded.channel);
        found.ok_or_else(|| store::Error::Refused(reason()))
    }

    /// What is committed, but for the way that the replies take.
    async fn make(
        &self,
        recorded: &Recorded,
        matter: &Matter<'_>,
        channel: &dyn Channel,
        decided: Decided<Plan>,
    ) -> Result<Processed, Error> {
        let (mut processed, outgoing) = self.processing.plan(matter, decided).await?;
        // Before all else: messages leave in the order in which they were made.
        let confirmation = self.confirmation(recorded, matter, channel)?;
        self.replies(recorded, matter, channel, outgoing.replies, &mut processed).await?;
        if let Some(confirmation) = confirmation {
            self.confirm(recorded, confirmation, &mut processed);
        }
        self.processing.send(matter, outgoing.sends, &mut processed).await?;
        Ok(processed)
    }

    /// Makes messages of the replies.
    async fn replies(
        &self,
        recorded: &Recorded,
        matter: &Matter<'_>,
        channel: &dyn Channel,
        planned: Vec<PlannedReply>,
        processed: &mut Processed,
    ) -> Result<(), Error> {
        for mut reply in planned {
            let made = match self.processing.publish(&mut reply.media).await {
                Ok(()) => self.reply(recorded, channel, &reply).map_err(outbound::Error::from),
                Err(error) => Err(error),
            };
            match made {
                Ok(message) => processed.replies.push(message),
                Err(outbound::Error::Store(error)) => return Err(error.into()),
                Err(error) if matter.waits_for(&error) => return Err(Error::Failing(error.to_string())),
                Err(error) => processed.leave_out(Some(&reply.plugin), format!("a reply was left out: {error}")),
            }
        }
        Ok(())
    }

    /// What tells the person what came of their own word, if that is still to be done: no plugin is asked.
    fn confirmation(
        &self,
        recorded: &Recorded,
        matter: &Matter<'_>,
        channel: &dyn Channel,
    ) -> Result<Option<NewOutbound>, Error> {
        let Some(heard) = recorded.heard.filter(|heard| heard.confirm) else { return Ok(None) };
        let Some(text) = self.rules.confirmation(heard.keyword, heard.locale) else { return Ok(None) };
        match self.message(recorded, channel, text, &[], None).map_err(outbound::Error::from) {
            // Of these, that of an opting out alone comes past the gate: the others are replies like any.
            Ok(message) => Ok(Some(NewOutbound { confirms: heard.keyword == Keyword::OptOut, ..message })),
            Err(error) if matter.waits_for(&error) => Err(Error::Failing(error.to_string())),
            Err(error) => {
                tracing::warn!(message_id = %recorded.id, %error, "the channel can't carry a confirmation");
                Ok(None)
            }
        }
    }

    /// Before what plugins reply. Where the person wants no more messages, it is all they are told.
    fn confirm(&self, recorded: &Recorded, confirmation: NewOutbound, processed: &mut Processed) {
        if recorded.heard.is_some_and(|heard| heard.keyword == Keyword::OptOut) {
            let everywhere = self.rules.is_business_wide();
            let refusal = Refusal::OptedOut { since: recorded.received_at, everywhere };
            for reply in std::mem::take(&mut processed.replies) {
                processed.silence("a reply", &reply, &refusal);
            }
        }
        processed.replies.insert(0, confirmation);
    }

    /// Decides which way the replies take: what the webhook is answered, or nothing where they go through
    /// the outbox. From here on whoever still waits counts on the answer, and gets it after the commit.
    fn answer(&self, recorded: &Recorded, channel: &dyn Channel, processed: &mut Processed) -> Option<String> {
        let texts = processed.replies.iter().flat_map(|reply| &reply.parts).map(|part| part.text.as_str());
        let fits = channel.capabilities().answer.is_some_and(|limits| limits.take(texts));
        // What is paused by hand sends nothing, in no way.
        let paused = self.pauses.is_by_hand(&recorded.channel);
        let rides = fits && !paused && self.waiting.claim(recorded.id);
        if !rides || processed.replies.is_empty() {
            return None;
        }
        for reply in &mut processed.replies {
            reply.route = Route::Answer { ask_at: self.store.first_question(reply.at) };
        }
        Some(channel.answer(&self.rides(recorded, &processed.replies)).body)
    }

    fn reply(
        &self,
        recorded: &Recorded,
        channel: &dyn Channel,
        reply: &PlannedReply,
    ) -> Result<NewOutbound, channels::Unsendable> {
        self.message(recorded, channel, &reply.text, &reply.media, Some(&reply.plugin))
    }

    /// A message that answers this one.
    fn message(
        &self,
        recorded: &Recorded,
        channel: &dyn Channel,
        text: &str,
        media: &[String],
        plugin: Option<&str>,
    ) -> Result<NewOutbound, channels::Unsendable> {
        let outbound = channels::Outbound { text: text.to_owned(), media: media.to_vec(), ..Default::default() };
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
            text: outbound.text,
            media: outbound.media,
            segments: parts.iter().map(|part| part.segments).sum(),
            parts,
            route: Route::Outbox,
            in_reply_to: Some(recorded.id),
            plugin: plugin.map(str::to_owned),
            options: Options::default(),
            schedule: Schedule::Now,
            // Somebody wrote and looks at their phone.
            priority: Priority::High,
            callback: None,
            seed: None,
            rejected: None,
            caused_by: None,
            hops: 0,
            confirms: false,
            template: None,
            bulk: None,
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
