//! Giving up what is old, a few rows at a time. Messages keep their ids and what became of them: a repeat is
//! known as one, and a report finds its part.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    Statement, Value,
};
use uuid::Uuid;

use super::{dropped, inserting, redact, uploads};
use crate::message::MessageId;
use crate::store::entities::{attempts, media, messages, observations, retention, retention_held, traces};
use crate::store::media::MediaState;
use crate::store::plugins::first_id;
use crate::store::retention::{Aged, AgedMedia, AgedStep};
use crate::store::shown::Redaction;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

struct Age {
    aged: Aged,
    before: Timestamp,
    limit: usize,
    now: Timestamp,
}

#[async_trait]
impl Operation for Age {
    type Output = AgedStep;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<AgedStep, Error> {
        let finished = match self.aged {
            Aged::Events => Some(("events", "id")),
            Aged::Callbacks => Some(("callbacks", "message_id, position")),
            _ => None,
        };
        if let Some((table, key)) = finished {
            return self.delete_finished(transaction, table, key).await;
        }
        if self.aged == Aged::Uploads {
            let changed = uploads::forget_unused(transaction, self.before, self.limit).await?;
            return Ok(self.deleted(changed));
        }
        let reached = reached(transaction, self.aged).await?;
        let sql = format!("{} ORDER BY id LIMIT {}", self.aged.next("id"), self.limit);
        let statement = Statement::from_sql_and_values(
            transaction.get_database_backend(),
            sql,
            [reached.into(), first_id(self.before).into()],
        );
        let rows = transaction.query_all_raw(statement).await?;
        let ids = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<Uuid>, _>>()?;
        let Some(last) = ids.last().copied() else { return Ok(AgedStep::default()) };
        let more = ids.len() == self.limit;
        let changed = self.give_up(transaction, ids).await?;
        reach(transaction, self.aged, last).await?;
        Ok(AgedStep { more, changed })
    }
}

impl Age {
    async fn give_up(&self, transaction: &DatabaseTransaction, ids: Vec<Uuid>) -> Result<u64, Error> {
        let done = match self.aged {
            Aged::Texts => return self.texts(transaction, ids).await,
            Aged::Decided => {
                let none = Expr::value(None::<String>);
                // Without what plugins saw, a replay knows that it can't tell; else nothing would have been decided.
                let update = messages::Entity::update_many()
                    .col_expr(messages::Column::Decided, none.clone())
                    .col_expr(messages::Column::Seen, none);
                let these = messages::Column::Id.is_in(ids);
                update
                    .filter(these)
                    .filter(messages::Column::Decided.is_not_null())
                    .exec(transaction)
                    .await?
                    .rows_affected
            }
            Aged::Traces => {
                let these = traces::Column::Id.is_in(ids);
                traces::Entity::delete_many().filter(these).exec(transaction).await?.rows_affected
            }
            Aged::Observations => {
                let bare = Expr::value(serde_json::json!([]));
                let update = observations::Entity::update_many().col_expr(observations::Column::Raw, bare);
                update.filter(observations::Column::Id.is_in(ids)).exec(transaction).await?.rows_affected
            }
            Aged::Attempts => {
                let none = Expr::value(None::<String>);
                let update = attempts::Entity::update_many().col_expr(attempts::Column::Exchange, none);
                let these = attempts::Column::Id.is_in(ids);
                update
                    .filter(these)
                    .filter(attempts::Column::Exchange.is_not_null())
                    .exec(transaction)
                    .await?
                    .rows_affected
            }
            // Each in a way of its own.
            Aged::Media | Aged::Uploads | Aged::Events | Aged::Callbacks => 0,
        };
        Ok(done)
    }

    /// What is still on its way is looked at again later.
    async fn texts(&self, transaction: &DatabaseTransaction, ids: Vec<Uuid>) -> Result<u64, Error> {
        let kept: Vec<Uuid> = messages::Entity::find()
            .select_only()
            .column(messages::Column::Id)
            .filter(messages::Column::Id.is_in(ids))
            .filter(messages::Column::RedactedAt.is_null())
            .order_by_asc(messages::Column::Id)
            .into_tuple()
            .all(transaction)
            .await?;
        let mut changed = 0;
        for id in kept {
            match redact::forget(transaction, MessageId(id), self.now).await? {
                Redaction::Done => changed += 1,
                Redaction::NotFound => {}
                Redaction::UnderWay => hold(transaction, vec![id]).await?,
            }
        }
        Ok(changed)
    }

    async fn delete_finished(
        &self,
        transaction: &DatabaseTransaction,
        table: &str,
        key: &str,
    ) -> Result<AgedStep, Error> {
        let next = self.aged.next(key);
        let sql =
            format!("DELETE FROM {table} WHERE ({key}) IN ({next} ORDER BY {key} LIMIT {limit})", limit = self.limit);
        let values: [Value; 2] = [Uuid::nil().into(), first_id(self.before).into()];
        let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
        let changed = transaction.execute_raw(statement).await?.rows_affected();
        Ok(self.deleted(changed))
    }

    fn deleted(&self, changed: u64) -> AgedStep {
        AgedStep { more: usize::try_from(changed).is_ok_and(|changed| changed == self.limit), changed }
    }
}

/// How far it was gone through; nobody else goes on until this transaction is over.
async fn reached(transaction: &DatabaseTransaction, aged: Aged) -> Result<Uuid, Error> {
    let name = aged.as_str().to_owned();
    let find = || retention::Entity::find_by_id(name.clone()).lock_exclusive();
    if let Some(row) = find().one(transaction).await? {
        return Ok(row.reached);
    }
    retention::Entity::insert(retention::ActiveModel { aged: Set(name.clone()), reached: Set(Uuid::nil()) })
        .on_conflict(OnConflict::column(retention::Column::Aged).do_nothing().to_owned())
        .exec_without_returning(transaction)
        .await?;
    Ok(find().one(transaction).await?.map_or(Uuid::nil(), |row| row.reached))
}

