//! Telling endpoints: leased to a worker in order for each conversation, settled. What they are told is
//! in `bodies`.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QuerySelect, Statement,
};
use uuid::Uuid;

use super::bodies::{self, AboutEndpoint};
use super::picking::Queue;
use super::tell::{News, tell};
use super::{count, millis, storable};
use crate::message::MessageId;
use crate::store::audit::Act;
use crate::store::entities::{endpoints, events};
use crate::store::events::{ClaimedEvent, EventKind, EventResult, EventSettled, EventSettlement, EventState, about};
use crate::store::reads::time;
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// What the endpoint `$2` is to be told. An event waits for every earlier one of its conversation. One whose lease
/// ended may have arrived, but nobody knows: it is told again, under the same id. One that is gone, or was
/// disabled, is told nothing.
pub(in crate::store) const QUEUE: Queue = Queue {
    table: "events",
    columns: &["id", "endpoint", "conversation_id", "state", "due_at", "lease_until"],
    due: |it| {
        format!(
            "{it}.endpoint = $2 AND {it}.state IN ('waiting', 'sending') AND {it}.due_at <= $1 \
             AND NOT EXISTS (SELECT 1 FROM endpoints WHERE endpoints.name = $2 \
             AND (endpoints.gone_at IS NOT NULL OR endpoints.disabled_at IS NOT NULL))"
        )
    },
    order: &["due_at"],
    free: |it| {
        format!(
            "(({it}.state = 'waiting' AND {it}.due_at <= $1) OR ({it}.state = 'sending' AND {it}.lease_until < $1))"
        )
    },
    waits: open,
    goes_before: open,
};

fn open(it: &str) -> String {
    format!("{it}.endpoint = $2 AND {it}.state IN ('waiting', 'sending')")
}

struct Claim {
    endpoint: String,
    now: Timestamp,
    until: Timestamp,
    limit: usize,
}

#[async_trait]
impl Operation for Claim {
    type Output = Vec<ClaimedEvent>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<ClaimedEvent>, Error> {
        let values = vec![millis(self.now).into(), self.endpoint.as_str().into()];
        let set = ("state = 'sending', tries = tries + 1, lease_until = $3", millis(self.until).into());
        let rows: Vec<events::Model> = QUEUE.lease(transaction, values, set, self.limit).await?;
        let claimed = |row: events::Model| ClaimedEvent {
            id: row.id,
            message_id: about(row.message_id).map(MessageId),
            body: row.body,
            tries: u32::try_from(row.tries).unwrap_or(0),
        };
        let mut claimed: Vec<ClaimedEvent> = rows.into_iter().map(claimed).collect();
        claimed.sort_by_key(|event| event.id);
        Ok(claimed)
    }
}

struct Settle {
    settlement: EventSettlement,
    reporting: Reporting,
}

#[async_trait]
impl Operation for Settle {
    type Output = EventSettled;

    /// Unless another worker has taken it since.
    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<EventSettled, Error> {
        let settlement = &self.settlement;
        let (problem, due_at) = match &settlement.result {
            EventResult::Delivered => (None, None),
            EventResult::Retry { due_at, problem } => (Some(problem), Some(*due_at)),
            EventResult::GivenUp { problem } => (Some(problem), None),
            EventResult::Gone { problem } => (Some(problem), Some(settlement.at)),
        };
        let failing = match problem {
            Some(_) => settlement.failing(transaction).await?,
            None => Failing::default(),
        };
        // What led to that is not given up: it waits like all else.
        let due_at = due_at.or_else(|| failing.disables.then_some(settlement.at));
        if !settlement.end(transaction, problem, due_at).await? {
            return Ok(EventSettled { disabled: false });
        }
        settlement.remember(transaction, problem, failing).await?;
        let by = match settlement.result {
            EventResult::Gone { .. } => "gone",
            _ if failing.disables => "failures",
            _ => return Ok(EventSettled { disabled: false }),
        };
        let last_failure = problem.map_or("", String::as_str);
        let about = AboutEndpoint { endpoint: &settlement.endpoint, by, failing_since: failing.since, last_failure };
        let (kind, at) = (EventKind::EndpointDisabled, settlement.at);
        let body = bodies::body(kind, at, about)?;
        let news = News { kind, conversation_id: Uuid::nil(), message_id: Uuid::nil(), at, body };
        tell(transaction, &[news], Some(&settlement.endpoint), &self.reporting).await?;
        Ok(EventSettled { disabled: failing.disables })
    }
}

