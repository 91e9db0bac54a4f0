//! Bulk sends: keeping them, and letting one worker look after each. What becomes of their parts is in
//! `bulk_parts`.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult,
    IntoActiveModel, QueryFilter, QuerySelect, Set, Statement, TryInsertResult, Value,
};
use uuid::Uuid;

use super::inserting::insert;
use super::{columns, count, millis, storable, storable_json};
use crate::store::bulks::{
    BulkMoved, BulkPlace, BulkState, BulkTaken, DUPLICATE, Failing, KnownBulk, NewBulk, NewRecipient, RecipientProblem,
    called_before, known,
};
use crate::store::entities::{bulk_recipients, bulks};
use crate::store::writer::Operation;
use crate::store::{Act, Error, Store};

#[async_trait]
impl Operation for NewBulk {
    type Output = BulkTaken;
    const ONLY_IF_AWAITED: bool = true;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<BulkTaken, Error> {
        if let Some(call) = &self.idempotency
            && let Some(before) = called_before(transaction, call).await?
        {
            return Ok(before);
        }
        let call = self.idempotency.as_ref();
        let row = bulks::ActiveModel {
            id: Set(self.id),
            name: Set(self.name.as_deref().map(storable)),
            state: Set(BulkState::Running.as_str().to_owned()),
            content: Set(storable_json(self.content.clone())),
            total: Set(count(u32::try_from(self.recipients.len()).unwrap_or(u32::MAX))),
            send_at: Set(self.send_at.map(millis)),
            due_at: Set(Some(millis(self.send_at.unwrap_or(self.at)))),
            api_key_id: Set(call.map(|call| call.api_key_id)),
            call_key: Set(call.map(|call| call.key.clone())),
            fingerprint: Set(call.map(|call| call.fingerprint.clone())),
            created_at: Set(millis(self.at)),
            updated_at: Set(millis(self.at)),
            finished_at: Set(None),
        };
        let once = OnConflict::new().do_nothing().to_owned();
        let inserted = bulks::Entity::insert(row).on_conflict(once).try_insert().exec_without_returning(transaction);
        if !matches!(inserted.await?, TryInsertResult::Inserted(rows) if rows > 0) {
            return Err(Error::Overtaken("another gateway took the same call just now".to_owned()));
        }
        let rows = (0..).zip(&self.recipients).map(|(position, new)| self.recipient(position, new));
        insert(transaction, rows.collect()).await?;
        Ok(BulkTaken::Stored)
    }
}

impl NewBulk {
    fn recipient(&self, position: u32, new: &NewRecipient) -> bulk_recipients::ActiveModel {
        let problem = new.problem.as_ref();
        // What nothing is sent with is not kept.
        let variables = new.variables.clone().filter(|_| problem.is_none());
        bulk_recipients::ActiveModel {
            bulk_id: Set(self.id),
            position: Set(count(position)),
            recipient: Set(storable(&new.recipient)),
            locale: Set(new.locale.as_deref().map(storable)),
            variables: Set(variables.map(storable_json)),
            state: Set(problem.map_or("waiting", |problem| state_of(&problem.code)).to_owned()),
            message_id: Set(None),
            code: Set(problem.map(|problem| storable(&problem.code))),
            problem: Set(problem.map(|problem| storable(&problem.detail))),
            tries: Set(0),
            failed_since: Set(None),
            retry_at: Set(None),
        }
    }
}

fn state_of(code: &str) -> &'static str {
    if code == DUPLICATE { "duplicate" } else { "refused" }
}

/// Takes the bulk send that is due first, and puts it off until then for everybody else.
struct Claim {
    now: Timestamp,
    until: Timestamp,
}

#[async_trait]
impl Operation for Claim {
    type Output = Option<KnownBulk>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Option<KnownBulk>, Error> {
        let backend = transaction.get_database_backend();
        let lock = if backend == DbBackend::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
        let sql = format!(
            "WITH claimed AS MATERIALIZED (SELECT bulks.id FROM bulks WHERE bulks.due_at IS NOT NULL \
             AND bulks.due_at <= $1 ORDER BY bulks.due_at LIMIT 1{lock}) \
             UPDATE bulks SET due_at = $2 WHERE id IN (SELECT id FROM claimed) RETURNING {}",
            columns::all::<bulks::Entity>()
        );
        let values: [Value; 2] = [millis(self.now).into(), millis(self.until).into()];
        let row = transaction.query_one_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        let row = row.map(|row| bulks::Model::from_query_result(&row, "")).transpose()?;
        Ok(row.map(known))
    }
}

/// When a bulk send is to be looked after next, unless somebody changed it meanwhile.
struct Leave {
    id: Uuid,
    /// As it was when it was claimed.
    state: BulkState,
    until: Timestamp,
    next: Next,
    now: Timestamp,
}

/// What becomes of a bulk send that was looked after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    At(Timestamp),
    /// Nothing is left of it.
    Finished,
}

