//! Bulk sends as they are kept, and how far each has come.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Statement, Value as Sql,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::entities::{bulk_recipients, bulks};
use super::reads::{Page, cut, positive, time};
use super::records::Idempotency;
use super::{Error, Store};
use crate::message::{MessageId, Status};

/// Parts of a bulk send that is paused are due so much later, which is after all time: so whatever looks for what
/// is due finds none of them, and need not know of bulk sends. Four thousand years, in milliseconds.
pub(super) const HELD: i64 = 126_230_400_000_000;

/// Which recipient of which bulk send a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BulkPlace {
    pub bulk_id: Uuid,
    /// From 0.
    pub position: u32,
}

/// Where a bulk send stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BulkState {
    Running,
    Paused,
    Canceled,
    /// Nothing of it waits any more.
    Done,
}

impl BulkState {
    const ALL: [Self; 4] = [Self::Running, Self::Paused, Self::Canceled, Self::Done];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Canceled => "canceled",
            Self::Done => "done",
        }
    }

    pub(super) fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.as_str() == word).unwrap_or(Self::Done)
    }
}

/// A bulk send to be kept, with all whom it is to reach.
#[derive(Clone, Debug)]
pub struct NewBulk {
    pub id: Uuid,
    pub name: Option<String>,
    /// What all of its messages share.
    pub content: Value,
    pub send_at: Option<Timestamp>,
    pub idempotency: Option<Idempotency>,
    /// In the order of the call.
    pub recipients: Vec<NewRecipient>,
    pub at: Timestamp,
}

#[derive(Clone, Debug)]
pub struct NewRecipient {
    pub recipient: String,
    pub locale: Option<String>,
    pub variables: Option<Value>,
    /// Why nothing will be sent.
    pub problem: Option<RecipientProblem>,
}

/// Why somebody is sent nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipientProblem {
    pub code: String,
    pub detail: String,
}

/// The code of a number that stands in a bulk send before.
pub const DUPLICATE: &str = "duplicate";

/// What became of a call that makes a bulk send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkTaken {
    Stored,
    /// The same call made this one before.
    Before(Uuid),
    /// The key was used before for a call with another body.
    KeyReused,
}

/// What became of a wish to pause, resume or cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkMoved {
    Done,
    /// It was like that already.
    Same,
    NotFound,
    /// It has come to its end, so that there is nothing to pause, resume or cancel.
    Over(BulkState),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownBulk {
    pub id: Uuid,
    pub name: Option<String>,
    pub state: BulkState,
    pub content: Value,
    pub total: u32,
    pub send_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// Where somebody stands whom a bulk send is to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecipientState {
    /// No message was made yet.
    Waiting,
    /// The message is in the outbox or with the provider.
    Submitted,
    Sent,
    Delivered,
    Failed,
    Refused,
    Duplicate,
    Canceled,
}

impl RecipientState {
    /// The condition of a row `r`, with its message `m`.
    fn condition(self) -> &'static str {
        match self {
            Self::Waiting => "r.state = 'waiting'",
            Self::Submitted => {
                "r.state = 'submitted' AND m.status NOT IN ('sent', 'delivered', 'read', 'failed', 'undelivered', 'canceled')"
            }
            Self::Sent => "r.state = 'submitted' AND m.status = 'sent'",
            Self::Delivered => "r.state = 'submitted' AND m.status IN ('delivered', 'read')",
            Self::Failed => "r.state = 'submitted' AND m.status IN ('failed', 'undelivered')",
            Self::Refused => "r.state = 'refused'",
            Self::Duplicate => "r.state = 'duplicate'",
            Self::Canceled => "(r.state = 'canceled' OR (r.state = 'submitted' AND m.status = 'canceled'))",
        }
    }

    fn of(state: &str, status: Option<Status>) -> Self {
        match (state, status) {
            ("waiting", _) => Self::Waiting,
            ("refused", _) => Self::Refused,
            ("duplicate", _) => Self::Duplicate,
            ("canceled", _) | (_, Some(Status::Canceled)) => Self::Canceled,
            (_, Some(Status::Sent)) => Self::Sent,
            (_, Some(Status::Delivered | Status::Read)) => Self::Delivered,
            (_, Some(Status::Failed | Status::Undelivered)) => Self::Failed,
            _ => Self::Submitted,
        }
    }
}

/// How many are where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BulkCounts {
    pub of: BTreeMap<RecipientState, u64>,
    /// Of those that are refused, by code.
    pub refused: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRecipient {
    pub position: u32,
    pub to: String,
    pub state: RecipientState,
    pub message_id: Option<MessageId>,
    pub problem: Option<RecipientProblem>,
    /// Of the message.
    pub error_code: Option<i32>,
    pub error_message: Option<String>,
}

