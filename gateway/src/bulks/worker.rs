//! Working bulk sends off: a few messages at a time, so that what is urgent finds room, and so that little is to be
//! held when somebody pauses one.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::failing::{self, Came};
use super::taking::{self, Content, Recipient};
use super::{Bulks, STEP};
use crate::channels::Unsendable;
use crate::outbound;
use crate::store::{self, BulkState, KnownBulk, Next, UsedTemplate, WaitingRecipient};
use crate::templates::Definition;

/// How often it looks whether a bulk send is due.
const LOOK: Duration = Duration::from_secs(1);
/// How long a bulk send is left to one gateway. What two make at once is made once all the same.
const LEASE: SignedDuration = SignedDuration::from_secs(10);
/// How many recipients at a time, and how many of those at once: their commits are shared.
const BATCH: u64 = 64;
const AT_ONCE: usize = 16;
/// The most parts of a bulk send in the outbox. Senders are slower than this in a look's time.
const WINDOW: u64 = 1_000;
/// When one is looked at again whose window is full, that is paused, or that can't go on for now.
const SOON: SignedDuration = SignedDuration::from_millis(500);
const PAUSED: SignedDuration = SignedDuration::from_secs(5);
const LATER: SignedDuration = SignedDuration::from_secs(5);

/// Works until told to stop. What is under way is committed, or was not begun.
pub async fn run(bulks: Bulks, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let worked = match bulks.work().await {
            Ok(worked) => worked,
            Err(error) => {
                tracing::warn!(%error, "bulk sends wait for now");
                false
            }
        };
        if !worked {
            tokio::select! {
                () = bulks.0.due.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }
}

impl Bulks {
    /// Looks after the bulk send that is due first. False where none is.
    async fn work(&self) -> Result<bool, store::Error> {
        let parts = &self.0.parts;
        let now = parts.clock.now();
        if !parts.store.bulks_due(now).await? {
            return Ok(false);
        }
        let until = later(now, LEASE);
        let Some(bulk) = parts.store.claim_bulk(now, until).await? else { return Ok(false) };
        let next = match bulk.state {
            BulkState::Running => self.go_on(&bulk).await?,
            BulkState::Paused => {
                // What was being handed over when it was paused may have come back.
                self.hold(bulk.id).await?;
                Next::At(later(parts.clock.now(), PAUSED))
            }
            BulkState::Canceled => {
                self.end(bulk.id).await?;
                self.rest_of(&bulk).await?
            }
            BulkState::Done => Next::Finished,
        };
        parts.store.leave_bulk(&bulk, until, next, parts.clock.now()).await?;
        Ok(true)
    }

    /// Nothing is left once nothing of it waits or is being sent.
    async fn rest_of(&self, bulk: &KnownBulk) -> Result<Next, store::Error> {
        let parts = &self.0.parts;
        let left = parts.store.bulk_under_way(bulk.id, 1, None).await?;
        Ok(if left == 0 { Next::Finished } else { Next::At(later(parts.clock.now(), SOON)) })
    }

    async fn go_on(&self, bulk: &KnownBulk) -> Result<Next, store::Error> {
        let parts = &self.0.parts;
        while parts.store.release_bulk(bulk.id, STEP, parts.clock.now()).await? > 0 {
            parts.outbound.wake();
        }
        let room = WINDOW.saturating_sub(parts.store.bulk_under_way(bulk.id, WINDOW, Some(parts.clock.now())).await?);
        if room == 0 {
            return Ok(Next::At(later(parts.clock.now(), SOON)));
        }
        let waiting = parts.store.waiting_recipients(bulk.id, room.min(BATCH), parts.clock.now()).await?;
        if waiting.is_empty() {
            if let Some(again_at) = parts.store.recipients_put_off_until(bulk.id).await? {
                return Ok(Next::At(again_at));
            }
            let next = self.rest_of(bulk).await?;
            if next == Next::Finished {
                tracing::info!(bulk_id = %bulk.id, "a bulk send is done");
            }
            return Ok(next);
        }
        let batch = self.submit(bulk, waiting).await?;
        let goes_on = self.judge(bulk, batch).await?;
        let pause = if goes_on { SignedDuration::ZERO } else { LATER };
        Ok(Next::At(later(parts.clock.now(), pause)))
    }

    /// Puts off, and in the end refuses, those for whom alone nothing can be decided. False where something keeps
    /// everybody's messages from being taken now.
    async fn judge(&self, bulk: &KnownBulk, batch: Vec<Came>) -> Result<bool, store::Error> {
        let parts = &self.0.parts;
        let failed: BTreeSet<Option<&str>> = batch
            .iter()
            .filter_map(|came| if let Came::Failed { plugin, .. } = came { Some(plugin.as_deref()) } else { None })
            .collect();
        let their_own = !failed.is_empty() && {
            let works_for_others = self.has_decided(&batch, &failed).await?;
            let others_are_left = parts.store.has_untried_recipients(bulk.id).await?;
            failing::is_their_own(&batch, works_for_others, others_are_left)
        };
        let mut goes_on = !batch.contains(&Came::Hampered);
        for came in batch {
            let Came::Failed { place, failing, problem, .. } = came else { continue };
            if !their_own {
                goes_on = false;
                continue;
            }
            if let Some((failing, until)) = failing::next(failing, parts.clock.now()) {
                parts.store.put_off_recipient(place, failing, until).await?;
                continue;
            }
            let position = place.position;
            tracing::warn!(bulk_id = %place.bulk_id, position, "somebody is sent nothing: it fails for them alone, each time");
            parts.store.refuse_recipient(place, problem).await?;
        }
        Ok(goes_on)
    }

    /// Whether what failed decided about others of the batch. A plugin did not where one before it ended the chain.
    async fn has_decided(&self, batch: &[Came], failed: &BTreeSet<Option<&str>>) -> Result<bool, store::Error> {
        for came in batch {
            let Came::Decided(id) = came else { continue };
            let Some(id) = id.filter(|_| !failed.contains(&None)) else { return Ok(true) };
            let traces = self.0.parts.store.traces(id).await?;
            if traces.iter().any(|ran| ran.error.is_none() && failed.contains(&Some(ran.plugin.as_str()))) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn submit(&self, bulk: &KnownBulk, waiting: Vec<WaitingRecipient>) -> Result<Vec<Came>, store::Error> {
        let content: Content = serde_json::from_value(bulk.content.clone())
            .map_err(|error| store::Error::Refused(format!("a bulk send can't be read: {error}")))?;
        let template = match &content.template {
            None => None,
            Some(wish) => self.0.parts.outbound.kept_template(&wish.name, wish.version).await?,
        };
        let (content, template) = (&content, template.as_ref());
        let done = futures::stream::iter(waiting)
            .map(|recipient| self.submit_one(content, template, recipient))
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        Ok(done)
    }

    async fn submit_one(
        &self,
        content: &Content,
        template: Option<&(UsedTemplate, Definition)>,
        waiting: WaitingRecipient,
    ) -> Came {
        use outbound::Error;
        let parts = &self.0.parts;
        let WaitingRecipient { place, recipient, locale, variables, failing } = waiting;
        let variables = variables.and_then(|variables| serde_json::from_value(variables).ok()).unwrap_or_default();
        let recipient = Recipient { to: recipient, locale, variables };
        let template = template.map(|(used, definition)| (used.clone(), definition));
        let request = taking::request(&parts.outbound, content, template, &recipient, Some(place));
        let submitted = match request {
            Ok(request) => Box::pin(parts.outbound.submit(request)).await,
            Err(error) => Err(error),
        };
        let error = match submitted {
            Ok(taken) => return Came::Decided(Some(taken.id)),
            // What plugins refused is on record with the message. Or paused or canceled meanwhile, or another gateway
            // was faster.
            Err(Error::Rejected { .. } | Error::NotAwaited) => return Came::Nothing,
            Err(error) => error,
        };
        let problem = taking::problem(&error, parts.locale);
        let waits = || {
            tracing::warn!(bulk_id = %place.bulk_id, position = place.position, %error, "a message of a bulk send waits");
        };
        match &error {
            Error::NoVerdict { plugin, .. } => {
                waits();
                return Came::Failed { place, failing, plugin: Some(plugin.clone()), problem };
            }
            Error::Unsendable(Unsendable::Broken(_)) => {
                waits();
                return Came::Failed { place, failing, plugin: None, problem };
            }
            Error::Uploads(_) | Error::Store(store::Error::Unavailable(_) | store::Error::Overtaken(_)) => {
                waits();
                return Came::Hampered;
            }
            _ => {}
        }
        // The gate is asked last.
        let came = if matches!(error, Error::Gate { .. }) { Came::Decided(None) } else { Came::Nothing };
        let refused = parts.store.refuse_recipient(place, problem).await;
        refused.map_or(Came::Hampered, |()| came)
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(now)
}
