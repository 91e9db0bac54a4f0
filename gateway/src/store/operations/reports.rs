//! What becomes of messages, for plugins to hear of: written with the change itself, leased in order
//! for each conversation, and gone with the commit of what followed.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};
use uuid::Uuid;

use super::inserting::insert;
use super::millis;
use super::moves::Moved;
use super::picking::Queue;
use super::settle::read;
use crate::message::{Address, ConversationId, MessageId, ProviderError};
use crate::store::decisions::{ClaimedReport, Explaining};
use crate::store::entities::{messages, reports};
use crate::store::reads::time;
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// Puts down that plugins are to hear of the moves, if they want to.
pub(super) async fn enqueue(
    transaction: &DatabaseTransaction,
    moved: &[Moved],
    reporting: &Reporting,
) -> Result<(), Error> {
    let news = moved.iter().filter(|moved| moved.from != read(&moved.message.status));
    let rows = news.filter_map(|Moved { message, .. }| {
        Some(reports::ActiveModel {
            id: Set(reporting.id(time(message.updated_at))?),
            conversation_id: Set(message.conversation_id),
            message_id: Set(message.id),
            status: Set(message.status.clone()),
            error_code: Set(message.error_code),
            error_message: Set(message.error_message.clone()),
            created_at: Set(message.updated_at),
            lease_until: Set(None),
        })
    });
    let rows: Vec<_> = rows.collect();
    if !rows.is_empty() {
        reporting.wake();
    }
    insert(transaction, rows).await
}

/// A report waits for every earlier one of its conversation.
const QUEUE: Queue = Queue {
    table: "reports",
    columns: &["id", "conversation_id", "lease_until"],
    due: free,
    order: &["id"],
    free,
    // Whatever is there.
    waits: |it| format!("{it}.id IS NOT NULL"),
    goes_before: |it| format!("{it}.id IS NOT NULL"),
};

fn free(it: &str) -> String {
    format!("({it}.lease_until IS NULL OR {it}.lease_until < $1)")
}

struct Claim {
    now: Timestamp,
    until: Timestamp,
    limit: usize,
}

#[async_trait]
impl Operation for Claim {
    type Output = Vec<ClaimedReport>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<ClaimedReport>, Error> {
        let set = ("lease_until = $2", millis(self.until).into());
        let mut rows: Vec<reports::Model> =
            QUEUE.lease(transaction, vec![millis(self.now).into()], set, self.limit).await?;
        rows.sort_by_key(|row| row.id);
        let mut messages = explaining(transaction, rows.iter().map(|row| row.message_id).collect()).await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| messages.remove(&row.message_id).map(|message| claimed(row, message)))
            .collect())
    }
}

fn claimed(row: reports::Model, message: Explaining) -> ClaimedReport {
    let known = row.error_code.is_some() || row.error_message.is_some();
    ClaimedReport {
        id: row.id,
        conversation_id: ConversationId(row.conversation_id),
        status: read(&row.status),
        error: known.then_some(ProviderError { code: row.error_code, message: row.error_message }),
        at: time(row.created_at),
        message,
    }
}

/// The messages that reports and timers belong to.
pub(super) async fn explaining(
    transaction: &DatabaseTransaction,
    ids: BTreeSet<Uuid>,
) -> Result<BTreeMap<Uuid, Explaining>, Error> {
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows = messages::Entity::find().filter(messages::Column::Id.is_in(ids)).all(transaction).await?;
    Ok(rows.into_iter().map(|row| (row.id, explained(row))).collect())
}

fn explained(row: messages::Model) -> Explaining {
    let sender = row.sender.as_deref().map(Address::received);
    let recipient = Address::received(&row.recipient);
    let (ours, theirs) = match (row.direction.as_str(), sender) {
        ("inbound", sender) => (Some(recipient), sender.unwrap_or_else(|| Address::received(""))),
        (_, sender) => (sender, recipient),
    };
    Explaining {
        id: MessageId(row.id),
        channel: row.channel,
        ours,
        theirs,
        plugin: row.plugin,
        hops: row.hops.and_then(|hops| u32::try_from(hops).ok()).unwrap_or(0),
    }
}

impl Store {
    /// Leases up to `limit` reports until `until`: of each conversation the earliest.
    pub async fn claim_reports(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedReport>, Error> {
        self.write(Claim { now, until, limit }).await
    }
}
