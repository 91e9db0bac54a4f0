//! Answers about numbers: kept for a while, so that the same number isn't paid for twice.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set};
use serde_json::Value;

use super::{millis, storable_json};
use crate::message::Address;
use crate::store::entities::lookups;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

struct Keep {
    channel: String,
    number: Address,
    answer: Value,
    at: Timestamp,
    forget: Timestamp,
}

#[async_trait]
impl Operation for Keep {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        lookups::Entity::delete_many()
            .filter(lookups::Column::LookedUpAt.lt(millis(self.forget)))
            .exec(transaction)
            .await?;
        let row = lookups::ActiveModel {
            channel: Set(self.channel.clone()),
            number: Set(self.number.as_str().to_owned()),
            answer: Set(storable_json(self.answer.clone())),
            looked_up_at: Set(millis(self.at)),
        };
        let mut newer = OnConflict::columns([lookups::Column::Channel, lookups::Column::Number]);
        newer.update_columns([lookups::Column::Answer, lookups::Column::LookedUpAt]);
        lookups::Entity::insert(row).on_conflict(newer).exec_without_returning(transaction).await?;
        Ok(())
    }
}

impl Store {
    /// Keeps what a channel's provider told about a number, in place of what it told before, and forgets
    /// what any told before `forget`.
    pub async fn keep_lookup(
        &self,
        channel: String,
        number: Address,
        answer: Value,
        at: Timestamp,
        forget: Timestamp,
    ) -> Result<(), Error> {
        self.write(Keep { channel, number, answer, at, forget }).await
    }

    /// What the channel's provider told about a number, and when.
    pub async fn kept_lookup(&self, channel: &str, number: &Address) -> Result<Option<(Value, Timestamp)>, Error> {
        let id = (channel.to_owned(), number.as_str().to_owned());
        let row = lookups::Entity::find_by_id(id).one(&self.reads).await?;
        Ok(row.map(|row| (row.answer, Timestamp::from_millisecond(row.looked_up_at).unwrap_or_default())))
    }
}
