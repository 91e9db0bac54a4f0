//! What applications are to be told: written with the change itself, leased to a worker, settled.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::{CaseStatement, Expr, Func};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect, Set, Statement,
};
use uuid::Uuid;

use super::inserting::insert;
use super::moves::Moved;
use super::moving::Moving;
use super::settle::read;
use super::{columns, count, millis, storable};
use crate::message::{Address, MessageId, Status};
use crate::store::entities::{api_keys, callbacks, media, messages, observations, parts};
use crate::store::records::Callback;
use crate::store::shown::{CallbackResult, CallbackSettlement, ClaimedCallback};
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// Puts down what applications are to be told: of the moves of interest, those of messages for which they asked it.
/// In the transaction of the moves, so that neither is there without the other.
pub(super) async fn enqueue(transaction: &DatabaseTransaction, moved: &[Moved]) -> Result<(), Error> {
    let told: Vec<&Moving> = moved.iter().filter(|moved| is_told(moved)).map(|moved| &moved.message).collect();
    if told.is_empty() {
        return Ok(());
    }
    let mut earlier = earlier(transaction, told.iter().map(|message| message.id).collect()).await?;
    let rows = told.into_iter().map(|message| {
        let earlier = earlier.entry(message.id).or_default();
        let position = earlier.next;
        earlier.next = position.saturating_add(1);
        callbacks::ActiveModel {
            message_id: Set(message.id),
            position: Set(position),
            status: Set(message.status.clone()),
            error_code: Set(message.error_code),
            state: Set("due".to_owned()),
            // Not before what it waits for, or it would be looked at again and again until then.
            due_at: Set(message.updated_at.max(earlier.due_at.unwrap_or_default())),
            tries: Set(0),
            lease_until: Set(None),
            problem: Set(None),
            created_at: Set(message.updated_at),
            finished_at: Set(None),
        }
    });
    insert(transaction, rows.collect()).await
}

fn is_told(Moved { from, message, .. }: &Moved) -> bool {
    let reached = read(&message.status);
    if message.callback_url.is_none() || *from == reached {
        return false;
    }
    match reached {
        Status::Sent | Status::Delivered | Status::Undelivered | Status::Failed | Status::Canceled | Status::Read => {
            true
        }
        // News only of what a service has to find a sender for.
        Status::Queued => message.service.is_some(),
        _ => false,
    }
}

/// What there is of a message already.
#[derive(Clone, Copy, Default)]
struct Earlier {
    /// The position behind all. Those that were told are gone after a while, so that their number does not tell it.
    next: i32,
    /// When the last that is still to be told is due.
    due_at: Option<i64>,
}

/// Of each message. They are locked, so nobody else adds any at this moment.
async fn earlier(transaction: &DatabaseTransaction, ids: BTreeSet<Uuid>) -> Result<BTreeMap<Uuid, Earlier>, Error> {
    let is_open = callbacks::Column::State.is_in(["due", "sending"]);
    let due_at = CaseStatement::new().case(is_open, Expr::col(callbacks::Column::DueAt));
    let rows: Vec<(Uuid, i32, Option<i64>)> = callbacks::Entity::find()
        .select_only()
        .column(callbacks::Column::MessageId)
        .column_as(callbacks::Column::Position.max(), "last")
        .expr_as(Func::max(due_at), "due_at")
        .filter(callbacks::Column::MessageId.is_in(ids))
        .group_by(callbacks::Column::MessageId)
        .into_tuple()
        .all(transaction)
        .await?;
    let earlier = |last: i32, due_at| Earlier { next: last.saturating_add(1), due_at };
    Ok(rows.into_iter().map(|(id, last, due_at)| (id, earlier(last, due_at))).collect())
}