#[async_trait]
impl Operation for Leave {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        use bulks::Column;
        let (due_at, finished_at) = match self.next {
            Next::At(at) => (Some(millis(at)), None),
            Next::Finished => (None, Some(millis(self.now))),
        };
        let mut update = bulks::Entity::update_many()
            .col_expr(Column::DueAt, Expr::value(due_at))
            .filter(Column::Id.eq(self.id))
            .filter(Column::State.eq(self.state.as_str()))
            .filter(Column::DueAt.eq(millis(self.until)));
        if finished_at.is_some() {
            update = update.col_expr(Column::FinishedAt, Expr::value(finished_at));
            if self.state == BulkState::Running {
                update = update.col_expr(Column::State, Expr::value(BulkState::Done.as_str()));
                update = update.col_expr(Column::UpdatedAt, Expr::value(finished_at));
            }
        }
        update.exec(transaction).await?;
        Ok(())
    }
}

struct Move {
    id: Uuid,
    to: BulkState,
    now: Timestamp,
}

#[async_trait]
impl Operation for Move {
    type Output = BulkMoved;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<BulkMoved, Error> {
        let found = bulks::Entity::find_by_id(self.id).lock_exclusive().one(transaction).await?;
        let Some(there) = found else { return Ok(BulkMoved::NotFound) };
        let state = BulkState::of(&there.state);
        if state == self.to {
            return Ok(BulkMoved::Same);
        }
        if matches!(state, BulkState::Canceled | BulkState::Done) {
            return Ok(BulkMoved::Over(state));
        }
        let due_at = match self.to {
            // What waits for its time goes on waiting for it.
            BulkState::Running => there.send_at.unwrap_or(0).max(millis(self.now)),
            _ => millis(self.now),
        };
        let mut row = there.into_active_model();
        row.state = Set(self.to.as_str().to_owned());
        row.due_at = Set(Some(due_at));
        row.updated_at = Set(millis(self.now));
        row.update(transaction).await?;
        Ok(BulkMoved::Done)
    }
}

/// Says why somebody is sent nothing, unless a message was made.
struct Refuse {
    place: BulkPlace,
    problem: RecipientProblem,
}

#[async_trait]
impl Operation for Refuse {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        use bulk_recipients::Column;
        bulk_recipients::Entity::update_many()
            .col_expr(Column::State, Expr::value(state_of(&self.problem.code)))
            .col_expr(Column::Code, Expr::value(storable(&self.problem.code)))
            .col_expr(Column::Problem, Expr::value(storable(&self.problem.detail)))
            .col_expr(Column::Variables, Expr::value(None::<serde_json::Value>))
            .filter(Column::BulkId.eq(self.place.bulk_id))
            .filter(Column::Position.eq(count(self.place.position)))
            .filter(Column::State.eq("waiting"))
            .exec(transaction)
            .await?;
        Ok(())
    }
}

/// Lets somebody wait for whom nothing could be decided.
struct PutOff {
    place: BulkPlace,
    failing: Failing,
    until: Timestamp,
}

#[async_trait]
impl Operation for PutOff {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        use bulk_recipients::Column;
        bulk_recipients::Entity::update_many()
            .col_expr(Column::Tries, Expr::value(count(self.failing.tries)))
            .col_expr(Column::FailedSince, Expr::value(self.failing.since.map(millis)))
            .col_expr(Column::RetryAt, Expr::value(millis(self.until)))
            .filter(Column::BulkId.eq(self.place.bulk_id))
            .filter(Column::Position.eq(count(self.place.position)))
            .filter(Column::State.eq("waiting"))
            .exec(transaction)
            .await?;
        Ok(())
    }
}

impl Store {
    /// Keeps a bulk send with all whom it is to reach.
    pub async fn take_bulk(&self, new: NewBulk, act: Act) -> Result<BulkTaken, Error> {
        self.write_by(new, act, |taken| *taken == BulkTaken::Stored).await
    }

    /// The bulk send that is to be looked after first, if any is; nobody else gets it until then.
    pub async fn claim_bulk(&self, now: Timestamp, until: Timestamp) -> Result<Option<KnownBulk>, Error> {
        self.write(Claim { now, until }).await
    }

    /// Leaves one that was claimed until then, unless it was paused, resumed or canceled since.
    pub async fn leave_bulk(
        &self,
        claimed: &KnownBulk,
        until: Timestamp,
        next: Next,
        now: Timestamp,
    ) -> Result<(), Error> {
        self.write(Leave { id: claimed.id, state: claimed.state, until, next, now }).await
    }

    /// Whether any is due.
    pub async fn bulks_due(&self, now: Timestamp) -> Result<bool, Error> {
        let due = bulks::Entity::find()
            .select_only()
            .column(bulks::Column::Id)
            .filter(bulks::Column::DueAt.is_not_null())
            .filter(bulks::Column::DueAt.lte(millis(now)))
            .limit(1)
            .into_tuple::<Uuid>()
            .one(&self.reads)
            .await?;
        Ok(due.is_some())
    }

    /// Pauses, resumes or cancels it. The same again changes nothing.
    pub async fn move_bulk(&self, id: Uuid, to: BulkState, now: Timestamp, act: Act) -> Result<BulkMoved, Error> {
        self.write_by(Move { id, to, now }, act, |moved| *moved == BulkMoved::Done).await
    }

    pub async fn refuse_recipient(&self, place: BulkPlace, problem: RecipientProblem) -> Result<(), Error> {
        self.write(Refuse { place, problem }).await
    }

    /// Tries somebody again then, and not before; others go on meanwhile.
    pub async fn put_off_recipient(&self, place: BulkPlace, failing: Failing, until: Timestamp) -> Result<(), Error> {
        self.write(PutOff { place, failing, until }).await
    }
}
