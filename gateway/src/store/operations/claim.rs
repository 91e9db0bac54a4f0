//! Leasing due parts to a worker, and noticing leases that ended without a word.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, FromQueryResult,
    IntoActiveModel, QueryFilter, QuerySelect, Set, Statement, Value,
};
use uuid::Uuid;

use super::moves::reduce_message;
use super::reach::{OF_BUSINESS, OF_CHANNEL};
use super::{millis, nights};
use crate::message::{Address, Line, MessageId, PartId, Priority, Status};
use crate::store::bulks::HELD;
use crate::store::entities::{attempts, parts};
use crate::store::lines::{Order, Wanted, sender_of};
use crate::store::questions::Questions;
use crate::store::reads::time;
use crate::store::records::Claimed;
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// What is known of a claim while its orders are carried out.
#[derive(Default)]
struct Taken<'a> {
    parts: Vec<parts::Model>,
    /// How many segments each line may still take.
    rooms: BTreeMap<&'a Line, i64>,
    /// Of which nothing more is there.
    empty: BTreeSet<(&'a Line, Priority)>,
}

/// Parts of one conversation go out one after the other, so a part waits for every older one
/// that has not come to an end, unless that one's time is yet to come; that of what is held (`bulks::HELD`) never
/// comes. One that was tried holds up what follows until it is tried again, unless it waits for the morning alone. Ids sort by age. That the older one is
/// queued or being sent is said twice: the first time word for word as the index has it, without which SQLite
/// would look through all older parts. Both looks are for one row, and not the joins that they could be: what
/// Postgres knows of a queue that has just grown is old, and it would go through all of it. Looked for once and kept ("materialized"): a plan that looked again
/// for each row would lock, and lease, more than the limit.
const DUE: &str = "SELECT due.id, due.due_at, due.expires_at, CASE WHEN due.segments > 1 THEN due.segments ELSE 1 END AS weight \
    FROM parts AS due WHERE due.state = 'queued' AND due.due_at <= $3 \
    AND due.channel NOT IN (SELECT pauses.channel FROM pauses) \
    AND (SELECT 1 FROM parts AS older WHERE older.conversation_id = due.conversation_id \
    AND older.id < due.id AND older.state IN ('queued', 'sending') AND (older.state = 'sending' OR (older.state = 'queued' \
    AND ((older.attempts > 0 AND NOT older.put_off AND older.due_at < 126230400000000) OR older.due_at <= $3))) LIMIT 1) IS NULL";

/// It stands in the text above.
const _: () = assert!(HELD == 126_230_400_000_000);

/// What a worker wants, and what the gate goes by.
struct Claim {
    wanted: Wanted,
    reporting: Reporting,
}

#[async_trait]
impl Operation for Claim {
    type Output = Vec<Claimed>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<Claimed>, Error> {
        nights::hold(transaction, self.wanted.now, &self.reporting).await?;
        let mut taken = Taken::default();
        for order in &self.wanted.orders {
            let line = &order.line;
            let room = taken.rooms.entry(line).or_insert_with(|| order.room.map_or(i64::MAX, i64::from));
            let parts = order.parts.min(self.wanted.attempt_ids.len() - taken.parts.len());
            if parts == 0 || *room <= 0 || taken.empty.contains(&(line, order.priority)) {
                continue;
            }
            let rows = self.take(transaction, order, parts, *room).await?;
            *room = room.saturating_sub(rows.iter().map(|part| i64::from(part.segments.unwrap_or(1).max(1))).sum());
            if rows.len() < parts {
                taken.empty.insert((line, order.priority));
            }
            taken.parts.extend(rows);
        }
        let mut claimed = taken.parts;
        claimed.sort_by_key(|part| part.id);
        let waited: Vec<i64> = claimed.iter().map(|part| part.waited_ms).collect();
        let claimed: Vec<Claimed> = claimed
            .into_iter()
            .zip(&self.wanted.attempt_ids)
            .map(|(part, attempt_id)| to_claimed(part, *attempt_id))
            .collect();
        self.start_attempts(transaction, &claimed, &waited).await?;
        Ok(claimed)
    }
}

