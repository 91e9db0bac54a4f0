//! Which gateways are at work on this database, and taking over the texts of one that is not any more.
//!
//! A gateway counts its beats in a row of its own. Whoever sees a count that stands still for long takes the
//! gateway for dead: by its own clock, so that nobody's clock needs to agree with another's. A wrong guess
//! costs a text that is processed twice and committed once. The row stays for a day, so that who was taken for dead
//! wrongly still learns what became of a transaction; it is at work again with whatever it commits next.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use sea_orm::sea_query::{Expr, LockBehavior, LockType, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, Set, Statement, UpdateMany, Value,
};
use uuid::Uuid;

use super::{CHUNK, millis};
use crate::message::{ConversationId, MessageId};
use crate::store::entities::{gateways, messages};
use crate::store::recorded::recorded;
use crate::store::records::Recorded;
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// The gateway of a text that could not be processed: nobody, until one starts.
pub(super) const ASIDE: Uuid = Uuid::nil();

/// How long the row of a gateway that has gone is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// A gateway, and how far it has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    pub gateway: Uuid,
    pub beats: i64,
}

/// Whose texts are taken over.
#[derive(Clone, Debug)]
pub enum Orphans {
    /// Everybody's: there is no other gateway.
    All,
    /// Of those that are gone, and what was set aside.
    AtStart,
    /// Of those that are gone; these are, unless they have counted on meanwhile, or may be about to.
    Of(Vec<Beat>),
}

struct Join {
    gateway: Uuid,
    at: Timestamp,
}

#[async_trait]
impl Operation for Join {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let row = gateways::ActiveModel {
            id: Set(self.gateway),
            started_at: Set(millis(self.at)),
            beats: Set(0),
            commits: Set(None),
            gone_at: Set(None),
            gone_beats: Set(None),
        };
        let known = OnConflict::column(gateways::Column::Id).update_column(gateways::Column::StartedAt).to_owned();
        gateways::Entity::insert(row).on_conflict(known).exec_without_returning(transaction).await?;
        let long_gone = self.at.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        gateways::Entity::delete_many()
            .filter(gateways::Column::GoneAt.lt(millis(long_gone)))
            .filter(Expr::cust(AT_WORK).not())
            .exec(transaction)
            .await?;
        Ok(())
    }
}

struct Count {
    gateway: Uuid,
    at: Timestamp,
}

#[async_trait]
impl Operation for Count {
    type Output = Vec<Beat>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<Beat>, Error> {
        let counted = gateways::Entity::update_many()
            .col_expr(gateways::Column::Beats, Expr::col(gateways::Column::Beats).add(1))
            // Others may have taken this one for dead.
            .col_expr(gateways::Column::GoneAt, Expr::value(None::<i64>))
            .filter(gateways::Column::Id.eq(self.gateway))
            .exec(transaction)
            .await?;
        if counted.rows_affected == 0 {
            // One of a version that keeps no rows of the dead took this one for dead.
            Join { gateway: self.gateway, at: self.at }.apply(transaction).await?;
        }
        let all = gateways::Entity::find().filter(Expr::cust(AT_WORK)).all(transaction).await?;
        Ok(all.into_iter().map(|row| Beat { gateway: row.id, beats: row.beats }).collect())
    }
}

struct Leave {
    gateway: Uuid,
    at: Timestamp,
}

#[async_trait]
impl Operation for Leave {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        gone(self.at).filter(gateways::Column::Id.eq(self.gateway)).exec(transaction).await?;
        Ok(())
    }
}

/// Not taken for dead; or it was, and counts on.
const AT_WORK: &str = "(gone_at IS NULL OR gone_beats <> beats)";

/// Takes those for dead that are not taken for dead yet.
fn gone(at: Timestamp) -> UpdateMany<gateways::Entity> {
    gateways::Entity::update_many()
        .col_expr(gateways::Column::GoneAt, Expr::value(millis(at)))
        .col_expr(gateways::Column::GoneBeats, Expr::col(gateways::Column::Beats))
        .filter(Expr::cust(AT_WORK))
}

struct TakeOver {
    gateway: Uuid,
    orphans: Orphans,
    at: Timestamp,
    /// What a gateway of a version without this column recorded is left to it until then.
    nobodys_before: Timestamp,
    limit: usize,
}

#[async_trait]
impl Operation for TakeOver {
    type Output = Vec<Recorded>;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Vec<Recorded>, Error> {
        self.forget_the_gone(transaction).await?;
        let backend = transaction.get_database_backend();
        let lock = if backend == DbBackend::Postgres { " FOR UPDATE SKIP LOCKED" } else { "" };
        // In the order of the partial index, so that nothing else can seem faster to a planner.
        let mut values: Vec<Value> = vec![self.gateway.into()];
        let whose = match self.orphans {
            Orphans::All => "(gateway IS NULL OR gateway <> $1)".to_owned(),
            Orphans::AtStart | Orphans::Of(_) => {
                // Nobody has the id that can't be one.
                let aside = if matches!(self.orphans, Orphans::AtStart) { Uuid::max() } else { ASIDE };
                values.extend([millis(self.nobodys_before).into(), aside.into()]);
                format!(
                    "((gateway IS NULL AND created_at < $2) OR (gateway <> $3 \
                     AND NOT EXISTS (SELECT 1 FROM gateways WHERE gateways.id = messages.gateway AND {AT_WORK})))"
                )
            }
        };
        let sql = format!(
            "UPDATE messages SET gateway = $1 WHERE id IN (SELECT id FROM messages \
             WHERE processed_at IS NULL AND direction = 'inbound' AND {whose} \
             ORDER BY conversation_id, ordinal LIMIT {}{lock}) RETURNING id",
            self.limit
        );
        let rows = transaction.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
        let ids = rows.iter().map(|row| row.try_get("", "id")).collect::<Result<Vec<Uuid>, _>>()?;
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = messages::Entity::find().filter(messages::Column::Id.is_in(ids)).all(transaction).await?;
        let mut taken = recorded(transaction, rows).await?;
        // Of a conversation in the order in which they are processed.
        taken.sort_by_key(|text| (text.ordinal, text.id));
        Ok(taken)
    }
}