/// Somebody for whom a message is to be made now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingRecipient {
    pub place: BulkPlace,
    pub recipient: String,
    pub locale: Option<String>,
    pub variables: Option<Value>,
    pub failing: Failing,
}

/// How often nothing could be decided for somebody, and since when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failing {
    pub tries: u32,
    pub since: Option<Timestamp>,
}

pub(super) fn known(row: bulks::Model) -> KnownBulk {
    KnownBulk {
        id: row.id,
        name: row.name,
        state: BulkState::of(&row.state),
        content: row.content,
        total: positive(row.total),
        send_at: row.send_at.map(time),
        created_at: time(row.created_at),
        updated_at: time(row.updated_at),
        finished_at: row.finished_at.map(time),
    }
}

impl Store {
    pub async fn bulk(&self, id: Uuid) -> Result<Option<KnownBulk>, Error> {
        Ok(bulks::Entity::find_by_id(id).one(&self.reads).await?.map(known))
    }

    /// Newest first; all, or those in a state.
    pub async fn bulks(
        &self,
        state: Option<BulkState>,
        after: Option<Uuid>,
        limit: u64,
    ) -> Result<Page<KnownBulk>, Error> {
        let these = Condition::all()
            .add_option(state.map(|state| bulks::Column::State.eq(state.as_str())))
            .add_option(after.map(|after| bulks::Column::Id.lt(after)));
        let query = bulks::Entity::find().filter(these).order_by_desc(bulks::Column::Id).limit(limit + 1);
        let (rows, next) = cut(query.all(&self.reads).await?, limit, |row| row.id);
        Ok(Page { items: rows.into_iter().map(known).collect(), next })
    }

    /// The bulk send that a call made before, and whether that was the same call.
    pub async fn bulk_called_before(&self, call: &Idempotency) -> Result<Option<BulkTaken>, Error> {
        called_before(&self.reads, call).await
    }

    /// How far it has come.
    pub async fn bulk_counts(&self, id: Uuid) -> Result<BulkCounts, Error> {
        let sql = "SELECT r.state AS state, r.code AS code, m.status AS status, COUNT(*) AS number \
                   FROM bulk_recipients AS r LEFT JOIN messages AS m ON m.id = r.message_id \
                   WHERE r.bulk_id = $1 GROUP BY r.state, r.code, m.status";
        let statement = Statement::from_sql_and_values(self.reads.get_database_backend(), sql, [id.into()]);
        let mut counts = BulkCounts::default();
        for row in self.reads.query_all_raw(statement).await? {
            let (state, code): (String, Option<String>) = (row.try_get("", "state")?, row.try_get("", "code")?);
            let status: Option<String> = row.try_get("", "status")?;
            let number: i64 = row.try_get("", "number")?;
            let number = u64::try_from(number).unwrap_or(0);
            let state = RecipientState::of(&state, status.as_deref().map(super::operations::read));
            *counts.of.entry(state).or_default() += number;
            if let (RecipientState::Refused, Some(code)) = (state, code) {
                *counts.refused.entry(code).or_default() += number;
            }
        }
        Ok(counts)
    }

    /// Whom it is to reach, in the order of the call; all, or those who stand somewhere.
    pub async fn bulk_recipients(
        &self,
        id: Uuid,
        state: Option<RecipientState>,
        after: Option<u32>,
        limit: u64,
    ) -> Result<Page<KnownRecipient>, Error> {
        let after = after.map_or(-1, i64::from);
        let condition = state.map(|state| format!(" AND {}", state.condition())).unwrap_or_default();
        let sql = format!(
            "SELECT r.position AS position, r.recipient AS recipient, r.state AS state, r.message_id AS message_id, \
             r.code AS code, r.problem AS problem, m.status AS status, m.error_code AS error_code, \
             m.error_message AS error_message \
             FROM bulk_recipients AS r LEFT JOIN messages AS m ON m.id = r.message_id \
             WHERE r.bulk_id = $1 AND r.position > $2{condition} ORDER BY r.position LIMIT {}",
            limit + 1
        );
        let values: [Sql; 2] = [id.into(), after.into()];
        let statement = Statement::from_sql_and_values(self.reads.get_database_backend(), sql, values);
        let rows = self.reads.query_all_raw(statement).await?;
        let items = rows.iter().map(recipient).collect::<Result<Vec<_>, Error>>()?;
        let (items, next) = cut(items, limit, |recipient| cursor(recipient.position));
        Ok(Page { items, next })
    }