/// A callback waits for every earlier one of its message. One whose lease ended may have arrived,
/// but nobody knows: it is made again, since to be told twice does less harm than never. The first condition is word
/// for word that of the partial index, without which SQLite would go through all callbacks there ever were.
pub(in crate::store) const OPEN: &str = "SELECT open.message_id, open.position FROM callbacks AS open \
    WHERE open.state IN ('due', 'sending') AND ((open.state = 'due' AND open.due_at <= $1) \
    OR (open.state = 'sending' AND open.lease_until < $1)) \
    AND NOT EXISTS (SELECT 1 FROM callbacks AS earlier WHERE earlier.message_id = open.message_id \
    AND earlier.position < open.position AND earlier.state IN ('due', 'sending')) \
    ORDER BY open.due_at LIMIT ";

struct Claim {
    now: Timestamp,
    until: Timestamp,
    limit: usize,
}

#[async_trait]
impl Operation for Claim {
    type Output = Vec<ClaimedCallback>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<ClaimedCallback>, Error> {
        let backend = transaction.get_database_backend();
        let lock = if backend == DbBackend::Postgres { " FOR UPDATE OF open SKIP LOCKED" } else { "" };
        let sql = format!(
            "WITH claimed AS MATERIALIZED ({OPEN}{}{lock}) \
             UPDATE callbacks SET state = 'sending', tries = tries + 1, lease_until = $2 \
             WHERE (message_id, position) IN (SELECT message_id, position FROM claimed) RETURNING {}",
            self.limit,
            columns::all::<callbacks::Entity>()
        );
        let values = [millis(self.now).into(), millis(self.until).into()];
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        let rows =
            rows.iter().map(|row| callbacks::Model::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
        described(transaction, rows).await
    }
}

/// With what is told of their messages.
async fn described(
    transaction: &DatabaseTransaction,
    rows: Vec<callbacks::Model>,
) -> Result<Vec<ClaimedCallback>, Error> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: BTreeSet<Uuid> = rows.iter().map(|row| row.message_id).collect();
    let found = messages::Entity::find().filter(messages::Column::Id.is_in(ids.clone())).all(transaction).await?;
    let keys: BTreeSet<Uuid> = found.iter().filter_map(|message| message.callback_key_id).collect();
    let keys = api_keys::Entity::find().filter(api_keys::Column::Id.is_in(keys)).all(transaction).await?;
    let hashes: BTreeMap<Uuid, String> = keys.into_iter().map(|key| (key.id, key.hash)).collect();
    let with_media: Vec<Uuid> = media::Entity::find()
        .select_only()
        .column(media::Column::MessageId)
        .filter(media::Column::MessageId.is_in(ids))
        .into_tuple()
        .all(transaction)
        .await?;
    let reports = reports(transaction, &rows).await?;
    let found: BTreeMap<Uuid, messages::Model> = found.into_iter().map(|message| (message.id, message)).collect();
    rows.into_iter()
        .map(|row| {
            let message = found.get(&row.message_id);
            let report = reports.get(&(row.message_id, row.status.clone()));
            message
                .and_then(|message| claimed(&row, message, &hashes, with_media.contains(&row.message_id)))
                .map(|claimed| with_report(claimed, report))
                .ok_or_else(|| Error::Refused("a callback is of a message that asked for none".to_owned()))
        })
        .collect()
}

/// What a report said, by the provider's names.
type Report = BTreeMap<String, String>;

/// The newest report of each status that is to be told, by message and status.
async fn reports(
    transaction: &DatabaseTransaction,
    rows: &[callbacks::Model],
) -> Result<BTreeMap<(Uuid, String), Report>, Error> {
    let of_messages: Vec<(Uuid, Uuid)> = parts::Entity::find()
        .select_only()
        .columns([parts::Column::Id, parts::Column::MessageId])
        .filter(parts::Column::MessageId.is_in(rows.iter().map(|row| row.message_id)))
        .into_tuple()
        .all(transaction)
        .await?;
    let of_messages: BTreeMap<Uuid, Uuid> = of_messages.into_iter().collect();
    let found = observations::Entity::find()
        .filter(observations::Column::PartId.is_in(of_messages.keys().copied()))
        .filter(observations::Column::Status.is_in(rows.iter().map(|row| row.status.as_str())))
        .order_by_asc(observations::Column::ReceivedAt)
        .all(transaction)
        .await?;
    let named = |row: observations::Model| {
        let message_id = *of_messages.get(&row.part_id?)?;
        let said: Vec<(String, String)> = serde_json::from_value(row.raw).ok()?;
        Some(((message_id, row.status), said.into_iter().collect()))
    };
    Ok(found.into_iter().filter_map(named).collect())
}

