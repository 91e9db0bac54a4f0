//! Leasing due parts to a worker, and noticing leases that ended without a word.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult,
    IntoActiveModel, QueryFilter, QuerySelect, Set, Statement, Value,
};
use uuid::Uuid;

use super::millis;
use super::settle::reduce_message;
use crate::message::{Address, MessageId, PartId, Status};
use crate::store::entities::{attempts, parts};
use crate::store::questions::Questions;
use crate::store::reads::time;
use crate::store::records::{Claimed, Within};
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// Up to `attempt_ids.len()` parts, leased until `until`.
#[derive(Clone, Debug)]
struct Claim {
    now: Timestamp,
    until: Timestamp,
    attempt_ids: Vec<Uuid>,
    within: Within,
}

/// Parts of one conversation go out one after the other, so a part waits for every older one
/// that has not come to an end, unless that one's time is yet to come. Ids sort by age. Looked for once and kept ("materialized"): a plan
/// that looked again for each row would lock, and lease, more than the limit.
const DUE: &str = "SELECT due.id FROM parts AS due WHERE due.state = 'queued' AND due.due_at <= $3 \
    AND NOT EXISTS (SELECT 1 FROM parts AS older WHERE older.conversation_id = due.conversation_id \
    AND older.id < due.id AND (older.state = 'sending' OR (older.state = 'queued' \
    AND (older.attempts > 0 OR older.due_at <= $3)))) \
    AND NOT EXISTS (SELECT 1 FROM consents WHERE consents.channel = due.channel \
    AND consents.address = due.recipient AND consents.state = 'opted_out')";