    /// The next for whom a message is to be made now.
    pub async fn waiting_recipients(
        &self,
        id: Uuid,
        limit: u64,
        now: Timestamp,
    ) -> Result<Vec<WaitingRecipient>, Error> {
        use bulk_recipients::Column;
        let rows = waiting(id)
            .filter(Condition::any().add(Column::RetryAt.is_null()).add(Column::RetryAt.lte(now.as_millisecond())))
            .order_by_asc(Column::Position)
            .limit(limit)
            .all(&self.reads)
            .await?;
        Ok(rows
            .into_iter()
            .map(|row| WaitingRecipient {
                place: BulkPlace { bulk_id: row.bulk_id, position: positive(row.position) },
                recipient: row.recipient,
                locale: row.locale,
                variables: row.variables,
                failing: Failing { tries: positive(row.tries), since: row.failed_since.map(time) },
            })
            .collect())
    }

    /// Whether anybody waits whom nothing was tried for yet.
    pub async fn has_untried_recipients(&self, id: Uuid) -> Result<bool, Error> {
        use bulk_recipients::Column;
        let one = waiting(id).filter(Column::Tries.eq(0)).select_only().column(Column::Position);
        Ok(one.limit(1).into_tuple::<i32>().one(&self.reads).await?.is_some())
    }

    /// When somebody is tried again for whom nothing could be decided; the first of them.
    pub async fn recipients_put_off_until(&self, id: Uuid) -> Result<Option<Timestamp>, Error> {
        use bulk_recipients::Column;
        let first = waiting(id)
            .filter(Column::RetryAt.is_not_null())
            .select_only()
            .column(Column::RetryAt)
            .order_by_asc(Column::RetryAt)
            .into_tuple::<i64>()
            .one(&self.reads)
            .await?;
        Ok(first.map(time))
    }

    /// How many of its parts wait or are being sent, counted up to a limit.
    /// With a moment, without what is due later: what waits for the morning keeps nobody else from being sent to.
    pub async fn bulk_under_way(&self, id: Uuid, limit: u64, by: Option<Timestamp>) -> Result<u64, Error> {
        let sql = format!(
            "SELECT COUNT(*) AS number FROM (SELECT 1 FROM parts WHERE parts.bulk_id = $1 \
             AND parts.state IN ('queued', 'sending') AND (parts.state = 'sending' OR parts.due_at <= $2) \
             LIMIT {limit}) AS counted"
        );
        let values: [sea_orm::Value; 2] = [id.into(), by.map_or(i64::MAX, Timestamp::as_millisecond).into()];
        let statement = Statement::from_sql_and_values(self.reads.get_database_backend(), sql, values);
        let row = self.reads.query_one_raw(statement).await?;
        let number: i64 = row.map_or(Ok(0), |row| row.try_get("", "number"))?;
        Ok(u64::try_from(number).unwrap_or(0))
    }
}

/// Those for whom no message was made yet.
fn waiting(id: Uuid) -> sea_orm::Select<bulk_recipients::Entity> {
    bulk_recipients::Entity::find()
        .filter(bulk_recipients::Column::BulkId.eq(id))
        // Word for word the condition of the partial index, so that SQLite uses it.
        .filter(sea_orm::sea_query::Expr::cust("state = 'waiting'"))
}

pub(super) async fn called_before(
    database: &impl ConnectionTrait,
    call: &Idempotency,
) -> Result<Option<BulkTaken>, Error> {
    let found = bulks::Entity::find()
        .filter(bulks::Column::ApiKeyId.eq(call.api_key_id))
        .filter(bulks::Column::CallKey.eq(call.key.as_str()))
        .one(database)
        .await?;
    Ok(found.map(|row| {
        let is_same = row.fingerprint.as_deref() == Some(&call.fingerprint);
        if is_same { BulkTaken::Before(row.id) } else { BulkTaken::KeyReused }
    }))
}

/// Where a page of recipients goes on, in the form that cursors have.
fn cursor(position: u32) -> Uuid {
    Uuid::from_u128(u128::from(position))
}

fn recipient(row: &sea_orm::QueryResult) -> Result<KnownRecipient, Error> {
    let (state, status): (String, Option<String>) = (row.try_get("", "state")?, row.try_get("", "status")?);
    let (code, detail): (Option<String>, Option<String>) = (row.try_get("", "code")?, row.try_get("", "problem")?);
    let message_id: Option<Uuid> = row.try_get("", "message_id")?;
    Ok(KnownRecipient {
        position: positive(row.try_get("", "position")?),
        to: row.try_get("", "recipient")?,
        state: RecipientState::of(&state, status.as_deref().map(super::operations::read)),
        message_id: message_id.map(MessageId),
        problem: code.map(|code| RecipientProblem { code, detail: detail.unwrap_or_default() }),
        error_code: row.try_get("", "error_code")?,
        error_message: row.try_get("", "error_message")?,
    })
}