/// How long an endpoint has failed, this failure included.
#[derive(Clone, Copy, Default)]
struct Failing {
    since: Option<Timestamp>,
    /// For too long, as of now.
    disables: bool,
}

impl EventSettlement {
    async fn failing(&self, transaction: &DatabaseTransaction) -> Result<Failing, Error> {
        let found = endpoints::Entity::find_by_id(self.endpoint.clone()).lock_exclusive().one(transaction).await?;
        let Some(known) = found else { return Ok(Failing::default()) };
        let since = known.failing_since.map_or(self.at, time);
        let lasts = std::time::Duration::try_from(self.at.duration_since(since)).unwrap_or_default();
        let told = known.disabled_at.is_none() && known.gone_at.is_none();
        let disables = told
            && !matches!(self.result, EventResult::Gone { .. })
            && self.patience.is_some_and(|patience| lasts >= patience);
        Ok(Failing { since: Some(since), disables })
    }

    /// False if another worker has taken it since.
    async fn end(
        &self,
        transaction: &DatabaseTransaction,
        problem: Option<&String>,
        due_at: Option<Timestamp>,
    ) -> Result<bool, Error> {
        let state = match (&self.result, due_at) {
            (EventResult::Delivered, _) => EventState::Delivered,
            (_, Some(_)) => EventState::Waiting,
            (_, None) => EventState::GivenUp,
        };
        let mut update = events::Entity::update_many()
            .col_expr(events::Column::State, Expr::value(state.as_str()))
            .col_expr(events::Column::LeaseUntil, Expr::value(None::<i64>))
            .col_expr(events::Column::Answer, Expr::value(self.answer.map(i32::from)))
            .col_expr(events::Column::Problem, Expr::value(problem.map(|problem| storable(problem))))
            .filter(events::Column::Id.eq(self.id))
            .filter(events::Column::State.eq(EventState::Sending.as_str()))
            .filter(events::Column::Tries.eq(count(self.tries)));
        update = match due_at {
            Some(due_at) => update.col_expr(events::Column::DueAt, Expr::value(millis(due_at))),
            None => update.col_expr(events::Column::FinishedAt, Expr::value(millis(self.at))),
        };
        Ok(update.exec(transaction).await?.rows_affected > 0)
    }

    /// What is known of the endpoint from now on.
    async fn remember(
        &self,
        transaction: &DatabaseTransaction,
        problem: Option<&String>,
        failing: Failing,
    ) -> Result<(), Error> {
        let mut known = endpoints::Entity::update_many()
            .col_expr(endpoints::Column::FailingSince, Expr::value(failing.since.map(millis)))
            .filter(endpoints::Column::Name.eq(&self.endpoint));
        known = match problem {
            None => known.col_expr(endpoints::Column::LastSuccessAt, Expr::value(millis(self.at))),
            Some(problem) => known
                .col_expr(endpoints::Column::LastFailureAt, Expr::value(millis(self.at)))
                .col_expr(endpoints::Column::LastFailure, Expr::value(storable(problem))),
        };
        if let EventResult::Gone { .. } = self.result {
            known = known.col_expr(endpoints::Column::GoneAt, Expr::value(millis(self.at)));
        }
        if failing.disables {
            known = known.col_expr(endpoints::Column::DisabledAt, Expr::value(millis(self.at)));
        }
        known.exec(transaction).await?;
        Ok(())
    }
}

/// That there is an endpoint, at the start of a gateway.
struct Introduce {
    name: String,
    url_digest: String,
}

#[async_trait]
impl Operation for Introduce {
    type Output = ();

