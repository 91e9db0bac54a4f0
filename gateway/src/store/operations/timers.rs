//! The timers that plugins set: started, moved and taken back with the decision, leased when they run
//! out, and gone with the commit of what followed.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult, QueryFilter,
    QuerySelect, Set, Statement,
};

use super::reports::explaining;
use super::{millis, storable};
use crate::message::ConversationId;
use crate::store::decisions::{ClaimedTimer, Explaining, Processed, TimerChange};
use crate::store::entities::timers;
use crate::store::reads::time;
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// Few decisions have timers, so these are done one by one.
pub(super) async fn change(
    transaction: &DatabaseTransaction,
    done: &[&Processed],
    reporting: &Reporting,
) -> Result<(), Error> {
    for processed in done {
        for change in &processed.timers {
            match change {
                TimerChange::Start { .. } => {
                    start(transaction, processed, change).await?;
                    reporting.wake();
                }
                TimerChange::Cancel { plugin, name } => {
                    timers::Entity::delete_many()
                        .filter(timers::Column::ConversationId.eq(processed.conversation_id.0))
                        .filter(timers::Column::Plugin.eq(plugin))
                        .filter(timers::Column::Name.eq(storable(name)))
                        .exec(transaction)
                        .await?;
                }
            }
        }
    }
    Ok(())
}

/// One that is there is moved: it gets another id, so that whoever just leased it comes too late.
async fn start(transaction: &DatabaseTransaction, processed: &Processed, change: &TimerChange) -> Result<(), Error> {
    use timers::Column::{ConversationId, DueAt, Id, LeaseUntil, MessageId, Name, Payload, Plugin, StartedAt};
    let TimerChange::Start { id, plugin, name, payload, started_at, due_at } = change else { return Ok(()) };
    let row = timers::ActiveModel {
        id: Set(*id),
        conversation_id: Set(processed.conversation_id.0),
        plugin: Set(plugin.clone()),
        name: Set(storable(name)),
        payload: Set(storable(payload)),
        started_at: Set(millis(*started_at)),
        due_at: Set(millis(*due_at)),
        message_id: Set(processed.message_id.0),
        lease_until: Set(None),
    };
    let mut again = OnConflict::columns([ConversationId, Plugin, Name]);
    again.update_columns([Id, Payload, StartedAt, DueAt, MessageId, LeaseUntil]);
    timers::Entity::insert(row).on_conflict(again).exec_without_returning(transaction).await?;
    Ok(())
}

struct Claim {
    now: Timestamp,
    until: Timestamp,
    limit: usize,
}

#[async_trait]
impl Operation for Claim {
    type Output = Vec<ClaimedTimer>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<ClaimedTimer>, Error> {
        let backend = transaction.get_database_backend();
        let lock = if backend == DbBackend::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "WITH due AS MATERIALIZED (SELECT id FROM timers WHERE due_at <= $2 \
             AND (lease_until IS NULL OR lease_until < $3) ORDER BY due_at, id LIMIT {}{lock}) \
             UPDATE timers SET lease_until = $1 WHERE id IN (SELECT id FROM due) RETURNING *",
            self.limit
        );
        let values = [millis(self.until).into(), millis(self.now).into(), millis(self.now).into()];
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        let mut rows =
            rows.iter().map(|row| timers::Model::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
        rows.sort_by_key(|row| (row.due_at, row.id));
        let messages = explaining(transaction, rows.iter().map(|row| row.message_id).collect()).await?;
        Ok(rows
            .into_iter()
            .filter_map(|row| messages.get(&row.message_id).map(|message| claimed(row, message.clone())))
            .collect())
    }
}

fn claimed(row: timers::Model, message: Explaining) -> ClaimedTimer {
    ClaimedTimer {
        id: row.id,
        conversation_id: ConversationId(row.conversation_id),
        plugin: row.plugin,
        name: row.name,
        payload: row.payload,
        started_at: time(row.started_at),
        due_at: time(row.due_at),
        message,
    }
}

/// What nobody works on, although somebody began to.
struct Release;

#[async_trait]
impl Operation for Release {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        // On Postgres another gateway may be at it: there its time runs out.
        if transaction.get_database_backend() == DbBackend::Sqlite {
            for table in ["timers", "reports"] {
                let sql = format!("UPDATE {table} SET lease_until = NULL WHERE lease_until IS NOT NULL");
                transaction.execute_unprepared(&sql).await?;
            }
        }
        Ok(())
    }
}

impl Store {
    /// Leases up to `limit` timers that ran out, until `until`.
    pub async fn claim_timers(
        &self,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedTimer>, Error> {
        self.write(Claim { now, until, limit }).await
    }

    /// Takes back, at start, what an earlier run leased and did not finish.
    pub async fn release_followups(&self) -> Result<(), Error> {
        self.write(Release).await
    }

    /// When the next timer runs out.
    pub async fn next_timer(&self) -> Result<Option<Timestamp>, Error> {
        let next: Option<Option<i64>> = timers::Entity::find()
            .select_only()
            .column_as(timers::Column::DueAt.min(), "due_at")
            .filter(timers::Column::LeaseUntil.is_null())
            .into_tuple()
            .one(&self.reads)
            .await?;
        Ok(next.flatten().map(time))
    }
}
