//! Opening conversations again by rule, and closing those in which nothing happens.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sea_orm::sea_query::{Expr, ExprTrait, LockBehavior, LockType, SelectStatement};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, SqlErr,
};
use uuid::Uuid;

use super::conversation::{Key, Wanted, open};
use super::millis;
use super::tell::{self, Before};
use crate::message::{ConversationStatus, Status};
use crate::store::entities::{conversations, messages};
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// Opens the last conversation of each that has none open, if that was closed a short time ago. Of two gateways that
/// do so at once, the second finds it open.
pub(super) async fn reopen(
    transaction: &DatabaseTransaction,
    wanted: &BTreeMap<Key, Wanted>,
    reporting: &Reporting,
) -> Result<(), Error> {
    let Some(within) = reporting.handling().reopen_within else { return Ok(()) };
    let there = open(transaction, wanted.keys()).await?;
    let missing: Vec<(&Key, &Wanted)> = wanted.iter().filter(|(key, _)| !there.contains_key(*key)).collect();
    let Some(at) = missing.iter().map(|(_, wanted)| wanted.at).max() else { return Ok(()) };
    let mut last: BTreeMap<Key, conversations::Model> = BTreeMap::new();
    for row in closed(transaction, &missing, within).await? {
        let key = (row.channel.clone(), row.address.clone());
        let recent = wanted.get(&key).is_some_and(|wanted| row.closed_at > Some(before(wanted.at, within)));
        // Of two at the same moment, the younger: they come by their ids.
        if recent && last.get(&key).is_none_or(|other| other.closed_at <= row.closed_at) {
            last.insert(key, row);
        }
    }
    let again: Vec<conversations::Model> = last.into_values().collect();
    for row in &again {
        // Whoever looked after it goes on.
        let status = if row.assignee.is_some() { ConversationStatus::Active } else { ConversationStatus::Pending };
        conversations::Entity::update_many()
            .col_expr(conversations::Column::Status, Expr::value(status.as_str()))
            .col_expr(conversations::Column::ClosedAt, Expr::value(None::<i64>))
            .col_expr(conversations::Column::UpdatedAt, Expr::value(millis(at)))
            .filter(conversations::Column::Id.eq(row.id))
            // Another gateway may have begun one meanwhile, to write to them: that one is found then.
            .filter(Expr::cust(NONE_OPEN))
            .exec(transaction)
            .await
            .map_err(|error| match error.sql_err() {
                Some(SqlErr::UniqueConstraintViolation(_)) => {
                    Error::Overtaken("another conversation with the same address began just now".to_owned())
                }
                _ => error.into(),
            })?;
    }
    told(transaction, again, at, reporting).await
}

const NONE_OPEN: &str = "NOT EXISTS (SELECT 1 FROM conversations AS other \
    WHERE other.channel = conversations.channel AND other.address = conversations.address AND other.status <> 'closed')";

/// Those that were closed lately, locked.
async fn closed(
    transaction: &DatabaseTransaction,
    missing: &[(&Key, &Wanted)],
    within: SignedDuration,
) -> Result<Vec<conversations::Model>, Error> {
    use conversations::Column;
    let mut by_channel: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for ((channel, address), _) in missing {
        by_channel.entry(channel).or_default().insert(address);
    }
    let mut any = Condition::any();
    for (channel, addresses) in by_channel {
        any = any.add(Condition::all().add(Column::Channel.eq(channel)).add(Column::Address.is_in(addresses)));
    }
    let earliest = missing.iter().map(|(_, wanted)| before(wanted.at, within)).min().unwrap_or(i64::MAX);
    let found = conversations::Entity::find()
        .filter(any)
        // Word for word the condition of the partial index, so that SQLite uses it.
        .filter(Expr::cust("closed_at IS NOT NULL"))
        .filter(Column::ClosedAt.gt(earliest))
        .order_by_asc(Column::Id)
        .lock(LockType::NoKeyUpdate);
    Ok(found.all(transaction).await?)
}

fn before(at: Timestamp, within: SignedDuration) -> i64 {
    at.checked_sub(within).map_or(i64::MIN, millis)
}

