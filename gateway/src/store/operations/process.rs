//! Committing what processing an inbound message came to, as one.

use async_trait::async_trait;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::submit::insert_outbound;
use super::{count, millis};
use crate::message::ConversationStatus;
use crate::store::entities::{conversations, messages, traces};
use crate::store::records::{NewOutbound, Processed, Trace};
use crate::store::writer::Operation;
use crate::store::{Error, Store};

#[async_trait]
impl Operation for Processed {
    /// False when the message was processed before; then nothing was changed.
    type Output = bool;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let marked = messages::Entity::update_many()
            .col_expr(messages::Column::ProcessedAt, Expr::value(millis(self.at)))
            .col_expr(messages::Column::Answer, Expr::value(self.answer.clone()))
            .col_expr(messages::Column::UpdatedAt, Expr::value(millis(self.at)))
            .filter(messages::Column::Id.eq(self.message_id.0))
            .filter(messages::Column::ProcessedAt.is_null())
            .exec(transaction)
            .await?;
        if marked.rows_affected == 0 {
            return Ok(false);
        }
        self.change_conversation(transaction).await?;
        let replies: Vec<(&NewOutbound, Uuid)> =
            self.replies.iter().map(|reply| (reply, self.conversation_id.0)).collect();
        insert_outbound(transaction, &replies).await?;
        let rows: Vec<_> = (0u32..).zip(&self.traces).map(|(position, trace)| self.trace(position, trace)).collect();
        if !rows.is_empty() {
            traces::Entity::insert_many(rows).exec_without_returning(transaction).await?;
        }
        Ok(true)
    }
}

impl Processed {
    async fn change_conversation(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        if let Some(status) = self.status {
            // A closed conversation stays closed: a new one may have begun with the same address.
            conversations::Entity::update_many()
                .col_expr(conversations::Column::Status, Expr::value(status.as_str()))
                .filter(conversations::Column::Id.eq(self.conversation_id.0))
                .filter(conversations::Column::Status.ne(ConversationStatus::Closed.as_str()))
                .exec(transaction)
                .await?;
        }
        let mut update = conversations::Entity::update_many()
            .col_expr(conversations::Column::UpdatedAt, Expr::value(millis(self.at)))
            .filter(conversations::Column::Id.eq(self.conversation_id.0));
        if let Some(tags) = &self.tags {
            update = update.col_expr(conversations::Column::Tags, Expr::value(serde_json::json!(tags)));
        }
        if !self.replies.is_empty() {
            update = update.col_expr(conversations::Column::LastMessageAt, Expr::value(millis(self.at)));
        }
        update.exec(transaction).await?;
        Ok(())
    }

    fn trace(&self, position: u32, trace: &Trace) -> traces::ActiveModel {
        traces::ActiveModel {
            id: Set(trace.id),
            message_id: Set(self.message_id.0),
            position: Set(count(position)),
            plugin: Set(trace.plugin.clone()),
            version: Set(trace.version.clone()),
            digest: Set(trace.digest.clone()),
            decision: Set(trace.decision.clone()),
            error: Set(trace.error.clone()),
            duration_micros: Set(i64::try_from(trace.duration_micros).unwrap_or(i64::MAX)),
            created_at: Set(millis(self.at)),
        }
    }
}

impl Store {
    /// Marks an inbound message processed, with all that follows from it. False when it was
    /// processed before, perhaps by another process; then nothing was changed.
    pub async fn commit(&self, processed: Processed) -> Result<bool, Error> {
        self.write(processed).await
    }
}
