//! Ending what waited for longer than it is valid: for its channel, its sender or the morning.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder,
    QuerySelect, Set,
};
use uuid::Uuid;

use super::millis;
use super::moves::Moves;
use crate::message::{MessageId, PartId, Status};
use crate::store::entities::{attempts, parts};
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// As many in one transaction.
const SOME: usize = 500;

#[derive(Clone, Debug)]
struct EndOutdated {
    now: Timestamp,
    reporting: Reporting,
}

#[async_trait]
impl Operation for EndOutdated {
    type Output = Vec<(PartId, MessageId)>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Self::Output, Error> {
        let mut outdated = parts::Entity::find()
            // Word for word the condition of the partial index, so that SQLite uses it.
            .filter(Expr::cust("state = 'queued' AND expires_at IS NOT NULL"))
            .filter(parts::Column::ExpiresAt.lte(millis(self.now)))
            .order_by_asc(parts::Column::ExpiresAt)
            .limit(u64::try_from(SOME).unwrap_or(u64::MAX))
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .all(transaction)
            .await?;
        if outdated.is_empty() {
            return Ok(Vec::new());
        }
        // In the order in which all take them.
        outdated.sort_by_key(|part| part.id);
        let ended: Vec<_> = outdated.iter().map(|part| (PartId(part.id), MessageId(part.message_id))).collect();
        let messages: BTreeSet<Uuid> = outdated.iter().map(|part| part.message_id).collect();
        let tried: Vec<Uuid> = outdated.iter().filter(|part| part.attempts > 0).map(|part| part.id).collect();
        let mut refusals = refusals(transaction, tried).await?;
        for part in outdated {
            let unsent = || (None, Some("it waited for longer than it is valid, and was not sent".to_owned()));
            let (code, message) = refusals.remove(&part.id).unwrap_or_else(unsent);
            let mut row = part.into_active_model();
            row.state = Set("settled".to_owned());
            row.status = Set(Status::Failed.as_str().to_owned());
            row.given_up_at = Set(Some(millis(self.now)));
            row.error_code = Set(code);
            row.error_message = Set(message);
            row.updated_at = Set(millis(self.now));
            row.update(transaction).await?;
        }
        let mut moves = Moves::load(transaction, &messages, &self.reporting).await?;
        for message in messages {
            moves.reduce(message, self.now)?;
        }
        moves.write(transaction).await?;
        Ok(ended)
    }
}

/// Why the last try of each came to nothing, where that is known.
async fn refusals(
    transaction: &DatabaseTransaction,
    tried: Vec<Uuid>,
) -> Result<BTreeMap<Uuid, (Option<i32>, Option<String>)>, Error> {
    if tried.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<(Uuid, Option<i32>, Option<String>)> = attempts::Entity::find()
        .select_only()
        .columns([attempts::Column::PartId, attempts::Column::ErrorCode, attempts::Column::ErrorMessage])
        .filter(attempts::Column::PartId.is_in(tried))
        .filter(attempts::Column::ErrorMessage.is_not_null())
        .order_by_asc(attempts::Column::Id)
        .into_tuple()
        .all(transaction)
        .await?;
    // The last of each stays.
    Ok(rows.into_iter().map(|(part, code, message)| (part, (code, message))).collect())
}

impl Store {
    /// Gives up what waits and is not valid any more. It was certainly not sent.
    pub async fn end_outdated(&self, now: Timestamp) -> Result<Vec<(PartId, MessageId)>, Error> {
        let mut all = Vec::new();
        loop {
            let some = self.write(EndOutdated { now, reporting: self.reporting.clone() }).await?;
            let is_all = some.len() < SOME;
            all.extend(some);
            if is_all {
                return Ok(all);
            }
        }
    }
}
