//! Parts that may have been handed over: the provider's list says whether they were.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Work;
use super::settings::{OnUnknown, earlier, later, seconds};
use crate::channels::{Listed, Search};
use crate::message::{Direction, PartId};
use crate::store::{self, CLOCK_AHEAD, Due, Fate, Found, Reconciled, Reconciliation};

/// How long a part is asked about that the provider does not list. A report still settles it.
const GIVE_UP: Duration = Duration::from_hours(7 * 24);

impl Work {
    /// All of one channel, from one sender, to one recipient. `started` is now, by a clock that nobody sets.
    pub(super) async fn resolve(&self, due: Vec<Due>, started: Instant) -> Result<(), store::Error> {
        let Some(first) = due.first() else { return Ok(()) };
        let ids: Vec<PartId> = due.iter().map(|due| due.part_id).collect();
        let checks = due.iter().map(|due| due.checks).min().unwrap_or(0);
        let channel = self.parts.channels.get(&first.channel);
        let Some((channel, records)) = channel.and_then(|channel| Some((channel, channel.records()?))) else {
            return self.parts.store.ask_again(ids, None, checks).await;
        };
        // Whole pages are read before anything is concluded, so what counts is when reading began.
        let now = self.parts.clock.now();
        let began_at = due.iter().map(|due| due.began_at).min().unwrap_or(now);
        let search = Search {
            direction: Direction::Outbound,
            sender: first.sender.clone().or_else(|| channel.sender().cloned()),
            recipient: Some(first.recipient.clone()),
            // A second more, since dates without milliseconds are compared.
            since: earlier(began_at, CLOCK_AHEAD.unsigned_abs() + Duration::from_secs(1)),
            until: Timestamp::MAX,
        };
        let listed = match self.list(records, &search).await {
            Ok(listed) => listed,
            Err(failed) => {
                let until = self.note_failure(&first.channel, &failed);
                return self.parts.store.look_again(ids, now, until, checks.saturating_sub(1)).await;
            }
        };
        self.note_success(&first.channel);
        let reconciliation = Reconciliation {
            channel: first.channel.clone(),
            channels: self.parts.channels.names().map(str::to_owned).collect(),
            sender: first.sender.clone(),
            recipient: first.recipient.clone(),
            found: listed.into_iter().map(found).collect(),
            since: search.since,
            asked: due.iter().map(|due| (due.part_id, self.next(due, now, started))).collect(),
            resend_before: self.resend_before(now),
            waited: due.iter().filter(|due| self.has_waited(due, started)).map(|due| due.part_id).collect(),
            tries: self.parts.tries,
            at: self.parts.clock.now(),
        };
        let came_to = self.parts.store.reconcile(reconciliation).await?;
        let is_missing =
            |part: PartId| came_to.iter().any(|it| it.part_id == part && matches!(it.fate, Fate::Open | Fate::Held(_)));
        for Due { part_id, ended_at, .. } in due {
            if is_missing(part_id) {
                self.absences.missed(part_id, ended_at, started);
            } else {
                self.absences.forget(part_id);
            }
        }
        for reconciled in came_to {
            self.tell(&reconciled);
        }
        Ok(())
    }

    /// Whether it has been missing since its last try for as long as it must be, by a clock that nobody sets.
    fn has_waited(&self, due: &Due, started: Instant) -> bool {
        self.absences.lasted(due.part_id, due.ended_at, started) >= seconds(self.parts.settings.resend_after_s)
    }

    fn resend_before(&self, now: Timestamp) -> Option<Timestamp> {
        let settings = &self.parts.settings;
        (settings.on_unknown == OnUnknown::ResendAfter).then(|| earlier(now, seconds(settings.resend_after_s)))
    }

    /// The next question about a part, should this one leave it open: none after a week, once it was waited for, too.
    /// After a restart it was not yet, and without a further question it would never be decided.
    fn next(&self, due: &Due, now: Timestamp, started: Instant) -> Option<Timestamp> {
        let settings = &self.parts.settings;
        let wait = seconds(settings.resend_after_s);
        let left = wait.saturating_sub(self.absences.lasted(due.part_id, due.ended_at, started));
        if later(due.ended_at, GIVE_UP) <= now && left.is_zero() {
            return None;
        }
        let usual = later(now, settings.ask_pause(due.checks));
        let resend = later(due.ended_at, wait).max(later(now, left));
        // Not long after it could be sent again.
        Some(if resend > now { usual.min(resend) } else { usual })
    }

    fn tell(&self, reconciled: &Reconciled) {
        let Reconciled { part_id, message_id, fate } = reconciled;
        match fate {
            Fate::Open => tracing::debug!(%part_id, %message_id, "the provider does not list a part yet"),
            Fate::Found(status) => {
                tracing::info!(%part_id, %message_id, %status, "an unknown part is settled: the provider has it");
            }
            Fate::Resent => {
                tracing::info!(%part_id, %message_id, "an unknown part is sent again: the provider never got it");
                self.parts.outbox.notify_one();
            }
            Fate::Canceled => {
                tracing::info!(%part_id, %message_id, "an unknown part is canceled: the provider never got it");
            }
            Fate::GivenUp => tracing::warn!(%part_id, %message_id, "a part failed: the provider never took it"),
            Fate::Held(hold) => {
                tracing::warn!(%part_id, %message_id, reason = hold.reason(), "an unknown part is held");
            }
        }
        if !matches!(fate, Fate::Open) {
            // Nobody needs to be waiting for it.
            let _ = self.parts.settled.send(*message_id);
        }
    }
}

fn found(listed: Listed) -> Found {
    Found {
        provider_id: listed.provider_id,
        reply: listed.reply,
        sender: listed.sender,
        service: listed.service,
        text: listed.text,
        media: listed.media,
        status: listed.status,
        segments: listed.segments,
        error: listed.error,
        consent: listed.consent,
        created_at: listed.created_at,
    }
}
