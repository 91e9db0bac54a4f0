//! What is of bulk sends: one message for each recipient, and stopping those that were not sent.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Statement, Value,
};
use uuid::Uuid;

use super::moves::Moves;
use super::rows::Rows;
use super::{count, millis, storable};
use crate::message::Status;
use crate::store::bulks::{BulkPlace, BulkState, HELD};
use crate::store::entities::{bulk_recipients, bulks, parts};
use crate::store::reads::positive;
use crate::store::records::Submission;
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// Holds some of what waits to be sent, or lets go of what is held.
struct Shift {
    id: Uuid,
    held: bool,
    limit: usize,
    now: Timestamp,
}

#[async_trait]
impl Operation for Shift {
    type Output = u64;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<u64, Error> {
        // Whoever pauses or resumes it meanwhile waits for this, and this is not done against their word.
        let wanted = if self.held { BulkState::Paused } else { BulkState::Running };
        let bulk = bulks::Entity::find_by_id(self.id).lock_shared().one(transaction).await?;
        if bulk.is_none_or(|bulk| BulkState::of(&bulk.state) != wanted) {
            return Ok(0);
        }
        let backend = transaction.get_database_backend();
        // A part that is just being claimed is not waited for: it is sent.
        let lock = if backend == DbBackend::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
        let (sign, condition) = if self.held { ('+', '<') } else { ('-', '>') };
        let sql = format!(
            "WITH shifted AS MATERIALIZED (SELECT parts.id FROM parts WHERE parts.bulk_id = $1 \
             AND parts.state IN ('queued', 'sending') AND parts.state = 'queued' \
             AND parts.due_at {condition} {HELD} ORDER BY parts.due_at LIMIT {}{lock}) \
             UPDATE parts SET due_at = due_at {sign} {HELD}, updated_at = $2 WHERE id IN (SELECT id FROM shifted)",
            self.limit
        );
        let values: [Value; 2] = [self.id.into(), millis(self.now).into()];
        let done = transaction.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        Ok(done.rows_affected())
    }
}

/// Ends some of what was not sent.
struct End {
    id: Uuid,
    limit: u64,
    now: Timestamp,
    reporting: Reporting,
}

#[async_trait]
impl Operation for End {
    type Output = u64;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<u64, Error> {
        let backend = transaction.get_database_backend();
        let sql = format!(
            "UPDATE bulk_recipients SET state = 'canceled', variables = NULL WHERE bulk_id = $1 AND state = 'waiting' \
             AND position IN (SELECT waiting.position FROM bulk_recipients AS waiting WHERE waiting.bulk_id = $1 \
             AND waiting.state = 'waiting' ORDER BY waiting.position LIMIT {})",
            self.limit
        );
        let statement = Statement::from_sql_and_values(backend, sql, [self.id.into()]);
        let ended = transaction.execute_raw(statement).await?.rows_affected();
        let waiting = parts::Entity::find()
            .filter(parts::Column::BulkId.eq(self.id))
            // Word for word the condition of the partial index, so that SQLite uses it.
            .filter(Expr::cust("parts.state IN ('queued', 'sending') AND parts.state = 'queued'"))
            .order_by_asc(parts::Column::Id)
            .limit(self.limit)
            .lock_exclusive()
            .all(transaction)
            .await?;
        let message_ids: BTreeSet<Uuid> = waiting.iter().map(|part| part.message_id).collect();
        if message_ids.is_empty() {
            return Ok(ended);
        }
        let canceled = u64::try_from(waiting.len()).unwrap_or(0);
        let mut moves = Moves::load(transaction, &message_ids, &self.reporting).await?;
        for mut part in waiting {
            cancel(&mut part);
            part.updated_at = millis(self.now);
            moves.put(part);
        }
        for message_id in message_ids {
            moves.reduce(message_id, self.now)?;
        }
        moves.write(transaction).await?;
        Ok(ended + canceled)
    }
}

/// The recipients of bulk sends for whom messages are being stored.
#[derive(Default)]
pub(super) struct Awaited(BTreeSet<BulkPlace>);