/// Those of these texts, which are to be recorded in this transaction, whose turn is over: they waited elsewhere under
/// ids that were passed by. Nobody goes on until it is over; others may record meanwhile.
pub(super) async fn passed(transaction: &DatabaseTransaction, ids: Vec<Uuid>) -> Result<Vec<Uuid>, Error> {
    if ids.is_empty() {
        return Ok(ids);
    }
    let texts = retention::Entity::find_by_id(Aged::Texts.as_str().to_owned()).lock_shared();
    let reached = match texts.one(transaction).await? {
        Some(row) => row.reached,
        None => reached(transaction, Aged::Texts).await?,
    };
    Ok(ids.into_iter().filter(|id| *id <= reached).collect())
}

/// These are looked at again later.
pub(super) async fn hold(transaction: &DatabaseTransaction, ids: Vec<Uuid>) -> Result<(), Error> {
    let rows = ids.into_iter().map(|id| retention_held::ActiveModel { message_id: Set(id) });
    inserting::insert_or(transaction, rows.collect(), "ON CONFLICT DO NOTHING").await.map(|_| ())
}

async fn reach(transaction: &DatabaseTransaction, aged: Aged, id: Uuid) -> Result<(), Error> {
    retention::Entity::update_many()
        .col_expr(retention::Column::Reached, Expr::value(id))
        .filter(retention::Column::Aged.eq(aged.as_str()))
        .filter(retention::Column::Reached.lt(id))
        .exec(transaction)
        .await?;
    Ok(())
}

/// Texts whose turn came before they were done, or here.
struct AgeHeld {
    after: Uuid,
    limit: u64,
    now: Timestamp,
}

#[async_trait]
impl Operation for AgeHeld {
    type Output = (u64, Option<MessageId>);

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Self::Output, Error> {
        let held = retention_held::Entity::find()
            .filter(retention_held::Column::MessageId.gt(self.after))
            .order_by_asc(retention_held::Column::MessageId)
            .limit(self.limit)
            .all(transaction)
            .await?;
        let mut changed = 0;
        let mut last = None;
        for row in held {
            last = Some(MessageId(row.message_id));
            match redact::forget(transaction, MessageId(row.message_id), self.now).await? {
                Redaction::UnderWay => continue,
                Redaction::Done => changed += 1,
                Redaction::NotFound => {}
            }
            retention_held::Entity::delete_by_id(row.message_id).exec(transaction).await?;
        }
        Ok((changed, last))
    }
}

struct ForgetMedia(AgedMedia);

#[async_trait]
impl Operation for ForgetMedia {
    type Output = AgedStep;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<AgedStep, Error> {
        let Some(last) = self.0.reached else { return Ok(AgedStep::default()) };
        reached(transaction, Aged::Media).await?;
        let of_these = media::Column::MessageId.is_in(self.0.media.iter().map(|medium| medium.message_id.0));
        let mut rows: BTreeMap<(Uuid, i32), media::Model> = media::Entity::find()
            .filter(of_these)
            .order_by_asc(media::Column::MessageId)
            .order_by_asc(media::Column::Position)
            .lock_exclusive()
            .all(transaction)
            .await?
            .into_iter()
            .map(|row| ((row.message_id, row.position), row))
            .collect();
        let mut changed = 0;
        let mut files = Vec::new();
        for medium in &self.0.media {
            let (id, position) = (medium.message_id.0, medium.position);
            files.extend(rows.remove(&(id, position)).and_then(|row| row.digest));
            changed += media::Entity::update_many()
                .col_expr(media::Column::State, Expr::value(MediaState::Linked.as_str()))
                .col_expr(media::Column::Digest, Expr::value(None::<String>))
                .col_expr(media::Column::Bytes, Expr::value(None::<i64>))
                .col_expr(media::Column::SniffedType, Expr::value(None::<String>))
                .col_expr(media::Column::DueAt, Expr::value(None::<i64>))
                .col_expr(media::Column::Error, Expr::value(None::<String>))
                .filter(media::Column::MessageId.eq(id))
                .filter(media::Column::Position.eq(position))
                .filter(media::Column::State.ne(MediaState::Linked.as_str()))
                .exec(transaction)
                .await?
                .rows_affected;
        }
        dropped::drop_files(transaction, files).await?;
        reach(transaction, Aged::Media, last).await?;
        Ok(AgedStep { more: self.0.more, changed })
    }
}

impl Store {
    /// Gives up the next `limit` rows that are older than `before`. Of media, see [`Store::forget_media`].
    pub async fn age(&self, aged: Aged, before: Timestamp, limit: usize, now: Timestamp) -> Result<AgedStep, Error> {
        self.write(Age { aged, before, limit, now }).await
    }

    /// Removes the next `limit` texts that were not done when their turn came, and are now; how many, and after
    /// which message to go on.
    pub async fn age_held(
        &self,
        after: Option<MessageId>,
        limit: u64,
        now: Timestamp,
    ) -> Result<(u64, Option<MessageId>), Error> {
        self.write(AgeHeld { after: after.map_or(Uuid::nil(), |id| id.0), limit, now }).await
    }

    /// Lets go of the files of these: what is left of them is their URL.
    pub async fn forget_media(&self, aged: AgedMedia) -> Result<AgedStep, Error> {
        self.write(ForgetMedia(aged)).await
    }
}
