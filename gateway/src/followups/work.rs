//! Following up one report or one timer: plugins, plan, commit.

use super::Parts;
use crate::actions::Plan;
use crate::deciding::{Decided, seen};
use crate::message::{ContactId, ConversationId};
use crate::plugins::{StatusCall, TimerCall};
use crate::processing::{Matter, pauses};
use crate::store::{self, Cause, ClaimedReport, ClaimedTimer, Committed, Explaining, Processed, Thread};

/// What plugins are told of.
pub(super) enum Followup {
    Report(ClaimedReport),
    Timer(ClaimedTimer),
}

impl Followup {
    pub(super) fn conversation_id(&self) -> ConversationId {
        match self {
            Self::Report(report) => report.conversation_id,
            Self::Timer(timer) => timer.conversation_id,
        }
    }

    fn cause(&self) -> Cause {
        match self {
            Self::Report(report) => Cause::Report(report.id),
            Self::Timer(timer) => Cause::Timer(timer.id),
        }
    }

    /// The message that it belongs to.
    fn message(&self) -> &Explaining {
        match self {
            Self::Report(report) => &report.message,
            Self::Timer(timer) => &timer.message,
        }
    }

    /// A report is one step further from what began it all; a timer is as far as the message that it
    /// was started for.
    fn hops(&self) -> u32 {
        match self {
            Self::Report(report) => report.message.hops + 1,
            Self::Timer(timer) => timer.message.hops,
        }
    }
}

/// Until it is committed.
pub(super) async fn follow_up(parts: &Parts, followup: &Followup) {
    let message_id = followup.message().id;
    let seed = parts.processing.deciding().seed();
    let mut pauses = pauses();
    let mut turn = None;
    loop {
        match once(parts, followup, seed).await {
            Ok(Committed::Stale) if turn.is_none() => turn = Some(parts.processing.deciding().turn().await),
            Ok(Committed::Stale) => {}
            Ok(Committed::Before) => {
                tracing::info!(%message_id, "another process had followed this up, or a plugin took it back");
                return;
            }
            Ok(Committed::Done | Committed::Unanswered) => return,
            Err(store::Error::Refused(reason)) => {
                tracing::error!(%message_id, reason, "a report or timer can't be followed up; it is dropped");
                drop_it(parts, followup).await;
                return;
            }
            Err(store::Error::Unavailable(reason)) => {
                turn = None;
                let pause = pauses.next().unwrap_or_default();
                tracing::warn!(%message_id, reason, seconds = pause.as_secs(), "following up waits for the database");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

async fn once(parts: &Parts, followup: &Followup, seed: u64) -> Result<Committed, store::Error> {
    let Some(thread) = parts.store.thread(followup.conversation_id()).await? else {
        return Err(store::Error::Refused("its conversation is not there".to_owned()));
    };
    let decided = ask(parts, followup, &thread, seed).await?;
    let message = followup.message();
    let matter = Matter { cause: followup.cause(), message_id: message.id, thread: &thread, hops: followup.hops() };
    let (mut processed, replies) = parts.processing.plan(&matter, decided).await?;
    parts.processing.reply(&matter, message.ours.as_ref(), replies, &mut processed).await?;
    parts.processing.commit(processed).await
}

async fn ask(parts: &Parts, followup: &Followup, thread: &Thread, seed: u64) -> Result<Decided<Plan>, store::Error> {
    let previous = parts.store.previous_inbound_at(thread.conversation.id).await?;
    let conversation = seen(thread, thread.conversation.inbound_count, previous);
    let deciding = parts.processing.deciding();
    Ok(match followup {
        Followup::Report(report) => {
            let call = StatusCall {
                message_id: report.message.id,
                channel: report.message.channel.clone(),
                recipient: report.message.theirs.clone(),
                status: report.status,
                error: report.error.clone(),
                plugin: report.message.plugin.clone(),
                at: report.at,
                conversation,
            };
            deciding.status(call, seed).await
        }
        Followup::Timer(timer) => {
            let call = TimerCall {
                name: timer.name.clone(),
                payload: timer.payload.clone(),
                started_at: timer.started_at,
                due_at: timer.due_at,
                conversation,
            };
            deciding.timer(&timer.plugin, timer.message.id, call, seed).await
        }
    })
}

/// Takes away what would otherwise hold up all that comes behind it.
async fn drop_it(parts: &Parts, followup: &Followup) {
    let nothing = Processed::new(
        followup.cause(),
        followup.message().id,
        followup.conversation_id(),
        ContactId(uuid::Uuid::nil()),
        parts.clock.now(),
    );
    if let Err(error) = parts.processing.commit(nothing).await {
        tracing::error!(%error, "a report or timer that can't be followed up can't be dropped either");
    }
}
