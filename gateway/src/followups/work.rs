//! Following up one report or one timer: plugins, plan, commit.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Parts;
use super::hands::Leased;
use crate::actions::Plan;
use crate::deciding::{Decided, seen};
use crate::message::{ContactId, ConversationId};
use crate::plugins::{LeftAlone, StatusCall, TimerCall};
use crate::processing::{Decision, Error, Failures, Matter, as_read, pauses};
use crate::store::{self, Cause, ClaimedReport, ClaimedTimer, Committed, Explaining, Processed};

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

    pub(super) fn cause(&self) -> Cause {
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

    /// A report is one step further from what began it all.
    fn hops(&self) -> u32 {
        match self {
            Self::Report(report) => report.message.hops + 1,
            Self::Timer(timer) => timer.hops,
        }
    }
}

/// What one try came to.
enum Came {
    Committed(Committed),
    /// The plugin whose timer it is may be asked again from then on.
    Waits(Timestamp),
}

/// Until it is committed, or another process has it. `lease` is how long it is left to this process each time; `rests`
/// is told when it waits for what fails, which may be long.
pub(super) async fn follow_up(
    parts: &Parts,
    followup: &Followup,
    lease: SignedDuration,
    leased: &Leased,
    mut rests: impl FnMut(),
) {
    if let Followup::Timer(timer) = followup
        && let Some(later) = parts.processing.deciding().chain().waits(&timer.plugin, parts.clock.now())
        && parts.store.renew(followup.cause(), leased.until(), later).await.is_ok()
    {
        // It is claimed again when its plugin may be asked again. What follows looks, too, but reads a lot before.
        return;
    }
    let message_id = followup.message().id;
    let seed = parts.processing.deciding().seed();
    let (mut pauses, mut patience) = (pauses(), parts.processing.patience());
    let (mut turn, mut asked) = (None, None);
    loop {
        // Waiting for its turn may have taken long: whoever takes it up meanwhile would ask a second time.
        if !keep(parts, followup, lease, leased, Duration::ZERO).await {
            tracing::debug!(%message_id, "another process follows this up, or a plugin took it back");
            return;
        }
        match once(parts, followup, seed, &mut asked, patience.failures()).await {
            Ok(Came::Waits(later)) => {
                if let Err(error) = parts.store.renew(followup.cause(), leased.until(), later).await {
                    tracing::warn!(%message_id, %error, "a timer waits for its plugin, for now until its lease ends");
                }
                return;
            }
            Ok(Came::Committed(Committed::Stale)) if turn.is_none() => {
                turn = Some(parts.processing.deciding().turn().await);
            }
            Ok(Came::Committed(Committed::Stale | Committed::Early)) => {}
            Ok(Came::Committed(Committed::Before)) => {
                tracing::info!(%message_id, "another process had followed this up, or a plugin took it back");
                return;
            }
            Ok(Came::Committed(Committed::Done | Committed::Unanswered)) => return,
            Err(Error::Store(store::Error::Refused(reason))) => {
                tracing::error!(%message_id, reason, "a report or timer can't be followed up; it is dropped");
                drop_it(parts, followup).await;
                return;
            }
            Err(Error::Store(store::Error::Unavailable(reason) | store::Error::Overtaken(reason))) => {
                turn = None;
                let pause = pauses.next().unwrap_or_default();
                tracing::warn!(%message_id, reason, seconds = pause.as_secs(), "following up waits for the database");
                tokio::time::sleep(pause).await;
            }
            Err(Error::Failing(reason)) => {
                turn = None;
                let pause = patience.pause();
                tracing::warn!(%message_id, reason, seconds = pause.as_secs(), "following up waits for what fails");
                rests();
                let kept = keep(parts, followup, lease, leased, pause).await;
                if !kept || !parts.processing.lanes().rest(pause).await {
                    return;
                }
            }
        }
    }
}

/// Leases it for longer, unless half a lease will be left after this pause: another try takes its time. False when it
/// is gone, or another process has it.
async fn keep(parts: &Parts, followup: &Followup, lease: SignedDuration, leased: &Leased, pause: Duration) -> bool {
    let until = leased.until();
    let (now, pause) = (parts.clock.now(), SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX));
    if until.duration_since(now) >= pause.saturating_add(lease / 2) {
        return true;
    }
    let later = now.checked_add(pause.saturating_add(lease)).unwrap_or(Timestamp::MAX);
    match parts.store.renew(followup.cause(), until, later).await {
        Ok(true) => leased.set(later),
        Ok(false) => return false,
        // Whatever follows finds that the database is away, and waits for it.
        Err(_) => {}
    }
    true
}

async fn once(
    parts: &Parts,
    followup: &Followup,
    seed: u64,
    asked: &mut Option<Decision>,
    failures: Failures,
) -> Result<Came, Error> {
    let Decision { thread, decided } = match asked.take() {
        Some(asked) => asked,
        None => match ask(parts, followup, seed).await? {
            Ok(Decision { thread, decided }) => Decision { thread, decided: as_read(decided, failures)? },
            Err(LeftAlone { until }) => return Ok(Came::Waits(until)),
        },
    };
    let message = followup.message();
    let hops = followup.hops();
    let matter = Matter { cause: followup.cause(), message_id: message.id, thread: &thread, hops, failures };
    let made = make(parts, &matter, message, decided.clone()).await;
    if matches!(made, Err(Error::Failing(_))) {
        *asked = Some(Decision { thread, decided });
    }
    Ok(Came::Committed(parts.processing.commit(made?).await?))
}

/// What is committed.
async fn make(
    parts: &Parts,
    matter: &Matter<'_>,
    message: &Explaining,
    decided: Decided<Plan>,
) -> Result<Processed, Error> {
    let (mut processed, outgoing) = parts.processing.plan(matter, decided).await?;
    parts.processing.reply(matter, message.ours.as_ref(), outgoing.replies, &mut processed).await?;
    parts.processing.send(matter, outgoing.sends, &mut processed).await?;
    Ok(processed)
}

async fn ask(parts: &Parts, followup: &Followup, seed: u64) -> Result<Result<Decision, LeftAlone>, store::Error> {
    let Some(thread) = parts.store.thread(followup.conversation_id()).await? else {
        return Err(store::Error::Refused("its conversation is not there".to_owned()));
    };
    let previous = parts.store.previous_inbound_at(thread.conversation.id).await?;
    let conversation = seen(&thread, thread.conversation.inbound_count, previous);
    let deciding = parts.processing.deciding();
    let decided = match followup {
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
            Ok(deciding.status(call, seed).await)
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
    };
    Ok(decided.map(|decided| Decision { thread, decided }))
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
