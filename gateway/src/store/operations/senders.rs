//! Giving what waits the sender that its channel has now: some of it after the other, so that nothing else waits for
//! that for long, and none of it is looked at twice.

use async_trait::async_trait;
use sea_orm::sea_query::{Expr, LockType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, FromQueryResult,
    QueryFilter, QueryOrder, QueryResult, QuerySelect, Statement, Value,
};
use uuid::Uuid;

use super::CHUNK;
use super::planning::by_index;
use super::sizes::filled;
use crate::message::Address;
use crate::store::entities::{messages, parts};
use crate::store::lines::{lines_sql, sender_of};
use crate::store::writer::Operation;
use crate::store::{Error, Store};

/// How many parts are looked at, and changed at the most, in one transaction.
const STEP: usize = 2_000;

/// A channel, and what it sends with: a sender of its own, or a service that picks one.
#[derive(Clone, Debug)]
pub struct Adopting {
    channel: String,
    sender: Option<String>,
    service: Option<String>,
}

/// What is gone through, in the order of an index. Only what certainly was not sent: what may have left is found at the
/// provider by the sender it left with.
#[derive(Clone, Debug)]
pub(in crate::store) enum Among {
    /// What waits on a channel for one sender or service, in one priority, by when it is due.
    Line { channel: String, sender: String, priority: i32 },
    /// What was given up, of all channels, by message.
    GivenUp,
}

/// How far that has come.
#[derive(Clone, Debug)]
pub(in crate::store) struct Place {
    by: Value,
    id: Uuid,
}

#[derive(FromQueryResult)]
struct Looked {
    id: Uuid,
    message_id: Uuid,
    channel: String,
    sender: Option<String>,
    service: Option<String>,
    own_sender: bool,
    provider_id: Option<String>,
    due_at: i64,
}

const LOOKED: &str = "id, message_id, channel, sender, service, own_sender, provider_id, due_at";

impl Among {
    pub(in crate::store) fn beginning(&self) -> Place {
        let by = match self {
            Self::Line { .. } => i64::MIN.into(),
            Self::GivenUp => Uuid::nil().into(),
        };
        Place { by, id: Uuid::nil() }
    }

    fn place(&self, part: &Looked) -> Place {
        let by = match self {
            Self::Line { .. } => part.due_at.into(),
            Self::GivenUp => part.message_id.into(),
        };
        Place { by, id: part.id }
    }

    /// That it is still one of them.
    fn condition(&self) -> Condition {
        match self {
            Self::Line { .. } => Condition::all().add(Expr::cust("state = 'queued'")),
            Self::GivenUp => {
                Condition::all().add(Expr::cust("given_up_at IS NOT NULL")).add(parts::Column::ProviderId.is_null())
            }
        }
    }

    /// The next of them. What is not to be changed is among them, so that no look is longer than another.
    fn next(&self, backend: DbBackend, after: Place, step: usize) -> Statement {
        let Place { by, id } = after;
        let (which, order, mut values) = match self {
            Self::Line { channel, sender, priority } => {
                let line = sender_of("parts");
                let which = format!(
                    "parts.state = 'queued' AND parts.channel = $3 AND {line} = $4 AND parts.priority = $5 \
                     AND (parts.due_at, parts.id) > ($1, $2)"
                );
                (
                    which,
                    "parts.due_at, parts.id",
                    vec![channel.as_str().into(), sender.as_str().into(), (*priority).into()],
                )
            }
            Self::GivenUp => {
                let which = "parts.given_up_at IS NOT NULL AND (parts.message_id, parts.id) > ($1, $2)";
                (which.to_owned(), "parts.message_id, parts.id", Vec::new())
            }
        };
        values.splice(0..0, [by, id.into()]);
        let sql = format!("SELECT {LOOKED} FROM parts WHERE {which} ORDER BY {order} LIMIT {step}");
        Statement::from_sql_and_values(backend, sql, values)
    }
}

impl Adopting {
    pub fn new(channel: &str, sender: Option<&Address>, service: Option<&str>) -> Self {
        let sender = sender.map(|sender| sender.as_str().to_owned());
        Self { channel: channel.to_owned(), sender, service: service.map(str::to_owned) }
    }

    fn wants(&self, part: &Looked, among: &Among) -> bool {
        let is_here = part.provider_id.is_none() || matches!(among, Among::Line { .. });
        let is_other = part.sender != self.sender || part.service != self.service;
        part.channel == self.channel && part.own_sender && is_here && is_other
    }
}

/// Parts that were seen to have something else.
#[derive(Clone, Debug)]
struct Adopt {
    to: Adopting,
    among: Among,
    parts: Vec<Uuid>,
}

