//! What stands between a message that was asked for and its leaving: opt-outs, the guard against loops,
//! and the sender's queue.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};

use super::account::{Account, lock};
use super::errors::Refusal;
use super::lifecycle;
use super::message::{Direction, Message, Status};
use super::number::Number;
use super::optout::Handling;

/// More messages than this to one person within [`LOOP_WINDOW`] are taken for a loop.
const LOOP_LIMIT: usize = 15;
/// Also how long further messages fail then.
const LOOP_WINDOW: SignedDuration = SignedDuration::from_secs(30);

pub(super) const OPTED_OUT: u32 = 21610;
const LOOP: u32 = 14107;
pub(super) const OVERFLOW: u32 = 30001;

/// What was sent lately.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pairs: HashMap<String, Pair>,
    /// When all that is queued will have left.
    free: Option<Timestamp>,
}

#[derive(Debug, Default)]
struct Pair {
    recent: VecDeque<Timestamp>,
    closed_until: Option<Timestamp>,
}

/// Puts a message on its way, or says why it is refused at once.
pub(super) fn send(account: &Arc<Account>, mut message: Message) -> Result<Arc<Message>, Refusal> {
    let number = account.number_setup();
    let at_once = message.direction == Direction::OutboundApi && message.messaging_service_sid.is_none();
    // A scheduled message is checked when its time has come.
    let now_due = message.status != Status::Scheduled;
    if now_due && number.opt_out != Handling::Off && account.ledger.has_opted_out(&message.to) {
        if at_once && number.opt_out == Handling::Default {
            return Err(Refusal::invalid(OPTED_OUT, "Attempt to send to unsubscribed recipient"));
        }
        message.doomed = Some(OPTED_OUT);
    }
    let now = account.now();
    let mut traffic = lock(&account.traffic);
    if message.doomed.is_none() && number.loop_guard && traffic.loops(&message.to, now) {
        message.doomed = Some(LOOP);
    }
    if message.doomed.is_none() && now_due {
        match traffic.departure(&number, message.segments(), now) {
            Some(departs) => message.departs = Some(departs),
            None if at_once => return Err(Refusal::queue_full(StatusCode::TOO_MANY_REQUESTS)),
            None => message.doomed = Some(OVERFLOW),
        }
    }
    // Under the lock, so that messages are listed in the order in which they leave.
    let message = account.ledger.add(message);
    drop(traffic);
    lifecycle::start(account, &message.sid);
    Ok(message)
}

impl Traffic {
    /// Whether this is one message too many to that person.
    fn loops(&mut self, to: &str, now: Timestamp) -> bool {
        let pair = self.pairs.entry(to.to_owned()).or_default();
        while pair.recent.front().is_some_and(|sent| now.duration_since(*sent) >= LOOP_WINDOW) {
            pair.recent.pop_front();
        }
        if pair.closed_until.is_some_and(|until| now < until) {
            return true;
        }
        if pair.recent.len() >= LOOP_LIMIT {
            pair.closed_until = now.checked_add(LOOP_WINDOW).ok();
            pair.recent.clear();
            return true;
        }
        pair.recent.push_back(now);
        false
    }

    /// When so many segments leave that join the queue now; never, if the queue is full.
    pub(super) fn departure(&mut self, number: &Number, segments: usize, now: Timestamp) -> Option<Timestamp> {
        let Some(rate) = number.segments_per_second.map(i64::from) else { return Some(now) };
        let departs = self.free.map_or(now, |free| free.max(now));
        let segments = i64::try_from(segments.max(1)).unwrap_or(i64::MAX);
        let takes = SignedDuration::from_nanos(segments.saturating_mul(1_000_000_000) / rate.max(1));
        let free = departs.checked_add(takes).ok()?;
        if free.duration_since(now) > SignedDuration::from_secs(number.queue_seconds.into()) {
            return None;
        }
        self.free = Some(free);
        Some(departs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn the_sixteenth_message_within_half_a_minute_is_a_loop() {
        let mut traffic = Traffic::default();
        assert!((0..15).all(|second| !traffic.loops("+1", at(second))));
        assert!(traffic.loops("+1", at(15)) && !traffic.loops("+2", at(15)));
        assert!(traffic.loops("+1", at(44)));
        assert!(!traffic.loops("+1", at(45)));
        let mut slow = Traffic::default();
        assert!((0..100).all(|index| !slow.loops("+1", at(index * 2))));
    }

    #[test]
    fn segments_leave_one_after_the_other_until_the_queue_is_full() {
        let number = Number { segments_per_second: Some(2), queue_seconds: 3, ..Number::new(None, false) };
        let mut traffic = Traffic::default();
        let mut departs = |segments: usize, now: i64| {
            let departs = traffic.departure(&number, segments, at(now));
            departs.map(|departs| departs.duration_since(at(0)).as_millis())
        };
        assert_eq!(departs(1, 0), Some(0));
        assert_eq!(departs(3, 0), Some(500));
        assert_eq!(departs(1, 0), Some(2000));
        assert_eq!(departs(1, 0), Some(2500));
        assert_eq!(departs(1, 0), None);
        assert_eq!(departs(1, 1), Some(3000));
        assert_eq!(departs(1, 60), Some(60_000));
    }
}
