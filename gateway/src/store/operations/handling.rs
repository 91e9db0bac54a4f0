//! What people change about conversations by hand: who looks after one, where it stands, its tags, and that it
//! was read.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect,
};
use serde_json::json;

use super::assigning::by_tags;
use super::contacts::is_erased;
use super::tell::Before;
use super::{millis, storable, tell};
use crate::message::{ConversationId, ConversationStatus};
use crate::store::entities::conversations;
use crate::store::inbox::{Changed, ConversationChange};
use crate::store::reads::to_conversation;
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Act, Error, Store};

struct Change {
    wanted: ConversationChange,
    /// The mark that it must have.
    expected: Option<String>,
    at: Timestamp,
    reporting: Reporting,
}

#[async_trait]
impl Operation for Change {
    type Output = Changed;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Changed, Error> {
        let wanted = &self.wanted;
        let found = conversations::Entity::find_by_id(wanted.id.0).lock(LockType::NoKeyUpdate);
        let Some(before) = found.one(transaction).await? else { return Ok(Changed::NotFound) };
        if self.expected.as_ref().is_some_and(|mark| *mark != to_conversation(before.clone()).mark()) {
            return Ok(Changed::Mismatch);
        }
        let closed = ConversationStatus::Closed.as_str();
        let reopens =
            before.status == closed && wanted.status.is_some_and(|status| status != ConversationStatus::Closed);
        if reopens && is_erased(transaction, before.contact_id).await? {
            return Ok(Changed::Erased);
        }
        if reopens && let Some(other) = open_beside(transaction, &before).await? {
            return Ok(Changed::AnotherIsOpen(ConversationId(other.id)));
        }
        let mut after = before.clone();
        if let Some(status) = wanted.status {
            status.as_str().clone_into(&mut after.status);
            after.closed_at = match status {
                ConversationStatus::Closed if before.status == closed => before.closed_at,
                ConversationStatus::Closed => Some(millis(self.at)),
                ConversationStatus::Pending | ConversationStatus::Active => None,
            };
        }
        if let Some(assignee) = &wanted.assignee {
            after.assignee = assignee.as_deref().map(storable);
        }
        if let Some(subject) = &wanted.subject {
            after.subject = storable(subject);
        }
        if !wanted.tag.is_empty() || !wanted.untag.is_empty() {
            let known: Vec<String> = serde_json::from_value(before.tags.clone()).unwrap_or_default();
            let mut tags = known;
            tags.retain(|tag| !wanted.untag.contains(tag));
            for tag in wanted.tag.iter().map(|tag| storable(tag)) {
                if !tags.contains(&tag) {
                    tags.push(tag);
                }
            }
            after.tags = json!(tags);
            if before.assignee.is_none() && wanted.assignee.is_none() {
                after.assignee = by_tags(transaction, &before.tags, &after.tags, &self.reporting).await?;
            }
        }
        if after == before {
            return Ok(Changed::Same);
        }
        after.updated_at = millis(self.at);
        after.into_active_model().reset_all().update(transaction).await?;
        let before = Before::from([(before.id, before)]);
        tell::of_change(transaction, &before, self.at, &self.reporting).await?;
        Ok(Changed::Done)
    }
}

/// With the same address on the same channel.
async fn open_beside(
    transaction: &DatabaseTransaction,
    closed: &conversations::Model,
) -> Result<Option<conversations::Model>, Error> {
    let found = conversations::Entity::find()
        .filter(conversations::Column::Channel.eq(&closed.channel))
        .filter(conversations::Column::Address.eq(&closed.address))
        // Word for word the condition of the partial index, so that SQLite uses it.
        .filter(Expr::cust("status <> 'closed'"));
    Ok(found.one(transaction).await?)
}

struct Read {
    id: ConversationId,
    at: Timestamp,
}

#[async_trait]
impl Operation for Read {
    type Output = bool;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let read = conversations::Entity::update_many()
            .col_expr(conversations::Column::Unread, Expr::value(0))
            .col_expr(conversations::Column::UpdatedAt, Expr::value(millis(self.at)))
            .filter(conversations::Column::Id.eq(self.id.0))
            .filter(conversations::Column::Unread.gt(0))
            .exec(transaction)
            .await?;
        Ok(read.rows_affected > 0)
    }
}

impl Store {
    /// Changes a conversation as somebody wants it, tells endpoints of it, and puts down who did it; where a mark is
    /// expected, only if it has that.
    pub async fn change_conversation(
        &self,
        wanted: ConversationChange,
        expected: Option<String>,
        act: Act,
    ) -> Result<Changed, Error> {
        let change = Change { wanted, expected, at: act.at, reporting: self.reporting.clone() };
        self.write_by(change, act, |changed| *changed == Changed::Done).await
    }

    /// Nothing of it is unread any more. False if nothing was.
    pub async fn read_conversation(&self, id: ConversationId, at: Timestamp) -> Result<bool, Error> {
        self.write(Read { id, at }).await
    }
}
