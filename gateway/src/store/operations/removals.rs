//! What providers are to forget: written with what is forgotten here, leased to a worker, settled.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult,
    IntoActiveModel, QueryFilter, Set, Statement,
};

use super::{columns, count, millis, storable};
use crate::message::{MessageId, Removal};
use crate::store::entities::{messages, parts, removals};
use crate::store::reads::time;
use crate::store::removals::{ClaimedRemoval, RemovalResult, RemovalSettlement};
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// Puts down that the provider is to forget a message, or its text, under every id that it has there.
/// The message is locked, so nobody else does the same at this moment.
pub(super) async fn want(
    transaction: &DatabaseTransaction,
    message: &messages::Model,
    parts: &[parts::Model],
    removal: Removal,
    now: Timestamp,
) -> Result<(), Error> {
    for provider_id in provider_ids(message, parts.iter()) {
        let key = (message.channel.clone(), provider_id.to_owned());
        match removals::Entity::find_by_id(key).one(transaction).await? {
            Some(before) => again(transaction, before, removal, now).await?,
            None => insert(transaction, message, provider_id, removal, now).await?,
        }
    }
    Ok(())
}

/// The same for ids that came to be known only after the message had been forgotten here.
pub(super) async fn follow(
    transaction: &DatabaseTransaction,
    message: &messages::Model,
    parts: &[&parts::Model],
    now: Timestamp,
) -> Result<(), Error> {
    let removal = match (message.deleted_at, message.redacted_at) {
        (Some(_), _) => Removal::Message,
        (None, Some(_)) => Removal::Text,
        (None, None) => return Ok(()),
    };
    for provider_id in provider_ids(message, parts.iter().copied()) {
        let key = (message.channel.clone(), provider_id.to_owned());
        if removals::Entity::find_by_id(key).one(transaction).await?.is_none() {
            insert(transaction, message, provider_id, removal, now).await?;
        }
    }
    Ok(())
}

/// Of a message that came in its own; of one that went out those of its parts.
fn provider_ids<'a>(
    message: &'a messages::Model,
    parts: impl Iterator<Item = &'a parts::Model>,
) -> impl Iterator<Item = &'a str> {
    let own = message.provider_id.as_deref();
    own.into_iter().chain(parts.filter_map(|part| part.provider_id.as_deref()))
}

async fn insert(
    transaction: &DatabaseTransaction,
    message: &messages::Model,
    provider_id: &str,
    removal: Removal,
    now: Timestamp,
) -> Result<(), Error> {
    let row = removals::ActiveModel {
        channel: Set(message.channel.clone()),
        provider_id: Set(provider_id.to_owned()),
        message_id: Set(message.id),
        removal: Set(removal.as_str().to_owned()),
        asked_at: Set(millis(now)),
        due_at: Set(Some(millis(now))),
        tries: Set(0),
        problem: Set(None),
        removed_at: Set(None),
    };
    removals::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// More may be wanted than before, or the same that was given up. What is under way goes on.
async fn again(
    transaction: &DatabaseTransaction,
    before: removals::Model,
    removal: Removal,
    now: Timestamp,
) -> Result<(), Error> {
    let more = Removal::from_word(&before.removal).is_none_or(|before| before < removal);
    let given_up = before.due_at.is_none() && before.removed_at.is_none();
    if !more && !given_up {
        return Ok(());
    }
    let mut row = before.into_active_model();
    if more {
        row.removal = Set(removal.as_str().to_owned());
    }
    row.asked_at = Set(millis(now));
    row.due_at = Set(Some(millis(now)));
    row.removed_at = Set(None);
    row.update(transaction).await?;
    Ok(())
}

/// Not while the message may still be on its way: a provider might send it without its text, or won't
/// delete it yet. That is over when its status is final, or when nobody asks about it any more.
pub(in crate::store) const OPEN: &str = "SELECT open.channel, open.provider_id FROM removals AS open \
    WHERE open.due_at <= $1 AND NOT EXISTS (SELECT 1 FROM parts WHERE parts.channel = open.channel \
    AND parts.provider_id = open.provider_id AND (parts.state <> 'settled' OR parts.check_at IS NOT NULL)) \
    ORDER BY open.due_at LIMIT ";

/// Up to `limit`, which nobody else is given until `until`: whoever stops meanwhile has done no harm,
/// since to forget twice is as good.
struct Claim {
    now: Timestamp,
    until: Timestamp,
    limit: usize,
}

#[async_trait]
impl Operation for Claim {
    type Output = Vec<ClaimedRemoval>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<ClaimedRemoval>, Error> {
        let backend = transaction.get_database_backend();
        // Several gateways may share a Postgres: none waits for, or takes, what another holds.
        let lock = if backend == DbBackend::Postgres { " FOR UPDATE OF open SKIP LOCKED" } else { "" };
        let sql = format!(
            "WITH claimed AS MATERIALIZED ({OPEN}{}{lock}) UPDATE removals SET tries = tries + 1, due_at = $2 \
             WHERE (channel, provider_id) IN (SELECT channel, provider_id FROM claimed) RETURNING {}",
            self.limit,
            columns::all::<removals::Entity>()
        );
        let values = [millis(self.now).into(), millis(self.until).into()];
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        let rows = rows.iter().map(|row| removals::Model::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
        Ok(rows.into_iter().filter_map(claimed).collect())
    }
}

fn claimed(row: removals::Model) -> Option<ClaimedRemoval> {
    Some(ClaimedRemoval {
        message_id: MessageId(row.message_id),
        removal: Removal::from_word(&row.removal)?,
        asked_at: time(row.asked_at),
        tries: u32::try_from(row.tries).ok()?,
        channel: row.channel,
        provider_id: row.provider_id,
    })
}

#[async_trait]
impl Operation for RemovalSettlement {
    type Output = ();

    /// Unless somebody wants more meanwhile, or another worker has taken it since.
    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let (due_at, removed_at, problem) = match &self.result {
            RemovalResult::Done => (None, Some(self.at), None),
            RemovalResult::Retry { due_at, problem } => (Some(*due_at), None, Some(problem)),
            RemovalResult::GivenUp { problem } => (None, None, Some(problem)),
        };
        removals::Entity::update_many()
            .col_expr(removals::Column::DueAt, Expr::value(due_at.map(millis)))
            .col_expr(removals::Column::RemovedAt, Expr::value(removed_at.map(millis)))
            .col_expr(removals::Column::Problem, Expr::value(problem.map(|problem| storable(problem))))
            .filter(removals::Column::Channel.eq(&self.claimed.channel))
            .filter(removals::Column::ProviderId.eq(&self.claimed.provider_id))
            .filter(removals::Column::Removal.eq(self.claimed.removal.as_str()))
            .filter(removals::Column::Tries.eq(count(self.claimed.tries)))
            .exec(transaction)
            .await?;
        Ok(())
    }
}

impl Store {
    /// Leases up to `limit` removals that are due, until `until`.
    pub async fn claim_removals(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedRemoval>, Error> {
        self.write(Claim { now, until, limit }).await
    }

    /// Records what a try to have something forgotten came to.
    pub async fn settle_removal(&self, settlement: RemovalSettlement) -> Result<(), Error> {
        self.write(settlement).await
    }
}
