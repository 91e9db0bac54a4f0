//! Pausing a channel by hand, and letting it go on.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseTransaction, EntityTrait, Set, TryInsertResult};

use super::{millis, storable};
use crate::store::entities::pauses;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

#[derive(Clone, Debug)]
struct Pause {
    channel: String,
    reason: Option<String>,
    now: Timestamp,
}

#[async_trait]
impl Operation for Pause {
    type Output = bool;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let row = pauses::ActiveModel {
            channel: Set(self.channel.clone()),
            since: Set(millis(self.now)),
            reason: Set(self.reason.as_deref().map(storable)),
        };
        // Whoever paused it first said why.
        let once = OnConflict::column(pauses::Column::Channel).do_nothing().to_owned();
        let inserted = pauses::Entity::insert(row).on_conflict(once).try_insert().exec_without_returning(transaction);
        Ok(matches!(inserted.await?, TryInsertResult::Inserted(rows) if rows > 0))
    }
}

#[derive(Clone, Debug)]
struct Resume(String);

#[async_trait]
impl Operation for Resume {
    type Output = bool;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let gone = pauses::Entity::delete_by_id(self.0.clone()).exec(transaction).await?;
        Ok(gone.rows_affected > 0)
    }
}

impl Store {
    /// From now on nothing of the channel is claimed, by any gateway on this database. False if it was
    /// paused before.
    pub async fn pause(&self, channel: &str, reason: Option<String>, now: Timestamp) -> Result<bool, Error> {
        self.write(Pause { channel: channel.to_owned(), reason, now }).await
    }

    /// False if it was not paused.
    pub async fn resume(&self, channel: &str) -> Result<bool, Error> {
        self.write(Resume(channel.to_owned())).await
    }
}
