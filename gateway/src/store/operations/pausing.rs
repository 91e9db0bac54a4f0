//! Pausing a channel by hand, and letting it go on.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseTransaction, EntityTrait, Set, TryInsertResult};
use uuid::Uuid;

use super::bodies::{self, AboutChannel};
use super::tell::{News, tell};
use super::{millis, storable};
use crate::store::audit::Act;
use crate::store::entities::pauses;
use crate::store::events::EventKind;
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

#[derive(Clone, Debug)]
struct Pause {
    channel: String,
    reason: Option<String>,
    now: Timestamp,
    reporting: Reporting,
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
        let paused = matches!(inserted.await?, TryInsertResult::Inserted(rows) if rows > 0);
        if paused {
            let about = AboutChannel { channel: &self.channel, by: "hand", reason: self.reason.as_deref() };
            told(transaction, EventKind::ChannelPaused, about, self.now, &self.reporting).await?;
        }
        Ok(paused)
    }
}

#[derive(Clone, Debug)]
struct Resume {
    channel: String,
    now: Timestamp,
    reporting: Reporting,
}

#[async_trait]
impl Operation for Resume {
    type Output = bool;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let gone = pauses::Entity::delete_by_id(self.channel.clone()).exec(transaction).await?;
        let resumed = gone.rows_affected > 0;
        if resumed {
            let about = AboutChannel { channel: &self.channel, by: "hand", reason: None };
            told(transaction, EventKind::ChannelResumed, about, self.now, &self.reporting).await?;
        }
        Ok(resumed)
    }
}

async fn told(
    transaction: &DatabaseTransaction,
    kind: EventKind,
    about: AboutChannel<'_>,
    at: Timestamp,
    reporting: &Reporting,
) -> Result<(), Error> {
    let body = bodies::body(kind, at, about)?;
    let news = News { kind, conversation_id: Uuid::nil(), message_id: Uuid::nil(), at, body };
    tell(transaction, &[news], None, reporting).await
}

impl Store {
    /// From now on nothing of the channel is claimed, by any gateway on this database. False if it was
    /// paused before.
    pub async fn pause(&self, channel: &str, reason: Option<String>, act: Act) -> Result<bool, Error> {
        let (channel, now) = (channel.to_owned(), act.at);
        let reporting = self.reporting.clone();
        self.write_by(Pause { channel, reason, now, reporting }, act, |paused| *paused).await
    }

    /// False if it was not paused.
    pub async fn resume(&self, channel: &str, act: Act) -> Result<bool, Error> {
        let (channel, now) = (channel.to_owned(), act.at);
        self.write_by(Resume { channel, now, reporting: self.reporting.clone() }, act, |resumed| *resumed).await
    }
}
