//! Leasing due parts to a worker, and noticing leases that ended without a word.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::entity::prelude::Json;
use sea_orm::sea_query::{Expr, LockBehavior, LockType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, FromQueryResult, IntoActiveModel,
    QueryFilter, QuerySelect, Set, Statement, Value,
};
use uuid::Uuid;

use super::inserting::insert;
use super::moves::reduce_message;
use super::picking::{Among, Queue};
use super::planning::{by_any_way, by_index};
use super::reach::{OF_BUSINESS, OF_CHANNEL};
use super::rows::or_fail;
use super::{links, millis, nights};
use crate::message::{Address, Line, MessageId, PartId, Priority, Status};
use crate::store::entities::{attempts, parts};
use crate::store::lines::{Order, Wanted, keeps_its_place, sender_of};
use crate::store::questions::Questions;
use crate::store::reads::time;
use crate::store::records::Claimed;
use crate::store::reporting::Reporting;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// What is known of a claim while its orders are carried out.
#[derive(Default)]
struct Taken<'a> {
    parts: Vec<Leased>,
    /// How many segments each line may still take.
    rooms: BTreeMap<&'a Line, i64>,
    /// Of which nothing more is there.
    empty: BTreeSet<(&'a Line, Priority)>,
}

/// What waits of a line and priority, `$2` to `$4`, unless its channel is paused.
const QUEUE: Queue = Queue {
    table: "parts",
    columns: &[
        "id",
        "conversation_id",
        "channel",
        "sender",
        "service",
        "recipient",
        "state",
        "priority",
        "confirms",
        "quiet_at",
        "segments",
        "due_at",
        "expires_at",
    ],
    due: |it| {
        let sender = sender_of(it);
        format!(
            "{it}.state = 'queued' AND {it}.due_at <= $1 AND {it}.channel = $2 AND {sender} = $3 AND {it}.priority = $4 \
             AND $2 NOT IN (SELECT pauses.channel FROM pauses)"
        )
    },
    order: &["due_at", "id"],
    free: |it| format!("{it}.state = 'queued' AND {it}.due_at <= $1"),
    waits: |it| format!("{it}.state IN ('queued', 'sending')"),
    goes_before: |it| {
        let keeps_its_place = keeps_its_place(it, "$1");
        format!(
            "{it}.state IN ('queued', 'sending') AND ({it}.state = 'sending' \
             OR ({it}.state = 'queued' AND {keeps_its_place}))"
        )
    },
};

/// What a worker has to know of a part.
#[derive(FromQueryResult)]
struct Leased {
    id: Uuid,
    message_id: Uuid,
    channel: String,
    sender: Option<String>,
    service: Option<String>,
    own_sender: bool,
    recipient: String,
    text: String,
    media: Json,
    options: Option<Json>,
    send_at: Option<i64>,
    priority: i32,
    segments: Option<i32>,
    due_at: i64,
    attempts: i32,
    waited_ms: i64,
}

/// The same in SQL. Each column of each row costs something, and a part has three times as many.
const LEASED: &str = "id, message_id, channel, sender, service, own_sender, recipient, text, media, options, send_at, \
    priority, segments, due_at, attempts, waited_ms";

/// How many segments it counts for.
const WEIGHT: &str = "CASE WHEN picked.segments > 1 THEN picked.segments ELSE 1 END";

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
        by_index(transaction).await?;
        let mut taken = Taken::default();
        for order in &self.wanted.orders {
            let line = &order.line;
            let room = taken.rooms.entry(line).or_insert_with(|| order.room.map_or(i64::MAX, i64::from));
            let parts = order.parts.min(self.wanted.attempt_ids.len() - taken.parts.len());
            if parts == 0 || *room <= 0 || taken.empty.contains(&(line, order.priority)) {
                continue;
            }
            let rows = self.take(transaction, order, parts, *room).await?;
            *room = room.saturating_sub(rows.iter().map(weight).sum());
            if rows.len() < parts {
                taken.empty.insert((line, order.priority));
            }
            taken.parts.extend(rows);
        }
        by_any_way(transaction).await?;
        let mut claimed = taken.parts;
        claimed.sort_by_key(|part| part.id);
        let waited: Vec<i64> = claimed.iter().map(|part| part.waited_ms).collect();
        let claimed: Vec<Claimed> = claimed
            .into_iter()
            .zip(&self.wanted.attempt_ids)
            .map(|(part, attempt_id)| to_claimed(part, *attempt_id, self.wanted.until))
            .collect();
        self.start_attempts(transaction, &claimed, &waited).await?;
        links::renew(transaction, &claimed, self.wanted.now, self.wanted.links_last).await?;
        Ok(claimed)
    }
}

