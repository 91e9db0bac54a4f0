//! A message in the shape of Twilio's API. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::channels::twilio::resource::{API_VERSION, date, message_sid, status_word};
use crate::message::{Direction, Status};
use crate::store::Message;

/// The path of one message, without `.json`.
pub(super) fn path(account: &str, message: &Message) -> String {
    format!("/{API_VERSION}/Accounts/{account}/Messages/{}", sid(message))
}

pub(super) fn sid(message: &Message) -> String {
    message_sid(message.id, !message.media.is_empty())
}

/// What an application sees of a message.
pub(super) fn message(account: &str, message: &Message, now: Timestamp) -> Value {
    let path = path(account, message);
    let inbound = message.direction == Direction::Inbound;
    // Twilio counts nothing before the service has chosen.
    let waits = matches!(message.status, Status::Pending | Status::Scheduled | Status::Accepted);
    let chooses = !inbound && message.from.is_none() && message.service.is_some();
    let segments = if chooses && waits { 0 } else { message.segments.unwrap_or(1) };
    // What came in was sent when it came.
    let sent = message.sent_at.or(inbound.then_some(message.created_at));
    json!({
        "account_sid": account,
        "api_version": API_VERSION,
        "body": message.text,
        "date_created": date(message.created_at),
        "date_sent": sent.map(date),
        "date_updated": date(message.updated_at),
        "direction": match (inbound, message.in_reply_to) {
            (true, _) => "inbound",
            (false, None) => "outbound-api",
            (false, Some(_)) => "outbound-reply",
        },
        "error_code": message.error_code,
        "error_message": message.error_message,
        "from": message.from,
        "messaging_service_sid": message.service,
        "num_media": message.media.len().to_string(),
        "num_segments": segments.to_string(),
        "price": null,
        "price_unit": "USD",
        "sid": sid(message),
        "status": status(message, now),
        "subresource_uris": subresources(message, &path),
        "to": message.to,
        "uri": format!("{path}.json"),
    })
}

fn subresources(message: &Message, path: &str) -> Value {
    let mut uris = json!({ "media": format!("{path}/Media.json") });
    if message.options.provide_feedback == Some(true) {
        uris["feedback"] = format!("{path}/Feedback.json").into();
    }
    uris
}

/// What waits in our outbox waits for its time, for a sender, or for its turn.
fn status(message: &Message, now: Timestamp) -> &'static str {
    match message.status {
        Status::Pending if message.send_at.is_some_and(|at| at > now) => "scheduled",
        Status::Pending if message.service.is_some() => "accepted",
        status => status_word(status),
    }
}
