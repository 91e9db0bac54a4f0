//! Takes outbound messages from one status to the next, and reports each to the application.
//!
//! Statuses don't wait for reports, but the reports of one message are sent in their order.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use tokio::sync::mpsc;

use super::Pace;
use super::account::Account;
use super::caller;
use super::errors;
use super::message::{API_VERSION, Message, Status, Warning, segment_count};
use super::outcomes::{self, Fate};

/// Moves a message on until it stands where it stays; nothing happens if it stands there already.
pub(super) fn start(account: &Arc<Account>, sid: &str) {
    let Some(message) = account.ledger.get(sid) else { return };
    if next(message.status, Fate::Delivered).is_none() {
        return;
    }
    let (task, sid) = (Arc::clone(account), sid.to_owned());
    account.spawn(async move {
        let (reports, queue) = mpsc::unbounded_channel();
        tokio::join!(advance(&task, &sid, reports), report(&task, queue));
    });
}

/// The parameters of a status callback.
pub(super) fn callback_form(account: &Account, message: &Message) -> Vec<(String, String)> {
    let status = message.status.as_str();
    let mut form = vec![("SmsSid", message.sid.as_str()), ("SmsStatus", status), ("MessageStatus", status)];
    let code = message.error_code.map(|code| code.to_string());
    form.extend(code.as_deref().map(|code| ("ErrorCode", code)));
    form.push(("To", &message.to));
    form.extend(message.messaging_service_sid.as_deref().map(|sid| ("MessagingServiceSid", sid)));
    form.extend([
        ("MessageSid", message.sid.as_str()),
        ("AccountSid", &account.sid),
        ("From", message.from.as_deref().unwrap_or_default()),
        ("ApiVersion", API_VERSION),
    ]);
    let carrier_date = message.updated.strftime("%y%m%d%H%M").to_string();
    if matches!(message.status, Status::Delivered | Status::Undelivered) {
        form.push(("RawDlrDoneDate", &carrier_date));
    }
    form.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// The status after this one, and the error that comes with it.
fn next(status: Status, fate: Fate) -> Option<(Status, Option<u32>)> {
    match (status, fate) {
        (Status::Accepted, _) => Some((Status::Queued, None)),
        (Status::Queued, Fate::Failed(code)) => Some((Status::Failed, Some(code))),
        (Status::Queued, _) => Some((Status::Sent, None)),
        (Status::Sent, Fate::Undelivered(code)) => Some((Status::Undelivered, Some(code))),
        (Status::Sent, _) => Some((Status::Delivered, None)),
        (Status::Delivered | Status::Undelivered | Status::Failed | Status::Received, _) => None,
    }
}

async fn advance(account: &Account, sid: &str, reports: mpsc::UnboundedSender<Arc<Message>>) {
    while let Some(message) = account.ledger.get(sid)
        && let Some((status, code)) = next(message.status, outcomes::fate(&message.to))
    {
        if account.pace == Pace::Lively {
            tokio::time::sleep(pause(message.status)).await;
        }
        let now = account.now();
        let changed = account.ledger.change(sid, |message| {
            message.status = status;
            message.updated = now;
            message.error_code = code;
            message.error_message = code.map(|code| errors::title(code).to_owned());
            if message.from.is_none() {
                message.from = Some(account.number.clone());
                message.num_segments = segment_count(&message.body);
            }
            if status == Status::Sent {
                message.sent = Some(now);
            }
        });
        if let Some(changed) = changed {
            // The other end lives as long as this one.
            let _ = reports.send(changed);
        }
    }
}

/// How long a message stays in a status, for people who watch.
fn pause(status: Status) -> Duration {
    Duration::from_millis(match status {
        Status::Accepted => 150,
        Status::Queued => 400,
        _ => 500,
    })
}

async fn report(account: &Account, mut queue: mpsc::UnboundedReceiver<Arc<Message>>) {
    while let Some(message) = queue.recv().await {
        let Some(url) = &message.status_callback else { continue };
        let exchange = caller::call(account, &Method::POST, url, &callback_form(account, &message)).await;
        let warning = exchange.warning.or_else(|| unexpected(&exchange.webhook));
        if let Some(warning) = warning {
            account.ledger.change(&message.sid, |message| message.warnings.push(warning));
        }
    }
}

/// Twilio expects nothing or TwiML, and executes neither.
fn unexpected(webhook: &super::message::Webhook) -> Option<Warning> {
    let xml = matches!(webhook.content_type.as_deref(), Some("text/xml" | "application/xml"));
    let detail = "a status callback is answered with 204, or with TwiML as text/xml";
    (!xml && !webhook.body.is_empty()).then(|| Warning::new(12300, detail))
}
