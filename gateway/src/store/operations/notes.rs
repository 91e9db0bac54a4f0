//! What people note about conversations, for each other.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{DatabaseTransaction, EntityTrait, Set};
use uuid::Uuid;

use super::{millis, storable};
use crate::message::ConversationId;
use crate::store::entities::{conversations, notes};
use crate::store::writer::Operation;
use crate::store::{Error, Store};

struct Add {
    id: Uuid,
    conversation_id: ConversationId,
    user_id: Uuid,
    text: String,
    at: Timestamp,
}

#[async_trait]
impl Operation for Add {
    type Output = bool;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        if conversations::Entity::find_by_id(self.conversation_id.0).one(transaction).await?.is_none() {
            return Ok(false);
        }
        let row = notes::ActiveModel {
            id: Set(self.id),
            conversation_id: Set(self.conversation_id.0),
            user_id: Set(self.user_id),
            text: Set(storable(&self.text)),
            created_at: Set(millis(self.at)),
        };
        notes::Entity::insert(row).exec_without_returning(transaction).await?;
        Ok(true)
    }
}

impl Store {
    /// False if there is no such conversation.
    pub async fn add_note(
        &self,
        id: Uuid,
        conversation_id: ConversationId,
        user_id: Uuid,
        text: String,
        at: Timestamp,
    ) -> Result<bool, Error> {
        self.write(Add { id, conversation_id, user_id, text, at }).await
    }
}
