//! Who changed what by hand: written in the transaction that changes it, and read again.

use async_trait::async_trait;
use jiff::Timestamp;
use sea_orm::{ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use serde::Serialize;
use uuid::Uuid;

use super::entities::audit;
use super::operations::{millis, storable};
use super::reads::{Page, cut, time};
use super::writer::Operation;
use super::{Error, Store};

/// Who does something by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Whoever has the API key of that id.
    Key(Uuid),
    /// A user of the console.
    User(Uuid),
    /// Somebody at the machine, by the name of their account there if it is known.
    Command(Option<String>),
}

impl Actor {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Key(_) => "key",
            Self::User(_) => "user",
            Self::Command(_) => "command",
        }
    }

    pub(super) fn id(&self) -> Option<String> {
        match self {
            Self::Key(id) | Self::User(id) => Some(id.to_string()),
            Self::Command(account) => account.as_deref().map(storable),
        }
    }
}

/// Something that somebody does by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    pub id: Uuid,
    pub at: Timestamp,
    pub actor: Actor,
    /// As in `channel.paused`.
    pub action: &'static str,
    /// What it is done to: a name or an id.
    pub subject: String,
}

/// One entry of the record, as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct AuditEntry {
    pub id: Uuid,
    pub at: Timestamp,
    /// `key`, `user` or `command`.
    pub actor: String,
    /// The key's or user's id; of a command, the account on the machine.
    pub actor_id: Option<String>,
    pub action: String,
    pub subject: String,
}

/// A write that is on record with who did it, if it changed anything.
pub(super) struct Audited<O: Operation> {
    pub(super) operation: O,
    pub(super) act: Act,
    pub(super) changed: fn(&O::Output) -> bool,
}

#[async_trait]
impl<O: Operation> Operation for Audited<O> {
    type Output = O::Output;
    const ONLY_IF_AWAITED: bool = O::ONLY_IF_AWAITED;

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<Self::Output, Error> {
        let output = self.operation.apply(transaction).await?;
        if (self.changed)(&output) {
            write(transaction, &self.act).await?;
        }
        Ok(output)
    }
}

async fn write(transaction: &DatabaseTransaction, act: &Act) -> Result<(), Error> {
    let row = audit::ActiveModel {
        id: Set(act.id),
        at: Set(millis(act.at)),
        actor: Set(act.actor.kind().to_owned()),
        actor_id: Set(act.actor.id()),
        action: Set(act.action.to_owned()),
        subject: Set(storable(&act.subject)),
    };
    audit::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(())
}

/// What changes nothing in the database besides.
struct Alone(Act);

#[async_trait]
impl Operation for Alone {
    type Output = ();

    async fn apply(&self, transaction: &DatabaseTransaction) -> Result<(), Error> {
        write(transaction, &self.0).await
    }
}

impl Store {
    /// Puts on record what was done outside the database, as a reload of plugins.
    pub async fn audit(&self, act: Act) -> Result<(), Error> {
        self.write(Alone(act)).await
    }

    /// A write that is on record with who did it.
    pub(super) async fn write_by<O: Operation>(
        &self,
        operation: O,
        act: Act,
        changed: fn(&O::Output) -> bool,
    ) -> Result<O::Output, Error> {
        self.write(Audited { operation, act, changed }).await
    }

    /// What was done by hand, newest first.
    pub async fn audit_entries(&self, before: Option<Uuid>, limit: u64) -> Result<Page<AuditEntry>, Error> {
        let mut select = audit::Entity::find().order_by_desc(audit::Column::Id).limit(limit + 1);
        if let Some(before) = before {
            select = select.filter(audit::Column::Id.lt(before));
        }
        let (rows, next) = cut(select.all(&self.reads).await?, limit, |row| row.id);
        Ok(Page { items: rows.into_iter().map(shown).collect(), next })
    }
}

fn shown(row: audit::Model) -> AuditEntry {
    AuditEntry {
        id: row.id,
        at: time(row.at),
        actor: row.actor,
        actor_id: row.actor_id,
        action: row.action,
        subject: row.subject,
    }
}