    /// With another URL it is another one, of which nothing bad is known.
    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let backend = transaction.get_database_backend();
        let sql = "INSERT INTO endpoints (name, url_digest) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET \
                   gone_at = CASE WHEN endpoints.url_digest = excluded.url_digest THEN endpoints.gone_at END, \
                   disabled_at = CASE WHEN endpoints.url_digest = excluded.url_digest THEN endpoints.disabled_at END, \
                   failing_since = CASE WHEN endpoints.url_digest = excluded.url_digest THEN endpoints.failing_since END, \
                   url_digest = excluded.url_digest";
        let values = [self.name.as_str().into(), self.url_digest.as_str().into()];
        transaction.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        // On Postgres another gateway may be at it: there its time runs out.
        if backend == DbBackend::Sqlite {
            events::Entity::update_many()
                .col_expr(events::Column::State, Expr::value(EventState::Waiting.as_str()))
                .col_expr(events::Column::LeaseUntil, Expr::value(None::<i64>))
                .filter(events::Column::Endpoint.eq(&self.name))
                .filter(events::Column::State.eq(EventState::Sending.as_str()))
                .exec(transaction)
                .await?;
        }
        Ok(())
    }
}

/// That an endpoint is there again.
struct Enable {
    name: String,
    now: Timestamp,
}

#[async_trait]
impl Operation for Enable {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        endpoints::Entity::update_many()
            .col_expr(endpoints::Column::GoneAt, Expr::value(None::<i64>))
            .col_expr(endpoints::Column::DisabledAt, Expr::value(None::<i64>))
            .col_expr(endpoints::Column::FailingSince, Expr::value(None::<i64>))
            .filter(endpoints::Column::Name.eq(&self.name))
            .exec(transaction)
            .await?;
        // What failed before begins anew, and now.
        events::Entity::update_many()
            .col_expr(events::Column::DueAt, Expr::value(millis(self.now)))
            .col_expr(events::Column::Tries, Expr::value(0))
            // Word for word the condition of the partial index, so that SQLite uses it.
            .filter(Expr::cust("state IN ('waiting', 'sending')"))
            .filter(events::Column::State.eq(EventState::Waiting.as_str()))
            .filter(events::Column::Endpoint.eq(&self.name))
            .filter(events::Column::Tries.gt(0))
            .exec(transaction)
            .await?;
        Ok(())
    }
}

/// That an event is told once more, or that one which waits is told now.
struct Replay {
    endpoint: String,
    id: Uuid,
    now: Timestamp,
}

#[async_trait]
impl Operation for Replay {
    type Output = bool;

    /// One that is just being told is left to whoever tells it.
    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<bool, Error> {
        let replayed = events::Entity::update_many()
            .col_expr(events::Column::State, Expr::value(EventState::Waiting.as_str()))
            .col_expr(events::Column::DueAt, Expr::value(millis(self.now)))
            .col_expr(events::Column::Tries, Expr::value(0))
            .col_expr(events::Column::FinishedAt, Expr::value(None::<i64>))
            .filter(events::Column::Id.eq(self.id))
            .filter(events::Column::Endpoint.eq(&self.endpoint))
            .filter(events::Column::State.ne(EventState::Sending.as_str()))
            .exec(transaction)
            .await?;
        Ok(replayed.rows_affected > 0)
    }
}

impl Store {
    /// Leases up to `limit` of an endpoint's events that are due, until `until`.
    pub async fn claim_events(
        &self,
        endpoint: &str,
        now: Timestamp,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<ClaimedEvent>, Error> {
        self.write(Claim { endpoint: endpoint.to_owned(), now, until, limit }).await
    }

    /// Records what a try to tell an event came to.
    pub async fn settle_event(&self, settlement: EventSettlement) -> Result<EventSettled, Error> {
        self.write(Settle { settlement, reporting: self.reporting.clone() }).await
    }

    /// Says at start that there is an endpoint, by its URL's SHA-256, and takes back what an earlier run
    /// leased and did not settle.
    pub async fn introduce_endpoint(&self, name: &str, url_digest: String) -> Result<(), Error> {
        self.write(Introduce { name: name.to_owned(), url_digest }).await
    }

    /// Says that an endpoint that was gone, or failed for too long, is there again: all that waits is told.
    pub async fn enable_endpoint(&self, name: &str, act: Act) -> Result<(), Error> {
        let now = act.at;
        self.write_by(Enable { name: name.to_owned(), now }, act, |()| true).await
    }

    /// Has an event told again, under the same id. False if there is none, or it is just being told.
    pub async fn replay_event(&self, endpoint: &str, id: Uuid, act: Act) -> Result<bool, Error> {
        let now = act.at;
        self.write_by(Replay { endpoint: endpoint.to_owned(), id, now }, act, |replayed| *replayed).await
    }
}