impl Claim {
    /// Leases the first parts of a line that have room. Parts of one conversation go out one after the other, so those
    /// behind an older one are passed over.
    async fn take(
        &self,
        transaction: &DatabaseTransaction,
        order: &Order,
        parts: usize,
        room: i64,
    ) -> Result<Vec<Leased>, Error> {
        let (mut taken, mut room) = (Vec::new(), room);
        let mut among = Some(Among::first(parts));
        while let Some(looked) = among {
            let some = self.lease(transaction, order, looked, parts - taken.len(), room).await?;
            let gone = some.len();
            room -= some.iter().map(weight).sum::<i64>();
            taken.extend(some);
            if taken.len() >= parts || room <= 0 {
                break;
            }
            among = QUEUE.next(transaction, self.line(order), looked, gone).await?;
        }
        Ok(taken)
    }

    async fn lease(
        &self,
        transaction: &DatabaseTransaction,
        order: &Order,
        among: Among,
        limit: usize,
        room: i64,
    ) -> Result<Vec<Leased>, Error> {
        let backend = transaction.get_database_backend();
        let mut values = self.line(order);
        values.extend([millis(self.wanted.until).into(), room.into()]);
        // What confirms somebody's own word goes to them all the same.
        let rules = self.reporting.rules();
        let opted_out = if rules.is_business_wide() { OF_BUSINESS } else { OF_CHANNEL };
        let night = if rules.has_nights() { " AND (due.quiet_at IS NULL OR due.quiet_at > $1)" } else { "" };
        let but = left_out(&self.wanted.but, &mut values);
        let more = format!(" AND (due.confirms OR ({opted_out}) IS NULL){night}{but}");
        let picked = QUEUE.picked(backend, among, &more, limit);
        // Looked for once and kept ("materialized"): a plan that looked again for each row would lock, and lease, more
        // than the limit. What is not valid any more is looked at behind what picks: there it makes Postgres sort a long queue.
        let sql = format!(
            "WITH picked AS MATERIALIZED ({picked}), \
             claimed AS (SELECT counted.id FROM (SELECT picked.id, picked.expires_at, SUM({WEIGHT}) OVER \
             (ORDER BY picked.due_at, picked.id) - {WEIGHT} AS ahead FROM picked) AS counted \
             WHERE counted.ahead < $6 AND (counted.expires_at IS NULL OR counted.expires_at > $1)) \
             UPDATE{} parts SET state = 'sending', put_off = FALSE, attempts = attempts + 1, lease_until = $5, updated_at = $1, \
             waited_ms = CASE WHEN COALESCE(due_before, due_at) < $1 THEN $1 - COALESCE(due_before, due_at) ELSE 0 END, \
             due_before = NULL \
             WHERE id IN (SELECT id FROM claimed) RETURNING {LEASED}",
            or_fail(backend)
        );
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        Ok(rows.iter().map(|row| Leased::from_query_result(row, "")).collect::<Result<_, _>>()?)
    }

    /// `$1` to `$4`.
    fn line(&self, order: &Order) -> Vec<Value> {
        let Line { channel, sender } = &order.line;
        let priority = order.priority.number().into();
        vec![millis(self.wanted.now).into(), channel.as_str().into(), sender.as_str().into(), priority]
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
        let rows = claimed.iter().zip(waited).map(|(part, waited_ms)| attempts::ActiveModel {
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
        });
        insert(transaction, rows.collect()).await
    }
}

/// The same of a row.
fn weight(part: &Leased) -> i64 {
    i64::from(part.segments.unwrap_or(1).max(1))
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

fn to_claimed(part: Leased, attempt_id: Uuid, until: Timestamp) -> Claimed {
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
        until,
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
            // What another one has just now is left to it, or to the next look.
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
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