impl Awaited {
    /// Those who wait, and whose bulk send is running. They are locked: whoever stops it comes after this.
    pub(super) async fn look(transaction: &DatabaseTransaction, all: &[&Submission]) -> Result<Self, Error> {
        let places: BTreeSet<BulkPlace> = all.iter().filter_map(|submission| submission.message.bulk).collect();
        let mut by_bulk: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
        for place in places {
            by_bulk.entry(place.bulk_id).or_default().push(count(place.position));
        }
        let mut waiting = BTreeSet::new();
        for (bulk_id, positions) in by_bulk {
            let bulk = bulks::Entity::find_by_id(bulk_id).lock_shared().one(transaction).await?;
            if bulk.is_none_or(|bulk| BulkState::of(&bulk.state) != BulkState::Running) {
                continue;
            }
            let rows = bulk_recipients::Entity::find()
                .filter(bulk_recipients::Column::BulkId.eq(bulk_id))
                .filter(bulk_recipients::Column::Position.is_in(positions))
                .filter(bulk_recipients::Column::State.eq("waiting"))
                .order_by_asc(bulk_recipients::Column::Position)
                .lock_exclusive()
                .all(transaction)
                .await?;
            waiting.extend(rows.iter().map(|row| BulkPlace { bulk_id, position: positive(row.position) }));
        }
        Ok(Self(waiting))
    }

    /// Whether a message is for nobody who waits. Each gets one.
    pub(super) fn misses(&mut self, submission: &Submission) -> bool {
        submission.message.bulk.is_some_and(|place| !self.0.remove(&place))
    }
}

/// What comes back to the queue of a bulk send that was stopped meanwhile is held, or ends.
pub(super) async fn stopped(transaction: &DatabaseTransaction, part: &mut parts::Model) -> Result<(), Error> {
    let Some(bulk_id) = part.bulk_id else { return Ok(()) };
    let bulk = bulks::Entity::find_by_id(bulk_id).lock_shared().one(transaction).await?;
    match bulk.map(|bulk| BulkState::of(&bulk.state)) {
        Some(BulkState::Paused) => part.due_at = part.due_at.saturating_add(HELD),
        Some(BulkState::Canceled) => cancel(part),
        Some(BulkState::Running | BulkState::Done) | None => {}
    }
    Ok(())
}

fn cancel(part: &mut parts::Model) {
    "settled".clone_into(&mut part.state);
    Status::Canceled.as_str().clone_into(&mut part.status);
}

/// Marks those for whom a message was stored, in the transaction that stored it.
pub(super) async fn submitted(transaction: &DatabaseTransaction, all: &[&Submission]) -> Result<(), Error> {
    let mut rows = Rows::new(transaction, &["", "INTEGER", "", "", "TEXT", "TEXT"]);
    for submission in all {
        let message = &submission.message;
        let Some(place) = message.bulk else { continue };
        let rejected = message.rejected.as_ref();
        rows.push([
            Value::from(place.bulk_id),
            count(place.position).into(),
            message.id.0.into(),
            rejected.map_or("submitted", |_| "refused").into(),
            rejected.map(|rejected| rejected.refused_for().unwrap_or("rejected-by-plugin").to_owned()).into(),
            rejected.map(|rejected| storable(&rejected.problem())).into(),
        ]);
    }
    rows.update(
        transaction,
        "UPDATE bulk_recipients SET message_id = new.column3, state = new.column4, code = new.column5, \
         problem = new.column6, variables = NULL",
        "WHERE bulk_recipients.bulk_id = new.column1 AND bulk_recipients.position = new.column2",
    )
    .await
}

impl Store {
    /// Holds up to so many of its parts that wait; how many that were.
    pub async fn hold_bulk(&self, id: Uuid, limit: usize, now: Timestamp) -> Result<u64, Error> {
        self.write(Shift { id, held: true, limit, now }).await
    }

    /// Lets go of up to so many of its parts that are held; how many that were.
    pub async fn release_bulk(&self, id: Uuid, limit: usize, now: Timestamp) -> Result<u64, Error> {
        self.write(Shift { id, held: false, limit, now }).await
    }

    /// Ends up to so many of those who wait, and of the parts that were not sent; how many that were.
    pub async fn end_bulk(&self, id: Uuid, limit: u64, now: Timestamp) -> Result<u64, Error> {
        self.write(End { id, limit, now, reporting: self.reporting.clone() }).await
    }
}
