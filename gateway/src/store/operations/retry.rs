//! Trying again what was given up: only what was certainly not handed over.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use super::consent;
use super::millis;
use super::moves::reduce_message;
use super::reach;
use super::settle::read;
use crate::message::{MessageId, Options, Status};
use crate::store::entities::{messages, parts};
use crate::store::records::{NotRetried, Retried};
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

#[derive(Clone, Debug)]
struct Retry {
    message_id: MessageId,
    now: Timestamp,
    reporting: Reporting,
}

#[async_trait]
impl Operation for Retry {
    type Output = Retried;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Retried, Error> {
        // Parts before their message, as everywhere, so that no two wait for each other. The same again waits
        // for the first, and finds the parts in the queue.
        let parts = parts::Entity::find()
            .filter(parts::Column::MessageId.eq(self.message_id.0))
            .order_by_asc(parts::Column::Id)
            .lock_exclusive()
            .all(transaction)
            .await?;
        let message = messages::Entity::find_by_id(self.message_id.0)
            .filter(messages::Column::Direction.eq("outbound"))
            .filter(messages::Column::DeletedAt.is_null())
            .lock_exclusive()
            .one(transaction)
            .await?;
        let Some(message) = message else { return Ok(Retried::NotFound) };
        let given_up: Vec<&parts::Model> = parts.iter().filter(|part| is_given_up(part)).collect();
        if given_up.is_empty() {
            return Ok(nothing_given_up(&parts));
        }
        if let Some(reason) = self.obstacle(transaction, &message, &given_up).await? {
            return Ok(Retried::Refused(reason));
        }
        let count = given_up.len();
        let urgent = most_urgent(transaction, &message).await?;
        for part in parts.into_iter().filter(is_given_up) {
            let part_priority = part.priority;
            let mut row = part.into_active_model();
            row.priority = Set(part_priority.min(urgent.unwrap_or(part_priority)));
            row.state = Set("queued".to_owned());
            row.status = Set(Status::Pending.as_str().to_owned());
            row.given_up_at = Set(None);
            row.due_at = Set(millis(self.now));
            row.updated_at = Set(millis(self.now));
            row.update(transaction).await?;
        }
        // Not a step back that a report could make: somebody decided that it begins anew.
        let anew = messages::ActiveModel { id: Set(message.id), failed_at: Set(None), ..Default::default() };
        messages::Entity::update(anew).exec(transaction).await?;
        reduce_message(transaction, message.id, self.now, &self.reporting).await?;
        Ok(Retried::Waiting { parts: count })
    }
}

impl Retry {
    /// Why it can't be sent any more, though it never was.
    async fn obstacle(
        &self,
        transaction: &DatabaseTransaction,
        message: &messages::Model,
        given_up: &[&parts::Model],
    ) -> Result<Option<NotRetried>, Error> {
        let options = given_up.first().and_then(|part| part.options.clone());
        let options: Options = options.and_then(|json| serde_json::from_value(json).ok()).unwrap_or_default();
        if message.redacted_at.is_some() || options.discard_content == Some(true) {
            return Ok(Some(NotRetried::Removed));
        }
        let wanted_at = message.send_at.unwrap_or(message.created_at).max(message.created_at);
        let ends = options.validity.map(|seconds| wanted_at.saturating_add(i64::from(seconds) * 1000));
        if ends.is_some_and(|ends| ends <= millis(self.now)) {
            return Ok(Some(NotRetried::Expired));
        }
        consent::lock(transaction, &message.channel, &message.recipient).await?;
        let opted_out =
            reach::opted_out_one(transaction, &message.channel, &message.recipient, &self.reporting).await?;
        Ok(opted_out.map(|_| NotRetried::OptedOut))
    }
}

/// The priority of what waits in its conversation, and so will wait for it.
async fn most_urgent(transaction: &DatabaseTransaction, message: &messages::Model) -> Result<Option<i32>, Error> {
    let waits = parts::Entity::find()
        .select_only()
        .column_as(parts::Column::Priority.min(), "priority")
        // Word for word the condition of the partial index, so that SQLite uses it.
        .filter(Expr::cust("state IN ('queued', 'sending')"))
        .filter(parts::Column::ConversationId.eq(message.conversation_id));
    Ok(waits.into_tuple::<Option<i32>>().one(transaction).await?.flatten())
}

/// A report may have come since that proves the contrary.
pub(super) fn is_given_up(part: &parts::Model) -> bool {
    part.given_up_at.is_some()
        && part.state == "settled"
        && read(&part.status) == Status::Failed
        && part.provider_id.is_none()
}

fn nothing_given_up(parts: &[parts::Model]) -> Retried {
    let any = |is: fn(&parts::Model) -> bool| parts.iter().any(is);
    if any(|part| matches!(part.state.as_str(), "queued" | "sending")) {
        return Retried::Waiting { parts: 0 };
    }
    Retried::Refused(if any(|part| part.state == "unknown") {
        NotRetried::Unknown
    } else if any(|part| read(&part.status) == Status::Canceled) {
        NotRetried::Canceled
    } else if any(|part| part.provider_id.is_some()) {
        NotRetried::HandedOver
    } else {
        NotRetried::Final
    })
}

impl Store {
    /// Puts back into the queue what was given up of a message. The same again changes nothing.
    pub async fn retry(&self, message_id: MessageId, now: Timestamp) -> Result<Retried, Error> {
        self.write(Retry { message_id, now, reporting: self.reporting.clone() }).await
    }
}
