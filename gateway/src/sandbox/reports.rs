//! Reports statuses to the application, those of one message in their order, unless a fault has it
//! otherwise.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::account::Account;
use super::caller;
use super::faults::Fault;
use super::message::{API_VERSION, Message, Status, Warning, Webhook};

/// Reports each status that comes, until no more can come.
pub(super) async fn make(account: &Account, mut queue: mpsc::UnboundedReceiver<Arc<Message>>) {
    let mut held: Option<Arc<Message>> = None;
    while let Some(message) = queue.recv().await {
        let follows = !message.status.is_final() && message.status_callback.is_some();
        if held.is_none() && follows && account.happens(Fault::CallbackReordered) {
            held = Some(message);
            continue;
        }
        report(account, &message).await;
        if let Some(earlier) = held.take() {
            report(account, &earlier).await;
        }
    }
    if let Some(last) = held {
        report(account, &last).await;
    }
}

/// Reports a status that a message got by a request.
pub(super) fn announce(account: &Arc<Account>, message: Arc<Message>) {
    let task = Arc::clone(account);
    account.spawn(async move { report(&task, &message).await });
}

/// The parameters of a status callback.
pub(super) fn form(account: &Account, message: &Message) -> Vec<(String, String)> {
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

async fn report(account: &Account, message: &Message) {
    let Some(url) = &message.status_callback else { return };
    if account.happens(Fault::CallbackLost) {
        return;
    }
    if let Some(millis) = account.faults.delay(Fault::CallbackLate) {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    let (form, token) = (form(account, message), account.new_token());
    let exchange = caller::report(account, url, &form, &token).await;
    let warning = exchange.warning.or_else(|| unexpected(&exchange.webhook));
    let warnings: Vec<_> = exchange.misrule.into_iter().chain(warning).collect();
    if !warnings.is_empty() {
        account.ledger.change(&message.sid, |message| message.warnings.extend(warnings));
    }
    if account.happens(Fault::CallbackDuplicated) {
        caller::report(account, url, &form, &token).await;
    }
}

/// Twilio expects nothing or TwiML, and executes neither.
fn unexpected(webhook: &Webhook) -> Option<Warning> {
    let xml = matches!(webhook.content_type.as_deref(), Some("text/xml" | "application/xml"));
    let detail = "a status callback is answered with 204, or with TwiML as text/xml";
    (!xml && !webhook.body.is_empty()).then(|| Warning::new(12300, detail))
}
