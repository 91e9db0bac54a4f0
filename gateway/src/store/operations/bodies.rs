//! What endpoints are told, as it is told: of each kind of event its body, and what is left of a body once
//! the message that it is about is redacted.

use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::millis;
use crate::message::Status;
use crate::store::Error;
use crate::store::entities::{events, stream};
use crate::store::events::EventKind;
use crate::store::reads::time;
use crate::store::shown::{Conversation, Message};

/// A message that came in, or that a plugin forwards.
#[derive(Serialize)]
pub(super) struct AboutMessage<'a> {
    pub(super) message: &'a Message,
    pub(super) conversation: &'a Conversation,
    #[serde(flatten)]
    pub(super) forward: Option<Forward<'a>>,
}

#[derive(Serialize)]
pub(super) struct Forward<'a> {
    pub(super) plugin: &'a str,
    pub(super) payload: Option<&'a Value>,
}

#[derive(Serialize)]
pub(super) struct AboutConversation<'a> {
    pub(super) conversation: &'a Conversation,
    /// What is different: `status`, `tags`, `assignee`.
    pub(super) changed: Vec<&'static str>,
}

#[derive(Serialize)]
pub(super) struct AboutChannel<'a> {
    pub(super) channel: &'a str,
    pub(super) by: &'static str,
    /// In the words of whoever paused it.
    pub(super) reason: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct AboutEndpoint<'a> {
    pub(super) endpoint: &'a str,
    /// `failures`, or `gone`.
    pub(super) by: &'static str,
    pub(super) failing_since: Option<Timestamp>,
    pub(super) last_failure: &'a str,
}

/// What has become of a message: as others see it, but for what is written in it.
pub(super) fn about_status(
    message: &Message,
    error: Option<Value>,
    previous: Option<Status>,
) -> Result<Value, serde_json::Error> {
    let mut shown = serde_json::to_value(message)?;
    if let Some(fields) = shown.as_object_mut() {
        for unsaid in ["text", "media", "options", "extra", "conflict"] {
            fields.remove(unsaid);
        }
        if let Some(error) = error {
            fields.insert("error".to_owned(), error);
        }
    }
    Ok(json!({ "message": shown, "previous": previous }))
}

/// The body of an event, to the byte as it is signed.
pub(super) fn body(kind: EventKind, timestamp: Timestamp, data: impl Serialize) -> Result<String, Error> {
    #[derive(Serialize)]
    struct Body<T> {
        #[serde(rename = "type")]
        kind: &'static str,
        timestamp: Timestamp,
        data: T,
    }
    // As precise as all other times.
    let body = Body { kind: kind.as_str(), timestamp: time(millis(timestamp)), data };
    serde_json::to_string(&body).map_err(|error| Error::Refused(error.to_string()))
}

/// Takes out of a message's events what was written in it, and what plugins made of that. Those that
/// still wait are told all the same: without it.
pub(super) async fn redact(transaction: &DatabaseTransaction, message_id: Uuid) -> Result<(), Error> {
    let rows = events::Entity::find().filter(events::Column::MessageId.eq(message_id)).all(transaction).await?;
    for row in rows {
        events::Entity::update_many()
            .col_expr(events::Column::Body, Expr::value(redacted(&row.body)))
            .filter(events::Column::Id.eq(row.id))
            .exec(transaction)
            .await?;
    }
    let rows = stream::Entity::find().filter(stream::Column::MessageId.eq(message_id)).all(transaction).await?;
    for row in rows {
        stream::Entity::update_many()
            .col_expr(stream::Column::Body, Expr::value(redacted(&row.body)))
            .filter(stream::Column::Id.eq(row.id))
            .exec(transaction)
            .await?;
    }
    Ok(())
}

fn redacted(body: &str) -> String {
    let mut body: Value = serde_json::from_str(body).unwrap_or_default();
    if let Some(data) = body.get_mut("data").and_then(Value::as_object_mut) {
        if let Some(payload) = data.get_mut("payload") {
            *payload = Value::Null;
        }
        data.insert("redacted".to_owned(), true.into());
        if let Some(message) = data.get_mut("message").and_then(Value::as_object_mut) {
            for (name, empty) in [("text", json!("")), ("media", json!([])), ("discarded", json!(""))] {
                message.entry(name).and_modify(|value| *value = empty);
            }
            message.remove("extra");
            // A plugin's words about the text.
            if message.contains_key("rejected_by") {
                message.insert("error_message".to_owned(), Value::Null);
            }
        }
    }
    body.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_times_like_all_others() {
        let at: Timestamp = "2026-11-28T17:29:22.3837888Z".parse().unwrap();
        let about = AboutChannel { channel: "sms", by: "hand", reason: None };
        let whole: Value = serde_json::from_str(&body(EventKind::ChannelPaused, at, about).unwrap()).unwrap();
        let data = json!({ "channel": "sms", "by": "hand", "reason": null });
        assert_eq!(whole, json!({ "type": "channel.paused", "timestamp": "2026-11-28T17:29:22.383Z", "data": data }));
    }

    #[test]
    fn a_redaction_leaves_what_happened_and_takes_what_was_written() {
        let whole = json!({ "type": "message.forwarded", "data": {
            "message": { "id": "1", "text": "hush", "media": [{ "url": "hush" }], "extra": { "a": "hush" }, "discarded": "hush" },
            "plugin": "router", "payload": { "quotes": "hush" },
        }});
        let left: Value = serde_json::from_str(&redacted(&whole.to_string())).unwrap();
        let message = json!({ "id": "1", "text": "", "media": [], "discarded": "" });
        let data = json!({ "message": message, "plugin": "router", "payload": null, "redacted": true });
        assert_eq!(left, json!({ "type": "message.forwarded", "data": data }));

        let status = json!({ "data": { "message": { "id": "1", "rejected_by": "check", "error_message": "hush" } } });
        let left: Value = serde_json::from_str(&redacted(&status.to_string())).unwrap();
        let message = json!({ "id": "1", "rejected_by": "check", "error_message": null });
        assert_eq!(left, json!({ "data": { "message": message, "redacted": true } }));
    }
}
