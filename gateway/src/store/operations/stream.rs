//! What is kept for whoever listens: written with what happened (`tell`), given up after a while.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, NotSet, Set, Statement};
use uuid::Uuid;

use super::inserting::insert;
use super::tell::News;
use crate::store::entities::stream;
use crate::store::plugins::first_id;
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// Keeps it, where anybody may want to listen.
pub(super) async fn keep(transaction: &DatabaseTransaction, all: &[News], reporting: &Reporting) -> Result<(), Error> {
    let subscribed = reporting.subscribed();
    let kept = all.iter().filter(|news| subscribed.streams(news.kind));
    let rows = kept.filter_map(|news| Some(row(subscribed.id(news.at)?, news)));
    insert(transaction, rows.collect()).await
}

fn row(id: Uuid, news: &News) -> stream::ActiveModel {
    stream::ActiveModel {
        id: Set(id),
        xid: NotSet,
        kind: Set(news.kind.as_str().to_owned()),
        conversation_id: Set(news.conversation_id),
        message_id: Set(news.message_id),
        body: Set(news.body.clone()),
    }
}

struct Forget {
    before: Uuid,
    limit: usize,
}

#[async_trait]
impl Operation for Forget {
    type Output = usize;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<usize, Error> {
        let sql = format!(
            "DELETE FROM stream WHERE id IN (SELECT id FROM stream WHERE id < $1 ORDER BY id LIMIT {})",
            self.limit
        );
        let backend = transaction.get_database_backend();
        let statement = Statement::from_sql_and_values(backend, sql, [self.before.into()]);
        let gone = transaction.execute_raw(statement).await?.rows_affected();
        Ok(usize::try_from(gone).unwrap_or(usize::MAX))
    }
}

struct Settle;

#[async_trait]
impl Operation for Settle {
    type Output = ();

    /// A database that was restored on another server, or copied to `SQLite`, counts its transactions anew, or not:
    /// what came along is behind none of them.
    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let backend = transaction.get_database_backend();
        // All or nothing, so that their order stays.
        let sql = match backend {
            DbBackend::Postgres => {
                "UPDATE stream SET xid = 0 WHERE xid <> 0 AND EXISTS (SELECT 1 FROM stream AS another \
                 WHERE another.xid > pg_snapshot_xmax(pg_current_snapshot())::text::bigint)"
            }
            _ => "UPDATE stream SET xid = 0 WHERE xid <> 0",
        };
        transaction.execute_raw(Statement::from_string(backend, sql)).await?;
        Ok(())
    }
}

impl Store {
    /// Gives up what happened before, `limit` at the most; how much that was.
    pub async fn forget_stream(&self, before: Timestamp, limit: usize) -> Result<usize, Error> {
        self.write(Forget { before: first_id(before), limit }).await
    }

    /// At the start of a gateway.
    pub async fn settle_stream(&self) -> Result<(), Error> {
        self.write(Settle).await
    }
}