impl Claim {
    /// Leases the first parts of a line that have room.
    async fn take(
        &self,
        transaction: &DatabaseTransaction,
        order: &Order,
        parts: usize,
        room: i64,
    ) -> Result<Vec<parts::Model>, Error> {
        let backend = transaction.get_database_backend();
        // Several gateways may share a Postgres: none waits for, or takes, what another holds.
        let lock = if backend == DbBackend::Postgres { " FOR UPDATE OF due SKIP LOCKED" } else { "" };
        let now = millis(self.wanted.now);
        let mut values: Vec<Value> = vec![
            millis(self.wanted.until).into(),
            now.into(),
            now.into(),
            order.line.channel.as_str().into(),
            order.line.sender.as_str().into(),
            order.priority.number().into(),
            room.into(),
        ];
        let sender = sender_of("due");
        let but = left_out(&self.wanted.but, &mut values);
        // What confirms somebody's own word goes to them all the same.
        let rules = self.reporting.rules();
        let opted_out = if rules.is_business_wide() { OF_BUSINESS } else { OF_CHANNEL };
        let night = if rules.has_nights() { " AND (due.quiet_at IS NULL OR due.quiet_at > $3)" } else { "" };
        // What is not valid any more is looked at behind what picks: there it makes Postgres sort a long queue.
        let sql = format!(
            "WITH picked AS MATERIALIZED ({DUE} AND (due.confirms OR ({opted_out}) IS NULL){night} \
             AND due.channel = $4 AND {sender} = $5 AND due.priority = $6{but} \
             ORDER BY due.due_at, due.id LIMIT {parts}{lock}), \
             claimed AS (SELECT counted.id FROM (SELECT picked.id, picked.expires_at, SUM(picked.weight) OVER \
             (ORDER BY picked.due_at, picked.id) - picked.weight AS ahead FROM picked) AS counted \
             WHERE counted.ahead < $7 AND (counted.expires_at IS NULL OR counted.expires_at > $3)) \
             UPDATE parts SET state = 'sending', put_off = FALSE, attempts = attempts + 1, lease_until = $1, updated_at = $2, \
             waited_ms = CASE WHEN COALESCE(due_before, due_at) < $2 THEN $2 - COALESCE(due_before, due_at) ELSE 0 END, \
             due_before = NULL \
             WHERE id IN (SELECT id FROM claimed) RETURNING *"
        );
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        Ok(rows.iter().map(|row| parts::Model::from_query_result(row, "")).collect::<Result<_, _>>()?)
    }

    /// On record before the request is written: after a crash it shows that there was one.
    async fn start_attempts(
        &self,
        transaction: &DatabaseTransaction,
        claimed: &[Claimed],
        waited: &[i64],
    ) -> Result<(), Error> {
        if claimed.is_empty() {
            return Ok(());
        }
        attempts::Entity::insert_many(claimed.iter().zip(waited).map(|(part, waited_ms)| attempts::ActiveModel {
            id: Set(part.attempt_id),
            part_id: Set(part.id.0),
            number: Set(super::count(part.attempts)),
            started_at: Set(millis(self.wanted.now)),
            finished_at: Set(None),
            outcome: Set(None),
            error_code: Set(None),
            error_message: Set(None),
            exchange: Set(None),
            waited_ms: Set(*waited_ms),
        }))
        .exec_without_returning(transaction)
        .await?;
        Ok(())
    }
}

/// The condition in SQL, with its values behind those that there are.
fn left_out(but: &[PartId], values: &mut Vec<Value>) -> String {
    if but.is_empty() {
        return String::new();
    }
    let first = values.len() + 1;
    values.extend(but.iter().map(|part| Value::from(part.0)));
    let places: Vec<String> = (first..=values.len()).map(|place| format!("${place}")).collect();
    format!(" AND due.id NOT IN ({})", places.join(", "))
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
        priority: Priority::from_number(part.priority),
        segments: part.segments.and_then(|segments| u32::try_from(segments).ok()).unwrap_or(1).max(1),
        due_at: time(part.due_at),
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
            // Word for word the condition of the partial index, so that SQLite uses it.
            .filter(Expr::cust("state = 'sending'"))
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
    /// Leases due parts.
    pub async fn claim(&self, wanted: Wanted) -> Result<Vec<Claimed>, Error> {
        if wanted.attempt_ids.is_empty() || wanted.orders.is_empty() {
            return Ok(Vec::new());
        }
        self.write(Claim { wanted, reporting: self.reporting.clone() }).await
    }

    /// Marks the parts unknown whose lease ended before `now`. They are never resent blindly.
    pub async fn expire_leases(&self, now: Timestamp) -> Result<Vec<PartId>, Error> {
        self.write(Expire { now, questions: self.questions, reporting: self.reporting.clone() }).await
    }
}
