//! Removing a text that was sent or received, and hiding a message. Rows and ids stay: a repeat of
//! the same message must still be known as one, and a report must still find its part. What the
//! provider has of it is put down as a removal in the same transaction.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::NotSet, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, Set,
};

use super::discarding::needs_text;
use super::settle::read;
use super::{bodies, dropped, millis, removals, traces};
use crate::message::{MessageId, Removal, Status};
use crate::store::entities::{attempts, media, messages, parts, plugin_state, timers};
use crate::store::shown::Redaction;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

#[derive(Clone, Copy, Debug)]
struct Redact {
    message_id: MessageId,
    now: Timestamp,
    /// With the whole message it is hidden from applications as well, and its media are gone.
    removal: Removal,
}

#[async_trait]
impl Operation for Redact {
    type Output = Redaction;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Redaction, Error> {
        let (message, parts) = match Box::pin(self.here(transaction)).await? {
            Ok(cleared) => cleared,
            Err(refused) => return Ok(refused),
        };
        removals::want(transaction, &message, &parts, self.removal, self.now).await?;
        Ok(Redaction::Done)
    }
}

/// Removes a text here, and leaves it to the provider how long that keeps it.
pub(super) async fn forget(
    transaction: &DatabaseTransaction,
    message_id: MessageId,
    now: Timestamp,
) -> Result<Redaction, Error> {
    let redact = Redact { message_id, now, removal: Removal::Text };
    Ok(Box::pin(redact.here(transaction)).await?.err().unwrap_or(Redaction::Done))
}

/// What is to be forgotten at the provider, too; or why nothing was.
type Here = Result<(messages::Model, Vec<parts::Model>), Redaction>;

impl Redact {
    async fn here(&self, transaction: &DatabaseTransaction) -> Result<Here, Error> {
        // Parts before their message, as everywhere, so that no two wait for each other.
        let parts = parts::Entity::find()
            .filter(parts::Column::MessageId.eq(self.message_id.0))
            .order_by_asc(parts::Column::Id)
            .lock_exclusive()
            .all(transaction)
            .await?;
        let found = messages::Entity::find_by_id(self.message_id.0)
            .filter(messages::Column::DeletedAt.is_null())
            .lock_exclusive()
            .one(transaction)
            .await?;
        let Some(message) = found else { return Ok(Err(Redaction::NotFound)) };
        if self.is_too_early(&message, &parts) {
            return Ok(Err(Redaction::UnderWay));
        }
        clear(transaction, &message, self.now).await?;
        self.mark(transaction).await?;
        Ok(Ok((message, parts)))
    }

    fn is_too_early(&self, message: &messages::Model, parts: &[parts::Model]) -> bool {
        if message.direction == "inbound" {
            return message.processed_at.is_none();
        }
        let status = read(&message.status);
        // Some carriers report no more than that it was sent.
        let stands = matches!(status, Status::Sent | Status::Unknown) && parts.iter().all(|p| p.check_at.is_none());
        parts.iter().any(needs_text) || (self.removal == Removal::Message && !status.is_final() && !stands)
    }

    async fn mark(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let mut row = messages::ActiveModel { id: Set(self.message_id.0), ..Default::default() };
        row.redacted_at = Set(Some(millis(self.now)));
        if self.removal == Removal::Message {
            row.deleted_at = Set(Some(millis(self.now)));
            let of_message = || media::Column::MessageId.eq(self.message_id.0);
            let files: Vec<Option<String>> = media::Entity::find()
                .select_only()
                .column(media::Column::Digest)
                .filter(of_message())
                .into_tuple()
                .all(transaction)
                .await?;
            media::Entity::delete_many().filter(of_message()).exec(transaction).await?;
            dropped::drop_files(transaction, files.into_iter().flatten()).await?;
            parts::Entity::update_many()
                .col_expr(parts::Column::Media, Expr::value(serde_json::json!([])))
                .filter(parts::Column::MessageId.eq(self.message_id.0))
                .exec(transaction)
                .await?;
        }
        messages::Entity::update(row).exec(transaction).await?;
        Ok(())
    }
}

/// The text is in the message, in its parts and in what endpoints are told of it; that of a reply also in what the webhook was
/// answered, and in what the plugins decided about it and about the message that led to it.
pub(super) async fn clear(
    transaction: &DatabaseTransaction,
    message: &messages::Model,
    now: Timestamp,
) -> Result<(), Error> {
    let row = messages::ActiveModel {
        id: Set(message.id),
        text: Set(String::new()),
        extra: Set(serde_json::json!([])),
        updated_at: Set(millis(now)),
        seen: Set(None),
        // A plugin's words about the text.
        discarded: Set(message.discarded.as_ref().map(|_| String::new())),
        error_message: match message.rejected_by {
            Some(_) => Set(None),
            None => NotSet,
        },
        ..Default::default()
    };
    messages::Entity::update(row).exec(transaction).await?;
    parts::Entity::update_many()
        .col_expr(parts::Column::Text, Expr::value(""))
        .filter(parts::Column::MessageId.eq(message.id))
        .exec(transaction)
        .await?;
    forget_exchanges(transaction, message.id).await?;
    bodies::redact(transaction, message.id).await?;
    let asked = message.in_reply_to.or(message.caused_by).unwrap_or(message.id);
    traces::redact(transaction, [message.id, asked]).await?;
    timers::Entity::update_many()
        .col_expr(timers::Column::Payload, Expr::value(""))
        .filter(timers::Column::MessageId.eq(message.id))
        .exec(transaction)
        .await?;
    // What plugins remember now is theirs to forget; what they remembered before is kept only for replays.
    plugin_state::Entity::delete_many()
        .filter(plugin_state::Column::MessageId.eq(message.id))
        .filter(plugin_state::Column::ReplacedAt.is_not_null())
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

/// How long the text was, and the ends of the number, are in what went over the wire.
async fn forget_exchanges(transaction: &DatabaseTransaction, message_id: uuid::Uuid) -> Result<(), Error> {
    let of_message =
        parts::Entity::find().select_only().column(parts::Column::Id).filter(parts::Column::MessageId.eq(message_id));
    attempts::Entity::update_many()
        .col_expr(attempts::Column::Exchange, Expr::value(None::<String>))
        .filter(attempts::Column::PartId.in_subquery(of_message.into_query()))
        .exec(transaction)
        .await?;
    Ok(())
}

impl Store {
    /// Removes a message's text for good, unless it is still on its way.
    pub async fn redact(&self, message_id: MessageId, now: Timestamp) -> Result<Redaction, Error> {
        self.write(Redact { message_id, now, removal: Removal::Text }).await
    }

    /// Removes the text and the list of media for good and hides the message, once nothing more becomes of it.
    pub async fn delete(&self, message_id: MessageId, now: Timestamp) -> Result<Redaction, Error> {
        self.write(Redact { message_id, now, removal: Removal::Message }).await
    }
}
