//! What providers are to forget, and how far that has come.

use jiff::Timestamp;
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, Statement};
use serde::Serialize;

use super::entities::removals;
use super::operations::OPEN_REMOVALS;
use super::reads::time;
use super::{Error, Store};
use crate::message::{MessageId, Removal};

/// Something that a worker may have a provider forget now, and must settle before the lease ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedRemoval {
    pub channel: String,
    pub provider_id: String,
    pub message_id: MessageId,
    pub removal: Removal,
    /// Since when it is wanted.
    pub asked_at: Timestamp,
    /// How many tries were made, this one included.
    pub tries: u32,
}

/// What a try to have something forgotten came to, for the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemovalSettlement {
    pub claimed: ClaimedRemoval,
    pub at: Timestamp,
    pub result: RemovalResult,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovalResult {
    Done,
    Retry { due_at: Timestamp, problem: String },
    GivenUp { problem: String },
}

/// What a provider is to forget, as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ProviderRemoval)]
pub struct KnownRemoval {
    pub provider_id: String,
    pub removal: Removal,
    pub asked_at: Timestamp,
    pub tries: u32,
    /// What the last try came to, if it came to nothing good.
    pub problem: Option<String>,
    /// When it is tried again; null once nothing more is done.
    pub due_at: Option<Timestamp>,
    pub removed_at: Option<Timestamp>,
}

impl Store {
    /// Whether a provider is to be asked now. Cheap to ask often.
    pub async fn removals_due(&self, now: Timestamp) -> Result<bool, Error> {
        let backend = self.reads.get_database_backend();
        let sql = format!("{OPEN_REMOVALS}1");
        let statement = Statement::from_sql_and_values(backend, sql, [now.as_millisecond().into()]);
        Ok(self.reads.query_one_raw(statement).await?.is_some())
    }

    /// What its provider is to forget of a message.
    pub async fn removals(&self, id: MessageId) -> Result<Vec<KnownRemoval>, Error> {
        let rows = removals::Entity::find()
            .filter(removals::Column::MessageId.eq(id.0))
            .order_by_asc(removals::Column::AskedAt)
            .order_by_asc(removals::Column::ProviderId)
            .all(&self.reads)
            .await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| {
                Some(KnownRemoval {
                    provider_id: row.provider_id,
                    removal: Removal::from_word(&row.removal)?,
                    asked_at: time(row.asked_at),
                    tries: u32::try_from(row.tries).unwrap_or(0),
                    problem: row.problem,
                    due_at: row.due_at.map(time),
                    removed_at: row.removed_at.map(time),
                })
            })
            .collect())
    }
}
