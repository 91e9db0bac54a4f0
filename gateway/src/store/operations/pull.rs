//! How far a provider's list of what came in was read, and what of it is here.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Set};

use super::millis;
use crate::store::entities::{messages, pulls};
use crate::store::questions::{Latest, Pulled};
use crate::store::reads::time;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// The first time, reading begins now. What a clock that was ahead has put into the future is taken back: until it came,
/// nothing would be read, and then not what came in before.
#[derive(Clone, Debug)]
struct Begin {
    channel: String,
    now: Timestamp,
    latest: Latest,
}

#[async_trait]
impl Operation for Begin {
    type Output = Pulled;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Pulled, Error> {
        let row = pulls::ActiveModel {
            channel: Set(self.channel.clone()),
            began_at: Set(millis(self.now)),
            reached_at: Set(millis(self.now)),
        };
        pulls::Entity::insert(row)
            .on_conflict(OnConflict::column(pulls::Column::Channel).do_nothing().to_owned())
            .exec_without_returning(transaction)
            .await?;
        let row = pulls::Entity::find_by_id(self.channel.clone()).one(transaction).await?;
        let row = row.ok_or_else(|| Error::Refused("a row was inserted and is not there".to_owned()))?;
        let began_at = self.take_back(transaction, pulls::Column::BeganAt, row.began_at, self.latest.began_at).await?;
        let reached_at =
            self.take_back(transaction, pulls::Column::ReachedAt, row.reached_at, self.latest.reached_at).await?;
        let was_ahead = (began_at, reached_at) != (row.began_at, row.reached_at);
        Ok(Pulled { began_at: time(began_at), reached_at: time(reached_at), was_ahead })
    }
}

impl Begin {
    async fn take_back(
        &self,
        transaction: &DatabaseTransaction,
        column: pulls::Column,
        found: i64,
        latest: Timestamp,
    ) -> Result<i64, Error> {
        if found <= millis(self.now) {
            return Ok(found);
        }
        let latest = millis(latest.min(self.now));
        pulls::Entity::update_many()
            .col_expr(column, Expr::value(latest))
            .filter(pulls::Column::Channel.eq(&self.channel))
            .filter(column.gt(latest))
            .exec(transaction)
            .await?;
        Ok(latest)
    }
}

/// Everything up to a moment is here. Does not go back.
#[derive(Clone, Debug)]
struct Reach {
    channel: String,
    until: Timestamp,
}

#[async_trait]
impl Operation for Reach {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        pulls::Entity::update_many()
            .col_expr(pulls::Column::ReachedAt, Expr::value(millis(self.until)))
            .filter(pulls::Column::Channel.eq(&self.channel))
            .filter(pulls::Column::ReachedAt.lt(millis(self.until)))
            .exec(transaction)
            .await?;
        Ok(())
    }
}

impl Store {
    /// How far a channel's list was read; the first time, it begins now. What has not come yet is put back to the
    /// latest that it can be.
    pub async fn begin_pull(&self, channel: &str, now: Timestamp, latest: Latest) -> Result<Pulled, Error> {
        self.write(Begin { channel: channel.to_owned(), now, latest }).await
    }

    /// Notes that all that came in up to a moment is here.
    pub async fn end_pull(&self, channel: &str, until: Timestamp) -> Result<(), Error> {
        self.write(Reach { channel: channel.to_owned(), until }).await
    }

    /// Which of these messages of a provider are here.
    pub async fn recorded(&self, channel: &str, provider_ids: &[String]) -> Result<BTreeSet<String>, Error> {
        let mut recorded = BTreeSet::new();
        for some in provider_ids.chunks(500) {
            let ids: Vec<Option<String>> = messages::Entity::find()
                .select_only()
                .column(messages::Column::ProviderId)
                .filter(messages::Column::Channel.eq(channel))
                .filter(messages::Column::ProviderId.is_in(some))
                .into_tuple()
                .all(&self.reads)
                .await?;
            recorded.extend(ids.into_iter().flatten());
        }
        Ok(recorded)
    }
}
