//! Takes outbound messages from one status to the next. Statuses don't wait for their reports.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use super::Pace;
use super::account::{Account, lock};
use super::errors;
use super::message::{Message, Status};
use super::optout::Handling;
use super::outcomes::{self, Fate};
use super::reports;
use super::traffic::{OPTED_OUT, OVERFLOW};

/// How long a message may wait to leave, in seconds, unless it says otherwise.
const VALIDITY: u32 = 36_000;
const EXPIRED: u32 = 30036;

/// Moves a message on until it stands where it stays; nothing happens if it stands there already.
pub(super) fn start(account: &Arc<Account>, sid: &str) {
    let Some(message) = account.ledger.get(sid) else { return };
    if next(message.status, Fate::Delivered).is_none() {
        return;
    }
    let (task, sid) = (Arc::clone(account), sid.to_owned());
    account.spawn(async move {
        let (reports, queue) = mpsc::unbounded_channel();
        tokio::join!(advance(&task, &sid, reports), reports::make(&task, queue));
    });
}

/// The status after this one, and the error that comes with it.
fn next(status: Status, fate: Fate) -> Option<(Status, Option<u32>)> {
    match (status, fate) {
        (Status::Scheduled | Status::Accepted, _) => Some((Status::Queued, None)),
        (Status::Queued, Fate::Failed(code)) => Some((Status::Failed, Some(code))),
        (Status::Queued, _) => Some((Status::Sent, None)),
        (Status::Sent, Fate::Undelivered(code)) => Some((Status::Undelivered, Some(code))),
        (Status::Sent, _) => Some((Status::Delivered, None)),
        (Status::Delivered | Status::Undelivered | Status::Failed | Status::Canceled | Status::Received, _) => None,
    }
}

async fn advance(account: &Account, sid: &str, reports: mpsc::UnboundedSender<Arc<Message>>) {
    while let Some(message) = account.ledger.get(sid)
        && let Some((mut status, mut code)) = next(message.status, fate(&message))
    {
        if account.pace == Pace::Lively {
            tokio::time::sleep(pause(message.status)).await;
        }
        if !leaves(account, &message).await {
            (status, code) = (Status::Failed, Some(EXPIRED));
        }
        // Not under the ledger's lock: whoever sends takes the two the other way round.
        let turn = if message.status == Status::Scheduled { Some(turn(account, &message)) } else { None };
        let now = account.now();
        let changed = account.ledger.try_change(sid, |current| {
            // It was canceled while it waited.
            if current.status != message.status {
                return Err(());
            }
            match turn {
                Some(Ok(departs)) => current.departs = Some(departs),
                Some(Err(code)) => current.doomed = Some(code),
                None => {}
            }
            go_on(account, current, status, code, now);
            Ok(())
        });
        if let Some(Ok(changed)) = changed {
            // The other end lives as long as this one.
            let _ = reports.send(changed);
        }
    }
}

fn fate(message: &Message) -> Fate {
    message.doomed.map_or_else(|| outcomes::fate(&message.to), Fate::Failed)
}

/// Waits for a message's time; it may expire before.
async fn leaves(account: &Account, message: &Message) -> bool {
    match message.status {
        Status::Scheduled => {
            account.timeline.until(message.send_at.unwrap_or(message.created)).await;
            true
        }
        Status::Queued if message.doomed.is_none() => {
            let validity = SignedDuration::from_secs(message.validity.unwrap_or(VALIDITY).into());
            let start = message.send_at.unwrap_or(message.created);
            let expires = start.checked_add(validity).unwrap_or(Timestamp::MAX);
            let departs = message.departs.unwrap_or(start);
            account.timeline.until(departs.min(expires)).await;
            departs <= expires
        }
        _ => true,
    }
}

/// When a scheduled message, whose time has come, takes its turn; or the error with which it will fail.
fn turn(account: &Account, message: &Message) -> Result<Timestamp, u32> {
    let number = account.number_setup();
    if number.opt_out != Handling::Off && account.ledger.has_opted_out(&message.to) {
        return Err(OPTED_OUT);
    }
    lock(&account.traffic).departure(&number, message.segments(), account.now()).ok_or(OVERFLOW)
}

fn go_on(account: &Account, message: &mut Message, status: Status, code: Option<u32>, now: Timestamp) {
    message.status = status;
    message.updated = now;
    message.error_code = code;
    message.error_message = code.map(|code| errors::title(code).to_owned());
    if message.from.is_none() {
        message.from = Some(account.number.clone());
        message.num_segments = message.segments().to_string();
    }
    if status == Status::Sent {
        message.sent = Some(now);
    }
}

/// How long a message stays in a status, for people who watch.
fn pause(status: Status) -> Duration {
    Duration::from_millis(match status {
        Status::Scheduled | Status::Accepted => 150,
        Status::Queued => 400,
        _ => 500,
    })
}