#[async_trait]
impl Operation for Adopt {
    type Output = usize;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<usize, Error> {
        let (sender, service) = (self.to.sender.as_deref(), self.to.service.as_deref());
        let mut adopted = 0;
        for some in self.parts.chunks(CHUNK) {
            // Whoever sends one meanwhile was faster. In the order in which all take them.
            let still: Vec<(Uuid, Uuid)> = parts::Entity::find()
                .select_only()
                .columns([parts::Column::Id, parts::Column::MessageId])
                .filter(parts::Column::Id.is_in(filled(some.iter().copied())))
                .filter(self.among.condition())
                .order_by_asc(parts::Column::Id)
                .lock(LockType::NoKeyUpdate)
                .into_tuple()
                .all(transaction)
                .await?;
            if still.is_empty() {
                continue;
            }
            adopted += still.len();
            let (ids, mut of): (Vec<Uuid>, Vec<Uuid>) = still.into_iter().unzip();
            of.sort_unstable();
            of.dedup();
            parts::Entity::update_many()
                .col_expr(parts::Column::Sender, Expr::value(sender))
                .col_expr(parts::Column::Service, Expr::value(service))
                .filter(parts::Column::Id.is_in(filled(ids)))
                .exec(transaction)
                .await?;
            messages::Entity::update_many()
                .col_expr(messages::Column::Sender, Expr::value(sender))
                .col_expr(messages::Column::Service, Expr::value(service))
                .filter(messages::Column::Id.is_in(filled(of)))
                .exec(transaction)
                .await?;
        }
        Ok(adopted)
    }
}

impl Store {
    /// What waits, or was given up, to go by a channel's own sender or service goes by what is said here, whichever that
    /// was when it was stored. Says how many parts have others now.
    pub async fn adopt_senders(&self, all: &[Adopting]) -> Result<usize, Error> {
        let mut adopted = 0;
        // Whatever is tried again meanwhile joins a line that is gone through later.
        adopted += self.adopt_all(all, &Among::GivenUp).await?;
        for to in all {
            for line in self.lines_to_adopt(&to.channel).await? {
                adopted += self.adopt_all(std::slice::from_ref(to), &line).await?;
            }
        }
        Ok(adopted)
    }

    async fn adopt_all(&self, all: &[Adopting], among: &Among) -> Result<usize, Error> {
        let (mut adopted, mut after) = (0, Some(among.beginning()));
        while let Some(place) = after {
            let (some, next) = self.adopt_some(all, among, place, STEP).await?;
            adopted += some;
            after = next;
        }
        Ok(adopted)
    }

    /// The lines of each sender for which something waits on the channel: the least urgent first, and those in which nothing
    /// is, too. What waits becomes only more urgent meanwhile, so that it is not missed.
    pub(in crate::store) async fn lines_to_adopt(&self, channel: &str) -> Result<Vec<Among>, Error> {
        let lines = lines_sql("AND channels.channel = $1");
        let sql = format!("{lines} SELECT sender, priority FROM firsts ORDER BY priority DESC, sender");
        let statement = Statement::from_sql_and_values(self.reads.get_database_backend(), sql, [channel.into()]);
        let line = |row: &QueryResult| -> Result<Among, DbErr> {
            let (sender, priority) = (row.try_get("", "sender")?, row.try_get("", "priority")?);
            Ok(Among::Line { channel: channel.to_owned(), sender, priority })
        };
        Ok(self.reads.query_all_raw(statement).await?.iter().map(line).collect::<Result<Vec<Among>, DbErr>>()?)
    }

    /// Looks at so many behind a place. Says how many of them were changed, and from where it goes on.
    pub(in crate::store) async fn adopt_some(
        &self,
        all: &[Adopting],
        among: &Among,
        after: Place,
        step: usize,
    ) -> Result<(usize, Option<Place>), Error> {
        let statement = among.next(self.reads.get_database_backend(), after, step);
        let rows = if self.reads.get_database_backend() == DbBackend::Postgres {
            let transaction = self.reads.begin().await?;
            by_index(&transaction).await?;
            let rows = transaction.query_all_raw(statement).await?;
            transaction.commit().await?;
            rows
        } else {
            self.reads.query_all_raw(statement).await?
        };
        let looked: Vec<Looked> =
            rows.iter().map(|row| Looked::from_query_result(row, "")).collect::<Result<_, DbErr>>()?;
        let next = looked.last().filter(|_| looked.len() == step).map(|last| among.place(last));
        let mut adopted = 0;
        for to in all {
            let mut parts: Vec<Uuid> = looked.iter().filter(|part| to.wants(part, among)).map(|part| part.id).collect();
            if !parts.is_empty() {
                parts.sort_unstable();
                adopted += self.write(Adopt { to: to.clone(), among: among.clone(), parts }).await?;
            }
        }
        Ok((adopted, next))
    }
}