#[async_trait]
impl Operation for Claim {
    type Output = Vec<Claimed>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<Claimed>, Error> {
        let backend = transaction.get_database_backend();
        // Several gateways may share a Postgres: none waits for, or takes, what another holds.
        let lock = if backend == DbBackend::Postgres { " FOR UPDATE OF due SKIP LOCKED" } else { "" };
        let limit = self.attempt_ids.len();
        let mut values = vec![millis(self.until).into(), millis(self.now).into(), millis(self.now).into()];
        let within = self.within.sql(&mut values);
        let sql = format!(
            "WITH claimed AS MATERIALIZED ({DUE}{within} ORDER BY due.due_at, due.id LIMIT {limit}{lock}) \
             UPDATE parts SET state = 'sending', attempts = attempts + 1, lease_until = $1, updated_at = $2 \
             WHERE id IN (SELECT id FROM claimed) RETURNING *"
        );
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        let mut claimed =
            rows.iter().map(|row| parts::Model::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
        claimed.sort_by_key(|part| part.id);
        let claimed: Vec<Claimed> = claimed
            .into_iter()
            .zip(&self.attempt_ids)
            .map(|(part, attempt_id)| to_claimed(part, *attempt_id))
            .collect();
        self.start_attempts(transaction, &claimed).await?;
        Ok(claimed)
    }
}

impl Claim {
    /// On record before the request is written: after a crash it shows that there was one.
    async fn start_attempts(&self, transaction: &DatabaseTransaction, claimed: &[Claimed]) -> Result<(), Error> {
        if claimed.is_empty() {
            return Ok(());
        }
        attempts::Entity::insert_many(claimed.iter().map(|part| attempts::ActiveModel {
            id: Set(part.attempt_id),
            part_id: Set(part.id.0),
            number: Set(super::count(part.attempts)),
            started_at: Set(millis(self.now)),
            finished_at: Set(None),
            outcome: Set(None),
            error_code: Set(None),
            error_message: Set(None),
            exchange: Set(None),
        }))
        .exec_without_returning(transaction)
        .await?;
        Ok(())
    }
}

impl Within {
    /// The condition in SQL, with its values behind those that there are.
    fn sql(&self, values: &mut Vec<Value>) -> String {
        match self {
            Self::AllBut(channels) => left_out("channel", channels.iter().map(|name| name.as_str().into()), values),
            Self::Only { channel, but } => {
                values.push(channel.as_str().into());
                let only = format!(" AND due.channel = ${}", values.len());
                only + &left_out("id", but.iter().map(|part| part.0.into()), values)
            }
        }
    }
}

fn left_out(column: &str, out: impl Iterator<Item = Value>, values: &mut Vec<Value>) -> String {
    let places: Vec<String> = out
        .map(|value| {
            values.push(value);
            format!("${}", values.len())
        })
        .collect();
    if places.is_empty() { String::new() } else { format!(" AND due.{column} NOT IN ({})", places.join(", ")) }
}

fn to_claimed(part: parts::Model, attempt_id: Uuid) -> Claimed {
    Claimed {
        id: PartId(part.id),
        attempt_id,
        message_id: MessageId(part.message_id),
        channel: part.channel,
        sender: part.sender.as_deref().map(Address::received),
        service: part.service,
        own_sender: part.own_sender,
        recipient: Address::received(&part.recipient),
        text: part.text,
        media: serde_json::from_value(part.media).unwrap_or_default(),
        options: part.options.and_then(|options| serde_json::from_value(options).ok()).unwrap_or_default(),
        send_at: part.send_at.map(time),
        attempts: u32::try_from(part.attempts).unwrap_or(0),
    }
}

/// Leases that ended before `now`: what became of those parts is unknown, unless it was reported.
#[derive(Clone, Debug)]
struct Expire {
    now: Timestamp,
    questions: Questions,
    reporting: Reporting,
}

#[async_trait]
impl Operation for Expire {
    type Output = Vec<PartId>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<PartId>, Error> {
        let expired = parts::Entity::find()
            .filter(parts::Column::State.eq("sending"))
            .filter(parts::Column::LeaseUntil.lt(millis(self.now)))
            .lock_exclusive()
            .all(transaction)
            .await?;
        let mut unknown = Vec::new();
        for part in expired {
            let (part_id, message_id) = (part.id, part.message_id);
            // A status report that came meanwhile proves that the provider has the part.
            let proven = part.provider_id.is_some();
            let current = super::settle::read(&part.status);
            let mut row = part.into_active_model();
            row.lease_until = Set(None);
            row.updated_at = Set(millis(self.now));
            if proven {
                row.state = Set("settled".to_owned());
                row.check_at = Set(self.questions.after(current, self.now).map(millis));
            } else {
                row.state = Set("unknown".to_owned());
                row.status = Set(Status::Unknown.as_str().to_owned());
                row.unknown_at = Set(Some(millis(self.now)));
                row.check_at = Set(self.questions.after(Status::Unknown, self.now).map(millis));
                row.checks = Set(0);
                row.error_message = Set(Some("the gateway stopped before the provider answered".to_owned()));
                unknown.push(PartId(part_id));
            }
            row.update(transaction).await?;
            attempts::Entity::update_many()
                .col_expr(attempts::Column::Outcome, Expr::value("unknown"))
                .col_expr(attempts::Column::FinishedAt, Expr::value(millis(self.now)))
                .filter(attempts::Column::PartId.eq(part_id))
                .filter(attempts::Column::FinishedAt.is_null())
                .exec(transaction)
                .await?;
            reduce_message(transaction, message_id, self.now, &self.reporting).await?;
        }
        Ok(unknown)
    }
}

impl Store {
    /// Leases due parts until `until`: as many as there are ids for their attempts.
    pub async fn claim(
        &self,
        now: Timestamp,
        until: Timestamp,
        attempt_ids: Vec<Uuid>,
        within: Within,
    ) -> Result<Vec<Claimed>, Error> {
        self.write(Claim { now, until, attempt_ids, within }).await
    }

    /// Marks the parts unknown whose lease ended before `now`. They are never resent blindly.
    pub async fn expire_leases(&self, now: Timestamp) -> Result<Vec<PartId>, Error> {
        self.write(Expire { now, questions: self.questions, reporting: self.reporting.clone() }).await
    }
}
