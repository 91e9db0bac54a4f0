//! Which parts are sent next: those whose channel, sender and turn it is.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::shares::{Open, Shares};
use super::{LOOK, Parts, later};
use crate::pauses::Probe;
use crate::store::{self, Claimed, Order, Waiting, Wanted};

/// Whose turn it is; kept in memory, so that a restart begins anew.
#[derive(Debug, Default)]
pub struct Turns {
    shares: Mutex<Shares>,
    /// When leases that ended were looked for last.
    expired: Mutex<Option<Timestamp>>,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, Shares> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it is time to look for leases that ended.
    fn is_due(&self, now: Timestamp) -> bool {
        let mut last = self.expired.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.is_none_or(|last| now < last || now >= later(last, LOOK));
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

/// What may be sent now, and when it is worth looking again if that is nothing.
pub(super) struct Claims {
    pub(super) claimed: Vec<Claimed>,
    /// When a sender that is as fast as it may be has room again, if one is.
    pub(super) again_at: Option<Timestamp>,
    /// When it began to look.
    pub(super) since: Instant,
}

/// What a look for parts goes by.
struct Round {
    now: Timestamp,
    /// When the leases end.
    until: Timestamp,
    attempt_ids: Vec<uuid::Uuid>,
    waiting: Vec<Waiting>,
}

impl Parts {
    pub(super) async fn claim(&self, free: usize) -> Claims {
        let mut claims = Claims { claimed: Vec::new(), again_at: None, since: Instant::now() };
        let now = self.clock.now();
        // What was claimed before something failed must be sent, or its lease would end unheard.
        if let Err(error) = self.claim_into(&mut claims, now, free).await {
            tracing::warn!(%error, claimed = claims.claimed.len(), "nothing more can be sent for now");
        }
        claims
    }

    async fn claim_into(&self, claims: &mut Claims, now: Timestamp, free: usize) -> Result<(), store::Error> {
        if self.turns.is_due(now) {
            // By whichever gateway.
            self.pauses.set_by_hand(self.store.paused().await?.into_keys());
            for part in self.store.expire_leases(now).await? {
                tracing::warn!(part_id = %part, "a part was being sent when its worker stopped: its outcome is unknown");
            }
            for (part, message) in self.store.end_outdated(now).await? {
                tracing::warn!(message_id = %message, part_id = %part, "a part is given up: it waited for longer than it is valid");
                let _ = self.settled.send(message);
            }
        }
        if free == 0 {
            return Ok(());
        }
        let mut round = Round {
            now,
            until: later(now, self.lease()),
            attempt_ids: (0..free).map(|_| self.ids.next(now)).collect(),
            waiting: self.store.waiting(now).await?,
        };
        for probe in self.pauses.probes(now) {
            if round.attempt_ids.is_empty() {
                break;
            }
            if let Some(part) = self.claim_probe(probe, &mut round).await? {
                self.pauses.probe(&part.channel, part.id, now, self.lease());
                claims.claimed.push(part);
            }
        }
        let (open, again_at) = self.open(&round);
        claims.again_at = again_at;
        self.claim_by_turns(claims, round, open).await
    }

    /// To each its share; what one leaves, the others get.
    async fn claim_by_turns(&self, claims: &mut Claims, round: Round, open: Vec<Open>) -> Result<(), store::Error> {
        let Round { now, until, mut attempt_ids, .. } = round;
        let mut look = self.turns.lock().look(open);
        while !attempt_ids.is_empty() {
            let orders = self.turns.lock().orders(&look, attempt_ids.len());
            if orders.is_empty() {
                break;
            }
            let wanted = Wanted {
                now,
                until,
                attempt_ids: attempt_ids.clone(),
                orders: orders.clone(),
                but: Vec::new(),
                links_last: self.links_last,
            };
            let claimed = self.store.claim(wanted).await?;
            attempt_ids.drain(..claimed.len());
            for part in &claimed {
                self.rates.take(&part.line(), part.segments, now);
            }
            let came: Vec<_> = claimed.iter().map(|part| (part.line(), part.priority)).collect();
            claims.claimed.extend(claimed);
            self.turns.lock().came(&mut look, &orders, &came, |line| self.rates.room(line, now));
        }
        self.turns.lock().end(&look);
        Ok(())
    }

    /// Of what something may leave now, and when more may if a sender has no room now. Who has none is not even
    /// looked for, so that nothing sits leased and waits.
    fn open(&self, round: &Round) -> (Vec<Open>, Option<Timestamp>) {
        let now = round.now;
        let closed = self.pauses.closed(now);
        let mut again_at: Option<Timestamp> = None;
        let mut open = Vec::new();
        for Waiting { line, priority, .. } in round.waiting.iter().filter(|it| !closed.contains(&it.line.channel)) {
            let room = self.rates.room(line, now);
            if room == Some(0) {
                let next = self.rates.next(line, now);
                again_at = Some(again_at.map_or(next, |at| at.min(next)));
            } else {
                open.push(Open { line: line.clone(), priority: *priority, room });
            }
        }
        (open, again_at)
    }

    /// One part of a channel that can't send, as urgent as there is one.
    async fn claim_probe(&self, probe: Probe, round: &mut Round) -> Result<Option<Claimed>, store::Error> {
        let Probe { channel, refused, again } = probe;
        let again = again && !refused.is_empty();
        let mut orders: Vec<Order> = round
            .waiting
            .iter()
            .filter(|waiting| waiting.line.channel == channel)
            .map(|it| Order { line: it.line.clone(), priority: it.priority, parts: 1, room: None })
            .collect();
        orders.sort_by_key(|order| order.priority);
        let Some(attempt_id) = round.attempt_ids.pop() else { return Ok(None) };
        let (now, until) = (round.now, round.until);
        let wanted =
            Wanted { now, until, attempt_ids: vec![attempt_id], orders, but: refused, links_last: self.links_last };
        let mut claimed = self.store.claim(wanted.clone()).await?;
        if claimed.is_empty() && again {
            claimed = self.store.claim(Wanted { but: Vec::new(), ..wanted }).await?;
        }
        let Some(part) = claimed.pop() else {
            round.attempt_ids.push(attempt_id);
            return Ok(None);
        };
        self.rates.take(&part.line(), part.segments, now);
        Ok(Some(part))
    }

    /// How long to sleep if nobody wakes the worker.
    pub(super) fn rest(&self, again_at: Option<Timestamp>) -> Duration {
        let Some(again_at) = again_at else { return LOOK };
        Duration::try_from(again_at.duration_since(self.clock.now())).unwrap_or_default().min(LOOK)
    }
}
