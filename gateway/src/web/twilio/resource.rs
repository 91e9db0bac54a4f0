//! A message in the shape of Twilio's API. Pure.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::channels::Channels;
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
pub(super) fn message(channels: &Channels, account: &str, message: &Message, now: Timestamp) -> Value {
    let path = path(account, message);
    let inbound = message.direction == Direction::Inbound;
    // Only a service leaves the sender open.
    let channel = channels.get(&message.channel).filter(|_| !inbound && message.from.is_none());
    let service = channel.and_then(|channel| channel.known_as().service);
    // Twilio counts nothing before the service has chosen.
    let waits = matches!(message.status, Status::Pending | Status::Scheduled | Status::Accepted);
    let segments = if service.is_some() && waits { 0 } else { message.segments.unwrap_or(1) };
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
        "messaging_service_sid": service,
        "num_media": message.media.len().to_string(),
        "num_segments": segments.to_string(),
        "price": null,
        "price_unit": "USD",
        "sid": sid(message),
        "status": status(message, service.is_some(), now),
        "subresource_uris": { "media": format!("{path}/Media.json") },
        "to": message.to,
        "uri": format!("{path}.json"),
    })
}

/// What waits in our outbox waits for its time, for a sender, or for its turn.
fn status(message: &Message, by_service: bool, now: Timestamp) -> &'static str {
    match message.status {
        Status::Pending if message.send_at.is_some_and(|at| at > now) => "scheduled",
        Status::Pending if by_service => "accepted",
        status => status_word(status),
    }
}
