//! Leasing the questions that are due, and putting the next ones off.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait,
    FromQueryResult, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect, Set, Statement, Value,
};
use uuid::Uuid;

use super::{columns, count, discarding, looks, millis};
use crate::message::{Address, MessageId, PartId};
use crate::store::entities::{attempts, parts};
use crate::store::questions::Due;
use crate::store::reads::time;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// How long a provider may take to read the answer to its webhook.
const ANSWER: SignedDuration = SignedDuration::from_secs(15);

/// When a reply that rides an answer written now has arrived, if it ever does.
pub(super) fn answer_ends(at: Timestamp) -> Timestamp {
    at.checked_add(ANSWER).unwrap_or(Timestamp::MAX)
}

/// Up to `limit` parts; whoever asks has until `until`, and then they are due again.
#[derive(Clone, Debug)]
struct Ask {
    now: Timestamp,
    until: Timestamp,
    channels: Vec<String>,
    limit: u32,
}

#[async_trait]
impl Operation for Ask {
    type Output = Vec<Due>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<Due>, Error> {
        if self.channels.is_empty() {
            return Ok(Vec::new());
        }
        let backend = transaction.get_database_backend();
        // Several gateways may share a Postgres: none waits for, or takes, what another holds.
        let lock = if backend == DbBackend::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
        let named: Vec<String> = (3..self.channels.len() + 3).map(|number| format!("${number}")).collect();
        // SQLite takes a channel for more telling than a time, and would go through all parts of these. An
        // expression has no index.
        let sql = format!(
            "WITH due AS MATERIALIZED (SELECT id FROM parts WHERE check_at <= $2 AND COALESCE(channel, '') IN ({}) \
             AND state IN ('unknown', 'settled') ORDER BY check_at, id LIMIT {}{lock}) \
             UPDATE parts SET check_at = $1, checks = checks + 1 WHERE id IN (SELECT id FROM due) RETURNING {}",
            named.join(", "),
            self.limit,
            columns::all::<parts::Entity>()
        );
        let mut values: Vec<Value> = vec![millis(self.until).into(), millis(self.now).into()];
        values.extend(self.channels.iter().map(|channel| Value::from(channel.as_str())));
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        let mut due = rows.iter().map(|row| parts::Model::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
        due.sort_by_key(|part| part.id);
        let tries = open_tries(transaction, &due).await?;
        Ok(due.into_iter().map(|part| to_due(part, &tries)).collect())
    }
}

/// Of each part the tries on record: how many, how many of them were refused for now, and when the
/// first began whose end is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tries {
    pub(super) count: i32,
    pub(super) refused: i32,
    pub(super) began_at: Option<i64>,
}

pub(super) async fn open_tries(
    transaction: &DatabaseTransaction,
    parts: &[parts::Model],
) -> Result<BTreeMap<Uuid, Tries>, Error> {
    let unknown = parts.iter().filter(|part| part.state == "unknown").map(|part| part.id);
    // What was held back is not counted as a try.
    let counted = Condition::any().add(attempts::Column::Outcome.is_null()).add(attempts::Column::Outcome.ne("held"));
    let rows = attempts::Entity::find()
        .filter(attempts::Column::PartId.is_in(unknown))
        .filter(counted)
        .all(transaction)
        .await?;
    let mut tries: BTreeMap<Uuid, Tries> = BTreeMap::new();
    for row in rows {
        let tries = tries.entry(row.part_id).or_default();
        tries.count += 1;
        match row.outcome.as_deref() {
            Some("retry") => tries.refused += 1,
            None | Some("unknown") => {
                let began_at = tries.began_at.map_or(row.started_at, |began_at| began_at.min(row.started_at));
                tries.began_at = Some(began_at);
            }
            Some(_) => {}
        }
    }
    Ok(tries)
}

/// When the part may have been handed over first. Of one that rode an answer, that is when it was
/// made.
pub(super) fn began_at(part: &parts::Model, tries: Tries) -> i64 {
    if tries.count < part.attempts { part.created_at } else { tries.began_at.unwrap_or(part.created_at) }
}

fn to_due(part: parts::Model, tries: &BTreeMap<Uuid, Tries>) -> Due {
    let began_at = began_at(&part, tries.get(&part.id).copied().unwrap_or_default());
    Due {
        part_id: PartId(part.id),
        message_id: MessageId(part.message_id),
        channel: part.channel,
        sender: part.sender.as_deref().map(Address::received),
        recipient: Address::received(&part.recipient),
        provider_id: part.provider_id,
        status: super::read(&part.status),
        has_code: part.error_code.is_some(),
        checks: u32::try_from(part.checks).unwrap_or(0),
        began_at: time(began_at),
        ended_at: time(part.unknown_at.unwrap_or(part.updated_at)),
    }
}

/// The next question about a part, if there is to be one.
#[derive(Clone, Debug)]
struct AskAgain {
    part_ids: Vec<PartId>,
    at: Option<Timestamp>,
    checks: u32,
    /// When the provider was asked in vain for its list, where that is why.
    failed_at: Option<Timestamp>,
}

#[async_trait]
impl Operation for AskAgain {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        // Not of one that came to its end meanwhile.
        let ids: Vec<Uuid> = self.part_ids.iter().map(|id| id.0).collect();
        let open = Condition::all()
            .add(parts::Column::CheckAt.is_not_null())
            .add(parts::Column::Id.is_in(ids.iter().copied()));
        parts::Entity::update_many()
            .col_expr(parts::Column::CheckAt, Expr::value(self.at.map(millis)))
            .col_expr(parts::Column::Checks, Expr::value(count(self.checks)))
            .filter(open)
            .exec(transaction)
            .await?;
        if self.at.is_none() {
            // Seldom done, so that it need not take room in every other write.
            Box::pin(discarding::unasked(transaction, &ids)).await?;
        }
        let Some(failed_at) = self.failed_at else { return Ok(()) };
        self.keep_look(transaction, failed_at).await
    }
}

impl AskAgain {
    async fn keep_look(&self, transaction: &DatabaseTransaction, failed_at: Timestamp) -> Result<(), Error> {
        let rows = parts::Entity::find()
            .filter(parts::Column::Id.is_in(self.part_ids.iter().map(|id| id.0)))
            .filter(parts::Column::State.eq("unknown"))
            .order_by_asc(parts::Column::Id)
            .lock_exclusive()
            .all(transaction)
            .await?;
        for part in rows {
            let looks = looks::add(part.looks.as_deref(), looks::unanswered(failed_at));
            let mut row = part.into_active_model();
            row.looks = Set(looks);
            row.update(transaction).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Parts of these channels about which the provider is to be asked; `limit` at the most. They
    /// are due again at `until`, should nobody say otherwise.
    pub async fn due_questions(
        &self,
        now: Timestamp,
        until: Timestamp,
        channels: Vec<String>,
        limit: u32,
    ) -> Result<Vec<Due>, Error> {
        self.write(Ask { now, until, channels, limit }).await
    }

    /// When to ask next about these parts (none is never), and how often it was done.
    pub async fn ask_again(&self, part_ids: Vec<PartId>, at: Option<Timestamp>, checks: u32) -> Result<(), Error> {
        self.write(AskAgain { part_ids, at, checks, failed_at: None }).await
    }

    /// The same for parts that may be in the provider's list, which could not be read just now.
    pub async fn look_again(
        &self,
        part_ids: Vec<PartId>,
        failed_at: Timestamp,
        at: Timestamp,
        checks: u32,
    ) -> Result<(), Error> {
        self.write(AskAgain { part_ids, at: Some(at), checks, failed_at: Some(failed_at) }).await
    }
}