impl TakeOver {
    /// Whose row is locked is left for the next look: it may be at work, or Postgres has not noticed yet that it is not. All
    /// that is written here would wait for that.
    async fn forget_the_gone(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        use gateways::Column::{Beats, Id};
        let dead = match &self.orphans {
            Orphans::All => Condition::all().add(Id.ne(self.gateway)),
            Orphans::AtStart => return Ok(()),
            Orphans::Of(dead) if dead.is_empty() => return Ok(()),
            Orphans::Of(dead) => dead.iter().fold(Condition::any(), |any, beat| {
                any.add(Condition::all().add(Id.eq(beat.gateway)).add(Beats.eq(beat.beats)))
            }),
        };
        let free: Vec<Uuid> = gateways::Entity::find()
            .select_only()
            .column(Id)
            .filter(dead)
            .filter(Expr::cust(AT_WORK))
            .order_by_asc(Id)
            .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
            .into_tuple()
            .all(transaction)
            .await?;
        if !free.is_empty() {
            gone(self.at).filter(Id.is_in(free)).exec(transaction).await?;
        }
        Ok(())
    }
}

/// So that it holds up nothing behind it.
struct SetAside(MessageId);

#[async_trait]
impl Operation for SetAside {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        messages::Entity::update_many()
            .col_expr(messages::Column::Gateway, Expr::value(ASIDE))
            .filter(messages::Column::Id.eq(self.0.0))
            .filter(messages::Column::ProcessedAt.is_null())
            .exec(transaction)
            .await?;
        Ok(())
    }
}

/// An earlier message of a conversation that is still to be processed, unless it was set aside. Of `later`, in SQL;
/// word for word the condition of the partial index, so that SQLite uses it.
pub(super) const EARLIER: &str = "SELECT 1 FROM messages AS earlier WHERE earlier.conversation_id = later.conversation_id \
    AND earlier.processed_at IS NULL AND earlier.direction = 'inbound' AND earlier.ordinal < later.ordinal \
    AND (earlier.gateway IS NULL OR earlier.gateway <> ";

impl Store {
    /// This gateway is one of those at work: it processes what is recorded through this handle.
    pub async fn join(&self, gateway: Uuid, at: Timestamp) -> Result<(), Error> {
        self.reporting.join(gateway);
        self.write(Join { gateway, at }).await
    }

    /// Counts on, and says how far all have counted.
    pub async fn beat(&self, at: Timestamp) -> Result<Vec<Beat>, Error> {
        let Some(gateway) = self.reporting.gateway() else { return Ok(Vec::new()) };
        let beats = self.write(Count { gateway, at }).await?;
        self.reporting.wakeups().others(beats.len() > 1);
        Ok(beats)
    }

    /// Others may take over at once what this gateway leaves. It is the last that it does.
    pub async fn leave(&self, at: Timestamp) -> Result<(), Error> {
        let Some(gateway) = self.reporting.gateway() else { return Ok(()) };
        self.reporting.leave();
        self.write(Leave { gateway, at }).await
    }

    /// Takes up to `limit` texts that nobody processes; from then on this gateway does.
    pub async fn take_over(
        &self,
        orphans: Orphans,
        at: Timestamp,
        nobodys_before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Recorded>, Error> {
        let Some(gateway) = self.reporting.gateway() else { return Ok(Vec::new()) };
        self.write(TakeOver { gateway, orphans, at, nobodys_before, limit }).await
    }

    /// What can't be processed is left until a gateway starts, and holds up nothing.
    pub async fn set_aside(&self, message: MessageId) -> Result<(), Error> {
        self.write(SetAside(message)).await
    }

    /// Of each of these conversations that has any, the message that is to be processed next.
    pub async fn next_texts(
        &self,
        conversations: &[ConversationId],
    ) -> Result<BTreeMap<ConversationId, MessageId>, Error> {
        let mut next = BTreeMap::new();
        for some in conversations.chunks(CHUNK) {
            let backend = self.reads.get_database_backend();
            let places: Vec<String> = (1..=some.len()).map(|place| format!("${place}")).collect();
            let mut values: Vec<Value> = some.iter().map(|id| id.0.into()).collect();
            values.push(ASIDE.into());
            let sql = format!(
                "SELECT later.conversation_id AS conversation_id, later.id AS id FROM messages AS later \
                 WHERE later.conversation_id IN ({}) AND later.processed_at IS NULL AND later.direction = 'inbound' \
                 AND (later.gateway IS NULL OR later.gateway <> ${aside}) AND NOT EXISTS ({EARLIER}${aside}))",
                places.join(", "),
                aside = values.len(),
            );
            let rows = self.reads.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
            for row in rows {
                next.insert(ConversationId(row.try_get("", "conversation_id")?), MessageId(row.try_get("", "id")?));
            }
        }
        Ok(next)
    }

    /// Whether several gateways can share this database.
    pub fn can_be_shared(&self) -> bool {
        self.reads.get_database_backend() == DbBackend::Postgres
    }
}
