//! Removing a text that was sent or received, and hiding a message. Rows and ids stay: a repeat of
//! the same message must still be known as one, and a report must still find its part.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Set, Value};

use super::millis;
use super::settle::read;
use crate::message::MessageId;
use crate::store::entities::{media, messages, parts, traces};
use crate::store::shown::Redaction;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

#[derive(Clone, Copy, Debug)]
struct Redact {
    message_id: MessageId,
    now: Timestamp,
    /// Hidden from applications as well, with its media gone.
    delete: bool,
}

#[async_trait]
impl Operation for Redact {
    type Output = Redaction;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Redaction, Error> {
        let found = messages::Entity::find_by_id(self.message_id.0)
            .filter(messages::Column::DeletedAt.is_null())
            .lock_exclusive()
            .one(transaction)
            .await?;
        let Some(message) = found else { return Ok(Redaction::NotFound) };
        let inbound = message.direction == "inbound";
        let waits = if inbound { message.processed_at.is_none() } else { self.is_waiting(transaction).await? };
        if waits || (self.delete && !inbound && !read(&message.status).is_final()) {
            return Ok(Redaction::UnderWay);
        }
        self.clear(transaction, &message).await?;
        if self.delete {
            media::Entity::delete_many().filter(media::Column::MessageId.eq(message.id)).exec(transaction).await?;
            parts::Entity::update_many()
                .col_expr(parts::Column::Media, Expr::value(serde_json::json!([])))
                .filter(parts::Column::MessageId.eq(message.id))
                .exec(transaction)
                .await?;
        }
        Ok(Redaction::Done)
    }
}

impl Redact {
    /// Whether a part is still to be handed over, or is at this moment, or nobody knows whether it was:
    /// such a one is found in the provider's list by its text.
    async fn is_waiting(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let waiting = parts::Entity::find()
            .filter(parts::Column::MessageId.eq(self.message_id.0))
            .filter(parts::Column::State.is_in(["queued", "sending", "unknown"]))
            .lock_exclusive()
            .one(transaction)
            .await?;
        Ok(waiting.is_some())
    }

    /// The text is in the message and in its parts; that of a reply also in what the webhook was
    /// answered, and in what the plugins decided about it and about the message that led to it.
    async fn clear(&self, transaction: &DatabaseTransaction, message: &messages::Model) -> Result<(), Error> {
        let row = messages::ActiveModel {
            id: Set(message.id),
            text: Set(String::new()),
            extra: Set(serde_json::json!([])),
            updated_at: Set(millis(self.now)),
            deleted_at: Set(self.delete.then(|| millis(self.now))),
            ..Default::default()
        };
        messages::Entity::update(row).exec(transaction).await?;
        parts::Entity::update_many()
            .col_expr(parts::Column::Text, Expr::value(""))
            .filter(parts::Column::MessageId.eq(message.id))
            .exec(transaction)
            .await?;
        let asked = message.in_reply_to.or(message.caused_by).unwrap_or(message.id);
        traces::Entity::update_many()
            .col_expr(traces::Column::Decision, Expr::value(Value::from(serde_json::json!({ "redacted": true }))))
            .filter(traces::Column::MessageId.is_in([message.id, asked]))
            .exec(transaction)
            .await?;
        if message.in_reply_to.is_some() {
            messages::Entity::update_many()
                .col_expr(messages::Column::Answer, Expr::value(None::<String>))
                .filter(messages::Column::Id.eq(asked))
                .exec(transaction)
                .await?;
        }
        Ok(())
    }
}

impl Store {
    /// Removes a message's text for good, unless it is still on its way.
    pub async fn redact(&self, message_id: MessageId, now: Timestamp) -> Result<Redaction, Error> {
        self.write(Redact { message_id, now, delete: false }).await
    }

    /// Removes the text and the list of media for good and hides the message, once nothing more becomes of it.
    pub async fn delete(&self, message_id: MessageId, now: Timestamp) -> Result<Redaction, Error> {
        self.write(Redact { message_id, now, delete: true }).await
    }
}
