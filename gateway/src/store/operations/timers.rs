//! The timers that plugins set: started, moved and taken back with the decision, leased when they run
//! out, and gone with the commit of what followed.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult, QueryFilter,
    QueryOrder, QuerySelect, Set, Statement, Value,
};

use super::planning::{by_any_way, by_index};
use super::reports::explaining;
use super::{columns, count, filled, millis, storable};
use crate::message::ConversationId;
use crate::store::decisions::{Cause, ClaimedTimer, Explaining, Processed, TimerChange};
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
    use timers::Column::{ConversationId, DueAt, Hops, Id, LeaseUntil, MessageId, Name, Payload, Plugin, StartedAt};
    let TimerChange::Start { id, plugin, name, payload, started_at, due_at, hops } = change else { return Ok(()) };
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
        hops: Set(count(*hops)),
    };
    let mut again = OnConflict::columns([ConversationId, Plugin, Name]);
    again.update_columns([Id, Payload, StartedAt, DueAt, MessageId, LeaseUntil, Hops]);
    timers::Entity::insert(row).on_conflict(again).exec_without_returning(transaction).await?;
    Ok(())
}

/// How long a timer waits for a gateway that has its plugin, where several share a database. Then it is
/// taken by any, and its end explained.
const STRANDED: SignedDuration = SignedDuration::from_mins(10);

/// How many of those that ran out are looked at for the first of each conversation.
const LOOKED_AT: usize = 256;

/// That nobody is at an earlier one of its plugin in its conversation. Not of any plugin: a timer whose plugin is left
/// alone is leased for long. A look for one row, and not the join that Postgres could make of it.
fn comes_next(it: &str, is_leased: &str) -> String {
    format!(
        "(SELECT 1 FROM timers AS earlier WHERE earlier.conversation_id = {it}.conversation_id \
         AND earlier.plugin = {it}.plugin AND (earlier.due_at, earlier.id) < ({it}.due_at, {it}.id) \
         AND earlier.lease_until {is_leased} LIMIT 1) IS NULL"
    )
}

struct Claim {
    /// The plugins that are there to be asked.
    plugins: Vec<String>,
    /// The conversations of which none is wanted.
    besides: Vec<ConversationId>,
    now: Timestamp,
    until: Timestamp,
    limit: usize,
}

#[async_trait]
impl Operation for Claim {
    type Output = Vec<ClaimedTimer>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<ClaimedTimer>, Error> {
        let backend = transaction.get_database_backend();
        let free = |it: &str| format!("({it}.lease_until IS NULL OR {it}.lease_until < $3)");
        // Only what is picked is locked, and looked at again, since another gateway may have had it meanwhile.
        let lock = if backend == DbBackend::Postgres {
            let free = free("own");
            format!(
                ", LATERAL (SELECT 1 FROM timers AS own WHERE own.id = firsts.id \
                 AND CASE WHEN {free} THEN TRUE ELSE FALSE END FOR UPDATE SKIP LOCKED) AS locked"
            )
        } else {
            String::new()
        };
        // Who has a database alone has all plugins that there are.
        let mut ours = String::new();
        let mut values: Vec<Value> = [self.until, self.now, self.now].map(|at| millis(at).into()).to_vec();
        let place = |values: &mut Vec<Value>, value: Value| {
            values.push(value);
            format!("${}", values.len())
        };
        if backend == DbBackend::Postgres {
            let stranded = self.now.checked_sub(STRANDED).unwrap_or(Timestamp::MIN);
            let stranded = place(&mut values, millis(stranded).into());
            let plugins: Vec<String> =
                self.plugins.iter().map(|plugin| place(&mut values, plugin.as_str().into())).collect();
            let plugins = [&["''".to_owned()], &plugins[..]].concat().join(", ");
            ours = format!(" AND (it.due_at <= {stranded} OR it.plugin IN ({plugins}))");
        }
        let besides: Vec<String> =
            filled(self.besides.iter().map(|id| id.0)).into_iter().map(|id| place(&mut values, id.into())).collect();
        let besides = match besides.join(", ") {
            none if none.is_empty() => none,
            some => format!(" AND it.conversation_id NOT IN ({some})"),
        };
        let sql = format!(
            "WITH due AS MATERIALIZED (SELECT it.id, it.conversation_id, it.due_at FROM timers AS it \
             WHERE it.due_at <= $2 AND {} AND {}{ours}{besides} ORDER BY it.due_at, it.id LIMIT {}), \
             firsts AS MATERIALIZED (SELECT placed.id FROM (SELECT due.id, due.due_at, ROW_NUMBER() OVER (\
             PARTITION BY due.conversation_id ORDER BY due.due_at, due.id) AS place FROM due) AS placed \
             WHERE placed.place = 1 ORDER BY placed.due_at, placed.id), \
             picked AS MATERIALIZED (SELECT firsts.id FROM firsts{lock} LIMIT {}) \
             UPDATE timers SET lease_until = $1 WHERE id IN (SELECT id FROM picked) RETURNING {}",
            free("it"),
            comes_next("it", ">= $3"),
            LOOKED_AT.max(self.limit),
            self.limit,
            columns::all::<timers::Entity>()
        );
        by_index(transaction).await?;
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        by_any_way(transaction).await?;
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
        hops: u32::try_from(row.hops).unwrap_or(0),
        message,
    }
}