fn with_report(claimed: ClaimedCallback, report: Option<&Report>) -> ClaimedCallback {
    let said = |name: &str| report?.get(name).filter(|text| !text.is_empty());
    ClaimedCallback { carrier_date: said("RawDlrDoneDate").cloned(), ..claimed }
}

fn claimed(
    row: &callbacks::Model,
    message: &messages::Model,
    hashes: &BTreeMap<Uuid, String>,
    has_media: bool,
) -> Option<ClaimedCallback> {
    let api_key_id = message.callback_key_id?;
    Some(ClaimedCallback {
        message_id: MessageId(message.id),
        position: u32::try_from(row.position).ok()?,
        status: read(&row.status),
        error_code: row.error_code,
        from: message.sender.as_deref().map(Address::received),
        service: message.service.clone(),
        carrier_date: None,
        to: Address::received(&message.recipient),
        has_media,
        callback: Callback {
            url: message.callback_url.clone()?,
            api_key_id,
            account: message.callback_account.clone()?,
        },
        key_hash: hashes.get(&api_key_id)?.clone(),
        tries: u32::try_from(row.tries).ok()?,
    })
}

#[async_trait]
impl Operation for CallbackSettlement {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let (state, due_at, problem) = match &self.result {
            CallbackResult::Done => ("done", None, None),
            CallbackResult::Retry { due_at, problem } => ("due", Some(*due_at), Some(problem)),
            CallbackResult::GivenUp { problem } => ("given-up", None, Some(problem)),
        };
        let mut update = callbacks::Entity::update_many()
            .col_expr(callbacks::Column::State, Expr::value(state))
            .col_expr(callbacks::Column::LeaseUntil, Expr::value(None::<i64>))
            .col_expr(callbacks::Column::Problem, Expr::value(problem.map(|problem| storable(problem))))
            .filter(callbacks::Column::MessageId.eq(self.message_id.0))
            .filter(callbacks::Column::Position.eq(count(self.position)))
            .filter(callbacks::Column::State.eq("sending"))
            // Another worker may have it by now, and is telling it at this moment.
            .filter(callbacks::Column::Tries.eq(count(self.tries)));
        update = match due_at {
            Some(due_at) => update.col_expr(callbacks::Column::DueAt, Expr::value(millis(due_at))),
            None => update.col_expr(callbacks::Column::FinishedAt, Expr::value(millis(self.at))),
        };
        let is_ours = update.exec(transaction).await?.rows_affected > 0;
        if let Some(due_at) = due_at.filter(|_| is_ours) {
            // What waits for it is due no sooner: thousands of those would be in front of what can be told.
            callbacks::Entity::update_many()
                .col_expr(callbacks::Column::DueAt, Expr::value(millis(due_at)))
                .filter(callbacks::Column::MessageId.eq(self.message_id.0))
                .filter(callbacks::Column::Position.gt(count(self.position)))
                .filter(callbacks::Column::State.eq("due"))
                .filter(callbacks::Column::DueAt.lt(millis(due_at)))
                .exec(transaction)
                .await?;
        }
        Ok(())
    }
}

impl Store {
    /// Leases up to `limit` callbacks that are due, until `until`.
    pub async fn claim_callbacks(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedCallback>, Error> {
        self.write(Claim { now, until, limit }).await
    }

    /// Records what a try to tell an application came to.
    pub async fn settle_callback(&self, settlement: CallbackSettlement) -> Result<(), Error> {
        self.write(settlement).await
    }
}