async fn told(
    transaction: &DatabaseTransaction,
    before: Vec<conversations::Model>,
    at: Timestamp,
    reporting: &Reporting,
) -> Result<(), Error> {
    if before.is_empty() {
        return Ok(());
    }
    let before: Before = before.into_iter().map(|row| (row.id, row)).collect();
    tell::of_change(transaction, &before, at, reporting).await
}

struct CloseQuiet {
    since: Timestamp,
    limit: u64,
    now: Timestamp,
    reporting: Reporting,
}

#[async_trait]
impl Operation for CloseQuiet {
    type Output = u64;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<u64, Error> {
        use conversations::Column;
        let quiet = conversations::Entity::find()
            // Word for word the condition of the partial index, so that SQLite uses it.
            .filter(Expr::cust("status <> 'closed'"))
            .filter(Column::LastMessageAt.lt(millis(self.since)))
            // Whoever opened it again, or changed it otherwise, has something to do in it.
            .filter(Column::UpdatedAt.lt(millis(self.since)))
            .filter(Expr::exists(planned_or_just_sent(self.since)).not())
            .filter(Expr::cust(NOTHING_IN_LINE))
            .filter(Expr::cust(NOTHING_UNCERTAIN))
            .filter(Expr::cust(ALL_PROCESSED))
            .filter(Expr::cust(NO_TIMER))
            .filter(Expr::cust(NO_REPORT))
            .order_by_asc(Column::LastMessageAt)
            .limit(self.limit)
            // Who is at one of them just now has something to do in it.
            .lock_with_behavior(LockType::NoKeyUpdate, LockBehavior::SkipLocked);
        let rows = quiet.all(transaction).await?;
        if rows.is_empty() {
            return Ok(0);
        }
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let closed = conversations::Entity::update_many()
            .col_expr(Column::Status, Expr::value(ConversationStatus::Closed.as_str()))
            .col_expr(Column::ClosedAt, Expr::value(millis(self.now)))
            .col_expr(Column::UpdatedAt, Expr::value(millis(self.now)))
            .filter(Column::Id.is_in(ids))
            .exec(transaction)
            .await?;
        told(transaction, rows, self.now, &self.reporting).await?;
        Ok(closed.rows_affected)
    }
}

const NOTHING_IN_LINE: &str = "NOT EXISTS (SELECT 1 FROM parts WHERE parts.conversation_id = conversations.id \
    AND parts.state IN ('queued', 'sending'))";

/// By the address, which an index is there for.
const NOTHING_UNCERTAIN: &str = "NOT EXISTS (SELECT 1 FROM parts WHERE parts.recipient = conversations.address \
    AND parts.state IN ('sending', 'unknown') AND parts.conversation_id = conversations.id)";

const ALL_PROCESSED: &str = "NOT EXISTS (SELECT 1 FROM messages WHERE messages.conversation_id = conversations.id \
    AND messages.processed_at IS NULL AND messages.direction = 'inbound')";

/// Plugins are to be told something in it later.
const NO_TIMER: &str = "NOT EXISTS (SELECT 1 FROM timers WHERE timers.conversation_id = conversations.id)";
const NO_REPORT: &str = "NOT EXISTS (SELECT 1 FROM reports WHERE reports.conversation_id = conversations.id)";

/// A message that its provider keeps until its time, or that left only now though it was written long ago: there may
/// be an answer to it.
fn planned_or_just_sent(since: Timestamp) -> SelectStatement {
    use messages::Column;
    let to_be_sent =
        Condition::any().add(Column::Status.eq(Status::Scheduled.as_str())).add(Column::SentAt.gte(millis(since)));
    messages::Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(
            Expr::col((messages::Entity, Column::ConversationId))
                .equals((conversations::Entity, conversations::Column::Id)),
        )
        .filter(Column::Direction.eq("outbound"))
        .filter(to_be_sent)
        .into_query()
}

impl Store {
    /// Closes conversations without a message since then, `limit` at the most, and tells endpoints of it. Not those in
    /// which something waits to be sent or processed. Says how many.
    pub async fn close_quiet(&self, since: Timestamp, limit: u64, now: Timestamp) -> Result<u64, Error> {
        self.write(CloseQuiet { since, limit, now, reporting: self.reporting.clone() }).await
    }
}