struct Renew {
    cause: Cause,
    /// Until when whoever asks had it.
    held: Timestamp,
    until: Timestamp,
}

#[async_trait]
impl Operation for Renew {
    type Output = bool;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let (table, id) = match self.cause {
            Cause::Report(id) => ("reports", id),
            Cause::Timer(id) => ("timers", id),
            Cause::Message => return Ok(true),
        };
        let sql = format!("UPDATE {table} SET lease_until = $1 WHERE id = $2 AND lease_until = $3");
        let values = [millis(self.until).into(), id.into(), millis(self.held).into()];
        let statement = Statement::from_sql_and_values(transaction.get_database_backend(), sql, values);
        Ok(transaction.execute_raw(statement).await?.rows_affected() > 0)
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
    /// Leases up to `limit` timers of these plugins that ran out, until `until`: of each conversation the earliest,
    /// none while somebody is at an earlier one of its plugin there, and none of the conversations `besides`. Also those
    /// of other plugins that nobody took for long, and on SQLite all: there is nobody else.
    pub async fn claim_timers(
        &self,
        plugins: Vec<String>,
        besides: Vec<ConversationId>,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedTimer>, Error> {
        self.write(Claim { plugins, besides, now, until, limit }).await
    }

    /// Leases a report or a timer, which was leased until `held`, for longer. False when somebody else has it since that
    /// ended, or it is gone: somebody else followed it up, or a plugin took it back.
    pub async fn renew(&self, cause: Cause, held: Timestamp, until: Timestamp) -> Result<bool, Error> {
        match cause {
            // It is leased to nobody.
            Cause::Message => Ok(true),
            Cause::Report(_) | Cause::Timer(_) => self.write(Renew { cause, held, until }).await,
        }
    }

    /// Takes back, at start, what an earlier run leased and did not finish.
    pub async fn release_followups(&self) -> Result<(), Error> {
        self.write(Release).await
    }

    /// When the next timer of these plugins runs out that waits for no earlier one; on SQLite, the next of all. None of
    /// the conversations `besides`.
    pub async fn next_timer(
        &self,
        plugins: &[String],
        besides: Vec<ConversationId>,
    ) -> Result<Option<Timestamp>, Error> {
        let shared = self.reads.get_database_backend() == DbBackend::Postgres;
        let ours = shared.then(|| timers::Column::Plugin.is_in(plugins));
        let besides = filled(besides.into_iter().map(|id| id.0));
        let others = (!besides.is_empty()).then(|| timers::Column::ConversationId.is_not_in(besides));
        let next = timers::Entity::find()
            .select_only()
            .column(timers::Column::DueAt)
            .filter(timers::Column::LeaseUntil.is_null())
            .filter(Expr::cust(comes_next("timers", "IS NOT NULL")))
            .filter(Condition::all().add_option(ours).add_option(others))
            .order_by_asc(timers::Column::DueAt)
            .into_tuple::<i64>();
        if !shared {
            return Ok(next.one(&self.reads).await?.map(time));
        }
        let transaction = self.reads.begin().await?;
        by_index(&transaction).await?;
        let next = next.one(&transaction).await?;
        transaction.commit().await?;
        Ok(next.map(time))
    }
}
