//! Answering a webhook a second time with the replies of the first.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

use super::check::answer_ends;
use super::millis;
use crate::message::MessageId;
use crate::store::entities::{messages, parts};
use crate::store::writer::Operation;
use crate::store::{Error, Store};

#[derive(Clone, Debug)]
struct Again {
    message_id: MessageId,
    now: Timestamp,
}

#[async_trait]
impl Operation for Again {
    type Output = bool;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let inbound = messages::Entity::find_by_id(self.message_id.0).lock_exclusive().one(transaction).await?;
        let Some(inbound) = inbound.filter(|inbound| inbound.answer.is_some()) else { return Ok(false) };
        let open: Vec<Uuid> = parts::Entity::find()
            .select_only()
            .column(parts::Column::MessageId)
            // The first word for word the condition of the partial index, so that SQLite uses it.
            .filter(Expr::cust("state IN ('sending', 'unknown')"))
            .filter(parts::Column::State.eq("unknown"))
            .filter(parts::Column::Recipient.eq(inbound.sender.unwrap_or_default()))
            .into_tuple()
            .all(transaction)
            .await?;
        let replies: Vec<Uuid> = messages::Entity::find()
            .select_only()
            .column(messages::Column::Id)
            .filter(messages::Column::Id.is_in(open))
            .filter(messages::Column::InReplyTo.eq(self.message_id.0))
            .into_tuple()
            .all(transaction)
            .await?;
        parts::Entity::update_many()
            .col_expr(parts::Column::UnknownAt, Expr::value(millis(answer_ends(self.now))))
            .filter(parts::Column::MessageId.is_in(replies))
            .filter(parts::Column::State.eq("unknown"))
            .exec(transaction)
            .await?;
        Ok(true)
    }
}

impl Store {
    /// Whether a webhook may be answered again with the replies it was answered before: not when
    /// they were sent by themselves meanwhile. If so, they are on their way from now on.
    pub async fn answer_again(&self, message_id: MessageId, now: Timestamp) -> Result<bool, Error> {
        self.write(Again { message_id, now }).await
    }
}
